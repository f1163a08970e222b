"""Time for every part of the bench.

No part sleeps or reads the time by itself: it asks a clock. So a run can follow the wall, or jump from event to event.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any, Protocol


class Handle(Protocol):
    """A call that is due; `cancel()` may be called at any time, also twice or after the call."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What a part of the bench may know of time."""

    def now(self) -> float:
        """Seconds since the bench started."""
        ...

    def call_later(self, delay_s: float, fn: Callable[..., object], *args: Any) -> Handle:
        """Call `fn(*args)` once, `delay_s` seconds from now. Calls due at the same time come in the order made."""
        ...


class WallClock:
    """Real time on the running asyncio loop; starts at 0 when made. Raises RuntimeError without a running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()

    def now(self) -> float:
        """Seconds since this clock was made."""
        return self._loop.time() - self._start_s

    def call_later(self, delay_s: float, fn: Callable[..., object], *args: Any) -> Handle:
        """Call `fn(*args)` after `delay_s` seconds of real time."""
        return self._loop.call_later(max(0.0, delay_s), fn, *args)


class _Call:
    """A call that is due; compares by time, then by the order in which it was made."""

    __slots__ = ("args", "due_us", "fn", "order")

    def __init__(self, due_us: int, order: int, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.due_us = due_us
        self.order = order
        self.fn: Callable[..., object] | None = fn
        self.args = args

    def __lt__(self, other: _Call) -> bool:
        return self.due_us < other.due_us or (self.due_us == other.due_us and self.order < other.order)

    def cancel(self) -> None:
        self.fn = None
        self.args = ()


class VirtualClock:
    """Time that jumps from event to event. Whole microseconds inside, so that sums of delays give one history."""

    def __init__(self) -> None:
        self.now_us = 0
        self._calls: list[_Call] = []
        self._order = 0
        self._stopped = False

    def now(self) -> float:
        """Seconds since this clock was made."""
        return self.now_us / 1e6

    def call_later(self, delay_s: float, fn: Callable[..., object], *args: Any) -> Handle:
        """Call `fn(*args)` once `delay_s` seconds of virtual time have passed; rounded up to whole microseconds."""
        self._order += 1
        due_us = self.now_us + max(0, -int(-delay_s * 1_000_000 // 1))
        call = _Call(due_us, self._order, fn, args)
        heapq.heappush(self._calls, call)
        return call

    def stop(self) -> None:
        """Have `run_until` return after the call that is being made: somebody else has something to do now."""
        self._stopped = True

    def run_until(self, limit_us: int | None) -> bool:
        """Make all calls that are due up to `limit_us` (None: without end), and let time come to it.

        Returns False when `stop` ended it before. With nothing left to call and no limit it returns True at once.
        """
        calls = self._calls
        self._stopped = False
        while calls and (limit_us is None or calls[0].due_us <= limit_us):
            call = heapq.heappop(calls)
            if call.fn is None:
                continue
            self.now_us = call.due_us
            call.fn(*call.args)
            if self._stopped:
                return False
        if limit_us is not None and limit_us > self.now_us:
            self.now_us = limit_us
        return True
