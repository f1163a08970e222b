"""AT+CCOAP…: the CoAP client. Source: CoAP(S) note V1.03."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_NUMBER = 30
_PATH = 11  # option Uri-Path, RFC 7252
_MARKER = 0xFF


class CoapCommands:
    """Handlers bound to one modem. What comes is numbered, and fetched by CCOAPHEAD and CCOAPREAD."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._started = False
        self._url = ""
        self._code = 1
        self._payload = b""
        self._id = 0
        self._came: dict[int, bytes] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CCOAPINIT": self._init, "+CCOAPURL": self._set_url, "+CCOAPPARA": self._para,
            "+CCOAPACTION": self._action, "+CCOAPHEAD": self._head, "+CCOAPREAD": self._read,
            "+CCOAPTERM": self._term, "+CCOAPSSL": lambda command: Reply(),
        }  # fmt: skip

    def _init(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self._started:
            raise MeFault(_NOT_ALLOWED)
        self._started = True
        return Reply()

    def _set_url(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCOAPURL: <url>"])
        if command.op == "read":
            return Reply([f'+CCOAPURL: "{self._url}"'])
        self._url = command.string(0, 250)
        return Reply()

    def _para(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCOAPPARA: <option>,<value>"])
        names = [arg.text for arg in command.args]
        for at in range(len(names) - 1):
            if names[at].lower() == "code" and names[at + 1].isdigit():
                self._code = int(names[at + 1])
            if names[at].lower() == "payload":
                self._payload = names[-1].encode("latin-1")
        return Reply()

    def _message(self, path: str) -> bytes:
        self._id = self._id % 0xFFFF + 1
        data = bytes([0x40, self._code]) + self._id.to_bytes(2, "big")
        last = 0
        for part in [part for part in path.split("/") if part]:
            size = len(part) if len(part) < 13 else 13
            data += bytes([(_PATH - last) << 4 | size]) + (bytes([len(part) - 13]) if size == 13 else b"")
            data += part.encode("latin-1")
            last = _PATH
        return data + (bytes([_MARKER]) + self._payload if self._payload else b"")

    def _action(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        modem, parts = self._modem, urlsplit(self._url)
        if not self._started or not parts.hostname or not modem.bearer.active:
            raise MeFault(_NOT_ALLOWED)
        host, port = parts.hostname, parts.port or 5683
        data = self._message(parts.path)

        def sent() -> None:
            old = modem.links.get(_NUMBER)
            if old is not None:
                old.close()

            def opened(outcome: str) -> None:
                ok = outcome == "ok"
                modem.urc(f"+CCOAPACTION: {0 if ok else 1},{self._id}")
                if ok:
                    link.send(data)

            link: Link = modem.links.open(_NUMBER, "udp", host, port, opened)
            link.on_data = self._arrived

        return Reply(after=sent)

    def _arrived(self, data: bytes) -> None:
        number = max(self._came, default=0) + 1
        self._came[number] = data
        self._modem.urc(f"+CCOAPRECV: {number},{len(data)},{len(self._content(data))}")

    def _content(self, data: bytes) -> bytes:
        return data.partition(bytes([_MARKER]))[2]

    def _received(self, command: Command) -> bytes:
        data = self._came.get(command.integer(0, 1, 0xFFFF))
        if data is None:
            raise MeFault(_NOT_ALLOWED)
        return data

    def _head(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCOAPHEAD: (1-65535),(0,1)"])
        data = self._received(command)
        if command.integer(1, 0, 1, default=0):
            return Reply([f"+CCOAPHEAD: {len(data)},{data.hex().upper()}"])
        kind, code, number = data[0] >> 4 & 3, data[1], int.from_bytes(data[2:4], "big")
        return Reply([f"+CCOAPHEAD: {code},{kind},{number},{data[0] & 15},0"])

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCOAPREAD: (1-65535)"])
        content = self._content(self._received(command))
        self._came.pop(command.integer(0, 1, 0xFFFF), None)
        return Reply([f"+CCOAPREAD: {len(content)},{text_of(content)}"])

    def _term(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self._started:
            raise MeFault(_NOT_ALLOWED)
        self._started = False
        link = self._modem.links.get(_NUMBER)
        if link is not None:
            link.close()
        return Reply()
