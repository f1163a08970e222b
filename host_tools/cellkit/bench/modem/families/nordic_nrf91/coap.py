"""#XCOAPC…: CoAP requests on a connected UDP socket (Serial Modem v2). Source: Serial Modem documentation, at_coap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._clients.coap import option, payload_of
from cellkit.bench.modem.families.nordic_nrf91.sockets import PLACES, Socket
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_URI_PATH, _CONTENT_FORMAT, _OBSERVE = 11, 12, 6
_CON, _NON, _ACK = 0, 1, 2
_GIVES_UP_S = 93.0  # RFC 7252, EXCHANGE_LIFETIME's MAX_TRANSMIT_WAIT
_PULL_S = 30.0


class CoapCommands:
    """Handlers bound to one modem. One request at a time."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._message_id = 0
        self.forget()

    def forget(self) -> None:
        """Reset."""
        self._socket: Socket | None = None
        self._auto, self._hex, self._observes = True, False, False
        self._block: tuple[int, bytes] | None = None
        self._given = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"#XCOAPCREQ": self._request, "#XCOAPCDATA": self._pull, "#XCOAPCCANCEL": self._cancel}

    def _request(self, command: Command) -> Reply:
        if command.op == "test":
            optional = "[,<content_format>[,<payload_len>[,<opt_num>,<opt_val>...]]]]]]"
            return Reply([f"#XCOAPCREQ: <handle>,<path>,<method>[,<auto_reception>[,<format>[,<confirmable>{optional}"])
        socket = self._modem.sockets_part.open.get(command.integer(0, 0, PLACES - 1))
        if self._socket is not None or socket is None or socket.kind != 2 or not socket.connected:
            raise SyntaxFault
        path, method = command.string(1, 256), command.integer(2, 1, 7)
        auto, as_hex = command.integer(3, 0, 1, default=1), command.integer(4, 0, 1, default=0)
        confirmable = command.integer(5, 0, 1, default=0)
        form, size = command.integer(6, 0, 65535, default=0), command.integer(7, 0, 65535, default=0)
        options = [(_URI_PATH, part.encode()) for part in path.split("/") if part]
        options += self._pairs(command)
        if size:
            options.append((_CONTENT_FORMAT, form.to_bytes((form.bit_length() + 7) // 8)))
        self._auto, self._hex, self._given, self._block = bool(auto), bool(as_hex), 0, None
        self._observes = any(number == _OBSERVE for number, _ in options)
        self._socket = socket
        self._message_id = (self._message_id + 1) & 0xFFFF
        token = self._message_id.to_bytes(2)
        head = bytes([0x40 | (_CON if confirmable else _NON) << 4 | 2, method]) + token + token
        before = 0
        for number, value in sorted(options):
            head += option(before, number, value)
            before = number

        def begin() -> None:
            socket.taken = lambda data: self._came(socket, data)
            self._modem.later(_GIVES_UP_S, self._overdue, token)
            if size:
                self._modem.data_input.enter(lambda data: self._send(socket, head + b"\xff" + data), size, whole=True)
            else:
                self._send(socket, head)

        return Reply(after=begin)

    def _pairs(self, command: Command) -> list[tuple[int, bytes]]:
        found = []
        for index in range(8, len(command.args), 2):
            text = command.string(index + 1, 256)
            try:
                value = bytes.fromhex(text[2:]) if text[:2].lower() == "0x" else text.encode()
            except ValueError:
                raise SyntaxFault from None
            found.append((command.integer(index, 1, 65535), value))
        return found

    def _send(self, socket: Socket, data: bytes) -> None:
        if socket.link is not None:
            socket.link.send(data)

    def _overdue(self, token: bytes) -> None:
        if self._socket is not None and not self._observes and self._message_id.to_bytes(2) == token:
            self._finish(-1)

    def _came(self, socket: Socket, data: bytes) -> None:
        try:
            code, payload = payload_of(data)
        except ValueError:
            return
        if data[0] >> 4 & 3 == _CON:
            self._send(socket, bytes([0x60, 0]) + data[2:4])
        if not code:
            return  # an empty acknowledgement: the response follows
        if not self._auto:
            self._block = (code, payload)
            self._modem.urc(f"#XCOAPCHEAD: {socket.number},{code},{len(payload)}")
            return
        if payload:
            shown = payload.hex() if self._hex else text_of(payload)
            self._modem.urc(f"#XCOAPCDATA: {socket.number},{self._given},{len(payload)}\r\n{shown}")
        if not self._observes:
            self._given += len(payload)
            self._finish(code)

    def _finish(self, code: int) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.taken = None
            self._modem.urc(f"#XCOAPCSTAT: {socket.number},{code},{self._given}")

    def _pull(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XCOAPCDATA: <handle>[,<length>]"])
        number = command.integer(0, 0, PLACES - 1)
        if self._socket is None or self._socket.number != number:
            raise SyntaxFault
        if self._block is None:
            return Reply([f"#XCOAPCDATA: {number},{self._given},0"])
        code, payload = self._block
        self._block = None
        line = f"#XCOAPCDATA: {number},{self._given},{len(payload)}"
        self._given += len(payload)
        shown = payload.hex() if self._hex else text_of(payload)
        return Reply([f"{line}\r\n{shown}"], after=lambda: self._finish(code))

    def _cancel(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XCOAPCCANCEL: <handle>"])
        number = command.integer(0, 0, PLACES - 1)
        if self._socket is None or self._socket.number != number:
            raise SyntaxFault
        return Reply(after=lambda: self._finish(-1))
