"""For host tests: send requests to a real server and print what came, one JSON object a line.

micropython drive_coap.py URI ACK_TIMEOUT_MS METHOD:PATH:PAYLOAD ...
"""

import asyncio
import gc
import json
import sys

import udp_link
from cellular.errors import CellularError
from cellular.services import coap


async def main(uri, ack_timeout_ms, requests):
    host, port, _, _ = coap.parse_uri(uri)
    sock = udp_link.UdpSocket(host, port)
    client = coap.Client(sock, coap.Params(int(ack_timeout_ms), 1.1, 2, 10000), host)
    for request in requests:
        method, path, payload = request.split(":", 2)
        out = {}
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        try:
            code, answer = await client.request(method, path, payload.encode(), 0, ("seq=7",))
            out["heap_bytes"] = gc.mem_alloc() - before
            out["code"] = code
            out["payload"] = answer.decode()
        except CellularError as e:
            out["error"] = type(e).__name__
            out["text"] = str(e)
            out["code"] = getattr(e, "code", None)
            out["attempts"] = getattr(e, "attempts", None)
        gc.enable()
        out["counters"] = client.counters
        print(json.dumps(out))
    await sock.close()


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
