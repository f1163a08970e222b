"""Charge by state, integrated from the same state changes that the event log shows."""

from __future__ import annotations

from collections.abc import Mapping

from cellkit.bench.clock import Clock
from cellkit.bench.log import EventLog

_S_PER_H = 3600.0


class ChargeMeter:
    """Adds up µAh for each named state of one consumer from its current in µA.

    `currents_ua` maps each state to its mean current; `set` or `mix` with another state raises KeyError.
    """

    def __init__(self, clock: Clock, log: EventLog, src: str, currents_ua: Mapping[str, float], state: str) -> None:
        self._clock = clock
        self._log = log
        self._src = src
        self._currents_ua = dict(currents_ua)
        self._uah: dict[str, float] = {}
        self._since_s = clock.now()
        self._shares: Mapping[str, float] = {state: 1.0}
        self.state = state
        log.emit(src, "state", state=state, current_ua=self.current_ua)

    @property
    def current_ua(self) -> float:
        """Mean current at present in µA."""
        if len(self._shares) == 1:
            return self._currents_ua[self.state]
        return sum(share * self._currents_ua[state] for state, share in self._shares.items())

    def set(self, state: str) -> None:
        """Enter `state` now; nothing happens if it is the present one."""
        if state != self.state or len(self._shares) > 1:
            self.mix({state: 1.0})

    def mix(self, shares: Mapping[str, float]) -> None:
        """From now on a pattern of states that repeats: the share of each. The log shows the one with the most time."""
        if shares == self._shares:
            return
        unknown = set(shares) - set(self._currents_ua)
        if unknown:
            raise KeyError(f"no current known for {sorted(unknown)}; known are {sorted(self._currents_ua)}")
        self._settle()
        self._shares = shares
        self.state = max(shares, key=shares.__getitem__)
        self._log.emit(self._src, "state", state=self.state, current_ua=self.current_ua)

    def charge_uah_by_state(self) -> dict[str, float]:
        """µAh spent in each state so far, the present one included."""
        self._settle()
        return dict(self._uah)

    def total_uah(self) -> float:
        """µAh spent so far in all states."""
        return sum(self.charge_uah_by_state().values())

    def _settle(self) -> None:
        now_s = self._clock.now()
        hours = (now_s - self._since_s) / _S_PER_H
        for state, share in self._shares.items():
            self._uah[state] = self._uah.get(state, 0.0) + self._currents_ua[state] * share * hours
        self._since_s = now_s
