"""Sends `job.json`'s payload through the prompt form of QISEND, which the library itself does not need on this module.

Tells what came back, or which error, and whether the modem answers afterwards.
"""

import asyncio
import json
from binascii import unhexlify

import board
from cellular.errors import CellularError
from cellular.link.link import Link
from cellular.modem import Modem
from cellular.trace import trace
from machine import UART, Pin


async def main():
    with open("job.json") as f:
        job = json.load(f)
    payload = unhexlify(job["payload"])
    modem = Modem(UART(board.MODEM_UART, board.MODEM_BAUD), Pin(board.PWRKEY, Pin.OUT, value=0))
    link = Link(modem, job["link"])
    await link.up()
    sock = await link.udp(job["host"], job["port"])
    ch = modem.channel
    await ch.cmd(b'AT+QICFG="dataformat",0,1')
    try:
        send = b"AT+QISEND=0,%d" % len(payload)
        line = await ch.cmd(send, timeout_ms=3000, data=payload, then=b"SEND ", then_ms=20000)
        buf = bytearray(600)
        n = await sock.recv_into(buf, 20000)
        trace("echo", sent=line.decode(), same=bytes(buf[:n]) == payload)
    except CellularError as e:
        trace("failed", what=type(e).__name__, error=str(e))
    await ch.cmd(b"AT")
    trace("alive")


asyncio.run(main())
