"""Pulses of a meter as a function of time: years of them cost nothing until somebody reads a counter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_HOUR_US = 3_600_000_000


class Flow:
    """Counts pulses at a rate, or at rates that repeat. `now`: the bench's time in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._before = 0.0  # pulses up to `_since_us`
        self._since_us = 0
        self._rates: tuple[float, ...] = (0.0,)

    def rate(self, per_hour: float) -> None:
        """From now on so many pulses an hour. Raises ValueError for less than none."""
        self.profile((per_hour,))

    def profile(self, per_hour: Sequence[float]) -> None:
        """From now on an hour at each of these rates, over and over. Raises ValueError."""
        if not per_hour or min(per_hour) < 0:
            raise ValueError(f"expected one or more rates of 0 pulses an hour or more, got {list(per_hour)}")
        self._before = self._count()
        self._since_us = self._now_us()
        self._rates = tuple(per_hour)

    def pulses(self) -> int:
        """Whole pulses so far."""
        return int(self._count() + 1e-6)  # a sum of floats may be a hair short of a whole pulse

    def _now_us(self) -> int:
        return round(self._now() * 1e6)

    def _count(self) -> float:
        past_us = self._now_us() - self._since_us
        hours, rest_us = divmod(past_us, _HOUR_US)
        rounds, hours = divmod(hours, len(self._rates))
        whole = rounds * sum(self._rates) + sum(self._rates[:hours])
        return self._before + whole + self._rates[hours] * rest_us / _HOUR_US
