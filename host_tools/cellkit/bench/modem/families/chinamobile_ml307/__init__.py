"""China Mobile ML302/ML305/ML307, Cat.1. Sources: manuals TCP/IP V5.1.5, MQTT, HTTP, SSL; captures of an ML307R."""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench.modem.engines.http import HttpClient
from cellkit.bench.modem.families._clients import ClientsModem
from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.families.chinamobile_ml307.certificates import CertificateCommands
from cellkit.bench.modem.families.chinamobile_ml307.http import HttpCommands
from cellkit.bench.modem.families.chinamobile_ml307.mqtt import MqttCommands
from cellkit.bench.modem.families.chinamobile_ml307.sockets import SocketCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.recipes import POWERS_DOWN
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, SyntaxFault

_NOTED = {
    "+MDIALUP": Noted("1,0"), "+MDIALUPCFG": Noted(None), "+MUECONFIG": Noted(None), "+MRECVPARAM": Noted("0"),
    "+MUPGRADE": Noted(None), "+CLIR": Noted("0,4"), "+CLVL": Noted("3", "(0-5)"),
}  # fmt: skip
_OFF_S = 0.5


class _Standard(Standard):
    """Identity of several lines."""

    def ati(self, command: Command) -> Reply:
        identity = self.modem.config.identity
        return Reply(self.modem.faults.identity or [identity.manufacturer, identity.model, identity.revision])


class Module(ClientsModem):
    """The ML307R."""

    traits = Traits(banner=((0.0, "+MATREADY"),), prompt="\r\n>")
    act = 7
    edrx_act = 4
    lasting = {"E": 0, "MLPM": {}, "noted": {}}
    volatile = {"noted": {}, "MLPM": {}}
    whole = frozenset({"+MIPSEND", "+MQTTPUB"})
    recipe = replace(POWERS_DOWN, light=True)

    def make_standard(self) -> Standard:
        """Identity."""
        return _Standard(self)

    def commands(self) -> dict[str, Handler | None]:
        """Sockets, MQTT, HTTP, certificates, power. Of the registration commands only CEREG (ML307R)."""
        self.certificates = CertificateCommands(self)
        self.sockets_part = SocketCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.http_part = HttpCommands(self)
        self._caller = ""
        return {
            **noted_handlers(self, _NOTED), **self.certificates.handlers(), **self.sockets_part.handlers(),
            **self.mqtt_part.handlers(), **self.http_part.handlers(),
            "+CREG": None, "+CGREG": None, "+CSCON": None,
            "+MCCID": lambda command: Reply([f"+MCCID: {self.sim.iccid}"]),
            "+ICCID": lambda command: Reply([f"+ICCID: {self.sim.iccid}"]),
            "+MREBOOT": self._reboot, "+MPOF": self._mpof, "+MLPMCFG": self._mlpmcfg,
            "+CLCC": self._clcc, "A": self._answer, "+CHUP": self._hang_up,
        }  # fmt: skip

    @property
    def http(self) -> HttpClient:
        """The HTTP client."""
        return self.http_client()

    def say_banner(self) -> float:
        """Nothing is said while the rate is still to be found out."""
        return 0.0 if self.settings.nvram["IPR"] == 0 else super().say_banner()

    # Power

    def _reboot(self, command: Command) -> Reply:
        if command.op != "set":
            raise SyntaxFault

        def restart() -> None:
            self.urc("REBOOTING")
            self.later(_OFF_S, self.reset, "AT+MREBOOT")

        return Reply(after=restart)

    def _mpof(self, command: Command) -> Reply:
        return Reply(after=None if command.op == "test" else lambda: self.later(_OFF_S, self.power.shut_down))

    def sleep_mode(self) -> int:
        """MLPMCFG: 0 none, 1 light, 2 deep too: it boots behind that, and what was not stored is gone."""
        mode = self.settings.ram["MLPM"].get("sleepmode", self.settings.nvram["MLPM"].get("sleepmode", "0"))
        return {"1": 2, "2": 1}.get(mode, 0)

    def switched_off(self) -> None:
        """The last words."""
        self.urc("POWER OFF")

    def _mlpmcfg(self, command: Command) -> Reply:
        """AT+MLPMCFG="sleepmode",<0-2>,<1: stored>: see `sleep_mode`."""
        if command.op == "test":
            return Reply(['+MLPMCFG: "sleepmode",(0-2),(0,1)', '+MLPMCFG: "delaysleep",(0-65535)'])
        nvram, ram = self.settings.nvram["MLPM"], self.settings.ram["MLPM"]
        key = command.string(0, 20).lower()
        if len(command.args) == 1:
            return Reply([f'+MLPMCFG: "{key}",{ram.get(key, nvram.get(key, "0"))}'])
        ram[key] = command.args[1].text
        if command.integer(2, 0, 1, default=0):
            nvram[key] = ram[key]
        return Reply()

    # Calls: RING, and the number by CLCC

    def ring(self, number: str = "+15550001111") -> None:
        """Somebody calls."""
        self._caller = number
        self.urc("RING")

    def _clcc(self, command: Command) -> Reply:
        return Reply([f'+CLCC: 1,1,4,0,0,"{self._caller}",145'] if self._caller and command.op == "action" else [])

    def _answer(self, command: Command) -> Reply:
        return Reply() if self._caller else Reply(final="NO CARRIER")

    def _hang_up(self, command: Command) -> Reply:
        self._caller = ""
        return Reply()
