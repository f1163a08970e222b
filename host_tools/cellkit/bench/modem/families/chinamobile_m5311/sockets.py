"""AT+IP…: sockets 0 to 5 of M5311. Source: AT command interface specification v2.4, chapter 4.2.

Lengths count bytes, also of hex; `+IPSEND:` comes before its OK, `CONNECT OK` behind it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.chinamobile_m5311 import Module

_PLACES, _LONGEST = 6, 1400
_NOT_ALLOWED = 3
_WINDOW = 4096
_SEND = re.compile(r'\s*(\d)\s*,\s*(\d*)\s*,\s*("?)(.*?)\3(?:,\s*"?([0-9.]+)"?\s*,\s*(\d+)(?:,\s*\d)?)?\s*', re.DOTALL)


class SocketCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """A restart."""
        self.reading = (1, 0, 0)
        """IPRCFG: automatic; 0 with its length, 1 data alone, 2 with the peer; hex."""
        self._queues: dict[int, list[tuple[bytes, str, int]]] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+IPSTART": self._ipstart, "+IPSEND": self._ipsend, "+IPRD": self._iprd, "+IPRCFG": self._iprcfg,
            "+IPCLOSE": self._ipclose, "+IPSTATUS": self._ipstatus, "+IPSACK": self._ipsack,
        }  # fmt: skip

    def _link(self, number: int) -> Link:
        link = self._modem.links.get(number)
        if link is None or link.state != "open":
            raise MeFault(_NOT_ALLOWED)
        return link

    def _ipstart(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(['+IPSTART: (0-5),("TCP","UDP"),<addr>,(1-65535)'])
        number, kind = command.integer(0, 0, _PLACES - 1), command.string(1, 3).upper()
        host, port = command.string(2, 100), command.integer(3, 1, 65535)
        if kind not in ("TCP", "UDP"):
            raise SyntaxFault
        if modem.links.get(number) is not None or not modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)

        def opened(outcome: str) -> None:
            if outcome != "ok":
                link.close()
                modem.urc("CONNECT FAIL")
            elif kind == "TCP":
                modem.urc("CONNECT OK")

        wanted: Kind = "tcp" if kind == "TCP" else "udp"
        link = modem.links.open(number, wanted, host, port, opened)
        self._queues[number] = []
        link.on_data = lambda data: self._came(number, link, data)
        link.on_closed = lambda why: self._closed(number, link)
        return Reply()

    def _closed(self, number: int, link: Link) -> None:
        link.close()
        self._modem.urc(f"+IPCLOSE: {number}")

    # Sending

    def _ipsend(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+IPSEND: (0-5),(1-1400),<data>"])
        match = _SEND.fullmatch(command.raw)
        if match is None:
            raise SyntaxFault
        number, size, text = int(match[1]), int(match[2] or 0), match[4]
        link = self._link(number)
        try:
            data = bytes.fromhex(text) if size else text.encode("latin-1")
        except ValueError:
            raise SyntaxFault from None
        if not 0 < len(data) <= _LONGEST or (size and len(data) != size):
            raise SyntaxFault

        def sent(ok: bool) -> None:
            if ok:
                self._modem.complete(Reply([f"+IPSEND: {number},{len(data)}"]))
            else:
                self._modem.fail(MeFault(_NOT_ALLOWED))

        rai = self._modem.take_rai()
        if match[5]:
            link.send_to(match[5], int(match[6]), data, sent, rai)
        else:
            link.send(data, sent, rai)
        return None

    # Receiving

    def _came(self, number: int, link: Link, data: bytes) -> None:
        peer = link.sender if link.kind == "udp" else (link.ip, link.port)
        if self.reading[0]:
            self._modem.urc(self._shown(number, data, *peer))
            return
        self._queues[number].append((data, *peer))
        self._modem.urc(f"+IPNMI: {number},{len(data)}")

    def _shown(self, number: int, data: bytes, ip: str, port: int) -> str:
        _, form, as_hex = self.reading
        text = data.hex().upper() if as_hex else text_of(data)
        if form == 1:
            return text
        peer = f'"{ip}",{port},' if form == 2 else ""
        return f"+IPRD: {number},{peer}{len(data)},{text}"

    def _iprd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+IPRD: (0-5),(1-1400)"])
        number, size = command.integer(0, 0, _PLACES - 1), command.integer(1, 1, _LONGEST)
        queue = self._queues.get(number)
        if not queue:
            return Reply()
        data, ip, port = queue.pop(0)
        if data[size:]:
            queue.insert(0, (data[size:], ip, port))
        return Reply([self._shown(number, data[:size], ip, port)])

    def _iprcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+IPRCFG: (0,1),(0-2),(0,1)"])
        if command.op == "read":
            return Reply(["+IPRCFG: " + ",".join(map(str, self.reading))])
        given = (command.integer(1, 0, 2, default=0), command.integer(2, 0, 1, default=0))
        self.reading = (command.integer(0, 0, 1), *given)
        return Reply()

    # States

    def _ipclose(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+IPCLOSE: (0-5)"])
        link = self._modem.links.get(command.integer(0, 0, _PLACES - 1))
        if link is None:
            raise MeFault(_NOT_ALLOWED)
        link.close()
        return Reply()

    def _ipstatus(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+IPSTATUS: (0-5)"])
        wanted = range(_PLACES) if command.op == "read" else [command.integer(0, 0, _PLACES - 1)]
        lines = []
        for number in wanted:
            link = self._modem.links.get(number)
            if link is None:
                lines.append(f'+IPSTATUS: {number},"","",0,""')
            else:
                state = {"opening": "CONNECTING", "open": "CONNECTED", "closed": "CLOSED"}[link.state]
                kind = "UDP" if link.kind == "udp" else "TCP"
                lines.append(f'+IPSTATUS: {number},"{kind}","{link.host}",{link.port},"{state}"')
        return Reply(lines)

    def _ipsack(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+IPSACK: (0-5)"])
        link = self._link(command.integer(0, 0, _PLACES - 1))
        return Reply([f"+IPSACK: {link.sent},{link.received},{_WINDOW},{link.sent - link.acked},0"])
