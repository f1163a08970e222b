"""SIMCom SIM7080G, SIM7070G (MDM9205) and SIM7000G (MDM9206): Cat-M and NB-IoT with GNSS.

Sources: AT manuals of SIM7070/7080/7090 V1.05 and SIM7000 V1.06; application notes of TCPUDP(S), MQTT(S), CoAP(S), GNSS
and low power; logs of SIM7000A, SIM7000G, SIM7070G and SIM7080G.
"""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench.modem.cmux import Cmux, frame
from cellkit.bench.modem.families._clients.noted import Noted
from cellkit.bench.modem.families._simcom.classic import ClassicSockets
from cellkit.bench.modem.families._simcom.lpwa import LpwaModem
from cellkit.bench.modem.families.simcom_sim7080.bearer import BearerCommands
from cellkit.bench.modem.families.simcom_sim7080.coap import CoapCommands
from cellkit.bench.modem.families.simcom_sim7080.files import FileCommands
from cellkit.bench.modem.families.simcom_sim7080.gnss import GnssCommands
from cellkit.bench.modem.families.simcom_sim7080.http import HttpCommands
from cellkit.bench.modem.families.simcom_sim7080.mqtt import MqttCommands
from cellkit.bench.modem.families.simcom_sim7080.queries import QueryCommands
from cellkit.bench.modem.families.simcom_sim7080.sapbr import OldHttpCommands
from cellkit.bench.modem.families.simcom_sim7080.sockets import SocketCommands
from cellkit.bench.modem.families.simcom_sim7080.standard import Standard7080
from cellkit.bench.modem.family import Dialect, Handler, Traits
from cellkit.bench.modem.recipes import POWERS_DOWN

_DATA = 0xFF  # UIH with P/F
_NOTED = {
    "+CNMP": Noted("38", "((2-Automatic),(13-GSM Only),(38-LTE Only),(51-GSM And LTE Only))"),
    "+CMNB": Noted("3", "((1-Cat-M),(2-NB-IoT),(3-Cat-M And NB-IoT))"), "+CSCLK": Noted("0", "(0-1)"),
    "+CRAI": Noted("0", "(0-2),(0,1)"), "+CSIMLOCK": Noted("0"),
    "+CBATCHK": Noted("0", "(0,1)"), "+CLTS": Noted("0", "(0,1)"), "+CSDP": Noted("0"), "+CNBS": Noted("1", "(1-5)"),
    "+CFGRI": Noted("1", "(0,1)"), "+CEDRX": Noted(""), "+CNTPCID": Noted("1", "(0-3)"), "+CPSMCFGEXT":
    Noted("10,2,86400,5,200,3", "(0-60),(0-10),(0-86400),(0-86400),(0-500),(0-15)"), "+CAUSBCFG": Noted("0"),
    "+CNACTCFG": Noted("0"), "+CDNSCFG": Noted('"0.0.0.0","0.0.0.0"'), "+SNPDPID": Noted("0", "(0-3)"),
    "+CSIMSUB": Noted("0"), "+CBANDCFG": Noted(None), "+SMPUBHEX": Noted("0", "(0,1)", False), "+CMCFG": Noted("0"),
    "+CGNSMOD": Noted("1,1,0,0,0"), "+CGNSCFG": Noted("0"), "+CGNSXTRA": Noted("0", "(0,1)"), "+CGNSTST": Noted("0"),
    "+CGNSURC": Noted("0", "(0-255)", False), "+CGNSCMD": Noted(None), "+SGNSCFG": Noted(None), "+CSDVC": Noted("1"),
    "+CRRCSTATE": Noted("0,0"), "+CENG": Noted("0,0"), "+CASRIP": Noted("0"),
}  # fmt: skip


class _Mux(Cmux):
    """Its data frames have P/F set, and C/R not (trace of a SIM7070)."""

    def wrapped(self, data: bytes) -> bytes:
        """What the interpreter says."""
        channel = self.channel
        if channel is None:
            return b""
        size = self.frame_bytes
        return b"".join(frame(channel << 2 | 1, _DATA, data[at:at + size]) for at in range(0, len(data), size))


