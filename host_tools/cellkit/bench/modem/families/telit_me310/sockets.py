"""AT#S…: sockets 1 to 6. Sources: AT reference guide 80617ST10991A, firmware comments, driver tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._clients.numbered import FACTORY, LONGEST, NOT_ALLOWED, NumberedSockets
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.telit_me310 import Module

EXTENDED = (0, 0, 0, 0, 0)
_BACKSPACE = 8
_RAI_ONLY_IN = 9  # NB-IoT; else ignored


class SocketCommands(NumberedSockets):
    """Handlers bound to one modem."""

    name = "#S"
    _modem: Module

    def __init__(self, modem: Module) -> None:
        super().__init__(modem)
        self.forget()

    def forget(self) -> None:
        """A restart."""
        self._datagrams: dict[int, list[tuple[bytes, str, int]]] = {}
        self._last: dict[int, int] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "#SCFG": self._scfg, "#SCFGEXT": self._scfgext, "#SCFGEXT2": lambda command: Reply(),
            "#SCFGEXT3": lambda command: Reply(), "#SD": self._sd, "#SH": self._sh, "#SS": self._ss, "#SI": self._si,
            "#SSENDEXT": self._ssendext, "#SSEND": self._ssend, "#SRECV": self._srecv, "#SO": self._so,
            "#SSENDUDP": self._ssendudp, "#SSENDUDPEXT": self._ssendudpext, "#SLUDP": self._sludp,
        }  # fmt: skip

    # Settings

    def _scfg(self, command: Command) -> Reply:
        return self._table(command, "#SCFG", self.config, FACTORY, "(1-6),(1-6),(0-1500),(0-65535),(10-1200),(0-255)")

    def _scfgext(self, command: Command) -> Reply:
        return self._table(command, "#SCFGEXT", self.extended, EXTENDED, "(1-6),(0-3),(0,1),(0-240),(0,1),(0,1)")

    # Opening and closing

    def _sd(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(["#SD: (1-6),(0,1),(1-65535),,(0,255),(1-65535),(0,1),(0-2)"])
        number, kind = self._id(command), command.integer(1, 0, 1)
        port, host = command.integer(2, 1, 65535), command.string(3, 128)
        local, online = command.integer(5, 0, 65535, default=0), not command.integer(6, 0, 1, default=0)
        if modem.links.get(number) is not None or not modem.bearer_up():
            raise MeFault(NOT_ALLOWED)

        wanted: Kind = "udp" if kind else "tcp"
        link = self._open(number, wanted, (host, port), local, online)
        self._datagrams[number] = []
        link.on_data = lambda data: self._came(number, link, data)
        link.on_closed = lambda why: self._closed(number, link)
        return None

    def _sludp(self, command: Command) -> Reply:
        number, on, port = self._id(command), command.integer(1, 0, 1), command.integer(2, 1, 65535)
        link = self._modem.links.get(number)
        if on and link is None:
            link = self._modem.links.open(number, "udp", "", 0, lambda outcome: None, local_port=port)
            self._datagrams[number] = []
            link.on_data = lambda data: self._came(number, link, data) if link is not None else None
        elif not on and link is not None:
            link.close()
        return Reply()

    def _closed(self, number: int, link: Link) -> None:
        """The peer has closed: NO CARRIER, when what it sent has been read."""
        if not link.buffer:
            self._gone(link)

    def _gone(self, link: Link) -> None:
        link.close()
        self._modem.urc("NO CARRIER")

    # Sending

    def _rai(self, command: Command, at: int) -> int:
        rai = command.integer(at, 0, 2, default=0)
        return rai if self._modem.act == _RAI_ONLY_IN else 0

    def _ssendext(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#SSENDEXT: (1-6),(1-1500),(0-2)"])
        return self._asks(self._id(command), command.integer(1, 1, LONGEST), None, self._rai(command, 2))

    def _ssend(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#SSEND: (1-6)"])
        return self._asks(self._id(command), None, None, self._rai(command, 1))

    def _ssendudp(self, command: Command) -> Reply:
        peer = command.string(1, 128), command.integer(2, 1, 65535)
        return self._asks(self._id(command), None, peer, self._rai(command, 3))

    def _ssendudpext(self, command: Command) -> Reply:
        peer = command.string(2, 128), command.integer(3, 1, 65535)
        return self._asks(self._id(command), command.integer(1, 1, LONGEST), peer, self._rai(command, 4))

    def _asks(self, number: int, size: int | None, peer: tuple[str, int] | None, rai: int) -> Reply:
        link, modem = self._link(number), self._modem
        if link.state != "open":
            raise MeFault(NOT_ALLOWED)
        as_hex = bool(self.extended.get(number, EXTENDED)[4])

        def typed(data: bytes | None) -> None:
            if data is None:
                modem.complete(Reply())
                return
            payload = data if size is not None else _edited(data)
            if as_hex:
                try:
                    payload = bytes.fromhex(payload.decode("latin-1"))
                except ValueError:
                    modem.fail(SyntaxFault())
                    return
            if peer is not None:
                link.send_to(*peer, payload, self._sent, rai)
            else:
                link.send(payload, self._sent, rai)

        wanted = None if size is None else 2 * size if as_hex else size
        echo = bool(modem.settings.nvram["E"])  # of the terminal, also of payload
        longest = 2 * LONGEST if as_hex else LONGEST
        return Reply(prompt=DataMode(wanted, longest, typed, ends=b"" if size else b"\x1a", echo=echo))

    # Receiving

    def _came(self, number: int, link: Link, data: bytes) -> None:
        mode, as_hex = self.extended.get(number, EXTENDED)[:2]
        shown = data.hex().upper() if as_hex else text_of(data)
        peer = link.sender if link.kind == "udp" else (link.ip, link.port)
        if mode == 2:
            self._modem.urc(f"SRING: {number},{len(data)},{shown}")
            return
        if mode == 3:
            self._modem.urc(f"SRING: {peer[0]},{peer[1]},{number},{len(data)},0,{shown}")
            return
        if link.kind == "udp":
            self._datagrams[number].append((data, *peer))
        link.buffer += data
        self._modem.urc(f"SRING: {number},{len(data)}" if mode == 1 else f"SRING: {number}")

    def _srecv(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#SRECV: (1-6),(1-1500),(0,1)"])
        number, size = self._id(command), command.integer(1, 1, LONGEST)
        link, with_peer = self._link(number), command.integer(2, 0, 1, default=0)
        if not link.buffer:
            raise MeFault(NOT_ALLOWED)
        head = f"#SRECV: {number}"
        if link.kind == "udp":
            data, ip, port = self._datagrams[number].pop(0)
            link.take(len(data))
            left = data[size:]
            if left:
                self._datagrams[number].insert(0, (left, ip, port))
                link.buffer[:0] = left
            data = data[:size]
            head += f',"{ip}",{port},{len(data)},{len(left)}' if with_peer else f",{len(data)}"
        else:
            data = link.take(size)
            head += f",{len(data)}"
        as_hex = self.extended.get(number, EXTENDED)[1]
        over = link.state == "closed" and not link.buffer
        after = (lambda: self._modem.later(0.05, self._gone, link)) if over else None
        shown = data.hex().upper() if as_hex else text_of(data)
        return Reply([f"{head}\r\n{shown}\r\nOK"], after=after, final="")  # one line end before the OK, as logged

    # States

    def _ss(self, command: Command) -> Reply:
        """0 closed, 1 data flow, 2 suspended, 3 suspended with data, 4 listening, 6 resolving."""
        if command.op == "test":
            return Reply(["#SS: (1-6)"])
        lines = []
        for number in self._wanted(command):
            link = self._modem.links.get(number)
            if link is None:
                lines.append(f"#SS: {number},0")
                continue
            state = 6 if link.state == "opening" else 3 if link.buffer else 2
            lines.append(f"#SS: {number},{state},{self._modem.ue.grant.ip},{link.local_port},{link.ip},{link.port}")
        if command.op == "set" and lines[0].count(",") > 1:
            lines = [",".join(lines[0].split(",")[:2])]
        return Reply(lines)

    def _si(self, command: Command) -> Reply:
        return self._counters(command, lambda link: link.sent - link.acked)


def _edited(data: bytes) -> bytes:
    """What was typed, with backspaces carried out; what is more than fits was dropped."""
    kept = bytearray()
    for byte in data:
        if byte == _BACKSPACE:
            del kept[-1:]
        else:
            kept.append(byte)
    return bytes(kept)
