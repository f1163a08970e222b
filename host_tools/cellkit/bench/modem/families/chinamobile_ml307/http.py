"""AT+MHTTP…: HTTP clients. Source: HTTP manual of the ML302/ML305/ML307 line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.chinamobile_ml307 import Module

_METHODS = {1: "GET", 2: "POST", 3: "PUT", 4: "DELETE", 5: "HEAD"}
_NO_CLIENT = 650
_FAILURES = {"dns": 1, "refused": 2, "timeout": 5, "tls": 3, "no bearer": 8, "response timeout": 5}


class HttpCommands:
    """Handlers bound to one modem; one client at a time."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._server: str | None = None
        self._headers: list[tuple[str, str]] = []
        self._content = b""
        self._settings: dict[str, str] = {}
        self._cached: Response | None = None

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+MHTTPCREATE": self._create, "+MHTTPCFG": self._cfg, "+MHTTPHEADER": self._header,
            "+MHTTPCONTENT": self._content_of, "+MHTTPREQUEST": self._request, "+MHTTPREAD": self._read,
            "+MHTTPDEL": self._delete, "+MHTTPDLFILE": self._download,
        }  # fmt: skip

    def _create(self, command: Command) -> Reply:
        self._server = command.string(0, 250)
        self._headers, self._content = [], b""
        return Reply(["+MHTTPCREATE: 0"])

    def _require(self) -> str:
        if self._server is None:
            raise MeFault(_NO_CLIENT)
        return self._server

    def _cfg(self, command: Command) -> Reply:
        key = command.string(0, 20).lower()
        if len(command.args) == 2:
            return Reply([f'+MHTTPCFG: "{key}",{command.args[1].text},{self._settings.get(key, "0")}'])
        self._settings[key] = ",".join(arg.text for arg in command.args[2:])
        return Reply()

    def _header(self, command: Command) -> Reply:
        self._require()
        size = command.integer(2, 0, 4096, default=0)

        def add(text: str) -> None:
            for line in text.replace("\\r\\n", "\r\n").splitlines():
                key, _, value = line.partition(":")
                if value:
                    self._headers.append((key.strip(), value.strip()))

        if command.given(3):
            add(command.args[3].text)
            return Reply()

        def typed(data: bytes | None) -> None:
            add((data or b"").decode("latin-1"))
            self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, size, typed)) if size else Reply()

    def _content_of(self, command: Command) -> Reply:
        self._require()
        size = command.integer(2, 0, 4096, default=0)
        if command.given(3):
            self._content = command.args[3].text.encode("latin-1")
            return Reply()

        def typed(data: bytes | None) -> None:
            self._content = data or b""
            self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, size, typed)) if size else Reply()

    def _request(self, command: Command) -> Reply:
        server, method = self._require(), _METHODS.get(command.integer(1, 1, 5))
        path = command.string(3, 500, default="/")
        if method is None:
            raise SyntaxFault
        return Reply(after=lambda: self._begin(method, server.rstrip("/") + path))

    def _begin(self, method: str, url: str) -> None:
        modem = self._modem
        secure, _, context = self._settings.get("ssl", "0,0").partition(",")
        tls = modem.certificates.settings(int(context or 0)) if secure == "1" else None

        def told(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                modem.urc(f'+MHTTPURC: "err",0,{_FAILURES.get(result.why, 10)}')
                return
            if self._settings.get("cached") == "1":
                self._cached = result
                modem.urc(f'+MHTTPURC: "recv",0,{result.status},{len(result.head)},{len(result.body)}')
                return
            head, body = result.head.decode("latin-1"), result.body.decode("latin-1")
            modem.urc(f'+MHTTPURC: "header",0,{result.status},{len(result.head)},{head}')
            size = len(result.body)
            modem.urc(f'+MHTTPURC: "content",0,{size},{size},{size},{body}')

        modem.http.request(method, url, list(self._headers), self._content, tls, told)

    def _read(self, command: Command) -> Reply:
        result = self._cached
        if result is None:
            return Reply()
        part = result.head if command.integer(1, 0, 1, default=1) == 0 else result.body
        return Reply([f"+MHTTPREAD: 0,{len(part)},{part.decode('latin-1')}"])

    def _delete(self, command: Command) -> Reply:
        self._modem.http.close()
        self._server = None
        return Reply()

    def _download(self, command: Command) -> Reply:
        """Download into a file, in pieces that are told."""
        url, name = command.string(0, 250), command.string(1, 100)
        full = url.rstrip("/") + name
        headers = [("Range", command.string(3, 60))] if command.given(3) else []
        modem = self._modem

        def told(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                modem.urc(f'+MHTTPURC: "err",0,{_FAILURES.get(result.why, 10)}')
                return
            status = f"HTTP/1.1 {result.status} {result.reason}"
            modem.urc(f'+MHTTPURC: "header",0,{result.status},{len(result.head)},{status}')
            size = max(1, len(result.body))
            modem.files.write(name, result.body)
            for number, part in enumerate((size * 46 // 100, size * 82 // 100, size)):
                line = f"+MHTTPDLFILE: {part},{size},{100 * part // size},{size}"
                modem.later(0.1 * number, modem.urc, line)

        return Reply(after=lambda: modem.http.request("GET", full, headers, b"", None, told))
