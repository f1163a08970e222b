"""What SIM7080 and SIM7000 have otherwise than the standard's usual forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench import timers
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault
from cellkit.bench.network import Request

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_OFFLINE, _RESET = 7, 6


class Standard7080(Standard):
    """Cells without leading zeros, eDRX for two radios, more function levels."""

    modem: Module

    def handlers(self) -> dict[str, Handler]:
        """More of CFUN and CEDRXS."""
        return {**super().handlers(), "+CFUN": self._function, "+CEDRXS": self._edrx, "I": self._ati, "+GSV": self._gsv,
                "+CGMR": self._revision, "+GMR": self._revision}  # fmt: skip

    def _ati(self, command: Command) -> Reply:
        return self.told(command, self.modem.config.identity.more["ati"])

    def _gsv(self, command: Command) -> Reply:
        identity = self.modem.config.identity
        return self.told(command, identity.manufacturer, identity.model, f"Revision: {identity.revision}")

    def _revision(self, command: Command) -> Reply:
        return self.told(command, f"Revision:{self.modem.config.identity.revision}")

    def cell_fields(self, name: str) -> list[object]:
        """A cell's identity is not padded."""
        cell = self.modem.network.config.cell
        return [f'"{cell.tac}"', f'"{cell.ci.lstrip("0")}"', self.modem.act]

    def registration_modes(self, name: str) -> str:
        """No causes."""
        return "(0-2,4)" if name != "CREG" else "(0-2)"

    def address_line(self, cid: int) -> str:
        """Without quotes."""
        ip = self.modem.ue.grant.ip
        return self.line("+CGPADDR", cid, *([ip] if cid == self.modem.cid and ip else []))

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        """SIM7000 has one more zero."""
        shown = ip if cid == self.modem.cid and ip else "0.0.0.0"
        zeros = 4 if self.modem.variant.get("four zeros", self.modem.old) else 3
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown}"', *[0] * zeros)

    def card_ready(self) -> None:
        """The card has power again."""
        if not self.modem.muted("SIMCARD"):
            super().card_ready()

    def request(self) -> Request:
        """SIM7000: CPSMS takes effect after a restart (low-power note)."""
        request = super().request()
        if request.edrx is not None and timers.decode_edrx(request.edrx) is None:
            request.edrx = "0010"  # in NB-S1 mode the network reads all other codes as 20.48 s (TS 24.008 10.5.5.32)
        psm = self.modem.settings.at_boot["CPSMS"]
        if self.modem.old:
            wanted = psm["mode"] == 1
            request.t3324, request.t3412 = (psm["t3324"], psm["t3412"]) if wanted else (None, None)
        return request

    def _function(self, command: Command) -> Reply | None:
        modem = self.modem
        if command.op == "test":
            return Reply(["+CFUN: (0-1,4-7),(0-1)"])
        if command.op != "set" or command.integer(0, 0, 7) < 5:
            before = modem.settings.nvram["CFUN"]
            reply = super().handlers()["+CFUN"](command)
            off = command.op == "set" and before == 1 and modem.settings.nvram["CFUN"] == 0
            if off and modem.sim.present and not modem.muted("SIMCARD"):
                modem.later(modem.config.timing.cfun_s.value / 2, modem.urc, "+CPIN: NOT READY")  # before the OK
            return reply
        level = command.integer(0, 0, 7)
        if level == _RESET:
            return Reply(after=lambda: modem.later(0.3, modem.reset, "AT+CFUN=6"))
        if level == _OFFLINE:
            modem.ue.stop()
        modem.settings.nvram["CFUN"] = level
        return Reply()

    def _cpsms(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CPSMS: (0,1),,,("00000000"-"11111111"),("00000000"-"11111111")'])
        if command.op == "set" and command.integer(0, 0, 2) == 2:
            raise SyntaxFault
        return super()._cpsms(command)

    def _edrx(self, command: Command) -> Reply:
        nvram = self.modem.settings.nvram
        if command.op == "test":
            return Reply(['+CEDRXS: (0-3),(4,5),("0000"-"1111")'])
        edrx = nvram["CEDRXS"]
        if command.op == "read":
            if not edrx["mode"]:
                raise SyntaxFault  # nothing has been set: the manual's example
            return Reply(['+CEDRXS: 4,"0001"', f'+CEDRXS: 5,"{edrx["cycle"]}"'])
        mode = command.integer(0, 0, 3)
        command.integer(1, 4, 5, default=5)
        self.set_edrx(mode, command.bits(2, 4))
        return Reply(after=self.request_changed)

    def cgact(self, command: Command) -> Reply:
        """Activating what is active is allowed."""
        if command.op == "set" and not self.modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)
        return super().cgact(command)
