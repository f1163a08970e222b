"""What commands of TS 27.007 and V.250 have in common in form, and those of the card's lock, the clock and the line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cellkit.bench.modem.core27007 import Core27007
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.plain import PlainModem

_CLOCK = re.compile(r"(\d{2}(?:\d\d)?)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?")
_QUARTER = timedelta(minutes=15)
_NOT_SUPPORTED = 4


class Forms(Core27007):
    """Handlers bound to one modem."""

    clock_factory = datetime(1980, 1, 6, tzinfo=UTC)
    clock_quoted = True

    def __init__(self, modem: PlainModem) -> None:
        super().__init__(modem)
        self.modem = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **super().handlers(),
            "+CMEE": lambda command: self.number(command, "CMEE", 0, 2),
            "+CLCK": self.clck,
            "+CCLK": self.cclk,
            "+CTZU": lambda command: self.number(command, "CTZU", 0, 1),
            "+CTZR": lambda command: self.number(command, "CTZR", 0, 3),
            "+IPR": self.ipr,
            "+IFC": self.ifc,
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

    # Card

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

    # Clock and line

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
            moment = datetime(year + (2000 if year < 100 else 0), rest[0], rest[1], rest[2], rest[3], rest[4])
            local = moment.replace(tzinfo=timezone(zone * _QUARTER))
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
