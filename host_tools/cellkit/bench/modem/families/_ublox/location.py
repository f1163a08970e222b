"""AT+UGPS, AT+ULOC: GNSS receiver and cell position. Sources: SARA-R4 AT manual R22, SARA-R510M8S logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.gnss import Fix
from cellkit.bench.modem.families._clients import done
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._ublox.base import UbloxModem

_NOT_ALLOWED = 3
_GNSS = 1
_CELL = 2


class LocationCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: UbloxModem) -> None:
        self._modem = modem
        self._power = (0, 0, 1)
        self._profile = '0,0,""'

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+UGPS": self._ugps, "+UGPRF": self._ugprf, "+ULOC": self._uloc, "+ULOCCELL": done, "+ULOCGNSS": done,
            "+UGIND": self._ugind, "+UGRMC": self._nmea("RMC"), "+UGGGA": self._nmea("GGA"),
        }  # fmt: skip

    def _ugps(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UGPS: (0-1),(0-15),(1,3,65,67)"])
        if command.op == "read":
            mode, aiding, systems = self._power
            return Reply([f"+UGPS: {mode},{aiding},{systems}" if mode else "+UGPS: 0"])
        mode = command.integer(0, 0, 1)
        if mode == self._power[0]:
            raise MeFault(_NOT_ALLOWED)
        self._power = (mode, command.integer(1, 0, 15, default=0), command.integer(2, 0, 127, default=1))
        self._modem.gnss.start() if mode else self._modem.gnss.stop()
        return Reply()

    def _ugprf(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UGPRF: (0-255),(0-65535)"])
        if command.op == "read":
            return Reply([f"+UGPRF: {self._profile}"])
        server = command.string(2, 64, default="")
        self._profile = f'{command.integer(0, 0, 255)},{command.integer(1, 0, 65535, default=0)},"{server}"'
        return Reply()

    def _ugind(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+UGIND: {self._modem.settings.ram.get('UGIND', 0)}"])
        self._modem.settings.ram["UGIND"] = command.integer(0, 0, 1)
        return Reply()

    def _nmea(self, name: str) -> Handler:
        def handler(command: Command) -> Reply:
            if command.op != "read":
                self._modem.settings.ram[name] = command.integer(0, 0, 1)
                return Reply()
            fix = self._modem.gnss.fix()
            found = [text for text in fix.sentences() if name in text] if fix is not None else ["Not available"]
            return Reply([f"+UG{name}: 1,{found[0]}"])

        return handler

    def _uloc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+ULOC: (1,2),(0-3),(0-2),(1-999),(1-999999)"])
        sensor, timeout_s = command.integer(1, 0, 15), command.integer(3, 1, 999)
        full = command.integer(2, 0, 2) == 1
        modem = self._modem

        def tell(fix: Fix | None, by_gnss: bool) -> None:
            line = f"{fix.utc:%d/%m/%Y,%H:%M:%S}.000,{fix.latitude:.7f},{fix.longitude:.7f}" if fix else None
            if fix is None or line is None:
                modem.urc("+UULOCER: 3")
                return
            line += f",{fix.altitude_m:.0f},{fix.accuracy_m:.0f}"
            if full:
                line += f",{fix.speed_kmh:.0f},{fix.course_deg:.0f},{fix.accuracy_m:.0f}"
                line += f",{int(by_gnss)},{fix.satellites},0,0"
            modem.urc(f"+UULOC: {line}")

        def look(left_s: float) -> None:
            fix = modem.gnss.fix()
            if fix is not None:
                tell(fix, True)
            elif left_s > 0:
                modem.later(1.0, look, left_s - 1.0)
            elif sensor & _CELL:
                modem.gnss.cell(lambda found: tell(found, False))
            else:
                tell(None, False)

        def begin() -> None:
            if sensor & _GNSS:
                modem.gnss.start()
                look(float(timeout_s))
            else:
                modem.gnss.cell(lambda found: tell(found, False))

        return Reply(after=begin)
