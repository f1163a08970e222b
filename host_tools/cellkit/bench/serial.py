"""The serial line between virtual MCU and virtual modem in wall time: a pty, so that the VM opens a real tty."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import termios
import tty
from collections.abc import Callable

from cellkit.bench.clock import Clock
from cellkit.bench.log import EventLog

_READ_BYTES = 4096


class PtySerial:
    """One line. What the MCU writes goes to `on_bytes`; `send` is what it hears. Both ways stand in the event log.

    Needs a running asyncio loop. Bytes move in the pieces in which they were written; the baud rate is not played.
    """

    def __init__(self, clock: Clock, log: EventLog, on_bytes: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._log = log
        self._on_bytes = on_bytes
        self._connected = False
        self._loop = asyncio.get_running_loop()
        # The slave stays open here as well: without any opener the master would only report errors.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._loop.add_reader(self._master, self._readable)

    def connected(self, on: bool) -> None:
        """Whether the MCU's UART is open; what comes while it is not is lost, as on a wire."""
        self._connected = on
        termios.tcflush(self._slave, termios.TCIOFLUSH)

    def send(self, data: bytes) -> None:
        """Bytes for the MCU; lost, and logged as such, when it does not listen or its buffer is full."""
        if not self._connected:
            self._lost(data, "UART closed")
            return
        try:
            count = os.write(self._master, data)
        except BlockingIOError:
            count = 0
        if count:
            self._log.emit("uart", "to_mcu", data=data[:count].decode("latin-1"))
        if count < len(data):
            self._lost(data[count:], "overrun")

    def close(self) -> None:
        """Free the pty; may be called twice."""
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = -1

    def _lost(self, data: bytes, why: str) -> None:
        self._log.emit("uart", "lost", data=data.decode("latin-1"), why=why)

    def _readable(self) -> None:
        data = b""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._master, _READ_BYTES)
        if data:
            self._log.emit("uart", "to_modem", data=data.decode("latin-1"))
            self._on_bytes(data)
