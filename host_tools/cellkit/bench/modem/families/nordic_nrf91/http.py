"""#XHTTPC…: HTTP on a socket (Serial Modem), or with a connection of its own (SLM). Source: at_httpc, migration notes.

Chunked bodies are passed on with their framing; a HEAD response has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families.nordic_nrf91.sockets import PLACES, Socket, peer_of
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD")
_IDLE_S = 30.0
_LONGEST = 4096


class _Request:
    """One request under way on a socket."""

    def __init__(self, socket: Socket, method: str, auto: bool, as_hex: bool) -> None:
        self.socket, self.method, self.auto, self.as_hex = socket, method, auto, as_hex
        self.head = bytearray()
        self.status = 0
        self.length: int | None = None
        self.received = self.given = 0
        self.body = bytearray()
        self.closes = False
        self.turn = 0

    @property
    def complete(self) -> bool:
        """Whether the whole body has come."""
        if self.method == "HEAD" or self.status in (204, 304):
            return True
        return self.received >= self.length if self.length is not None else self.body.endswith(b"0\r\n\r\n")


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._requests: dict[int, _Request] = {}
        self._own: Socket | None = None

    def forget(self) -> None:
        """Reset."""
        self._requests.clear()
        self._own = None

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        if not self._modem.serial_modem:
            return {"#XHTTPCCON": self._slm_connect, "#XHTTPCREQ": self._slm_request}
        return {"#XHTTPCREQ": self._request, "#XHTTPCDATA": self._pull, "#XHTTPCCANCEL": self._cancel}

    # Serial Modem

    def _socket(self, command: Command) -> Socket:
        socket = self._modem.sockets_part.open.get(command.integer(0, 0, PLACES - 1))
        if socket is None or socket.link is None or not socket.connected:
            raise SyntaxFault
        return socket

    def _request(self, command: Command) -> Reply:
        if command.op == "test":
            optional = "[,<auto_reception>[,<format>[,<body_len>[,<header>]...]]]"
            return Reply([f"#XHTTPCREQ: <handle>,<url>,<method>{optional}"])
        socket = self._socket(command)
        parts = urlsplit(command.string(1, 1024))
        method = _METHODS[command.integer(2, 0, 4)]
        if socket.number in self._requests or parts.scheme not in ("http", "https") or not parts.netloc:
            raise SyntaxFault
        auto, as_hex = command.integer(3, 0, 1, default=1), command.integer(4, 0, 1, default=0)
        size = command.integer(5, 0, 1 << 24, default=0)
        lines = [arg.text for arg in command.args[6:] if arg.text]
        request = self.begin(socket, method, bool(auto), bool(as_hex))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", *lines]
        if size or method in ("POST", "PUT"):
            head.append(f"Content-Length: {size}")
        text = "\r\n".join([*head, "", ""]).encode("latin-1")

        def begin() -> None:
            socket.taken = lambda data: self._came(request, data)
            self._send(socket, text)
            self._watch(request)
            if size:
                self._modem.data_input.enter(lambda data: self._send(socket, data), size)

        return Reply([f"#XHTTPCREQ: {socket.number}"], after=begin)

    def begin(self, socket: Socket, method: str, auto: bool, as_hex: bool) -> _Request:
        """A request is under way on this socket."""
        request = self._requests[socket.number] = _Request(socket, method, auto, as_hex)
        return request

    def _send(self, socket: Socket, data: bytes) -> None:
        if socket.link is not None:
            socket.link.send(data)

    def _watch(self, request: _Request) -> None:
        request.turn += 1
        turn = request.turn

        def idle() -> None:
            if turn == request.turn and self._requests.get(request.socket.number) is request:
                self._finish(request, -1)

        self._modem.later(_IDLE_S, idle)

    def _came(self, request: _Request, data: bytes) -> None:
        self._watch(request)
        if not request.status:
            request.head += data
            head, found, rest = bytes(request.head).partition(b"\r\n\r\n")
            if not found:
                return
            self._headers(request, head.decode("latin-1"))
            data = rest
        request.received += len(data)
        request.body += data
        if request.auto:
            self._deliver(request)

    def _headers(self, request: _Request, head: str) -> None:
        first, *lines = head.split("\r\n")
        request.status = int(first.split(" ")[1])
        for line in lines:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                request.length = int(value)
            elif name.lower() == "connection":
                request.closes = value.strip().lower() == "close"
        length = -1 if request.length is None else request.length
        self._modem.urc(f"#XHTTPCHEAD: {request.socket.number},{request.status},{length}")
        if request.complete and not request.received:
            self._finish(request, request.status)

    def _shown(self, request: _Request, data: bytes) -> str:
        return data.hex() if request.as_hex else text_of(data)

    def _deliver(self, request: _Request) -> None:
        data = bytes(request.body[request.given:])
        if data:
            head = f"#XHTTPCDATA: {request.socket.number},{request.given},{len(data)}"
            request.given += len(data)
            self._modem.urc(f"{head}\r\n{self._shown(request, data)}")
        if request.complete and self._requests.get(request.socket.number) is request:
            self._finish(request, request.status)

    def _finish(self, request: _Request, status: int) -> None:
        self._requests.pop(request.socket.number, None)
        request.socket.taken = None
        total = request.received if status >= 0 else request.given
        self._modem.urc(f"#XHTTPCSTAT: {request.socket.number},{status},{total},{int(request.closes)}")

    def _pull(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XHTTPCDATA: <handle>[,<length>]"])
        number = command.integer(0, 0, PLACES - 1)
        request = self._requests.get(number)
        if request is None or request.auto:
            raise SyntaxFault
        data = bytes(request.body[request.given:][:command.integer(1, 1, _LONGEST, default=_LONGEST)])
        head = f"#XHTTPCDATA: {number},{request.given},{len(data)}"
        request.given += len(data)
        over = request.complete and request.given >= len(request.body)
        after = (lambda: self._finish(request, request.status)) if over else None
        return Reply([f"{head}\r\n{self._shown(request, data)}" if data else head], after=after)

    def _cancel(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XHTTPCCANCEL: <handle>"])
        request = self._requests.get(command.integer(0, 0, PLACES - 1))
        if request is None:
            raise SyntaxFault
        return Reply(after=lambda: self._finish(request, -1))

    def cancelled(self, socket: Socket) -> None:
        """The socket is closed under a request."""
        request = self._requests.get(socket.number)
        if request is not None:
            self._finish(request, -1)

    # SLM

    def _slm_connect(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(["#XHTTPCCON: (0,1,2),<host>,<port>,<sec_tag>,<peer_verify>,<hostname_verify>"])
        if command.op == "read":
            return Reply([f"#XHTTPCCON: {int(self._own is not None)}"])
        sockets = modem.sockets_part
        if command.integer(0, 0, 2) == 0:
            if self._own is None:
                raise SyntaxFault
            sockets.close(self._own)
            self._own = None
            return Reply(["#XHTTPCCON: 0"])
        host, port = peer_of(command, 1)
        tag = command.integer(3, 0, 2147483647) if command.given(3) else None
        socket = sockets.create(1, 1, 0, 0, tag, command.integer(4, 0, 2, default=2))

        def done(ok: bool) -> None:
            if ok:
                self._own = socket
                socket.options[1001] = host
                modem.complete(Reply(["#XHTTPCCON: 1"]))
            else:
                sockets.close(socket)
                modem.fail(SyntaxFault())

        sockets.connect(socket, host, port, done)
        return None

    def _slm_request(self, command: Command) -> Reply:
        if command.op == "test":
            more = "<headers>,<content_type>,<content_length>,<chunked_transfer>"
            return Reply([f"#XHTTPCREQ: <method>,<resource>,{more}"])
        socket = self._own
        if socket is None:
            raise SyntaxFault
        method, path = command.string(0, 8), command.string(1, 1024)
        size = command.integer(4, 0, 1 << 24, default=0)
        head = [f"{method} {path} HTTP/1.1", f"Host: {socket.options[1001]}"]
        head += [line for line in command.string(2, 2048, default="").split("\r\n") if line]
        if command.given(3):
            head += [f"Content-Type: {command.string(3, 128)}", f"Content-Length: {size}"]
        text = "\r\n".join([*head, "", ""]).encode("latin-1")

        def begin() -> None:
            socket.taken = self._slm_response(_Request(socket, method.upper(), True, False))
            self._send(socket, text)
            self._modem.urc(f"#XHTTPCREQ: {int(bool(size))}")
            if size:
                self._modem.data_input.enter(lambda data: self._send(socket, data), size)

        return Reply(after=begin)

    def _slm_response(self, request: _Request) -> Callable[[bytes], object]:
        """Head and body come as they are, each followed by a line that counts their bytes."""
        modem = self._modem

        def came(data: bytes) -> None:
            if not request.status:
                request.head += data
                head, found, rest = bytes(request.head).partition(b"\r\n\r\n")
                if not found:
                    return
                request.status = int(head.split(b" ")[1])
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                request.length = int(lengths[0].split(b":")[1]) if lengths else None
                modem.output.raw(head + found)
                modem.urc(f"#XHTTPCRSP:{len(head) + 4},{int(request.complete)}")
                data = rest
            if data:
                request.received += len(data)
                modem.output.raw(data)
                modem.urc(f"#XHTTPCRSP:{len(data)},{int(request.complete)}")

        return came
