"""AT+NSO…: sockets of Boudica. Answers without prefix. Sources: BC95 AT manual V1.3, BC68, BC95 and BC28 logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc95 import Module

_PLACES = 7
_NOT_OPEN = 530  # CME code of a socket that is not there (BC95 log)
_LONGEST = 1358
_RAI = {0x200: 1, 0x201: 1, 0x400: 2, 0x401: 2}


@dataclass
class _Socket:
    """`messages`: address, port and data that nobody has fetched."""

    stream: bool
    local_port: int
    receives: bool
    link: Link | None = None
    messages: deque[tuple[str, int, bytes]] = field(default_factory=deque)


class SocketCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.open: dict[int, _Socket] = {}
        self.reserved: set[int] = set()
        """Numbers that clients inside the module hold (CoAP, DNS)."""
        modem.at_reset.append(self.open.clear)

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+NSOCR": self._create, "+NSOST": self._send_to, "+NSOSTF": self._send_flagged, "+NSOCO": self._connect,
            "+NSOSD": self._send, "+NSORF": self._fetch, "+NSOCL": self._close, "+NSONMI": self._told_how,
            "+NSOSTATUS": self._status, "+NQSOS": self._queue,
        }  # fmt: skip

    def _socket(self, command: Command) -> tuple[int, _Socket]:
        number = command.integer(0, 0, _PLACES - 1)
        socket = self.open.get(number)
        if socket is None:
            raise MeFault(_NOT_OPEN)
        return number, socket

    def _create(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        kind, protocol = command.string(0, 6).upper(), command.integer(1, 0, 255)
        port, receives = command.integer(2, 0, 65535), command.integer(3, 0, 1, default=1)
        if (kind, protocol) not in (("DGRAM", 17), ("STREAM", 6)) or not self._modem.ue.registered:
            raise SyntaxFault
        number = next((n for n in range(_PLACES) if n not in self.open and n not in self.reserved), None)
        if number is None or (port and any(socket.local_port == port for socket in self.open.values())):
            raise SyntaxFault
        socket = self.open[number] = _Socket(kind == "STREAM", port, bool(receives))
        if not socket.stream:
            link = self._modem.links.open(number, "udp", "", 0, lambda outcome: None, local_port=port)
            self._bind(number, socket, link)
        return Reply([str(number)])

    def _bind(self, number: int, socket: _Socket, link: Link) -> None:
        socket.link = link
        link.on_data = lambda data: self._came(number, socket, data)
        link.on_closed = lambda why: self._ended(number)

    # Sending

    def _payload(self, command: Command, at: int) -> bytes:
        size, text = command.integer(at, 1, _LONGEST), command.string(at + 1, 2 * _LONGEST)
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise SyntaxFault from None
        if len(data) != size or " " in text:
            raise SyntaxFault
        return data

    def _sequence(self, command: Command, at: int) -> int | None:
        return command.integer(at, 1, 255) if command.given(at) else None

    def _send_to(self, command: Command) -> Reply:
        return self._datagram(command, 3, 0, self._sequence(command, 5))

    def _send_flagged(self, command: Command) -> Reply:
        return self._datagram(command, 4, self._flag(command, 3), self._sequence(command, 6))

    @staticmethod
    def _flag(command: Command, at: int) -> int:
        text = command.string(at, 6, default="0")
        try:
            value = int(text, 16 if text.lower().startswith("0x") else 10)
        except ValueError:
            raise SyntaxFault from None
        if value not in (0, 0x100, *_RAI):
            raise SyntaxFault
        return value

    def _datagram(self, command: Command, at: int, flag: int, sequence: int | None) -> Reply:
        number, socket = self._socket(command)
        ip, port, data = command.string(1, 64), command.integer(2, 1, 65535), self._payload(command, at)
        link = socket.link
        if socket.stream or link is None or not self._modem.ue.registered or not self._modem.network.is_ip(ip):
            raise SyntaxFault
        rai = _RAI.get(flag, 0)
        done = self._reporter(number, sequence)
        return Reply([f"{number},{len(data)}"], after=lambda: link.send_to(ip, port, data, done, rai))

    def _reporter(self, number: int, sequence: int | None) -> Callable[[bool], object] | None:
        if sequence is None:
            return None
        return lambda ok: self._modem.later(1.0, self._modem.urc, f"+NSOSTR:{number},{sequence},{int(ok)}")

    def _queue(self, command: Command) -> Reply:
        return Reply()

    # Streams

    def _connect(self, command: Command) -> Reply:
        number, socket = self._socket(command)
        ip, port, modem = command.string(1, 64), command.integer(2, 1, 65535), self._modem
        if not socket.stream or socket.link is not None or not modem.ue.registered:
            raise SyntaxFault

        def told(outcome: str) -> None:
            if outcome == "ok":
                modem.urc(f"+NSOCO: {number}")
            else:
                self._ended(number)

        def begin() -> None:
            self._bind(number, socket, modem.links.open(number, "tcp", ip, port, told, local_port=socket.local_port))

        return Reply(after=begin)

    def _send(self, command: Command) -> Reply:
        number, socket = self._socket(command)
        data, link = self._payload(command, 1), socket.link
        self._flag(command, 3)
        sequence = self._sequence(command, 4)
        if not socket.stream or link is None or link.state != "open":
            raise SyntaxFault
        done = self._reporter(number, sequence)
        return Reply([f"{number},{len(data)}"], after=lambda: link.send(data, done))

    def _ended(self, number: int) -> None:
        """Closed by the peer: the module gives the number back by itself (BC28)."""
        self._forget(number)
        self._modem.urc(f"+NSOCLI: {number}")

    def _forget(self, number: int) -> None:
        socket = self.open.pop(number, None)
        if socket is not None and socket.link is not None:
            socket.link.close()

    def _close(self, command: Command) -> Reply:
        number, _ = self._socket(command)
        self._forget(number)
        return Reply()

    def _status(self, command: Command) -> Reply:
        number = command.integer(0, 0, _PLACES - 1)
        return Reply([f"+NSOSTATUS:{number},{int(number not in self.open)}"])

    # Receiving

    def _told_how(self, command: Command) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply(["+NSONMI:(0-3)"])
        if command.op == "read":
            return Reply([f"+NSONMI:{ram['NSONMI']}"])
        ram["NSONMI"] = command.integer(0, 0, 3)
        return Reply()

    def _came(self, number: int, socket: _Socket, data: bytes) -> None:
        if not socket.receives or socket.link is None:
            return
        ip, port = (socket.link.ip, socket.link.port) if socket.stream else socket.link.sender
        how, modem = self._modem.settings.ram["NSONMI"], self._modem
        if how == 2:
            modem.urc(f"+NSONMI:{number},{ip},{port},{len(data)},{data.hex().upper()}")
        elif how == 3:
            modem.urc(f"+NSONMI:{number},{len(data)},{data.hex().upper()}")
        else:
            held = sum(len(message[2]) for message in socket.messages)
            if held + len(data) > modem.config.limits.receive_buffer_bytes:
                return
            socket.messages.append((ip, port, data))
            if len(socket.messages) == 1:
                self._announce(number, socket)

    def _announce(self, number: int, socket: _Socket) -> None:
        if socket.messages and self._modem.settings.ram["NSONMI"] == 1:
            self._modem.urc(f"+NSONMI:{number},{len(socket.messages[0][2])}")

    def _fetch(self, command: Command) -> Reply:
        number, socket = self._socket(command)
        wanted = command.integer(1, 1, _LONGEST)
        if not socket.messages:
            return Reply()
        ip, port, data = socket.messages.popleft()
        piece, rest = data[:wanted], data[wanted:]
        if rest:
            socket.messages.appendleft((ip, port, rest))
        line = f"{number},{ip},{port},{len(piece)},{piece.hex().upper()},{len(rest)}"
        return Reply([line], after=None if rest else lambda: self._announce(number, socket))
