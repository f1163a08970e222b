"""NETOPEN and CIP*: bearer and sockets of A76xx and SIM7600.

Sources: A76XX TCPIP application note V1.02, A76XX AT manual V1.09, logs of A7670E, A7670G and SIM7600.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._simcom.base import SimcomModem

_LINKS = 10
_LONGEST, _LONGEST_HEX = 1500, 750
_NET_FAILED, _NET_CLOSED, _PARAMETER, _NOT_SUPPORTED, _TIMEOUT, _DNS = 1, 2, 3, 4, 10, 11
_OUTCOMES = {"no bearer": _NET_FAILED, "dns": _DNS, "refused": 1, "timeout": _TIMEOUT, "tls": 1}


class CipCommands:
    """Handlers bound to one modem. A link lives until CIPCLOSE, the peer's close, NETCLOSE or a reset."""

    def __init__(self, modem: SimcomModem) -> None:
        self._modem = modem
        self.ipaddr_prefix = "+IPADDR"
        """The application note prints `+IPADDR: Network not opened`, a SIM7600 `+IP ERROR: Network not opened`."""
        self.fails_after_ok = False
        """Firmware that says OK to a TCP link before it knows; else a failure has no OK."""
        self.forget()

    def forget(self) -> None:
        """Everything volatile is gone."""
        self.opened = False
        self.manual = False
        self.transparent = False
        self.numbers: dict[str, int] = {
            "CIPHEAD": 1, "CIPSRIP": 1, "CIPSENDMODE": 0, "CIPCCFG": 10,
        }  # fmt: skip
        self.servers: dict[int, int] = {}
        self._taken: dict[int, bytearray] = {}  # links that a server has accepted, and what they hold

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+NETOPEN": self._netopen, "+NETCLOSE": self._netclose, "+IPADDR": self._ipaddr,
            "+CIPOPEN": self._cipopen, "+CIPCLOSE": self._cipclose, "+CIPSEND": self._cipsend,
            "+CIPRXGET": self._ciprxget, "+CIPMODE": self._cipmode, "+CIPHEAD": self._number("CIPHEAD"),
            "+CIPSRIP": self._number("CIPSRIP"), "+CIPSENDMODE": self._number("CIPSENDMODE"),
            "+CIPTIMEOUT": self._timeouts, "+CIPCCFG": self._ccfg, "+CIPSTAT": self._stat, "+CIPACK": self._ack,
            "+SERVERSTART": self._serverstart, "+SERVERSTOP": self._serverstop, "+CDNSGIP": self._dns,
            "+CPING": self._ping, "+CPINGSTOP": lambda command: Reply(), "+CDNSCFG": lambda command: Reply(),
            "O": self._resume, "+CSOCKSETPN": self._modem.noted("CSOCKSETPN", low=1, high=16),
            "+CIPDNSSET": lambda command: Reply(), "+CTCPKA": lambda command: Reply(),
            "+CSOCKAUTH": lambda command: Reply(), "+CGSOCKCONT": lambda command: Reply(),
        }  # fmt: skip

    # Bearer

    def _netopen(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply()
        if command.op == "read":
            return Reply([f"+NETOPEN: {int(self.opened)}"])
        if self.opened:
            return modem.failed("+IP ERROR: Network is already opened")
        if not modem.ue.registered or modem.faults.take("no_context") is not None:
            return modem.failed("+NETOPEN: 1")

        def done() -> None:
            self.opened = bool(modem.ue.registered)
            modem.urc(f"+NETOPEN: {0 if self.opened else 1}")

        return Reply(after=lambda: modem.later(0.4, done))

    def _netclose(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self.opened:
            return self._modem.failed("+NETCLOSE: 2")
        self.opened = False
        for link in self._modem.links.all():
            if link.number < _LINKS:
                link.close()
        return self._modem.behind("+NETCLOSE: 0", 0.2)

    def _ipaddr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self.opened:
            return self._modem.failed(f"{self.ipaddr_prefix}: Network not opened")
        return Reply([f"+IPADDR: {self._modem.ue.grant.ip}"])

    def bearer_lost(self) -> None:
        """The network has taken the bearer away."""
        if self.opened:
            self.opened = False
            self._modem.urc("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY")

    # Opening and closing

    def _kind(self, link: Link) -> str:
        return "UDP" if link.kind == "udp" else "TCP"

    def _state(self, number: int) -> str:
        link = self._modem.links.get(number)
        if link is None or link.state != "open":
            return f"+CIPOPEN: {number}"
        return f'+CIPOPEN: {number},"{self._kind(link)}","{link.ip or link.host}",{link.port},-1'

    def _cipopen(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(['+CIPOPEN: (0-9),("TCP","UDP")'])
        if command.op == "read":
            return Reply([self._state(number) for number in range(_LINKS)])
        number, kind = command.integer(0, 0, _LINKS - 1), command.string(1, 3).upper()
        if command.op != "set" or kind not in ("TCP", "UDP"):
            raise SyntaxFault
        if not self.opened:
            return modem.failed(f"+CIPOPEN: {number},{_NET_CLOSED}")
        old = modem.links.get(number)
        if old is not None and old.state == "closed":
            old.close()
        elif old is not None:
            return modem.failed(f"+CIPOPEN: {number},{_NOT_SUPPORTED}")
        if kind == "UDP":
            self._open(number, "udp", "", 0, command.integer(4, 0, 65535, default=0))
            return None
        host, port = command.string(2, 255), command.integer(3, 1, 65535)
        self._open(number, "tcp", host, port, 0)
        return Reply() if self.fails_after_ok else None

    def _open(self, number: int, kind: Kind, host: str, port: int, local: int) -> None:
        modem = self._modem
        rule = modem.faults.take("open_error")

        def done(outcome: str) -> None:
            code = rule.code if rule is not None else _OUTCOMES.get(outcome, 0)
            text = f"+CIPOPEN: {number},{code}"
            if code:
                link.close()
            if self.fails_after_ok and kind == "tcp":
                modem.urc(text)
            elif code:
                modem.complete(modem.failed(text))
            elif self.transparent:
                modem.complete(Reply(final=modem.connected_text(), after=lambda: self._go_online(link)))
            elif kind == "udp":
                modem.complete(Reply([text]))
            else:
                modem.complete(modem.behind(text))

        link = modem.links.open(number, kind, host, port, done, local_port=local, timeout_s=120.0)
        link.on_data = lambda data: self._came(link, data)
        link.on_closed = lambda why: self._closed(link, why)

    def _closed(self, link: Link, why: str) -> None:
        if why == "no bearer":
            link.close()
            return
        if not link.buffer:
            link.close()
        if self.transparent:
            self._modem.payload.online = None
            self._modem.output.block(["CLOSED"])
        self._modem.urc(f"+IPCLOSE: {link.number},1")

    def _cipclose(self, command: Command) -> Reply:
        links = self._modem.links
        if command.op == "test":
            return Reply(["+CIPCLOSE: (0-9)"])
        if command.op == "read":
            used = [links.get(number) for number in range(_LINKS)]
            return Reply(["+CIPCLOSE: " + ",".join(str(int(one is not None and one.state == "open")) for one in used)])
        number = command.integer(0, 0, _LINKS - 1)
        link = links.get(number)
        if link is None and number not in self._taken:
            return self._modem.failed(f"+CIPCLOSE: {number},{_NOT_SUPPORTED}")
        text = f"+CIPCLOSE: {number},0"
        udp = link is not None and link.kind == "udp"
        self._taken.pop(number, None)
        if link is not None:
            link.close()
        return Reply([text]) if udp else self._modem.behind(text, 0.1)

    # Sending

    def _cipsend(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply([f"+CIPSEND: (0-9),(1-{_LONGEST})"])
        number = command.integer(0, 0, _LINKS - 1)
        size = command.integer(1, 1, _LONGEST) if command.given(1) else None
        link = modem.links.get(number)
        if number in self._taken:
            return modem.ask(size, _LONGEST, lambda data: modem.complete(modem.behind(self._sent(number, data))))
        if link is None or (link.state != "open" and not link.buffer):
            return modem.failed("+CIPERROR: 2" if not self.opened else f"+CIPERROR: {_NOT_SUPPORTED}")
        if link.kind == "udp" and not command.given(2):
            raise SyntaxFault

        def done(data: bytes) -> None:
            def told(ok: bool) -> None:
                confirmed = len(data) if ok else -1
                modem.complete(modem.behind(f"+CIPSEND: {number},{len(data)},{confirmed}"))

            if link.kind == "udp":
                link.send_to(command.string(2, 255), command.integer(3, 1, 65535), data, told)
            else:
                link.send(data, told)

        return modem.ask(size, _LONGEST, done)

    def _sent(self, number: int, data: bytes) -> str:
        return f"+CIPSEND: {number},{len(data)},{len(data)}"

    def _ack(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPACK: (0-9)"])
        link = self._modem.links.get(command.integer(0, 0, _LINKS - 1))
        if link is None:
            return self._modem.failed("+IP ERROR: Connection is not created")
        return Reply([f"+CIPACK: {link.sent},{link.acked},{link.sent - link.acked}"])

    def _stat(self, command: Command) -> Reply:
        number = command.integer(0, 0, _LINKS - 1)
        link = self._modem.links.get(number)
        sent, received = (link.sent, link.received) if link is not None else (0, 0)
        return Reply([f"+CIPSTAT: {sent},{received}"])

    # Receiving

    def _came(self, link: Link, data: bytes) -> None:
        if self.transparent:
            self._modem.output.raw(data)
            return
        if self.manual:
            told = bool(link.buffer)
            link.buffer += data
            if not told:
                self._modem.urc(f"+CIPRXGET: 1,{link.number}")
            return
        ip, port = link.sender if link.kind == "udp" else (link.ip, link.port)
        self.push(ip, port, data)

    def push(self, ip: str, port: int, data: bytes) -> None:
        """Data as they come, unasked."""
        lines = []
        if self.numbers["CIPSRIP"]:
            lines.append(f"RECV FROM:{ip}:{port}")
        if self.numbers["CIPHEAD"]:
            lines.append(f"+IPD{len(data)}")
        self._modem.urc("\r\n".join([*lines, data.decode("latin-1")]))

    def _ciprxget(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply([f"+CIPRXGET: (0-4),(0-9),(1-{_LONGEST})"])
        if command.op == "read":
            return Reply([f"+CIPRXGET: {int(self.manual)}"])
        mode = command.integer(0, 0, 4)
        if mode < 2:
            self.manual = bool(mode)
            return Reply()
        if not self.manual:
            return modem.failed("+IP ERROR: Operation not supported")
        number = command.integer(1, 0, _LINKS - 1)
        link = modem.links.get(number)
        held = self._taken.get(number) if link is None else link.buffer
        if mode == 4:
            return Reply([f"+CIPRXGET: 4,{number},{len(held or b'')}"])
        if not held:
            return modem.failed("+IP ERROR: No data")
        longest = _LONGEST if mode == 2 else _LONGEST_HEX
        size = command.integer(2, 1, longest, default=longest)
        data = bytes(held[:size])
        del held[:size]
        shown = data.decode("latin-1") if mode == 2 else data.hex().upper()
        if link is not None and not held and link.state == "closed":
            link.close()
        return Reply([f"+CIPRXGET: {mode},{number},{len(data)},{len(held)}", shown])

    # Transparent mode

    def _cipmode(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPMODE: (0-1)"])
        if command.op == "read":
            return Reply([f"+CIPMODE: {int(self.transparent)}"])
        if self.opened:
            return self._modem.failed("+IP ERROR: Network is already opened")
        self.transparent = bool(command.integer(0, 0, 1))
        return Reply()

    def _go_online(self, link: Link) -> None:
        self._modem.go_online(lambda data: link.send(data))

    def _resume(self, command: Command) -> Reply:
        link = self._modem.links.get(0)
        if not self.transparent or link is None or link.state != "open":
            return Reply(final="NO CARRIER")
        return Reply(final=self._modem.connected_text(), after=lambda: self._go_online(link))

    # Servers

    def _serverstart(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+SERVERSTART: {index},{port}" for index, port in sorted(self.servers.items())])
        if command.op == "test":
            return Reply(["+SERVERSTART: (0-65535),(0-3)"])
        port, index = command.integer(0, 0, 65535), command.integer(1, 0, 3)
        if not self.opened:
            return self._modem.failed("+IP ERROR: Network not opened")
        self.servers[index] = port
        return Reply()

    def _serverstop(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SERVERSTOP: (0-3)"])
        index = command.integer(0, 0, 3)
        code = 0 if self.servers.pop(index, None) is not None else _NOT_SUPPORTED
        return Reply([f"+SERVERSTOP: {index},{code}"], final="ERROR" if code else "OK")

    def incoming(self, number: int, server: int, ip: str, port: int) -> None:
        """Somebody connects to one of the servers."""
        self._taken[number] = bytearray()
        self._modem.urc(f"+CLIENT: {number},{server},{ip}:{port}")

    # Settings and queries

    def _number(self, key: str) -> Handler:
        def handler(command: Command) -> Reply:
            if command.op == "test":
                return Reply([f"+{key}: (0-1)"])
            if command.op == "read":
                return Reply([f"+{key}: {self.numbers[key]}"])
            self.numbers[key] = command.integer(0, 0, 1)
            return Reply()

        return handler

    def _timeouts(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPTIMEOUT: (3000-120000),(3000-120000),(3000-120000)"])
        return Reply(["+CIPTIMEOUT: 120000,120000,120000,120000"]) if command.op == "read" else Reply()

    def _ccfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPCCFG: (0-10),(0-1000),(0),(0-1),(0-1),(0),(500-120000)"])
        return Reply(["+CIPCCFG: 10,0,0,0,1,0,75000"]) if command.op == "read" else Reply()

    def _dns(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        name, modem = command.string(0, 254), self._modem

        def found(ip: str | None) -> None:
            line = "+CDNSGIP: 0,10" if ip is None else f'+CDNSGIP: 1,"{name}","{ip}"'
            modem.complete(Reply([line], final="ERROR" if ip is None else "OK"))

        if not modem.ue.registered:
            return modem.failed("+CDNSGIP: 0,8")
        modem.links.lookup(name, found)
        return None

    def _ping(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CPING: IP address,(1,2),(1-100),(4-188),(1000-10000),(10000-100000),(16-255)"])
        name, modem = command.string(0, 255), self._modem
        times, size = command.integer(2, 1, 100, default=4), command.integer(3, 4, 188, default=64)

        def found(ip: str | None) -> None:
            lost = ip is None or modem.network.blocked() is not None or modem.faults.ping_lost
            for count in range(times if ip is not None else 0):
                text = "+CPING: 2" if lost else f"+CPING: 1,{ip},{size},{110 + 10 * count},255"
                modem.later(0.2 * (count + 1), modem.urc, text)
            summary = f"3,{times},0,{times},0,0,0" if lost else f"3,{times},{times},0,110,{100 + 10 * times},115"
            modem.later(0.2 * (times + 1), modem.urc, f"+CPING: {'3,0,0,0,0,0,0' if ip is None else summary}")

        return Reply(after=lambda: modem.links.lookup(name, found))
