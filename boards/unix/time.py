"""`time` of the unix board: ticks are the port's (c/lockstep), the wall clock is the MCU's RTC where there is a bench.

In lock step sleeping is the bench's time as well.
"""

import _lockstep
import utime
from uos import getenv
from utime import *  # noqa: F403

if getenv("CELLKIT_BENCH") or _lockstep.active():

    def time():
        """Seconds since 1970, as machine.RTC was set."""
        from machine import link

        return int(link.ask("TIME"))

    def time_ns():
        """`time` in nanoseconds; the RTC has no fractions."""
        return time() * 1000000000

    def localtime(seconds=None):
        """As tuple; there is no time zone."""
        return utime.gmtime(time() if seconds is None else seconds)

    gmtime = localtime

if _lockstep.active():
    from _virtual import link as _link

    def sleep_us(us):
        """Let `us` microseconds pass."""
        end = _lockstep.now_us() + us
        while end > _lockstep.now_us():
            _link.wait_us(end - _lockstep.now_us())

    def sleep_ms(ms):
        """Let `ms` milliseconds pass."""
        sleep_us(ms * 1000)

    def sleep(seconds):
        """Let `seconds` pass."""
        sleep_us(int(seconds * 1000000))
