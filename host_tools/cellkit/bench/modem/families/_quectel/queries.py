"""What Quectel modules tell of cell, state and themselves, and settings by name (QCFG)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem

_NO_FIX = 516

# Settings by name that have more values than one; what is not here has one, 0 at the factory.
_QCFG = {
    "ims": "0,1",
    "band": "0xf,0x400a0e189f,0xa0e189f",
    "iotopmode": "0,1",
    "urc/ri/ring": '"pulse",120,1000,5000,"off",1',
}


class QueryCommands:
    """Handlers bound to one modem."""

    access = "eMTC"
    """What QNWINFO calls the radio; QCSQ has its own names."""

    def __init__(self, modem: QuectelModem) -> None:
        self._modem = modem
        self.qcfg: dict[str, str] = dict(_QCFG)
        self.pseudo_fix = False
        """The position comes from assistance data: fix 1, no course, no satellite (log of an EG800K)."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QCCID": self._qccid, "+QNWINFO": self._qnwinfo, "+QCSQ": self._qcsq, "+QENG": self._qeng,
            "+QCFG": self._qcfg, "+QLTS": self._qlts, "+QINISTAT": self._qinistat, "+QGPS": self._qgps,
            "+QGPSEND": self._qgpsend, "+QGPSLOC": self._qgpsloc, "+QGPSCFG": self._qgpscfg, "+CBC": self._cbc,
            "+QTEMP": lambda command: Reply(["+QTEMP: 27,26,25"]), "+QSPN": self._qspn, "+QGDCNT": self._qgdcnt,
            "+QSCLK": self._qsclk, "+QURCCFG": self._qurccfg, "+QNWLOCK": lambda command: Reply(),
        }  # fmt: skip

    def _qccid(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply([f"+QCCID: {self._modem.sim.iccid}"])

    def names(self) -> tuple[str, str, str]:
        """The radio as QNWINFO, QCSQ and QENG call it."""
        return {9: ("NBIoT", "NBIoT", "NBIoT"), 8: ("eMTC", "eMTC", "eMTC")}.get(
            self._modem.act or 7, ("FDD LTE", "LTE", "LTE")
        )

    def _qnwinfo(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self._modem.ue.registered:
            return Reply(["+QNWINFO: No Service"])
        cell = self._modem.network.config.cell
        return Reply([f'+QNWINFO: "{self.names()[0]}","{cell.plmn}","LTE BAND {cell.band}",{cell.earfcn}'])

    def _qcsq(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+QCSQ: "NOSERVICE","GSM","eMTC","NBIoT","LTE"'])
        if not self._modem.ue.registered:
            return Reply(['+QCSQ: "NOSERVICE"'])
        cell = self._modem.network.config.cell
        sinr = min(max((cell.sinr_db + 20) * 5, 0), 250)
        return Reply([f'+QCSQ: "{self.names()[1]}",{cell.rssi_dbm},{cell.rsrp_dbm},{sinr},{cell.rsrq_db:.0f}'])

    def _qeng(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+QENG: ("servingcell","neighbourcell")'])
        modem, cell = self._modem, self._modem.network.config.cell
        if command.string(0, 20).lower() != "servingcell":
            return Reply()
        state = "CONNECT" if modem.ue.connected else "NOCONN" if modem.ue.registered else "SEARCH"
        if not modem.ue.registered:
            return Reply([f'+QENG: "servingcell","{state}"'])
        mcc, mnc = cell.plmn[:3], cell.plmn[3:]
        return Reply([
            f'+QENG: "servingcell","{state}","{self.names()[2]}","FDD",{mcc},{mnc},{cell.ci},{cell.pci},{cell.earfcn},'
            f"{cell.band},3,3,{cell.tac},{cell.rsrp_dbm},{cell.rsrq_db:.0f},{cell.rssi_dbm},{cell.sinr_db},-"
        ])  # fmt: skip

    def _qcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QCFG: "{key}",(0,1)' for key in self.qcfg])
        key = command.string(0, 40).lower()
        if len(command.args) > 1:
            before = self.qcfg.get(key, "0").split(",")
            new = [f'"{arg.text}"' if arg.quoted else arg.text for arg in command.args[1:]]
            self.qcfg[key] = ",".join([*new, *before[len(new):]])
            return Reply()
        return Reply([f'+QCFG: "{key}",{self.qcfg.get(key, "0")}'])

    def _qlts(self, command: Command) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply(["+QLTS: (0-2)"])
        if ram["CCLK"] is None and not self._modem.ue.registered:
            return Reply(['+QLTS: ""'])
        zone = self._modem.network.config.policy.utc_offset_quarters
        mode = command.integer(0, 0, 2, default=0) if command.op == "set" else 0
        local = self._modem.network.utc() + timedelta(minutes=15 * zone if mode == 2 else 0)
        return Reply([f'+QLTS: "{local:%Y/%m/%d,%H:%M:%S}{zone:+03},0"'])

    def _qinistat(self, command: Command) -> Reply:
        return Reply(["+QINISTAT: (0-7)" if command.op == "test" else "+QINISTAT: 7"])

    def _cbc(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply([f"+CBC: 0,100,{self._modem.config.supply_mv}"])

    def _qspn(self, command: Command) -> Reply:
        plmn = self._modem.network.config.cell.plmn
        return Reply([f'+QSPN: "Operator","Operator","",0,"{plmn}"'])

    def _qgdcnt(self, command: Command) -> Reply:
        links = self._modem.links.all()
        sent, got = sum(link.sent for link in links), sum(link.received for link in links)
        return Reply([f"+QGDCNT: {sent},{got}"]) if command.op == "read" else Reply()

    def _qsclk(self, command: Command) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply(["+QSCLK: (0,1)"])
        if command.op == "read":
            return Reply([f"+QSCLK: {ram['QSCLK']}"])
        ram["QSCLK"] = command.integer(0, 0, 2)
        return Reply()

    def _qurccfg(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(['+QURCCFG: "urcport",("usbat","usbmodem","uart1")'])
        if command.string(0, 10).lower() != "urcport":
            raise SyntaxFault
        if len(command.args) == 1:
            return Reply([f'+QURCCFG: "urcport","{nvram["urcport"]}"'])
        nvram["urcport"] = command.string(1, 10)
        return Reply()

    # Position

    def _qgps(self, command: Command) -> Reply:
        gnss = self._modem.gnss
        if command.op == "test":
            return Reply(["+QGPS: (1-4),(1-255),(1-3),(0-1000),(1-65535)"])
        if command.op == "read":
            return Reply([f"+QGPS: {int(gnss.on)}"])
        if gnss.on:
            raise MeFault(504)
        gnss.start()
        return Reply()

    def _qgpsend(self, command: Command) -> Reply:
        if not self._modem.gnss.on:
            raise MeFault(505)
        self._modem.gnss.stop()
        return Reply()

    def _qgpscfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+QGPSCFG: "priority",(0,1)'])
        key, kept = command.string(0, 30), self._modem.settings.nvram.setdefault("QGPSCFG", {})
        if len(command.args) == 1:
            return Reply([f'+QGPSCFG: "{key}",{kept.get(key, "0")}'])
        kept[key] = command.raw.partition(",")[2]
        return Reply()

    def _qgpsloc(self, command: Command) -> Reply:
        gnss = self._modem.gnss
        if command.op == "test":
            return Reply(["+QGPSLOC: (0-2)"])
        if not gnss.on:
            raise MeFault(505)
        fix = gnss.fix()
        if fix is None:
            raise MeFault(_NO_FIX)
        when = fix.utc
        if command.integer(0, 0, 2, default=0) == 2:
            place = f"{fix.latitude:.5f},{fix.longitude:.5f}"
        else:
            place = ",".join("".join(part) for part in (fix.nmea_latitude(), fix.nmea_longitude()))
        if self.pseudo_fix:
            return Reply([f"+QGPSLOC: {when:%H%M%S}.00,{place},0.00,0.0,1,,0.0,0.0,{when:%d%m%y},00"])
        return Reply([
            f"+QGPSLOC: {when:%H%M%S}.00,{place},{fix.hdop:.1f},{fix.altitude_m:.1f},2,{fix.course_deg:.2f},"
            f"{fix.speed_kmh:.1f},{fix.speed_kmh / 1.852:.1f},{when:%d%m%y},{fix.satellites:02}"
        ])  # fmt: skip
