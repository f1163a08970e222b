"""SIMCom SIM7020 (MT2625), NB-IoT. Sources: AT manual V1.05, hardware design V1.02, application notes of TCPIP, MQTT,
CoAP, HTTP, TLS, low power and FOTA."""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench.modem.families._clients.noted import Noted
from cellkit.bench.modem.families._simcom.classic import ClassicSockets
from cellkit.bench.modem.families._simcom.lpwa import LpwaModem
from cellkit.bench.modem.families.simcom_sim7020.coap import CoapCommands
from cellkit.bench.modem.families.simcom_sim7020.http import HttpCommands
from cellkit.bench.modem.families.simcom_sim7020.lwm2m import PlatformCommands
from cellkit.bench.modem.families.simcom_sim7020.mqtt import MqttCommands
from cellkit.bench.modem.families.simcom_sim7020.sockets import SocketCommands
from cellkit.bench.modem.families.simcom_sim7020.standard import Standard7020
from cellkit.bench.modem.families.simcom_sim7020.tls import TlsCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.recipes import FALLS_BACK
from cellkit.bench.modem.v250 import Command, MeFault

_FOTA = ("Start to download new package", "Download completed", "Start to update,please wait for reset")
_NO_DATA = 847
_NOTED = {
    "+CREVHEX": Noted("1", "(0,1)"), "+CSORCVFLAG": Noted("0", "(0,1)"), "+CSOSENDFLAG": Noted("0", "(0,1)", False),
    "+CSORXGET": Noted("0", "(0-4)", False), "+CMQTSYNC": Noted("0", "(0,1)", False), "+RETENTION": Noted("0", "(0,1)"),
    "+CNBIOTDT": Noted("0", "(0-1)", False),
    "+CBAND": Noted("0,3,5,8", "(0,1,2,3,4,5,8,12,13,17,18,19,20,25,26,28,66,70,71,85)", merges=False),
    "+CLTS": Noted("1", "(0,1)"), "+CSLED": Noted("1", "(0,1)"), "+CNETLIGHT": Noted("1", "(0,1)"),
    "+CURTC": Noted("1", "(0,1)"), "+CSGACT": Noted(""), "+CDNSCFG": Noted('"0.0.0.0","0.0.0.0"'),
    "+CBATCHK": Noted("1", "(0,1)"), "*MNVMQ": Noted('"2.0"'),
}  # fmt: skip


