"""AT+UHTTP, AT+UHTTPC, AT+UHTTPER. Source: SARA-R4 AT manual R22. What the server answers goes to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._ublox.base import UbloxModem

_NOT_ALLOWED = 3
_PROFILES = 4
_METHODS = ("HEAD", "GET", "DELETE", "PUT", "POST", "POST")
_QUOTED = (0, 1, 2, 3, 9)
_TYPES = {0: "application/x-www-form-urlencoded", 1: "text/plain", 2: "application/octet-stream", 4: "application/json"}
_ERRORS = {"dns": (3, 11), "refused": (10, 22), "timeout": (10, 22), "no bearer": (10, 22), "tls": (10, 73)}


class HttpCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: UbloxModem) -> None:
        self._modem = modem
        self._profiles: dict[int, dict[int, str]] = {}
        self._errors: dict[int, tuple[int, int]] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+UHTTP": self._profile, "+UHTTPC": self._request, "+UHTTPER": self._error}

    def forget(self) -> None:
        """Restart."""
        self._profiles.clear()
        self._errors.clear()

    def _profile(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UHTTP: (0-3),(0-9)"])
        number = command.integer(0, 0, _PROFILES - 1)
        if len(command.args) == 1:
            self._profiles.pop(number, None)
            return Reply()
        what, profile = command.integer(1, 0, 9), self._profiles.setdefault(number, {})
        if len(command.args) == 2:
            text = profile.get(what, "")
            shown = f'"{text}"' if what in _QUOTED else text or 0
            return Reply([f"+UHTTP: {number},{what},{shown}"])
        profile[what] = ",".join(arg.text for arg in command.args[2:])
        return Reply()

    def _request(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["+UHTTPC: (0-3),(0-5),<path>,<filename>,<param1>,<param2>,<param3>"])
        number, op = command.integer(0, 0, _PROFILES - 1), command.integer(1, 0, 5)
        profile = self._profiles.get(number, {})
        path, name = command.string(2, 500), command.string(3, 248, default="") or f"http_last_response_{number}"
        host, client = profile.get(1) or profile.get(0), modem.http_client(number)
        if not host or client.busy or not modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)
        body = b""
        if op in (3, 4):
            stored = modem.files.read(command.string(4, 248))
            if stored is None:
                raise MeFault(_NOT_ALLOWED)
            body = stored
        elif op == 5:
            body = command.string(4, 1024, default="").encode("latin-1")
        secure, _, profile_text = profile.get(6, "0").partition(",")
        tls = modem.tls_part.settings(int(profile_text or 0)) if secure == "1" else None
        scheme = "https" if secure == "1" else "http"
        port = profile.get(5, "443" if secure == "1" else "80")
        kind = _TYPES.get(command.integer(5, 0, 6, default=1), "text/plain") if op >= 3 else ""
        headers = [("User-Agent", "UBlox/1.0"), *([("Content-Type", kind)] if kind else [])]

        def answered(result: Response | Failure) -> None:
            if isinstance(result, Response):
                self._errors[number] = (0, 0)
                modem.files.write(name, result.head + result.body)
            else:
                self._errors[number] = _ERRORS.get(result.why, (10, 22))
            modem.urc(f"+UUHTTPCR: {number},{op},{int(isinstance(result, Response))}")

        url = f"{scheme}://{host}:{port}{path}"
        return Reply(after=lambda: client.request(_METHODS[op], url, headers, body, tls, answered))

    def _error(self, command: Command) -> Reply:
        number = command.integer(0, 0, _PROFILES - 1)
        kind, code = self._errors.get(number, (0, 0))
        return Reply([f"+UHTTPER: {number},{kind},{code}"])
