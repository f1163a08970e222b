"""Rounds of uplink and downlink by UDP echo; each step tells what came, or which error, and after how long.

job.json: {"kind": profile, "link": {...}, "rounds": n, "host": "…", "port": n,
"pins": true where reset and wake pin are wired}
"""

import asyncio
import json
from binascii import hexlify
from time import ticks_diff, ticks_ms

import board
from cellular.errors import CellularError
from cellular.link.link import Link
from cellular.modem import Modem, nettime
from cellular.trace import trace
from machine import UART, Pin


def pin(name):
    return Pin(name, Pin.OUT, value=0)


async def step(name, number, run):
    began = ticks_ms()
    try:
        trace("step", name=name, round=number, result=await run(), ms=ticks_diff(ticks_ms(), began))
        return True
    except CellularError as e:
        trace("step", name=name, round=number, error=type(e).__name__, ms=ticks_diff(ticks_ms(), began))
        return False


async def echo(link, job, number):
    sock = await link.udp(job["host"], job["port"])
    try:
        # All that a command line or a parser could take for something else, and the round's own number.
        payload = b'%d\r\nOK\r\nERROR\r\n+CEREG: 0\r\n> "' % number + bytes(range(64))
        await sock.send(payload)
        buf = bytearray(256)
        n = await sock.recv_into(buf, 60000)
        return hexlify(bytes(buf[:n])).decode()
    finally:
        await sock.close()


async def main():
    with open("job.json") as f:
        job = json.load(f)
    uart = UART(board.MODEM_UART, board.MODEM_BAUD)
    pins = {"pwrkey": pin(board.PWRKEY)}
    if job["pins"]:  # a board need not have them
        pins["reset_pin"], pins["wake_pin"] = pin(board.RESET), pin(board.MODEM_WAKE)
    modem = Modem(uart, kind=job["kind"], baud=board.MODEM_BAUD, **pins)
    link = Link(modem, job["link"])
    asyncio.create_task(link.run())
    for number in range(job["rounds"]):
        async def up():
            await link.up(True)
            return link.registration.stat

        async def identity():
            return await modem.read_imei()

        async def clock():
            return (await nettime.read(modem))[0]

        async def talk():
            return await echo(link, job, number)

        if await step("up", number, up):
            for name, run in (("imei", identity), ("clock", clock), ("echo", talk)):
                await step(name, number, run)
        await step("release", number, link.release)
        await asyncio.sleep(90)  # long enough for PSM
        trace("round", number=number, psm="psm" in modem.capabilities)
    trace("done")


asyncio.run(main())
