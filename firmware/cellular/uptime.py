"""Seconds since start that do not wrap.

`time.ticks_ms` wraps after 2**30 ms (12.4 days) on boards. `seconds()` adds up the differences, so it must be called
at least once in six days. The library sleeps while nothing happens: the app's own loop, which measures, has to do it.
"""

import time

_last_ms = time.ticks_ms()
_seconds = 0
_rest_ms = 0


def seconds():
    """Whole seconds since this module was first imported."""
    global _last_ms, _seconds, _rest_ms
    now = time.ticks_ms()
    _rest_ms += time.ticks_diff(now, _last_ms)
    _last_ms = now
    _seconds += _rest_ms // 1000
    _rest_ms %= 1000
    return _seconds


def milliseconds():
    """As `seconds`, and under the same rule."""
    return seconds() * 1000 + _rest_ms
