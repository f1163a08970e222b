"""The command set of the SIM800, which later modules still have: CSTT, CIICR, CIFSR, CIPSTART and so on.

Sources: TCPIP notes of SIM7020 V1.02 and SIM7000 V1.02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault, split_args

if TYPE_CHECKING:
    from cellkit.bench.modem.families._simcom.lpwa import LpwaModem

_LONGEST = 1460
_PLACES = 8


class ClassicSockets:
    """Handlers bound to one modem; its links have numbers from `first`, so that they meet no others."""

    def __init__(self, modem: LpwaModem, first: int) -> None:
        self._modem = modem
        self.first = first
        self._state = "IP INITIAL"
        self._multi = False
        self.config = {"CIPHEAD": 0, "CIPSRIP": 0, "CIPSPRT": 1, "CIPQSEND": 0, "CIPMODE": 0, "CIPRXGET": 0}
        self._apn = ("", "", "")

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CIPMUX": self._cipmux, "+CSTT": self._cstt, "+CIICR": self._ciicr, "+CIFSR": self._cifsr,
            "+CIPSTART": self._start, "+CIPSEND": self._send, "+CIPCLOSE": self._close, "+CIPSHUT": self._shut,
            "+CIPSTATUS": self._status, "+CIPRXGET": self._rxget, "+CIPACK": self._ack,
            "+CIPSERVER": self._server, "O": self._resume,
            **{f"+{name}": self._setting for name in self.config if name != "CIPRXGET"},
        }  # fmt: skip

    def _setting(self, command: Command) -> Reply:
        key = command.name[1:]
        if command.op == "test":
            return Reply([f"{command.name}: (0,1)"])
        if command.op == "read":
            return Reply([f"{command.name}: {self.config[key]}"])
        self.config[key] = command.integer(0, 0, 2)
        return Reply()

    def _cipmux(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPMUX: (0,1)"])
        if command.op == "read":
            return Reply([f"+CIPMUX: {int(self._multi)}"])
        if self._state not in ("IP INITIAL", "PDP DEACT"):
            raise MeFault(3)
        self._multi = bool(command.integer(0, 0, 1))
        return Reply()

    # Bearer

    def _cstt(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CSTT: "APN","USER","PWD"'])
        if command.op == "read":
            return Reply(["+CSTT: " + ",".join(f'"{text}"' for text in self._apn)])
        if self._state not in ("IP INITIAL", "PDP DEACT"):
            raise MeFault(3)
        user, word = command.string(1, 50, default=""), command.string(2, 50, default="")
        self._apn = (command.string(0, 50, default=""), user, word)
        self._state = "IP START"
        return Reply()

    def _ciicr(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        modem = self._modem
        if self._state != "IP START":
            raise MeFault(3)
        if not modem.ue.registered or not modem.ue.grant.ip:
            raise MeFault(3)
        self._state = "IP GPRSACT"
        modem.later(0.8, modem.complete, Reply())
        return None

    def _cifsr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self._state in ("IP INITIAL", "IP START") or not self._modem.ue.grant.ip:
            raise MeFault(3)
        if self._state == "IP GPRSACT":
            self._state = "IP STATUS"
        return Reply([self._modem.ue.grant.ip], final="")

    # Connections

    def _of(self, number: int) -> Link | None:
        return self._modem.links.get(self.first + number)

    def _prefix(self, number: int) -> str:
        return f"{number}, " if self._multi else ""

    def _start(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CIPSTART: ("TCP","UDP"),("(0-255).(0-255).(0-255).(0-255)"),("1-65535")'])
        args = Command(command.name, "set", command.raw, command.args or split_args(command.raw))
        number = args.integer(0, 0, _PLACES - 1) if self._multi else 0
        at = int(self._multi)
        kind = args.string(at, 3).upper()
        host, port = args.string(at + 1, 255), args.string(at + 2, 5)
        if kind not in ("TCP", "UDP") or not port.isdigit():
            raise SyntaxFault
        modem = self._modem
        if not modem.ue.registered or not modem.ue.grant.ip or self._state in ("PDP DEACT",):
            raise MeFault(3)
        old = self._of(number)
        if old is not None and old.state != "closed":
            return Reply(final="ERROR", after=lambda: modem.urc(f"{self._prefix(number)}ALREADY CONNECT"))
        if old is not None:
            old.close()
        wanted: Literal["tcp", "udp"] = "tcp" if kind == "TCP" else "udp"
        return Reply(after=lambda: self._connect(number, wanted, host, int(port)))

    def _connect(self, number: int, kind: Literal["tcp", "udp"], host: str, port: int) -> None:
        modem = self._modem

        def done(outcome: str) -> None:
            self._state = "CONNECT OK" if outcome == "ok" else "IP STATUS"
            if outcome == "ok" and self.config["CIPMODE"]:
                modem.urc("CONNECT")
                modem.go_online(lambda data: link.send(data))
                return
            modem.urc(self._prefix(number) + ("CONNECT OK" if outcome == "ok" else "CONNECT FAIL"))

        link = modem.links.open(self.first + number, kind, host, port, done)
        link.on_data = lambda data: self._came(number, link, data)
        link.on_closed = lambda why: self._lost(number)

    def _resume(self, command: Command) -> Reply:
        """ATO, back to transparent mode."""
        link = self._of(0)
        if link is None or link.state != "open" or not self.config["CIPMODE"]:
            return Reply(final="NO CARRIER")
        sink = link.send
        return Reply(final="CONNECT", after=lambda: self._modem.go_online(lambda data: sink(data)))

    def _server(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPSERVER: (0-OFF,1-ON),(1-65535)"])
        if command.op == "read":
            return Reply([f"+CIPSERVER: {int(self._state == 'SERVER LISTENING')}"])
        if command.integer(0, 0, 1):
            self._state = "SERVER LISTENING"
            return Reply(after=self._modem.told(0.2, "SERVER OK"))
        self._state = "IP STATUS"
        return Reply(after=self._modem.told(0.2, "SERVER CLOSE"))

    def _lost(self, number: int) -> None:
        self._state = "TCP CLOSED"
        self._modem.payload.online = None
        self._modem.urc(f"{self._prefix(number)}CLOSED")

    def _came(self, number: int, link: Link, data: bytes) -> None:
        modem = self._modem
        if self.config["CIPRXGET"]:
            if not link.buffer:
                modem.urc(f"+CIPRXGET: 1,{number}" if self._multi else "+CIPRXGET: 1")
            link.buffer += data
            return
        if self.config["CIPMODE"]:
            modem.output.raw(data)
            return
        if self._multi:
            modem.urc(f"+RECEIVE,{number},{len(data)}:\r\n{text_of(data)}")
            return
        peer = f"RECV FROM:{link.ip}:{link.port}\r\n" if self.config["CIPSRIP"] else ""
        head = f"+IPD,{len(data)}:" if self.config["CIPHEAD"] else ""
        modem.log.emit("modem", "urc", text=f"{peer}{head}...")
        modem.output.raw(b"\r\n" + (peer + head).encode() + data)

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CIPSEND: (0-{_PLACES - 1}),(1-{_LONGEST})" if self._multi else "+CIPSEND: <length>"])
        if command.op == "read":
            return Reply([f"+CIPSEND: {_LONGEST}"])
        number = command.integer(0, 0, _PLACES - 1) if self._multi else 0
        at = int(self._multi)
        length = command.integer(at, 1, _LONGEST) if command.op == "set" and command.given(at) else None
        link = self._of(number)
        if link is None or link.state != "open":
            raise MeFault(3)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            told = "DATA ACCEPT:" + (f"{number}," if self._multi else "") + str(len(data))
            good = told if self.config["CIPQSEND"] else f"{self._prefix(number)}SEND OK"
            bad = f"{self._prefix(number)}SEND FAIL"
            link.send(data, lambda ok: self._modem.complete(Reply(final=good if ok else bad)))

        shown = "\r\n> " if self.config["CIPSPRT"] else ""
        return Reply(prompt=DataMode(length, _LONGEST, typed, shown))

    def _close(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CIPCLOSE: (0-{_PLACES - 1}),(0,1)"])
        number = command.integer(0, 0, _PLACES - 1, default=0) if self._multi else 0
        link = self._of(number)
        if link is None or link.state != "open":
            raise MeFault(3)
        link.close()
        self._state = "TCP CLOSED"
        return Reply(final=f"{self._prefix(number)}CLOSE OK")

    def _shut(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        for number in range(_PLACES):
            link = self._of(number)
            if link is not None:
                link.close()
        self._state = "IP INITIAL"
        return Reply(final="SHUT OK")

    def _status(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self._multi:
            return Reply([f"STATE: {self._state}"], ok_first=True)
        lines = [f"STATE: {'IP PROCESSING' if self._state == 'CONNECT OK' else self._state}"]
        for number in range(_PLACES):
            link = self._of(number)
            shown = f'"{link.kind.upper()}","{link.host}","{link.port}","CONNECTED"' if link else '"","","","INITIAL"'
            lines.append(f"C: {number},0,{shown}")
        return Reply(lines, ok_first=True)

    def _ack(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        link = self._of(command.integer(0, 0, _PLACES - 1, default=0) if command.op == "set" else 0)
        if link is None:
            raise MeFault(3)
        return Reply([f"+CIPACK: {link.sent},{link.acked},{link.sent - link.acked}"])

    def _rxget(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CIPRXGET: (0-4),(0-{_PLACES - 1}),(1-{_LONGEST})"])
        if command.op == "read":
            return Reply([f"+CIPRXGET: {self.config['CIPRXGET']}"])
        mode = command.integer(0, 0, 4)
        if mode < 2:
            self.config["CIPRXGET"] = mode
            return Reply()
        number = command.integer(1, 0, _PLACES - 1) if self._multi else 0
        at = 1 + int(self._multi)
        link = self._of(number)
        if link is None:
            raise MeFault(3)
        where = f"{mode},{number}" if self._multi else str(mode)
        if mode == 4:
            return Reply([f"+CIPRXGET: {where},{len(link.buffer)}"])
        data = link.take(command.integer(at, 1, _LONGEST // (mode - 1), default=_LONGEST // (mode - 1)))
        text = text_of(data) if mode == 2 else data.hex().upper()
        return Reply([f"+CIPRXGET: {where},{len(data)},{len(link.buffer)}", *([text] if data else [])])
