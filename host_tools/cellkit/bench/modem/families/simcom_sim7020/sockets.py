"""AT+CSO…: sockets, with lengths in hex digits; DNS and ping. Sources: AT manual V1.05, TCPIP note V1.02."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7020 import Module

_SOCKETS = 5
_LONGEST = 512  # bytes of one send
_INLINE = re.compile(r" *(\d+) *, *(\d+) *, *(.*)", re.DOTALL)
_READ = {2: 1460, 3: 730}
_CLOSED = {"reset": 3, "timeout": 2, "no bearer": 1}
_PINGS = 4


class SocketCommands:
    """Handlers bound to one modem. An id is taken by CSOC and has a link from CSOCON on."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.taken: dict[int, Literal["tcp", "udp"]] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CSOC": self._create, "+CSOCON": self._connect, "+CSOSEND": self._send, "+CSODSEND": self._prompted,
            "+CSOCL": self._close, "+CSORXGET": self._read, "+CSOSTATUS": self._status, "+CSOALLOW": self._status,
            "+CDNSGIP": self._dns, "+CIPPING": self._ping, "+CSOB": lambda command: Reply(),
        }  # fmt: skip

    def forget(self) -> None:
        """They did not outlive the sleep."""
        self.taken.clear()

    def _flag(self, name: str, lasting: bool = False) -> str:
        settings = self._modem.settings
        store: dict[str, Any] = settings.nvram if lasting else settings.ram
        return str(store["noted"].get(name, "0"))

    def _create(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CSOC: (1,2),(1-3),(1,2)"])
        if command.op == "read":
            return Reply([f"+CSOC: {number},{1 if kind == 'tcp' else 2}" for number, kind in self.taken.items()])
        command.integer(0, 1, 2)
        kind = command.integer(1, 1, 3)
        command.integer(2, 1, 2)
        self._modem.online()
        number = next((free for free in range(_SOCKETS) if free not in self.taken), None)
        if number is None:
            raise SyntaxFault
        self.taken[number] = "tcp" if kind == 1 else "udp"
        return Reply([f"+CSOC: {number}"])

    def _number(self, number: int) -> int:
        if number not in self.taken:
            raise MeFault(50)
        return number

    def _connect(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(['+CSOCON: (0-4),(1-65535),<"address">'])
        if command.op == "read":
            return Reply([f'+CSOCON: {link.number},{link.port},"{link.host}"' for link in modem.links.all()
                          if link.number < _SOCKETS])  # fmt: skip
        number = self._number(command.integer(0, 0, 4))
        port, host = command.integer(1, 1, 65535), command.string(2, 255)
        old = modem.links.get(number)
        if old is not None and old.state == "closed":
            old.close()
        elif old is not None:
            return self._fails(number, 10)

        def done(outcome: str) -> None:
            if outcome == "ok":
                modem.complete(Reply())
            else:
                modem.complete(self._fails(number, {"no bearer": 1, "refused": 3, "timeout": 2}.get(outcome, -1)))

        link = modem.links.open(number, self.taken[number], host, port, done)
        link.on_data = lambda data: self._came(link, data)
        link.on_closed = lambda why: modem.urc(f"+CSOERR: {number},{_CLOSED.get(why, -1)}")
        return None

    def _fails(self, number: int, code: int) -> Reply:
        return Reply(final="ERROR", after=lambda: self._modem.urc(f"+CSOERR: {number},{code}"))

    def _open(self, number: int) -> Link:
        link = self._modem.links.get(self._number(number))
        if link is None or link.state != "open":
            raise MeFault(3)
        return link

    # Sending

    def _send(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CSOSEND: (0-4),(0-1024),<data>"])
        match = _INLINE.fullmatch(command.raw)
        if match is None:
            raise SyntaxFault
        link, length, text = self._open(int(match[1])), int(match[2]), match[3].rstrip(" ")
        quoted = len(text) >= 2 and text[0] == text[-1] == '"'
        if length == 0:
            data = (text[1:-1] if quoted else text).encode("latin-1")
        else:
            digits = text[1:-1] if quoted else text
            if length % 2 or len(digits) != length or not re.fullmatch(r"[0-9A-Fa-f]+", digits):
                raise SyntaxFault
            data = bytes.fromhex(digits)
        if not data or len(data) > _LONGEST:
            raise SyntaxFault
        self._out(link, data, Reply(), length or len(data))
        return None

    def _out(self, link: Link, data: bytes, reply: Reply, said: int) -> None:
        modem = self._modem

        def done(ok: bool) -> None:
            if not ok:
                modem.complete(self._fails(link.number, -1))
                return
            if link.kind == "tcp" and self._flag("+CSOSENDFLAG") == "1":
                reply.after = modem.told(0.4, f"SEND: {link.number},{said}")
            modem.complete(reply)

        link.send(data, done, modem.take_rai())

    def _prompted(self, command: Command) -> Reply:
        link = self._open(command.integer(0, 0, 4))
        length = command.integer(1, 1, _LONGEST) if command.given(1) else None

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply(final="ERROR"))
            else:
                self._out(link, data, Reply([f"DATA ACCEPT: {len(data)}"], final=""), len(data))

        return Reply(prompt=DataMode(length, _LONGEST, typed))

    # Receiving

    def _came(self, link: Link, data: bytes) -> None:
        if self._flag("+CSORXGET") == "1":
            if not link.buffer:
                self._modem.urc(f"+CSORXGET: 1,{link.number}")
            link.buffer += data
        elif self._flag("+CSORCVFLAG", lasting=True) == "1":
            self._modem.urc(f"+CSONMI: {link.number},{len(data)},{text_of(data)}")
        else:
            self._modem.urc(f"+CSONMI: {link.number},{2 * len(data)},{data.hex().upper()}")

    def _read(self, command: Command) -> Reply:
        ram = self._modem.settings.ram["noted"]
        if command.op == "test":
            return Reply(["+CSORXGET: (0-4),(0-4),(1-1460)"])
        if command.op == "read":
            return Reply([f"+CSORXGET: {ram.get('+CSORXGET', '0')}"])
        mode = command.integer(0, 0, 4)
        if mode < 2:
            ram["+CSORXGET"] = str(mode)
            return Reply()
        number = self._number(command.integer(1, 0, 4))
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(3)
        if mode == 4:
            return Reply([f"+CSORXGET: 4,{number},{len(link.buffer)}"])
        data = link.take(command.integer(2, 1, _READ[mode], default=_READ[mode]))
        text = text_of(data) if mode == 2 else data.hex().upper()
        return Reply([f"+CSORXGET: {mode},{number},{len(data)},{len(link.buffer)}", *([text] if data else [])])

    # The rest

    def _close(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CSOCL: (0-4)"])
        number = self._number(command.integer(0, 0, 4))
        del self.taken[number]
        link = self._modem.links.get(number)
        if link is not None:
            link.close()
        return Reply(after=self._modem.power.consider)

    def _status(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"{command.name}: (0-4)"])
        wanted = [self._number(command.integer(0, 0, 4))] if command.op == "set" else sorted(self.taken)
        states = {"opening": 1, "open": 2, "closed": 3}
        shown = []
        for number in wanted:
            link = self._modem.links.get(number)
            shown.append(f"{command.name}: {number},{states[link.state] if link else 0}")
        return Reply(shown)

    def _dns(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        name, modem = command.string(0, 250), self._modem

        def found(ip: str | None) -> None:
            modem.urc('+CDNSGIP: 0,8' if ip is None else f'+CDNSGIP: 1,"{name}","{ip}"')

        return Reply(after=lambda: modem.links.lookup(name, found))

    def _ping(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CIPPING: (1-100),(0-8192),(1-600),(1-255)"])
        host, modem = command.string(0, 250), self._modem
        count = command.integer(1, 1, 100, default=_PINGS)
        modem.online()

        def found(ip: str | None) -> None:
            for number in range(1, count + 1):
                lost = ip is None or modem.faults.ping_lost
                text = f"{number},{ip or host}," + ("600,255" if lost else f"{2 + number % 3},52")
                modem.later(1.0 * number, modem.urc, f"+CIPPING: {text}")

        return Reply(after=lambda: modem.links.lookup(host, found))
