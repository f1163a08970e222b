"""What the SIM7020 has otherwise than the standard's usual forms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7020 import Module

_NOT_GRANTED = '"11100000"'


class Standard7020(Standard):
    """An extra field behind AcT, timers of 11100000 where none are granted, a clock without quotes."""

    clock_quoted = False
    clock_factory = datetime(2000, 1, 1, tzinfo=UTC)
    modem: Module

    def handlers(self) -> dict[str, Handler]:
        """A card that says when it loses its power."""
        return {**super().handlers(), "+CFUN": self._function, "+CPIN": self._card}

    def registration_line(self, name: str = "CEREG", unsolicited: bool = False) -> str:
        """The manual prints another prefix in places."""
        line = super().registration_line(name, unsolicited)
        return line.replace("+CEREG", f"+{self.modem.variant['CEREG']}")

    def registration_fields(self, name: str, n: int, unsolicited: bool) -> list[object]:
        """`9,"00",cause type,cause,active time,TAU`."""
        ue = self.modem.ue
        if n < 2 or not (ue.registered or (ue.stat is Stat.DENIED and ue.cause is not None)):
            return []
        fields = self.cell_fields(name)
        if name != "CEREG" or n == 2:
            return fields
        cause: list[object] = [0, ue.cause] if n in (3, 5) and ue.cause is not None else [None, None]
        times = [f'"{ue.grant.t3324}"' if ue.grant.t3324 else _NOT_GRANTED,
                 f'"{ue.grant.t3412}"' if ue.grant.t3412 else _NOT_GRANTED]  # fmt: skip
        return [*fields, '"00"', *cause, *times] if n >= 4 else [*fields, '"00"', *cause]

    def registration_modes(self, name: str) -> str:
        """All three alike."""
        return "(0-5)"

    def cereg(self, command: Command) -> Reply:
        """With the prefix that this firmware prints."""
        reply = super().cereg(command)
        reply.lines = [line.replace("+CEREG", f"+{self.modem.variant['CEREG']}") for line in reply.lines]
        return reply

    def cgact(self, command: Command) -> Reply:
        """A deactivation ends with NO CARRIER."""
        reply = super().cgact(command)
        if command.op == "set" and not command.integer(0, 0, 1):
            reply.final = "NO CARRIER"
        return reply

    def _cpsms(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CPSMS: (0-2),,,("00000000"-"11011111"),("00000000"-"11111111")'])
        if command.op == "read" and not self.modem.settings.nvram["CPSMS"]["mode"]:
            return Reply(["+CPSMS: 0"])
        return super()._cpsms(command)

    def _card(self, command: Command) -> Reply | None:
        return super().handlers()["+CPIN"](command)

    def _function(self, command: Command) -> Reply | None:
        modem, before = self.modem, self.modem.settings.nvram["CFUN"]
        if command.op == "test":
            return Reply(["+CFUN: (0,1,4),(0,1)"])
        reply = super().handlers()["+CFUN"](command)
        if command.op == "set" and before == 1 and modem.settings.nvram["CFUN"] == 0 and modem.sim.present:
            wait_s = modem.config.timing.cfun_s.value / 2
            modem.later(wait_s, modem.urc, "+CPIN: NOT READY")  # before the OK
        return reply
