"""AT#SSL…: the one secure socket. Source: AT reference guide 80617ST10991A (shapes; (unverified) on a wire)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import done, text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.telit_me310 import Module

_NOT_ALLOWED = 3
_NUMBER = 60  # of its link in the module's table
_LONGEST, _LONGEST_FILE = 1500, 4096
_CERT, _CA, _KEY = 0, 1, 2


class TlsCommands:
    """Handlers bound to one modem. Certificates lie in its store and outlive a restart."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._enabled = False
        self._security = (0, 0)  # cipher, authentication mode

    def forget(self) -> None:
        """A restart."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "#SSLEN": self._enable, "#SSLCFG": done, "#SSLSECCFG": self._secure, "#SSLSECCFG2": done,
            "#SSLSECDATA": self._data, "#SSLD": self._dial, "#SSLH": self._hang_up, "#SSLSENDEXT": self._send,
            "#SSLRECV": self._receive, "#SSLS": self._state,
        }  # fmt: skip

    def settings(self) -> TlsSettings:
        """Authentication mode 0 none, 1 the server's, 2 both."""
        files, mode = self._modem.files, self._security[1]
        stored = [files.read(f"ssl/{kind}") or b"" for kind in (_CA, _CERT, _KEY)]
        own = stored[1:] if mode == 2 else [b"", b""]
        return TlsSettings(ca=stored[0], cert=own[0], key=own[1], verify=mode > 0, sni=True)

    def _enable(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"#SSLEN: 1,{int(self._enabled)}"])
        command.integer(0, 1, 1)
        self._enabled = bool(command.integer(1, 0, 1))
        return Reply()

    def _secure(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"#SSLSECCFG: 1,{self._security[0]},{self._security[1]}"])
        command.integer(0, 1, 1)
        self._security = (command.integer(1, 0, 99), command.integer(2, 0, 3))
        return Reply()

    def _data(self, command: Command) -> Reply:
        """AT#SSLSECDATA=1,<0 delete|1 store|2 read>,<type>[,<size>]."""
        command.integer(0, 1, 1)
        action, kind, files = command.integer(1, 0, 2), command.integer(2, 0, 2), self._modem.files
        name = f"ssl/{kind}"
        if action == 0:
            files.delete(name)
            return Reply()
        if action == 2:
            data = files.read(name)
            return Reply([f"#SSLSECDATA: 1,{kind}", "No data stored" if data is None else text_of(data)])

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
            else:
                files.write(name, data)
                self._modem.complete(Reply())

        size = command.integer(3, 1, _LONGEST_FILE)
        return Reply(prompt=DataMode(size, _LONGEST_FILE, typed, ends=b""))

    def _dial(self, command: Command) -> Reply | None:
        modem = self._modem
        command.integer(0, 1, 1)
        port, host = command.integer(1, 1, 65535), command.string(2, 128)
        online = not command.integer(4, 0, 1, default=0)
        if not self._enabled or modem.links.get(_NUMBER) is not None or not modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)

        def opened(outcome: str) -> None:
            if outcome != "ok":
                link.close()
                modem.fail(MeFault(_NOT_ALLOWED))
            elif online:
                link.on_data = modem.output.raw
                modem.complete(Reply(final="CONNECT", after=lambda: modem.go_online(link.send)))
            else:
                modem.complete(Reply())

        link = modem.links.open(_NUMBER, "tls", host, port, opened, self.settings())
        link.on_data = lambda data: self._came(link, data)
        link.on_closed = lambda why: modem.urc("NO CARRIER")
        return None

    def _came(self, link: Link, data: bytes) -> None:
        link.buffer += data
        self._modem.urc(f"SSLSRING: 1,{len(link.buffer)}")

    def _link(self) -> Link:
        link = self._modem.links.get(_NUMBER)
        if link is None or link.state == "opening":
            raise MeFault(_NOT_ALLOWED)
        return link

    def _hang_up(self, command: Command) -> Reply:
        self._link().close()
        return Reply()

    def _send(self, command: Command) -> Reply:
        link, size = self._link(), command.integer(1, 1, _LONGEST)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
            else:
                link.send(data, lambda ok: self._modem.complete(Reply(final="OK" if ok else "ERROR")))

        return Reply(prompt=DataMode(size, _LONGEST, typed, ends=b""))

    def _receive(self, command: Command) -> Reply:
        link = self._link()
        data = link.take(command.integer(1, 1, 1000))
        return Reply([f"#SSLRECV: {len(data)}\r\n{text_of(data)}" if data else "#SSLRECV: 0"])

    def _state(self, command: Command) -> Reply:
        link = self._modem.links.get(_NUMBER)
        return Reply([f"#SSLS: 1,{0 if link is None else 2}"])
