"""#XGNSS (SLM up to 3.0: #XGPS too). Source: Serial Modem documentation, at_gnss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import done
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_STOPPED, _STARTED, _WOKE, _TIMEOUT, _FIXED = range(5)
_CONTINUOUS = 1


class GnssCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """Reset."""
        self.active = False
        """AT+CFUN=31."""
        self._running = False
        self._turn = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"#XGNSS": self._xgnss, "#XGPS": self._xgnss, "#XGNSSDEL": done, "#XGPSDEL": done}

    def _xgnss(self, command: Command) -> Reply:
        modem, name = self._modem, command.name
        allowed = bool(modem.settings.nvram["XSYSTEMMODE"][2]) and (self.active or modem.settings.nvram["CFUN"] == 1)
        if command.op == "test":
            return Reply([f"{name}: (0,1),(0,1),<interval>,<timeout>"])
        if command.op == "read":
            return Reply([f"{name}: {int(allowed)},{int(self._running)}"])
        op = command.integer(0, 0, 1)
        if op == 0:
            if not self._running:
                raise SyntaxFault
            self._running = False
            self._turn += 1
            modem.gnss.stop()
            return Reply(after=lambda: modem.later(0.05, modem.urc, f"{name}: 1,{_STOPPED}"))
        if not allowed or self._running:
            raise SyntaxFault
        command.integer(1, 0, 1)
        interval = command.integer(2, 0, 65535)
        timeout_s = command.integer(3, 0, 65535, default=60)
        self._running = True
        self._turn += 1
        turn = self._turn
        return Reply([f"{name}: 1,{_STARTED}"], after=lambda: self._search(name, turn, interval, timeout_s, first=True))

    def _search(self, name: str, turn: int, interval: int, timeout_s: int, first: bool) -> None:
        modem = self._modem
        if turn != self._turn:
            return
        if interval >= 10:
            modem.urc(f"{name}: 1,{_WOKE}")
        modem.gnss.start()

        def look(waited_s: float) -> None:
            if turn != self._turn:
                return
            fix = modem.gnss.fix()
            if fix is None and timeout_s and waited_s >= timeout_s and interval != _CONTINUOUS:
                modem.urc(f"{name}: 1,{_TIMEOUT}")
                self._again(name, turn, interval, timeout_s)
                return
            if fix is None:
                modem.later(1.0, look, waited_s + 1.0)
                return
            where = f"{fix.latitude:.6f},{fix.longitude:.6f},{fix.altitude_m:.6f},{fix.accuracy_m:.6f}"
            speed = f"{fix.speed_kmh / 3.6:.6f},{fix.course_deg:.6f}"
            position = "#XGNSSPOS" if modem.serial_modem else name
            modem.urc(f'{position}: {where},{speed},"{fix.utc:%Y-%m-%d %H:%M:%S}"')
            if interval == _CONTINUOUS:
                modem.later(1.0, look, 0.0)
                return
            modem.urc(f"{name}: 1,{_FIXED}")
            self._again(name, turn, interval, timeout_s)

        look(0.0)

    def _again(self, name: str, turn: int, interval: int, timeout_s: int) -> None:
        self._modem.gnss.stop()
        if interval:
            self._modem.later(interval, self._search, name, turn, interval, timeout_s, False)
        else:
            self._running = False
