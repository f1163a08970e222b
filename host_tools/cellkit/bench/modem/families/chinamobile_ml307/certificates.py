"""AT+MSSL…: certificates and what a connection does with them. Source: HTTP and SSL manuals of the ML30x line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Arg, Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.chinamobile_ml307 import Module

_PARAMETERS = 552


class CertificateCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._contexts: dict[int, dict[str, list[Arg]]] = {}
        modem.at_reset.append(self._contexts.clear)

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+MSSLCFG": self._sslcfg, "+MSSLCERTWR": self._certwr, "+MSSLCERTRD": self._certrd,
            "+MSSLCERTDEL": self._certdel, "+MSSLKEYWR": self._certwr, "+MSSLKEYRD": self._certrd,
            "+MSSLKEYDEL": self._certdel, "+MSSLLIST": self._list,
        }  # fmt: skip

    def settings(self, context: int) -> TlsSettings:
        """What an SSL context means for a connection."""
        files, kept = self._modem.files, self._contexts.get(context, {})

        def number(key: str, factory: int) -> int:
            return int(kept[key][0].text) if key in kept else factory

        names = [arg.text for arg in kept.get("cert", [])] + ["", "", ""]
        parts = [files.read(name) or b"" for name in names[:3]]
        auth = number("auth", 0)
        return TlsSettings(
            ca=parts[0], cert=parts[1] if auth == 2 else b"", key=parts[2] if auth == 2 else b"", verify=auth > 0,
            sni=number("sni", 1) == 1,
        )  # fmt: skip

    def _sslcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+MSSLCFG: "auth",(0-5),(0-2)'])
        key, context = command.string(0, 20).lower(), command.integer(1, 0, 5)
        kept = self._contexts.setdefault(context, {})
        if len(command.args) == 2:
            shown = ",".join(f'"{arg.text}"' if arg.quoted else arg.text for arg in kept.get(key, [Arg("0", False)]))
            return Reply([f'+MSSLCFG: "{key}",{context},{shown}'])
        kept[key] = command.args[2:]
        return Reply()

    def _certwr(self, command: Command) -> Reply:
        name, size = command.string(0, 64), command.integer(2, 1, 16384)

        def store(data: bytes) -> None:
            more = bool(command.integer(1, 0, 1, default=0))
            before = (self._modem.files.read(name) or b"") if more else b""
            if not self._modem.files.write(name, before + data):
                raise MeFault(_PARAMETERS)

        if command.given(3):
            data = command.args[3].text.encode("latin-1")
            if len(data) != size:
                raise MeFault(_PARAMETERS)
            store(data)
            return Reply()

        def typed(data: bytes | None) -> None:
            if data is not None:
                store(data)
            self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, size, typed))

    def _certrd(self, command: Command) -> Reply:
        name = command.string(0, 64)
        data = self._modem.files.read(name)
        if data is None:
            raise MeFault(_PARAMETERS)
        return Reply([f'+MSSLCERTRD: "{name}",{len(data)},{data.decode("latin-1")}'])

    def _list(self, command: Command) -> Reply:
        """(unverified form) Certificates or keys that are stored."""
        files = self._modem.files
        keys = command.integer(0, 0, 2, default=0) == 2
        names = [name for name in files.names() if (b"PRIVATE KEY" in (files.read(name) or b"")) == keys]
        return Reply([f'+MSSLLIST: "{name}",{len(files.read(name) or b"")}' for name in names])

    def _certdel(self, command: Command) -> Reply:
        if not self._modem.files.delete(command.string(0, 64)):
            raise MeFault(_PARAMETERS)
        return Reply()
