"""The #X commands of Serial LTE Modem (up to 3.1): one selected socket, TCP and UDP clients. Source: its test guide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families.nordic_nrf91.sockets import PLACES, Socket, content, peer_of
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_RAI = {50: "now", 51: 1, 52: 2}
_RECEIVE = 2048
_GONE_S = 0.5


class SlmCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._sockets = modem.sockets_part
        self._selected: int | None = None
        self._clients: dict[str, Socket] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "#XSOCKET": self._xsocket, "#XSSOCKET": self._xssocket, "#XSOCKETSELECT": self._select,
            "#XSOCKETOPT": self._xsocketopt, "#XSSOCKETOPT": self._xssocketopt, "#XCONNECT": self._xconnect,
            "#XSEND": self._xsend, "#XSENDTO": self._xsendto, "#XRECV": self._xrecv, "#XRECVFROM": self._xrecvfrom,
            "#XBIND": self._xbind, "#XLISTEN": lambda command: Reply(), "#XPOLL": self._xpoll,
            "#XTCPCLI": self._client("TCP"), "#XUDPCLI": self._client("UDP"),
            "#XTCPSEND": self._client_send("TCP"), "#XUDPSEND": self._client_send("UDP"),
            "#XTCPHANGUP": self._client("TCP"), "#XACCEPT": self._refused, "#XTCPSVR": self._server,
            "#XUDPSVR": self._server,
        }  # fmt: skip

    def _refused(self, command: Command) -> Reply:
        raise SyntaxFault

    def _server(self, command: Command) -> Reply:
        started = command.integer(0, 0, 2)
        return Reply([f'{command.name}: 0,"started"' if started else f'{command.name}: 0,"stopped"'])

    @property
    def _socket(self) -> Socket:
        """The selected one. Raises SyntaxFault."""
        socket = self._sockets.open.get(-1 if self._selected is None else self._selected)
        if socket is None:
            raise SyntaxFault
        return socket

    # Making and closing

    def _xsocket(self, command: Command) -> Reply:
        return self._made(command, "#XSOCKET", secure=False)

    def _xssocket(self, command: Command) -> Reply:
        return self._made(command, "#XSSOCKET", secure=True)

    def _made(self, command: Command, name: str, secure: bool) -> Reply:
        if command.op == "test":
            return Reply([f"{name}: (0,1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>" if secure else
                          f"{name}: (0,1,2),(1,2,3),(0,1),<cid>"])  # fmt: skip
        if command.op == "read":
            return Reply([
                f"{name}: {s.number},{s.family},{s.role},{s.kind},{s.tag if secure else s.cid}"
                for s in self._sockets.open.values() if (s.tag is not None) == secure
            ])  # fmt: skip
        family = command.integer(0, 0, 2)
        if family == 0:
            socket = self._socket
            self._sockets.close(socket)
            self._selected = max(self._sockets.open, default=None)
            return Reply([f'#XSOCKET: {socket.number},"closed"'])
        kind, role = command.integer(1, 1, 3), command.integer(2, 0, 1)
        tag = command.integer(3, 0, 2147483647) if secure else None
        verify = command.integer(4, 0, 2, default=2) if secure else 2
        cid = command.integer(5 if secure else 3, 0, 10, default=0)
        socket = self._sockets.create(family, kind, role, cid, tag, verify)
        self._selected = socket.number
        return Reply([f"{name}: {socket.number},{kind},{socket.protocol}"])

    def _select(self, command: Command) -> Reply:
        if command.op == "read":
            sockets = self._sockets.open.values()
            lines = [f"#XSOCKETSELECT: {s.number},{s.family},{s.role},{s.kind},-1,0" for s in sockets]
            return Reply([*lines, f"#XSOCKETSELECT: {-1 if self._selected is None else self._selected}"])
        number = command.integer(0, 0, PLACES - 1)
        if number not in self._sockets.open:
            raise SyntaxFault
        self._selected = number
        return Reply([f"#XSOCKETSELECT: {number}"])

    def _xsocketopt(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XSOCKETOPT: (0,1),<name>,<value>"])
        socket, op, name = self._socket, command.integer(0, 0, 1), command.integer(1, 0, 99)
        if op == 0:
            return Reply([f"#XSOCKETOPT: {socket.options.get(name, 0)}"])
        socket.options[name] = command.string(2, 200, default="0")
        self._sockets.set_rai(socket, _RAI.get(name))
        return Reply()

    def _xssocketopt(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XSSOCKETOPT: (0,1),<name>,<value>"])
        socket, op, name = self._socket, command.integer(0, 0, 1), command.integer(1, 0, 99)
        if op == 0:
            return Reply([f"#XSSOCKETOPT: {socket.options.get(1000 + name, 0)}"])
        value = command.string(2, 200, default="0")
        socket.options[1000 + name] = "" if value == "NULL" else value
        if name == 5:
            socket.verify = command.integer(2, 0, 2)
        return Reply()

    def _xbind(self, command: Command) -> Reply:
        self._socket.server_port = command.integer(0, 0, 65535)
        return Reply()

    def _xconnect(self, command: Command) -> Reply | None:
        socket = self._socket
        host, port = peer_of(command, 0)
        self._sockets.connect(socket, host, port, lambda ok: self._connected("#XCONNECT: 1", ok))
        return None

    def _connected(self, line: str, ok: bool) -> None:
        if ok:
            self._modem.complete(Reply([line]))
        else:
            self._modem.fail(SyntaxFault())

    def _xpoll(self, command: Command) -> Reply:
        command.integer(0, -1, 1 << 30)
        sockets = self._sockets.open.values()
        return Reply([f'#XPOLL: {s.number},"0x0000000{1 if s.filled else 4}"' for s in sockets])

    # Sending and receiving

    def _sent(self, name: str, size: int, ok: bool) -> None:
        self._connected(f"{name}: {size}", ok)

    def _xsend(self, command: Command) -> Reply | None:
        socket = self._socket
        link = socket.link
        if link is None or not socket.connected or socket.hung_up:
            raise SyntaxFault
        if command.op == "action":
            return Reply(after=lambda: self._modem.data_input.enter(link.send))
        data = content(command, 0, False)
        link.send(data, lambda ok: self._sent("#XSEND", len(data), ok), self._sockets.rai_of(socket))
        return None

    def _xsendto(self, command: Command) -> Reply | None:
        socket = self._socket
        host, port = peer_of(command, 0)
        if socket.kind != 2:
            raise SyntaxFault
        link, rai = self._sockets.bound(socket), self._sockets.rai_of(socket)
        if not command.given(2):
            return Reply(after=lambda: self._modem.data_input.enter(lambda data: link.send_to(host, port, data)))
        data = content(command, 2, False)
        wait_s = self._modem.config.timing.socket_open_s.value + 0.01 if link.state == "opening" else 0.0

        def sent(ok: bool) -> None:
            self._sent("#XSENDTO", len(data), ok)

        self._modem.later(wait_s, link.send_to, host, port, data, sent, rai)
        return None

    def _xrecv(self, command: Command) -> Reply | None:
        def answer(data: bytes, ip: str, port: int) -> Reply:
            return Reply([f"#XRECV: {len(data)}\r\n{text_of(data)}"])

        return self._receive(command, answer)

    def _xrecvfrom(self, command: Command) -> Reply | None:
        def answer(data: bytes, ip: str, port: int) -> Reply:
            return Reply([f'#XRECVFROM: {len(data)},"{ip}",{port}\r\n{text_of(data)}'])

        return self._receive(command, answer)

    def _receive(self, command: Command, answer: Callable[[bytes, str, int], Reply]) -> Reply | None:
        timeout_s, flags = command.integer(0, 0, 65535), command.integer(1, 0, 511, default=0)
        return self._sockets.receive(self._socket, flags, timeout_s, _RECEIVE, answer)

    # Clients

    def _client(self, kind: str) -> Handler:
        name = f"#X{kind}CLI"

        def handler(command: Command) -> Reply | None:
            socket = self._clients.get(kind)
            if command.op == "test":
                more = "<use_dtls_cid>," if kind == "UDP" else ""
                return Reply([f"{name}: (0,1,2),<url>,<port>,<sec_tag>,{more}<peer_verify>,<hostname_verify>"])
            if command.op == "read":
                return Reply([f"{name}: {socket.number if socket else -1},1"])
            if command.integer(0, 0, 2) == 0:
                if socket is None:
                    raise SyntaxFault
                return Reply(after=lambda: self._disconnect(kind, socket))
            if socket is not None:
                raise SyntaxFault
            return self._connect(kind, name, command)

        return handler

    def _connect(self, kind: str, name: str, command: Command) -> Reply | None:
        host, port = peer_of(command, 1)
        tag = command.integer(3, 0, 2147483647) if command.given(3) else None
        socket = self._sockets.create(1, 1 if kind == "TCP" else 2, 0, 0, tag, command.integer(4, 0, 2, default=2))
        self._clients[kind] = socket

        def done(ok: bool) -> None:
            if ok and socket.link is not None:
                socket.taken = lambda data: self._data(kind, socket, data)
                socket.link.on_closed = lambda why: self._disconnect(kind, socket)
            else:
                self._sockets.close(socket)
                self._clients.pop(kind, None)
            self._connected(f'{name}: {socket.number},"connected"', ok)

        self._sockets.connect(socket, host, port, done)
        return None

    def _data(self, kind: str, socket: Socket, data: bytes) -> None:
        if self._modem.payload.online is not None:
            self._modem.output.raw(data)
            return
        link = socket.link
        peer = f',"{link.ip}",{link.port}' if kind == "UDP" and link is not None else ""
        self._modem.urc(f"#X{kind}DATA: {len(data)}{peer}\r\n{text_of(data)}")

    def _disconnect(self, kind: str, socket: Socket) -> None:
        self._sockets.close(socket)
        self._clients.pop(kind, None)
        wait_s = 0.05 if kind == "TCP" else _GONE_S
        self._modem.later(wait_s, self._modem.urc, f'#X{kind}CLI: {socket.number},"disconnected"')

    def _client_send(self, kind: str) -> Handler:
        def handler(command: Command) -> Reply | None:
            socket = self._clients.get(kind)
            link = socket.link if socket is not None else None
            if link is None:
                raise SyntaxFault
            if command.op == "action":
                return Reply(after=lambda: self._modem.data_input.enter(link.send))
            data = content(command, 0, False)
            link.send(data, lambda ok: self._sent(f"#X{kind}SEND", len(data), ok))
            return None

        return handler
