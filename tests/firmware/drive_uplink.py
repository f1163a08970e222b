"""For host tests: an uplink over plain UDP; records are given as PRIORITY:PAYLOAD, `fire-after-MS:PAYLOAD` comes later.

    micropython drive_uplink.py URI FOLDER SECONDS RECORD ...

Ends when the outbox is empty or after SECONDS; prints the trace, downlinks, and last how many records still wait.
"""

import asyncio
import json
import sys
import time

import udp_link
from cellular.services import coap, uplink
from cellular.services.outbox import FIRE, Outbox


class OneSecond:
    count = 0

    def restart_s(self):
        return 0

    def failed(self, urgent, permanent):
        self.count += 1
        return 1

    def succeeded(self):
        self.count = 0


async def main(uri, folder, seconds, records):
    outbox = Outbox(folder)
    config = uplink.Config(uri, OneSecond(), content_format=0, params=coap.Params(500, 1.1, 2, 5000))
    up = uplink.Uplink(udp_link.UdpLink(), outbox, config)
    up.on_downlink = lambda payload: print(json.dumps({"downlink": payload.decode()}))
    task = asyncio.create_task(up.run())
    end = time.ticks_add(time.ticks_ms(), int(seconds) * 1000)
    for record in records:
        when, payload = record.split(":", 1)
        if when.startswith("fire-after-"):
            await asyncio.sleep_ms(int(when[11:]))
            when = FIRE
        up.submit(int(when), payload.encode())
    while len(outbox) and time.ticks_diff(end, time.ticks_ms()) > 0:
        await asyncio.sleep_ms(20)
    await asyncio.sleep_ms(50)
    print(json.dumps({"alive": not task.done(), "waiting": len(outbox)}))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
