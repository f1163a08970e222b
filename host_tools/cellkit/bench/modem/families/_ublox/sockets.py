"""AT+USO…: sockets. Sources: SARA-R4 AT manual UBX-17003787 R16 and R22, logs, driver notes (ubxlib)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault, split_args

if TYPE_CHECKING:
    from cellkit.bench.modem.families._ublox.base import UbloxModem

_NOT_ALLOWED = 3
_PLACES = 7
_LONGEST, _LONGEST_HEX = 1024, 512
_PROMPT = "\r\n@"
_INLINE = re.compile(r'(?P<head>.*?,) *(?P<size>\d{1,4}) *, *"(?P<data>.*)" *', re.DOTALL)
_GONE_S = 0.5
_ERROR_OF = {"no bearer": 11, "dns": 11, "refused": 111, "timeout": 110, "tls": 104}


class _Socket:
    """One id. Its link is made when it has a peer (TCP), or at once (UDP)."""

    def __init__(self, tcp: bool) -> None:
        self.tcp = tcp
        self.link: Link | None = None
        self.profile: int | None = None  # of TLS
        self.connected = False
        self.datagrams: list[tuple[bytes, str, int]] = []
        self.closing = False  # the peer has closed, but data wait
        self.options: dict[tuple[int, int], str] = {}

    @property
    def waits(self) -> int:
        """Bytes that nobody has read."""
        stream = len(self.link.buffer) if self.link is not None else 0
        return stream + sum(len(data) for data, _, _ in self.datagrams)


class SocketCommands:
    """Handlers bound to one modem."""

    whole = frozenset({"+USOWR", "+USOST"})

    def __init__(self, modem: UbloxModem) -> None:
        self._modem = modem
        self.open: dict[int, _Socket] = {}
        self.last_error = 0
        self._sequence = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+USOCR": self._usocr, "+USOCL": self._usocl, "+USOCO": self._usoco, "+USOWR": self._usowr,
            "+USOST": self._usost, "+USORD": self._usord, "+USORF": self._usorf, "+USOER": self._usoer,
            "+USOCTL": self._usoctl, "+USOSO": self._usoso, "+USOGO": self._usogo, "+USOLI": self._usoli,
            "+USODL": self._usodl, "+USOSEC": self._usosec,
        }  # fmt: skip

    def forget(self) -> None:
        """Restart."""
        self.open.clear()

    # Helpers

    @property
    def _hex(self) -> bool:
        return bool(self._modem.settings.nvram["UDCONF1"])

    def _shown(self, data: bytes) -> str:
        return data.hex().upper() if self._hex else text_of(data)

    def _socket(self, command: Command) -> tuple[int, _Socket]:
        number = command.integer(0, 0, _PLACES - 1)
        socket = self.open.get(number)
        if socket is None:
            self.last_error = 9
            raise MeFault(_NOT_ALLOWED)
        return number, socket

    def _link(self, number: int, socket: _Socket, kind: Kind, host: str, port: int) -> Link:
        modem = self._modem
        link = modem.links.open(number, kind, host, port, lambda outcome: None)
        link.on_data = lambda data: self._came(number, socket, data)
        link.on_closed = lambda why: self._closed(number, socket)
        socket.link = link
        return link

    # Making and closing

    def _usocr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USOCR: (6,17),(0-65535)"])
        kind = command.integer(0, 6, 17)
        if kind not in (6, 17):
            raise SyntaxFault
        command.integer(1, 0, 65535, default=0)
        number = next((place for place in range(_PLACES) if place not in self.open), None)
        if number is None:
            raise MeFault(_NOT_ALLOWED)
        self.open[number] = _Socket(kind == 6)
        return Reply([f"+USOCR: {number}"])

    def _usocl(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+USOCL: (0-6)"])
        number, socket = self._socket(command)
        del self.open[number]
        wait_s = self._modem.config.timing.close_ok_s.value if socket.tcp and socket.connected else 0.0
        if socket.link is not None:
            socket.link.close()
        if command.given(1) and command.integer(1, 0, 1) and self._modem.r4:
            return Reply(after=lambda: self._modem.later(wait_s, self._modem.urc, f"+UUSOCL: {number}"))
        self._modem.later(wait_s, self._modem.complete, Reply())
        return None

    def _usoco(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(['+USOCO: (0-6),"remote_host",(1-65535),(0-1)'])
        number, socket = self._socket(command)
        host, port = command.string(1, 128), command.integer(2, 1, 65535)
        if socket.connected or not modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)
        later = bool(command.integer(3, 0, 1, default=0))
        kind: Kind = "udp" if not socket.tcp else "tls" if socket.profile is not None else "tcp"

        def opened(outcome: str) -> None:
            socket.connected = outcome == "ok"
            self.last_error = _ERROR_OF.get(outcome, 0)
            if outcome != "ok":
                link.close()
                socket.link = None
            if later:
                modem.urc(f"+UUSOCO: {number},{self.last_error}")
            elif outcome == "ok":
                modem.complete(Reply())
            else:
                modem.fail(MeFault(_NOT_ALLOWED))

        if socket.link is not None:
            socket.link.close()
        tls = modem.tls_part.settings(socket.profile) if socket.profile is not None else None
        link = modem.links.open(number, kind, host, port, opened, tls)
        link.on_data = lambda data: self._came(number, socket, data)
        link.on_closed = lambda why: self._closed(number, socket)
        socket.link = link
        return Reply() if later else None

    # Sending

    def _payload(self, raw: str) -> tuple[Command, int, bytes | None]:
        """Arguments before the length, the length, and the data where they stand in the command."""
        match = _INLINE.fullmatch(raw)
        if match is None:
            args = split_args(raw)
            command = Command("", "set", raw, args)
            return command, command.integer(len(args) - 1, 1, _LONGEST), None
        command = Command("", "set", raw, split_args(match["head"].rstrip(",")))
        size, text = int(match["size"]), match["data"]
        try:
            data = bytes.fromhex(text) if self._hex else text.encode("latin-1")
        except ValueError:
            raise SyntaxFault from None
        if len(data) != size or not 0 < size <= (_LONGEST_HEX if self._hex else _LONGEST):
            raise SyntaxFault
        return command, size, data

    def _usowr(self, command: Command) -> Reply | None:
        if command.op == "test":
            sizes = ('(0-512),"HEX data"', '(0-1024),"data"', "(0-1024)")
            return Reply([f"+USOWR: (0-6),{size}" for size in sizes])
        args, size, data = self._payload(command.raw)
        number, socket = self._socket(args)
        link = socket.link
        if link is None or not socket.connected or link.state != "open" or socket.closing:
            raise MeFault(_NOT_ALLOWED)

        def send(payload: bytes | None) -> None:
            if payload is None or link.state != "open":
                self._modem.fail(MeFault(_NOT_ALLOWED))
                return
            link.send(payload, lambda ok: self._sent("+USOWR", number, len(payload), ok))

        if data is None:
            return self._asks(size, send)
        send(data)
        return None

    def _asks(self, size: int, send: object) -> Reply:
        """The prompt `@`, when the radio is connected; it has no line end behind it."""
        modem = self._modem
        mode = DataMode(size, _LONGEST, send, prompt=_PROMPT, ends=b"")  # type: ignore[arg-type]
        return Reply(prompt=mode) if modem.ue.registered else Reply(final="ERROR")

    def _usost(self, command: Command) -> Reply | None:
        if command.op == "test":
            sizes = ('(0-512),"HEX data"', '(0-1024),"data"', "(0-1024)")
            return Reply([f'+USOST: (0-6),"remote_host",(1-65535),{size}' for size in sizes])
        args, size, data = self._payload(command.raw)
        number, socket = self._socket(args)
        host, port = args.string(1, 128), args.integer(2, 1, 65535)
        if socket.tcp or not self._modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)
        link = socket.link or self._link(number, socket, "udp", "", 0)

        def send(payload: bytes | None) -> None:
            if payload is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
                return
            link.send_to(host, port, payload, lambda ok: self._datagram_sent(number, len(payload), ok))

        if data is None:
            return self._asks(size, send)
        # A socket that was made just now needs a moment.
        self._modem.later(self._modem.config.timing.socket_open_s.value + 0.01, send, data)
        return None

    def _datagram_sent(self, number: int, size: int, ok: bool) -> None:
        self._sent("+USOST", number, size, ok)
        name = self._modem.config.identity.more.get("sent_urc")
        if name:  # newer types tell when it has gone; the manual's example misprints the name
            self._sequence += 1
            self._modem.later(_GONE_S, self._modem.urc, f"{name}: {number},{self._sequence},{int(ok)}")

    def _sent(self, name: str, number: int, size: int, ok: bool) -> None:
        if ok:
            self._modem.complete(Reply([f"{name}: {number},{size}"]))
        else:
            self._modem.fail(MeFault(_NOT_ALLOWED))

    # Receiving

    def _came(self, number: int, socket: _Socket, data: bytes) -> None:
        link = socket.link
        if link is None:
            return
        if socket.waits + len(data) > self._modem.config.limits.receive_buffer_bytes:
            return  # no room: dropped, or for TCP held back by the window
        told = bool(socket.waits)
        if socket.tcp:
            link.buffer += data
        else:
            socket.datagrams.append((data, *link.sender))
        if not told:
            self._announce(number, socket)

    def _announce(self, number: int, socket: _Socket) -> None:
        if socket.waits:
            name = "+UUSORD" if socket.tcp or socket.connected else "+UUSORF"
            size = socket.waits if socket.tcp else len(socket.datagrams[0][0])
            self._modem.urc(f"{name}: {number},{size}")

    def _closed(self, number: int, socket: _Socket) -> None:
        """The peer has closed: +UUSOCL only when all has been read."""
        if socket.waits:
            socket.closing = True
        else:
            self._gone(number)

    def _gone(self, number: int) -> None:
        socket = self.open.pop(number, None)
        if socket is not None and socket.link is not None:
            socket.link.close()
        self._modem.urc(f"+UUSOCL: {number}")

    def _read(self, number: int, socket: _Socket) -> None:
        """After a read: the next datagram is told of, or that the peer has closed; the rest of a stream is not."""
        if socket.closing and not socket.waits:
            self._gone(number)
        elif not socket.tcp:
            self._announce(number, socket)

    def _usord(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USORD: (0-6),(0-1024)"])
        number, socket = self._socket(command)
        size = command.integer(1, 0, _LONGEST)
        if size == 0:
            return Reply([f"+USORD: {number},{socket.waits}"])
        if socket.tcp:
            data = socket.link.take(size) if socket.link is not None else b""
        else:
            data = socket.datagrams[0][0][:size] if socket.datagrams else b""
            self._taken(socket, size)
        return Reply(
            [f'+USORD: {number},{len(data)},"{self._shown(data)}"'],
            after=lambda: self._modem.later(0.01, self._read, number, socket),
        )

    def _taken(self, socket: _Socket, size: int) -> None:
        if socket.datagrams:
            data, ip, port = socket.datagrams.pop(0)
            if data[size:]:
                socket.datagrams.insert(0, (data[size:], ip, port))

    def _usorf(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USORF: (0-6),(0-1024)"])
        number, socket = self._socket(command)
        if socket.tcp:
            raise MeFault(_NOT_ALLOWED)
        size = command.integer(1, 0, _LONGEST)
        if size == 0:
            return Reply([f"+USORF: {number},{socket.waits}"])
        if not socket.datagrams:
            return Reply([f'+USORF: {number},"",0,0,""'])
        data, ip, port = socket.datagrams[0]
        self._taken(socket, size)
        return Reply(
            [f'+USORF: {number},"{ip}",{port},{len(data[:size])},"{self._shown(data[:size])}"'],
            after=lambda: self._modem.later(0.01, self._read, number, socket),
        )

    # The rest

    def _usoer(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply([f"+USOER: {self.last_error}"])

    def _usoctl(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USOCTL: (0-6),(0-4,10,11)"])
        number, socket = self._socket(command)
        what, link = command.integer(1, 0, 11), socket.link
        state = {"opening": 2, "open": 4, "closed": 7}[link.state] if link is not None else 0
        unacked = link.sent - link.acked if link is not None and socket.tcp else 0
        values: dict[int, object] = {
            0: 6 if socket.tcp else 17, 1: self.last_error, 2: link.sent if link else 0,
            3: link.received if link else 0, 10: state, 11: unacked,
            4: f'"{link.ip}",{link.port}' if link else '"0.0.0.0",0',
        }  # fmt: skip
        if what not in values or (not socket.tcp and what in (10, 11)):
            raise MeFault(_NOT_ALLOWED)
        return Reply([f"+USOCTL: {number},{what},{values[what]}"])

    def _usoso(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USOSO: (0-6),(0,6,65535),(1,2,4,8,128),(0-65535),(0-65535)"])
        _, socket = self._socket(command)
        socket.options[command.integer(1, 0, 65535), command.integer(2, 0, 65535)] = command.string(3, 9)
        return Reply()

    def _usogo(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USOGO: (0-6),(0,6,65535),(1,2,4,8,128)"])
        _, socket = self._socket(command)
        key = command.integer(1, 0, 65535), command.integer(2, 0, 65535)
        return Reply([f"+USOGO: {socket.options.get(key, 0)}"])

    def _usoli(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USOLI: (0-6),(1-65535)"])
        _, socket = self._socket(command)
        command.integer(1, 1, 65535)
        if socket.connected:
            raise MeFault(_NOT_ALLOWED)
        return Reply()

    def _usosec(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USOSEC: (0-6),(0-1),(0-4)"])
        number, socket = self._socket(command)
        if len(command.args) == 1:
            return Reply([f"+USOSEC: {number},{int(socket.profile is not None)},{socket.profile or 0}"])
        on = command.integer(1, 0, 1)
        socket.profile = command.integer(2, 0, 4, default=0) if on else None
        return Reply()

    def _usodl(self, command: Command) -> Reply:
        """Direct link, until +++ and its guard time."""
        if command.op == "test":
            return Reply(["+USODL: (0-6)"])
        number, socket = self._socket(command)
        link = socket.link
        if link is None or not socket.connected:
            raise MeFault(_NOT_ALLOWED)
        modem = self._modem

        def direct() -> None:
            link.on_data = lambda data: modem.output.raw(data)
            modem.go_online(lambda data: link.send(data))

        return Reply(final="CONNECT", after=direct)
