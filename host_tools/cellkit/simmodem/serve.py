"""One virtual modem in wall time, on a network of its own, at a port for clients."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellkit.bench.clock import WallClock
from cellkit.bench.log import EventLog
from cellkit.bench.modem import ModemConfig
from cellkit.bench.modem.modem import Modem
from cellkit.bench.modem.power import Mode
from cellkit.bench.network import Network, NetworkConfig
from cellkit.simmodem.ports import Maker

_KEY_MARGIN_S = 0.1


class _Written:
    """One direction of the line in the log. A command that is typed stands there whole, so that its PIN is masked."""

    def __init__(self, log: EventLog, ev: str) -> None:
        self._log = log
        self._ev = ev
        self._held = ""

    def add(self, data: bytes) -> None:
        self._held += data.decode("latin-1")
        typed = self._held[max(self._held.rfind("\r"), self._held.rfind("\n")) + 1:]
        if not ("AT".startswith(typed[:2].upper()) and typed):
            self.flush()

    def flush(self) -> None:
        if self._held:
            self._log.emit("uart", self._ev, data=self._held)
        self._held = ""


class Station:
    """Modem, network and line. `say(text)`: for the person at the command."""

    def __init__(
        self, family: type[Modem], config: ModemConfig, network: NetworkConfig, log_file: Path | None, port: Maker,
        say: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._say = say
        self._clock = WallClock()
        self._log = EventLog(log_file, self._clock, keep=False, at_once=True)
        self._network = Network(self._clock, self._log, network)
        self._modem = family(self._clock, self._log, self._network, config, self._said)
        self._port = port(self)
        self._heard, self._spoken = _Written(self._log, "to_modem"), _Written(self._log, "to_mcu")
        self._baud: int | None = None

    async def serve(self, opened: Callable[[dict[str, Any]], object]) -> None:
        """Listen, power on, go on until SIGINT or SIGTERM. `opened(where)` once it listens. Raises OSError."""
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        try:
            where = await self._port.open()
            self._log.emit("bench", "start", **where)
            self._modem.supply(True)
            self._press_power_key()
            opened(where)
            await ended.wait()
        finally:
            self._port.close()
            self._modem.supply(False)
            self._flush()
            self._log.emit("bench", "stop")
            self._log.close()

    def _flush(self) -> None:
        self._heard.flush()
        self._spoken.flush()

    def _press_power_key(self) -> None:
        """Switch it on, where the supply alone does not do so."""
        if self._modem.power.mode is Mode.OFF:
            self._modem.pin("PWRKEY", 0)
            held_s = self._modem.config.timing.pwrkey_low_s.value + _KEY_MARGIN_S
            self._clock.call_later(held_s, self._modem.pin, "PWRKEY", 1)

    def _said(self, data: bytes) -> None:
        self._spoken.add(data)
        self._port.send(data)

    # For the port

    def came(self, data: bytes) -> None:
        """Bytes of the client."""
        self._heard.add(data)
        self._modem.rx(data)

    def client(self, on: bool) -> None:
        """A client has come or gone. A modem that was switched off is switched on for the next one."""
        self._flush()
        self._log.emit("bench", "stimulus", what="client", on=on)
        if on:
            self._press_power_key()

    def lost(self, data: bytes) -> None:
        """Nobody hears it."""
        self._log.emit("uart", "lost", data=data.decode("latin-1"), why="no client")

    def baud(self, rate: int) -> None:
        """The client's rate; at another than the module's own both sides see garbage, as on a wire."""
        if rate != self._baud:
            self._baud = rate
            self._log.emit("mcu", "uart", baud=rate)
            self._modem.baud(rate)
            own = self._modem.settings.nvram["IPR"]
            if own and own != rate:
                self._say(f"the client's rate is {rate} baud, the module's {own}: both sides see garbage")

    def control(self, name: str, on: bool) -> None:
        """DTR or RTS, low at the module when on; only where the module has such a pin."""
        with contextlib.suppress(KeyError):
            self._modem.pin(name, 0 if on else 1)

    def refused(self) -> None:
        """Two clients would mix their commands."""
        self._say("a second client was turned away: the modem has one serial port, and it is in use")
