"""Where datagrams leave the virtual network: UDP sockets on the host, so that servers are real ones."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

_MAX_DATAGRAM = 65536


class Flow(Protocol):
    """One address translation: datagrams between a device's socket and one peer."""

    def send(self, data: bytes) -> bool:
        """Send a datagram; False if the host refused it (no route, or nobody listens there)."""
        ...

    def close(self) -> None: ...


class Gateway(Protocol):
    """What the network needs of the outside world."""

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> Flow:
        """Start a flow to an IP address; raises OSError if that cannot work."""
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


class UdpGateway:
    """Flows over real UDP sockets of this host; needs a running asyncio loop."""

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> Flow:
        """Start a flow to `host` (an IP address) and `port`. Raises OSError."""
        return _UdpFlow(host, port, on_data)
