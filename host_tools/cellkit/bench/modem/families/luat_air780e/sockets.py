"""The socket set in the manner of SIM800: CSTT, CIICR, CIFSR, CIPSTART, CIPSEND, CIPRXGET, CIPSHUT; one link or more.

Source: LuatOS AT manual, chapter TCPIP, with its worked examples; guides for TCP and UDP of Air780E."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_LONGEST = 1460
_LINKS = 6
_WRONG_STATE = 3
_KINDS = {"TCP": "tcp", "UDP": "udp"}
# Name: highest value; all are 0 at the factory.
_NUMBERS = {
    "CIPMUX": 1, "CIPQSEND": 2, "CIPHEAD": 1, "CIPMODE": 1, "CIPSSL": 1, "CIPSRIP": 1, "CIPSHOWTP": 1, "CIPRXF": 1,
    "CIPSPRT": 2,
}  # fmt: skip


class SocketCommands:
    """Handlers bound to one modem. `state` is the text of CIPSTATUS without links."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.settings = {**dict.fromkeys(_NUMBERS, 0), "CIPRXGET": 0}
        self.auto_s = 0  # CIPATS
        self.state = "IP INITIAL"
        self._access = ("", "", "")

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **{f"+{name}": self._number for name in _NUMBERS},
            "+CSTT": self._cstt, "+CIICR": self._ciicr, "+CIFSR": self._cifsr, "+CIPSTART": self._start,
            "+CIPSEND": self._send, "+CIPCLOSE": self._close, "+CIPSHUT": self._shut, "+CIPSTATUS": self._status,
            "+CIPACK": self._ack, "+CIPRXGET": self._rxget, "+CIPATS": self._ats, "O": self._online,
        }  # fmt: skip

    @property
    def multi(self) -> bool:
        """CIPMUX=1."""
        return self.settings["CIPMUX"] == 1

    def _number(self, command: Command) -> Reply:
        name = command.name[1:]
        highest = _NUMBERS[name]
        if command.op == "test":
            return Reply([f"+{name}: (" + ",".join(map(str, range(highest + 1))) + ")"])
        if command.op == "read":
            return Reply([f"+{name}: {self.settings[name]}"])
        value = command.integer(0, 0, highest)
        if name == "CIPMUX" and value != self.settings[name] and self._modem.links.all():
            raise MeFault(_WRONG_STATE)  # only behind CIPSHUT
        self.settings[name] = value
        return Reply()

    # Bearer

    def bearer_changed(self) -> None:
        """Without registration the bearer is gone."""
        if not self._modem.ue.registered and self.state != "IP INITIAL":
            self.state = "IP INITIAL"

    def deactivated(self) -> None:
        """The network has released the context."""
        self._modem.links.lose_bearer()
        self.state = "PDP DEACT"
        self._modem.urc("+PDP DEACT")

    def _cstt(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CSTT: "APN","USER","PWD"'])
        if command.op == "read":
            return Reply(['+CSTT: "{}","{}","{}"'.format(*self._access)])
        if self.state not in ("IP INITIAL", "IP START"):
            raise MeFault(_WRONG_STATE)
        access = (command.string(0, 128, ""), command.string(1, 32, ""), command.string(2, 32, ""))
        self._access, self.state = access, "IP START"
        return Reply()

    def _ciicr(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        # The state that it asks for is that behind CSTT; the guide for TCP leaves CSTT out, and it works.
        if self.state not in ("IP START", "IP INITIAL") or not self._modem.ue.grant.ip:
            raise MeFault(_WRONG_STATE)
        self.state = "IP GPRSACT"
        self._modem.later(0.3, self._modem.complete, Reply())
        return None

    def _cifsr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self.state in ("IP INITIAL", "IP START", "PDP DEACT"):
            raise MeFault(_WRONG_STATE)
        if self.state == "IP GPRSACT":
            self.state = "IP STATUS"
        return Reply([self._modem.ue.grant.ip], final="")

    # Opening and closing

    def _start(self, command: Command) -> Reply:
        if command.op == "test":
            return self._start_test()
        modem, multi = self._modem, self.multi
        shift = 1 if multi else 0
        number = command.integer(0, 0, _LINKS - 1) if multi else 0
        kind = command.string(shift, 3).upper()
        host, port = command.string(shift + 1, 128), _port(command.string(shift + 2, 5))
        if kind not in _KINDS:
            raise SyntaxFault
        if self.state in ("IP START", "IP GPRSACT", "PDP DEACT") or (multi and self.state == "IP INITIAL"):
            raise MeFault(_WRONG_STATE)
        if modem.links.get(number) is not None:
            if not multi:
                raise MeFault(_WRONG_STATE)
            return Reply(after=lambda: modem.urc(f"{number},ALREADY CONNECT"))
        return Reply(after=lambda: self._begin(number, kind, host, port))

    def _start_test(self) -> Reply:
        number = f"(0-{_LINKS - 1})," if self.multi else ""
        ends = ('("IP address")', '("DOMAIN NAME")')
        return Reply([f'+CIPSTART: {number}("TCP","UDP"),{end},(1-65535)' for end in ends])

    def _begin(self, number: int, kind: str, host: str, port: int) -> None:
        modem = self._modem
        prefix = f"{number}, " if self.multi else ""
        tls = modem.tls(number) if kind == "TCP" and self.settings["CIPSSL"] else None
        if modem.faults.take("open_error") is not None:
            modem.later(0.4, modem.urc, f"{prefix}CONNECT FAIL")
            return

        def done(outcome: str) -> None:
            if outcome != "ok":
                link.close()
                self.state = "IP STATUS"
                modem.urc(f"{prefix}CONNECT FAIL")
                return
            self.state = "CONNECT OK"
            if self.settings["CIPMODE"]:
                modem.urc("CONNECT")
                modem.go_online(link.send)
            else:
                modem.urc(f"{prefix}CONNECT OK")

        link = modem.links.open(number, "tls" if tls else _KINDS[kind], host, port, done, tls)  # type: ignore[arg-type]
        link.on_data = lambda data: self._came(number, link, data)
        link.on_closed = lambda why: self._gone(number, link)
        self.state = f"{kind} CONNECTING"

    def _gone(self, number: int, link: Link) -> None:
        link.close()
        self.state = "TCP CLOSED"
        self._modem.payload.online = None
        self._modem.urc(f"{number}, CLOSED" if self.multi else "CLOSED")

    def _close(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        number = command.integer(0, 0, _LINKS - 1) if self.multi else 0
        link = self._modem.links.get(number)
        if link is None:
            raise SyntaxFault  # ERROR outside TCP/UDP CONNECTING and CONNECT OK
        link.close()
        self.state = "IP STATUS" if self.multi else f"{_kind(link)} CLOSED"
        return Reply(final=f"{number},CLOSE OK" if self.multi else "CLOSE OK")

    def _shut(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        for link in list(self._modem.links.all()):
            if link.number < _LINKS:
                link.close()
        self.state = "IP INITIAL"
        return Reply(final="SHUT OK")

    def _status(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op == "set":
            if not self.multi:
                raise SyntaxFault
            return Reply([self._client(command.integer(0, 0, _LINKS - 1))])
        if not self.multi:
            return Reply([f"STATE: {self.state}"], ok_first=True)
        own = any(self._modem.links.get(number) for number in range(_LINKS))
        state = "IP PROCESSING" if own else self.state
        return Reply([f"STATE: {state}", *(f"C: {self._client(n)}" for n in range(_LINKS))], ok_first=True)

    def _client(self, number: int) -> str:
        link = self._modem.links.get(number)
        if link is None:
            return f'{number},,"","","","INITIAL"'
        state = {"opening": "CONNECTING", "open": "CONNECTED", "closed": "CLOSED"}[link.state]
        return f'{number},0,"{_kind(link)}","{link.host}","{link.port}","{state}"'

    def _online(self, command: Command) -> Reply:
        link = self._modem.links.get(0)
        if link is None or link.state != "open" or not self.settings["CIPMODE"]:
            raise SyntaxFault
        live = link
        return Reply(final="CONNECT", after=lambda: self._modem.go_online(live.send))

    # Data

    def _ats(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPATS: (0,1),(1-100)"])
        if command.op == "read":
            return Reply([f"+CIPATS: {int(self.auto_s > 0)},{self.auto_s}"])
        self.auto_s = command.integer(1, 1, 100, default=1) if command.integer(0, 0, 1) else 0
        return Reply()

    def _send(self, command: Command) -> Reply:
        if command.op in ("read", "test"):
            return Reply([f"+CIPSEND: {'0,' if self.multi else ''}{_LONGEST}"])
        number = command.integer(0, 0, _LINKS - 1) if self.multi else 0
        at = 1 if self.multi else 0
        size = command.integer(at, 1, _LONGEST) if command.given(at) else None
        link = self._modem.links.get(number)
        if link is None or link.state != "open":
            raise MeFault(_WRONG_STATE)
        live, modem = link, self._modem

        def typed(data: bytes | None) -> None:
            if data is None:
                modem.complete(Reply())
                return
            failed = modem.faults.take("send_fail") is not None

            def sent(ok: bool) -> None:
                modem.complete(Reply(final=self._sent(number, len(data), ok and not failed)))

            if failed:
                sent(False)
            else:
                live.send(data, sent)

        mode = DataMode(size, _LONGEST, typed)
        if self.auto_s:
            modem.later(self.auto_s, self._auto, mode)
        return Reply(prompt=mode)

    def _sent(self, number: int, size: int, ok: bool) -> str:
        if ok and self.settings["CIPQSEND"] == 1:
            return f"DATA ACCEPT:{number},{size}" if self.multi else f"DATA ACCEPT:{size}"
        return (f"{number}, " if self.multi else "") + ("SEND OK" if ok else "SEND FAIL")

    def _auto(self, mode: DataMode) -> None:
        """CIPATS: what has been typed by now is sent."""
        if self._modem.payload.mode is mode:
            self._modem.payload.mode = None
            mode.done(bytes(mode.data))

    def _ack(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        link = self._modem.links.get(command.integer(0, 0, _LINKS - 1, default=0))
        if link is None:
            raise MeFault(_WRONG_STATE)
        acked = link.acked if link.kind != "udp" else link.sent
        return Reply([f"+CIPACK: {link.sent},{acked},{link.sent - acked}"])

    def _came(self, number: int, link: Link, data: bytes) -> None:
        modem, settings = self._modem, self.settings
        text = data.decode("latin-1")
        if modem.payload.online is not None:
            modem.output.raw(data)
            return
        if settings["CIPRXGET"]:
            told = bool(link.buffer) and settings["CIPRXGET"] == 1
            link.buffer += data
            if not told:
                modem.urc(f"+CIPRXGET: 1,{number}" if self.multi else "+CIPRXGET: 1")
            return
        peer = f"RECV FROM: {link.ip}:{link.port}\r\n" if settings["CIPSRIP"] else ""
        if self.multi:
            modem.urc(f"{peer}+RECEIVE,{number},{len(data)}:\r\n{text}")
        elif settings["CIPHEAD"]:
            kind = f",{_kind(link)}" if settings["CIPSHOWTP"] else ""
            modem.urc(f"{peer}+IPD,{len(data)}{kind}:{text}")
        else:
            modem.output.raw(peer.encode() + data + (b"" if settings["CIPRXF"] else b"\r\n"))

    def _rxget(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op == "read":
            return Reply([f"+CIPRXGET: {self.settings['CIPRXGET']}"])
        mode = command.integer(0, 0, 5)
        if mode in (0, 1, 5):
            self.settings["CIPRXGET"] = mode
            return Reply()
        number = command.integer(1, 0, _LINKS - 1) if self.multi else 0
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(_WRONG_STATE)
        name = f"{mode},{number}" if self.multi else f"{mode}"
        if mode == 4:
            return Reply([f"+CIPRXGET: {name},{len(link.buffer)}"])
        most = _LONGEST if mode == 2 else _LONGEST // 2
        data = link.take(command.integer(2 if self.multi else 1, 1, _LONGEST, default=most))
        text = data.hex().upper() if mode == 3 else data.decode("latin-1")
        return Reply([f"+CIPRXGET: {name},{len(data)},{len(link.buffer)}", *([text] if data else [])])


def _kind(link: Link) -> str:
    return "UDP" if link.kind == "udp" else "TCP"


def _port(text: str) -> int:
    if not text.isdigit():
        raise SyntaxFault
    return int(text)
