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
NAMES_RAM: dict[str, Any] = {"QIDNSCFG": ("", "")}


class Names:
    """Handlers bound to one modem."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem

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
        self._modem.urc(f"+QIDNSGIP: 0,1,{_DNS_TTL_S}")
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
        command.string(1, LONGEST_HOST)
        timeout_s = command.integer(2, 1, 255, default=4)
        command.integer(3, 1, 10, default=4)
        command.integer(4, _PING_BYTES, 1500, default=_PING_BYTES)
        command.integer(5, 0, 1, default=0)
        # This network carries no ICMP, so every ping times out: one line for all, after an empty one (real log).
        self._modem.ue.connect(lambda ok: None)
        return Reply(after=lambda: self._modem.later(timeout_s, self._modem.urc, f"+QPING: {_TIMEOUT}", True))
