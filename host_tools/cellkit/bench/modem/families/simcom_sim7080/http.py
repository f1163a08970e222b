"""AT+SH…: HTTP and HTTPS. Sources: AT manual V1.05, drivers' logs of SIM7070G and SIM7000."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, HttpClient, Response
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_METHODS = ("", "GET", "PUT", "POST", "PATCH", "HEAD")
_STATUS = {"no bearer": 601, "dns": 603, "refused": 601, "timeout": 601, "tls": 601}
_LIMITS = {"BODYLEN": 4096, "HEADERLEN": 400}
_BODY = re.compile(r' *"(.*)" *, *(\d+) *', re.DOTALL)
_EITHER = re.compile(r' *(\d+) *, *"(.*)" *', re.DOTALL)


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._forget()
        modem.at_reset.append(self._forget)

    def _forget(self) -> None:
        self.settings = {"URL": "", "BODYLEN": "1024", "HEADERLEN": "350", "TIMEOUT": "60", "POLLCNT": "15",
                         "POLLINTMS": "500", "IPVER": "0"}  # fmt: skip
        self._tls: tuple[int, str] | None = None
        self._connected = False
        self._headers: list[tuple[str, str]] = []
        self._parameters: list[tuple[str, str]] = []
        self._body = b""
        self._got = b""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SHCONF": self._conf, "+SHSSL": self._ssl, "+SHCONN": self._conn, "+SHDISC": self._disc,
            "+SHSTATE": self._state, "+SHAHEAD": self._add_header, "+SHCHEAD": self._clear_headers,
            "+SHPARA": self._add_parameter, "+SHCPARA": self._clear_parameters, "+SHBOD": self._inline_body,
            "+SHBODEXT": self._prompted_body, "+SHREQ": self._req, "+SHREAD": self._read,
        }  # fmt: skip

    @property
    def _client(self) -> HttpClient:
        client = self._modem.http_client()
        client.on_closed = lambda why: self._gone()
        return client

    def _gone(self) -> None:
        self._connected = False
        self._modem.urc("+SHSTATE: 0")

    def _conf(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+SHCONF: "URL",64', '+SHCONF: "BODYLEN",(0-4096)', '+SHCONF: "HEADERLEN",(0-400)'])
        if command.op == "read":
            return Reply([f"+SHCONF: {key}: {value}" for key, value in self.settings.items()])
        key, value = command.string(0, 12).upper(), command.string(1, 64)
        if key not in self.settings:
            raise MeFault(_NOT_ALLOWED)
        if key in _LIMITS and (not value.isdigit() or int(value) > (1024 if self._modem.old else _LIMITS[key])):
            raise MeFault(_NOT_ALLOWED)
        self.settings[key] = value
        return Reply()

    def _ssl(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SHSSL: (1-6),<ca list>"])
        if command.op == "read":
            number, name = self._tls or (0, "")
            return Reply([f'+SHSSL: {number},"{name}"'])
        self._tls = (command.integer(0, 1, 6), command.string(1, 230, default=""))
        return Reply()

    def _secured(self) -> TlsSettings:
        number, name = self._tls or (0, "")
        return self._modem.files_part.settings(number, name, "")

    def _conn(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        modem, url = self._modem, self.settings["URL"]
        secure = url.startswith("https://")
        if not url or self._connected or not modem.bearer.active or (secure and self._tls is None):
            raise MeFault(_NOT_ALLOWED)

        def done(outcome: str) -> None:
            self._connected = outcome == "ok"
            if self._connected:
                modem.complete(Reply())
            else:
                modem.fail(MeFault(_NOT_ALLOWED))

        self._client.connect(url, self._secured(), done)
        return None

    def _need(self) -> None:
        if not self._connected:
            raise MeFault(_NOT_ALLOWED)

    def _disc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._need()
        self._client.close()
        self._connected = False
        return Reply()

    def _state(self, command: Command) -> Reply:
        return Reply([f"+SHSTATE: {int(self._connected)}"] if command.op == "read" else [])

    # The request

    def _add_header(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SHAHEAD: <type>,<value>"])
        self._headers.append((command.string(0, 60), command.string(1, 350)))
        return Reply()

    def _clear_headers(self, command: Command) -> Reply:
        self._headers.clear()
        return Reply()

    def _add_parameter(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SHPARA: <key>,<value>"])
        self._parameters.append((command.string(0, 60), command.string(1, 350)))
        return Reply()

    def _clear_parameters(self, command: Command) -> Reply:
        self._parameters.clear()
        return Reply()

    def _inline_body(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SHBOD: <body>,<body_len>"])
        match, swapped = _BODY.fullmatch(command.raw), _EITHER.fullmatch(command.raw)
        if match is None and swapped is None:
            raise SyntaxFault
        text, size = (match[1], match[2]) if match else (swapped[2], swapped[1]) if swapped else ("", "0")
        self._body = text.replace('\\"', '"').encode("latin-1")[:int(size)]
        return Reply()

    def _prompted_body(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SHBODEXT: (1-4096),(100-10000)"])
        size = command.integer(0, 1, 4096)
        command.integer(1, 100, 10000)

        def typed(data: bytes | None) -> None:
            self._body = data or b""
            self._modem.complete(Reply() if data is not None else Reply(final="ERROR"))

        return Reply(prompt=DataMode(size, size, typed))

    def _req(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SHREQ: <url>,(1-5)"])
        self._need()
        path, method = command.string(0, 512), _METHODS[command.integer(1, 1, 5)]
        body, headers = self._body, list(self._headers)
        if self._parameters and method in ("POST", "PUT") and not body:
            body = "&".join(f"{key}={value}" for key, value in self._parameters).encode("latin-1")
        url = path if path.startswith("http") else self.settings["URL"].rstrip("/") + "/" + path.lstrip("/")

        def done(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                self._connected = False
                self._modem.urc(f'+SHREQ: "{method}",{_STATUS.get(result.why, 705)},0')
                return
            self._got = result.body
            self._connected = self._client.connected
            self._modem.urc(f'+SHREQ: "{method}",{result.status},{len(result.body)}')

        return Reply(after=lambda: self._client.request(method, url, headers, body, self._secured(), done))

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SHREAD: (0-307200),(1-2048)"])
        start, size = command.integer(0, 0, 307200), command.integer(1, 1, 307200)
        piece = self._got[start:start + size]
        if not piece:
            raise MeFault(_NOT_ALLOWED)

        def told() -> None:
            self._modem.urc(f"+SHREAD: {len(piece)}\r\n{text_of(piece)}")

        return Reply(after=lambda: self._modem.later(0.05, told))
