"""What one family of modems adds to the common machinery: its dialect, and what it does when something happens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from cellkit.bench.modem.recipes import UART_WAKES, Recipe
from cellkit.bench.modem.v250 import Command


@dataclass
class DataMode:
    """Bytes that a command takes after its prompt: `length` of them, or (None) all up to Ctrl-Z."""

    length: int | None
    longest: int
    done: Callable[[bytes | None], object]
    """Called with the data, or with None if they were cancelled or took too long."""
    prompt: str | None = None
    """What asks for the data; None: the family's own. `CONNECT` and the like are written with their line ends."""
    ends: bytes = b"\x1a"
    """Without a length: the characters of which any ends the data; ESC always cancels. With a length: empty."""
    echo: bool = False
    """Whether the data are echoed while they are typed."""
    data: bytearray = field(default_factory=bytearray)
    since_s: float = 0.0
    early: int = 0


@dataclass
class Reply:
    """What a command answers: lines of information, then `final`, or else a prompt. `after` runs behind the final.

    final: any text (`SEND OK`, `ERROR`, `SHUT OK`, `CONNECT`); empty: none at all, the command is over silently.
    ok_first: the final comes before the lines.
    A final that is not OK ends the whole command line.
    """

    lines: list[str] = field(default_factory=list)
    after: Callable[[], object] | None = None
    prompt: DataMode | None = None
    final: str = "OK"
    ok_first: bool = False


Handler = Callable[[Command], Reply | None]
"""Does a command; None means that `Modem.complete` or `Modem.fail` is called later."""


@dataclass
class Dialect:
    """What sets one family apart: its commands, and a few facts the front end needs."""

    handlers: dict[str, Handler]
    whole: frozenset[str]
    """Commands whose payload is not to be split."""
    delay_s: Callable[[Command], float]
    """Time from the end of the line to the answer."""
    error_texts: dict[int, str]
    nvram: dict[str, Any]
    ram: dict[str, Any]


@dataclass(frozen=True)
class Traits:
    """Facts of a family that the front end needs; each default is the usual case (V.250)."""

    prompt: str = "\r\n> "
    """What asks for data where a command does not say otherwise."""
    one_ok_per_command: bool = False
    """A line with several commands is answered by one OK for each (SARA-N2, BC68)."""
    auto_baud_lost: int = 0
    """At IPR=0: lines that are lost after each start while the rate is found out."""
    silent_auto_baud: bool = False
    """At IPR=0 nothing is said after a start until the rate has been found out (SIM7020, SIM7080)."""
    tight: bool = False
    """Between information and OK there is one line end, and no empty line."""
    banner: tuple[tuple[float, str], ...] = ()
    """Lines after a start: seconds after the module has begun to run, and text."""
    ready_lines: tuple[str, ...] = ()
    """Lines by which a start can be told, besides those of `banner` (regular expressions)."""
    sim_error_s: float = 0.0
    """For so long after a start `sim_commands` end with +CME ERROR 13, though the card is good (A76xx)."""
    sim_commands: frozenset[str] = frozenset({"+CPIN", "+CIMI", "+CCID", "+CICCID", "+ICCID"})
    urc_port: bool = False
    """URCs go to a port that a setting (`urcport` in NVRAM) chooses; at the factory's value none is seen here."""
    case_of_error: bool = False
    """Verbose CME errors begin with a capital letter (u-blox)."""
    deaf_s: float = 0.0
    """So long after it has begun to run it does not hear (Air780EP loses what comes with its first RDY)."""


class Multiplexer(Protocol):
    """A way to carry commands and answers in frames; while it is not `active` they are as they are."""

    active: bool

    def received(self, data: bytes) -> bytes:
        """What the host sends, without frames."""

    def start(self) -> None:
        """From now on the line carries frames."""

    def wrapped(self, data: bytes) -> bytes:
        """What the module says, in frames."""


class Family(ABC):
    """Hooks that a family fills in."""

    traits: Traits = Traits()
    recipe: Recipe = UART_WAKES

    @abstractmethod
    def _make_dialect(self) -> Dialect:
        """The commands; called once, before anything else exists."""

    @abstractmethod
    def booted(self, cause: str) -> None:
        """Banner and start of the radio."""

    @abstractmethod
    def falls_asleep(self) -> None:
        """Deep sleep begins."""

    @abstractmethod
    def woke(self, how: str) -> None:
        """Deep sleep is over."""

    @abstractmethod
    def sleep_lock_s(self) -> float:
        """Seconds awake after the last character."""

    @abstractmethod
    def sleep_mode(self) -> int:
        """0 none, 1 light and deep, 2 light only."""

    @abstractmethod
    def wakes_on_uart(self) -> bool:
        """Whether RXD wakes from deep sleep."""

    def wakes_on_key(self) -> bool:
        """Whether PWRKEY wakes from deep sleep."""
        return self.recipe.wakes_on_key

    def wakes_on_pin(self) -> bool:
        """Whether PSM_EINT wakes from deep sleep."""
        return self.recipe.wakes_on_pin

    def wake_loses(self) -> int | None:
        """How many characters a wake-up by RXD costs; None: all that come before the module is awake."""
        return self.recipe.wake_loses

    def wake_lock_s(self) -> float:
        """How long the module stays awake after a wake-up by key or pin without any character."""
        return self.sleep_lock_s() if self.recipe.wake_lock_s is None else self.recipe.wake_lock_s

    def psm_is_off(self) -> bool:
        """Whether deep sleep is power-down."""
        return self.recipe.powers_down

    def psm_deaf_s(self) -> float:
        """For so long after deep sleep has begun a wake-up by key or pin is not seen."""
        return self.recipe.deaf_s

    def key_off_s(self) -> float | None:
        """How long PWRKEY is held to switch a running module off; None where it does not."""
        return self.recipe.key_off_s

    def key_reset_s(self) -> float | None:
        """How long PWRKEY is held for a reset; None where it does not."""
        return self.recipe.key_reset_s

    def off_s(self) -> float:
        """From the last words to where the module is off."""
        return self.recipe.off_s

    @abstractmethod
    def switched_off(self) -> None:
        """The power key was held to switch off: the last words."""

    @abstractmethod
    def registration_changed(self) -> None:
        """The registration, or the timers granted, changed."""

    @abstractmethod
    def rrc_changed(self) -> None:
        """Radio connected or idle."""

    @abstractmethod
    def psm_changed(self) -> None:
        """Power saving mode entered or left."""

    @abstractmethod
    def address_assigned(self) -> None:
        """An IP address came."""

    @abstractmethod
    def edrx_changed(self) -> None:
        """The network's eDRX parameters changed."""

    @abstractmethod
    def time_came(self) -> None:
        """The network told the time."""

    @abstractmethod
    def downlink_came(self, flow: int, data: bytes) -> None:
        """A datagram arrived."""
