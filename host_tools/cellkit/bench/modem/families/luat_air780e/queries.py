"""Cells, positions, device settings, power and sound of the LuatOS AT firmware. Source: its AT manual and guides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_BANDS = "1,3,5,8,34,38,39,40,41"
_CELLS = ("38950,140541985,57,24,6334,36,351", "1300,26224401,48,24,6334,27,37")
_NOTED = {
    "+CSCLK": Noted("0", "(0-3)"), "+CFGRI": Noted("0", merges=False), "+CFGRISAVE": Noted("0", "(0,1)"),
    "+IOSET": Noted("0", "(0,1,2)"), "+RNDISCALL": Noted("1", "(0,1)"), "+CNETLIGHT": Noted("1", "(0,1)"),
    "+SLEDS": Noted("1,64,800", "(1-3),(0,40-65535),(0,40-65535)", merges=False), "*SIMAUTO": Noted("0", "(0,1)"),
    "+SIMDETEC": Noted("1", "(1,2)"), "+CSDT": Noted("0", "(0,1)", merges=False), "+SETUSB": Noted("1", "(0,1)"),
    "*RTIME": Noted("2", "(1-120)"), "+ECBAND": Noted(_BANDS, merges=False), "*CSQ": Noted("0", "(0,1)"),
    "+NITZDISSET": Noted("0", "(0,1)"), "+WISN": Noted('""'), "+CADC": Noted(None), "+CGPIO": Noted(None),
    "+CRSL": Noted("50", "(0-100)"), "+CTTSPARAM": Noted(None), "+CRC": Noted("0", "(0,1)"),
    "+CVHU": Noted("0", "(0,1)"), "+VTD": Noted("1"), "+VTS": Noted(None), "+CGAUTH": Noted(None),
    "+CGNSAID": Noted(None), "+CGNSTST": Noted("0"),
    "+CGNSURC": Noted("0", "(0-255)"), "+GSMLOCFG": Noted(None), "+WIFISCANCONF": Noted("0"), "+AUTOAPN": Noted("1"),
    "+ICF": Noted("3,3", "(1-6),(0-3)"),
}  # fmt: skip
_UPGRADE = (('"START"',), *((f'"UPDATING",{share}',) for share in (1, 50, 100)), ('"END",0',))


class QueryCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._speaking = False
        self._scanned_s = 3.0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        noted = noted_handlers(self._modem, _NOTED)
        return {
            **noted,
            "+CADC": lambda command: self._cadc(command) or noted["+CADC"](command),
            "+CCED": self._cced, "^SYSINFO": self._sysinfo, "+EEMGINFO": self._eemginfo, "*BANDIND": self._bandind,
            "+CIPGSMLOC": self._locate, "+WIFILOC": self._locate, "+WIFISCAN": self._wifiscan, "+CBC": self._cbc,
            "+CNTP": self._cntp, "+CTTS": self._ctts, "+CAUDPLAY": self._caudplay, "+WAKETIM": self._waketim,
            "+POWERMODE": self._powermode, "+UPGRADE": self._upgrade, "+CLCC": lambda command: Reply(),
            "*EXINFO": lambda command: Reply(["*EXINFO: 0"]), "+ECSIMCFG": self._ecsimcfg,
            "+CGNSPWR": self._cgnspwr, "+CGNSINF": self._cgnsinf, "^MODE": lambda command: Reply(["^MODE: 17,17"]),
        }  # fmt: skip

    # Cells

    def _cced(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCED: (0-2),(1,2,8)"])
        mode, wanted = command.integer(0, 0, 2), command.integer(1, 0, 8, default=1)
        if mode == 2:
            return Reply()
        mcc, mnc = self._plmn()
        if wanted == 2:
            return Reply([f"+CCED:LTE neighbor cell:{mcc},{mnc},{cell}" for cell in _CELLS])
        if wanted == 8:
            return Reply([f"+CCED:{(self._modem.network.config.cell.rssi_dbm + 113) // 2}"])
        imsi = self._modem.sim.imsi
        return Reply([f"+CCED:LTE current cell:{mcc},{mnc},{imsi},0,40,n100,39148,140542123,51,29,6334,34,351"])

    def _plmn(self) -> tuple[str, str]:
        plmn = str(self._modem.network.config.cell.plmn)
        return plmn[:3], plmn[3:]

    def _sysinfo(self, command: Command) -> Reply:
        up = self._modem.ue.registered
        return Reply([f"^SYSINFO: {'2,3,0,17' if up else '0,0,0,0'},{1 if self._modem.sim.ready else 255},7"])

    def _eemginfo(self, command: Command) -> Reply:
        mcc, mnc = self._plmn()
        after = f"+EEMLTESVC: {mcc}, {mnc}, 6334, 351, 39148, 140542123, 40, 51, 29"
        return Reply(["+EEMGINFO: 3,2"], after=lambda: self._modem.urc(after))

    def _bandind(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["*BANDIND: (0,1)"])
        return Reply(["*BANDIND: 0,40,7"]) if command.op == "read" else Reply()

    # Positions and clock

    def _local(self) -> str:
        network = self._modem.network
        local = network.utc() + timedelta(minutes=15 * network.config.policy.utc_offset_quarters)
        return f"{local:%Y/%m/%d,%H:%M:%S}"

    def _locate(self, command: Command) -> Reply | None:
        """By cells in 0.23 s, by Wi-Fi in 25 s (log)."""
        if command.op == "test":
            return Reply([f"{command.name}: (1-2),(1-3)"])
        kind, name, modem = command.integer(0, 1, 2), command.name, self._modem
        command.integer(1, 1, 3)
        if not modem.ue.registered or not modem.http_part.bearer:
            return Reply([f"{name}: 601"])
        place = modem.network.config.position

        def told() -> None:
            where = f"{place.latitude:.7f},{place.longitude:.7f}," if kind == 1 else ""
            modem.complete(Reply([f"{name}: 0,{where}{self._local()}"]))

        modem.later(0.23 if name == "+CIPGSMLOC" else 25.0, told)
        return None

    def _wifiscan(self, command: Command) -> Reply | None:
        lines = ['+WIFISCAN: "42:4A:6B:7C:12:34", -54, 6', '+WIFISCAN: "50:FA:84:AB:12:34", -71, 11']
        modem = self._modem
        if command.op == "action":
            return Reply(after=lambda: modem.later(self._scanned_s, modem.urc, "\r\n".join(lines)))
        modem.later(self._scanned_s, modem.complete, Reply(lines))
        return None

    def _cntp(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply(['+CNTP: "ntp1.aliyun.com",32'])
        if command.op != "action":
            return Reply()
        return Reply(after=lambda: self._modem.later(0.5, self._synchronised))

    def _synchronised(self) -> None:
        modem = self._modem
        modem.standard.set_clock(modem.network.utc(), modem.network.config.policy.utc_offset_quarters)
        modem.urc("+CNTP:1")

    def _cgnspwr(self, command: Command) -> Reply:
        gnss = self._modem.gnss
        if command.op == "test":
            return Reply(["+CGNSPWR: (0,1)"])
        if command.op == "read":
            return Reply([f"+CGNSPWR: {int(gnss.on)}"])
        (gnss.start if command.integer(0, 0, 1) else gnss.stop)()
        return Reply()

    def _cgnsinf(self, command: Command) -> Reply:
        gnss = self._modem.gnss
        fix = gnss.fix()
        if fix is None:
            return Reply(["+CGNSINF: ", f"{int(gnss.on)},0" + "," * 20])
        return Reply([
            "+CGNSINF: ",
            f"1,1,{fix.utc:%Y%m%d%H%M%S},{fix.latitude:.6f},{fix.longitude:.6f},{fix.altitude_m:.3f},"
            f"{fix.speed_kmh:.2f},{fix.course_deg:.2f},3,,{fix.hdop:.2f},0.89,4.00,,{fix.satellites},{fix.satellites}"
            ",,,34,,",
        ])  # fmt: skip

    # Device

    def _cadc(self, command: Command) -> Reply | None:
        if command.op == "set" and command.integer(1, 0, 2, default=0) == 2:
            return Reply([f"+CADC: {command.integer(0, 0, 1)},1086"])
        return None

    def _cbc(self, command: Command) -> Reply:
        if command.op == "action":
            return Reply([f"+CBC: {self._modem.config.supply_mv}"])
        return Reply(["+CBC: 3100,2800"]) if command.op == "read" else Reply()

    def _waketim(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "read":
            return Reply([f"+WAKETIM:{nvram['WAKETIM']}"])
        nvram["WAKETIM"] = command.integer(0, 1, 120)
        return Reply()

    def _powermode(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "read":
            return Reply([f'+POWERMODE: "{nvram["POWERMODE"]}"'])
        mode = command.string(0, 8).upper()
        if mode not in ("PRO", "STD", "PSM+", "CLOSE"):
            raise SyntaxFault
        nvram["POWERMODE"] = mode
        if mode == "PSM+" and command.integer(2, 0, 1, default=0):  # without TAU: to flight mode
            return Reply(after=lambda: self._modem.later(1.0, self._modem.flight))
        return Reply()

    def _ecsimcfg(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(['+ECSIMCFG: "SimSlot",(0-1)', '+ECSIMCFG: "SoftSim",(0-1)'])
        values = {"SimSimulator": 0, "SimPowerSave": 1, "SimPresenceDetect": 0, "SimSlot": nvram["slot"], "SoftSim": 0}
        return Reply([f'+ECSIMCFG: "{name}",{value}' for name, value in values.items()] if command.op == "read" else [])

    def _upgrade(self, command: Command) -> Reply:
        """The update: progress, a restart, and progress again. Numbers and their steps are (unverified)."""
        if command.op != "action":
            return Reply()
        modem = self._modem

        def restart() -> None:
            modem.reset("AT+UPGRADE")
            for number, (stage,) in enumerate(_UPGRADE):
                modem.later(modem.config.timing.boot_s.value + 2.0 + number, modem.urc, f'+QIND: "FOTA",{stage}')

        def begin() -> None:
            for number in range(3):
                modem.later(1.0 + number, modem.urc, f"+UPGRADEIND: {50 * number}")
            modem.later(5.0, restart)

        return Reply(after=begin)

    # Sound

    def _ctts(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CTTS: (0-4)"])
        if command.op == "read":
            return Reply([f"+CTTS: {int(self._speaking)}"])
        if command.integer(0, 0, 4) == 0:
            return Reply(after=self._spoken)
        if self._speaking:
            raise SyntaxFault  # only behind +CTTS:0
        self._speaking = True
        text = command.raw.partition(",")[2]
        return Reply(after=lambda: modem.later(0.1 * len(text), self._spoken))

    def _spoken(self) -> None:
        if self._speaking:
            self._speaking = False
            self._modem.urc("+CTTS:0")

    def _caudplay(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply(["+CAUDPLAY: 0"]) if command.op == "read" else Reply()
        if command.integer(0, 1, 4) != 1:
            return Reply()
        return Reply(after=lambda: self._modem.later(4.745, self._modem.urc, "+CAUDPLAY: 1,4745"))
