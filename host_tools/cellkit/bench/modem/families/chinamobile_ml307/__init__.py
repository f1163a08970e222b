"""China Mobile ML302/ML305/ML307, Cat.1. Sources: TCP/IP manual V5.1.5, MQTT, HTTP, SSL manuals, ML307R captures."""

from __future__ import annotations

from cellkit.bench.modem.engines.http import HttpClient
from cellkit.bench.modem.engines.links import Links
from cellkit.bench.modem.engines.tls import Files
from cellkit.bench.modem.families.chinamobile_ml307.http import HttpCommands
from cellkit.bench.modem.families.chinamobile_ml307.mqtt import MqttCommands
from cellkit.bench.modem.families.chinamobile_ml307.sockets import SocketCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, SyntaxFault


class _Standard(Standard):
    """Only CEREG (ML307R)."""

    def registration_modes(self, name: str) -> str:
        return "(0-3)"

    def ati(self, command: Command) -> Reply:
        identity = self.modem.config.identity
        lines = [identity.manufacturer, identity.model, identity.revision]
        return Reply(self.modem.faults.identity or lines)


class Module(PlainModem):
    """The ML307R."""

    traits = Traits(banner=((0.0, "+MATREADY"),), prompt="\r\n>")
    act = 7
    edrx_act = 4
    lasting = {"E": 0}
    whole = frozenset({"+MIPSEND", "+MQTTPUB"})

    def make_standard(self) -> Standard:
        """Identity and registration."""
        return _Standard(self)

    def commands(self) -> dict[str, Handler]:
        """Sockets, MQTT, HTTP, certificates, power."""
        self.files = Files()
        self.tls: dict[int, dict[str, str]] = {}
        self._links: Links | None = None
        self._http: HttpClient | None = None
        self.sockets_part = SocketCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.http_part = HttpCommands(self)
        return {
            **self.sockets_part.handlers(), **self.mqtt_part.handlers(), **self.http_part.handlers(),
            "+CREG": None, "+CGREG": None, "+CSCON": None,  # type: ignore[dict-item]
            "+MCCID": lambda command: Reply([f"+MCCID: {self.sim.iccid}"]),
            "+ICCID": lambda command: Reply([f"+ICCID: {self.sim.iccid}"]),
            "+MREBOOT": self._reboot, "+MPOF": lambda command: Reply(after=self._off),
            "+MLPMCFG": lambda command: Reply(),
        }  # fmt: skip

    @property
    def links(self) -> Links:
        """Made at their first use: the radio is not there before."""
        if self._links is None:
            self._links = Links(self)
        return self._links

    @property
    def http(self) -> HttpClient:
        """The HTTP client."""
        if self._http is None:
            self._http = HttpClient(self.links)
        return self._http

    def _reboot(self, command: Command) -> Reply:
        if command.op != "set":
            raise SyntaxFault
        return Reply(after=self._restarts)

    def _restarts(self) -> None:
        self.urc("REBOOTING")
        self.later(0.5, self.reset, "AT+MREBOOT")

    def _off(self) -> None:
        self.later(0.5, self.power.shut_down)

    def switched_off(self) -> None:
        """The last words."""
        self.urc("POWER OFF")
