"""HTTP, security settings and the certificate store of GM02S. Sources: driver libraries (Walter)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.sequans_gm02s import Module

_NOT_ALLOWED = 3
_LONGEST = 16384
_METHODS = ("GET", "HEAD", "DELETE")
_SENDS = ("POST", "PUT")
_VERSIONS = {0: "1.0", 1: "1.1", 2: "1.2", 3: "1.3", 255: "1.2"}
_TYPES = ("application/x-www-form-urlencoded", "text/plain", "application/octet-stream", "multipart/form-data",
          "application/json")  # fmt: skip
_FAILED, _CLOSED = -1, 0


class WebCommands:
    """Handlers bound to one modem. Certificates lie in its store by slot and outlive a restart."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._tls: dict[int, tuple[int, int, int, int, int]] = {}
        self.forget()

    def forget(self) -> None:
        """A restart."""
        self._profiles: dict[int, tuple[str, int, int]] = {}
        self._bodies: dict[int, bytes] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SQNSPCFG": self._spcfg, "+SQNSNVW": self._write, "+SQNSNVR": self._read, "+SQNHTTPCFG": self._configure,
            "+SQNHTTPQRY": self._query, "+SQNHTTPSND": self._send, "+SQNHTTPRCV": self._receive,
            "+SQNHTTPCONNECT": self._connect, "+SQNHTTPDISCONNECT": self._disconnect,
        }  # fmt: skip

    # TLS

    def settings(self, number: int) -> TlsSettings:
        """What a profile means for a connection."""
        version, verify, ca, cert, key = self._tls.get(number, (2, 0, -1, -1, -1))
        files = self._modem.files
        stored = [files.read(f"{kind}/{slot}") or b"" for kind, slot in
                  (("certificate", ca), ("certificate", cert), ("privatekey", key))]  # fmt: skip
        highest = _VERSIONS.get(version, "1.2")
        return TlsSettings(
            ca=stored[0], cert=stored[1], key=stored[2], verify=bool(verify & 1), check_name=bool(verify & 4), sni=True,
            min_version="1.0" if highest < "1.2" else "1.2", max_version=highest,
        )  # fmt: skip

    def has_ca(self, number: int) -> bool:
        """Whether a profile has a CA slot."""
        return self._tls.get(number, (0, 0, -1, -1, -1))[2] >= 0

    def _spcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNSPCFG: (1-6),(0-3,255),,(0-255),(0-19),(0-19),(0-19),,"])
        if command.op == "read":
            return Reply([f'+SQNSPCFG: {number},{row[0]},"",{row[1]},{row[2]},{row[3]},{row[4]},"",""'
                          for number, row in sorted(self._tls.items())])  # fmt: skip
        number = command.integer(0, 1, 6)
        if len(command.args) == 1:
            self._tls.pop(number, None)
            return Reply()
        slots = [command.integer(index, 0, 19, default=-1) for index in (4, 5, 6)]
        version, verify = command.integer(1, 0, 255, default=2), command.integer(3, 0, 255, default=0)
        self._tls[number] = (version, verify, slots[0], slots[1], slots[2])
        return Reply()

    def _write(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+SQNSNVW: ("certificate","privatekey","strid","strpsk"),(0-19),(0-16384)'])
        kind, slot, size = command.string(0, 12), command.integer(1, 0, 19), command.integer(2, 0, _LONGEST)
        name, files = f"{kind}/{slot}", self._modem.files
        if size == 0:
            files.delete(name)
            return Reply()

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
                return
            files.write(name, data)
            self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, _LONGEST, typed, ends=b""))

    def _read(self, command: Command) -> Reply:
        kind, slot = command.string(0, 12), command.integer(1, 0, 19)
        data = self._modem.files.read(f"{kind}/{slot}")
        if data is None or kind == "privatekey":
            raise MeFault(_NOT_ALLOWED)
        return Reply([f"+SQNSNVR: {len(data)}", text_of(data)])

    # HTTP

    def _profile(self, command: Command) -> tuple[int, str]:
        number = command.integer(0, 0, 2)
        if number not in self._profiles or not self._modem.ue.registered or self._modem.http_client(number).busy:
            raise MeFault(_NOT_ALLOWED)
        host, port, tls = self._profiles[number]
        return number, f"{'https' if tls else 'http'}://{host}:{port}"

    def _configure(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNHTTPCFG: (0-2),,(1-65535),(0-1),,,(0,1),(1-65535),,(1-6)"])
        if command.op == "read":
            return Reply([f'+SQNHTTPCFG: {number},"{host}",{port},0,"","",{int(bool(tls))},120,1,{tls}'
                          for number, (host, port, tls) in sorted(self._profiles.items())])  # fmt: skip
        number, host = command.integer(0, 0, 2), command.string(1, 128, default="")
        port, secure = command.integer(2, 1, 65535, default=80), command.integer(6, 0, 1, default=0)
        profile = command.integer(9, 0, 6, default=1) if secure else 0
        self._profiles[number] = (host, port, profile)
        return Reply()

    def _request(self, number: int, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> None:
        profile = self._profiles[number][2]
        tls = self.settings(profile) if profile else None
        client = self._modem.http_client(number)
        client.request(method, url, headers, body, tls, lambda result: self._answered(number, result))

    def _answered(self, number: int, result: Response | Failure) -> None:
        if isinstance(result, Failure):
            self._modem.urc(f"+SQNHTTPRING: {number},{_CLOSED},,")
            return
        self._bodies[number] = result.body
        kind = result.header("Content-Type") or ""
        self._modem.urc(f'+SQNHTTPRING: {number},{result.status},"{kind}",{len(result.body)}')

    def _query(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNHTTPQRY: (0-2),(0-2),,"])
        number, base = self._profile(command)
        url = base + command.string(2, 512)
        extra = _headers(command.string(3, 512, default=""))
        method = _METHODS[command.integer(1, 0, 2)]
        return Reply(after=lambda: self._request(number, method, url, extra, b""))

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNHTTPSND: (0-2),(0,1),,(0-65535),,"])
        number, base = self._profile(command)
        method, url = _SENDS[command.integer(1, 0, 1)], base + command.string(2, 512)
        size = command.integer(3, 1, 65535)
        kind = command.string(4, 64, default="1").split(":")[0]
        headers = [("Content-Type", _TYPES[int(kind)] if kind.isdigit() and int(kind) < len(_TYPES) else kind)]

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
            else:
                self._modem.complete(Reply(after=lambda: self._request(number, method, url, headers, data)))

        return Reply(prompt=DataMode(size, size, typed, ends=b""))

    def _receive(self, command: Command) -> Reply:
        """`<<<` and the bytes behind it."""
        number, limit = command.integer(0, 0, 2), command.integer(1, 0, 1500, default=0)
        body = self._bodies.get(number)
        if not body:
            raise MeFault(_NOT_ALLOWED)
        part = body[:limit] if limit else body
        self._bodies[number] = body[len(part):]
        return Reply(["<<<" + text_of(part)])

    def _connect(self, command: Command) -> Reply:
        number, base = self._profile(command)
        profile = self._profiles[number][2]
        tls = self.settings(profile) if profile else None

        def opened(outcome: str) -> None:
            self._modem.urc(f"+SQNHTTPCONNECT: {number},{0 if outcome == 'ok' else _FAILED}")

        return Reply(after=lambda: self._modem.http_client(number).connect(base + "/", tls, opened))

    def _disconnect(self, command: Command) -> Reply:
        number = command.integer(0, 0, 2)
        self._modem.http_client(number).close()
        return Reply(after=lambda: self._modem.later(0.1, self._modem.urc, f"+SQNHTTPSH: {number},0"))


def _headers(text: str) -> list[tuple[str, str]]:
    name, found, value = text.partition(":")
    return [(name.strip(), value.strip())] if found else []
