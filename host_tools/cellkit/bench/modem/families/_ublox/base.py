"""What u-blox modules have in common: identity, parts, stored profile. Sources: SARA-R4 AT manual, SARA-R5 logs."""

from __future__ import annotations

from cellkit.bench.modem.families._clients import ClientsModem, done
from cellkit.bench.modem.families._ublox.http import HttpCommands
from cellkit.bench.modem.families._ublox.location import LocationCommands
from cellkit.bench.modem.families._ublox.mqtt import MqttCommands
from cellkit.bench.modem.families._ublox.names import NameCommands
from cellkit.bench.modem.families._ublox.sockets import SocketCommands
from cellkit.bench.modem.families._ublox.tls import TlsCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply
from cellkit.bench.modem.v250 import Command


class UbloxModem(ClientsModem):
    """SARA-R4 and R5; `r4`, `r410` tell where their syntax differs."""

    profiled = ("E", "CMEE", "CREG", "CGREG", "CEREG", "CSCON")
    whole = SocketCommands.whole

    def _make_dialect(self) -> Dialect:
        self.sockets_part = SocketCommands(self)
        self.tls_part = TlsCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.http_part = HttpCommands(self)
        self.location_part = LocationCommands(self)
        self.name_part = NameCommands(self)
        return super()._make_dialect()

    @property
    def r4(self) -> bool:
        """SARA-R4 of any kind."""
        return "-R4" in self.config.identity.model

    @property
    def r410(self) -> bool:
        """The first SARA-R4, with its own answers of MQTT."""
        return "-R41" in self.config.identity.model

    @property
    def r422(self) -> bool:
        """SARA-R422."""
        return "-R422" in self.config.identity.model

    def bearer_up(self) -> bool:
        """Whether IP commands work now."""
        return bool(self.ue.registered and self.ue.grant.ip)

    def commands(self) -> dict[str, Handler]:
        """All parts."""
        found: dict[str, Handler] = {"&W": self.stores, "I": self._ati, "&K": done, "&S": done, "&Y": done}
        found |= {**self.sockets_part.handlers(), **self.name_part.handlers(), **self.tls_part.handlers()}
        found |= {**self.mqtt_part.handlers(), **self.http_part.handlers(), **self.location_part.handlers()}
        return found

    def lost_memory(self) -> None:
        """A restart, or PSM: sockets and clients are gone."""
        self.sockets_part.forget()
        self.mqtt_part.forget()
        self.http_part.forget()
        super().lost_memory()

    def _ati(self, command: Command) -> Reply:
        identity = self.config.identity
        if self.faults.identity:
            return Reply(self.faults.identity)
        which = command.integer(0, 0, 9, default=-1) if command.args and command.args[0].text else -1
        if which == 9:
            return Reply([identity.more["versions"]])
        if which in (0, -1) and not self.r410:
            return Reply([identity.more["type"]])
        if which in (0, -1):
            return Reply([
                f"Manufacturer: {identity.manufacturer}", f"Model: {identity.model}",
                f"Revision: {identity.revision}", f"SVN: {identity.svn}", f"IMEI: {identity.imei}",
            ])  # fmt: skip
        return Reply([identity.more["type"]])
