"""Sockets by handle, without syntax: both applications of Nordic use them. Source: Serial Modem documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

PLACES = 8
LONGEST = 4096
_LONGEST_HEX = 2800
RECEIVE = 2048
_PEEK, _NOT_BLOCKING = 2, 64
IN, OUT, HUP = 1, 4, 16
_TOGETHER_S = 0.2  # (unverified)


class Socket:
    """One handle."""

    def __init__(self, number: int, family: int, kind: int, role: int, cid: int, tag: int | None, verify: int) -> None:
        self.number, self.family, self.kind, self.role, self.cid = number, family, kind, role, cid
        self.tag, self.verify = tag, verify
        self.link: Link | None = None
        self.connected = self.hung_up = False
        self.options: dict[int, str] = {}
        self.stream = bytearray()
        self.datagrams: list[tuple[bytes, str, int]] = []
        self.waiting: Callable[[], bool] | None = None
        """A receive that waits: True once it has been answered."""
        self.poll: int | None = None
        self.armed = IN | OUT | HUP
        self.auto = (0, 0)
        self.rai = 0
        self.taken: Callable[[bytes], object] | None = None
        """An HTTP or CoAP request that gets what comes instead."""
        self.server_port = 0

    @property
    def protocol(self) -> int:
        """As #XSOCKET shows it."""
        if self.tag is not None:
            return 258 if self.kind == 1 else 273
        return {1: 6, 2: 17, 3: 0}[self.kind]

    @property
    def filled(self) -> bool:
        """Whether something can be read."""
        return bool(self.stream or self.datagrams)

    def take(self, limit: int, peek: bool = False) -> tuple[bytes, str, int]:
        """What is read: from a stream so much, of datagrams one."""
        if self.kind == 1:
            data = bytes(self.stream[:limit])
            if not peek:
                del self.stream[:limit]
            return data, "", 0
        data, ip, port = self.datagrams[0] if peek else self.datagrams.pop(0)
        return data[:limit], ip, port


