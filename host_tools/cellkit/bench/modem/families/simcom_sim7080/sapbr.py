"""AT+SAPBR and AT+HTTP…: the older bearer and HTTP client, which SIM7000 still has. Source: SIM7000 AT manual V1.06."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_METHODS = ("GET", "POST", "HEAD", "DELETE")
_CODES = {"dns": 603, "no bearer": 601, "refused": 601, "timeout": 601, "tls": 603}
_LONGEST = 319488


class OldHttpCommands:
    """Handlers bound to one modem; only a SIM7000 has them."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._up = False
        self._started = False
        self._parameters: dict[str, str] = {}
        self._data = b""
        self._response: Response | None = None

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        if not self._modem.old:
            return {}
        return {
            "+SAPBR": self._sapbr, "+HTTPINIT": self._init, "+HTTPTERM": self._term, "+HTTPPARA": self._para,
            "+HTTPDATA": self._typed, "+HTTPACTION": self._action, "+HTTPREAD": self._read, "+HTTPHEAD": self._head,
            "+HTTPSTATUS": lambda command: Reply(["+HTTPSTATUS: GET,0,0,0"]), "+HTTPSSL": lambda command: Reply(),
        }  # fmt: skip

    def _sapbr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+SAPBR: (0-4),(1-3),"ConParamTag","ConParamValue"'])
        kind, number = command.integer(0, 0, 4), command.integer(1, 1, 3)
        if kind == 2:
            ip = self._modem.ue.grant.ip if self._up else "0.0.0.0"
            return Reply([f'+SAPBR: {number},{1 if self._up else 3},"{ip}"'])
        if kind in (0, 1):
            if kind == 1 and (self._up or not self._modem.ue.grant.ip):
                raise MeFault(_NOT_ALLOWED)
            self._up = kind == 1
        if kind == 4:
            return Reply(["+SAPBR:", 'CONTYPE: "GPRS"', f'APN: "{self._modem.network.config.apn}"'])
        return Reply()

    def _init(self, command: Command) -> Reply:
        if command.op != "test":
            if self._started:
                raise MeFault(_NOT_ALLOWED)
            self._started = True
        return Reply()

    def _need(self) -> None:
        if not self._started:
            raise MeFault(_NOT_ALLOWED)

    def _term(self, command: Command) -> Reply:
        if command.op != "test":
            self._need()
            self._started = False
            self._modem.http_client(1).close()
        return Reply()

    def _para(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+HTTPPARA: "HTTPParamTag","HTTPParamValue"'])
        self._need()
        self._parameters[command.string(0, 20).upper()] = command.string(1, 1024)
        return Reply()

    def _typed(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+HTTPDATA: (0-{_LONGEST}),(1000-120000)"])
        self._need()
        size = command.integer(0, 1, _LONGEST)

        def typed(data: bytes | None) -> None:
            self._data = data or b""
            self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, size, typed, "\r\nDOWNLOAD\r\n"))

    def _action(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+HTTPACTION: (0-3)"])
        self._need()
        number = command.integer(0, 0, 3)
        client, modem = self._modem.http_client(1), self._modem
        url = self._parameters.get("URL", "")
        url = url if "://" in url else f"http://{url}"
        headers = [("Content-Type", self._parameters["CONTENT"])] if "CONTENT" in self._parameters else []

        def done(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                modem.urc(f"+HTTPACTION: {number},{_CODES.get(result.why, 601)},0")
                return
            self._response = result
            modem.urc(f"+HTTPACTION: {number},{result.status},{len(result.body)}")

        body = self._data if number == 1 else b""
        tls = TlsSettings(verify=False)
        return Reply(after=lambda: client.request(_METHODS[number], url, headers, body, tls, done))

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+HTTPREAD: (0-{_LONGEST}),(1-{_LONGEST})"])
        self._need()
        body = self._response.body if self._response else b""
        start = command.integer(0, 0, _LONGEST, default=0) if command.op == "set" else 0
        piece = body[start:start + (command.integer(1, 1, _LONGEST) if command.given(1) else _LONGEST)]
        return Reply([f"+HTTPREAD: {len(piece)}", text_of(piece)] if piece else [])

    def _head(self, command: Command) -> Reply:
        self._need()
        head = self._response.head if self._response else b""
        return Reply([f"+HTTPHEAD: {len(head)}", text_of(head).rstrip()])
