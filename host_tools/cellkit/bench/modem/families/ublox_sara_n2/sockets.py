"""AT+NSO…: UDP sockets of SARA-N2; answers without prefix, payload in hex, lengths in bytes. Source: SARA-N210 log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.ublox_sara_n2 import Module

_NOT_ALLOWED = 3
_PLACES, _LONGEST = 7, 512
_COAP = 5683
_RELEASE, _RELEASE_AFTER_REPLY = 0x200, 0x400


class SocketCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+NSOCR": self._nsocr, "+NSOST": self._nsost, "+NSOSTF": self._nsostf, "+NSORF": self._nsorf,
            "+NSOCL": self._nsocl, "+NSONMI": self._nsonmi, "+NPING": self._nping,
        }  # fmt: skip

    def _link(self, command: Command) -> Link:
        link = self._modem.links.get(command.integer(0, 0, _PLACES - 1))
        if link is None:
            raise MeFault(_NOT_ALLOWED)
        return link

    def _queue(self, link: Link) -> list[tuple[bytes, str, int]]:
        queues: dict[Link, list[tuple[bytes, str, int]]] = self._modem.settings.ram.setdefault("datagrams", {})
        return queues.setdefault(link, [])

    def _nsocr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+NSOCR: ("DGRAM"),(17),(0-65535),(0,1)'])
        port = command.integer(2, 0, 65535, default=0)
        if command.string(0, 6).upper() != "DGRAM" or command.integer(1, 17, 17) != 17 or port == _COAP:
            raise SyntaxFault
        told = command.integer(3, 0, 1, default=1)
        number = self._modem.links.free(_PLACES)
        if number is None:
            raise MeFault(_NOT_ALLOWED)
        link = self._modem.links.open(number, "udp", "", 0, lambda outcome: None, local_port=port)
        link.on_data = lambda data: self._came(link, data, bool(told))
        return Reply([str(number)])

    def _came(self, link: Link, data: bytes, told: bool) -> None:
        queue = self._queue(link)
        queue.append((data, *link.sender))
        if told and self._modem.settings.nvram["NSONMI"] and len(queue) == 1:
            self._announce(link)

    def _announce(self, link: Link) -> None:
        self._modem.urc(f"+NSONMI: {link.number},{len(self._queue(link)[0][0])}")

    def _send(self, command: Command, at: int, flags: int) -> Reply | None:
        link = self._link(command)
        host, port, size = command.string(1, 64), command.integer(2, 1, 65535), command.integer(at, 1, _LONGEST)
        text = command.string(at + 1, 2 * _LONGEST)
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise SyntaxFault from None
        if len(data) != size:
            raise SyntaxFault
        if not self._modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)

        def sent(ok: bool) -> None:
            if ok:
                self._modem.complete(Reply([f"{link.number},{size}"]))
            else:
                self._modem.fail(MeFault(_NOT_ALLOWED))

        rai = 1 if flags & _RELEASE else 2 if flags & _RELEASE_AFTER_REPLY else 0
        # A socket that was made just now needs a moment.
        wait_s = self._modem.config.timing.socket_open_s.value + 0.01 if link.state == "opening" else 0.0
        self._modem.later(wait_s, link.send_to, host, port, data, sent, rai)
        return None

    def _nsost(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        return self._send(command, 3, 0)

    def _nsostf(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        try:
            flags = int(command.string(3, 6), 0)
        except ValueError:
            raise SyntaxFault from None
        return self._send(command, 4, flags)

    def _nsorf(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        link, size = self._link(command), command.integer(1, 1, _LONGEST)
        queue = self._queue(link)
        if not queue:
            return Reply()
        data, ip, port = queue[0]
        part, left = data[:size], data[size:]
        if left:
            queue[0] = (left, ip, port)
        else:
            queue.pop(0)
        more = (lambda: self._announce(link)) if queue and not left else None
        return Reply([f'{link.number},"{ip}",{port},{len(part)},"{part.hex().upper()}",{len(left)}'], after=more)

    def _nsocl(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        link = self._link(command)
        self._queue(link).clear()
        link.close()
        return Reply()

    def _nsonmi(self, command: Command) -> Reply:
        return self._modem.standard.number(command, "NSONMI", 0, 1)

    def _nping(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        host, modem = command.string(0, 64), self._modem
        size, limit_ms = command.integer(1, 8, 1460, default=12), command.integer(2, 10, 600000, default=10000)
        if not modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)

        def connected(ok: bool) -> None:
            if not ok or modem.faults.ping_lost:
                modem.later(limit_ms / 1000, modem.urc, "+NPINGERR: 1")
            else:
                modem.later(0.3, modem.urc, f'+NPING: "{host}",53,{300 + size}')

        return Reply(after=lambda: modem.ue.connect(connected))
