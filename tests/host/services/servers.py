"""CoAP servers on loopback: aiocoap, libcoap's coap-server, and one that misbehaves byte by byte."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiocoap
from aiocoap import resource

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((HOST, 0))
        port = s.getsockname()[1]
    assert isinstance(port, int)
    return port


@dataclass
class Seen:
    """One request as the server's resource got it."""

    path: str
    payload: bytes
    query: tuple[str, ...]


@dataclass
class AiocoapServer:
    """`requests`: what reached a resource. `broken`: `/moody` answers 5.03 that many times before 2.04."""

    port: int
    requests: list[Seen] = field(default_factory=list)
    broken: int = 0

    def uri(self, path: str = "") -> str:
        return f"coap://{HOST}:{self.port}/{path}"


class _Resource(resource.Resource):
    def __init__(self, server: AiocoapServer, path: str) -> None:
        super().__init__()
        self.server = server
        self.path = path

    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        self.server.requests.append(Seen(self.path, request.payload, tuple(request.opt.uri_query)))
        if self.path == "slow":
            await asyncio.sleep(1.0)  # aiocoap sends an empty acknowledgement meanwhile
        if self.path == "moody" and self.server.broken > 0:
            self.server.broken -= 1
            return aiocoap.Message(code=aiocoap.SERVICE_UNAVAILABLE)
        payload = b"command" if self.path == "down" else b""
        return aiocoap.Message(code=aiocoap.CHANGED, payload=payload)


@contextmanager
def aiocoap_server() -> Iterator[AiocoapServer]:
    """aiocoap in a thread of its own, with the resources in, slow, moody and down."""
    server = AiocoapServer(free_port())
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        site = resource.Site()
        for path in ("in", "slow", "moody", "down"):
            site.add_resource([path], _Resource(server, path))
        context = await aiocoap.Context.create_server_context(site, bind=(HOST, server.port))
        ready.set()
        await stop.wait()
        await context.shutdown()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20), "aiocoap did not start"
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@contextmanager
def libcoap_server() -> Iterator[int]:
    """coap-server of libcoap, which lets a PUT create up to ten resources; yields its port."""
    names = ("coap-server-openssl", "coap-server-notls", "coap-server")
    program = next((path for name in names if (path := shutil.which(name))), None)
    assert program, "coap-server is missing; install the package libcoap3-bin"
    port = free_port()
    process = subprocess.Popen([program, "-A", HOST, "-p", str(port), "-d", "10"])
    try:
        _wait_for_ping(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_for_ping(port: int) -> None:
    """A CoAP ping (RFC 7252 section 4.3) until the server answers with a reset."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((HOST, port))
        s.settimeout(0.2)
        for _ in range(50):
            try:
                s.send(b"\x40\x00\x00\x01")
                if s.recv(16) == b"\x70\x00\x00\x01":
                    return
            except OSError:
                time.sleep(0.1)
    raise AssertionError("coap-server does not answer")


Answer = list[tuple[float, bytes]]


@contextmanager
def raw_server(behave: Callable[[int, bytes], Answer]) -> Iterator[tuple[int, list[bytes]]]:
    """A UDP socket that answers the n-th datagram with `behave(n, datagram)`: (delay_s, bytes) each, in rising order.

    Yields its port and the list of what it has received.
    """
    received: list[bytes] = []
    stop = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((HOST, 0))
        s.settimeout(0.05)

        def serve() -> None:
            due: list[tuple[float, bytes, tuple[str, int]]] = []
            while not stop.is_set():
                now = time.monotonic()
                for item in [d for d in due if d[0] <= now]:
                    due.remove(item)
                    s.sendto(item[1], item[2])
                try:
                    data, peer = s.recvfrom(2000)
                except TimeoutError:
                    continue
                received.append(data)
                now = time.monotonic()
                for delay_s, answer in behave(len(received), data):
                    if delay_s:
                        due.append((now + delay_s, answer, peer))
                    else:
                        s.sendto(answer, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield s.getsockname()[1], received
        finally:
            stop.set()
            thread.join(10)
