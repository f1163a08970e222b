"""AT+SAPBR and AT+HTTP…: bearer profile and HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_HTTP_CONTEXT = 153
_METHODS = {0: "GET", 1: "POST", 2: "HEAD", 3: "DELETE"}
_WRONG_STATE = 3
_NETWORK_ERROR = 601
_PIECE = 3880  # what a guide shows of HTTPEXGET
_FAILURES = {"url": 400, "dns": 603, "response timeout": 605, "timeout": 605, "tls": 606}


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._parameters: dict[str, str] = {}
        self._body = b""
        self._answer = self._headers = b""
        self._ex: tuple[int, int] | None = None  # method and status of an incremental request
        self._started = False
        self._ssl = False
        self.bearer = False

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SAPBR": self._sapbr, "+HTTPINIT": self._init, "+HTTPTERM": self._term, "+HTTPPARA": self._para,
            "+HTTPDATA": self._data, "+HTTPACTION": self._action, "+HTTPREAD": self._read, "+HTTPSSL": self._https,
            "+HTTPSTATUS": lambda command: Reply(["+HTTPSTATUS: GET,0,0,0"]), "+HTTPHEAD": self._head,
            "+HTTPSCONT": lambda command: Reply(), "+HTTPEXACTION": self._ex_action, "+HTTPEXGET": self._ex_get,
            "+HTTPEXPOST": self._ex_post, "+HTTPGETTOFS": self._to_file,
        }  # fmt: skip

    def _sapbr(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(['+SAPBR: (0-5),(1-3),"ConParamTag","ConParamValue"'])
        kind = command.integer(0, 0, 5)
        command.integer(1, 1, 3)
        if kind == 1:
            if not modem.ue.grant.ip:
                raise MeFault(_WRONG_STATE)
            self.bearer = True
            modem.later(0.3, modem.complete, Reply())
            return None
        if kind == 0:
            if not self.bearer:
                raise MeFault(_WRONG_STATE)
            self.bearer = False
        elif kind == 2:
            ip = modem.ue.grant.ip if self.bearer else "0.0.0.0"
            if modem.config.identity.more.get("address") != "padded":
                ip = f'"{ip}"'
            return Reply([f"+SAPBR: 1,{1 if self.bearer else 3},{ip}"])
        return Reply()

    def deactivated(self) -> None:
        """The network has released the context: a request under way fails."""
        self.bearer = False
        self._modem.urc("+SAPBR 1: DEACT")
        self._modem.links.lose_bearer()

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

    def _request(self, number: int, body: bytes, told: Callable[[Response | Failure], object]) -> Callable[[], object]:
        """What begins a request; the answer goes to `told`. Raises MeFault where none can be made."""
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
        if "BREAK" in self._parameters:
            headers.append(("Range", f"bytes={self._parameters['BREAK']}-{self._parameters.get('BREAKEND', '')}"))
        tls = self._modem.tls(_HTTP_CONTEXT) if secure else None
        return lambda: self._modem.http.request(method, url, headers, body, tls, told)

    def _action(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+HTTPACTION: (0-3)"])
        number = command.integer(0, 0, 3)

        def told(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                self._modem.urc(f"+HTTPACTION: {number},{_FAILURES.get(result.why, _NETWORK_ERROR)},0")
                return
            self._answer, self._headers = result.body, result.head
            self._modem.urc(f"+HTTPACTION: {number},{result.status},{len(result.body)}")

        return Reply(after=self._request(number, self._body if number == 1 else b"", told))

    def _ex_action(self, command: Command) -> Reply:
        """AT+HTTPEXACTION: the answer is fetched in pieces while it comes."""
        number, size = command.integer(0, 0, 1), command.integer(1, 0, 319488, default=0)
        if number == 1 and size:
            self._request(number, b"", lambda result: None)  # whether it could be made
            return Reply(after=lambda: self._modem.urc("+HTTPEXPOST"))
        return Reply(after=self._request(number, b"", lambda result: self._ex_told(number, result)))

    def _ex_post(self, command: Command) -> Reply:
        size = command.integer(0, 1, 319488)
        if not self._started or not self._parameters.get("URL"):
            raise MeFault(_WRONG_STATE)

        def typed(data: bytes | None) -> None:
            begin = self._request(1, data or b"", lambda result: self._ex_told(1, result))
            self._modem.complete(Reply(after=lambda: (self._modem.urc(f"+HTTPEXPOST: {size}"), begin())))  # type: ignore[func-returns-value]

        return Reply(prompt=DataMode(size, size, typed))

    def _ex_told(self, number: int, result: Response | Failure) -> None:
        if isinstance(result, Failure):
            self._modem.urc(f"+HTTPEXACTION: {number},{_FAILURES.get(result.why, _NETWORK_ERROR)}")
            return
        self._answer, self._ex = result.body, (number, result.status)
        self._modem.urc("+HTTPEXGET")

    def _ex_get(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self._ex is None:
            raise MeFault(_WRONG_STATE)
        piece, self._answer = self._answer[:_PIECE], self._answer[_PIECE:]
        return Reply([f"+HTTPEXGET: {len(piece)}", piece.decode("latin-1")], after=self._ex_more)

    def _ex_more(self) -> None:
        if self._answer:
            self._modem.later(0.1, self._modem.urc, "+HTTPEXGET")
        elif self._ex is not None:
            number, status = self._ex
            self._ex = None
            self._modem.later(0.1, self._modem.urc, f"+HTTPEXACTION: {number},{status}")

    def _to_file(self, command: Command) -> Reply:
        command.integer(0, 0, 1)
        name, modem = command.string(1, 100), self._modem

        def told(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                modem.complete(Reply([f"+HTTPGETTOFS: {_FAILURES.get(result.why, _NETWORK_ERROR)},0"], final=""))
                return
            modem.files.write(f"/USER/HTTP/{name}", result.body)
            modem.urc(f"+HTTPGETTOFS: {result.status},{len(result.body)}")

        return Reply(after=self._request(0, b"", told))

    def _read(self, command: Command) -> Reply:
        start = command.integer(0, 0, 1 << 20, default=0) if command.op == "set" else 0
        size = command.integer(1, 1, 1 << 20, default=1 << 20) if command.op == "set" else 1 << 20
        piece = self._answer[start:start + size]
        return Reply([f"+HTTPREAD: {len(piece)}", *([piece.decode("latin-1")] if piece else [])])

    def _head(self, command: Command) -> Reply:
        if not self._headers:
            raise MeFault(_WRONG_STATE)
        return Reply([f"+HTTPHEAD: {len(self._headers)}", self._headers.decode("latin-1").strip()])
