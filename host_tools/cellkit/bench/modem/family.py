"""What one family of modems adds to the common machinery: its dialect, and what it does when something happens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cellkit.bench.modem.v250 import Command


@dataclass
class DataMode:
    """Bytes that a command takes after its prompt: `length` of them, or (None) all up to Ctrl-Z."""

    length: int | None
    longest: int
    done: Callable[[bytes | None], object]
    """Called with the data, or with None if they were cancelled or took too long."""
    data: bytearray = field(default_factory=bytearray)
    since_s: float = 0.0
    early: int = 0


@dataclass
class Reply:
    """What a command answers: lines of information, then OK, or else a prompt. `after` runs behind the OK."""

    lines: list[str] = field(default_factory=list)
    after: Callable[[], object] | None = None
    prompt: DataMode | None = None


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


class Family(ABC):
    """Hooks that a family fills in."""

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
