"""Time for every part of the bench.

No part sleeps or reads the time by itself: it asks a clock. So a run can follow the wall, or jump from event to event.
"""

from __future__ import annotations

import asyncio
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
