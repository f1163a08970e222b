"""Where clients of a virtual modem come in: a pty under a link, or a TCP port. One client at a time.

Needs a running asyncio loop. What the modem says before there was any client is kept for the first one, as in the
buffer of a serial port; later, what it says while nobody is there is lost, as on a wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import termios
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

_READ_BYTES = 4096
_LOOK_S = 0.05  # between looks at whether somebody has opened the pty
_KEPT_BYTES = 4096


class Line(Protocol):
    """The modem's end of the line."""

    def came(self, data: bytes) -> None:
        """Bytes of the client."""

    def client(self, on: bool) -> None:
        """A client has come or gone."""

    def lost(self, data: bytes) -> None:
        """Bytes for a client, and there is none."""

    def baud(self, rate: int) -> None:
        """The client has set its rate."""

    def control(self, name: str, on: bool) -> None:
        """The client has switched `DTR` or `RTS`."""

    def refused(self) -> None:
        """A second client has been turned away."""


class Port(ABC):
    """One place to listen at."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._kept: bytearray | None = bytearray()

    @abstractmethod
    async def open(self) -> dict[str, Any]:
        """Listen; returns where, by name. Raises OSError."""

    @abstractmethod
    def close(self) -> None:
        """End it, and the client's connection with it."""

    @abstractmethod
    def _write(self, data: bytes) -> bool:
        """Bytes for the client; False if there is none."""

    def send(self, data: bytes) -> None:
        """Bytes from the modem."""
        if self._write(data):
            return
        if self._kept is None:
            self._line.lost(data)
        else:
            self._kept += data
            del self._kept[:-_KEPT_BYTES]

    def _came_in(self) -> None:
        kept, self._kept = self._kept, None
        self._line.client(True)
        if kept:
            self._write(bytes(kept))


class PtyPort(Port):
    """A pty whose name stands behind the symbolic link `link`."""

    def __init__(self, line: Line, link: Path) -> None:
        super().__init__(line)
        self._link = link
        self._master = -1
        self._name = ""
        self._connected = False
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> dict[str, Any]:
        """Make pty and link. A link that leads nowhere is one that a killed run has left: it is replaced."""
        if self._link.is_symlink() and not self._link.exists():
            self._link.unlink()
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self._name = os.ttyname(slave)
        os.close(slave)  # so that the master tells whether a client has it open
        os.set_blocking(self._master, False)
        try:
            self._link.symlink_to(self._name)
        except OSError:
            os.close(self._master)
            self._master = -1
            raise
        self._watch = asyncio.create_task(self._look())
        return {"link": str(self._link), "pty": self._name}

    async def _look(self) -> None:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        while True:
            events = dict(poll.poll(0)).get(self._master, 0)
            is_open = not events & select.POLLHUP
            has_been = events & select.POLLIN  # somebody wrote, and may have closed it since
            if not self._connected and (is_open or has_been):
                self._enter()
            await asyncio.sleep(_LOOK_S)

    def _enter(self) -> None:
        self._connected = True
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._came_in()

    def _readable(self) -> None:
        try:
            data = os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the client has closed it
            self._leave()
            return
        self._line.came(data)

    def _leave(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        self._connected = False
        with contextlib.suppress(OSError, termios.error):
            tty.setraw(self._master)  # the next client finds the pty as new, however this one has set it
        self._line.client(False)

    def _write(self, data: bytes) -> bool:
        if not self._connected or self._master < 0:
            return False
        try:
            count = os.write(self._master, data)
        except OSError:  # its buffer is full: the client does not read
            count = 0
        if count < len(data):
            self._line.lost(data[count:])
        return True

    def close(self) -> None:
        """Remove the link, if it is still ours, and the pty."""
        if self._watch is not None:
            self._watch.cancel()
        if self._master < 0:
            return
        if self._connected:
            asyncio.get_running_loop().remove_reader(self._master)
        with contextlib.suppress(OSError):
            if self._link.is_symlink() and str(self._link.readlink()) == self._name:
                self._link.unlink()
        os.close(self._master)
        self._master = -1


class TcpPort(Port):
    """Raw bytes over TCP. Port 0: a free one."""

    scheme = "socket"

    def __init__(self, line: Line, host: str, port: int) -> None:
        super().__init__(line)
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._client: asyncio.Transport | None = None

    async def open(self) -> dict[str, Any]:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self._host, self._port)
        port = self._server.sockets[0].getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return {"url": f"{self.scheme}://{host}:{port}", "host": self._host, "port": port}

    def entered(self, transport: asyncio.Transport) -> bool:
        """A client is there; False: turned away."""
        if self._client is not None:
            self._line.refused()
            transport.close()
            return False
        self._client = transport
        self._begin()
        self._came_in()
        return True

    def left(self) -> None:
        """The client has gone."""
        self._client = None
        self._line.client(False)

    def _begin(self) -> None:
        """A connection begins, before anything else goes over it."""

    def received(self, data: bytes) -> None:
        """Bytes of the connection."""
        self._line.came(data)

    def _write(self, data: bytes) -> bool:
        if self._client is None or self._client.is_closing():
            return False
        self._client.write(data)
        return True

    def close(self) -> None:
        """Stop listening, end the connection."""
        if self._server is not None:
            self._server.close()
        if self._client is not None:
            self._client.close()
            self._client = None


class _Connection(asyncio.Protocol):
    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._ours = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._ours = self._port.entered(transport)

    def data_received(self, data: bytes) -> None:
        if self._ours:
            self._port.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ours:
            self._port.left()


Maker = Callable[[Line], Port]
"""Makes the port for a line."""
