"""Fibocom L610, Cat.1: the MIP dialect. Sources: L610 driver of RT-Thread, acceptance reports of an L610-CN-62-36."""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench.modem.families._clients import ClientsModem
from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.families.fibocom_l610.sockets import SocketCommands
from cellkit.bench.modem.families.fibocom_l610.tls import TlsCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.recipes import ALWAYS_AWAKE
from cellkit.bench.modem.v250 import Command

_NOTED = {
    "+GTWAKE": Noted("0,2"), "+CLVL": Noted("3"), "+GTACT": Noted("2,,,103"), "+GTRAT": Noted("3"),
    "+GTUSBMODE": Noted("31"), "+GTAUTOCONNECT": Noted("0"),
}  # fmt: skip
_RESET_LEVEL = 15
_OFF_S = 1.0


class Module(ClientsModem):
    """The L610-CN. TLS settings and certificates are volatile: gone at power-off."""

    traits = Traits(banner=((0.0, "RDY"),), prompt="\r\n>")
    act = 7
    edrx_act = 4
    recipe = replace(ALWAYS_AWAKE, light=True)
    lasting = {"noted": {}}
    volatile = {"noted": {}, "call": False, "S24": "0"}
    whole = frozenset[str]()

    def commands(self) -> dict[str, Handler | None]:
        """Sockets and TLS; MQTT and HTTP of its own have no log and are not there."""
        self.tls = TlsCommands(self)
        self.sockets_part = SocketCommands(self)
        return {
            **noted_handlers(self, _NOTED), **self.tls.handlers(), **self.sockets_part.handlers(),
            "S24": self._s24, "+CPWROFF": self._cpwroff, "+CFUN": self._cfun,
            "+CCID": lambda command: Reply([f"+CCID: {self.sim.iccid}"]),
            "+ICCID": lambda command: Reply([f"+ICCID: {self.sim.iccid}"]),
            "+GTPKGVER": lambda command: Reply([f'+GTPKGVER: "{self.config.identity.revision}"']), "+CSCON": None,
        }  # fmt: skip

    def _cpwroff(self, command: Command) -> Reply:
        return Reply(after=None if command.op == "test" else lambda: self.later(_OFF_S, self.power.shut_down))

    def _s24(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([self.settings.ram["S24"]])
        if command.op == "set":
            self.settings.ram["S24"] = command.raw
        return Reply()

    def sleep_mode(self) -> int:
        """ATS24: the idle time before sleep; 0 forbids it (driver of RT-Thread)."""
        return 0 if self.settings.ram["S24"] in ("", "0") else 2

    def _cfun(self, command: Command) -> Reply | None:
        if command.op == "set" and command.args and command.args[0].text == str(_RESET_LEVEL):
            return Reply(after=lambda: self.later(0.1, self.reset, "AT+CFUN=15"))
        return self.standard.handlers()["+CFUN"](command)

    def lost_power(self) -> None:
        """Certificates and TLS settings are gone."""
        self.tls.forget()
        super().lost_power()
