"""AT+QHTTP…. Sources: HTTP(S) manuals of BG96 V1.0, BC660K-GL V1.1, real logs of an EG800K."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem

_NO_REQUEST, _URL_ERROR, _CONNECT = 705, 711, 716
_FAILURES = {
    "url": 711, "no bearer": 706, "dns": 716, "refused": 716, "timeout": 702, "response timeout": 702, "tls": 716,
}  # fmt: skip
_FACTORY = {"contextid": 1, "requestheader": 0, "responseheader": 0, "sslctxid": 1, "contenttype": 0, "rspout/auto": 0}


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: QuectelModem) -> None:
        self._modem = modem
        self._url = ""
        self._settings: dict[str, int] = dict(_FACTORY)
        self._body: bytes | None = None
        modem.at_reset.append(self.forget)
        self.three_fields = True
        """Whether +QHTTPGET tells the length of the content."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QHTTPCFG": self._cfg, "+QHTTPURL": self._set_url, "+QHTTPGET": self._get, "+QHTTPGETEX": self._get,
            "+QHTTPPOST": self._post, "+QHTTPPUT": self._post, "+QHTTPREAD": self._read,
            "+QHTTPREADFILE": self._to_file,
            "+QHTTPSTOP": lambda command: Reply(),
        }  # fmt: skip

    @property
    def _prompt(self) -> str:
        return self._modem.file_prompt

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QHTTPCFG: "{key}",(0,1)' for key in self._settings])
        key = command.string(0, 30).lower()
        if len(command.args) == 1:
            return Reply([f'+QHTTPCFG: "{key}",{self._settings.get(key, 0)}'])
        if key in self._settings and command.args[1].text.isdigit():
            self._settings[key] = int(command.args[1].text)
        return Reply()

    def _set_url(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QHTTPURL: (1-700),(1-65535)"])
        if command.op == "read":
            return Reply([f"+QHTTPURL: {self._url}"])

        def typed(data: bytes | None) -> None:
            if data is not None:
                self._url = data.decode("latin-1")
            self._modem.complete(Reply())

        return Reply(prompt=DataMode(command.integer(0, 1, 2048), 2048, typed, self._prompt))

    def _begin(self, method: str, body: bytes, name: str, headers: list[tuple[str, str]] | None = None) -> None:
        modem = self._modem
        if modem.http.busy:
            modem.urc(f"{name}: 703")
            return

        def told(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                modem.urc(f"{name}: {_FAILURES.get(result.why, 706)}")
                return
            self._body = (result.head if self._settings["responseheader"] else b"") + result.body
            length = result.header("content-length")
            more = f",{length}" if length is not None and (self.three_fields or result.status != 200) else ""
            modem.urc(f"{name}: 0,{result.status}{more}")

        tls = modem.tls_part.settings(self._settings["sslctxid"]) if self._url.startswith("https:") else None
        modem.http.request(method, self._url, headers or [], body, tls, told)

    def _get(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QHTTPGET: (1-65535)"])
        if not self._url:
            raise MeFault(_URL_ERROR)
        headers = []
        if command.name == "+QHTTPGETEX":
            start, size = command.integer(1, 0, 1 << 30), command.integer(2, 1, 1 << 30)
            headers = [("Range", f"bytes={start}-{start + size - 1}")]
        return Reply(after=lambda: self._begin("GET", b"", "+QHTTPGET", headers))

    def _post(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"{command.name}: (1-1024000),(1-65535),(1-65535)"])
        if not self._url:
            raise MeFault(_URL_ERROR)
        name, method = command.name, command.name.removeprefix("+QHTTP")

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            headers = [("Content-Type", "application/x-www-form-urlencoded")]
            self._modem.complete(Reply(after=lambda: self._begin(method, data, name, headers)))

        size = command.integer(0, 1, 1 << 20)
        return Reply(prompt=DataMode(size, size, typed, self._prompt))

    def forget(self) -> None:
        """Reset or power cut: nothing of it is saved."""
        self._settings.update(_FACTORY)
        self._url, self._body = "", None

    @property
    def has_answer(self) -> bool:
        """Whether there is an answer to be read."""
        return self._body is not None

    def _taken(self) -> bytes:
        body, self._body = self._body, None
        if body is None:
            raise MeFault(_NO_REQUEST)
        return body

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QHTTPREAD: (1-65535)"])
        if self._prompt.strip() == ">":  # BC660K-GL: pieces with a header of their own
            body = self._taken()
            return Reply([f"+QHTTPREAD: 80,{len(body)}", body.decode("latin-1")])
        body = self._taken()
        modem = self._modem
        return Reply(["CONNECT", body.decode("latin-1")], after=lambda: modem.later(0.05, modem.urc, "+QHTTPREAD: 0"))

    def _to_file(self, command: Command) -> Reply:
        name, body, modem = command.string(0, 80), self._taken(), self._modem
        if not modem.files.write(name, body):
            raise SyntaxFault
        return Reply(after=lambda: modem.later(0.1, modem.urc, "+QHTTPREADFILE: 0"))
