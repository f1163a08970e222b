"""Forms of TS 27.007 in Boudica's firmware: bare hexadecimal, no spaces, results before they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc95 import Module


class Layouts(Standard):
    """Handlers bound to one modem."""

    space = ""
    clock_quoted = False
    function_modes = "(0,1)"
    function_levels = (0, 1)

    def __init__(self, modem: Module) -> None:
        super().__init__(modem)
        self._module = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {**super().handlers(), "+CFUN": self._function, "+CGATT": self._attach, "+COPS": self._operator}

    # Identity

    def ati(self, command: Command) -> Reply:
        """ATI: `Quectel` without `_Ltd`, and no space behind `Revision:` (BC28-CNV)."""
        identity = self.modem.config.identity
        model = identity.model.removeprefix("Quectel_")
        return Reply(self.modem.faults.identity or [identity.manufacturer, model, f"Revision:{identity.revision}"])

    def cgsn(self, command: Command) -> Reply:
        """AT+CGSN: the product's serial number; =1 the IMEI, bare."""
        identity = self.modem.config.identity
        if command.op == "test":
            return Reply([self.line("+CGSN", "(0,1,2,3)")])
        kind = command.integer(0, 0, 3, default=0)
        if command.op == "action" or kind == 0:
            return Reply([identity.serial_number])
        return Reply([self.line("+CGSN", (identity.imei, identity.imeisv, identity.svn)[kind - 1])])

    # Registration

    def registration_fields(self, name: str, n: int, unsolicited: bool) -> list[object]:
        """Zeros where there is no cell; from n=3 two fields of cause, from n=4 the timers, all bare."""
        if n < 2:
            return []
        ue, cell = self.modem.ue, self.modem.network.config.cell
        where: list[object] = [cell.tac.rjust(4, "0"), cell.ci.rjust(8, "0")] if ue.registered else ["0000", "0" * 8]
        fields: list[object] = [*where, 9]
        if n >= 3:
            fields += [0, ue.cause] if n in (3, 5) and ue.cause is not None else [None, None]
        if n >= 4:
            fields += [ue.grant.t3324, ue.grant.t3412]
        return fields

    def card_ready(self) -> None:
        """Nothing is said of the card."""

    def switch_on(self, from_minimum: bool | None = None) -> None:
        """By itself only with AUTOCONNECT; else AT+CGATT=1 or AT+COPS begins."""
        if self.modem.settings.nvram["NCONFIG"]["AUTOCONNECT"] == "TRUE":
            super().switch_on(from_minimum)
        elif from_minimum:
            self.modem.sim.power_up()

    def _function(self, command: Command) -> Reply | None:
        """AT+CFUN=1 tells of the registration before its OK (BC68 log)."""
        nvram = self.modem.settings.nvram
        if command.op != "set" or not command.args or command.args[0].text != "1" or nvram["CFUN"] == 1:
            return self._cfun(command)
        nvram["CFUN"] = 1

        def done() -> None:
            if nvram["CEREG"]:
                self.modem.urc(self.registration_line(unsolicited=True))
            self.modem.complete(Reply(after=lambda: self.switch_on(True)))

        self.modem.later(self.modem.config.timing.cfun_s.value, done)
        return None

    def _attach(self, command: Command) -> Reply | None:
        """AT+CGATT answers at once; +CEREG tells the rest."""
        if command.op != "set":
            return self._cgatt(command)
        wanted = command.integer(0, 0, 1)
        if self.modem.settings.nvram["CFUN"] != 1:
            raise SyntaxFault
        if not wanted:
            return Reply(after=self.modem.ue.stop)
        return Reply(after=self.register_if_possible)

    def operator_fields(self) -> list[object]:
        """Number only, without AcT."""
        return [2, f'"{self.operator_name()}"']

    def operators_found(self) -> str:
        """One network, its names empty."""
        return f'({2 if self.modem.ue.registered else 1},,,"{self.modem.network.config.cell.plmn}")'

    def _operator(self, command: Command) -> Reply | None:
        """AT+COPS=1 answers at once; a network that is not there is searched for in vain."""
        if command.op != "set":
            return self._cops(command)
        nvram, mode = self.modem.settings.nvram, command.integer(0, 0, 2)
        oper = command.string(2, 6, default="")
        if nvram["CFUN"] != 1 or (mode == 1 and not oper):
            raise SyntaxFault
        nvram["COPS"] = {"mode": mode, "oper": oper}
        if mode == 2 or (mode == 1 and oper != self.modem.network.config.cell.plmn):
            return Reply(after=self.modem.ue.stop)
        return Reply(after=self.register_if_possible)

    # Power saving, bearer, signal

    def psm_fields(self, psm: dict[str, Any]) -> list[object]:
        """Timers bare."""
        return [psm["mode"], None, None, psm["t3412"], psm["t3324"]]

    def edrx_fields(self) -> str:
        """AcT-type, asked, granted, PTW; `0` where there is none."""
        return super().edrx_fields()

    def address_line(self, cid: int) -> str:
        """Bare address; a context that is not there ends behind its number."""
        ip = self.modem.ue.grant.ip if self.modem.ue.registered else ""
        return self.line("+CGPADDR", cid, *([ip] if cid in (0, 1) and ip else []))

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        """Eleven fields, most of them empty (BC95 log)."""
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', None, 0, 0, None, None, None, None, 0)

    def cgcontrdp(self, command: Command) -> Reply:
        """cid, bearer, APN and address."""
        ue = self.modem.ue
        if command.op == "test":
            return Reply([self.line("+CGCONTRDP", "(0)")])
        if not ue.registered or not ue.grant.ip:
            return Reply()
        return Reply([self.line("+CGCONTRDP", 0, None, f'"{self.modem.network.config.apn}"')])

    def _csq(self, command: Command) -> Reply:
        """Error rate 99: not known in this radio."""
        reply = super()._csq(command)
        reply.lines = [line.removesuffix(",0") + ",99" if line.endswith(",0") else line for line in reply.lines]
        return reply