class Sockets:
    """All sockets of one modem, without syntax: both applications use them."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.open: dict[int, Socket] = {}
        self.poll_new: int | None = None
        self.auto_new = (0, 0)

    def forget(self) -> None:
        """Reset."""
        self.open.clear()
        self.poll_new, self.auto_new = None, (0, 0)

    def create(
        self, family: int, kind: int, role: int, cid: int = 0, tag: int | None = None, verify: int = 2
    ) -> Socket:
        """A new socket. Raises SyntaxFault where none is free."""
        number = next((place for place in range(PLACES) if place not in self.open), None)
        if number is None or (tag is not None and role == 1):
            raise SyntaxFault
        socket = self.open[number] = Socket(number, family, kind, role, cid, tag, verify)
        socket.poll, socket.auto = self.poll_new, self.auto_new
        return socket

    def tls(self, socket: Socket) -> TlsSettings:
        """The credentials of its security tag."""
        tag, stored = socket.tag or 0, self._modem.mfw.stored
        name = socket.options.get(1002, "")
        return TlsSettings(
            ca=stored(tag, 0), cert=stored(tag, 1), key=stored(tag, 2), verify=socket.verify == 2,
            check_name=bool(name), sni=bool(name), server_name=name,
        )  # fmt: skip

    def connect(self, socket: Socket, host: str, port: int, done: Callable[[bool], object]) -> None:
        """Open the link to a peer; `done(ok)`."""
        kind: Kind = "udp" if socket.kind == 2 else "tls" if socket.tag is not None else "tcp"

        def opened(outcome: str) -> None:
            socket.connected = outcome == "ok"
            if outcome != "ok":
                link.close()
                socket.link = None
            done(outcome == "ok")

        if socket.link is not None:
            socket.link.close()
        tls = self.tls(socket) if kind == "tls" else None
        link = self._modem.links.open(socket.number, kind, host, port, opened, tls)
        self._listen(socket, link)

    def _listen(self, socket: Socket, link: Link) -> None:
        socket.link = link
        link.on_data = lambda data: self._came(socket, link, data)
        link.on_closed = lambda why: self._hung_up(socket)

    def bound(self, socket: Socket) -> Link:
        """A datagram socket's link without a peer."""
        if socket.link is None:
            self._listen(socket, self._modem.links.open(socket.number, "udp", "", 0, lambda outcome: None))
        assert socket.link is not None
        return socket.link

    def close(self, socket: Socket) -> None:
        """Gone."""
        self.open.pop(socket.number, None)
        if socket.link is not None:
            socket.link.close()

    def rai_of(self, socket: Socket) -> int:
        """Release assistance for the next datagram; it holds once."""
        rai, socket.rai = socket.rai, 0
        return rai

    def set_rai(self, socket: Socket, what: object) -> None:
        """By a socket option."""
        if what == "now":
            self._modem.ue.release_assistance("now")
        elif isinstance(what, int):
            socket.rai = what

    # Receiving

    def _came(self, socket: Socket, link: Link, data: bytes) -> None:
        if socket.taken is not None:
            socket.taken(data)
            return
        if socket.kind == 1:
            socket.stream += data
        else:
            socket.datagrams.append((data, *link.sender))
        if socket.waiting is not None and socket.waiting():
            return
        online = self._modem.payload.online is not None
        if socket.auto[0] & (2 if online else 1):
            if online:
                self._modem.output.raw(socket.take(RECEIVE)[0])
            else:
                self.push(socket)
            return
        self._modem.later(_TOGETHER_S, self.look, socket)

    def look(self, socket: Socket) -> None:
        """Tell of all that there is now: data and the peer's end may come together."""
        self.polled(socket, (IN if socket.filled else 0) | (HUP if socket.hung_up else 0))

    def push(self, socket: Socket) -> None:
        """Automatic reception: what `on_push` of the syntax says."""
        data, ip, port = socket.take(RECEIVE)
        shown = data.hex() if socket.auto[1] else text_of(data)
        head = f"#XRECV: {socket.number},{socket.auto[1]},{len(data)}"
        if socket.kind == 2 and not socket.connected:
            head = f'#XRECVFROM: {socket.number},{socket.auto[1]},{len(data)},"{ip}",{port}'
        self._modem.urc(f"{head}\r\n{shown}")

    def _hung_up(self, socket: Socket) -> None:
        socket.hung_up = True
        if socket.waiting is not None and socket.waiting():
            return
        self._modem.later(_TOGETHER_S, self.look, socket)

    def polled(self, socket: Socket, events: int) -> None:
        """#XAPOLL, once for each event until the next receive or send."""
        if socket.poll is None or self.open.get(socket.number) is not socket:
            return
        wanted = events & (socket.poll | HUP) & socket.armed
        if wanted:
            socket.armed &= ~wanted
            self._modem.urc(f"#XAPOLL: {socket.number},{wanted}")

    def receive(
        self, socket: Socket, flags: int, timeout_s: float, limit: int, answer: Callable[[bytes, str, int], Reply]
    ) -> Reply | None:
        """A blocking receive: answered now, when data come, or with ERROR after `timeout_s` (0: never)."""
        modem = self._modem
        socket.armed |= IN

        def read() -> Reply:
            data, ip, port = socket.take(limit, bool(flags & _PEEK))
            if socket.filled and not flags & _PEEK:
                modem.later(0.05, self.polled, socket, IN)
            return answer(data, ip, port)

        if socket.filled:
            return read()
        if socket.hung_up:
            return Reply()
        if flags & _NOT_BLOCKING:
            raise SyntaxFault

        def came() -> bool:
            socket.waiting = None
            modem.complete(read() if socket.filled else Reply())
            return True

        def too_long() -> None:
            if socket.waiting is came:
                socket.waiting = None
                modem.fail(SyntaxFault())

        socket.waiting = came
        if timeout_s:
            modem.later(timeout_s, too_long)
        return None


def peer_of(command: Command, at: int) -> tuple[str, int]:
    """Host and port in a command."""
    return command.string(at, 128), command.integer(at + 1, 0, 65535)


def content(command: Command, at: int, as_hex: bool) -> bytes:
    """Inline data. Raises SyntaxFault."""
    text = command.string(at, _LONGEST_HEX if as_hex else LONGEST, default="")
    try:
        return bytes.fromhex(text) if as_hex else text.encode("latin-1")
    except ValueError:
        raise SyntaxFault from None