class Module(LpwaModem):
    """SIM7080G by default; `old` is the SIM7000."""

    traits = Traits(
        prompt="\r\n>", auto_baud_lost=1, silent_auto_baud=True,
        banner=((0.0, "RDY"), (0.3, "+CFUN: 1"), (0.8, "+CPIN: READY"), (2.6, "SMS Ready")),
    )  # fmt: skip
    act = 9
    recipe = replace(POWERS_DOWN, key_off_s=1.2, off_s=1.8)
    lasting = {"IPR": 0, "CMEE": 0, "CPSMSTATUS": 0, "CPSMCFG": (20, 15), "PDP": {}, "muted": []}
    whole = frozenset({"+SHBOD", "+CIPSTART", "+SMCONF"})
    noted = _NOTED
    standard: Standard7080

    @property
    def old(self) -> bool:
        """SIM7000, whose sockets and bearer have another syntax."""
        return self.config.identity.more.get("line") == "7000"

    def _make_dialect(self) -> Dialect:
        self.first_fails = False
        """The first command after a start is answered by ERROR, as an early SIM7000 does."""
        self.variant: dict[str, bool] = {}
        return super()._make_dialect()

    def make_cmux(self) -> Cmux:
        """With its own frames."""
        return _Mux(self)

    def make_standard(self) -> Standard7080:
        """Layouts."""
        return Standard7080(self)

    def commands(self) -> dict[str, Handler]:
        """All parts."""
        self.bearer = BearerCommands(self)
        self.files_part = FileCommands(self)
        self.sockets = SocketCommands(self)
        self.mqtt = MqttCommands(self)
        self.http = HttpCommands(self)
        self.classic = ClassicSockets(self, first=40)
        self.parts = [
            self.bearer, self.files_part, self.sockets, self.mqtt, self.http, CoapCommands(self), GnssCommands(self),
            QueryCommands(self), OldHttpCommands(self), self.classic,
        ]  # fmt: skip
        return super().commands()

    def muted(self, group: str) -> bool:
        """Whether CURCCFG keeps a group of URCs quiet: SYS, SIMCARD, SMS, NETWORK, TCPIP."""
        return group in self.settings.nvram["muted"]

    def card_unlocked(self) -> None:
        """Behind +CPIN: READY."""
        if not self.muted("SMS"):
            self.later(1.5, self.urc, "SMS Ready")

    # Start, sleep and wake

    def _line(self, line: str | None) -> None:
        if self.first_fails and line and not self.deaf_lines:
            self.first_fails = False
            self.output.block(["ERROR"])
            return
        super()._line(line)

    def banner_line(self, text: str) -> None:
        """Without a card nothing is said of it."""
        groups = {"RDY": "SYS", "+CFUN: 1": "SYS", "+CPIN: READY": "SIMCARD", "SMS Ready": "SMS"}
        if (text == "SMS Ready" and not self.sim.ready) or self.muted(groups.get(text, "")):
            return
        super().banner_line(text)

    def sleep_mode(self) -> int:
        """PSM is power-down; light sleep (CSCLK=1) needs DTR, which a wire does not carry here."""
        return 1 if self.ue.psm else 0

    def falls_asleep(self) -> None:
        """`ENTER PSM` means: about to."""
        if self.settings.nvram["CPSMSTATUS"]:
            self.urc('+CPSMSTATUS: "ENTER PSM"')

    def woke(self, how: str) -> None:
        """A boot, registered as before."""
        if self.variant.get("psm banner", True):
            super().woke(how)
        if self.settings.nvram["CPSMSTATUS"]:
            self.later(1.0, self.urc, '+CPSMSTATUS: "EXIT PSM"')

    def registration_changed(self) -> None:
        """Without registration the bearers go."""
        if not self.ue.registered:
            self.bearer.lost()
        super().registration_changed()
