"""The smallest app on the device library: sends the records of `job.json` and goes on until it is ended.

job.json: {"link": {...}, "uri": "coap://…", "records": [[priority, hex], …], "coap": {"ack_timeout_ms": …}}
Records that an earlier life left in the outbox go as well. `submit` lists only what is new: a file `submitted` says so.
"""

import asyncio
import json
from binascii import unhexlify

import board
from cellular.link.link import Link
from cellular.modem import Modem
from cellular.services.backoff import Backoff
from cellular.services.coap import Params
from cellular.services.outbox import Outbox
from cellular.services.uplink import Config, Uplink
from cellular.trace import trace
from machine import UART, Pin


def first_time():
    try:
        open("submitted").close()
        return False
    except OSError:
        open("submitted", "w").close()
        return True


async def main():
    with open("job.json") as f:
        job = json.load(f)
    uart = UART(board.MODEM_UART, board.MODEM_BAUD)
    modem = Modem(uart, Pin(board.PWRKEY, Pin.OUT, value=0), Pin(board.RESET, Pin.OUT, value=0))
    link = Link(modem, job["link"])
    outbox = Outbox("outbox")
    uplink = Uplink(link, outbox, Config(job["uri"], Backoff("backoff", "test"), params=Params(**job.get("coap", {}))))
    uplink.on_downlink = lambda payload: trace("downlink", bytes=len(payload))
    if first_time():
        for priority, payload in job["records"]:
            uplink.submit(priority, unhexlify(payload))
    trace("outbox", waiting=len(outbox))
    asyncio.create_task(link.run())
    await uplink.run()


asyncio.run(main())
