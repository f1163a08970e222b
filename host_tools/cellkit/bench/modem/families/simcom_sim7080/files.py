"""AT+CFS…, CSSLCFG, CASSLCFG: files, and what secures a connection. Sources: AT manual V1.05, MQTT(S) note V1.03."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._simcom.lpwa import number_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_FREE = 2096128
_LONGEST = 10240
_VERSIONS = {0: ("1.0", "1.0"), 1: ("1.0", "1.0"), 2: ("1.1", "1.1"), 3: ("1.2", "1.2")}


class FileCommands:
    """Handlers bound to one modem. Files are named `<folder>/<name>`; CSSLCFG="CONVERT" tells what one is good for."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._opened = False
        self._converted: dict[str, tuple[int, str]] = {}  # name: type, and the key that belongs to a certificate
        self._contexts: dict[int, dict[str, str]] = {}
        self._sockets: dict[int, dict[str, str]] = {}
        modem.at_reset.append(self._forget)

    def _forget(self) -> None:
        self._opened = False
        self._sockets.clear()
        self._contexts.clear()

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CFSINIT": self._init, "+CFSTERM": self._term, "+CFSWFILE": self._write, "+CFSRFILE": self._read,
            "+CFSGFIS": self._size, "+CFSDFILE": self._delete, "+CFSGFRS": self._free, "+CFSREN": self._rename,
            "+CSSLCFG": self._cfg,
        }  # fmt: skip

    # Files

    def _need(self) -> None:
        if not self._opened:
            raise MeFault(_NOT_ALLOWED)

    def _init(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self._opened:
            raise MeFault(_NOT_ALLOWED)
        self._opened = True
        return Reply()

    def _term(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._need()
        self._opened = False
        return Reply()

    def _name(self, command: Command) -> str:
        self._need()
        return f"{command.integer(0, 0, 3)}/{command.string(1, 230)}"

    def _write(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CFSWFILE: (0-3),230,(0,1),(1-{_LONGEST}),(100-10000)"])
        name, appends = self._name(command), command.integer(2, 0, 1)
        size = command.integer(3, 1, _LONGEST)
        command.integer(4, 100, 10000)
        files = self._modem.files

        def typed(data: bytes | None) -> None:
            before = (files.read(name) or b"") if appends else b""
            ok = data is not None and files.write(name, before + data)
            self._modem.complete(Reply() if ok else Reply(final="ERROR"))

        return Reply(prompt=DataMode(size, size, typed, "\r\nDOWNLOAD\r\n"))

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CFSRFILE: (0-3),230,(0,1),(0-{_LONGEST}),(0-{_LONGEST})"])
        data = self._modem.files.read(self._name(command))
        if data is None:
            raise SyntaxFault
        start = command.integer(4, 0, _LONGEST, default=0) if command.integer(2, 0, 1, default=0) else 0
        piece = data[start:start + command.integer(3, 0, _LONGEST, default=_LONGEST)]
        return Reply([f"+CFSRFILE: {len(piece)}", text_of(piece)])

    def _size(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CFSGFIS: (0-3),230"])
        data = self._modem.files.read(self._name(command))
        if data is None:
            raise MeFault(_NOT_ALLOWED)
        return Reply([f"+CFSGFIS: {len(data)}"])

    def _delete(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CFSDFILE: (0-3),230"])
        if not self._modem.files.delete(self._name(command)):
            raise SyntaxFault
        return Reply()

    def _free(self, command: Command) -> Reply:
        self._need()
        return Reply([f"+CFSGFRS: {_FREE - self._modem.files.used_bytes}"])

    def _rename(self, command: Command) -> Reply:
        old = self._name(command)
        data = self._modem.files.read(old)
        if data is None:
            raise SyntaxFault
        self._modem.files.delete(old)
        self._modem.files.write(f"{command.integer(0, 0, 3)}/{command.string(2, 230)}", data)
        return Reply()

    # TLS

    def _file(self, name: str) -> bytes:
        return self._modem.files.read(f"3/{name}") or b"" if name in self._converted else b""

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CSSLCFG: "SSLVERSION",(0-5),(0-3)', '+CSSLCFG: "CIPHERSUITE",(0-5),(0-7),<cipher>',
                          '+CSSLCFG: "IGNORERTCTIME",(0-5),(0,1)', '+CSSLCFG: "PROTOCOL",(0-5),(1,2)',
                          '+CSSLCFG: "SNI",(0-5),<servername>', '+CSSLCFG: "CTXINDEX",(0-5)',
                          '+CSSLCFG: "CONVERT",(1-3),<cname>'])  # fmt: skip
        key = command.string(0, 20).upper()
        if key == "CONVERT":
            return self._convert(command)
        number = command.integer(1, 0, 5)
        context = self._contexts.setdefault(number, {})
        if key == "CTXINDEX":
            shown = [f'{number},{context.get("SSLVERSION", "3")},0,0,"{context.get("SNI", "")}"']
            return Reply([f"+CSSLCFG: {line}" for line in shown])
        if len(command.args) < 3:
            raise SyntaxFault
        context[key] = command.args[-1].text
        return Reply()

    def _convert(self, command: Command) -> Reply:
        kind, name = command.integer(1, 1, 3), command.string(2, 230)
        key = command.string(3, 230, default="")
        missing = [each for each in (name, *([key] if key else [])) if self._modem.files.read(f"3/{each}") is None]
        if missing:
            raise MeFault(_NOT_ALLOWED)
        self._converted[name] = (kind, key)
        return Reply()

    def settings(self, context: int, ca: str, cert: str) -> TlsSettings:
        """What a connection is secured with: context of CSSLCFG, names of converted files."""
        values = self._contexts.get(context, {})
        low, high = _VERSIONS.get(number_of(values.get("SSLVERSION", ""), 3), ("1.2", "1.2"))
        key = self._converted.get(cert, (1, ""))[1]
        pem, mine = self._file(ca), self._file(cert)
        private = self._modem.files.read(f"3/{key}") or b"" if key else mine
        name = values.get("SNI", "")
        return TlsSettings(pem, mine, private if mine else b"", bool(pem), sni=bool(name), server_name=name,
                           min_version=low, max_version=high)  # fmt: skip

    def cassl(self, command: Command) -> Reply:
        """AT+CASSLCFG: what one socket is secured with."""
        if command.op == "test":
            return Reply(['+CASSLCFG: (0-12),"SSL",(0,1)', '+CASSLCFG: (0-12),"CRINDEX",(0-5)',
                          '+CASSLCFG: (0-12),"CACERT",<caname>', '+CASSLCFG: (0-12),"CERT",<certname>'])  # fmt: skip
        if command.op == "read":
            return Reply([f"+CASSLCFG: {number},{values.get('SSL', '0')},{values.get('CRINDEX', '0')},"
                          f'"{values.get("CACERT", "")}","{values.get("CERT", "")}"'
                          for number, values in self._sockets.items()])  # fmt: skip
        values = self._sockets.setdefault(command.integer(0, 0, 12), {})
        values[command.string(1, 20).upper()] = command.string(2, 230, default="")
        return Reply()

    def settings_of_socket(self, number: int) -> TlsSettings | None:
        """None where the socket is not secured."""
        values = self._sockets.get(number, {})
        if values.get("SSL") != "1" and "CRINDEX" not in values:
            return None
        return self.settings(number_of(values.get("CRINDEX", "")), values.get("CACERT", ""), values.get("CERT", ""))
