"""A radio in time: what it does, one procedure after the other, phase by phase."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cellkit.bench.clock import Clock, Handle
from cellkit.model.radio import Phases

Done = Callable[[bool], object]


class Air:
    """Plays procedures, lists of (state, seconds), in the order given: a radio sends or receives one thing at a time.

    `changed()` is called whenever `state` has changed; that is None while nothing is played.
    """

    def __init__(self, clock: Clock, changed: Callable[[], object]) -> None:
        self._clock = clock
        self._changed = changed
        self._waiting: deque[tuple[Phases, Done]] = deque()
        self._phases: deque[tuple[str, float]] = deque()
        self._done: Done | None = None
        self._timer: Handle | None = None
        self.state: str | None = None

    @property
    def busy(self) -> bool:
        """Whether something is played."""
        return self._done is not None

    def play(self, phases: Phases, done: Done) -> None:
        """Play `phases` once all before are through; then `done(True)`, or `done(False)` if `abort` comes before."""
        self._waiting.append((phases, done))
        if self._done is None:
            self._begin()

    def abort(self) -> None:
        """The cell has gone: everything ends now, and is told so."""
        ends = [self._done] if self._done is not None else []
        ends += [done for _, done in self._waiting]
        self.clear()
        for done in ends:
            done(False)

    def clear(self) -> None:
        """The radio is off: everything ends now, and nobody is told."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._done = self.state = None
        self._phases.clear()
        self._waiting.clear()

    def _begin(self) -> None:
        phases, self._done = self._waiting.popleft()
        for state, seconds in phases:
            if seconds <= 0:
                continue
            if self._phases and self._phases[-1][0] == state:
                seconds += self._phases.pop()[1]
            self._phases.append((state, seconds))
        self._next()

    def _next(self) -> None:
        if self._phases:
            state, seconds = self._phases.popleft()
            self._timer = self._clock.call_later(seconds, self._next)
            if state != self.state:
                self.state = state
                self._changed()
            return
        self._timer = None
        done, self._done = self._done, None
        if done is not None:
            done(True)  # may play what comes next, so that there is no gap
        if self._done is None and self._waiting:
            self._begin()
        elif self._done is None and self.state is not None:
            self.state = None
            self._changed()
