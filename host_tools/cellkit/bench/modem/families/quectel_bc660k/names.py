"""DNS and ping of the BC660K-GL.

Source: BC660K-GL&BC950K-GL TCP/IP Application Note V1.2 (2023-06-27). Where real logs say more, they are named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.modem import Modem

OK, _DNS_FAILED, _TIMEOUT = 0, 565, 569
LONGEST_HOST = 150
_DNS_TTL_S = 300
_DNS_GIVES_UP_S = 15.0  # (unverified)
_PING_BYTES = 32
_PING_S = 5.0  # a real log: 4 s are too short for every packet, 20 s are not
NAMES_RAM: dict[str, Any] = {"QIDNSCFG": ("", "")}


class Names:
    """Handlers bound to one modem."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self.addresses = 1
        """How many addresses a name has in DNS; this network's server knows one."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+QIDNSCFG": self._qidnscfg, "+QIDNSGIP": self._qidnsgip, "+QPING": self._qping}

    def _qidnscfg(self, command: Command) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply(["+QIDNSCFG: (0-10),<pridnsaddr>,<secdnsaddr>"])
        if command.op != "set" or not 1 <= len(command.args) <= 3:
            raise SyntaxFault
        command.integer(0, 0, 0)
        if len(command.args) == 1:
            return Reply(['+QIDNSCFG: 0,"{}","{}","",""'.format(*ram["QIDNSCFG"])])
        ram["QIDNSCFG"] = (command.string(1, 64), command.string(2, 64, default=""))
        return Reply()

    def _qidnsgip(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QIDNSGIP: (0-10),<hostname>"])
        if command.op != "set" or len(command.args) != 2:
            raise SyntaxFault
        command.integer(0, 0, 0)
        name = command.string(1, LONGEST_HOST)
        return Reply(after=lambda: self.lookup(name, self._resolved))

    def _resolved(self, ip: str, code: int) -> None:
        if code != OK:
            self._modem.urc(f"+QIDNSGIP: {code}")
            return
        self._modem.urc(f"+QIDNSGIP: 0,{self.addresses},{_DNS_TTL_S}")
        for _ in range(self.addresses):
            self._modem.urc(f'+QIDNSGIP: "{ip}"')

    def lookup(self, name: str, then: Callable[[str, int], object]) -> None:
        """`then(ip, code)`: at once for an IP address, after a DNS query over the air for a name."""
        modem, network = self._modem, self._modem.network
        if network.is_ip(name):
            then(name, OK)
            return

        def answered() -> None:
            ip = network.resolve(name)
            then(ip or "", OK if ip else _DNS_FAILED)

        def connected(ok: bool) -> None:
            if not ok:
                then("", _DNS_FAILED)
            elif network.blocked() is None:
                modem.later(network.radio.network.name_s.value, answered)
            else:
                modem.later(_DNS_GIVES_UP_S, then, "", _DNS_FAILED)

        modem.ue.connect(connected)

    def _qping(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QPING: (0-10),<host>,(1-255),(1-10),(32-1500),(0,1)"])
        if command.op != "set" or not 2 <= len(command.args) <= 6:
            raise SyntaxFault
        command.integer(0, 0, 0)
        timeout_s, count = command.integer(2, 1, 255, default=4), command.integer(3, 1, 10, default=4)
        command.integer(4, _PING_BYTES, 1500, default=_PING_BYTES)
        command.integer(5, 0, 1, default=0)
        host, modem = command.string(1, LONGEST_HOST), self._modem

        def found(ip: str, code: int) -> None:
            if code != OK or not modem.ue.registered:
                modem.urc(f"+QPING: {_DNS_FAILED if code else _TIMEOUT}", True)
            elif timeout_s < _PING_S or modem.faults.ping_lost or modem.network.blocked() is not None:
                # One line for all, after an empty one (real log).
                modem.later(timeout_s, modem.urc, f"+QPING: {_TIMEOUT}", True)
            else:
                self._answers(ip, count)

        modem.ue.connect(lambda ok: None)
        return Reply(after=lambda: self.lookup(host, found))

    def _answers(self, ip: str, count: int) -> None:
        milliseconds = round(_PING_S * 1000)
        for number in range(count):
            line = f'+QPING: 0,"{ip}",{_PING_BYTES},{milliseconds},50'
            self._modem.later(_PING_S * (number + 1), self._modem.urc, line)
        total = f"+QPING: 0,{count},{count},0,{milliseconds},{milliseconds},{milliseconds}"
        self._modem.later(_PING_S * count + 0.1, self._modem.urc, total)
