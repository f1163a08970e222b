"""AT+SQNCOAP…: CoAP contexts over UDP. Sources: driver libraries (Walter)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.families._clients import done, text_of
from cellkit.bench.modem.families._clients.coap import option, payload_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.sequans_gm02s import Module

_NOT_ALLOWED = 3
_BASE = 50  # of its links in the module's table
_LONGEST = 1024
_URI_PATH = 11


class CoapCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._message_id = 0
        self.forget()

    def forget(self) -> None:
        """A restart."""
        self._received: dict[int, list[bytes]] = {}
        self._path: dict[int, str] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SQNCOAPCREATE": self._create, "+SQNCOAPCLOSE": self._close, "+SQNCOAPSEND": self._send,
            "+SQNCOAPRCV": self._receive, "+SQNCOAPOPT": self._options, "+SQNCOAPHDR": done,
        }  # fmt: skip

    def _link(self, number: int) -> Link:
        link = self._modem.links.get(_BASE + number)
        if link is None or link.state != "open":
            raise MeFault(_NOT_ALLOWED)
        return link

    def _create(self, command: Command) -> Reply:
        number, host, port = command.integer(0, 0, 2), command.string(1, 128), command.integer(2, 1, 65535)
        modem = self._modem
        if modem.links.get(_BASE + number) is not None or not modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)

        def opened(outcome: str) -> None:
            if outcome == "ok":
                modem.urc(f'+SQNCOAPCONNECTED: {number},"{link.ip}",{port},{link.local_port}')
            else:
                link.close()
                modem.urc(f'+SQNCOAPCLOSED: {number},"{outcome}"')

        link = modem.links.open(_BASE + number, "udp", host, port, opened)
        link.on_data = lambda data: self._came(number, data)
        return Reply()

    def _options(self, command: Command) -> Reply:
        number = command.integer(0, 0, 2)
        if command.integer(1, 0, 3) == 0 and command.integer(2, 0, 65535) == _URI_PATH:
            self._path[number] = command.string(3, 256)
        return Reply()

    def _send(self, command: Command) -> Reply:
        number, kind, code = command.integer(0, 0, 2), command.integer(1, 0, 3), command.integer(2, 0, 255)
        size, link = command.integer(3, 0, _LONGEST, default=0), self._link(command.integer(0, 0, 2))
        self._message_id = (self._message_id + 1) & 0xFFFF
        token = self._message_id.to_bytes(2)
        head = bytes([0x40 | kind << 4 | 2, code]) + token + token
        before = 0
        for part in self._path.get(number, "").split("/"):
            if part:
                head += option(before, _URI_PATH, part.encode())
                before = _URI_PATH
        if not size:
            return Reply(after=lambda: link.send(head))

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
            else:
                self._modem.complete(Reply(after=lambda: link.send(head + b"\xff" + data)))

        return Reply(prompt=DataMode(size, _LONGEST, typed, ends=b""))

    def _came(self, number: int, data: bytes) -> None:
        try:
            code, payload = payload_of(data)
        except ValueError:
            return
        self._received.setdefault(number, []).append(data)
        shown = f"{code >> 5}{code & 31:02}"
        message = int.from_bytes(data[2:4])
        self._modem.urc(f'+SQNCOAPRING: {number},{message},"",{data[0] >> 4 & 3},{shown},{len(payload)}')

    def _receive(self, command: Command) -> Reply:
        number = command.integer(0, 0, 2)
        queue = self._received.get(number)
        if not queue:
            raise MeFault(_NOT_ALLOWED)
        data = queue.pop(0)
        code, payload = payload_of(data)
        token = data[4:4 + (data[0] & 15)].hex()
        message, shown = int.from_bytes(data[2:4]), f"{code >> 5}{code & 31:02}"
        line = f'+SQNCOAPRCV: {number},{message},"{token}",{data[0] >> 4 & 3},{shown},{len(payload)}'
        return Reply([f"{line}\r\n{text_of(payload)}" if payload else line])

    def _close(self, command: Command) -> Reply:
        number = command.integer(0, 0, 2)
        self._link(number).close()
        return Reply(after=lambda: self._modem.later(0.1, self._modem.urc, f'+SQNCOAPCLOSED: {number},"USER"'))
