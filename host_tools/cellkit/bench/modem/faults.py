"""Faults: what a line, a card, a module or a network can do wrong, to be switched on by a test.

A fault says what happens on the wire; none knows anything of the driver at the other end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Position = Literal["before_echo", "after_echo", "between_lines", "before_prompt", "before_final", "after_final"]


@dataclass
class _Rule:
    """Something that happens the next `times` times a text matches."""

    pattern: re.Pattern[str]
    times: int
    text: str = ""
    position: str = ""
    delay_s: float = 0.0
    code: int = 0


@dataclass
class Faults:
    """Set fields or call methods at any time. `pattern` is searched in the command line, `AT` included."""

    silent: bool = False
    """The module hears, and says nothing at all."""
    identity: list[str] | None = None
    """Lines that ATI answers instead of its own, as another make would; the second is the model (BC660K-GL: CGMM)."""
    reject_cause: int | None = None
    """EMM cause with which every attach or TAU of this device is rejected."""
    prompt_never: bool = False
    """The `>` of a command that asks for data never comes, and no answer either."""
    early_data_lost: bool = False
    """Data sent sooner than the guard time after `>` are not heard."""
    no_signal: bool = False
    """The strength of the signal has not been measured yet, though the module may be registered (BG95)."""
    ping_lost: bool = False
    """No echo comes back to a ping."""
    answer_delay_s: float = 0.0
    """Added to the time of every answer."""
    chunks: tuple[int, ...] = ()
    """Sizes of the pieces in which output leaves, used in turn; empty = in one piece."""
    chunk_gap_s: float = 0.005
    """Pause between such pieces."""
    join_s: float = 0.0
    """Output is held for so long and then leaves in one piece, as a slow reader sees it."""
    on_change: Callable[[], object] = field(default=lambda: None, repr=False)
    _no_coverage: bool = False
    _rules: dict[str, list[_Rule]] = field(default_factory=dict)

    @property
    def no_coverage(self) -> bool:
        """The antenna is off: no cell, whatever the network says."""
        return self._no_coverage

    @no_coverage.setter
    def no_coverage(self, value: bool) -> None:
        self._no_coverage = value
        self.on_change()

    def no_answer(self, pattern: str, times: int = 1) -> None:
        """The next `times` matching commands are not answered, and not done."""
        self._add("no_answer", pattern, times)

    def error(self, pattern: str, final: str = "ERROR", times: int = 1) -> None:
        """The next `times` matching commands are not done; the answer is `final`."""
        self._add("error", pattern, times, text=final)

    def garbage(self, data: bytes, pattern: str = "", times: int = 1) -> None:
        """`data` comes on the line just before the answer to a matching command."""
        self._add("garbage", pattern, times, text=data.decode("latin-1"))

    def drop_line(self, pattern: str, times: int = 1) -> None:
        """The next `times` output lines that match get lost."""
        self._add("drop", pattern, times)

    def repeat_line(self, pattern: str, times: int = 1) -> None:
        """The next `times` output lines that match come twice."""
        self._add("repeat", pattern, times)

    def delay_line(self, pattern: str, delay_s: float, times: int = 1) -> None:
        """The next `times` output lines that match come `delay_s` seconds late, and all behind them too."""
        self._add("delay", pattern, times, delay_s=delay_s)

    def urc_at(self, position: Position, text: str, pattern: str = "", times: int = 1) -> None:
        """URC `text` at a place of the next matching command; `before_echo` takes the next command of any kind."""
        self._add("urc", pattern, times, text=text, position=position)

    def reset_during(self, pattern: str, delay_s: float = 0.0, times: int = 1) -> None:
        """The module restarts `delay_s` seconds after it got a matching command, before it answers."""
        self._add("reset", pattern, times, delay_s=delay_s)

    def send_fail(self, times: int = 1) -> None:
        """The next `times` sends end with SEND FAIL and go nowhere."""
        self._add("send_fail", "", times)

    def open_error(self, code: int, times: int = 1) -> None:
        """The next `times` QIOPEN end with `code` in their URC."""
        self._add("open_error", "", times, code=code)

    def no_context(self, times: int = 1) -> None:
        """The network refuses the next `times` activations of a PDP context, where a family has such a command."""
        self._add("no_context", "", times)

    def clear(self) -> None:
        """No faults any more."""
        self.silent = self.prompt_never = self.early_data_lost = False
        self.no_signal = self.ping_lost = False
        self.identity = self.reject_cause = None
        self.answer_delay_s, self.join_s, self.chunks = 0.0, 0.0, ()
        self._rules.clear()
        self.no_coverage = False

    # For the modem

    def take(self, kind: str, text: str = "", position: str = "") -> _Rule | None:
        """The first rule of a kind that matches, used up by one time."""
        for rule in self._rules.get(kind, []):
            if rule.times > 0 and rule.position == position and rule.pattern.search(text):
                rule.times -= 1
                return rule
        return None

    def _add(self, kind: str, pattern: str, times: int, **more: Any) -> None:
        self._rules.setdefault(kind, []).append(_Rule(re.compile(pattern, re.IGNORECASE), times, **more))
