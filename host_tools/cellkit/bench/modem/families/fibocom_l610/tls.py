"""AT+GTSSL…: version, check and certificates for all TLS sockets. Source: acceptance reports of an L610-CN-62-36."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.tls import Files, TlsSettings
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.fibocom_l610 import Module

_FILES = ("TRUSTFILE", "CAFILE", "KEYFILE")  # the last two (unverified): the client's own
_NOT_SUPPORTED = 4


class TlsCommands:
    """Handlers bound to one modem; all of it is in RAM."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """Power-off."""
        self._files = Files()
        self._mode, self._version = 0, 4

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+GTSSLVER": self._ver, "+GTSSLMODE": self._set_mode, "+GTSSLFILE": self._file}

    def settings(self) -> TlsSettings:
        """For a socket that is opened now."""
        parts = [self._files.read(name) or b"" for name in _FILES]
        mutual = bool(parts[1] and parts[2])
        return TlsSettings(
            ca=parts[0], cert=parts[1] if mutual else b"", key=parts[2] if mutual else b"", verify=self._mode > 0,
            sni=True,
        )  # fmt: skip

    def _ver(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+GTSSLVER: (0-4)"])
        if command.op == "read":
            return Reply([f"+GTSSLVER: {self._version}"])
        self._version = command.integer(0, 0, 4)
        return Reply()

    def _set_mode(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+GTSSLMODE: (0-2)"])
        if command.op == "read":
            return Reply([f"+GTSSLMODE: {self._mode}"])
        self._mode = command.integer(0, 0, 2)
        return Reply()

    def _count(self, name: str) -> str:
        content = self._files.read(name) or b""
        return f"+GTSSLFILE: {name},{content.count(b'-----BEGIN')}"

    def _file(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+GTSSLFILE: (" + ",".join(f'"{name}"' for name in _FILES) + "),(1-8192)"])
        if command.op == "read":
            return Reply([self._count(name) for name in self._files.names()])
        name, size = command.string(0, 20).upper(), command.integer(1, 1, 8192)
        if name not in _FILES:
            raise MeFault(_NOT_SUPPORTED)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            # Another upload adds to what is there, and does not replace it (acceptance report).
            before = self._files.read(name) or b""
            self._files.write(name, before + (b"\n" if before else b"") + data)
            self._modem.complete(Reply([self._count(name)]))

        return Reply(prompt=DataMode(size, size, typed))
