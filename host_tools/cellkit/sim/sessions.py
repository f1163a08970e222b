"""Finds the device's sessions with the network while a run goes on: from the reason to wake until asleep again."""

from __future__ import annotations

from dataclasses import dataclass

from cellkit.sim.scenario import DAY_S

_CALM_UA = 1000.0  # below it the modem sleeps between pagings
_CALM_S = 120.0  # so long calm is the end of a session where there is no PSM
_SHOWN_CALM_S = 10.0
_REASON_S = 60.0  # what happened so long before may be why the modem woke
_LONGEST_S = 900.0  # of a stretch that can still be read as a picture
_FIRST_S = 28 * DAY_S  # the weeks among whose sessions the typical one is chosen
_MOST = 2000
ROUTINE = 2


@dataclass
class Session:
    """One session in seconds since the start; `state` and `current_ua`: the modem's before it.

    urgency: the priority of its most urgent record that was acknowledged, None without one.
    """

    start_s: float
    end_s: float
    state: str
    current_ua: float
    urgency: int | None = None
    failures: int = 0


class Sessions:
    """Told what happens, in the order of time. Keeps the first weeks, and the first urgent ones."""

    def __init__(self) -> None:
        self.routine: list[Session] = []
        self._firsts: dict[int, Session] = {}
        self._other: Session | None = None
        self._open: Session | None = None
        self._state, self._current_ua = "off", 0.0
        self._calm_s: float | None = None
        self._reason_s = -_REASON_S

    def reason(self, t_s: float) -> None:
        """Something happened to the device, or it stored a record: the first of them in a minute counts."""
        if t_s - self._reason_s > _REASON_S:
            self._reason_s = t_s

    def acked(self, urgency: int) -> None:
        """The server has a record."""
        one = self._open
        if one is not None:
            one.urgency = urgency if one.urgency is None else min(urgency, one.urgency)

    def failed(self) -> None:
        """An attempt to send failed."""
        if self._open is not None:
            self._open.failures += 1

    def modem(self, t_s: float, state: str, current_ua: float) -> None:
        """The modem has changed its state."""
        calm = current_ua < _CALM_UA
        if self._open is not None:
            if state in ("deep_sleep", "off"):
                self._close(t_s)
            elif self._calm_s is not None and t_s - self._calm_s > _CALM_S:
                self._close(self._calm_s + _SHOWN_CALM_S)
        if self._open is None and not calm:
            start_s = self._reason_s if t_s - self._reason_s <= _REASON_S else t_s
            self._open = Session(start_s, t_s, self._state, self._current_ua)
        if not calm:
            self._calm_s = None
        elif self._calm_s is None:
            self._calm_s = t_s
        self._state, self._current_ua = state, current_ua

    def _close(self, end_s: float) -> None:
        one, self._open, self._calm_s = self._open, None, None
        if one is None:
            return
        one.end_s = min(end_s, one.start_s + _LONGEST_S)
        self._other = self._other or one
        if one.urgency is None:
            return
        if one.urgency < ROUTINE:
            self._firsts.setdefault(one.urgency, one)
        elif one.state not in ("off", "boot") and one.start_s < _FIRST_S and len(self.routine) < _MOST:
            self.routine.append(one)

    def shown(self) -> dict[str, Session]:
        """What the page shows in detail: `routine` (the median by duration) and `alarm`, else the `first` of any."""
        found: dict[str, Session] = {}
        clean = [one for one in self.routine if not one.failures] or self.routine
        if clean:
            ordered = sorted(clean, key=lambda one: one.end_s - one.start_s)
            found["routine"] = ordered[len(ordered) // 2]
        if self._firsts:
            found["alarm"] = self._firsts[min(self._firsts)]
        if not found and (other := self._other or self._open) is not None:
            found["first"] = other
        return found
