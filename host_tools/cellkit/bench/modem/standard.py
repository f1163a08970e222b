"""Commands of 3GPP TS 27.007 and V.250 in their usual form, for families to inherit and change.

Below it is the BC660K-GL's core (core27007), whose forms are the standard's where that leaves no choice. Layouts are
methods (`registration_fields`, `address_line`, ...), values that differ are attributes of `PlainModem`.
"""

from __future__ import annotations

from typing import Any

from cellkit.bench.modem.core27007 import CORE_NVRAM
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.standard_forms import Forms
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

LASTING: dict[str, Any] = {
    **CORE_NVRAM, "CREG": 0, "CGREG": 0, "CTZU": 0, "CTZR": 0, "IPR": 115200, "IFC": (0, 0), "QCGDEFCONT": ("IP", ""),
    "DataInactTimer": 60,
}  # fmt: skip
VOLATILE: dict[str, Any] = {"CCLK": None, "zone": 0, "S": {3: 13, 4: 10, 5: 8}, "CGEREP": (0, 0)}
_NOT_ALLOWED = 3


class Standard(Forms):
    """Handlers bound to one modem."""

    function_modes = "(0,1,4),(0,1)"

    @property
    def act(self) -> int | None:
        """As the family says."""
        return self.modem.act

    @property
    def edrx_act(self) -> int:
        """As the family says."""
        return self.modem.edrx_act

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **super().handlers(),
            "I": self.ati,
            "+CGMI": lambda command: self.told(command, self.modem.config.identity.manufacturer),
            "+CGMM": lambda command: self.told(command, self.modem.config.identity.model),
            "+CGMR": lambda command: self.told(command, self.modem.config.identity.revision),
            "+GMI": lambda command: self.told(command, self.modem.config.identity.manufacturer),
            "+GMM": lambda command: self.told(command, self.modem.config.identity.model),
            "+GMR": lambda command: self.told(command, self.modem.config.identity.revision),
            "+CGSN": self.cgsn,
            "+GSN": lambda command: self.told(command, self.modem.config.identity.imei),
            "+CREG": self.creg,
            "+CGREG": self.cgreg,
            "+CEREG": self.cereg,
            "+CCID": lambda command: self.told(command, self.line("+CCID", self.modem.sim.iccid)),
            "+CGPADDR": self._cgpaddr,
            "+CGDCONT": self._cgdcont,
            "+CGACT": self.cgact,
            "+CGCONTRDP": self.cgcontrdp,
            "+CLAC": self.clac,
            "+GCAP": lambda command: self.told(command, self.line("+GCAP", "+CGSM")),
            "+CPAS": lambda command: self.told(command, self.line("+CPAS", 0)),
            "+CEER": lambda command: self.told(command, self.line("+CEER", '"No cause information available"')),
            "+CGEREP": self.cgerep,
            "&W": lambda command: Reply(),
            "&F": lambda command: Reply(),
            "&C": lambda command: Reply(),
            "&D": lambda command: Reply(),
            "V": lambda command: Reply(),
            "Q": lambda command: Reply(),
            "X": lambda command: Reply(),
            "Z": lambda command: Reply(),
        }

    # Identity

    def ati(self, command: Command) -> Reply:
        """ATI."""
        identity = self.modem.config.identity
        lines = [identity.manufacturer, identity.model, f"Revision: {identity.revision}"]
        return Reply(self.modem.faults.identity or lines)

    def cgsn(self, command: Command) -> Reply:
        """AT+CGSN: bare IMEI, or by <snt>."""
        identity = self.modem.config.identity
        if command.op == "test":
            return Reply([self.line("+CGSN", "(0-3)")])
        if command.op == "action":
            return Reply([identity.imei])
        kind = command.integer(0, 0, 3, default=0)
        if kind == 0:
            return Reply([identity.serial_number])
        return Reply([self.line("+CGSN", f'"{(identity.imei, identity.imeisv, identity.svn)[kind - 1]}"')])

    # Registration

    def registration_line(self, name: str = "CEREG", unsolicited: bool = False) -> str:
        """+CREG, +CGREG or +CEREG as <n> asks for it."""
        n = self.modem.settings.nvram[name]
        stat = int(self.modem.ue.stat)
        fields: list[object] = [stat] if unsolicited else [n, stat]
        return self.line(f"+{name}", *fields, *self.registration_fields(name, n, unsolicited))

    def registration_fields(self, name: str, n: int, unsolicited: bool) -> list[object]:
        """What follows <stat>: cell from n=2, causes at 3 and 5, timers at 4 and 5 (TS 27.007 10.1.22)."""
        ue = self.modem.ue
        if n < 2 or not (ue.registered or (ue.stat is Stat.DENIED and ue.cause is not None)):
            return []
        fields = self.cell_fields(name)
        cause: list[object] = [0, ue.cause] if n in (3, 5) and ue.cause is not None else [None, None]
        times = [ue.grant.t3324, ue.grant.t3412] if n >= 4 and name == "CEREG" else [None, None]
        if any(times):
            fields += [*cause, *(None if bits is None else f'"{bits}"' for bits in times)]
        elif cause[0] is not None:
            fields += cause
        return fields

    def cell_fields(self, name: str) -> list[object]:
        """TAC, cell identity and AcT."""
        cell = self.modem.network.config.cell
        return [f'"{cell.tac}"', f'"{cell.ci}"', self.modem.act]

    def registration_modes(self, name: str) -> str:
        """What the test form lists."""
        return "(0-5)" if name == "CEREG" else "(0-2)"

    def _registration(self, command: Command, name: str) -> Reply:
        if command.op == "test":
            return Reply([self.line(f"+{name}", self.registration_modes(name))])
        if command.op == "read":
            return Reply([self.registration_line(name)])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        self.modem.settings.nvram[name] = command.integer(0, 0, 5 if name == "CEREG" else 3)
        return Reply()

    def creg(self, command: Command) -> Reply:
        """AT+CREG."""
        return self._registration(command, "CREG")

    def cgreg(self, command: Command) -> Reply:
        """AT+CGREG."""
        return self._registration(command, "CGREG")

    def cereg(self, command: Command) -> Reply:
        """AT+CEREG."""
        return self._registration(command, "CEREG")

    def switch_on(self, from_minimum: bool | None = None) -> None:
        """The radio starts where function level, card and operator choice allow it. None: at the start of the module,
        whose banner tells of the card; False: the card was unlocked."""
        if from_minimum:
            self.modem.sim.power_up()
        if from_minimum is not None and self.modem.sim.present:
            self.card_ready()
            if self.modem.sim.ready:
                self.modem.card_unlocked()
        self.register_if_possible()

    def card_ready(self) -> None:
        """The card answers after AT+CFUN=1; +CPIN by default."""
        self.modem.urc(self.line("+CPIN", self.modem.sim.state))

    def clac(self, command: Command) -> Reply:
        """AT+CLAC: all extended commands, one a line."""
        return self.told(command, *sorted(name for name in self.modem.dialect.handlers if not name[0].isalpha()))

    # Bearer

    def cgerep(self, command: Command) -> Reply:
        """AT+CGEREP: packet domain events are not told by this module; the setting is kept."""
        ram = self.modem.settings.ram
        if command.op == "test":
            return Reply([self.line("+CGEREP", "(0-2)", "(0,1)")])
        if command.op == "read":
            return Reply([self.line("+CGEREP", *ram["CGEREP"])])
        ram["CGEREP"] = (command.integer(0, 0, 2, default=0), command.integer(1, 0, 1, default=0))
        return Reply()

    def cgact(self, command: Command) -> Reply:
        """AT+CGACT: the attach bearer follows the registration; others are only noted."""
        up = bool(self.modem.ue.grant.ip) and self.modem.ue.registered
        if command.op == "test":
            return Reply([self.line("+CGACT", "(0,1)")])
        if command.op == "read":
            return Reply([self.line("+CGACT", self.modem.cid, int(up))])
        if command.op != "set":
            raise SyntaxFault
        command.integer(0, 0, 1)
        if not self.modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)
        return Reply()

    def cgcontrdp(self, command: Command) -> Reply:
        """AT+CGCONTRDP of the attach bearer."""
        ue = self.modem.ue
        if command.op == "test":
            return Reply()
        if not ue.registered or not ue.grant.ip:
            return Reply()
        apn = f'"{self.modem.network.config.apn}"'
        return Reply([self.line("+CGCONTRDP", self.modem.cid, 5, apn, f'"{ue.grant.ip}.255.255.255.0"')])

    def _cgpaddr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CGPADDR", f"({self.modem.cid})")])
        wanted = command.integer(0, 0, 16) if command.op == "set" else self.modem.cid
        return Reply([self.address_line(wanted)])

    def address_line(self, cid: int) -> str:
        """+CGPADDR."""
        ip = self.modem.ue.grant.ip
        return self.line("+CGPADDR", cid, *([f'"{ip}"'] if cid == self.modem.cid and ip else []))

    def _cgdcont(self, command: Command) -> Reply:
        nvram, ip = self.modem.settings.nvram, self.modem.ue.grant.ip
        if command.op == "test":
            return Reply([self.line("+CGDCONT", "(1-16)", '"IP"', None, None, "(0-2)", "(0-4)")])
        if command.op == "read":
            contexts = {self.modem.cid: ("IP", self.modem.network.config.apn), **nvram["CGDCONT"]}
            return Reply([self.context_line(cid, kind, apn, ip) for cid, (kind, apn) in sorted(contexts.items())])
        if command.op != "set" or not command.args:
            raise SyntaxFault
        cid = command.integer(0, 0, 16)
        if len(command.args) == 1:
            nvram["CGDCONT"].pop(cid, None)
            return Reply()
        kind = command.string(1, 7)
        if kind.upper() not in ("IP", "IPV6", "IPV4V6", "NON-IP", "NONIP", "PPP"):
            raise SyntaxFault
        nvram["CGDCONT"][cid] = (kind, command.string(2, 99, default=""))
        return Reply()

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        """+CGDCONT of one context."""
        shown = ip if cid == self.modem.cid else "0.0.0.0"
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown}"', 0, 0)
