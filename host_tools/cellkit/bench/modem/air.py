"""A radio in time: what it does, one procedure after the other, phase by phase."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cellkit.bench.clock import Clock, Handle
from cellkit.model.radio import Phase, Phases

Done = Callable[[bool], object]


class Air:
    """Plays procedures, lists of (state, seconds), in the order given: a radio sends or receives one thing at a time.

    What is urgent goes before the rest and interrupts what is played, which goes on afterwards: a base station sends
    downlink between two blocks of an uplink. `changed()` is called when `state` has changed; None: nothing is played.
    """

    def __init__(self, clock: Clock, changed: Callable[[], object]) -> None:
        self._clock = clock
        self._changed = changed
        self._waiting: deque[tuple[Phases, Done]] = deque()
        self._urgent: deque[tuple[Phases, Done]] = deque()
        self._interrupted: tuple[deque[Phase], Done] | None = None
        self._phases: deque[Phase] = deque()
        self._done: Done | None = None
        self._is_urgent = False  # what is played
        self._timer: Handle | None = None
        self._ends_s = 0.0  # of the phase that is played
        self.state: str | None = None

    @property
    def busy(self) -> bool:
        """Whether something is played."""
        return self._done is not None

    def play(self, phases: Phases, done: Done, urgent: bool = False) -> None:
        """Play `phases` once all before are through; then `done(True)`, or `done(False)` if `abort` comes before."""
        (self._urgent if urgent else self._waiting).append((phases, done))
        if self._done is None:
            self._begin()
        elif urgent and not self._is_urgent and self._timer is not None:
            self._timer.cancel()
            left_s = self._ends_s - self._clock.now()
            self._interrupted = deque([(str(self.state), left_s), *self._phases]), self._done
            self._begin()

    def abort(self) -> None:
        """The cell has gone: everything ends now, and is told so."""
        ends = [self._done] if self._done is not None else []
        ends += [self._interrupted[1]] if self._interrupted is not None else []
        ends += [done for _, done in [*self._urgent, *self._waiting]]
        self.clear()
        for done in ends:
            done(False)

    def clear(self) -> None:
        """The radio is off: everything ends now, and nobody is told."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._done = self._interrupted = self.state = None
        for queue in (self._phases, self._waiting, self._urgent):
            queue.clear()

    def _begin(self) -> None:
        """Play what is to come next, if anything is."""
        self._is_urgent = bool(self._urgent)
        if self._interrupted is not None and not self._urgent:
            self._phases, self._done = self._interrupted
            self._interrupted = None
        elif self._urgent or self._waiting:
            phases, self._done = (self._urgent or self._waiting).popleft()
            self._phases = _joined(phases)
        elif self.state is not None:
            self.state = None
            self._changed()
        if self._done is not None:
            self._next()

    def _next(self) -> None:
        if self._phases:
            state, seconds = self._phases.popleft()
            self._ends_s = self._clock.now() + seconds
            self._timer = self._clock.call_later(seconds, self._next)
            if state != self.state:
                self.state = state
                self._changed()
            return
        self._timer = None
        done, self._done = self._done, None
        if done is not None:
            done(True)  # may play what comes next, so that there is no gap
        if self._done is None:
            self._begin()


def _joined(phases: Phases) -> deque[Phase]:
    """Phases without the empty ones, neighbours in the same state as one."""
    joined: deque[Phase] = deque()
    for state, seconds in phases:
        if seconds > 0 and joined and joined[-1][0] == state:
            seconds += joined.pop()[1]
        if seconds > 0:
            joined.append((state, seconds))
    return joined
