"""AT+SQNS…: sockets 1 to 6. Sources: driver libraries (Walter, TinyGSM).

A socket that the peer has closed looks open until what it sent has been read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._clients.numbered import FACTORY, FIRST, LAST, LONGEST, NOT_ALLOWED, NumberedSockets
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.sequans_gm02s import Module

EXTENDED = (0, 0, 0, 0, 0, 0)


class SocketCommands(NumberedSockets):
    """Handlers bound to one modem."""

    name = "+SQNS"
    _modem: Module

    def __init__(self, modem: Module) -> None:
        super().__init__(modem)
        self.secure: dict[int, int] = {}
        self.datagrams: dict[int, list[bytes]] = {}

    def forget(self) -> None:
        """A restart."""
        self.datagrams.clear()
        self.secure.clear()

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SQNSCFG": self._scfg, "+SQNSCFGEXT": self._scfgext, "+SQNSD": self._sd, "+SQNSH": self._sh,
            "+SQNSSENDEXT": self._ssendext, "+SQNSSEND": self._ssend, "+SQNSRECV": self._srecv, "+SQNSS": self._ss,
            "+SQNSI": self._si, "+SQNSO": self._so, "+SQNSSCFG": self._sscfg, "+SQNSA": lambda command: Reply(),
        }  # fmt: skip

    # Settings

    def _scfg(self, command: Command) -> Reply:
        test = "(1-6),(1-6),(0-1500),(0-65535),(10-1200),(0-255)"
        return self._table(command, "+SQNSCFG", self.config, FACTORY, test)

    def _scfgext(self, command: Command) -> Reply:
        test = "(1-6),(0-2),(0,1),(0-240),(0,1),(0,1)"
        return self._table(command, "+SQNSCFGEXT", self.extended, EXTENDED, test, 240)

    def _sscfg(self, command: Command) -> Reply:
        """AT+SQNSSCFG=<id>,<enable>,<profile>: TLS on a socket."""
        number, on = self._id(command), command.integer(1, 0, 1)
        self.secure.pop(number, None)
        if on:
            self.secure[number] = command.integer(2, 1, 6)
        return Reply()

    # Opening and closing

    def _sd(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(["+SQNSD: (1-6),(0-1),(1-65535),,(0,255),(1-65535),(0,1),(0,1,2)"])
        number, kind = self._id(command), command.integer(1, 0, 1)
        port, host = command.integer(2, 1, 65535), command.string(3, 128)
        local = command.integer(5, 0, 65535, default=0)
        online = not command.integer(6, 0, 1, default=0)
        if modem.links.get(number) is not None:
            raise MeFault(NOT_ALLOWED)
        profile = self.secure.get(number)
        wanted: Kind = "udp" if kind else "tls" if profile is not None else "tcp"
        tls = modem.web_part.settings(profile) if profile is not None else None

        link = self._open(number, wanted, (host, port), local, online, tls)
        self.datagrams[number] = []
        link.on_data = lambda data: self._came(number, link, data)
        link.on_closed = lambda why: self._closed(number, link)
        return None

    def _closed(self, number: int, link: Link) -> None:
        if not link.buffer:
            self._gone(number)

    def _gone(self, number: int) -> None:
        link = self._modem.links.get(number)
        if link is not None:
            link.close()
        self._modem.urc(f"+SQNSH: {number}")

    # Sending

    def _ssendext(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNSSENDEXT: (1-6),(1-1500),(0-2)"])
        number, size = self._id(command), command.integer(1, 1, LONGEST)
        return self._asks(number, size, command.integer(2, 0, 2, default=0))

    def _ssend(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNSSEND: (1-6)"])
        return self._asks(self._id(command), None, command.integer(1, 0, 2, default=0))

    def _asks(self, number: int, size: int | None, rai: int) -> Reply:
        link = self._link(number)
        if link.state != "open":
            raise MeFault(NOT_ALLOWED)
        as_hex = bool(self.extended.get(number, EXTENDED)[4])

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            try:
                payload = bytes.fromhex(data.decode("latin-1")) if as_hex else data
            except ValueError:
                self._modem.fail(SyntaxFault())
                return
            link.send(payload, self._sent, rai)

        wanted = None if size is None else 2 * size if as_hex else size
        return Reply(prompt=DataMode(wanted, 2 * LONGEST, typed, ends=b"" if size else b"\x1a"))

    # Receiving

    def _came(self, number: int, link: Link, data: bytes) -> None:
        if link.kind == "udp":
            self.datagrams[number].append(data)
        link.buffer += data
        mode, as_hex = self.extended.get(number, EXTENDED)[:2]
        if mode == 2:
            shown = data.hex().upper() if as_hex else text_of(data)
            link.buffer.clear()
            self._modem.urc(f"+SQNSRING: {number},{len(data)},{shown}")
        else:
            self._modem.urc(f"+SQNSRING: {number},{len(data)}" if mode else f"+SQNSRING: {number}")

    def _srecv(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNSRECV: (1-6),(1-1500)"])
        number, size = self._id(command), command.integer(1, 1, LONGEST)
        link = self._link(number)
        if not link.buffer:
            raise MeFault(NOT_ALLOWED)
        if link.kind == "udp":  # one datagram a read; the rest of it is lost
            whole = self.datagrams[number].pop(0)
            link.take(len(whole))
            data = whole[:size]
        else:
            data = link.take(size)
        as_hex = self.extended.get(number, EXTENDED)[1]
        shown = data.hex().upper() if as_hex else text_of(data)
        over = link.state == "closed" and not link.buffer
        after = (lambda: self._modem.later(0.05, self._gone, number)) if over else None
        # One line end between the data and the OK.
        return Reply([f"+SQNSRECV: {number},{len(data)}\r\n{shown}\r\nOK"], after=after, final="")

    # States

    def _ss(self, command: Command) -> Reply:
        """0 closed, 1 active and nothing waits, 3 data wait, 6 opening."""
        if command.op == "test":
            return Reply(["+SQNSS: (1-6)"])
        lines = []
        for number in range(FIRST, LAST + 1):
            link = self._modem.links.get(number)
            if link is None:
                lines.append(f"+SQNSS: {number},0")
                continue
            state = 6 if link.state == "opening" else 3 if link.buffer else 1
            kind, ip = int(link.kind == "udp"), self._modem.ue.grant.ip
            lines.append(f'+SQNSS: {number},{state},"{ip}",{link.local_port},"{link.ip}",{link.port},{kind}')
        if command.op == "set":
            lines = [lines[self._id(command) - FIRST]]
        return Reply(lines)

    def _si(self, command: Command) -> Reply:
        return self._counters(command, lambda link: 0)
