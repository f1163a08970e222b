"""AT+QIDNS…, AT+QPING and AT+QNTP. Sources: TCP/IP notes of BG96, BG95, EC200U; BC26 TCP(IP) manual V1.0."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem

_TTL_S = 300


class NameCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: QuectelModem) -> None:
        self._modem = modem
        self._servers = ("8.8.8.8", "8.8.4.4")
        self.addresses = 1
        """How many addresses a name has in DNS; this network's server knows one."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QIDNSCFG": self._qidnscfg, "+QIDNSGIP": self._qidnsgip, "+QPING": self._qping, "+QNTP": self._qntp,
        }  # fmt: skip

    def _qidnscfg(self, command: Command) -> Reply:
        if len(command.args) == 1:
            return Reply([f'+QIDNSCFG: {command.args[0].text},"{self._servers[0]}","{self._servers[1]}"'])
        self._servers = (command.string(1, 64), command.string(2, 64, default=""))
        return Reply()

    def _qidnsgip(self, command: Command) -> Reply:
        name = command.string(1, 200)

        def found(ip: str | None) -> None:
            if ip is None:
                self._modem.urc('+QIURC: "dnsgip",565')
                return
            self._modem.urc(f'+QIURC: "dnsgip",0,{self.addresses},{_TTL_S}')
            for _ in range(self.addresses):
                self._modem.urc(f'+QIURC: "dnsgip","{ip}"')

        return Reply(after=lambda: self._modem.links.lookup(name, found))

    def _qping(self, command: Command) -> Reply:
        host, modem = command.string(1, 200), self._modem
        count = command.integer(3, 1, 10, default=4)

        def found(ip: str | None) -> None:
            if ip is None:
                modem.urc("+QPING: 565")
                return
            if modem.faults.ping_lost:
                modem.later(command.integer(2, 1, 255, default=4), modem.urc, "+QPING: 569")
                return
            for number in range(count):
                modem.later(1.0 * number + 0.2, modem.urc, f'+QPING: 0,"{ip}",32,{155 + number},114')
            modem.later(1.0 * count, modem.urc, f"+QPING: 0,{count},{count},0,155,{154 + count},{155 + count // 2}")

        return Reply(after=lambda: modem.links.lookup(host, found))

    def _qntp(self, command: Command) -> Reply:
        modem = self._modem
        if not modem.ue.registered:
            raise MeFault(3)

        def answered() -> None:
            utc = modem.network.utc()
            zone = modem.network.config.policy.utc_offset_quarters
            local = utc + timedelta(minutes=15 * zone)
            modem.standard.set_clock(utc, zone)
            modem.urc(f'+QNTP: 0,"{local:%Y/%m/%d,%H:%M:%S}{zone:+03}"')

        return Reply(after=lambda: modem.later(0.5, answered))
