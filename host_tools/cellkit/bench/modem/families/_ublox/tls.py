"""AT+USECMNG, AT+USECPRF and the file system. Sources: SARA-R4 AT manual R22, driver notes (ubxlib)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._ublox.base import UbloxModem

_NOT_ALLOWED, _NOT_FOUND = 3, 22
_TYPES = ("CA", "CC", "PK")
_PROFILES = 5
_NUMBERS = {0: 0, 1: 0, 2: 0, 11: 0, 13: 0, 14: 0}
_TEXTS = (3, 4, 5, 6, 7, 8, 9, 10)
_VERSIONS = {0: ("1.0", "1.2"), 1: ("1.0", "1.0"), 2: ("1.1", "1.1"), 3: ("1.2", "1.2"), 4: ("1.3", "1.3")}
_LONGEST_FILE, _LONGEST_NAME = 100_000, 248


class TlsCommands:
    """Handlers bound to one modem. Certificates and files lie in its store and outlive a reset."""

    def __init__(self, modem: UbloxModem) -> None:
        self._modem = modem
        self._profiles: dict[int, dict[int, str]] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+USECMNG": self._manage, "+USECPRF": self._profile, "+UDWNFILE": self._write, "+URDFILE": self._read,
            "+URDBLOCK": self._block, "+ULSTFILE": self._list, "+UDELFILE": self._delete,
        }  # fmt: skip

    def settings(self, number: int) -> TlsSettings:
        """What a profile means for a connection."""
        profile = self._profiles.get(number, {})
        level = int(profile.get(0, "0"))
        low, high = _VERSIONS[int(profile.get(1, "0"))]
        return TlsSettings(
            ca=self._stored(0, profile.get(3, "")), cert=self._stored(1, profile.get(5, "")),
            key=self._stored(2, profile.get(6, "")), verify=level > 0, check_name=level >= 2, sni=10 in profile,
            server_name=profile.get(10, profile.get(4, "")), min_version=low, max_version=high,
        )  # fmt: skip

    def _stored(self, kind: int, name: str) -> bytes:
        return self._modem.files.read(_path(kind, name)) or b""

    # Certificates

    def _manage(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USECMNG: (0-4),(0-2)"])
        op = command.integer(0, 0, 4)
        files = self._modem.files
        if op == 3:
            found = [name.split("/", 2)[1:] for name in files.names() if name.startswith("sec/")]
            wanted = _TYPES if not command.given(1) else (_TYPES[command.integer(1, 0, 2)],)
            more = {"CA": ',"{0}","2040/01/01"'}
            lines = [f'{kind},"{name}"' + more.get(kind, "").format(name) for kind, name in found if kind in wanted]
            return Reply(lines)
        kind, name = command.integer(1, 0, 2), command.string(2, 200)
        if op == 2:
            if not files.delete(_path(kind, name)):
                raise MeFault(_NOT_FOUND)
            return Reply()
        if op == 4:
            data = files.read(_path(kind, name))
            if data is None:
                raise MeFault(_NOT_FOUND)
            return Reply([f'+USECMNG: 4,{kind},"{name}","{_md5(data)}"'])
        if op == 1:
            data = files.read(command.string(3, _LONGEST_NAME))
            if data is None:
                raise MeFault(_NOT_FOUND)
            files.write(_path(kind, name), data)
            return Reply([f'+USECMNG: 1,{kind},"{name}","{_md5(data)}"'])

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
                return
            files.write(_path(kind, name), data)
            self._modem.complete(Reply([f'+USECMNG: 0,{kind},"{name}","{_md5(data)}"']))

        size = command.integer(3, 1, 16384)
        return Reply(prompt=DataMode(size, size, typed, prompt="\r\n>", ends=b""))

    def _profile(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+USECPRF: (0-4),(0-14)"])
        number = command.integer(0, 0, _PROFILES - 1)
        if len(command.args) == 1:
            self._profiles.pop(number, None)
            return Reply()
        what = command.integer(1, 0, 14)
        profile = self._profiles.setdefault(number, {})
        if len(command.args) == 2:
            text = profile.get(what, "" if what in _TEXTS else "0")
            shown = text if what in _NUMBERS else f'"{text}"'
            return Reply([f"+USECPRF: {number},{what},{shown}"])
        if what in _NUMBERS:
            command.integer(2, 0, 99)
        profile[what] = command.args[2].text
        return Reply()

    # Files

    def _visible(self) -> list[str]:
        return [name for name in self._modem.files.names() if not name.startswith("sec/")]

    def _found(self, command: Command) -> tuple[str, bytes]:
        name = command.string(0, _LONGEST_NAME)
        data = self._modem.files.read(name)
        if data is None:
            raise MeFault(_NOT_FOUND)
        return name, data

    def _write(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        name, size = command.string(0, _LONGEST_NAME), command.integer(1, 1, _LONGEST_FILE)
        files = self._modem.files

        def typed(data: bytes | None) -> None:
            if data is None or not files.write(name, (files.read(name) or b"") + data):
                self._modem.fail(MeFault(_NOT_ALLOWED))
            else:
                self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, size, typed, prompt="\r\n>", ends=b""))

    def _read(self, command: Command) -> Reply:
        name, data = self._found(command)
        return Reply([f'+URDFILE: "{name}",{len(data)},"{text_of(data)}"'])

    def _block(self, command: Command) -> Reply:
        name, data = self._found(command)
        start, size = command.integer(1, 0, _LONGEST_FILE), command.integer(2, 0, _LONGEST_FILE)
        part = data[start:start + size]
        return Reply([f'+URDBLOCK: "{name}",{len(part)},"{text_of(part)}"'])

    def _list(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+ULSTFILE: (0,1,2)"])
        op = command.integer(0, 0, 2, default=0)
        if op == 1:
            return Reply([f"+ULSTFILE: {(1 << 20) - self._modem.files.used_bytes}"])
        if op == 2:
            data = self._modem.files.read(command.string(1, _LONGEST_NAME))
            if data is None:
                raise MeFault(_NOT_FOUND)
            return Reply([f"+ULSTFILE: {len(data)}"])
        names = ",".join(f'"{name}"' for name in self._visible())
        return Reply([f"+ULSTFILE: {names}".rstrip()])

    def _delete(self, command: Command) -> Reply:
        if command.op != "set":
            raise SyntaxFault
        name, _ = self._found(command)
        self._modem.files.delete(name)
        return Reply()


def _path(kind: int, name: str) -> str:
    return f"sec/{_TYPES[kind]}/{name}"


def _md5(data: bytes) -> str:
    """What the module shows of a certificate; not a safeguard."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
