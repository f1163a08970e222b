"""AT+CNACT, CNCFG, CGNAPN: the applications' bearers. SIM7000 has one, and no index in its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_CONTEXTS = 4


class BearerCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.active: set[int] = set()
        modem.at_reset.append(self.active.clear)

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+CNACT": self._cnact, "+CNCFG": self._cncfg, "+CGNAPN": self._cgnapn}

    def lost(self) -> None:
        """Detached: each that was up is told of."""
        for number in sorted(self.active):
            self._tell(number, False)

    def _tell(self, number: int, up: bool) -> None:
        (self.active.add if up else self.active.discard)(number)
        index = "" if self._modem.old else f"{number},"
        self._modem.urc(f"+APP PDP: {index}{'ACTIVE' if up else 'DEACTIVE'}")

    def address(self, number: int) -> str:
        """Of a context, 0.0.0.0 where it is down."""
        return self._modem.ue.grant.ip if number in self.active else "0.0.0.0"

    def _cnact(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(['+CNACT: (0-2),"apn"'] if modem.old else ["+CNACT: (0-3),(0-2)"])
        if command.op == "read":
            if modem.old:
                return Reply([f'+CNACT: {int(0 in self.active)},"{self.address(0)}"'])
            return Reply([f'+CNACT: {number},{int(number in self.active)},"{self.address(number)}"'
                          for number in range(_CONTEXTS)])  # fmt: skip
        number = 0 if modem.old else command.integer(0, 0, _CONTEXTS - 1)
        wanted = command.integer(0 if modem.old else 1, 0, 2)
        if bool(wanted) == (number in self.active):
            raise MeFault(_NOT_ALLOWED)
        if wanted and not (modem.ue.registered and modem.ue.grant.ip):
            raise MeFault(_NOT_ALLOWED)
        if not wanted:
            return Reply(after=lambda: modem.later(0.3, self._tell, number, False))
        return Reply(after=lambda: modem.later(0.6, self._tell, number, True))

    def _cncfg(self, command: Command) -> Reply:
        pdp = self._modem.settings.nvram["PDP"]
        if command.op == "test":
            return Reply(["+CNCFG: (0-3),(0-3),150,32,32,(0-3)"])
        if command.op == "read":
            return Reply(["+CNCFG: " + pdp.get(number, f'{number},0,"","","",0') for number in range(_CONTEXTS)])
        if command.op != "set":
            raise SyntaxFault
        number, kind = command.integer(0, 0, _CONTEXTS - 1), command.integer(1, 0, 3)
        texts = ",".join(f'"{command.string(at, 150, default="")}"' for at in (2, 3, 4))
        pdp[number] = f"{number},{kind},{texts},{command.integer(5, 0, 3, default=0)}"
        return Reply()

    def _cgnapn(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CGNAPN: (0,1),(0-100)"])
        if not modem.ue.registered:
            return Reply(['+CGNAPN: 0,""'])
        return Reply([f'+CGNAPN: 1,"{modem.network.config.apn}"'])
