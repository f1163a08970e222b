"""Where packets leave the virtual network: sockets on the host, so that servers are real ones."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

_MAX_DATAGRAM = 65536
_CONNECT_S = 30.0


class Flow(Protocol):
    """One address translation: datagrams between a device's socket and one peer."""

    def send(self, data: bytes) -> bool:
        """Send a datagram; False if the host refused it (no route, or nobody listens there)."""
        ...

    def close(self) -> None: ...


class PipeEvents(Protocol):
    """What a connection tells. It may do so while `Gateway.connect` or `Pipe.send` runs."""

    def opened(self, outcome: str) -> None:
        """The attempt has ended: `ok`, `refused` or `timeout`."""

    def came(self, data: bytes) -> None:
        """The peer has sent something."""

    def ended(self, why: str) -> None:
        """The peer has `closed`, or `reset` the connection; not called after `Pipe.close`."""


class Pipe(Protocol):
    """One TCP connection to a peer."""

    def send(self, data: bytes, more: bool) -> None:
        """Send; `more` says that the next piece is already on its way, so that no answer is to be expected yet."""

    def look(self) -> None:
        """Tell of what has come meanwhile, where `Gateway.look_s` asks for it."""

    def close(self) -> None:
        """End it; may be called twice."""


class Gateway(Protocol):
    """What the network needs of the outside world."""

    look_s: float
    """How often open pipes are to be looked at, in the bench's seconds; 0 where they tell by themselves."""

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> Flow:
        """Start a flow to an IP address; raises OSError if that cannot work."""
        ...

    def connect(self, host: str, port: int, events: PipeEvents) -> Pipe:
        """Start a TCP connection to an IP address."""
        ...


class _UdpFlow:
    def __init__(self, host: str, port: int, on_data: Callable[[bytes], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_data = on_data
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket: socket.socket | None = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            # Connected, so that only this peer's datagrams come in, as behind a symmetric NAT.
            self._socket.connect((host, port))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._readable)

    def send(self, data: bytes) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.send(data)
        except OSError:
            return False
        return True

    def close(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        while self._socket is not None:
            try:
                data = self._socket.recv(_MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                return  # ICMP port unreachable of an earlier datagram: a device behind a cell never learns of it
            self._on_data(data)


class _TcpPipe(asyncio.Protocol):
    def __init__(self, host: str, port: int, events: PipeEvents) -> None:
        self._events: PipeEvents | None = events
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._connect(host, port))

    async def _connect(self, host: str, port: int) -> None:
        outcome = ""
        try:
            await asyncio.wait_for(self._loop.create_connection(lambda: self, host, port), _CONNECT_S)
        except ConnectionError:
            outcome = "refused"
        except OSError:  # no route, or the time is over
            outcome = "timeout"
        if outcome and self._events is not None:
            self._events.opened(outcome)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._events is None:
            transport.close()
        else:
            self._events.opened("ok")

    def data_received(self, data: bytes) -> None:
        if self._events is not None:
            self._events.came(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._events is not None:
            self._events.ended("closed" if exc is None else "reset")

    def send(self, data: bytes, more: bool) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def look(self) -> None:
        pass

    def close(self) -> None:
        self._events = None
        if self._transport is not None:
            self._transport.close()
        else:
            self._task.cancel()


class HostGateway:
    """Flows and connections over real sockets of this host; needs a running asyncio loop."""

    look_s = 0.0

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> Flow:
        """Start a flow to `host` (an IP address) and `port`. Raises OSError."""
        return _UdpFlow(host, port, on_data)

    def connect(self, host: str, port: int, events: PipeEvents) -> Pipe:
        """Start a TCP connection to `host` (an IP address) and `port`."""
        return _TcpPipe(host, port, events)
