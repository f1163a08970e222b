"""AT+CCOAP…: whole CoAP messages as hex over a UDP socket; lengths count bytes. Source: CoAP note V1.02."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7020 import Module

_BASE = 30
_LONGEST = 512


class CoapCommands:
    """Handlers bound to one modem; ids begin at 1."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._message_id = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CCOAPNEW": self._new, "+CCOAPSEND": self._send, "+CCOAPCSEND": self._compose, "+CCOAPDEL": self._delete,
            "+CCOAPSRV": lambda command: Reply(["+CCOAPSRV: (0-65535)"] if command.op == "test" else []),
        }  # fmt: skip

    def _new(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(['+CCOAPNEW: <"ip">,(1-65535),(0-10)'])
        if command.op == "read":
            return Reply([f'+CCOAPNEW: {link.number - _BASE},"{link.host}",{link.port}' for link in modem.links.all()
                          if _BASE < link.number < _BASE + 5])  # fmt: skip
        modem.online()
        number = modem.links.free(4, _BASE + 1)
        if number is None:
            raise MeFault(3)
        host, port = command.string(0, 64), command.integer(1, 1, 65535)
        link = modem.links.open(number, "udp", host, port, lambda outcome: None)
        shown = number - _BASE
        link.on_data = lambda data: modem.urc(f'+CCOAPNMI: {shown},{len(data)},"{data.hex()}"')
        return Reply([f"+CCOAPNEW: {shown}"])

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCOAPSEND: (1-4),(4-512),<data>"])
        link = self._modem.links.get(_BASE + command.integer(0, 1, 4))
        if link is None:
            raise MeFault(50)
        size = command.integer(1, 4, _LONGEST)
        try:
            data = bytes.fromhex(command.string(2, 2 * _LONGEST))
        except ValueError:
            raise SyntaxFault from None
        if len(data) != size:
            raise SyntaxFault
        return Reply(after=lambda: link.send(data, None, self._modem.take_rai()))

    def _compose(self, command: Command) -> Reply:
        """The module makes the message: type, code, path, payload."""
        if command.op == "test":
            return Reply(["+CCOAPCSEND: (1-4),(0-3),(1-4),<path>,<payload>"])
        link = self._modem.links.get(_BASE + command.integer(0, 1, 4))
        if link is None:
            raise MeFault(50)
        self._message_id += 1
        texts = [arg.text for arg in command.args[3:]]
        data = bytes([0x40, command.integer(2, 0, 255), 0, self._message_id & 0xFF])
        for part in (texts[0] if texts else "").strip("/").split("/"):
            data += bytes([(0xB0 if data[4:] == b"" else 0) + min(len(part), 12)]) + part.encode("latin-1")[:12]
        return Reply(after=lambda: link.send(data))

    def _delete(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCOAPDEL: (1-4)"])
        link = self._modem.links.get(_BASE + command.integer(0, 1, 4))
        if link is None:
            raise MeFault(50)
        link.close()
        return Reply()
