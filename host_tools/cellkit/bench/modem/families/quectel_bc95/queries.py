"""AT+N…: radio, configuration, PSM reports, DNS and ping. Sources: BC95 AT manual V1.3, BC28, BC68 and Hi2115 logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc95 import Module

FLAGS = {
    "AUTOCONNECT": "TRUE", "CR_0354_0338_SCRAMBLING": "TRUE", "CR_0859_SI_AVOID": "TRUE", "COMBINE_ATTACH": "FALSE",
    "CELL_RESELECTION": "FALSE", "ENABLE_BIP": "FALSE",
}  # fmt: skip
_BANDS = (1, 3, 5, 8, 20, 28)
_NONE = -32768
_NOT_ALLOWED = 3


class QueryCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem

    def handlers(self) -> dict[str, Handler | None]:
        """Commands by name."""
        told, noted = self._told, self._noted
        return {
            "+CGMM": told(lambda: self._modem.config.identity.model), "+CGMR": self._cgmr,
            "+QGMR": told(lambda: self._modem.config.identity.revision), "+NCCID": self._nccid,
            "+NUESTATS": self._nuestats, "+NCONFIG": self._nconfig, "+NBAND": self._nband, "+NEARFCN": self._nearfcn,
            "+NCSEARFCN": self._cleared, "+NPSMR": self._npsmr, "+NPTWEDRXS": self._nptwedrxs, "+CEDRXS": self._cedrxs,
            "+NPING": self._nping, "+QDNS": self._qdns, "+NATSPEED": noted("9600,30,0,2,1,0,0", "9600,2,1,0,0"),
            "+NLOGLEVEL": self._loglevel, "+NITZ": noted("1"), "+NIPINFO": noted("0"), "+NCPCDPR": noted("0,1"),
            "+NQPNPD": noted("0"), "+NQPODCP": noted("0"), "+CNMPSD": noted(""), "+NRNPDM": noted("0"),
            "+NCIDSTATUS": self._ncidstatus, "+NGACTR": noted("0"), "+NPOPB": noted(""), "+QLED": noted("0"),
            "+QCHIPINFO": self._chip, "+NTSETID": noted(""), "+CRTDCP": noted("0"), "+CSODCP": noted(""),
            "+NSTATIS": noted(""), "+NXLOG": noted(""), "+NUICC": noted("1"),
        }  # fmt: skip

    def _told(self, value: object) -> Handler:
        def handler(command: Command) -> Reply:
            if command.op == "test":
                return Reply()
            if command.op != "action":
                raise SyntaxFault
            return Reply([str(value())])  # type: ignore[operator]

        return handler

    def _noted(self, factory: str, first: str = "") -> Handler:
        """A setting without effect here, read back as it was written."""

        def handler(command: Command) -> Reply:
            ram = self._modem.settings.ram.setdefault("noted", {})
            if command.op == "test":
                return Reply()
            if command.op == "read":
                return Reply([f"{command.name}:{ram.get(command.name, first or factory)}"] if factory else [])
            ram[command.name] = command.raw
            return Reply()

        return handler

    # Identity

    def _cgmr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        release = self._modem.config.identity.more.get("release", "V150R100C10B200SP1")
        parts = ("SSB,V150R100C10", "SECURITY_A", "PROTOCOL_A", "APPLICATION_A", "SECURITY_B", "RADIO,Hi2115_RF1")
        return Reply([part if "," in part else f"{part},{release}" for part in parts])

    def _nccid(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._modem.sim.require_ready()
        return Reply([f"+NCCID:{self._modem.sim.iccid}"])

    # Radio

    def _nuestats(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["NUESTATS:(RADIO,CELL,BLER,THP,APPSMEM,ALL)"])
        kind = command.string(0, 8, default="").upper() if command.op == "set" else ""
        modem, cell = self._modem, self._modem.network.config.cell
        here = modem.ue.covered and modem.ue.on and not modem.faults.no_signal
        measured = (cell.rsrp_dbm, cell.rssi_dbm, cell.sinr_db, cell.rsrq_db)
        rsrp, rssi, snr, rsrq = (10 * round(value) for value in measured)
        tenth = [rsrp, rssi, snr, rsrq] if here else [_NONE] * 4
        radio = [
            f"Signal power:{tenth[0]}", f"Total power:{tenth[1]}",
            f"TX power:{10 * cell.tx_power_dbm if here and modem.ue.connected else 230 if not here else 0}",
            "TX time:438", "RX time:16193", f"Cell ID:{int(cell.ci, 16) if here else 4294967295}",
            f"ECL:{cell.ecl if here else 255}", f"SNR:{tenth[2]}", f"EARFCN:{cell.earfcn if here else 4294967295}",
            f"PCI:{cell.pci if here else 65535}", f"RSRQ:{tenth[3]}", "OPERATOR MODE:4",
        ]  # fmt: skip
        if modem.config.identity.more.get("band_shown") == "yes":
            radio.append(f"CURRENT BAND:{cell.band if here else 0}")
        cells = [f"CELL,{cell.earfcn},{cell.pci},1,{rsrp},{rsrq},{rssi},{snr}"] if here else []
        rates = [f"THP,{what},0" for what in ("RLC UL", "RLC DL", "MAC UL", "MAC DL")]
        lost = [f"BLER,{what} BLER,0" for what in ("RLC UL", "RLC DL", "MAC UL", "MAC DL")]
        lost += [f"BLER,Total {what},0" for what in ("TX bytes", "RX bytes", "TX blocks", "RX blocks")]
        found = {"": radio, "RADIO": [f"RADIO,{line}" for line in radio], "CELL": cells, "THP": rates, "BLER": lost}
        found["APPSMEM"] = ["APPSMEM,Current Allocated:41184", "APPSMEM,Total Free:72480"]
        found["ALL"] = [*found["RADIO"], *cells, *lost, *rates]
        if kind not in found:
            raise SyntaxFault
        return Reply([f"NUESTATS:{line}" for line in found[kind]] if kind else radio)

    def _nband(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply([f"+NBAND:({','.join(map(str, _BANDS))})"])
        if command.op == "read":
            return Reply(["+NBAND:" + ",".join(map(str, nvram["NBAND"]))])
        chosen = [command.integer(at, 1, 255) for at in range(len(command.args))]
        if not chosen or any(band not in _BANDS for band in chosen):
            raise SyntaxFault
        nvram["NBAND"] = tuple(chosen)
        return Reply()

    def _nearfcn(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+NEARFCN:{self._modem.settings.nvram['NEARFCN']}"])
        if command.op == "set":
            self._modem.settings.nvram["NEARFCN"] = command.raw.partition(",")[2]
        return Reply()

    def _cleared(self, command: Command) -> Reply:
        if self._modem.settings.nvram["CFUN"] != 0 and command.op == "action":
            raise MeFault(_NOT_ALLOWED)
        return Reply()

    def _nconfig(self, command: Command) -> Reply:
        flags = self._modem.settings.nvram["NCONFIG"]
        if command.op == "test":
            return Reply([f"+NCONFIG:({name},(FALSE,TRUE))" for name in flags])
        if command.op == "read":
            return Reply([f"+NCONFIG:{name},{value}" for name, value in flags.items()])
        name, value = command.string(0, 40).upper(), command.string(1, 9).upper()
        if name in flags and value not in ("TRUE", "FALSE"):
            raise SyntaxFault
        flags[name] = value
        return Reply()

    # Power saving

    def _npsmr(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "read":
            on = modem.settings.nvram["NPSMR"]
            return Reply([f"+NPSMR:{on}" + (f",{int(modem.ue.psm)}" if on else "")])
        if command.op == "test":
            return Reply(["+NPSMR:(0,1)"])
        modem.settings.nvram["NPSMR"] = command.integer(0, 0, 1)
        return Reply()

    def _nptwedrxs(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(['+NPTWEDRXS:(0,1,2,3),(5),("0000"-"1111"),("0000"-"1111")'])
        if command.op == "read":
            return Reply([f'+NPTWEDRXS:5,"{nvram["PTW"]}","{nvram["CEDRXS"]["cycle"]}"'])
        mode, width, cycle = command.integer(0, 0, 3), command.string(2, 4, "0000"), command.string(3, 4, "0010")
        if set(width + cycle) - {"0", "1"}:
            raise SyntaxFault
        nvram["PTW"] = width
        return self._edrx(mode, cycle)

    def _cedrxs(self, command: Command) -> Reply:
        if command.op != "set":
            return self._modem.layouts._cedrxs(command)
        mode, cycle = command.integer(0, 0, 3), command.string(2, 4, "0010")
        if len(command.args) < 2 or set(cycle) - {"0", "1"}:
            raise SyntaxFault  # AT+CEDRXS=0 alone is an ERROR (BC28-CNV)
        command.integer(1, 5, 5)
        return self._edrx(mode, cycle)

    def _edrx(self, mode: int, cycle: str) -> Reply:
        self._modem.layouts.set_edrx(mode, cycle)
        return Reply(after=self._modem.layouts.request_changed)

    # Network

    def _nping(self, command: Command) -> Reply:
        modem, ip = self._modem, command.string(0, 64)
        if not modem.ue.registered:
            raise SyntaxFault

        def answered(ok: bool) -> None:
            lost = not ok or modem.faults.ping_lost or modem.network.blocked() is not None
            modem.later(0.9, modem.urc, "+NPINGERR:1" if lost else f"+NPING:{ip},54,962")

        return Reply(after=lambda: modem.ue.connect(answered))

    def _qdns(self, command: Command) -> Reply:
        modem, name = self._modem, command.string(1, 200)
        if not modem.ue.registered:
            raise SyntaxFault
        return Reply(after=lambda: modem.links.lookup(name, lambda ip: modem.urc(f"+QDNS:{ip or 'FAIL'}")))

    def _ncidstatus(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+NCIDSTATUS:(0-10)"])
        return Reply([f"+NCIDSTATUS:0,{int(self._modem.ue.registered)}"])

    def _loglevel(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+NLOGLEVEL:{part},NORMAL" for part in ("SECURITY", "PROTOCOL", "APPLICATION")])
        return Reply()

    def _chip(self, command: Command) -> Reply:
        what = command.string(0, 4, default="ALL").upper()
        found = {"TEMP": "25", "VBAT": str(self._modem.config.supply_mv)}
        return Reply([f"+QCHIPINFO:{name},{value}" for name, value in found.items() if what in ("ALL", name)])
