"""AT+CHTTP…: HTTP and HTTPS with hex bodies. Source: HTTP note V1.02, which prints `+CHTTPCREAT` without its last E."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, HttpClient, Response
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7020 import Module

_CLIENTS = 5
_METHODS = ("GET", "POST", "PUT", "DELETE")
_PIECE = 512  # bytes of content in one URC


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._hosts: dict[int, str] = {}
        self._connected: set[int] = set()

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CHTTPCREATE": self._create, "+CHTTPCON": self._con, "+CHTTPSEND": self._send,
            "+CHTTPDISCON": self._discon, "+CHTTPDESTROY": self._destroy,
        }  # fmt: skip

    def _create(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CHTTPCREATE: <host>"])
        name = self._modem.variant["CHTTPCREATE"]
        if command.op == "read":
            return Reply([f'+{name}: {number},{int(number in self._connected)},"{self._hosts.get(number, "")}"'
                          for number in range(_CLIENTS)])  # fmt: skip
        url = command.string(0, 255).rstrip("/")
        number = next((free for free in range(_CLIENTS) if free not in self._hosts), None)
        if number is None or not url.startswith(("http://", "https://")):
            raise MeFault(50)
        self._hosts[number] = url
        return Reply([f"+{name}: {number}"])

    def _number(self, command: Command) -> int:
        number = command.integer(0, 0, _CLIENTS - 1)
        if number not in self._hosts:
            raise MeFault(50)
        return number

    def _tls(self) -> TlsSettings:
        ca = self._modem.files.read("CA 0") or b""
        read = self._modem.files.read
        return TlsSettings(ca, read("CA 1") or b"", read("CA 2") or b"", verify=bool(ca))

    def _client(self, number: int) -> HttpClient:
        client = self._modem.http_client(number)
        client.on_closed = lambda why: self._gone(number)
        return client

    def _gone(self, number: int) -> None:
        self._connected.discard(number)
        self._modem.urc(f"+CHTTPERR:{number},-2")

    def _con(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CHTTPCON: (0-4)"])
        if command.op == "read":
            return Reply([f'+CHTTPCON: {number},{int(number in self._connected)},"{host}"'
                          for number, host in self._hosts.items()])  # fmt: skip
        number, modem = self._number(command), self._modem

        def done(outcome: str) -> None:
            if outcome == "ok":
                self._connected.add(number)
            modem.complete(Reply() if outcome == "ok" else Reply(final="ERROR"))

        self._client(number).connect(self._hosts[number] + "/", self._tls(), done)
        return None

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CHTTPSEND: (0-4),(0-3),<path>,<header>,<content_type>,<content_string>"])
        number = self._number(command)
        method, path = _METHODS[command.integer(1, 0, 3)], command.string(2, 260)
        client = self._client(number)
        if number not in self._connected or client.busy:
            raise MeFault(3)
        try:
            head = bytes.fromhex(command.string(3, 1024, default="")).decode("latin-1")
            body = bytes.fromhex(command.string(5, 2048, default=""))
        except ValueError:
            raise SyntaxFault from None
        headers = [(name.strip(), value.strip()) for name, _, value in (
            line.partition(":") for line in head.replace("\r", "").split("\n")) if name.strip()]  # fmt: skip
        if command.given(4):
            headers.append(("Content-Type", command.string(4, 120)))

        def done(result: Response | Failure) -> None:
            if isinstance(result, Failure):
                self._connected.discard(number)
                self._modem.urc(f"+CHTTPERR:{number},-2")
            else:
                self._answer(number, result)

        url = self._hosts[number] + (path if path.startswith("/") else f"/{path}")
        return Reply(after=lambda: client.request(method, url, headers, body, self._tls(), done))

    def _answer(self, number: int, response: Response) -> None:
        modem = self._modem
        if modem.variant.get("headers", "yes") == "yes":
            head = response.head.split(b"\r\n", 1)[1].decode("latin-1").replace("\r\n", "\\r\\n")
            modem.urc(f"+CHTTPNMIH:{number},{response.status},{len(head)},{head}")
        body = response.body
        for start in range(0, len(body), _PIECE):
            piece = body[start:start + _PIECE].hex()
            more = int(start + _PIECE < len(body))
            modem.urc(f"+CHTTPNMIC:{number},{more},{len(body)},{len(piece)},{piece}")

    def _discon(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CHTTPDISCON: (0-4)"])
        number = self._number(command)
        self._client(number).close()
        self._connected.discard(number)
        return Reply()

    def _destroy(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CHTTPDESTROY: (0-4)"])
        number = self._number(command)
        self._client(number).close()
        self._connected.discard(number)
        del self._hosts[number]
        return Reply()
