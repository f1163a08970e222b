"""AT+UDNSRN and AT+UPING. Sources: SARA-R4 AT manual UBX-17003787 R22, driver notes (ubxlib)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._ublox.base import UbloxModem

_NOT_ALLOWED = 3
_PINGS = 4


class NameCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: UbloxModem) -> None:
        self._modem = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+UDNSRN": self._udnsrn, "+UPING": self._uping}

    def _udnsrn(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+UDNSRN: (0-1)"])
        kind, name = command.integer(0, 0, 1), command.string(1, 256)
        modem = self._modem
        if not modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)

        def found(ip: str | None) -> None:
            if ip is None:
                modem.fail(MeFault(_NOT_ALLOWED))
            else:
                modem.complete(Reply([f'+UDNSRN: "{name if kind else ip}"']))

        modem.links.lookup(name, found)
        return None

    def _uping(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+UPING: "remote_host",(1-64),(4-1472),(10-60000),(1-255)'])
        host, modem = command.string(0, 128), self._modem
        times = command.integer(1, 1, 64, default=_PINGS)
        size = command.integer(2, 4, 1472, default=32)
        if not modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)

        def found(ip: str | None) -> None:
            if ip is None or modem.faults.ping_lost:
                modem.urc("+UUPINGER: 13")
                return
            for number in range(times):
                line = f'+UUPING: {number + 1},{size},"{host}","{ip}",46,{155 + number}'
                modem.later(1.0 * number + 0.2, modem.urc, line)

        return Reply(after=lambda: modem.links.lookup(host, found))
