"""AT+CA…: sockets. Sources: TCPUDP(S) note V1.03, SIM7000 AT manual V1.06, logs of SIM7000 and drivers' notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._simcom.lpwa import number_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_IDS = 13
_LONGEST = 1460
_RESULTS = {"ok": 0, "no bearer": 21, "dns": 20, "refused": 23, "timeout": 27, "tls": 27}
_TLS_RESULTS = {"bad ca": 24, "bad certificate or key": 25}


class _Server:
    """A port that takes datagrams or connections."""

    def __init__(self, kind: str, port: int) -> None:
        self.kind, self.port = kind, port
        self.peer = ("", 0)


class SocketCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.pushes: dict[int, bool] = {}
        self.servers: dict[int, _Server] = {}
        self._settings: dict[str, str] = {"ASYNCOPEN": "0"}
        modem.at_reset.append(self.forget)

    def forget(self) -> None:
        """A restart."""
        self.pushes.clear()
        self.servers.clear()

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CAOPEN": self._open, "+CASEND": self._send, "+CARECV": self._recv, "+CACLOSE": self._close,
            "+CAACK": self._ack, "+CASTATE": self._state, "+CACFG": self._cfg, "+CASERVER": self._server,
            "+CACID": self._cacid, "+CASSLCFG": self._modem.files_part.cassl,
        }  # fmt: skip

    def _link(self, number: int) -> Link:
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(_NOT_ALLOWED)
        return link

    # Opening

    def _open(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(['+CAOPEN: (0-12),(0-3),("TCP","UDP","NONIP"),(0-255),(1-65535),(0,1)'])
        if command.op == "read":
            return Reply([f'+CAOPEN: {link.number},0,"{link.kind.upper()}","{link.host}",{link.port}'
                          for link in modem.links.all() if link.number < _IDS])  # fmt: skip
        number, at = command.integer(0, 0, _IDS - 1), 1
        if command.given(1) and not command.args[1].quoted and command.args[1].text.isdigit():
            command.integer(1, 0, 3)
            at = 2
        elif not modem.old:
            raise SyntaxFault
        kind = "TCP"
        if command.string(at, 255).upper() in ("TCP", "UDP", "NONIP"):
            kind, at = command.string(at, 5).upper(), at + 1
        host, port = command.string(at, 255), command.integer(at + 1, 1, 65535)
        pushes = command.integer(at + 2, 0, 1, default=0) == 1
        old = modem.links.get(number)
        if modem.faults.take("open_error") is not None or (old is not None and old.state != "closed"):
            raise MeFault(_NOT_ALLOWED)
        if old is not None:
            old.close()
        if not modem.bearer.active:
            if modem.old:
                raise MeFault(_NOT_ALLOWED)
            return self._opened(number, 21)
        tls = modem.files_part.settings_of_socket(number) if kind == "TCP" else None
        wanted: Literal["udp", "tcp", "tls"] = "tls" if tls else "udp" if kind == "UDP" else "tcp"
        late = self._settings["ASYNCOPEN"] == "1"

        def done(outcome: str) -> None:
            code = _RESULTS[outcome]
            if outcome == "tls":
                code = _TLS_RESULTS.get(link.why, code)
            if outcome != "ok":
                link.close()
            if late:
                modem.urc(f"+CAOPEN: {number},{code}")
            else:
                modem.complete(self._opened(number, code))

        def begin() -> Link:
            link = modem.links.open(number, wanted, host, port, done, tls)
            self.pushes[number] = pushes
            link.on_data = lambda data: self._came(link, data)
            link.on_closed = lambda why: self._closed(link)
            return link

        link = begin()
        return Reply() if late else None

    def _opened(self, number: int, code: int) -> Reply:
        return Reply([f"+CAOPEN: {number},{code}"])

    def _closed(self, link: Link) -> None:
        if self._modem.old:
            link.buffer.clear()  # what was not fetched is lost (notes on SIM7000)
        self._modem.urc(f"+CASTATE: {link.number},0")

    def _cacid(self, command: Command) -> Reply:
        if command.op == "set" and command.integer(0, 0, 12) and not self._modem.bearer.active:
            raise MeFault(_NOT_ALLOWED)
        return Reply(["+CACID: (0-12)"] if command.op == "test" else ["+CACID: 0"] if command.op == "read" else [])

    # Sending

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CASEND: (0-{_IDS - 1}),(0-{_LONGEST}),(100-10000)"])
        number = command.integer(0, 0, _IDS - 1)
        server = self.servers.get(number)
        link = self._link(number)
        if not command.given(1):
            return Reply([f"+CASEND: {_LONGEST}"])
        length = command.integer(1, 1, _LONGEST)
        command.integer(2, 100, 10000, default=5000)
        if link.state != "open":
            raise MeFault(_NOT_ALLOWED)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
            elif server is not None and server.peer[0]:
                link.send_to(*server.peer, data, lambda ok: self._sent(number, len(data), ok))
            else:
                link.send(data, lambda ok: self._sent(number, len(data), ok), self._rai())

        return Reply(prompt=DataMode(length, length, typed))

    def _rai(self) -> int:
        store: dict[str, str] = self._modem.settings.nvram["noted"]
        value = self._modem.noted_value("+CRAI")
        mode, _, valid = value.partition(",")
        if mode != "0" and valid != "1":
            store["+CRAI"] = "0"  # once
        return min(number_of(mode), 2)

    def _sent(self, number: int, size: int, ok: bool) -> None:
        modem = self._modem
        if not ok:
            modem.fail(MeFault(_NOT_ALLOWED))
            return
        shows = modem.variant.get("casend", False)
        after = modem.told(0.1, f"+CASEND: {number},0,{size}") if shows else None
        modem.complete(Reply(after=after))

    def _ack(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CAACK: (0-{_IDS - 1})"])
        link = self._link(command.integer(0, 0, _IDS - 1))
        acked = link.acked if link.kind != "udp" else link.sent
        return Reply([f"+CAACK: {link.sent},{link.sent - acked}"])

    # Receiving

    def _came(self, link: Link, data: bytes) -> None:
        number = link.number
        server = self.servers.get(number)
        if self.pushes.get(number):
            peer = f",{link.sender[0]},{link.sender[1]}" if link.kind == "udp" and server else ""
            self._modem.urc(f'+CAURC: "recv",{number},{len(data)}{peer}\r\n{text_of(data)}')
            return
        told = bool(link.buffer)
        link.buffer += data
        if not told:
            self._modem.urc(f"+CADATAIND: {number}")
        if server is not None and not server.peer[0]:
            server.peer = link.sender if link.sender[0] else ("198.51.100.7", 5001)
            self._modem.urc(f"+CANEW: {number},{number},{server.peer[0]},{server.peer[1]}")

    def incoming(self, server: int, ip: str, port: int) -> int:
        """A peer connects to a TCP server: the id that its connection gets."""
        modem = self._modem
        number = next(each for each in range(_IDS) if modem.links.get(each) is None)
        link = modem.links.open(number, "udp", "", 0, lambda outcome: None)
        link.on_data = lambda data: self._came(link, data)
        modem.urc(f"+CANEW: {server},{number},{ip},{port}")
        return number

    def _recv(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CARECV: (0-{_IDS - 1}),(1-{_LONGEST})"])
        number = command.integer(0, 0, _IDS - 1)
        link = self._link(number)
        data = link.take(command.integer(1, 1, _LONGEST))
        if not data:
            return Reply(["+CARECV: 0"])
        if self._modem.variant.get("carecv cid", False):
            return Reply([f"+CARECV: {number},{len(data)}", text_of(data)])
        return Reply([f"+CARECV: {len(data)},{text_of(data)}"])

    # The rest

    def _close(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CACLOSE: (0-{_IDS - 1})"])
        number = command.integer(0, 0, _IDS - 1)
        link = self._modem.links.get(number)
        if link is None:
            raise SyntaxFault
        link.close()
        self.servers.pop(number, None)
        return Reply()

    def _state(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        links = [link for link in self._modem.links.all() if link.number < _IDS]
        return Reply([f"+CASTATE: {link.number},{2 if link.number in self.servers else int(link.state == 'open')}"
                      for link in links])  # fmt: skip

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CACFG: "ASYNCOPEN",(0,1)', '+CACFG: "TIMEOUT",(0-12),(100-10000),(1-65535),(0-1460)',
                          '+CACFG: "REMOTEADDR",(0-12),"ip",(0-65535)'])  # fmt: skip
        if command.op == "read":
            return Reply([f'+CACFG: "ASYNCOPEN",{self._settings["ASYNCOPEN"]}'])
        key = command.string(0, 20).upper()
        if key == "REMOTEADDR":
            server = self.servers.get(command.integer(1, 0, _IDS - 1)) or next(iter(self.servers.values()), None)
            if server is not None:
                server.peer = (command.string(2, 64), command.integer(3, 0, 65535))
            return Reply()
        self._settings[key] = ",".join(arg.text for arg in command.args[1:])
        return Reply()

    def _server(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(['+CASERVER: (0-12),(0-3),("TCP","UDP"),(1-65535),(0,1)'])
        if command.op == "read":
            return Reply([f'+CASERVER: {number},0,"{server.kind}",{server.port}'
                          for number, server in self.servers.items()])  # fmt: skip
        number, kind, port = command.integer(0, 0, 12), command.string(2, 3).upper(), command.integer(3, 1, 65535)
        command.integer(1, 0, 3)
        if kind not in ("TCP", "UDP") or modem.links.get(number) is not None:
            raise MeFault(_NOT_ALLOWED)
        if not modem.bearer.active:
            return Reply([f"+CASERVER: {number},21"])
        self.servers[number] = _Server(kind, port)
        link = modem.links.open(number, "udp", "", 0, lambda outcome: None, local_port=port)
        link.on_data = lambda data: self._came(link, data)
        self.pushes[number] = command.integer(4, 0, 1, default=0) == 1
        return Reply([f"+CASERVER: {number},0"])
