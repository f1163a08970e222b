"""AT+LPGNSS…: GNSS, which works only while LTE is inactive. Sources: driver libraries (Walter)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import done
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.sequans_gm02s import Module

_NOT_ALLOWED, _NOT_SUPPORTED = 3, 4
_LIMIT_S = 300


class GnssCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._number = 0
        self._turn = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+LPGNSSCFG": self._configure, "+LPGNSSFIXPROG": self._program, "+LPGNSSASSISTANCE": self._assistance,
            "+LPGNSSGETFIX": done, "+LPGNSSUTCTIME": self._time, "+LPGNSSXTALCAL": done,
        }  # fmt: skip

    def _configure(self, command: Command) -> Reply:
        return Reply(["+LPGNSSCFG: 0,2,2,,1,0,0"] if command.op == "read" else [])

    def _assistance(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+LPGNSSASSISTANCE: {kind},0,0,0,0" for kind in range(3)])
        kind = command.integer(0, 0, 2)
        return Reply(after=lambda: self._modem.later(1.0, self._modem.urc, f"+LPGNSSASSISTANCE: {kind}"))

    def _time(self, command: Command) -> Reply | None:
        """Its clock; before anybody has set it that is said, and the command fails."""
        modem = self._modem
        if command.op != "read":
            return Reply()
        if modem.settings.ram["CCLK"] is None:
            modem.output.block(['+LPGNSSUTCTIME: "NO_CLOCK_DEFINED"'])
            modem.fail(MeFault(_NOT_SUPPORTED))
            return None
        return Reply([f'+LPGNSSUTCTIME: "{modem.network.utc():%Y-%m-%dT%H:%M:%S}"'])

    def _program(self, command: Command) -> Reply:
        modem = self._modem
        if command.string(0, 8).lower() == "stop":
            self._turn += 1
            modem.gnss.stop()
            return Reply()
        if modem.ue.connected:
            raise MeFault(_NOT_ALLOWED)
        self._turn += 1
        turn = self._turn

        def look(left: int) -> None:
            fix = modem.gnss.fix()
            if turn != self._turn:
                return
            if fix is None and left:
                modem.later(1.0, look, left - 1)
                return
            if fix is None:
                modem.gnss.stop()
                modem.urc('+LPGNSSFIXSTOP: "timeout"')
                return
            satellites = ",".join(f"({number},{30 + number})" for number in range(1, fix.satellites + 1))
            place = f'"{fix.latitude:.6f}","{fix.longitude:.6f}","{fix.altitude_m:.2f}","0.00","0.00","0.00"'
            head = f'{self._number},"{fix.utc:%Y-%m-%dT%H:%M:%S}.000000",{round(fix.first_fix_s * 1000)}'
            modem.urc(f'+LPGNSSFIXREADY: {head},"{fix.accuracy_m:.2f}",{place},({satellites})')
            self._number += 1
            modem.gnss.stop()

        def begin() -> None:
            modem.gnss.start()
            look(_LIMIT_S)

        return Reply(after=begin)
