"""What leaves the module on its TXD line, in order, with the faults that a line can have."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import cycle

from cellkit.bench.clock import Clock, Handle
from cellkit.bench.modem.faults import Faults


class Output:
    """Writes blocks of lines and raw bytes through `send`; pieces and pauses come from `faults.chunks`."""

    def __init__(self, clock: Clock, faults: Faults, send: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._faults = faults
        self._send = send
        self._pieces: deque[bytes] = deque()
        self._due: Handle | None = None

    def block(self, lines: list[str]) -> None:
        """Lines of one answer or URC: CR LF before the first, between them, and after the last (V.250, verbose)."""
        kept: list[str] = []
        for line in lines:
            if line and self._faults.take("drop", line):
                continue
            kept.append(line)
            if line and self._faults.take("repeat", line):
                kept.append(line)
        if kept:
            self.raw(("\r\n" + "\r\n".join(kept) + "\r\n").encode("latin-1"))

    def raw(self, data: bytes) -> None:
        """Bytes as they are, behind everything written before."""
        if not self._faults.chunks and self._due is None:
            self._send(data)
            return
        sizes = cycle(self._faults.chunks or (len(data),))
        start = 0
        while start < len(data):
            size = max(1, next(sizes))
            self._pieces.append(data[start:start + size])
            start += size
        if self._due is None:
            self._next()

    def clear(self) -> None:
        """Forget what has not left yet: power is gone."""
        self._pieces.clear()
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _next(self) -> None:
        self._due = None
        if self._pieces:
            self._send(self._pieces.popleft())
            self._due = self._clock.call_later(self._faults.chunk_gap_s, self._next)
