"""The #X socket commands of Serial Modem v2: the handle comes first. Source: its documentation, at_socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families.nordic_nrf91.sockets import (
    HUP,
    IN,
    LONGEST,
    OUT,
    PLACES,
    RECEIVE,
    Socket,
    content,
    peer_of,
)
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_WAIT_ACK, _NOTIFY = 512, 8192
_ACK_S = 0.8  # (unverified) to the network's acknowledgement of a datagram
_RAI_61 = {1: "now", 2: 1, 3: 2}


class SocketCommands:
    """Serial Modem's syntax: the handle comes first everywhere."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._sockets = modem.sockets_part

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "#XSOCKET": self._xsocket, "#XSSOCKET": self._xssocket, "#XCLOSE": self._xclose,
            "#XCONNECT": self._xconnect, "#XSOCKETOPT": self._xsocketopt, "#XSSOCKETOPT": self._xssocketopt,
            "#XBIND": self._xbind,
            "#XSEND": self._xsend, "#XSENDTO": self._xsendto, "#XRECV": self._xrecv, "#XRECVFROM": self._xrecvfrom,
            "#XAPOLL": self._xapoll, "#XRECVCFG": self._xrecvcfg, "#XLISTEN": self._xlisten, "#XACCEPT": self._xaccept,
        }  # fmt: skip

    def _socket(self, command: Command) -> Socket:
        socket = self._sockets.open.get(command.integer(0, 0, PLACES - 1))
        if socket is None:
            raise SyntaxFault
        return socket

    def _xsocket(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XSOCKET: <handle>,(1,2),(1,2,3),(0,1),<cid>"])
        if command.op == "read":
            return Reply([
                f"#XSOCKET: {s.number},{s.family},{s.role},{s.kind},{s.cid}"
                for s in self._sockets.open.values() if s.tag is None
            ])  # fmt: skip
        family, kind, role = command.integer(0, 1, 3), command.integer(1, 1, 3), command.integer(2, 0, 1)
        socket = self._sockets.create(family, kind, role, command.integer(3, 0, 10, default=0))
        return Reply([f"#XSOCKET: {socket.number},{kind},{socket.protocol}"], after=lambda: self._made(socket))

    def _made(self, socket: Socket) -> None:
        if socket.kind == 2:
            self._sockets.polled(socket, OUT)

    def _xssocket(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XSSOCKET: <handle>,(1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>"])
        if command.op == "read":
            return Reply([
                f"#XSSOCKET: {s.number},{s.family},{s.role},{s.kind},{s.tag},{s.cid}"
                for s in self._sockets.open.values() if s.tag is not None
            ])  # fmt: skip
        family, kind, role = command.integer(0, 1, 2), command.integer(1, 1, 2), command.integer(2, 0, 1)
        tag, verify = command.integer(3, 0, 2147483647), command.integer(4, 0, 2, default=2)
        socket = self._sockets.create(family, kind, role, command.integer(5, 0, 10, default=0), tag, verify)
        return Reply([f"#XSSOCKET: {socket.number},{kind},{socket.protocol}"])

    def _xclose(self, command: Command) -> Reply:
        if command.op == "test":
            raise SyntaxFault
        chosen = [self._socket(command)] if command.given(0) else list(self._sockets.open.values())
        for socket in chosen:
            self._modem.http_part.cancelled(socket)
            self._sockets.close(socket)
        return Reply([f"#XCLOSE: {socket.number},0" for socket in chosen])

    def _xconnect(self, command: Command) -> Reply | None:
        socket = self._socket(command)
        host, port = peer_of(command, 1)

        def done(ok: bool) -> None:
            if not ok:
                self._modem.fail(SyntaxFault())
                return
            reply = Reply([f"#XCONNECT: {socket.number},1"])
            if socket.kind == 1:
                reply.after = lambda: self._sockets.polled(socket, OUT)
            self._modem.complete(reply)

        self._sockets.connect(socket, host, port, done)
        return None

    def _xsocketopt(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XSOCKETOPT: <handle>,(0,1),<name>,<value>"])
        socket, op, name = self._socket(command), command.integer(1, 0, 1), command.integer(2, 0, 99)
        if op == 0:
            return Reply([f"#XSOCKETOPT: {socket.number},{socket.options.get(name, 0)}"])
        socket.options[name] = command.string(3, 200, default="0")
        if name == 61:
            self._sockets.set_rai(socket, _RAI_61.get(command.integer(3, 1, 5)))
        return Reply()

    def _xssocketopt(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XSSOCKETOPT: <handle>,(0,1),<name>,<value>"])
        socket, op, name = self._socket(command), command.integer(1, 0, 1), command.integer(2, 0, 99)
        if socket.tag is None:
            raise SyntaxFault
        if op == 0:
            return Reply([f"#XSSOCKETOPT: {socket.number},{socket.options.get(1000 + name, 0)}"])
        value = command.string(3, 200, default="0")
        socket.options[1000 + name] = "" if value == "NULL" else value
        if name == 5:
            socket.verify = command.integer(3, 0, 2)
        return Reply()

    def _xbind(self, command: Command) -> Reply:
        socket = self._socket(command)
        socket.server_port = command.integer(1, 0, 65535)
        return Reply()

    def _xlisten(self, command: Command) -> Reply:
        if not self._socket(command).server_port:
            raise SyntaxFault
        return Reply()

    def _xaccept(self, command: Command) -> Reply:
        self._socket(command)
        raise SyntaxFault  # nobody can reach a device behind the operator's address translation

    # Sending

    def _sent(self, name: str, socket: Socket, flags: int, size: int, ok: bool) -> None:
        if not ok:
            self._modem.fail(SyntaxFault())
            return
        kind = int(bool(flags & _NOTIFY))
        reply = Reply([f"{name}: {socket.number},{kind},{size}"], after=lambda: self._gone(socket, flags, size))
        self._modem.later(_ACK_S if flags & _WAIT_ACK else 0.0, self._modem.complete, reply)

    def _gone(self, socket: Socket, flags: int, size: int) -> None:
        """What follows the OK: the network's acknowledgement, and that more may be sent."""
        socket.armed |= OUT
        wait_s = 0.05
        if flags & _NOTIFY:
            wait_s += _ACK_S
            self._modem.later(_ACK_S, self._modem.urc, f"#XSENDNTF: {socket.number},0,{size}")
        self._modem.later(wait_s, self._sockets.polled, socket, OUT)

    def _xsend(self, command: Command) -> Reply | None:
        socket, mode = self._socket(command), command.integer(1, 0, 2)
        flags = command.integer(2, 0, 65535)
        link = socket.link
        if link is None or not socket.connected or socket.hung_up:
            raise SyntaxFault
        if mode == 2:
            return self._data_mode(socket, flags, command, 3, link.send)
        data = content(command, 3, mode == 1)
        link.send(data, lambda ok: self._sent("#XSEND", socket, flags, len(data), ok), self._sockets.rai_of(socket))
        return None

    def _data_mode(
        self, socket: Socket, flags: int, command: Command, at: int, send: Callable[[bytes], object]
    ) -> Reply:
        length = command.integer(at, 1, LONGEST) if command.given(at) else None
        total = 0

        def piece(data: bytes) -> None:
            nonlocal total
            total += len(data)
            send(data)
            if flags & _NOTIFY:
                self._modem.later(_ACK_S, self._modem.urc, f"#XSENDNTF: {socket.number},0,{total}")

        return Reply(after=lambda: self._modem.data_input.enter(piece, length))

    def _xsendto(self, command: Command) -> Reply | None:
        socket, mode = self._socket(command), command.integer(1, 0, 2)
        flags = command.integer(2, 0, 65535)
        host, port = peer_of(command, 3)
        if socket.kind != 2:
            raise SyntaxFault
        link = self._sockets.bound(socket)
        if mode == 2:
            return self._data_mode(socket, flags, command, 5, lambda data: link.send_to(host, port, data))
        data, rai = content(command, 5, mode == 1), self._sockets.rai_of(socket)
        wait_s = self._modem.config.timing.socket_open_s.value + 0.01 if link.state == "opening" else 0.0

        def sent(ok: bool) -> None:
            self._sent("#XSENDTO", socket, flags, len(data), ok)

        self._modem.later(wait_s, link.send_to, host, port, data, sent, rai)
        return None

    # Receiving

    def _xrecv(self, command: Command) -> Reply | None:
        return self._receive(command, "#XRECV", False)

    def _xrecvfrom(self, command: Command) -> Reply | None:
        return self._receive(command, "#XRECVFROM", True)

    def _receive(self, command: Command, name: str, with_peer: bool) -> Reply | None:
        socket, mode = self._socket(command), command.integer(1, 0, 1)
        flags, timeout_s = command.integer(2, 0, 511), command.integer(3, 0, 65535)
        if with_peer and socket.kind != 2:
            raise SyntaxFault

        def answer(data: bytes, ip: str, port: int) -> Reply:
            head = f"{name}: {socket.number},{mode},{len(data)}" + (f',"{ip}",{port}' if with_peer else "")
            return Reply([f"{head}\r\n{data.hex() if mode else text_of(data)}"])

        limit = command.integer(4, 1, RECEIVE, default=RECEIVE)
        return self._sockets.receive(socket, flags, timeout_s, limit, answer)

    def _xapoll(self, command: Command) -> Reply:
        sockets = self._sockets
        if command.op == "test":
            return Reply(["#XAPOLL: <handle>,(0,1),(0,1,4,5)"])
        if command.op == "read":
            return Reply([f"#XAPOLL: {s.number},{s.poll}" for s in sockets.open.values() if s.poll is not None])
        op, events = command.integer(1, 0, 1), command.integer(2, 0, 5, default=0)
        chosen = [self._socket(command)] if command.given(0) else list(sockets.open.values())
        for socket in chosen:
            socket.poll, socket.armed = (events if op else None), IN | OUT | HUP
        if not command.given(0):
            sockets.poll_new = events if op else None
        return Reply(after=lambda: self._now(chosen if op else []))

    def _now(self, chosen: list[Socket]) -> None:
        for socket in chosen:
            self._sockets.look(socket)

    def _xrecvcfg(self, command: Command) -> Reply:
        sockets = self._sockets
        if command.op == "test":
            return Reply(["#XRECVCFG: <handle>,(0,1,2,3),(0,1)"])
        if command.op == "read":
            return Reply([f"#XRECVCFG: {s.number},{s.auto[0]},{s.auto[1]}" for s in sockets.open.values() if s.auto[0]])
        auto = (command.integer(1, 0, 3), command.integer(2, 0, 1, default=0))
        for socket in [self._socket(command)] if command.given(0) else list(sockets.open.values()):
            socket.auto = auto
        if not command.given(0):
            sockets.auto_new = auto
        return Reply()
