"""Runs in MicroPython against `at_peer.py` on a pty: latency, heap and parser throughput. Prints one JSON line.

micropython at_vm.py TTY
"""

import asyncio
import gc
import io
import json
import sys
import time

from cellular.at.channel import Channel
from cellular.at.fields import is_read_answer
from cellular.at.parser import Parser

ROUNDS = 3000
_GET_FILENO = 10


class Tty(io.IOBase):
    """The least that a UART needs, so that the figures are the channel's."""

    def __init__(self, path):
        self._f = open(path, "r+b")
        self._fd = self._f.fileno()

    def readinto(self, buf):
        return self._f.readinto(buf)

    def write(self, data):
        return self._f.write(data)

    def ioctl(self, request, arg):
        return self._fd if request == _GET_FILENO else -22

    def stream(self):
        return self._f


async def floor_us(tty):
    s = asyncio.StreamReader(tty.stream())
    began = time.ticks_us()
    for _ in range(ROUNDS):
        s.write(b"AT\r")
        await s.drain()
        await s.readline()
        await s.readline()
    return time.ticks_diff(time.ticks_us(), began) / ROUNDS


async def channel_us(ch):
    began = time.ticks_us()
    for _ in range(ROUNDS):
        await ch.cmd(b"AT")
    return time.ticks_diff(time.ticks_us(), began) / ROUNDS


async def heap_bytes(ch, command, prefix):
    await ch.cmd(command, prefix)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(100):
        await ch.cmd(command, prefix)
    used = (gc.mem_alloc() - before) / 100
    gc.enable()
    return used


def throughput(urcs, size):
    """Bytes a second of the parser over `urcs` in reads of `size` bytes."""
    events = [0]

    def sink(kind, a, b):
        events[0] += 1

    parser = Parser(sink)
    gc.collect()
    began = time.ticks_us()
    view = memoryview(urcs)
    at = 0
    while at < len(urcs):
        room = parser.room()
        n = min(size, len(urcs) - at, len(room))
        room[:n] = view[at : at + n]
        parser.feed(n)
        at += n
    us = time.ticks_diff(time.ticks_us(), began)
    return len(urcs) * 1000000 // us, events[0]


def mixed_urcs():
    lines = (
        b'\r\n+CEREG: 5,"0001","0000ABCD",9,,,"00100011","00101010"\r\n',
        b"\r\n+CSCON: 1\r\n",
        b'\r\n+QNBIOTEVENT: "ENTER PSM"\r\n',
        b'\r\n+QIURC: "recv",0,24,"6044A1B2C1122FFFA1B2C3D4E5F60718293A4B5C6D7E8F90"\r\n',
        b"\r\n+CSCON: 0\r\n",
    )
    out = bytearray()
    while len(out) < 20480:
        for line in lines:
            out.extend(line)
    return bytes(out)


async def main(path):
    tty = Tty(path)
    ch = Channel(tty)
    ch.ambiguous = {b"+CEREG": is_read_answer}
    result = {"rounds": ROUNDS}
    # Alternate, and keep the best of each: a busy machine slows both.
    ours, floors = [], []
    for _ in range(5):
        ch.start()
        ours.append(await channel_us(ch))
        ch.stop()
        await asyncio.sleep_ms(1)
        floors.append(await floor_us(tty))
    result["at_ok_us"] = min(ours)
    result["floor_us"] = min(floors)
    result["ratio"] = min(ours) / min(floors)
    ch.start()
    result["heap_per_at_ok_bytes"] = await heap_bytes(ch, b"AT", None)
    result["heap_per_cereg_bytes"] = await heap_bytes(ch, b"AT+CEREG?", b"+CEREG")
    urcs = mixed_urcs()
    result["parser_bytes_per_s"] = {}
    for size in (1, 7, 64, 512):
        rate, events = throughput(urcs, size)
        result["parser_bytes_per_s"][str(size)] = rate
    result["parser_events"] = events
    print(json.dumps(result))


asyncio.run(main(sys.argv[1]))
