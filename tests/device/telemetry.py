"""Telemetry over MQTT, or an HTTP request, as `job.json` says; certificates are files beside it.

job.json: {"kind": profile, "link": {...}, "host": "…", "port": 8883, "tls": true, "payloads": [hex, …], "url": "https://…"}
"""

import asyncio
import json
from binascii import hexlify, unhexlify

import board
from cellular.errors import CellularError
from cellular.link.link import Link
from cellular.modem import Modem
from cellular.modem.tls import Tls
from cellular.services import http, mqtt
from cellular.trace import trace
from machine import UART, Pin


def content(name):
    try:
        with open(name, "rb") as f:
            return f.read()
    except OSError:
        return None


async def telemetry(modem, job, tls):
    client = await mqtt.connect(modem, job["host"], job["port"], "device-1", tls=tls, keepalive_s=300)
    trace("connected", granted=await client.subscribe("down/1", 1))
    for payload in job["payloads"]:
        await client.publish("up/1", unhexlify(payload))
    trace("published")
    message = await client.receive(120000)
    if message is None:
        trace("nothing")
        await client.publish("up/1", b"still there?")
    else:
        trace("downlink", topic=message[0], payload=hexlify(message[1]).decode())
    await client.close()
    trace("closed", dropped=client.dropped)


async def request(modem, job, tls):
    body = unhexlify(job["payloads"][0])
    status, answer = await http.request(modem, "POST", job["url"], {"X-Device": "1"}, body, tls)
    trace("answer", status=status, payload=hexlify(answer).decode())


async def main():
    with open("job.json") as f:
        job = json.load(f)
    tls = Tls(content("ca.pem"), content("cert.pem"), content("key.pem")) if job["tls"] else None
    uart = UART(board.MODEM_UART, board.MODEM_BAUD)
    modem = Modem(uart, Pin(board.PWRKEY, Pin.OUT, value=0), kind=job["kind"], baud=board.MODEM_BAUD)
    link = Link(modem, job["link"])
    await link.up()
    trace("up", model=modem.model, capabilities=modem.capabilities)
    try:
        await (request if job.get("url") else telemetry)(modem, job, tls)
    except CellularError as e:
        trace("failed", what=type(e).__name__, error=str(e))
    await modem.wake()
    trace("alive")


asyncio.run(main())
