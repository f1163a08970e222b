"""HTTP*: the client of A76xx and SIM7600, which reads after its OK. Source: A76XX HTTP(S) application note V1.02."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._simcom.base import SimcomModem
    from cellkit.bench.modem.families._simcom.tls import TlsCommands

_METHODS = ("GET", "POST", "HEAD", "DELETE", "PUT")
_FAILURES = {"url": 708, "no bearer": 717, "dns": 713, "refused": 714, "timeout": 705, "response timeout": 705,
             "tls": 715, "closed": 704, "protocol": 702}  # fmt: skip
_LONGEST = 1 << 20
_PARAMETERS = ("URL", "CONNECTTO", "RECVTO", "CONTENT", "ACCEPT", "SSLCFG", "USERDATA", "UA", "READMODE", "BREAK",
               "BREAKEND", "CID", "REDIR", "TIMEOUT")  # fmt: skip


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: SimcomModem, tls: TlsCommands) -> None:
        self._modem = modem
        self._tls = tls
        self.data_header = False
        """+HTTPREAD: DATA,<n> (SIM7600) instead of +HTTPREAD: <n>."""
        self.forget()

    def forget(self) -> None:
        """Reset or power cut."""
        self.open = False
        self._texts: dict[str, str] = {}
        self._body = b""
        self._got = b""
        self._head = b""
        self._at = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+HTTPINIT": self._init, "+HTTPTERM": self._term, "+HTTPPARA": self._para, "+HTTPDATA": self._data,
            "+HTTPACTION": self._action, "+HTTPHEAD": self._heading, "+HTTPREAD": self._read,
            "+HTTPREADFILE": self._to_file, "+HTTPPOSTFILE": self._from_file,
        }  # fmt: skip

    def _init(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self.open:
            return Reply(final="ERROR")
        self.forget()
        self.open = True
        self._modem.http.on_closed = lambda why: self._modem.urc(
            "+HTTP_NONET_EVENT" if why == "no bearer" else "+HTTP_PEER_CLOSED"
        )
        return Reply()

    def _term(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self.open:
            return Reply(final="ERROR")
        self._modem.http.close()
        self.open = False
        return Reply()

    def _require(self) -> None:
        if not self.open:
            raise SyntaxFault

    def _para(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._require()
        key = command.string(0, 16).upper()
        if key not in _PARAMETERS or not command.given(1):
            raise SyntaxFault
        self._texts[key] = command.string(1, 1024)
        return Reply()

    def _data(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+HTTPDATA: (1-{_LONGEST}),(10-65535)"])
        self._require()
        size = command.integer(0, 1, _LONGEST)

        def done(data: bytes) -> None:
            self._body = data
            self._modem.complete(Reply())

        return self._modem.ask(size, size, done, "\r\nDOWNLOAD\r\n")

    def _headers(self) -> list[tuple[str, str]]:
        named = {"CONTENT": "Content-Type", "ACCEPT": "Accept", "UA": "User-Agent"}
        found = [(name, self._texts[key]) for key, name in named.items() if key in self._texts]
        own, _, value = self._texts.get("USERDATA", "").partition(":")
        return [*found, (own.strip(), value.strip())] if own and value else found

    def _begin(self, method: int, body: bytes) -> None:
        modem, url = self._modem, self._texts.get("URL", "")

        def told(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                modem.urc(f"+HTTPACTION: {method},{_FAILURES.get(result.why, 702)},0")
                return
            self._got, self._head, self._at = result.body, result.head, 0
            modem.urc(f"+HTTPACTION: {method},{result.status},{len(result.head if method == 2 else result.body)}")

        if modem.http.busy:
            modem.say(f"+HTTPACTION: {method},703,0")
            return
        tls = self._tls.settings(int(self._texts.get("SSLCFG", "0"))) if url.startswith("https:") else None
        modem.http.request(_METHODS[method], url, self._headers(), body, tls, told)

    def _action(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+HTTPACTION: (0-4)"])
        self._require()
        method = command.integer(0, 0, 4)
        if "URL" not in self._texts:
            raise SyntaxFault
        body = self._body if method in (1, 4) else b""
        return Reply(after=lambda: self._begin(method, body))

    def _heading(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._require()
        if not self._head:
            return self._modem.failed("+HTTPHEAD: 0")
        return Reply([f"+HTTPHEAD: {len(self._head)}", self._head.decode("latin-1").rstrip("\r\n")])

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._require()
        if command.op == "read":
            return Reply([f"+HTTPREAD: LEN,{len(self._got)}"])
        if command.op == "set" and len(command.args) > 1:
            start, size = command.integer(0, 0, _LONGEST), command.integer(1, 1, _LONGEST)
        else:
            start, size = self._at, command.integer(0, 1, _LONGEST, default=_LONGEST)
        data = self._got[start:start + size]
        self._at = start + len(data)
        head = f"+HTTPREAD: {'DATA,' if self.data_header else ''}{len(data)}"
        lines = [head, data.decode("latin-1")] if data else []
        return Reply([*lines, "+HTTPREAD: 0"], ok_first=True)

    def _to_file(self, command: Command) -> Reply:
        self._require()
        ok = self._modem.files.write(command.string(0, 120), self._got)
        return self._modem.behind(f"+HTTPREADFILE: {0 if ok else 707}")

    def _from_file(self, command: Command) -> Reply:
        self._require()
        body = self._modem.files.read(command.string(0, 120))
        method = command.integer(2, 0, 4, default=1)
        if body is None:
            return Reply(final="ERROR")

        def begin() -> None:
            self._begin(method, body)

        return Reply(after=begin)
