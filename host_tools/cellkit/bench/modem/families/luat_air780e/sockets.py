"""Sockets in the manner of SIM800: CSTT, CIICR, CIFSR, CIPSTART, CIPSEND, CIPRXGET, CIPSHUT; one link or more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_LONGEST = 1460
_LINKS = 6
_WRONG_STATE = 3
_NUMBERS = ("CIPMUX", "CIPQSEND", "CIPHEAD", "CIPRXGET", "CIPMODE", "CIPSSL", "CIPSRIP")


class SocketCommands:
    """Handlers bound to one modem. `state` is the text of CIPSTATUS in single-link mode."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.settings = dict.fromkeys(_NUMBERS, 0)
        self.state = "IP INITIAL"

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        numbers: dict[str, Handler] = {f"+{name}": self._number for name in _NUMBERS if name != "CIPRXGET"}
        return {
            **numbers,
            "+CSTT": self._cstt, "+CIICR": self._ciicr, "+CIFSR": self._cifsr, "+CIPSTART": self._start,
            "+CIPSEND": self._send, "+CIPCLOSE": self._close, "+CIPSHUT": self._shut, "+CIPSTATUS": self._status,
            "+CIPACK": self._ack, "+CIPRXGET": self._rxget, "+CDNSGIP": self._dns, "+SSLCFG": self._sslcfg,
            "+CIPTKA": lambda command: Reply(), "+CIPATS": lambda command: Reply(), "+CIPRXF": lambda command: Reply(),
        }  # fmt: skip

    def _number(self, command: Command) -> Reply:
        name = command.name[1:]
        if command.op == "test":
            return Reply([f"+{name}: (0,1)"])
        if command.op == "read":
            return Reply([f"+{name}: {self.settings[name]}"])
        self.settings[name] = command.integer(0, 0, 2)
        return Reply()

    # Bearer

    def bearer_changed(self) -> None:
        """Without registration the bearer is gone."""
        if not self._modem.ue.registered and self.state != "IP INITIAL":
            self.state = "IP INITIAL"

    def _cstt(self, command: Command) -> Reply:
        if command.op in ("set", "action"):
            if self.state not in ("IP INITIAL", "IP START"):
                raise MeFault(_WRONG_STATE)
            self.state = "IP START"
        return Reply()

    def _ciicr(self, command: Command) -> Reply | None:
        if self.state != "IP START" or not self._modem.ue.grant.ip:
            raise MeFault(_WRONG_STATE)
        self.state = "IP GPRSACT"
        self._modem.later(0.3, self._modem.complete, Reply())
        return None

    def _cifsr(self, command: Command) -> Reply:
        if self.state in ("IP INITIAL", "IP START"):
            raise SyntaxFault
        if self.state == "IP GPRSACT":
            self.state = "IP STATUS"
        return Reply([self._modem.ue.grant.ip], final="")

    # Opening and closing

    def _tls(self, number: int) -> TlsSettings | None:
        if not self.settings["CIPSSL"]:
            return None
        return self.tls(number)

    def tls(self, context: int) -> TlsSettings:
        """What an SSL context means for a connection: 0 to 5 sockets, 88 MQTT, 153 HTTP."""
        ssl, files = self._modem.ssl, self._modem.files
        parts = [files.read(ssl.get((name, context), "")) or b"" for name in ("cacert", "clientcert", "clientkey")]
        level = int(ssl.get(("seclevel", context), "0"))
        return TlsSettings(
            ca=parts[0], cert=parts[1] if level == 2 else b"", key=parts[2] if level == 2 else b"", verify=level > 0,
            sni=True,
        )  # fmt: skip

    def _sslcfg(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply()
        key, context = command.string(0, 20).lower(), command.integer(1, 0, 153)
        if len(command.args) == 2:
            return Reply([f'+SSLCFG: "{key}",{context},"{self._modem.ssl.get((key, context), "")}"'])
        self._modem.ssl[key, context] = command.args[2].text
        return Reply()

    def _start(self, command: Command) -> Reply:
        modem, multi = self._modem, self.settings["CIPMUX"] == 1
        shift = 1 if multi else 0
        number = command.integer(0, 0, _LINKS - 1) if multi else 0
        kind = command.string(shift, 3).upper()
        host, port = command.string(shift + 1, 200), int(command.string(shift + 2, 5))
        if kind not in ("TCP", "UDP"):
            raise SyntaxFault
        if self.state in ("IP START", "IP GPRSACT") or modem.links.get(number) is not None:
            raise MeFault(_WRONG_STATE)
        prefix = f"{number}, " if multi else ""
        tls = self._tls(number) if kind == "TCP" else None
        link: Link = None  # type: ignore[assignment]

        def done(outcome: str) -> None:
            if outcome != "ok":
                link.close()
                self.state = "IP STATUS"
                modem.urc(f"{prefix}CONNECT FAIL")
                return
            self.state = "CONNECT OK"
            if self.settings["CIPMODE"]:
                modem.urc("CONNECT")
                modem.go_online(lambda data: link.send(data))
            else:
                modem.urc(f"{prefix}CONNECT OK")

        def begin() -> None:
            nonlocal link
            rule = modem.faults.take("open_error")
            if rule is not None:
                modem.later(0.4, modem.urc, f"{prefix}CONNECT FAIL")
                return
            link = modem.links.open(number, "tls" if tls else "tcp" if kind == "TCP" else "udp", host, port, done, tls)
            link.on_data = lambda data: self._came(number, link, data)
            link.on_closed = lambda why: self._gone(number, link)

        return Reply(after=begin)

    def _gone(self, number: int, link: Link) -> None:
        link.close()
        self.state = "TCP CLOSED"
        self._modem.payload.online = None
        self._modem.urc(f"{number}, CLOSED" if self.settings["CIPMUX"] else "CLOSED")

    def _close(self, command: Command) -> Reply:
        multi = self.settings["CIPMUX"] == 1
        number = command.integer(0, 0, _LINKS - 1) if multi else 0
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(_WRONG_STATE)
        link.close()
        self.state = "TCP CLOSED"
        return Reply(final=f"{number}, CLOSE OK" if multi else "CLOSE OK")

    def _shut(self, command: Command) -> Reply:
        for link in list(self._modem.links.all()):
            link.close()
        self.state = "IP INITIAL"
        return Reply(final="SHUT OK")

    def _status(self, command: Command) -> Reply:
        if self.settings["CIPMUX"]:
            lines = ["STATE: " + ("IP PROCESSING" if self._modem.links.all() else self.state)]
            for number in range(_LINKS):
                link = self._modem.links.get(number)
                if link is None:
                    lines.append(f'C: {number},,"","","","INITIAL"')
                else:
                    kind = "UDP" if link.kind == "udp" else "TCP"
                    lines.append(f'C: {number},0,"{kind}","{link.host}","{link.port}","CONNECTED"')
            return Reply(lines, ok_first=True)
        return Reply([f"STATE: {self.state}"], ok_first=True)

    # Data

    def _send(self, command: Command) -> Reply:
        multi = self.settings["CIPMUX"] == 1
        number = command.integer(0, 0, _LINKS - 1) if multi else 0
        at = 1 if multi else 0
        size = command.integer(at, 1, _LONGEST) if command.given(at) else None
        link = self._modem.links.get(number)
        if link is None or link.state != "open":
            raise MeFault(_WRONG_STATE)
        live = link
        prefix = f"{number}, " if multi else ""

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            failed = self._modem.faults.take("send_fail") is not None

            def sent(ok: bool) -> None:
                good = f"{prefix.strip()}DATA ACCEPT:{len(data)}" if self.settings["CIPQSEND"] else f"{prefix}SEND OK"
                self._modem.complete(Reply(final=good if ok and not failed else f"{prefix}SEND FAIL"))

            if failed:
                sent(False)
            else:
                live.send(data, sent)

        return Reply(prompt=DataMode(size, _LONGEST, typed))

    def _ack(self, command: Command) -> Reply:
        number = command.integer(0, 0, _LINKS - 1, default=0)
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(_WRONG_STATE)
        acked = link.acked if link.kind != "udp" else link.sent
        return Reply([f"+CIPACK: {link.sent},{acked},{link.sent - acked}"])

    def _came(self, number: int, link: Link, data: bytes) -> None:
        modem, multi = self._modem, self.settings["CIPMUX"] == 1
        text = data.decode("latin-1")
        if modem.payload.online is not None:
            modem.output.raw(data)
        elif self.settings["CIPRXGET"]:
            told = bool(link.buffer)
            link.buffer += data
            if not told:
                modem.urc(f"+CIPRXGET: 1,{number}" if multi else "+CIPRXGET: 1")
        elif multi:
            modem.output.raw(f"\r\n+RECEIVE,{number},{len(data)}:\r\n".encode() + data)
        elif self.settings["CIPHEAD"]:
            modem.output.raw(f"\r\n+IPD,{len(data)}:".encode() + data)
        else:
            modem.output.raw(text.encode("latin-1"))

    def _rxget(self, command: Command) -> Reply:
        multi = self.settings["CIPMUX"] == 1
        if command.op == "test":
            return Reply(["+CIPRXGET: (0-4),(0-5),(1-1460)"])
        mode = command.integer(0, 0, 4)
        if mode < 2:
            self.settings["CIPRXGET"] = mode
            return Reply()
        number = command.integer(1, 0, _LINKS - 1) if multi else 0
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(_WRONG_STATE)
        name = f"{mode},{number}" if multi else f"{mode}"
        if mode == 4:
            return Reply([f"+CIPRXGET: {name},{len(link.buffer)}"])
        data = link.take(command.integer(2 if multi else 1, 1, 1460, default=1460))
        text = data.hex().upper() if mode == 3 else data.decode("latin-1")
        return Reply([f"+CIPRXGET: {name},{len(data)},{len(link.buffer)}", *([text] if data else [])])

    def _dns(self, command: Command) -> Reply:
        name, modem = command.string(0, 200), self._modem

        def found(ip: str | None) -> None:
            modem.urc(f'+CDNSGIP: 1,"{name}","{ip}"' if ip else "+CDNSGIP: 0,8")

        return Reply(after=lambda: modem.links.lookup(name, found))
