"""AT+QCOAP…: CoAP over UDP (RFC 7252), as BC66 and BC28 have it, and with several clients as BG95 has it.

Sources: drivers of BC66 and BG600L for commands and URCs; no manual was found, so answers are (unverified) beyond them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.plain import PlainModem

_BASE = 200  # numbers of CoAP sockets in the module's table
_LONGEST = 1024
_ACK_TIMEOUT_S = 2.0  # RFC 7252 4.8
_RETRIES = 4
_CON, _ACK = 0, 2


def message(kind: int, code: int, number: int, token: bytes, options: list[tuple[int, bytes]], payload: bytes) -> bytes:
    """One message. `options` in any order."""
    out = bytearray([0x40 | kind << 4 | len(token), code]) + number.to_bytes(2, "big") + token
    last = 0
    for option, value in sorted(options, key=lambda item: item[0]):
        sizes = (option - last, len(value))
        more = b"".join(bytes([size - 13]) for size in sizes if size >= 13)
        out += bytes([min(sizes[0], 13) << 4 | min(sizes[1], 13)]) + more + value
        last = option
    return bytes(out) + (b"\xff" + payload if payload else b"")


def parsed(data: bytes) -> tuple[int, int, int, bytes]:
    """Type, code, message number and payload. Raises ValueError."""
    if len(data) < 4 or data[0] >> 6 != 1:
        raise ValueError("not CoAP")
    at = 4 + (data[0] & 15)
    while at < len(data) and data[at] != 0xFF:
        delta, size = data[at] >> 4, data[at] & 15
        at += 1
        at += delta == 13
        if size == 13:
            size += data[at]
            at += 1
        at += size
    return data[0] >> 4 & 3, data[1], int.from_bytes(data[2:4], "big"), data[at + 1:]


class CoapCommands:
    """Handlers bound to one modem. several: clients with numbers (BG95), else one (BC66, BC28)."""

    def __init__(self, modem: PlainModem, links: Any, several: bool, space: str = " ") -> None:
        self._modem = modem
        self._links = links  # called for them: they are made at their first use
        self._several = several
        self._space = space
        self._options: list[tuple[int, bytes]] = []
        self._token = b""
        self.number = 1
        """Of the last message."""
        self._next: int | None = None
        self._answered: set[tuple[int, int]] = set()
        self._status = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        common: dict[str, Handler] = {"+QCOAPOPTION": self._option, "+QCOAPSEND": self._send}
        if self._several:
            return {
                **common, "+QCOAPCFG": lambda command: Reply(), "+QCOAPOPEN": self._open, "+QCOAPCLOSE": self._close,
                "+QCOAPHEADER": self._header,
            }  # fmt: skip
        return {
            **common, "+QCOAPCREATE": self._create, "+QCOAPDEL": self._delete, "+QCOAPHEAD": self._header,
            "+QCOAPADDRES": lambda command: Reply(), "+QCOAPCFG": lambda command: Reply(),
            "+QCOAPDATASTATUS": lambda command: Reply([f"+QCOAPDATASTATUS:{self._space}{self._status}"]),
        }  # fmt: skip

    def _link(self, index: int) -> Link:
        link: Link | None = self._links().get(_BASE + index)
        if link is None:
            raise SyntaxFault
        return link

    def _start(self, index: int, host: str, port: int, done: Any) -> None:
        link = self._links().open(_BASE + index, "udp", host, port, done)
        link.on_data = lambda data: self._came(index, data)

    def _create(self, command: Command) -> Reply:
        port = command.integer(0, 1, 65535)
        if not self._modem.ue.registered or self._links().get(_BASE) is not None:
            raise SyntaxFault
        link = self._links().open(_BASE, "udp", "", 0, lambda outcome: None, local_port=port)
        link.on_data = lambda data: self._came(0, data)
        return Reply()

    def _delete(self, command: Command) -> Reply:
        self._link(0).close()
        self._options.clear()
        return Reply()

    def _open(self, command: Command) -> Reply:
        if command.op == "read":
            links = [(index, self._links().get(_BASE + index)) for index in range(3)]
            return Reply([f'+QCOAPOPEN: {n},"{link.host}",{link.port},3' for n, link in links if link is not None])
        index, host, port = command.integer(0, 0, 2), command.string(1, 150), command.integer(2, 1, 65535)

        def told(outcome: str) -> None:
            self._modem.urc(f"+QCOAPOPEN: {index},{0 if outcome == 'ok' else 1}")

        return Reply(after=lambda: self._start(index, host, port, told))

    def _close(self, command: Command) -> Reply:
        index = command.integer(0, 0, 2)
        self._link(index).close()
        return Reply(after=lambda: self._modem.later(0.1, self._modem.urc, f"+QCOAPCLOSE: {index},0"))

    def _header(self, command: Command) -> Reply:
        """Number and token of the next message: `[client,]number,kind,length,"token"`."""
        if not command.args:
            raise SyntaxFault
        texts = [arg.text for arg in command.args]
        if len(texts) >= 2 and texts[1 if self._several else 0].isdigit():
            self._next = int(texts[1 if self._several else 0]) & 0xFFFF
        self._token = texts[-1].encode("latin-1")[:8] if command.args[-1].quoted else b""
        return Reply()

    def _option(self, command: Command) -> Reply:
        args = command.args
        if self._several:
            if len(args) > 4:
                self._options.append((command.integer(3, 0, 65535), args[4].text.encode("latin-1")))
        else:
            self._options = [
                (command.integer(at, 0, 65535), args[at + 1].text.encode("latin-1"))
                for at in range(1, len(args) - 1, 2)
            ]
        return Reply()

    def _send(self, command: Command) -> Reply:
        index = command.integer(0, 0, 2) if self._several else 0
        kind, code = (command.integer(1, 0, 3), command.integer(2, 0, 31)) if self._several else (
            command.integer(0, 0, 3), command.integer(1, 0, 31))
        peer = None if self._several else (command.string(2, 150), command.integer(3, 1, 65535))
        link, size = self._link(index), command.integer(4, 1, _LONGEST) if command.given(4) else None

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            self.number, self._next = self._next or self.number + 1, None
            number = self.number
            packet = message(kind, code, number, self._token, self._options, data)
            self._modem.complete(Reply(after=lambda: self._uplink(index, link, peer, packet, number, kind, 0)))

        return Reply(prompt=DataMode(size, _LONGEST, typed))

    def _uplink(
        self, index: int, link: Link, peer: tuple[str, int] | None, packet: bytes, number: int, kind: int, tries: int
    ) -> None:  # fmt: skip
        if link.state != "open" or (index, number) in self._answered:
            return
        if tries > (_RETRIES if kind == _CON else 0):
            if kind == _CON:
                self._status = 3
                self._told(index, number, 1)
            return
        self._status = 1
        if peer is None:
            link.send(packet)
        else:
            link.send_to(*peer, packet)
        if kind != _CON and tries == 0:
            self._modem.later(0.5, self._told, index, number, 0)
        wait_s = _ACK_TIMEOUT_S * 2 ** tries + 8.0  # NB-IoT takes longer than RFC 7252 thinks
        self._modem.later(wait_s, self._uplink, index, link, peer, packet, number, kind, tries + 1)

    def _told(self, index: int, number: int, result: int) -> None:
        if self._several:
            self._modem.urc(f"+QCOAPACK: {index},{number},0,{result}")
        else:
            self._modem.urc(f"+QCOAPSEND:{self._space}{result}")

    def _came(self, index: int, data: bytes) -> None:
        try:
            kind, code, number, payload = parsed(data)
        except (ValueError, IndexError):
            return
        if (index, number) not in self._answered:
            self._answered.add((index, number))
            self._status = 4
            if kind == _ACK:
                self._told(index, number, 0)
        if kind == _CON:
            link: Link | None = self._links().get(_BASE + index)
            if link is not None:
                link.send_to(*link.sender, message(_ACK, 0, number, b"", [], b""))
        if code and not self._several:
            shown = f",{len(payload)},{payload.hex().upper()}" if payload else ""
            self._modem.urc(f'+QCOAPURC:{self._space}"rsp",{kind},{code >> 5}.{code & 31:02},{number}{shown}')
