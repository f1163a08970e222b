"""The server a device reports to: CoAP over UDP on loopback, for the demo and for tests.

It takes SenML packs in CBOR (RFC 8428, content format 112) by POST or PUT on any path, writes what it does to the
bench's event log and answers 2.04. What it makes of them is `cellkit.inbox`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import aiocoap  # type: ignore[import-untyped]
import aiocoap.resource  # type: ignore[import-untyped]

from cellkit.bench.log import EventLog
from cellkit.inbox import Inbox, Pack


class AlarmServer(Inbox):
    """An async context manager; inside it `port` is open on `host`. Raises OSError when it cannot listen.

    What a test may set at any time: `answer` and `downlink` of Inbox, and
    delay_s: seconds before the answer. From 0.1 s on, CoAP acknowledges first and answers separately.
    """

    def __init__(self, log: EventLog, host: str = "127.0.0.1") -> None:
        self.packs: list[Pack] = []
        super().__init__(log, self.packs.append)
        self.host = host
        self.port = 0
        self.delay_s = 0.0
        self._context: Any = None
        self._deaf: socket.socket | None = None

    async def __aenter__(self) -> AlarmServer:
        # Holding the port while CoAP opens its own socket on it leaves no moment in which another could take it.
        with _socket(self.host, 0) as placeholder:
            self.port = placeholder.getsockname()[1]
            await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()
        if self._deaf:
            self._deaf.close()

    async def fall_silent(self) -> None:
        """From now on nothing is heard or answered, not even refused: as behind a dead link."""
        if self._deaf is None:
            self._deaf = _socket(self.host, self.port)
            await self._close()

    async def resume(self) -> None:
        """Ends `fall_silent`. What CoAP knew of message ids is gone, what was accepted is not."""
        if self._deaf is not None:
            await self._open()
            self._deaf.close()
            self._deaf = None

    async def _open(self) -> None:
        # The plain IPv4 socket: the default one needs IPv6, which containers often lack.
        self._context = await aiocoap.Context.create_server_context(
            _Root(self), bind=(self.host, self.port), transports=["simplesocketserver"]
        )

    async def _close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(context.shutdown(), 2)

    async def handle(self, request: Any) -> Any:
        """Answer one request (an `aiocoap.Message`), and log both."""
        found = self.read(
            str(request.code), "/" + "/".join(request.opt.uri_path), request.opt.content_format,
            request.opt.uri_query, request.payload,
        )  # fmt: skip
        if isinstance(found, Pack):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            found = self.accept(found)
        return aiocoap.Message(code=_code(found.code), payload=found.payload)


class _Root(aiocoap.resource.Resource):  # type: ignore[misc]  # aiocoap has no types
    """Every path of the server."""

    def __init__(self, server: AlarmServer) -> None:
        super().__init__()
        self._server = server

    async def render_post(self, request: Any) -> Any:
        return await self._server.handle(request)

    render_put = render_post


def _code(dotted: str) -> Any:
    major, minor = dotted.split(".")
    return aiocoap.Code((int(major) << 5) + int(minor))


def _socket(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
