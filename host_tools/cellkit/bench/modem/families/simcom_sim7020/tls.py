"""AT+CTLS… and AT+CSETCA: TLS sockets and certificates. Sources: TLS note V1.01, MQTT(S) note V1.05."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._simcom.lpwa import number_of
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7020 import Module

_BASE = 20  # numbers of TLS sockets in the module's table
_CERTIFICATE = re.compile(r' *"?(\d)"? *, *"?([678])"? *, *"?(\d+)"? *, *"?([01])"? *, *"(.*)"', re.DOTALL)
_SETCA = re.compile(r' *"?([0-2])"? *, *"?(\d+)"? *, *"?([01])"? *, *"?([01])"? *, *"(.*)"', re.DOTALL)
_SEND = re.compile(r' *(\d) *, *(\d+) *, *"(.*)"', re.DOTALL)
_VALUE = re.compile(r'([1-5]) *, *("[^"]*"|\d+)')
_ALERT = {"unknown ca": -9984, "expired": -9984, "refused by the server": -30592}
_HANDSHAKE = -30592


def _plain(text: str) -> bytes:
    """Text with `\\r` and `\\n` written as two characters."""
    return text.replace("\\r", "\r").replace("\\n", "\n").encode("latin-1")


def _typed(data: bytes) -> str:
    return text_of(data).replace("\r", "\\r").replace("\n", "\\n")


class TlsCommands:
    """Handlers bound to one modem. Certificates lie in `files` as `TLS <tid> <6..8>` and `CA <0..2>`."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._values: dict[int, dict[int, str]] = {}
        self._parts: dict[str, str] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CTLSCFG": self._cfg, "+CTLSCONN": self._conn, "+CTLSSEND": self._send, "+CTLSRECV": self._recv,
            "+CTLSCLOSE": self._close, "+CSETCA": self._setca,
        }  # fmt: skip

    def _piece(self, name: str, total: int, more: bool, text: str) -> Reply:
        """Parts of a file; one that grows over its size is thrown away."""
        whole = self._parts.pop(name, "") + text
        if len(whole) > total + 3:
            raise SyntaxFault
        if more:
            self._parts[name] = whole
        elif not self._modem.files.write(name, _plain(whole)):
            raise MeFault(20)
        return Reply()

    def _setca(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CSETCA: (0-2),(1-4096),(0,1),(0,1),<certificate>"])
        if command.op == "read":
            sizes = [len(self._modem.files.read(f"CA {kind}") or b"") for kind in range(3)]
            return Reply([f"+CSETCA: {kind},{size}" for kind, size in enumerate(sizes)])
        match = _SETCA.fullmatch(command.raw)
        if match is None:
            raise SyntaxFault
        text = match[5]
        if match[4] == "1":
            try:
                text = text_of(bytes.fromhex(text))
            except ValueError:
                raise SyntaxFault from None
        return self._piece(f"CA {match[1]}", int(match[2]), match[3] == "1", text)

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTLSCFG: (1-6),(1-8),<value>"])
        if command.op == "read":
            return Reply([f"+CTLSCFG: {tid},{len(values)}" for tid, values in self._values.items()])
        match = _CERTIFICATE.fullmatch(command.raw)
        if match:
            return self._piece(f"TLS {match[1]} {match[2]}", int(match[3]), match[4] == "1", match[5])
        number, _, rest = command.raw.partition(",")
        found = _VALUE.findall(rest)
        if not number.strip().isdigit() or not found:
            raise SyntaxFault
        self._values.setdefault(int(number), {}).update({int(key): value.strip('"') for key, value in found})
        return Reply()

    def _link(self, number: int) -> Link:
        link = self._modem.links.get(_BASE + number)
        if link is None:
            raise MeFault(3)
        return link

    def _conn(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CTLSCONN: (1-6),(1,2)"])
        modem, number = self._modem, command.integer(0, 1, 6)
        values = self._values.get(number, {})
        if not values.get(1):
            raise MeFault(50)
        ca, cert, key = (modem.files.read(f"TLS {number} {kind}") or b"" for kind in (6, 7, 8))
        settings = TlsSettings(ca, cert, key, bool(ca) and values.get(4, "2") != "0")
        old = modem.links.get(_BASE + number)
        if old is not None:
            old.close()

        def done(outcome: str) -> None:
            if outcome == "ok":
                modem.complete(Reply())
                return
            code = _ALERT.get(link.why, _HANDSHAKE)
            link.close()
            modem.complete(Reply(final="ERROR", after=lambda: modem.urc(f"+TLS ERROR: {code}")))

        link = modem.links.open(_BASE + number, "tls", values[1], number_of(values.get(2, ""), 443), done, settings)
        link.on_closed = lambda why: modem.urc(f"+CTLSCLOSE:{number},1")
        return None

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTLSSEND: (1-6),(1-1024),<data>"])
        match = _SEND.fullmatch(command.raw)
        if match is None:
            raise SyntaxFault
        number, text = int(match[1]), match[3]
        data = _plain(text)
        if not data or int(match[2]) not in (len(text), len(data)):
            raise SyntaxFault
        link, modem = self._link(number), self._modem
        if link.state != "open":
            raise MeFault(3)
        size = len(data)
        return Reply(after=lambda: link.send(data, lambda ok: modem.urc(f"+CTLSSEND:{number},{size if ok else -1}")))

    def _recv(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTLSRECV: (1-6),(1-1024),(0-9999)"])
        number = command.integer(0, 1, 6)
        link, limit = self._link(number), command.integer(1, 1, 1024)

        def told() -> None:
            text = _typed(link.take(limit))
            self._modem.urc(f'+CTLSRECV:{number},{len(text)},"{text}"')

        return Reply(after=lambda: self._modem.later(0.1, told))

    def _close(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTLSCLOSE: (1-6)"])
        number = command.integer(0, 1, 6)
        self._link(number).close()
        return Reply(after=self._modem.told(0.2, f"+CTLSCLOSE:{number},1"))
