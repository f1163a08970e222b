"""The command line of Nordic's applications: quotes hold line ends (certificates), SLM wants CR LF; and data mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.modem.v250 import FrontEnd

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_CR, _LF, _QUOTE = 13, 10, 34
_TERMINATOR = b"+++"
_BUFFER_BYTES = 4096
_IDLE_S = 0.2  # (unverified) after so long without a byte what has gathered is sent


class NordicFront(FrontEnd):
    """A line ends at CR (Serial Modem), or at CR LF (SLM up to 3.1), neither of them within quotes."""

    def __init__(
        self, longest: int, echo: Callable[[bytes], object], on_line: Callable[[str | None], object], crlf: bool
    ) -> None:
        super().__init__(longest, echo, on_line)
        self._crlf = crlf
        self._quoted = False
        self._after_cr = False

    def clear(self) -> None:
        """Forget a half-typed line."""
        super().clear()
        self._quoted = self._after_cr = False

    def feed(self, byte: int) -> None:
        """One character from the host."""
        if byte == _QUOTE:
            self._quoted = not self._quoted
        if self._quoted and byte in (_CR, _LF):
            self._echo(bytes([byte]))
            self._line.append(byte)
            return
        if not self._crlf:
            super().feed(byte)
            return
        if byte == _CR:
            self._after_cr = True
        elif byte == _LF and self._after_cr:
            super().feed(_CR)
        else:
            self._after_cr = False
            super().feed(byte)


class DataInput:
    """Data mode: raw bytes to a socket or a topic until `+++` (no guard time), or for an exact number of bytes.

    Sending is triggered by a pause, the terminator or a full buffer. URCs wait until it is over.
    """

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._buffer = bytearray()
        self._send: Callable[[bytes], object] = lambda data: None
        self._left: int | None = None
        self._whole = False
        self._turn = 0

    def enter(self, send: Callable[[bytes], object], length: int | None = None, whole: bool = False) -> None:
        """`send(data)` gets what is typed, piece by piece or, with `whole`, all at its end."""
        self._buffer.clear()
        self._send, self._left, self._whole = send, length, whole
        self._modem.go_online(self._byte, escapes=False)

    def _byte(self, data: bytes) -> None:
        self._buffer += data
        if self._left is not None:
            if len(self._buffer) >= self._left:
                self._end()
            return
        if self._buffer.endswith(_TERMINATOR):
            del self._buffer[-len(_TERMINATOR):]
            self._end()
            return
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()
        self._turn += 1
        self._modem.later(_IDLE_S, self._idle, self._turn)

    def _idle(self, turn: int) -> None:
        if turn == self._turn and not self._whole and not self._buffer.endswith(b"+"):
            self._flush()

    def _flush(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        if data:
            self._send(data)

    def _end(self) -> None:
        self._turn += 1
        self._flush()
        self._modem.payload.online = None
        self._modem.output.block(["#XDATAMODE: 0"])
        self._modem.release_urcs()
