"""Commands of 3GPP TS 27.007 that many families share in form: registration, timers, function, card, signal.

Where forms differ by module they are those of the BC660K-GL AT Commands Manual V1.4 and of real logs of that module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.core27007_timers import EDRX_FACTORY, PSM_FACTORY, Timers
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.modem import Modem

_NOT_ALLOWED, _NO_SERVICE = 3, 30
_CGATT_LIMIT_S = 70.0  # AT manual, CGATT: maximum response time
CORE_NVRAM = {
    "E": 1,
    "CEREG": 0,
    "CSCON": 0,
    "CMEE": 1,
    "CFUN": 1,
    "CPSMS": PSM_FACTORY,
    "CEDRXS": EDRX_FACTORY,
    "COPS": {"mode": 0, "oper": ""},
    "CGDCONT": {},
}


def number_setting(modem: Modem, name: str, low: int, high: int) -> Handler:
    """Handler of a command that is one number in NVRAM: test, read and set."""

    def handler(command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"{name}: ({low}-{high})"])
        key = name.lstrip("+")
        if command.op == "read":
            return Reply([f"{name}: {modem.settings.nvram[key]}"])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        modem.settings.nvram[key] = command.integer(0, low, high)
        return Reply()

    return handler


class Core27007(Timers):
    """Handlers bound to one modem. Layouts are methods, for families that have others."""

    function_modes = "(0,1,4,),(0,1)"
    """What AT+CFUN=? lists."""
    function_levels: tuple[int, ...] = (0, 1, 4)
    """What AT+CFUN takes; all but 1 are without radio."""

    def __init__(self, modem: Modem) -> None:
        super().__init__(modem)
        self._attaching = False
        self._attach_attempt = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **super().handlers(),
            "E": self._echo,
            "+CEREG": self._cereg,
            "+CSCON": self._cscon,
            "+CMEE": number_setting(self._modem, "+CMEE", 0, 2),
            "+CFUN": self._cfun,
            "+CGATT": self._cgatt,
            "+COPS": self._cops,
            "+CPIN": self._cpin,
            "+CPINR": self._cpinr,
            "+CIMI": self._cimi,
            "+CSQ": self._csq,
            "+CESQ": self._cesq,
        }

    # Registration

    def registration_line(self, name: str = "CEREG", unsolicited: bool = False) -> str:
        """+CEREG in the form that <n> asks for; cause fields stay empty where there is no cause."""
        modem = self._modem
        n, ue, cell = modem.settings.nvram[name], modem.ue, modem.network.config.cell
        fields = [str(int(ue.stat))] if unsolicited else [str(n), str(int(ue.stat))]
        camped = ue.registered or (ue.stat is Stat.DENIED and ue.cause is not None)
        if n >= 2 and camped:
            fields += [f'"{cell.tac}"', f'"{cell.ci}"', str(self.act)]
            cause = ["0", str(ue.cause)] if n in (3, 5) and ue.cause is not None else ["", ""]
            times = [ue.grant.t3324, ue.grant.t3412] if n >= 4 else [None, None]
            if any(times):
                fields += cause + ["" if bits is None else f'"{bits}"' for bits in times]
            elif any(cause):
                fields += cause
        return f"+{name}: " + ",".join(fields)

    def _cereg(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([self.registration_line()])
        return self._flag(command, "CEREG", 5, "(0-5)")

    def _cscon(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([self.line("+CSCON", self._modem.settings.nvram["CSCON"], int(self._modem.ue.connected))])
        return self._flag(command, "CSCON", 1, "(0,1)")

    def _echo(self, command: Command) -> Reply:
        self._modem.settings.nvram["E"] = command.integer(0, 0, 1, default=0)
        return Reply()

    # Function

    def _cfun(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply([self.line("+CFUN", self.function_modes)])
        if command.op == "read":
            return Reply([self.line("+CFUN", modem.settings.nvram["CFUN"])])
        level, restart = command.integer(0, 0, 129), command.integer(1, 0, 1, default=0)
        if command.op != "set" or level not in self.function_levels:
            raise SyntaxFault
        before = modem.settings.nvram["CFUN"]
        modem.settings.nvram["CFUN"] = level
        if restart:
            return Reply(after=lambda: modem.reset("AT+CFUN"))
        if level == before:
            return Reply()
        wait_s = modem.config.timing.cfun_s.value
        if level == 1:
            modem.later(wait_s, modem.complete, Reply(after=lambda: self.switch_on(from_minimum=before == 0)))
        else:
            if modem.ue.registered:
                wait_s += modem.network.radio.network.detach_s.value
            modem.ue.stop()
            modem.later(wait_s, modem.complete, Reply())
        return None

    def switch_on(self, from_minimum: bool) -> None:
        """Full functionality: power up the card, say what it asks for, and register if it may be used."""
        modem = self._modem
        if from_minimum:
            modem.sim.power_up()
        if modem.sim.present:
            modem.urc(self.line("+CPIN", modem.sim.state))
        self.register_if_possible()

    def register_if_possible(self) -> None:
        """Start the radio unless function level, card or a manual deregistration forbid it."""
        modem = self._modem
        if modem.settings.nvram["CFUN"] == 1 and modem.sim.ready and modem.settings.nvram["COPS"]["mode"] != 2:
            modem.ue.data_inactivity_s = modem.settings.nvram.get("DataInactTimer", modem.ue.data_inactivity_s)
            modem.ue.request = self.request()
            modem.ue.start()

    def _cgatt(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply([self.line("+CGATT", "(0,1)")])
        if command.op == "read":
            return Reply([self.line("+CGATT", int(modem.ue.registered))])
        if command.op != "set":
            raise SyntaxFault
        wanted = command.integer(0, 0, 1)
        if wanted == modem.ue.registered:
            return Reply()
        modem.sim.require_ready()
        if modem.settings.nvram["CFUN"] != 1:
            raise MeFault(_NOT_ALLOWED)
        if not wanted:
            modem.ue.stop()
            modem.later(modem.network.radio.network.detach_s.value, modem.complete, Reply())
        else:
            self._attaching = True
            self._attach_attempt += 1
            modem.later(_CGATT_LIMIT_S, self._attach_too_long, self._attach_attempt)
            modem.ue.request = self.request()
            modem.ue.start()
        return None

    def attach_progressed(self) -> None:
        """Registration changed: an AT+CGATT=1 that waits for it may end."""
        if self._attaching and self._modem.ue.registered:
            self._attach_ended(True)
        elif self._attaching and self._modem.ue.stat is Stat.DENIED:
            self._attach_ended(False)

    def _attach_too_long(self, attempt: int) -> None:
        if attempt == self._attach_attempt:
            self._attach_ended(False)

    def _attach_ended(self, attached: bool) -> None:
        if self._attaching:
            self._attaching = False
            if attached:
                self._modem.complete(Reply())
            else:
                self._modem.fail(MeFault(_NO_SERVICE))

    def _cops(self, command: Command) -> Reply | None:
        modem = self._modem
        chosen, cell = modem.settings.nvram["COPS"], modem.network.config.cell
        if command.op == "test":
            found = self.operators_found() if modem.ue.covered else ""
            line = self.line("+COPS", found, None, "(0-4)", "(0-2)")
            modem.later(modem.network.radio.network.operators_s.value, modem.complete, Reply([line]))
            return None
        if command.op == "read":
            return Reply([self.line("+COPS", chosen["mode"], *(self.operator_fields() if modem.ue.registered else []))])
        mode = command.integer(0, 0, 4)
        if command.op != "set" or (mode in (1, 4) and not command.given(2)):
            raise SyntaxFault
        if mode == 3:
            modem.settings.ram["COPS format"] = command.integer(1, 0, 2, default=2)
            return Reply()
        modem.sim.require_ready()
        if modem.ue.connected:
            raise MeFault(_NOT_ALLOWED)  # AT manual, COPS note 2: only when idle or deregistered
        oper = command.string(2, 6, default="")
        if mode == 1 and oper != cell.plmn:
            raise MeFault(_NO_SERVICE)
        modem.settings.nvram["COPS"] = {"mode": mode, "oper": oper}
        if mode == 2:
            modem.ue.stop()
        else:
            self.register_if_possible()
        return Reply()

    def operator_name(self) -> str:
        """The operator in the format that COPS=3 has chosen; a test network has no name but its number."""
        return str(self._modem.network.config.cell.plmn)

    def operators_found(self) -> str:
        """The list of AT+COPS=?."""
        state = 2 if self._modem.ue.registered else 1
        return f'({state},"","","{self._modem.network.config.cell.plmn}",{self.act})'

    def operator_fields(self) -> list[object]:
        """AT+COPS? behind the mode, where it is registered."""
        form = self._modem.settings.ram.get("COPS format", 2)
        return [form, f'"{self.operator_name()}"', *([] if self.act is None else [self.act])]

    # Card

    def _cpin(self, command: Command) -> Reply:
        sim = self._modem.sim
        if command.op == "test":
            return Reply()
        if self._modem.settings.nvram["CFUN"] == 0:
            raise MeFault(_NOT_ALLOWED)  # the card has no power at minimum functionality
        if command.op == "read":
            return Reply([self.line("+CPIN", sim.state)])
        if command.op != "set" or not 1 <= len(command.args) <= 2:
            raise SyntaxFault
        codes = [arg.text for arg in command.args]
        if not all(re.fullmatch(r"[0-9]{4,8}", code) for code in codes):
            raise SyntaxFault
        sim.enter(codes[0], codes[1] if len(codes) > 1 else None)
        return Reply(after=lambda: self.switch_on(from_minimum=False))

    def _cpinr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        sim = self._modem.sim
        if not sim.present:
            raise MeFault(10)
        counts = {"SIM PIN": (sim.pin_tries, 3), "SIM PUK": (sim.puk_tries, 10)}
        wanted = command.string(0, 7, default="")
        if wanted and wanted not in counts:
            raise SyntaxFault
        return Reply(
            [self.line("+CPINR", *self.tries_fields(code, *counts[code])) for code in counts if wanted in ("", code)]
        )

    def tries_fields(self, code: str, left: int, full: int) -> list[object]:
        """AT+CPINR of one code."""
        return [f'"{code}"', left, full]

    def _cimi(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply([self._modem.sim.imsi])

    # Signal and address

    def _csq(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CSQ", "(0-31,99)", "(0-7,99)")])
        if self._modem.faults.no_signal or not self._modem.ue.covered or not self._modem.ue.on:
            return Reply([self.line("+CSQ", 99, 99)])
        step = (self._modem.network.config.cell.rssi_dbm + 113) // 2
        return Reply([self.line("+CSQ", min(max(step, 0), 31), 0)])

    def _cesq(self, command: Command) -> Reply:
        if command.op == "test":
            ranges = ("(0-63,99)", "(0-7,99)", "(0-96,255)", "(0-49,255)", "(0-34,255)", "(0-97,255)")
            return Reply([self.line("+CESQ", *ranges)])
        if not self._modem.ue.covered or not self._modem.ue.on:
            return Reply([self.line("+CESQ", 99, 99, 255, 255, 255, 255)])
        cell = self._modem.network.config.cell
        rsrq = min(max(int((cell.rsrq_db + 20) * 2), 0), 34)
        rsrp = min(max(cell.rsrp_dbm + 141, 0), 97)
        return Reply([self.line("+CESQ", 99, 99, 255, 255, rsrq, rsrp)])
