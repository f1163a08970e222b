"""AT+MIP…, AT+MSSL…: sockets and certificates; DNS, ping and NTP."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.chinamobile_ml307 import Module

_SOCKETS = 6
_INLINE, _PROMPTED = 1460, 8192
_OUTCOMES = {"ok": 0, "no bearer": 551, "dns": 580, "refused": 559, "timeout": 559, "tls": 559}
_TRANSPARENT, _STREAM, _PACKETS = 1, 2, 3
_ENDS = {"closed": 1, "no bearer": 3}
_IN_USE, _NOT_OPEN, _PARAMETERS = 553, 554, 552
_HEAD = re.compile(r" *(\d) *, *(\d{1,4}) *(?:, *(.*))?", re.DOTALL)


class SocketCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._modes: dict[int, int] = {}
        self._packets: dict[int, list[bytes]] = {}
        self.config: dict[tuple[str, int], str] = {}
        self._keepalive: dict[int, str] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+MIPCALL": self._call, "+MIPOPEN": self._open, "+MIPCLOSE": self._close, "+MIPSEND": self._send,
            "+MIPRD": self._read, "+MIPSTATE": self._state, "+MIPCFG": self._cfg, "+MIPTKA": self._tka,
            "+MDNSGIP": self._dns, "+MPING": self._ping, "+MNTP": self._ntp, "O": self._back,
        }  # fmt: skip

    # Bearer

    def _call(self, command: Command) -> Reply:
        ip = self._modem.ue.grant.ip
        if command.op == "test":
            return Reply(["+MIPCALL: (0,1),(1-15)"])
        if command.op == "read":
            return Reply([f'+MIPCALL: 1,1,"{ip}"' if ip else "+MIPCALL: 1,0"])
        if command.integer(0, 0, 1) and not ip:
            raise MeFault(30)
        return Reply([f'+MIPCALL: 1,1,"{ip}"'] if command.integer(0, 0, 1) else [])

    # Sockets

    def _open(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(['+MIPOPEN: (0-5),("TCP","UDP"),,(1-65535),(1-120),(0-3)'])
        number, kind = command.integer(0, 0, _SOCKETS - 1), command.string(1, 3).upper()
        host, port = command.string(2, 200), command.integer(3, 1, 65535)
        mode = command.integer(5, 0, 3, default=0)
        if kind not in ("TCP", "UDP"):
            raise SyntaxFault

        def told(code: int) -> None:
            modem.urc(f"+MIPOPEN: {number},{code}")

        def begin() -> None:
            if modem.links.get(number) is not None:
                modem.later(0.05, told, _IN_USE)
                return
            secure = kind == "TCP" and self.config.get(("ssl", number), "0").startswith("1")
            context = int((self.config.get(("ssl", number), "0,0").split(",") + ["0"])[1])
            tls = modem.certificates.settings(context) if secure else None
            self._packets[number] = []
            self._modes[number] = mode
            rule = modem.faults.take("open_error")
            if rule is not None:
                modem.later(0.1, told, rule.code)
                return

            def done(outcome: str) -> None:
                if outcome != "ok":
                    link.close()
                if mode == _TRANSPARENT and outcome == "ok":
                    modem.urc("CONNECT")
                    modem.go_online(link.send)
                else:
                    told(_OUTCOMES[outcome])

            way: Kind = "tls" if secure else "tcp" if kind == "TCP" else "udp"
            link = modem.links.open(number, way, host, port, done, tls)
            link.on_data = lambda data: self._came(number, link, data)
            link.on_closed = lambda why: self._gone(number, link, why)

        return Reply(after=begin)

    def _gone(self, number: int, link: Link, why: str) -> None:
        """With autofree (the factory's setting) MIPCLOSE is the host's affair."""
        self._modem.payload.online = None
        self._modem.urc(f'+MIPURC: "disconn",{number},{_ENDS.get(why, 2)}')
        if self.config.get(("autofree", number), "1") == "0":
            link.close()

    def _back(self, command: Command) -> Reply:
        links = [self._modem.links.get(number) for number, mode in self._modes.items() if mode == _TRANSPARENT]
        live = next((link for link in links if link is not None and link.state == "open"), None)
        if live is None:
            return Reply(final="NO CARRIER")
        send = live.send
        return Reply(final="CONNECT", after=lambda: self._modem.go_online(send))

    def _came(self, number: int, link: Link, data: bytes) -> None:
        mode = self._modes.get(number, 0)
        name = "rtcp" if link.kind != "udp" else "rudp"
        if mode == _TRANSPARENT and self._modem.payload.online is not None:
            self._modem.output.raw(data)
            return
        if mode in (_STREAM, _PACKETS):
            held = len(link.buffer) + sum(map(len, self._packets[number]))
            if held + len(data) > self._modem.config.limits.receive_buffer_bytes:
                self._modem.urc(f'+MIPURC: "drop",{number},{len(data)}')
                return
            if mode == _PACKETS:
                self._packets[number].append(data)
                total = len(self._packets[number])
            else:
                link.buffer += data
                total = len(link.buffer)
            self._modem.urc(f'+MIPURC: "{name}",{number},{len(data)},{total}')
            return
        text = data.hex().upper() if self._encoding(number, 1) else data.decode("latin-1")
        self._modem.urc(f'+MIPURC: "{name}",{number},{len(data)},{text}')

    def _encoding(self, number: int, way: int) -> bool:
        parts = self.config.get(("encoding", number), "0,0").split(",")
        return len(parts) > way and parts[way] == "1"

    def _close(self, command: Command) -> Reply:
        number = command.integer(0, 0, _SOCKETS - 1)
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(_NOT_OPEN)
        link.close()
        return Reply(after=lambda: self._modem.later(0.05, self._modem.urc, f"+MIPCLOSE: {number}"))

    def _send(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply([f"+MIPSEND: (0-5),(1-{_PROMPTED})"])
        match = _HEAD.fullmatch(command.raw)
        if match is None:
            raise SyntaxFault
        number, size = int(match[1]), int(match[2])
        link = modem.links.get(number) if number < _SOCKETS else None
        if link is None or link.state != "open":
            raise MeFault(_NOT_OPEN)

        def send(data: bytes) -> None:
            failed = modem.faults.take("send_fail") is not None

            def sent(ok: bool) -> None:
                if ok and not failed:
                    modem.complete(Reply([f"+MIPSEND: {number},{len(data)}"]))
                else:
                    modem.fail(MeFault(_NOT_OPEN))

            if failed:
                sent(False)
            else:
                link.send(data, sent)

        if match[3] is None:
            if not 1 <= size <= _PROMPTED:
                raise MeFault(_PARAMETERS)

            def typed(data: bytes | None) -> None:
                if data is None:
                    modem.complete(Reply())
                else:
                    send(data)

            return Reply(prompt=DataMode(size, size, typed))
        if modem.config.identity.more.get("inline") == "no":
            raise MeFault(50)
        text = match[3].strip()
        text = text[1:-1] if text[:1] == text[-1:] == '"' else text
        try:
            data = bytes.fromhex(text) if self._encoding(number, 0) else text.encode("latin-1")
        except ValueError:
            raise MeFault(_PARAMETERS) from None
        if len(data) != size or size > _INLINE:
            raise MeFault(_PARAMETERS)
        send(data)
        return None

    def _read(self, command: Command) -> Reply:
        number = command.integer(0, 0, _SOCKETS - 1)
        link = self._modem.links.get(number)
        if link is None:
            raise MeFault(_NOT_OPEN)
        if self._modes.get(number) == _PACKETS:  # the parameter counts packets
            packets = self._packets[number]
            taken = [packets.pop(0) for _ in range(min(len(packets), command.integer(1, 1, 100, default=1)))]
            left = len(packets) + len(taken)
            return Reply([self._read_line(number, left - at - 1, data) for at, data in enumerate(taken)])
        data = link.take(command.integer(1, 1, 4096, default=4096))
        return Reply([self._read_line(number, len(link.buffer), data)] if data else [])

    def _read_line(self, number: int, left: int, data: bytes) -> str:
        text = data.hex().upper() if self._encoding(number, 1) else data.decode("latin-1")
        return f"+MIPRD: {number},{left},{len(data)},{text}"

    def _state(self, command: Command) -> Reply:
        wanted = [command.integer(0, 0, _SOCKETS - 1)] if command.op == "set" else range(_SOCKETS)
        lines = []
        for number in wanted:
            link = self._modem.links.get(number)
            if link is None:
                lines.append(f'+MIPSTATE: {number},"","",,"INITIAL"')
                continue
            state = {"opening": "CONNECTING", "open": "CONNECTED", "closed": "CLOSED"}[link.state]
            kind = "UDP" if link.kind == "udp" else "TCP"
            lines.append(f'+MIPSTATE: {number},"{kind}","{link.host}",{link.port},"{state}"')
        return Reply(lines)

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+MIPCFG: "encoding",(0-5),(0,1),(0,1)'])
        key, number = command.string(0, 20).lower(), command.integer(1, 0, _SOCKETS - 1)
        if len(command.args) == 2:
            default = "1" if key == "autofree" else "0,0"
            return Reply([f'+MIPCFG: "{key}",{number},{self.config.get((key, number), default)}'])
        self.config[key, number] = ",".join(arg.text for arg in command.args[2:])
        return Reply()

    def _tka(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+MIPTKA: {number},{self._keepalive.get(number, '0')}" for number in range(_SOCKETS - 1)])
        number = command.integer(0, 0, _SOCKETS - 1)
        if self._modem.links.get(number) is not None:
            raise MeFault(_PARAMETERS)  # before the connection only
        self._keepalive[number] = ",".join(arg.text for arg in command.args[1:])
        return Reply()

    # DNS, ping, time

    def _dns(self, command: Command) -> Reply:
        name, modem = command.string(0, 200), self._modem

        def found(ip: str | None) -> None:
            six = f',"{modem.network.config.dns_ipv6}"' if modem.network.config.dns_ipv6 else ""
            modem.urc(f'+MDNSGIP: "{name}"' + (f',"{ip}"{six}' if ip else ""))

        return Reply(after=lambda: modem.links.lookup(name, found))

    def _ping(self, command: Command) -> Reply:
        host, modem = command.string(0, 200), self._modem
        count = command.integer(2, 1, 10, default=4)

        def found(ip: str | None) -> None:
            if ip is None:
                modem.urc("+MPING: 580")
                return
            times = [320 + 14 * number for number in range(count)]
            for number, ms in enumerate(times):
                modem.later(1.0 * number + ms / 1000, modem.urc, f'+MPING: 0,"{ip}",16,{ms},235')
            mean = sum(times) // count
            summary = f'+MPING: "statistics",{count},0,{min(times)},{max(times)},{mean}'
            modem.later(1.0 * count + 0.5, modem.urc, summary)

        return Reply(after=lambda: modem.links.lookup(host, found))

    def _ntp(self, command: Command) -> Reply:
        modem = self._modem

        def answered() -> None:
            zone = modem.network.config.policy.utc_offset_quarters
            local = modem.network.utc() + timedelta(minutes=15 * zone)
            modem.standard.set_clock(modem.network.utc(), zone)
            modem.urc(f'+MNTP: 0,"{local:%y/%m/%d,%H:%M:%S}{zone:+03}"')

        return Reply(after=lambda: modem.later(0.5, answered))
