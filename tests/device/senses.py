"""Tells what the module knows: signal, clock, a short message each way, position; what it has not is told as such.

job.json: {"kind": profile, "link": {...}, "number": "+…", "text": "…"}
"""

import asyncio
import json

import board
from cellular.errors import CellularError, NotSupported
from cellular.link.link import Link
from cellular.modem import Modem, location, nettime, sms
from cellular.trace import trace
from machine import UART, Pin


async def tell(name, way):
    try:
        trace(name, **await way)
    except NotSupported as e:
        trace(name, missing=str(e))
    except CellularError as e:
        trace(name, failed=type(e).__name__, error=str(e))


async def signal(modem):
    s = await modem.signal()
    return {"rsrp_dbm": s.rsrp_dbm, "rsrq_db": s.rsrq_db, "sinr_db": s.sinr_db, "ce_level": s.ce_level}


async def clock(modem):
    seconds, quarters = await nettime.read(modem)
    return {"seconds": seconds, "quarters": quarters}


async def messages(modem, number, text):
    await sms.send(modem, number, text)
    for _ in range(30):
        got = await sms.receive(modem)
        if got:
            return {"numbers": [m.number for m in got], "texts": [m.text for m in got]}
        await asyncio.sleep(2)
    return {"texts": []}


async def fix(way):
    found = await way
    return {"latitude": found.latitude, "longitude": found.longitude} if found else {"latitude": None}


async def main():
    with open("job.json") as f:
        job = json.load(f)
    modem = Modem(UART(board.MODEM_UART, board.MODEM_BAUD), Pin(board.PWRKEY, Pin.OUT, value=0), kind=job["kind"])
    link = Link(modem, job["link"])
    await link.up()
    trace("up", capabilities=modem.capabilities)
    await tell("signal", signal(modem))
    await tell("clock", clock(modem))
    await tell("sms", messages(modem, job["number"], job["text"]))
    await tell("cell", fix(location.cell(modem)))
    await tell("gnss", fix(location.gnss(modem, 120000)))
    trace("done")


asyncio.run(main())
