"""Charge by state, integrated from the same state changes that the event log shows."""

from __future__ import annotations

from collections.abc import Mapping

from cellkit.bench.clock import Clock
from cellkit.bench.log import EventLog

_S_PER_H = 3600.0


class ChargeMeter:
    """Adds up µAh for each named state of one consumer from its current in µA.

    `currents_ua` maps each state to its mean current; `set` with another state raises KeyError.
    """

    def __init__(self, clock: Clock, log: EventLog, src: str, currents_ua: Mapping[str, float], state: str) -> None:
        self._clock = clock
        self._log = log
        self._src = src
        self._currents_ua = dict(currents_ua)
        self._uah: dict[str, float] = {}
        self._since_s = clock.now()
        self.state = state
        log.emit(src, "state", state=state, current_ua=self.current_ua)

    @property
    def current_ua(self) -> float:
        """Current of the present state in µA."""
        return self._currents_ua[self.state]

    def set(self, state: str) -> None:
        """Enter `state` now; nothing happens if it is the present one."""
        if state == self.state:
            return
        if state not in self._currents_ua:
            raise KeyError(f"no current known for state {state!r}; known are {sorted(self._currents_ua)}")
        self._settle()
        self.state = state
        self._log.emit(self._src, "state", state=state, current_ua=self.current_ua)

    def charge_uah_by_state(self) -> dict[str, float]:
        """µAh spent in each state so far, the present one included."""
        self._settle()
        return dict(self._uah)

    def total_uah(self) -> float:
        """µAh spent so far in all states."""
        return sum(self.charge_uah_by_state().values())

    def _settle(self) -> None:
        now_s = self._clock.now()
        spent_uah = self.current_ua * (now_s - self._since_s) / _S_PER_H
        self._uah[self.state] = self._uah.get(self.state, 0.0) + spent_uah
        self._since_s = now_s
