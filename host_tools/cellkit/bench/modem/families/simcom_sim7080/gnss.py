"""AT+CGNS… and SGNSCMD: position by satellites, CLBS by cells. Sources: GNSS note V1.02, AT manuals V1.05 and V1.06."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.gnss import Fix
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_POLL_S = 1.0


class GnssCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._shots = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CGNSPWR": self._power, "+CGNSINF": self._inf, "+SGNSCMD": self._sgns, "+CGNSCOLD": self._start,
            "+CGNSWARM": self._start, "+CGNSHOT": self._start, "+CGNSCPY": self._copy, "+CLBS": self._clbs,
            "+CLBSCFG": self._clbscfg, "+CGNSPORT": lambda command: Reply(),
        }  # fmt: skip

    def _power(self, command: Command) -> Reply:
        gnss = self._modem.gnss
        if command.op == "test":
            return Reply(["+CGNSPWR: (0-1)"])
        if command.op == "read":
            return Reply([f"+CGNSPWR: {int(gnss.on)}"])
        if command.integer(0, 0, 1):
            gnss.start()
        else:
            gnss.stop()
        return Reply()

    def _start(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        gnss = self._modem.gnss
        if not gnss.on and not self._modem.old:
            gnss.start(cold=command.name == "+CGNSCOLD")
        xtra = self._modem.noted_value("+CGNSXTRA") == "1"
        return Reply([f"{command.name}: {int(xtra)}"] if xtra else [])

    def _copy(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply(["+CGNSCPY: 0"])

    def _inf(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        gnss = self._modem.gnss
        fix = gnss.fix()
        if self._modem.old:
            return Reply(["+CGNSINF: " + self._long(fix, gnss.on)])
        return Reply(["+CGNSINF: " + self._short(fix, gnss.on)])

    def _short(self, fix: Fix | None, on: bool) -> str:
        if fix is None:
            blank = ",,,0.000000,0.000000,-18.000,,,1,,0.1,0.1,0.1,,,,9999000.0,6144.0"
            return "1" + blank if on else "0," + "," * 16
        return (
            f"1,1,{fix.utc:%Y%m%d%H%M%S}.000,{fix.latitude:.6f},{fix.longitude:.6f},{fix.altitude_m:.3f},"
            f"{fix.speed_kmh:.2f},{fix.course_deg:.2f},0,,{fix.hdop:.1f},{fix.hdop + 0.4:.1f},{fix.hdop - 0.3:.1f},,"
            f"{fix.satellites},,{fix.accuracy_m:.1f},6.0"
        )

    def _long(self, fix: Fix | None, on: bool) -> str:
        if fix is None:
            return f"{int(on)},{'0' if on else ''}" + "," * 19
        return (
            f"1,1,{fix.utc:%Y%m%d%H%M%S}.000,{fix.latitude:.6f},{fix.longitude:.6f},{fix.altitude_m:.3f},"
            f"{fix.speed_kmh:.2f},{fix.course_deg:.1f},1,,{fix.hdop:.1f},{fix.hdop + 0.4:.1f},{fix.hdop - 0.3:.1f},,"
            f"{fix.satellites + 2},{fix.satellites},,,41,,"
        )

    def _sgns(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SGNSCMD: (0-2),<minInterval>,<minDistance>,<accuracy>"])
        mode = command.integer(0, 0, 2)
        gnss = self._modem.gnss
        self._shots += 1
        if not mode:
            gnss.stop()
            return Reply()
        command.integer(1, 0, 1 << 30, default=0)

        def begin() -> None:
            gnss.start()
            self._modem.later(_POLL_S, self._shot, self._shots, mode)

        return Reply(after=begin)

    def _shot(self, run: int, mode: int) -> None:
        fix = self._modem.gnss.fix()
        if run != self._shots:
            return
        if fix is not None:
            stamp = int(fix.utc.timestamp() * 1000)
            self._modem.urc(
                f"+SGNSCMD: 2,{fix.utc:%H:%M:%S},{fix.latitude:.5f},{fix.longitude:.5f},{fix.accuracy_m:.2f},"
                f"{fix.altitude_m:.2f},{fix.altitude_m - 9.5:.2f},{fix.speed_kmh:.1f},{fix.course_deg:.1f},"
                f"0x{stamp:x},311"
            )
            if mode == 1:
                self._modem.gnss.stop()
                return
        self._modem.later(_POLL_S, self._shot, run, mode)

    def _clbs(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CLBS: (1,2,3,4,9),(0-3),(-180-180),(-90-90),(0,1)"])
        kind = command.integer(0, 1, 9)
        if kind not in (1, 2, 3, 4, 9):
            raise SyntaxFault
        if not self._modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)

        def found(fix: Fix | None) -> None:
            if fix is None:
                self._modem.urc("+CLBS: 1")
                return
            where = f"{fix.longitude:.6f},{fix.latitude:.6f},{fix.accuracy_m:.0f}"
            when = f",{fix.utc:%Y/%m/%d,%H:%M:%S}" if kind == 4 else ""
            self._modem.urc(f"+CLBS: 0,{where}{when}")

        return Reply(after=lambda: self._modem.gnss.cell(found))

    def _clbscfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CLBSCFG: (0,1),(1,3,4),<para>"])
        if command.op == "set" and not command.integer(0, 0, 1):
            return Reply([f'+CLBSCFG: 0,{command.integer(1, 1, 4)},"lbs-simcom.com:3002"'])
        return Reply()
