"""What else the chapter TCPIP of the LuatOS AT manual has: certificates, names, ping, keep-alive, heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_SSL = frozenset({
    "sslversion", "ciphersuite", "cacert", "clientcert", "clientkey", "seclevel", "hostname", "ignorelocaltime",
    "negotiatetimeout", "clientrandom", "premaster", "verifymode",
})  # fmt: skip
_QUOTED = ("cacert", "clientcert", "clientkey", "hostname")
_NOTED = {
    "+CIPTKA": Noted("0,7200,75,9", "(0,1),(30-7200),(30-600),(1-9)"),
    "+CIPCCFG": Noted(
        "5,2,1024,0,0,1460,50,0",
        "(NmRetry:3-8),(WaitTm:2-10),(SendSz:1-1460),(esc:0,1),(Rxmode:0,1),(RxSize:50-1460),(Rxtimer:20-1000),"
        "(BufClean:0,1)",
    ),
    "+CIPCSGP": Noted('1,"","",""'),
    "+CIPSCONT": Noted(None),
    "+CLPORT": Noted("0,0", '("TCP","UDP"),(0-65535)', merges=False),
    "^HEARTCONFIG": Noted("0,0,120", merges=False),
    "^HEARTBEAT": Noted(None), "^HEARTBEATHEX": Noted(None), "^HEARTINQUIRE": Noted(None),
    "+ROUTEIP": Noted(None),
}  # fmt: skip
_REPLY_S = 0.035


class TcpipCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._ssl: dict[tuple[str, int], str] = {}
        self._dns = ("211.136.112.50", "211.136.150.66")
        self._private = ("2", "", "", "", "0")

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **noted_handlers(self._modem, _NOTED),
            "+SSLCFG": self._sslcfg, "+CDNSGIP": self._dnsgip, "+CDNSCFG": self._dnscfg, "+CIPPING": self._ping,
            "+CPNETAPN": self._cpnetapn,
        }  # fmt: skip

    def tls(self, context: int) -> TlsSettings:
        """What an SSL context means for a connection: 0 to 5 sockets, 34 FTP, 88 MQTT, 153 HTTP."""
        files = self._modem.files
        parts = [files.read(self._ssl.get((name, context), "")) or b"" for name in _QUOTED[:3]]
        level = int(self._ssl.get(("seclevel", context), "0"))
        return TlsSettings(
            ca=parts[0], cert=parts[1] if level == 2 else b"", key=parts[2] if level == 2 else b"", verify=level > 0,
            sni=True,
        )  # fmt: skip

    def _sslcfg(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply()
        key, context = command.string(0, 20).lower(), command.integer(1, 0, 153)
        if key not in _SSL:
            raise SyntaxFault
        if len(command.args) == 2:
            value = self._ssl.get((key, context), "" if key in _QUOTED else "0")
            return Reply([f'+SSLCFG: "{key}",{context},' + (f'"{value}"' if key in _QUOTED else value)])
        if command.given(2):
            self._ssl[key, context] = command.args[2].text
        else:
            self._ssl.pop((key, context), None)
        return Reply()

    def _dnsgip(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        name, modem = command.string(0, 128), self._modem

        def found(ip: str | None) -> None:
            modem.urc(f'+CDNSGIP: 1,"{name}","{ip}"' if ip else "+CDNSGIP:0,10")

        return Reply(after=lambda: modem.links.lookup(name, found))

    def _dnscfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CDNSCFG: ("Primary DNS"),("Secondary DNS")'])
        if command.op == "read":
            return Reply([f"PrimaryDns: {self._dns[0]}", f"SecondaryDns: {self._dns[1]}"])
        self._dns = (command.string(0, 64), command.string(1, 64, default=""))
        return Reply()

    def _ping(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CIPPING: (1-100),(0-1024),(1-600),(1-255)"])
        if command.op == "read":
            return Reply(["+CIPPING: 4,32,100,64"])
        modem, host, count = self._modem, command.string(0, 128), command.integer(1, 1, 100, default=4)

        def found(ip: str | None) -> None:
            if ip is None:
                modem.fail(SyntaxFault())
                return
            # What does not come back is shown as 600 and 255.
            shown = "600,255" if modem.faults.ping_lost else "35,54"
            lines = [f'+CIPPING: {number},"{ip}",{shown}' for number in range(1, count + 1)]
            modem.later(count * (1.0 + _REPLY_S), modem.complete, Reply(lines))

        modem.links.lookup(host, found)
        return None

    def _cpnetapn(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CPNETAPN:setmode=[2,3],"apn","Username","Password",authtype=[0,1,2]'])
        names = ("MODE", "APN", "USR", "PWD", "AUTHMODE")
        if command.op == "read":
            return Reply([f"{name}:{value}" for name, value in zip(names, self._private, strict=True)])
        fields = [arg.text for arg in command.args]
        if command.integer(0, 2, 3) == 3:
            fields = ["2", "", "", "", "0"]
        self._private = (*fields, *self._private[len(fields):])[:5]  # type: ignore[assignment]
        return Reply()
