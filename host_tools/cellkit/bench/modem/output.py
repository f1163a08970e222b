"""What leaves the module on its TXD line, in order, with the faults that a line can have."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import cycle

from cellkit.bench.clock import Clock, Handle
from cellkit.bench.modem.faults import Faults


class Output:
    """Writes blocks of lines and raw bytes through `send`; pieces and pauses come from the faults."""

    def __init__(self, clock: Clock, faults: Faults, send: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._faults = faults
        self._send = send
        self._pieces: deque[tuple[float, bytes]] = deque()  # pause before it, and the piece
        self._due: Handle | None = None

    def block(self, lines: list[str]) -> None:
        """Lines of one answer or URC: CR LF before the first, between them, and after the last (V.250, verbose)."""
        kept: list[str] = []
        for line in lines:
            if line and self._faults.take("drop", line):
                continue
            late = self._faults.take("delay", line) if line else None
            if late is not None:
                self._block(kept)
                kept = []
                self._wait(late.delay_s)
            kept.append(line)
            if line and self._faults.take("repeat", line):
                kept.append(line)
        self._block(kept)

    def _block(self, lines: list[str]) -> None:
        if lines:
            self.raw(("\r\n" + "\r\n".join(lines) + "\r\n").encode("latin-1"))

    def raw(self, data: bytes) -> None:
        """Bytes as they are, behind everything written before."""
        faults = self._faults
        if not faults.chunks and not faults.join_s and self._due is None:
            self._send(data)
            return
        sizes = cycle(faults.chunks or (len(data),))
        start = 0
        while start < len(data):
            size = max(1, next(sizes))
            self._pieces.append((faults.chunk_gap_s if faults.chunks else 0.0, data[start:start + size]))
            start += size
        if self._due is None and faults.join_s:
            self._wait(faults.join_s)
        elif self._due is None:
            self._next()

    def clear(self) -> None:
        """Forget what has not left yet: power is gone."""
        self._pieces.clear()
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _wait(self, delay_s: float) -> None:
        if self._due is None:
            self._due = self._clock.call_later(delay_s, self._next)
        else:
            self._pieces.append((delay_s, b""))

    def _next(self) -> None:
        self._due = None
        if not self._pieces:
            return
        if self._faults.join_s:
            data = b"".join(piece for _, piece in self._pieces)
            self._pieces.clear()
            self._send(data)
            return
        _, piece = self._pieces.popleft()
        if piece:
            self._send(piece)
        pause_s = self._pieces[0][0] if self._pieces else self._faults.chunk_gap_s
        self._due = self._clock.call_later(pause_s, self._next)
