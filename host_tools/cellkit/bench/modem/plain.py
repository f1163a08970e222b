"""A module of no make: what TS 27.007 and V.250 leave to nobody's taste. Families inherit it and say what differs.

A family overrides `commands()` (name -> handler, over those of `standard()`), the layouts of lines, the data of
`traits`, `recipe` and `lasting`/`volatile` settings, and the hooks of `Family`. See docs/twins.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellkit.bench.modem.cmux import Cmux
from cellkit.bench.modem.family import Dialect, Handler, Traits
from cellkit.bench.modem.modem import Modem
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.standard import LASTING, VOLATILE, Standard
from cellkit.bench.modem.standard_dial import DialCommands
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command

_ERROR_TEXTS = {
    0: "phone failure", 3: "operation not allowed", 4: "operation not supported", 5: "PH-SIM PIN required",
    10: "SIM not inserted", 11: "SIM PIN required", 12: "SIM PUK required", 13: "SIM failure", 14: "SIM busy",
    15: "SIM wrong", 16: "incorrect password", 20: "memory full", 21: "invalid index", 22: "not found",
    23: "memory failure", 24: "text string too long", 25: "invalid characters in text string", 30: "no network service",
    31: "network timeout", 32: "network not allowed - emergency calls only", 50: "incorrect parameters",
    100: "unknown", 103: "Illegal MS", 106: "Illegal ME", 107: "GPRS services not allowed",
    148: "unspecified GPRS error",
}  # fmt: skip


class PlainModem(Modem):
    """A modem with the standard's commands. Class attributes are what a family states first."""

    traits = Traits(banner=((0.0, "RDY"),))
    act: int | None = 9
    """AcT of the registration lines: 9 NB-IoT, 7 LTE."""
    edrx_act = 5
    """AcT-type of CEDRXS: 5 NB-S1, 4 WB-S1."""
    cid = 1
    """Of the attach bearer."""
    lasting: dict[str, Any] = {}
    """Settings in NVRAM beyond LASTING, or with another factory value."""
    volatile: dict[str, Any] = {}
    """Settings in RAM, ditto over VOLATILE."""
    whole: frozenset[str] = frozenset()
    """Commands whose payload is not to be split."""
    error_texts: dict[int, str] = {}
    slow: frozenset[str] = frozenset()
    """Commands whose set form takes `nvram_write_s`."""

    def commands(self) -> Mapping[str, Handler | None]:
        """What the family has beyond `standard()`, or has otherwise; a handler None takes a command away."""
        return {}

    def _make_dialect(self) -> Dialect:
        self.reported: dict[str, str] = {}
        self.standard = self.make_standard()
        self.messages = self.make_messages()
        self.mux = self.make_cmux()
        handlers: dict[str, Handler | None] = {
            **self.standard.handlers(), **self.messages.handlers(), **self.mux.handlers(),
            **DialCommands(self).handlers(), **self.commands(),
        }  # fmt: skip
        return Dialect(
            handlers={name: handler for name, handler in handlers.items() if handler is not None},
            whole=self.whole,
            delay_s=self.delay_s,
            error_texts={**_ERROR_TEXTS, **self.error_texts},
            nvram={**LASTING, **self.lasting},
            ram={**VOLATILE, **self.volatile},
        )

    def make_standard(self) -> Standard:
        """The standard's commands; a family with other layouts gives its own subclass."""
        return Standard(self)

    def make_messages(self) -> SmsCommands:
        """Short messages; a family with other forms gives its own subclass."""
        return SmsCommands(self)

    def make_cmux(self) -> Cmux:
        """The multiplexer; a family whose own differs gives a subclass."""
        return Cmux(self)

    def delay_s(self, command: Command) -> float:
        """Time from a command to its answer."""
        timing = self.config.timing
        slow = command.op == "set" and command.name in self.slow
        return (timing.nvram_write_s if slow else timing.answer_s).value

    # Start and sleep

    def booted(self, cause: str) -> None:
        """The banner, then the card and the radio."""
        self.reported.clear()
        self.booted_s = self.clock.now()
        self.deaf_until_s = self.booted_s + self.traits.deaf_s
        self.ue.search_pauses_s = self.config.search_pauses_s[0]
        self.sim.power_up()
        if "+CMGF" in self.dialect.handlers:
            self.messages.connect()
        self.later(self.say_banner(), self.standard.switch_on)

    def say_banner(self) -> float:
        """Put the lines of the banner in train; seconds until the last one."""
        last_s = 0.0
        for last_s, text in self.traits.banner:
            self.later(last_s, self.banner_line, text)
        return last_s

    def banner_line(self, text: str) -> None:
        """One line of the banner; a family leaves out what does not hold, such as +CPIN without a card."""
        if text.startswith("+CFUN:") and self.settings.nvram["CFUN"] != 1:
            return
        if text.startswith("+CPIN:"):
            if self.settings.nvram["CFUN"] == 1 and self.sim.present:
                self.urc(f"+CPIN: {self.sim.state}")
            return
        if self.settings.nvram["CFUN"] == 1 or not text.startswith(("+", "SMS", "PB")):
            self.urc(text)

    def card_unlocked(self) -> None:
        """The card may be used, behind its +CPIN: READY."""

    def sleep_lock_s(self) -> float:
        """Awake for so long after the last character."""
        return self.config.timing.sleep_lock_factory_s.value

    def sleep_mode(self) -> int:
        """By the recipe: light sleep, and deep sleep in PSM."""
        if self.recipe.deep and (self.recipe.light or self.ue.psm):
            return 1
        return 2 if self.recipe.light else 0

    def wakes_on_uart(self) -> bool:
        """By the recipe."""
        return self.recipe.wakes_on_uart

    def falls_asleep(self) -> None:
        """Nothing is said."""

    def switched_off(self) -> None:
        """Nothing is said."""

    def woke(self, how: str) -> None:
        """Nothing is said, except by a module that boots."""
        if self.recipe.powers_down and self.recipe.boot_banner:
            self.say_banner()

    # What happens

    def registration_changed(self) -> None:
        """+CREG, +CGREG and +CEREG, each where it is asked for and would say something new."""
        self.standard.attach_progressed()
        for name in ("CREG", "CGREG", "CEREG"):
            if self.settings.nvram[name]:
                line = self.standard.registration_line(name, unsolicited=True)
                if line != self.reported.get(name):
                    self.reported[name] = line
                    self.urc(line)

    def rrc_changed(self) -> None:
        """+CSCON where it is asked for."""
        if self.settings.nvram["CSCON"]:
            self.urc(self.standard.line("+CSCON", str(int(self.ue.connected))))

    def psm_changed(self) -> None:
        """Nothing is said."""

    def address_assigned(self) -> None:
        """Nothing is said."""

    def edrx_changed(self) -> None:
        """+CEDRXP with CEDRXS mode 2."""
        if self.settings.nvram["CEDRXS"]["mode"] == 2:
            self.urc(self.standard.line("+CEDRXP", self.standard.edrx_fields()))

    def time_came(self) -> None:
        """The clock follows the network where CTZU allows it; +CTZV where CTZR asks for it."""
        self.standard.network_time()

    def downlink_came(self, flow: int, data: bytes) -> None:
        """Datagrams go to engines.links by the session; a family without them takes them here."""

    @property
    def denied(self) -> bool:
        """Whether the network has refused."""
        return self.ue.stat is Stat.DENIED
