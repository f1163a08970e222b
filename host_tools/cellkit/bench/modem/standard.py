"""Commands of 3GPP TS 27.007 and V.250 in their usual form, for families to inherit and change.

It has the BC660K-GL's core (core27007) below it, whose forms are the standard's where that leaves no choice. Layouts are
methods (`registration_fields`, `address_line`, ...), values that differ are attributes of `PlainModem`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.core27007 import CORE_NVRAM, Core27007
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.plain import PlainModem

LASTING: dict[str, Any] = {
    **CORE_NVRAM, "CREG": 0, "CGREG": 0, "CTZU": 0, "CTZR": 0, "IPR": 115200, "IFC": (0, 0), "QCGDEFCONT": ("IP", ""),
    "DataInactTimer": 60,
}  # fmt: skip
VOLATILE: dict[str, Any] = {"CCLK": None, "zone": 0, "S": {3: 13, 4: 10, 5: 8}}
_CLOCK = re.compile(r"(\d{2}(?:\d\d)?)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?")
_QUARTER = timedelta(minutes=15)
_NOT_ALLOWED, _NOT_SUPPORTED = 3, 4


class Standard(Core27007):
    """Handlers bound to one modem."""

    space = " "
    """Behind the colon of an information line."""
    clock_factory = datetime(1980, 1, 6, tzinfo=UTC)
    clock_quoted = True

    def __init__(self, modem: PlainModem) -> None:
        super().__init__(modem)
        self.modem = modem

    def line(self, name: str, *fields: object) -> str:
        """`+NAME: a,b`, with the family's space; None is an empty field."""
        return f"{name}:{self.space}" + ",".join("" if field is None else str(field) for field in fields)

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
            "+CLCK": self.clck,
            "+CCLK": self.cclk,
            "+CTZU": lambda command: self.number(command, "CTZU", 0, 1),
            "+CTZR": lambda command: self.number(command, "CTZR", 0, 3),
            "+IPR": self.ipr,
            "+IFC": self.ifc,
            "&W": lambda command: Reply(),
            "&F": lambda command: Reply(),
            "&C": lambda command: Reply(),
            "&D": lambda command: Reply(),
            "V": lambda command: Reply(),
            "Q": lambda command: Reply(),
            "X": lambda command: Reply(),
            "Z": lambda command: Reply(),
            "S3": self.s_parameter,
            "S4": self.s_parameter,
            "S5": self.s_parameter,
        }

    # Shared forms

    def told(self, command: Command, *lines: str) -> Reply:
        """Information that is only asked for: plain, or the test form."""
        if command.op == "test":
            return Reply()
        if command.op not in ("action", "read"):
            raise SyntaxFault
        return Reply([*lines])

    def number(self, command: Command, key: str, low: int, high: int) -> Reply:
        """A setting that is one number in NVRAM under `key`: test, read and set."""
        if command.op == "test":
            return Reply([self.line(command.name, f"({low}-{high})" if high - low > 1 else f"({low},{high})")])
        nvram = self.modem.settings.nvram
        if command.op == "read":
            return Reply([self.line(command.name, nvram[key])])
        if command.op != "set":
            raise SyntaxFault
        nvram[key] = command.integer(0, low, high)
        return Reply()

    def s_parameter(self, command: Command) -> Reply:
        """ATS3, S4, S5: three digits, read and set."""
        values = self.modem.settings.ram["S"]
        index = int(command.name[1:])
        if command.op == "read":
            return Reply([f"{values[index]:03}"])
        values[index] = command.integer(0, 0, 127)
        return Reply()

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

    def registration_line(self, name: str | bool = "CEREG", unsolicited: bool = False) -> str:
        """+CREG, +CGREG or +CEREG as <n> asks for it."""
        key = name if isinstance(name, str) else "CEREG"
        n = self.modem.settings.nvram[key]
        stat = int(self.modem.ue.stat)
        fields: list[object] = [stat] if unsolicited else [n, stat]
        return self.line(f"+{key}", *fields, *self.registration_fields(key, n, unsolicited))

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

    # Bearer

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
            return Reply([self.context_line(cid, *contexts[cid], ip) for cid in sorted(contexts)])
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

    # Card, clock, line

    def clck(self, command: Command) -> Reply:
        """AT+CLCK for the card: whether it asks for its PIN."""
        if command.op == "test":
            return Reply([self.line("+CLCK", '("SC")')])
        if command.op != "set" or command.string(0, 2).upper() != "SC":
            raise MeFault(_NOT_SUPPORTED)
        mode, sim = command.integer(1, 0, 2), self.modem.sim
        if mode == 2:
            return Reply([self.line("+CLCK", int(sim.locks))])
        sim.set_lock(mode == 1, command.string(2, 8))
        return Reply()

    def local_time(self) -> tuple[datetime, int]:
        """What the module's clock shows, and its zone in quarter hours."""
        ram, zone = self.modem.settings.ram, self.modem.settings.ram["zone"]
        since = ram["CCLK"]
        if since is None:
            utc = self.clock_factory + timedelta(seconds=self.modem.clock.now() - self.modem.booted_s)
        else:
            utc = since[0] + timedelta(seconds=self.modem.clock.now() - since[1])
        return utc.astimezone(timezone(zone * _QUARTER)), zone

    def clock_line(self) -> str:
        """+CCLK."""
        local, zone = self.local_time()
        text = f"{local:%y/%m/%d,%H:%M:%S}{zone:+03}"
        return self.line("+CCLK", f'"{text}"' if self.clock_quoted else text)

    def cclk(self, command: Command) -> Reply:
        """AT+CCLK."""
        if command.op == "test":
            return Reply()
        if command.op == "read":
            return Reply([self.clock_line()])
        match = _CLOCK.fullmatch(command.string(0, 24)) if command.op == "set" else None
        if match is None:
            raise SyntaxFault
        year, *rest = (int(part) for part in match.groups()[:6])
        zone = int(match[7] or 0)
        try:
            local = datetime(year + (2000 if year < 100 else 0), *rest, tzinfo=timezone(zone * _QUARTER))  # type: ignore[misc]
        except ValueError:
            raise SyntaxFault from None
        self.set_clock(local.astimezone(UTC), zone)
        return Reply()

    def set_clock(self, utc: datetime, zone: int) -> None:
        """The clock shows this from now on."""
        ram = self.modem.settings.ram
        ram["CCLK"], ram["zone"] = (utc, self.modem.clock.now()), zone

    def network_time(self) -> None:
        """NITZ has come."""
        nvram, zone = self.modem.settings.nvram, self.modem.network.config.policy.utc_offset_quarters
        if nvram["CTZU"]:
            self.set_clock(self.modem.network.utc(), zone)
        if nvram["CTZR"]:
            self.modem.urc(self.line("+CTZV", f"{zone:+d}"))

    def ipr(self, command: Command) -> Reply:
        """AT+IPR; the OK still comes at the old rate."""
        nvram, bauds = self.modem.settings.nvram, self.modem.config.limits.bauds
        if command.op == "test":
            return Reply([self.line("+IPR", "(0)", f"({','.join(map(str, bauds))})")])
        if command.op == "read":
            return Reply([self.line("+IPR", nvram["IPR"])])
        rate = command.integer(0, 0, max(bauds))
        if command.op != "set" or (rate and rate not in bauds):
            raise SyntaxFault
        return Reply(after=lambda: nvram.update(IPR=rate))

    def ifc(self, command: Command) -> Reply:
        """AT+IFC: flow control is noted; the virtual line never needs it."""
        nvram = self.modem.settings.nvram
        if command.op == "test":
            return Reply([self.line("+IFC", "(0,2)", "(0,2)")])
        if command.op == "read":
            return Reply([self.line("+IFC", *nvram["IFC"])])
        nvram["IFC"] = (command.integer(0, 0, 2), command.integer(1, 0, 2))
        return Reply()
