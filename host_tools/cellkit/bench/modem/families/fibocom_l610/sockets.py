"""AT+MIP…: bearer and sockets. Sources: L610 driver of RT-Thread, acceptance reports of an L610-CN-62-36."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.fibocom_l610 import Module

_SOCKETS = 8
_LONGEST = 2048
_KINDS: tuple[Kind, ...] = ("tcp", "udp", "tls")
_HEX, _RAW, _RAW_WITH_HEADER, _CACHED = 0, 1, 2, 5
_OPENED, _FAILED = 1, 1  # +MIPOPEN: id,1 is success, +MIPSTAT: id,1 is not


class SocketCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.format = _HEX
        """How what comes is shown: GTSET="IPRFMT"."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+MIPCALL": self._call, "+MIPOPEN": self._open, "+MIPCLOSE": self._close, "+MIPSEND": self._send,
            "+MIPREAD": self._read, "+GTSET": self._gtset, "+MIPDNS": self._dns,
        }  # fmt: skip

    # Bearer

    def _call(self, command: Command) -> Reply:
        modem = self._modem
        ip, ram = modem.ue.grant.ip, modem.settings.ram
        if command.op == "test":
            return Reply(["+MIPCALL: (0,1)"])
        if command.op == "read":
            return Reply([f"+MIPCALL: 1,{ip}" if ip and ram["call"] else "+MIPCALL: 0"])
        on = command.integer(0, 0, 1)
        if on and not ip:
            raise SyntaxFault
        ram["call"] = bool(on)
        if on:
            return Reply(after=lambda: modem.later(0.3, modem.urc, f"+MIPCALL: {ip}"))
        for link in list(modem.links.all()):
            link.close()
        return Reply(["+MIPCALL: 0"])

    def _dns(self, command: Command) -> Reply:
        name, modem = command.string(0, 200), self._modem

        def found(ip: str | None) -> None:
            modem.urc(f'+MIPDNS: "{name}",{ip}' if ip else "+MIPDNS: 0")

        return Reply(after=lambda: modem.links.lookup(name, found))

    # Sockets

    def _free(self) -> str:
        used = {link.number for link in self._modem.links.all()}
        return ",".join(str(number) for number in range(1, _SOCKETS + 1) if number not in used)

    def _open(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["+MIPOPEN: (1-8),(0-65535),,(1-65535),(0-2)"])
        if command.op == "read":
            return Reply([f"+MIPOPEN: {self._free()}"])
        number, host = command.integer(0, 1, _SOCKETS), command.string(2, 200)
        port, kind = command.integer(3, 1, 65535), _KINDS[command.integer(4, 0, 2)]
        local = command.integer(1, 0, 65535, default=0)
        if modem.links.get(number) is not None or not modem.settings.ram["call"]:
            raise SyntaxFault

        def begin() -> None:
            def told(outcome: str) -> None:
                if outcome == "ok":
                    modem.urc(f"+MIPOPEN: {number},{_OPENED}")
                else:
                    self._gone(number, link)

            if modem.faults.take("open_error") is not None:
                modem.later(0.1, modem.urc, f"+MIPSTAT: {number},{_FAILED}")
                return
            tls = modem.tls.settings() if kind == "tls" else None
            link = modem.links.open(number, kind, host, port, told, tls, local)
            link.on_data = lambda data: self._came(number, link, data)
            link.on_closed = lambda why: self._gone(number, link)

        return Reply(after=begin)

    def _gone(self, number: int, link: Link) -> None:
        link.close()
        self._modem.urc(f"+MIPSTAT: {number},{_FAILED}")

    def _came(self, number: int, link: Link, data: bytes) -> None:
        urc, text = self._modem.urc, data.decode("latin-1")
        if self.format == _RAW:
            urc(text)
        elif self.format == _CACHED:
            link.buffer += data
            urc(f"+MIPREAD: {number},{len(link.buffer)}")
        elif self.format == _RAW_WITH_HEADER:  # that its second field is the length then is (unverified)
            urc(f"+MIPRTCP: {number},{len(data)},{text}")
        else:
            urc(f"+MIPRTCP: {number},0,{data.hex().upper()}")

    def _link(self, number: int) -> Link:
        link = self._modem.links.get(number)
        if link is None:
            raise SyntaxFault
        return link

    def _close(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+MIPCLOSE: (1-8)"])
        if command.op == "read":
            return Reply([f"+MIPCLOSE: {','.join(str(link.number) for link in self._modem.links.all())}"])
        number = command.integer(0, 1, _SOCKETS)
        self._link(number).close()
        return Reply(after=lambda: self._modem.later(0.05, self._modem.urc, f"+MIPCLOSE: {number},0"))

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+MIPSEND: (1-8),(1-{_LONGEST})"])
        number, size = command.integer(0, 1, _SOCKETS), command.integer(1, 1, _LONGEST)
        link, modem = self._link(number), self._modem
        if link.state != "open":
            raise SyntaxFault

        def typed(data: bytes | None) -> None:
            if data is None:
                modem.complete(Reply())
                return
            failed = modem.faults.take("send_fail") is not None

            def told(ok: bool) -> None:
                modem.later(0.05, modem.urc, f"+MIPPUSH: {number},{0 if ok and not failed else 1}")

            modem.complete(Reply(after=lambda: told(False) if failed else link.send(data, told)))

        return Reply(prompt=DataMode(size, size, typed))

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+MIPREAD: (1-8),(1-{_LONGEST})"])
        number, size = command.integer(0, 1, _SOCKETS), command.integer(1, 1, _LONGEST)
        data = self._link(number).take(size)
        return Reply([f"+MIPDATA: {number},{len(data)}", data.decode("latin-1")])

    def _gtset(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply([f'+GTSET: "IPRFMT",{self.format}'])
        if command.string(0, 10).upper() == "IPRFMT":
            if len(command.args) == 1:
                return Reply([f'+GTSET: "IPRFMT",{self.format}'])
            self.format = command.integer(1, 0, 5)
        return Reply()
