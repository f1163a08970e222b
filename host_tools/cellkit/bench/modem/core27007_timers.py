"""Power saving in TS 27.007: what is asked of the network (CPSMS, CEDRXS) and what it grants (CEDRXRDP)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault
from cellkit.bench.network import Request

if TYPE_CHECKING:
    from cellkit.bench.modem.modem import Modem

_ACT_NB_S1 = 9
_CEDRXS_ACT = 5  # E-UTRAN, NB-S1 mode
PSM_FACTORY = {"mode": 0, "t3412": "01000001", "t3324": "00000101"}
EDRX_FACTORY = {"mode": 0, "cycle": "0011"}


class Timers:
    """Handlers bound to one modem, and the form of lines. Layouts are methods, for families that have others."""

    space = " "
    """Behind the colon of an information line."""
    def __init__(self, modem: Modem) -> None:
        self._modem = modem

    @property
    def act(self) -> int | None:
        """AcT of the serving cell in registration and operator lines; None: no such field."""
        return _ACT_NB_S1

    @property
    def edrx_act(self) -> int:
        """AcT-type of the eDRX commands."""
        return _CEDRXS_ACT

    def line(self, name: str, *fields: object) -> str:
        """`+NAME: a,b`, with the family's space; None is an empty field."""
        return f"{name}:{self.space}" + ",".join("" if field is None else str(field) for field in fields)

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+CPSMS": self._cpsms, "+CEDRXS": self._cedrxs, "+CEDRXRDP": self._cedrxrdp}

    def _flag(self, command: Command, key: str, high: int, test: str) -> Reply:
        if command.op == "test":
            return Reply([self.line(f"+{key}", test)])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        self._modem.settings.nvram[key] = command.integer(0, 0, high)
        return Reply()

    def request(self) -> Request:
        """What the settings make the device ask of the network."""
        psm, edrx = self._modem.settings.nvram["CPSMS"], self._modem.settings.nvram["CEDRXS"]
        request = Request()
        if psm["mode"] == 1:
            request.t3324, request.t3412 = psm["t3324"], psm["t3412"]
        if edrx["mode"] in (1, 2):
            request.edrx = edrx["cycle"]
        return request

    def request_changed(self) -> None:
        """Settings of power saving changed: the next request carries them, and one is sent if they differ."""
        request = self.request()
        if request != self._modem.ue.request:
            self._modem.ue.request = request
            self._modem.ue.renew()

    def _cpsms(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            bits = '("00000000"-"11111111")'
            return Reply([self.line("+CPSMS", "(0-2)", None, None, bits, bits)])
        if command.op == "read":
            return Reply([self.line("+CPSMS", *self.psm_fields(nvram["CPSMS"]))])
        mode = command.integer(0, 0, 2)
        if command.op != "set" or command.given(1) or command.given(2) or len(command.args) > 5:
            raise SyntaxFault
        tau, active = command.bits(3, 8), command.bits(4, 8)
        if mode == 2:
            nvram["CPSMS"] = dict(PSM_FACTORY)
        else:
            old = nvram["CPSMS"]
            nvram["CPSMS"] = {"mode": mode, "t3412": tau or old["t3412"], "t3324": active or old["t3324"]}
        return Reply(after=self.request_changed)

    def psm_fields(self, psm: dict[str, Any]) -> list[object]:
        """AT+CPSMS?: mode and the timers asked for."""
        return [psm["mode"], None, None, f'"{psm["t3412"]}"', f'"{psm["t3324"]}"']

    def _cedrxs(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply([self.line("+CEDRXS", "(0-3)", f"({self.edrx_act})", '("0000"-"1111")')])
        if command.op == "read":
            return Reply([self.line("+CEDRXS", self.edrx_act, f'"{nvram["CEDRXS"]["cycle"]}"')])
        mode = command.integer(0, 0, 3)
        command.integer(1, self.edrx_act, self.edrx_act, default=self.edrx_act)
        if command.op != "set" or len(command.args) > 3:
            raise SyntaxFault
        self.set_edrx(mode, command.bits(2, 4))
        return Reply(after=self.request_changed)

    def set_edrx(self, mode: int, cycle: str | None) -> None:
        """Store a request for eDRX; mode 3 goes back to the factory's, no cycle keeps the one before."""
        nvram = self._modem.settings.nvram
        if mode == 3:
            nvram["CEDRXS"] = dict(EDRX_FACTORY)
        else:
            nvram["CEDRXS"] = {"mode": mode, "cycle": cycle or nvram["CEDRXS"]["cycle"]}

    def edrx_fields(self) -> str:
        """AcT-type with requested cycle, granted cycle and PTW, or `0` where the network uses no eDRX."""
        grant = self._modem.ue.grant
        if not self._modem.ue.registered or grant.edrx is None:
            return "0"
        asked = self._modem.settings.nvram["CEDRXS"]["cycle"]
        return f'{self.edrx_act},"{asked}","{grant.edrx}","{grant.ptw}"'

    def _cedrxrdp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op != "action":
            raise SyntaxFault
        return Reply([self.line("+CEDRXRDP", self.edrx_fields())])
