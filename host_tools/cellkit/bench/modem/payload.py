"""Bytes from the host that are no commands: payload behind a prompt, and transparent mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import DataMode

if TYPE_CHECKING:
    from cellkit.bench.modem.modem import Modem

_ESC = 0x1B
_ESCAPE = b"+++"


class Payload:
    """Of one modem. `mode` is what a prompt has asked for, `online` where bytes go in transparent mode."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self.mode: DataMode | None = None
        self.online: Callable[[bytes], object] | None = None
        self.early = 0  # bytes that came before the guard time after a prompt
        self._escape: bytes | None = b""

    def forget(self) -> None:
        """The module has restarted."""
        self.mode = self.online = None

    @property
    def taken(self) -> bool:
        """Whether bytes are awaited, so that no command and no URC has its place on the line."""
        return self.mode is not None or self.online is not None

    def ask(self, mode: DataMode) -> None:
        """Print the prompt, and take what comes."""
        modem = self._modem
        mode.since_s = modem.clock.now()
        asks = modem.traits.prompt if mode.prompt is None else mode.prompt
        modem.output.raw(asks.encode("latin-1"))
        self.mode = mode
        modem.later(modem.config.timing.data_mode_timeout_s.value, self._timeout, mode)
        modem.pump()

    def go_online(self, sink: Callable[[bytes], object], escapes: bool = True) -> None:
        """What the host sends goes to `sink`, with `escapes` until it sends `+++`."""
        self.online = sink
        self._escape = b"" if escapes else None

    def feed(self, byte: int) -> bool:
        """One byte; False if it is none of payload's."""
        if self.online is not None:
            self._pass_on(self.online, byte)
        elif self.mode is not None:
            self._take(self.mode, byte)
        else:
            return False
        return True

    def _pass_on(self, sink: Callable[[bytes], object], byte: int) -> None:
        if self._escape is None:
            sink(bytes([byte]))
            return
        self._escape += bytes([byte])
        if self._escape == _ESCAPE:
            self.online = None
            self._modem.output.block(["OK"])
        elif not _ESCAPE.startswith(self._escape):
            sink(self._escape)
            self._escape = b""

    def _take(self, mode: DataMode, byte: int) -> None:
        modem = self._modem
        if modem.clock.now() - mode.since_s < modem.config.timing.prompt_guard_s.value:
            self.early += 1
            mode.early += 1
            if modem.faults.early_data_lost:
                return
        if mode.echo:
            modem.output.raw(bytes([byte]))
        if mode.length is None and byte in (*mode.ends, _ESC):
            self._done(mode, None if byte == _ESC and byte not in mode.ends else bytes(mode.data))
        elif len(mode.data) < mode.longest:
            mode.data.append(byte)
            if len(mode.data) == (mode.longest if mode.length is None else mode.length):
                self._done(mode, bytes(mode.data))

    def _timeout(self, mode: DataMode) -> None:
        if self.mode is mode:
            self._done(mode, None)

    def _done(self, mode: DataMode, data: bytes | None) -> None:
        self.mode = None
        if mode.early:
            guard_s = self._modem.config.timing.prompt_guard_s.value
            self._modem.log.emit("modem", "early_data", bytes=mode.early, guard_s=guard_s)
        mode.done(data)
