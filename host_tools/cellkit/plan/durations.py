"""Durations as people write them: `24h`, `15min`, `1h30min`, `10s`, `10y`."""

from __future__ import annotations

import re

from cellkit.model.figures import ModelError

_UNITS_S = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "y": 365.25 * 86400,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_NAMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def parse(text: str) -> float:
    """Seconds of `24h`, `1h30min` and so on. A bare number has no unit and is refused. Raises ModelError."""
    word = text.strip().lower()
    total_s, at = 0.0, 0
    while at < len(word):
        part = _PART.match(word, at)
        if part is None or part[2] not in _UNITS_S:
            break
        total_s += float(part[1]) * _UNITS_S[part[2]]
        at = part.end()
    if at == 0 or at != len(word):
        raise ModelError(f"expected a duration such as 24h, 15min, 1h30min or 10s, got {text!r}")
    return total_s


def spell(seconds: float) -> str:
    """Seconds in the largest units that fit: `24 h`, `1 h 30 min`, `40.96 s`."""
    if seconds < 120 or seconds != int(seconds):
        return f"{seconds:.6g} s"
    if seconds % 3600 == 0 and seconds <= 48 * 3600:
        return f"{seconds / 3600:g} h"
    parts, rest = [], seconds
    for size_s, name in _NAMES:
        count, rest = divmod(rest, size_s)
        if count:
            parts.append(f"{count:g} {name}")
    return " ".join(parts[:2])
