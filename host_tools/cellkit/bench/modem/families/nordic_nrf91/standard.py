"""27.007 as the nRF91's modem firmware has it. Source: nRF91 AT reference, a driver's traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from cellkit.bench.modem.families._clients.standard import ClientsStandard
from cellkit.bench.modem.family import Reply
from cellkit.bench.modem.v250 import Arg, Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_LEVELS = (0, 1, 4, 20, 21, 30, 31, 40, 41, 44)
_NO_CARD_STAT = 90
_OFF = (0, 4)
FLIGHT = 4
_GNSS = 31
_NOT_ALLOWED_ACTIVE = 518


class NordicStandard(ClientsStandard):
    """CFUN with its events behind the OK, a quoted or empty CPSMS, stat 90, contexts from 0."""

    function_modes = "(0,1,4,20,21,30,31,40,41,44)"

    @property
    def _nordic(self) -> Module:
        return cast("Module", self.modem)

    def handlers(self) -> dict[str, object]:  # type: ignore[override]
        """CMEE has no words."""
        return {
            **super().handlers(), "+CMEE": lambda command: self.number(command, "CMEE", 0, 1),
            "+CSCON": self._cscon, "+CEINFO": self._ceinfo, "+CEMODE": self._cemode,
        }  # fmt: skip

    def _cemode(self, command: Command) -> Reply:
        return Reply([self.line("+CEMODE", 2)] if command.op == "read" else [])

    def _cscon(self, command: Command) -> Reply:
        nvram = self.modem.settings.nvram
        if command.op == "test":
            return Reply([self.line("+CSCON", "(0-3)")])
        if command.op == "read":
            return Reply([self.line("+CSCON", nvram["CSCON"], int(self.modem.ue.connected))])
        nvram["CSCON"] = command.integer(0, 0, 3)
        return Reply()

    # Function

    def _cfun(self, command: Command) -> Reply | None:
        modem, nvram = self._nordic, self.modem.settings.nvram
        if command.op in ("test", "read"):
            return super()._cfun(command)
        level, before = command.integer(0, 0, 99), nvram["CFUN"]
        if command.op != "set" or level not in _LEVELS:
            raise SyntaxFault
        if level == _GNSS and not nvram["XSYSTEMMODE"][2]:
            raise MeFault(_NOT_ALLOWED_ACTIVE)
        if level in (0, 1, 4):
            nvram["CFUN"] = level
        if level == 0:
            modem.store_profile()
        if level in (0, 4, 20):
            return Reply(after=lambda: self._stopped(level)) if before == 1 or modem.ue.on else Reply()
        if level in (1, 21) and before != 1:
            nvram["CFUN"] = 1
            return Reply(after=self._started)
        if level == _GNSS:
            modem.gnss_part.active = True
        return Reply()

    def _started(self) -> None:
        modem, nvram = self._nordic, self.modem.settings.nvram
        if nvram["XMODEMSLEEP"] is not None:
            modem.urc("%XMODEMSLEEP: 4,0")
        modem.later(modem.config.timing.cfun_s.value, self._switched)

    def _switched(self) -> None:
        if self.modem.settings.nvram["XSIM"]:
            self.modem.urc(f"%XSIM: {int(self.modem.sim.present)}")
        self.switch_on(True)
        if not self.modem.sim.present:
            self.modem.registration_changed()

    def _stopped(self, level: int) -> None:
        """The radio goes off behind the OK, event by event."""
        modem, nvram = self._nordic, self.modem.settings.nvram
        events, connected, registered = modem.settings.ram["CGEREP"][0], modem.ue.connected, modem.ue.registered
        if events and registered:
            modem.urc(f"+CGEV: ME PDN DEACT {modem.cid}")
        modem.ue.stop()
        if events and registered:
            modem.urc("+CGEV: ME DETACH")
        if nvram["CSCON"] and connected:
            modem.urc("+CSCON: 0")
        modem.cloud_part.bearer(False)
        if level == 0:
            modem.cloud_part.switched_off()
        if nvram["XSIM"]:
            modem.urc("%XSIM: 0")
        if nvram["XMODEMSLEEP"] is not None:
            modem.urc("%XMODEMSLEEP: 4")

    def card_ready(self) -> None:
        """%XSIM tells of the card."""

    # Registration and bearer

    def registration_line(self, name: str = "CEREG", unsolicited: bool = False) -> str:
        if self.modem.sim.present or self.modem.settings.nvram["CFUN"] != 1:
            return super().registration_line(name, unsolicited)
        n = self.modem.settings.nvram[name]
        return self.line(f"+{name}", *([] if unsolicited else [n]), _NO_CARD_STAT)

    def _cgdcont(self, command: Command) -> Reply:
        if command.op == "read" and not self.modem.ue.grant.ip and not self.modem.settings.nvram["CGDCONT"]:
            return Reply()
        return super()._cgdcont(command)

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        shown = ip if cid == self.modem.cid else ""
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown}"', 0, 0)

    def cgcontrdp(self, command: Command) -> Reply:
        ue = self.modem.ue
        if command.op == "test" or not ue.grant.ip:
            return Reply()
        apn = f'"{self.modem.network.config.apn}"'
        dns = ['""', '""', '"10.0.0.1"', '"10.0.0.2"', None, None, None, None, 1500]
        return Reply([self.line("+CGCONTRDP", self.modem.cid, None, apn, *dns)])

    def _ceinfo(self, command: Command) -> Reply:
        cell = self.modem.network.config.cell
        if command.op == "test":
            return Reply([self.line("+CEINFO", "(0-1)")])
        if command.op == "set":
            return Reply()
        state = "C" if self.modem.ue.connected else "I"
        return Reply([self.line("+CEINFO", 0, 1, state, 8, 1 << cell.ecl, cell.rsrp_dbm, cell.sinr_db)])

    # Power saving

    def _cpsms(self, command: Command) -> Reply:
        if command.op == "set" and not command.given(0):
            return super()._cpsms(Command("+CPSMS", "set", "2", [Arg("2", False)]))
        if command.op == "set":
            if command.integer(0, 0, 1) == 0:
                return super()._cpsms(Command("+CPSMS", "set", "0", [Arg("0", False)]))
            args = [Arg("", False) if arg.text == "" else arg for arg in command.args]
            return super()._cpsms(Command("+CPSMS", "set", command.raw, args))
        if command.op == "test":
            bits = '("00000000"-"11111111")'
            return Reply([self.line("+CPSMS", "(0-1)", None, None, bits, bits)])
        return super()._cpsms(command)

    def _cedrxs(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CEDRXS", "(0-3)", "(4-5)", '("0000"-"1111")')])
        if command.op == "set" and not command.given(0):
            return super()._cedrxs(Command("+CEDRXS", "set", "3", [Arg("3", False)]))
        other = command.op == "set" and command.given(1) and command.integer(1, 4, 5) != self.edrx_act
        return Reply() if other else super()._cedrxs(command)
