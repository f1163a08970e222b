"""CSSLCFG, certificates and TLS sockets (CCH*) of A76xx and SIM7600. Source: A76XX SSL application note V1.02."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._simcom.base import SimcomModem

_BASE = 100  # numbers of TLS sockets in the module's table
_SOCKETS = 2
_LONGEST = 2048
_FACTORY: dict[str, Any] = {
    "sslversion": 4, "authmode": 0, "ignorelocaltime": 1, "negotiatetime": 300, "cacert": "", "clientcert": "",
    "clientkey": "", "enableSNI": 0, "ciphersuites": "0xFFFF", "keypwd": "", "password": "",
}  # fmt: skip
_VERSIONS = {0: ("1.0", "1.0"), 1: ("1.0", "1.0"), 2: ("1.1", "1.1"), 3: ("1.2", "1.2"), 4: ("1.0", "1.2")}
_OUTCOMES = {"no bearer": 9, "dns": 10, "refused": 6, "timeout": 4, "tls": 15}


class TlsCommands:
    """Handlers bound to one modem. Settings and session are gone at a reset, files are not."""

    def __init__(self, modem: SimcomModem) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """Reset or power cut."""
        self.contexts: dict[int, dict[str, Any]] = {}
        self.started = False
        self.report = 0
        self.manual = False
        self._chosen: dict[int, int] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CSSLCFG": self._cfg, "+CCERTDOWN": self._modem.upload, "+CCERTLIST": self._list,
            "+CCERTDELE": self._delete, "+CCERTMOVE": lambda command: Reply(), "+CCHSET": self._cchset,
            "+CCHMODE": lambda command: Reply(), "+CCHSTART": self._start, "+CCHSTOP": self._stop,
            "+CCHADDR": self._address, "+CCHSSLCFG": self._sslcfg, "+CCHCFG": lambda command: Reply(),
            "+CCHOPEN": self._open, "+CCHCLOSE": self._close, "+CCHSEND": self._send, "+CCHRECV": self._recv,
        }  # fmt: skip

    # Settings and certificates

    def _context(self, number: int) -> dict[str, Any]:
        return self.contexts.setdefault(number, dict(_FACTORY))

    def settings(self, number: int) -> TlsSettings:
        """What a context means for a connection. Auth modes: 0 none, 1 server, 2 both, 3 client only."""
        context, files = self._context(number), self._modem.files
        mode = int(context["authmode"])
        low, high = _VERSIONS.get(int(context["sslversion"]), ("1.0", "1.2"))
        ca, cert, key = (files.read(str(context[name])) or b"" for name in ("cacert", "clientcert", "clientkey"))
        own = mode in (2, 3)
        return TlsSettings(
            ca=ca, cert=cert if own else b"", key=key if own else b"", verify=mode in (1, 2),
            sni=bool(context["enableSNI"]), min_version=low, max_version=high,
        )  # fmt: skip

    def _shown(self, number: int) -> str:
        context = self._context(number)
        names = ",".join(f'"{context[name]}"' for name in ("cacert", "clientcert", "clientkey"))
        keys = ("sslversion", "authmode", "ignorelocaltime", "negotiatetime")
        numbers = ",".join(str(context[name]) for name in keys)
        return f"+CSSLCFG: {number},{numbers},{names},{context['enableSNI']}"

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CSSLCFG: "sslversion",(0-9),(0-4)', '+CSSLCFG: "authmode",(0-9),(0-3)',
                          '+CSSLCFG: "ignorelocaltime",(0-9),(0,1)', '+CSSLCFG: "negotiatetime",(0-9),(10-300)',
                          '+CSSLCFG: "cacert",(0-9),(5-108)', '+CSSLCFG: "clientcert",(0-9),(5-108)',
                          '+CSSLCFG: "clientkey",(0-9),(5-108)', '+CSSLCFG: "enableSNI",(0-9),(0,1)'])  # fmt: skip
        if command.op == "read":
            return Reply([self._shown(number) for number in range(10)])
        if len(command.args) == 1:
            return Reply([self._shown(command.integer(0, 0, 9))])
        key, number = command.string(0, 20), command.integer(1, 0, 9)
        if key not in _FACTORY or not command.given(2):
            raise SyntaxFault
        text = command.string(2, 108)
        if isinstance(_FACTORY[key], int) and not text.isdigit():
            raise SyntaxFault
        self._context(number)[key] = int(text) if isinstance(_FACTORY[key], int) else text
        return Reply()

    def _list(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply([f'+CCERTLIST: "{name}"' for name in self._modem.files.names()])

    def _delete(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply(final="OK" if self._modem.files.delete(command.string(0, 108)) else "ERROR")

    # Service

    def _cchset(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCHSET: (0,1),(0,1)"])
        if command.op == "read":
            return Reply([f"+CCHSET: {self.report},{int(self.manual)}"])
        self.report = command.integer(0, 0, 1)
        self.manual = bool(command.integer(1, 0, 1, default=0))
        return Reply()

    def _start(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self.started or not self._modem.ue.registered:
            return self._modem.failed(f"+CCHSTART: {1 if self.started else 9}")
        self.started = True
        return self._modem.behind("+CCHSTART: 0", 0.2)

    def _stop(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self.started:
            return self._modem.failed("+CCHSTOP: 8")
        self.started = False
        for number in range(_SOCKETS):
            link = self._link(number)
            if link is not None:
                link.close()
        return self._modem.behind("+CCHSTOP: 0", 0.2)

    def _address(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply([f"+CCHADDR: 0,{self._modem.ue.grant.ip}"]) if self.started else Reply(final="ERROR")

    def _sslcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCHSSLCFG: (0-1),(0-9)"])
        if command.op == "read":
            return Reply([f"+CCHSSLCFG: {number},{self._chosen.get(number, '')}" for number in range(_SOCKETS)])
        self._chosen[command.integer(0, 0, _SOCKETS - 1)] = command.integer(1, 0, 9)
        return Reply()

    # Sockets

    def _link(self, number: int) -> Link | None:
        return self._modem.links.get(_BASE + number)

    def _open(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CCHOPEN: (0,1),\"ADDRESS\",(1-65535)[,(1-2)]"])
        if command.op == "read":
            return Reply([self._state(number) for number in range(_SOCKETS)])
        number, host = command.integer(0, 0, _SOCKETS - 1), command.string(1, 256)
        port, kind = command.integer(2, 1, 65535), command.integer(3, 1, 2, default=2)
        if not self.started:
            return modem.failed(f"+CCHOPEN: {number},8")
        old = self._link(number)
        if old is not None and old.state != "closed":
            return modem.failed(f"+CCHOPEN: {number},1")
        if old is not None:
            old.close()

        def done(outcome: str) -> None:
            text = f"+CCHOPEN: {number},{_OUTCOMES.get(outcome, 0)}"
            if outcome == "ok":
                modem.complete(modem.behind(text))
            else:
                link.close()
                modem.complete(modem.failed(text))

        tls = self.settings(self._chosen.get(number, 0)) if kind == 2 else None
        link = modem.links.open(_BASE + number, "tls" if tls else "tcp", host, port, done, tls, timeout_s=120.0)
        link.on_data = lambda data: self._came(number, link, data)
        link.on_closed = lambda why: modem.urc(f"+CCH_PEER_CLOSED: {number}")
        return None

    def _state(self, number: int) -> str:
        link = self._link(number)
        if link is None or link.state != "open":
            return f'+CCHOPEN: {number},"",,,'
        return f'+CCHOPEN: {number},"{link.host}",{link.port},{2 if link.kind == "tls" else 1},{link.local_port}'

    def _close(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCHCLOSE: (0,1)"])
        number = command.integer(0, 0, _SOCKETS - 1)
        link = self._link(number)
        if link is None:
            return self._modem.failed(f"+CCHCLOSE: {number},8")
        link.close()
        return self._modem.behind(f"+CCHCLOSE: {number},0", 0.1)

    def _send(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply([f"+CCHSEND: (0,1),(1-{_LONGEST})"])
        if command.op == "read":
            return Reply([f"+CCHSEND: {','.join('0' for _ in range(_SOCKETS))}"])
        number, size = command.integer(0, 0, _SOCKETS - 1), command.integer(1, 1, _LONGEST)
        link = self._link(number)
        if link is None or link.state != "open":
            return modem.failed(f"+CCHSEND: {number},8")

        def done(data: bytes) -> None:
            def told(ok: bool) -> None:
                text = f"+CCHSEND: {number},{0 if ok else 7}"
                modem.complete(Reply() if ok and not self.report else modem.behind(text) if ok else modem.failed(text))

            link.send(data, told)

        return modem.ask(size, size, done)

    def _came(self, number: int, link: Link, data: bytes) -> None:
        if self.manual:
            told = bool(link.buffer)
            link.buffer += data
            if not told:
                self._modem.urc(f"+CCHEVENT: {number},RECV EVENT")
            return
        self._modem.urc(f"+CCHRECV: DATA,{number},{len(data)}\r\n{data.decode('latin-1')}")

    def _recv(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CCHRECV: (0,1),(1-{_LONGEST})"])
        links = [self._link(number) for number in range(_SOCKETS)]
        if command.op == "read":
            return Reply(["+CCHRECV: LEN," + ",".join(str(len(link.buffer) if link else 0) for link in links)])
        number = command.integer(0, 0, _SOCKETS - 1)
        link = links[number]
        if link is None:
            return self._modem.failed(f"+CCHRECV: {number},8")
        data = link.take(command.integer(1, 1, _LONGEST, default=_LONGEST))
        lines = [f"+CCHRECV: DATA,{number},{len(data)}", data.decode("latin-1")] if data else []
        return Reply([*lines, f"+CCHRECV: {number},0"], ok_first=True)