class Module(LpwaModem):
    """SIM7020E; C and G answer alike but for their names."""

    traits = Traits(
        prompt="\r\n>", auto_baud_lost=1, silent_auto_baud=True,
        banner=((0.0, "RDY"), (0.2, "+CFUN: 1"), (0.6, "+CPIN: READY"), (2.5, "SMS Ready")),
        ready_lines=(r"\*MATREADY: 1",),
    )  # fmt: skip
    recipe = replace(FALLS_BACK, key_off_s=0.8, off_s=1.0)
    lasting = {"IPR": 0, "CMEE": 0, "CPSMSTATUS": 0, "APN": ("IP", ""), "updated": 0}
    profile = (*LpwaModem.profile, "CPSMSTATUS")
    volatile = {"CNBIOTRAI": 0, "CENG": 0}
    whole = frozenset({"+CSOSEND", "+CTLSSEND", "+CTLSCFG", "+CSETCA", "+CIPSTART", "+CMLPUB"})
    noted = _NOTED
    standard: Standard7020

    def _make_dialect(self) -> Dialect:
        dialect = super()._make_dialect()
        self.variant = {"CEREG": "CEREG", "CHTTPCREATE": "CHTTPCREATE", "ready": "RDY"}
        return dialect

    def make_standard(self) -> Standard7020:
        """Layouts of this chip."""
        return Standard7020(self)

    def commands(self) -> dict[str, Handler]:
        """All parts."""
        self.sockets = SocketCommands(self)
        self.classic = ClassicSockets(self, first=10)
        self.mqtt = MqttCommands(self)
        self.tls = TlsCommands(self)
        self.platform = PlatformCommands(self)
        self.parts = [self.sockets, self.classic, self.mqtt, self.tls, HttpCommands(self), CoapCommands(self),
                      self.platform]  # fmt: skip
        identity = self.config.identity
        return {
            **super().commands(),
            "I": self.shows(identity.more.get("ati", identity.model)),
            "+GSV": self.shows(identity.manufacturer, identity.model, f"Revision: {identity.revision}"),
            "+CGMR": lambda command: self.standard.told(command, self._revision()),
            "+GMR": lambda command: self.standard.told(command, self._revision()),
            "+CPSMSTATUS": self._cpsmstatus, "+CNBIOTRAI": self._rai, "*MCGDEFCONT": self._apn,
            "*MEDRXCFG": self._medrx, "+CENG": self._ceng, "+CFOTA": self._cfota, "+CSNTPSTART": self._sntp,
            "+CSNTPSTOP": lambda command: Reply(), "+NIDD": self._nidd, "+ICCID": self._ccid,
            "+CBC": lambda command: self.standard.told(command, f"+CBC: 100,{self.config.supply_mv}"),
            "+CADC": lambda command: self.standard.told(command, "+CADC: 1,300"),
            "+CSMINS": lambda command: Reply([f"+CSMINS: 0,{int(self.sim.present)}"]), "&V": self._profile,
        }  # fmt: skip

    # Start, sleep and wake

    def say_banner(self) -> float:
        """MediaTek's own word instead of RDY, by firmware; an update tells of its end."""
        if self.variant["ready"] == "RDY":
            return super().say_banner()
        updated = ["+CFOTA: Update successfully"] if self.settings.nvram["updated"] else []
        lines = ["*MATREADY: 1", "+CFUN: 1", *updated]
        for at, text in enumerate(lines):
            self.later(0.2 * at, self.urc, text)
        self.later(0.8, self.banner_line, "+CPIN: READY")
        return 0.8

    def _blocked(self) -> bool:
        """An open TCP socket keeps it out of PSM."""
        return any(link.kind != "udp" and link.state == "open" for link in self.links.all())

    def sleep_mode(self) -> int:
        """CSCLK=2: light sleep; in PSM, deep sleep unless a TCP socket is open."""
        if self.ue.psm and not self._blocked():
            return 1
        return 2 if self.settings.nvram["noted"].get("+CSCLK", "0") == "2" else 0

    def falls_asleep(self) -> None:
        """+CPSMSTATUS; without RETENTION the sockets go."""
        if self.settings.nvram["CPSMSTATUS"]:
            self.urc('+CPSMSTATUS: "ENTER PSM"')
        self.settings.ram["CNBIOTRAI"] = 0
        if self.settings.nvram["noted"].get("+RETENTION", "0") == "0":
            self.links.forget()
            self.sockets.forget()

    def woke(self, how: str) -> None:
        """The card first, then +CPSMSTATUS."""
        if self.sim.present:
            self.urc(f"+CPIN: {self.sim.state}")
        if self.settings.nvram["CPSMSTATUS"]:
            self.urc('+CPSMSTATUS: "EXIT PSM"')

    # Commands

    def _revision(self) -> str:
        revision = self.config.identity.revision
        return revision.replace("B05", "B06") if self.settings.nvram["updated"] else revision

    def _profile(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        shown = [f"{name}: {nvram[key]}" for name, key in (("E", "E"), ("+CMEE", "CMEE"), ("+IPR", "IPR"))]
        return Reply(["ACTIVE PROFILE", "Q: 0", "V: 1", *shown])

    def _cpsmstatus(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["+CPSMSTATUS: (0,1)"])
        if command.op == "read":
            return Reply([f"+CPSMSTATUS: {nvram['CPSMSTATUS']}"])
        nvram["CPSMSTATUS"] = command.integer(0, 0, 1)
        return Reply()

    def _rai(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CNBIOTRAI: (0-2)"])
        if command.op == "read":
            return Reply([f"+CNBIOTRAI: {self.settings.ram['CNBIOTRAI']}"])
        self.settings.ram["CNBIOTRAI"] = command.integer(0, 0, 2)
        return Reply()

    def take_rai(self) -> int:
        """For the packet that goes now, and only for it."""
        mode = int(self.settings.ram["CNBIOTRAI"])
        self.settings.ram["CNBIOTRAI"] = 0
        return mode

    def _apn(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(['*MCGDEFCONT: ("IP","IPV6","IPV4V6","Non-IP"),,,'])
        if command.op == "read":
            kind, apn = nvram["APN"]
            return Reply([f'*MCGDEFCONT: "{kind}","{apn}"'])
        kind = command.string(0, 6)
        if kind.upper() not in ("IP", "IPV6", "IPV4V6", "NON-IP"):
            raise MeFault(50)
        nvram["APN"] = (kind, command.string(1, 99, default=""))
        return Reply()

    def _medrx(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['*MEDRXCFG: (0-3),(5),("0000"-"1111"),("0000"-"1111")'])
        edrx = self.settings.nvram["CEDRXS"]
        if command.op == "read":
            return Reply([f'*MEDRXCFG: {edrx["mode"]},5,"{edrx["cycle"]}","{edrx.get("ptw", "0011")}"'])
        command.integer(1, 5, 5, default=5)
        self.standard.set_edrx(command.integer(0, 0, 3), command.bits(2, 4))
        self.settings.nvram["CEDRXS"]["ptw"] = command.bits(3, 4) or "0011"
        return Reply(after=self.standard.request_changed)

    def _ceng(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CENG: (0,1)"])
        if command.op == "set":
            self.settings.ram["CENG"] = command.integer(0, 0, 3)
            return Reply()
        if not self.ue.camped:
            raise MeFault(_NO_DATA)
        cell = self.network.config.cell
        power = 10 * cell.tx_power_dbm if self.ue.connected else ""
        return Reply([
            f'+CENG: {cell.earfcn},{cell.earfcn_offset % 5},{cell.pci},"{cell.ci}",{cell.rsrp_dbm},{cell.rsrq_db:.0f},'
            f'{cell.rssi_dbm},{cell.sinr_db},{cell.band},"{cell.tac}",{cell.ecl},{power},'
        ])  # fmt: skip

    def _cfota(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CFOTA: (0-7)"])
        if command.op == "read":
            return Reply(["+CFOTA: 0"])
        if command.integer(0, 0, 7) != 1:
            return Reply()
        self.online()

        def begin() -> None:
            for at, text in enumerate(_FOTA):
                self.later(2.0 + 10.0 * at, self.urc, f"+CFOTA: {text}")
            self.later(25.0, self._update)

        return Reply(after=begin)

    def _update(self) -> None:
        self.variant["ready"] = "*MATREADY"
        self.settings.nvram["updated"], self.settings.nvram["IPR"] = 1, 115200
        self.reset("FOTA")

    def _sntp(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply(['+CSNTPSTART: ""'])
        if command.op == "test":
            return Reply()
        self.online()

        def answered(local: str | None) -> None:
            self.urc("+CSNTP: 1" if local is None else f"+CSNTP: {local}")

        return Reply(after=lambda: self.ntp(answered))

    def _nidd(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply(["+NIDD: (1-4)"] if command.op == "test" else [])
        kind = command.integer(0, 0, 4)
        return Reply([f"+NIDD: {kind},0"] if kind == 1 else [])
