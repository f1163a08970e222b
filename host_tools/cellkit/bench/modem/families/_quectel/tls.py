"""AT+QSSL…: TLS contexts and sockets. Sources: BG96 SSL manual V1.0, EG800K logs, EC200U notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem

_BASE = 100  # numbers of TLS sockets in the module's table
_SOCKETS = 12
_LONGEST = 1460
_FACTORY: dict[str, Any] = {
    "sslversion": 4, "ciphersuite": "0XFFFF", "cacert": "", "clientcert": "", "clientkey": "", "seclevel": 0,
    "session": 0, "sni": 0, "checkhost": 0, "ignorelocaltime": 1, "negotiatetime": 300, "renegotiation": 0,
    "closetimemode": 0, "dtls": 0, "ignoreinvalidcertsign": 0, "ignoremulticertchainverify": 0, "ssloffset": 0,
}  # fmt: skip
_VERSIONS = {0: ("1.0", "1.0"), 1: ("1.0", "1.0"), 2: ("1.1", "1.1"), 3: ("1.2", "1.2"), 4: ("1.0", "1.2")}
_OUTCOMES = {"ok": 0, "no bearer": 561, "dns": 565, "refused": 566, "timeout": 569, "tls": 566}


class TlsCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: QuectelModem) -> None:
        self._modem = modem
        self._contexts: dict[int, dict[str, Any]] = {}
        modem.at_reset.append(self._contexts.clear)
        self._opened: dict[int, tuple[int, int, int]] = {}  # id: pdp context, TLS context, access

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QSSLCFG": self._cfg, "+QSSLOPEN": self._open, "+QSSLCLOSE": self._close, "+QSSLSEND": self._send,
            "+QSSLRECV": self._recv, "+QSSLSTATE": self._state,
        }  # fmt: skip

    def _context(self, number: int) -> dict[str, Any]:
        return self._contexts.setdefault(number, dict(_FACTORY))

    def settings(self, number: int) -> TlsSettings:
        """What a context means for a connection."""
        context = self._context(number)
        level = int(context["seclevel"])
        low, high = _VERSIONS.get(int(context["sslversion"]), ("1.0", "1.2"))
        files = [self._file(str(context[key])) for key in ("cacert", "clientcert", "clientkey")]
        return TlsSettings(
            ca=files[0], cert=files[1] if level == 2 else b"", key=files[2] if level == 2 else b"", verify=level > 0,
            check_name=bool(context["checkhost"]), sni=bool(context["sni"]), min_version=low, max_version=high,
        )  # fmt: skip

    def _file(self, name: str) -> bytes:
        files = self._modem.files
        return files.read(name) or files.read(f"UFS:{name}") or files.read(name.removeprefix("UFS:")) or b""

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QSSLCFG: "{key}",(0-5),<{key}>' for key in _FACTORY])
        key = command.string(0, 30).lower()
        if key not in _FACTORY:
            raise SyntaxFault
        if len(command.args) == 2 and key == "ignorelocaltime":  # an example of the MQTT note has no context
            return Reply()
        number = command.integer(1, 0, 5)
        if len(command.args) == 2:
            value = self._context(number)[key]
            shown = f'"{value}"' if key in ("cacert", "clientcert", "clientkey") else value
            return Reply([f'+QSSLCFG: "{key}",{number},{shown}'])
        text = command.args[2].text
        self._context(number)[key] = int(text) if text.isdigit() else text
        return Reply()

    def _id(self, command: Command, at: int = 0) -> int:
        return command.integer(at, 0, _SOCKETS - 1)

    def _link(self, number: int) -> Link:
        link = self._modem.links.get(_BASE + number)
        if link is None:
            raise SyntaxFault
        return link

    def _open(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QSSLOPEN: (1-16),(0-5),(0-11),<serveraddr>,<serverport>,(0-2)"])
        context, tls, number = command.integer(0, 0, 16), command.integer(1, 0, 5), self._id(command, 2)
        host, port, access = command.string(3, 200), command.integer(4, 1, 65535), command.integer(5, 0, 2, default=1)
        modem = self._modem

        def told(code: int) -> None:
            modem.urc(f"+QSSLOPEN: {number},{code}")

        def begin() -> None:
            if modem.links.get(_BASE + number) is not None:
                modem.later(0.05, told, 563)
                return
            self._opened[number] = (context, tls, access)
            link = modem.links.open(
                _BASE + number, "tls", host, port, lambda outcome: told(_OUTCOMES[outcome]), self.settings(tls)
            )
            link.on_data = lambda data: self._came(number, link, access, data)
            link.on_closed = lambda why: modem.urc(f'+QSSLURC: "closed",{number}')

        return Reply(after=begin)

    def _came(self, number: int, link: Link, access: int, data: bytes) -> None:
        if access == 1:
            self._modem.urc(f'+QSSLURC: "recv",{number},{len(data)}\r\n{data.decode("latin-1")}')
            return
        told = bool(link.buffer)
        link.buffer += data
        if not told:
            self._modem.urc(f'+QSSLURC: "recv",{number}')

    def _close(self, command: Command) -> Reply:
        link = self._modem.links.get(_BASE + self._id(command))
        if link is not None:
            link.close()
        return Reply()

    def _send(self, command: Command) -> Reply:
        link = self._link(self._id(command))
        if link.state != "open":
            raise SyntaxFault
        size = command.integer(1, 1, _LONGEST) if command.given(1) else None

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
            else:
                link.send(data, lambda ok: self._modem.complete(Reply(final="SEND OK" if ok else "SEND FAIL")))

        return Reply(prompt=DataMode(size, _LONGEST, typed))

    def _recv(self, command: Command) -> Reply:
        link = self._link(self._id(command))
        data = link.take(command.integer(1, 1, 1500, default=1500))
        return Reply([f"+QSSLRECV: {len(data)}", *([data.decode("latin-1")] if data else [])])

    def _state(self, command: Command) -> Reply:
        lines = []
        for number, (context, tls, access) in sorted(self._opened.items()):
            link = self._modem.links.get(_BASE + number)
            if link is not None:
                state = {"opening": 1, "open": 2, "closed": 4}[link.state]
                lines.append(
                    f'+QSSLSTATE: {number},"SSLClient","{link.host}",{link.port},0,{state},{context},{number},{access},'
                    f'"{self._modem.state_port}",{tls}'
                )
        return Reply(lines)
