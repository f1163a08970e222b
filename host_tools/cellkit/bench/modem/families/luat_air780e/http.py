"""AT+SAPBR and AT+HTTP…: bearer profile and HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_HTTP_CONTEXT = 153
_METHODS = {0: "GET", 1: "POST", 2: "HEAD", 3: "DELETE"}
_WRONG_STATE = 3
_NETWORK_ERROR = 601
_FAILURES = {"url": 400, "dns": 603, "response timeout": 605, "timeout": 605, "tls": 606}


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._parameters: dict[str, str] = {}
        self._body = b""
        self._answer = b""
        self._started = False
        self._ssl = False
        self.bearer = False

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SAPBR": self._sapbr, "+HTTPINIT": self._init, "+HTTPTERM": self._term, "+HTTPPARA": self._para,
            "+HTTPDATA": self._data, "+HTTPACTION": self._action, "+HTTPREAD": self._read, "+HTTPSSL": self._https,
            "+HTTPSTATUS": lambda command: Reply(["+HTTPSTATUS: GET,0,0,0"]), "+HTTPHEAD": self._head,
        }  # fmt: skip

    def _sapbr(self, command: Command) -> Reply | None:
        modem = self._modem
        kind = command.integer(0, 0, 5)
        command.integer(1, 1, 3)
        if kind == 1:
            if not modem.ue.grant.ip:
                raise MeFault(_WRONG_STATE)
            self.bearer = True
            modem.later(0.3, modem.complete, Reply())
            return None
        if kind == 0:
            self.bearer = False
        elif kind == 2:
            ip = modem.ue.grant.ip if self.bearer else "0.0.0.0"
            return Reply([f'+SAPBR: 1,{1 if self.bearer else 3},"{ip}"'])
        return Reply()

    def _init(self, command: Command) -> Reply:
        if self._started:
            raise MeFault(_WRONG_STATE)
        self._started, self._parameters, self._body = True, {}, b""
        return Reply()

    def _term(self, command: Command) -> Reply:
        if not self._started:
            raise MeFault(_WRONG_STATE)
        self._started = False
        self._modem.http.close()
        return Reply()

    def _https(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+HTTPSSL: {int(self._ssl)}"])
        self._ssl = bool(command.integer(0, 0, 1))
        return Reply()

    def _para(self, command: Command) -> Reply:
        if not self._started:
            raise MeFault(_WRONG_STATE)
        self._parameters[command.string(0, 20).upper()] = ",".join(arg.text for arg in command.args[1:])
        return Reply()

    def _data(self, command: Command) -> Reply:
        size = command.integer(0, 1, 319488)

        def typed(data: bytes | None) -> None:
            self._body = data or b""
            self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, size, typed, "\r\nDOWNLOAD\r\n"))

    def _action(self, command: Command) -> Reply:
        number = command.integer(0, 0, 3)
        method, url = _METHODS[number], self._parameters.get("URL", "")
        if not self._started or not url:
            raise MeFault(_WRONG_STATE)
        url = url if "://" in url else f"http://{url}"
        secure = self._ssl or url.startswith("https:")
        if secure and url.startswith("http:"):
            url = "https:" + url.removeprefix("http:")
        headers = []
        for line in self._parameters.get("USERDATA", "").replace("\\r\\n", "\r\n").splitlines():
            key, _, value = line.partition(":")
            if value:
                headers.append((key.strip(), value.strip()))
        if "CONTENT" in self._parameters:
            headers.append(("Content-Type", self._parameters["CONTENT"]))

        def told(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                self._modem.urc(f"+HTTPACTION: {number},{_FAILURES.get(result.why, _NETWORK_ERROR)},0")
                return
            self._answer = result.body
            self._modem.urc(f"+HTTPACTION: {number},{result.status},{len(result.body)}")

        body = self._body if method == "POST" else b""
        tls = self._modem.sockets_part.tls(_HTTP_CONTEXT) if secure else None
        return Reply(after=lambda: self._modem.http.request(method, url, headers, body, tls, told))

    def _read(self, command: Command) -> Reply:
        start = command.integer(0, 0, 1 << 20, default=0) if command.op == "set" else 0
        size = command.integer(1, 1, 1 << 20, default=1 << 20) if command.op == "set" else 1 << 20
        piece = self._answer[start:start + size]
        return Reply([f"+HTTPREAD: {len(piece)}", *([piece.decode("latin-1")] if piece else [])])

    def _head(self, command: Command) -> Reply:
        raise SyntaxFault
