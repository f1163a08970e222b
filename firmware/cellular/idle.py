"""Waiting without work, made cheap: light sleep while nothing runs, and a watchdog that watches the event loop.

Without this, asyncio waits with the CPU clocked. `install` takes the place of its poller.
"""

import asyncio
import sys
from asyncio import core
from time import ticks_diff, ticks_ms

import machine
from micropython import const

_WORTH_MS = const(200)  # shorter waits do not pay for the way into light sleep and back
_AWAKE_MS = const(2000)  # awake, the watchdog is fed and `may_sleep` asked again so often
_FEED_MS = const(1000)

_slept_ms = 0
_waited_ms = 0


def signal():
    """What an interrupt handler may `set()` and one task awaits with `wait()`, then `clear()`.

    The unix port calls handlers from a task or between waits, where an Event is right; a flag without a file descriptor
    would make its poll look every millisecond.
    """
    return asyncio.Event() if sys.platform == "linux" else asyncio.ThreadSafeFlag()


def times_ms():
    """Milliseconds since the start (in light sleep, waiting with the CPU clocked but halted)."""
    return _slept_ms, _waited_ms


def install(may_sleep, wdt=None):
    """Use light sleep in the running event loop whenever `may_sleep()` is true and there is time.

    Light sleep must end by time, by an armed pin and by a byte on an open UART, and keep the outputs. `wdt` (a
    machine.WDT, of 5 s or more) is fed while the loop goes round, so it bites when a task never gives way; in light
    sleep it must stand still, as on the ESP32. Calling it again replaces the former settings.
    """
    queue = core._io_queue
    poller = queue.poller
    queue.poller = _Poller(poller.poller if isinstance(poller, _Poller) else poller, may_sleep, wdt)


class _Poller:
    def __init__(self, poller, may_sleep, wdt):
        self.poller = poller
        self.register = poller.register
        self.unregister = poller.unregister
        self.modify = poller.modify
        self._may_sleep = may_sleep
        self._wdt = wdt
        self._fed_ms = ticks_ms() - _FEED_MS
        self._rest = False  # light sleep ended early for nothing: wait awake once, lest a stuck line keeps the CPU busy

    def ipoll(self, dt):
        """What asyncio calls: dt in ms, 0 looks only, -1 has no end."""
        if self._feed() or not dt:
            # Feeding may have let an interrupt handler run, so the time to wait must be computed anew.
            if dt >= 0:
                return self.poller.ipoll(0)
        if dt > 0:
            return self._wait(dt)
        while True:  # no task is due ever: only something that is ready may end this
            ready = self._wait(-1)
            if ready or core._task_queue.peek():
                return ready
            self._feed()

    def _feed(self):
        now_ms = ticks_ms()
        if self._wdt is None or ticks_diff(now_ms, self._fed_ms) < _FEED_MS:
            return False
        self._fed_ms = now_ms
        self._wdt.feed()
        return True

    def _wait_awake(self, dt):
        global _waited_ms
        began_ms = ticks_ms()
        ready = self.poller.poll(_AWAKE_MS) if dt < 0 else self.poller.ipoll(min(dt, _AWAKE_MS))
        _waited_ms += ticks_diff(ticks_ms(), began_ms)
        return ready

    def _wait(self, dt):
        global _slept_ms
        if 0 <= dt < _WORTH_MS:
            return self._wait_awake(dt)
        if self._rest or not self._may_sleep():
            self._rest = False
            return self._wait_awake(dt)
        poller = self.poller
        ready = poller.poll(0)
        if not ready:
            began_ms = ticks_ms()
            machine.lightsleep(None if dt < 0 else dt)
            past_ms = ticks_diff(ticks_ms(), began_ms)
            _slept_ms += past_ms
            ready = poller.poll(0)
            self._rest = not ready and not _due() and (dt < 0 or past_ms < dt)
        return ready


def _due():
    task = core._task_queue.peek()
    return task is not None and ticks_diff(task.ph_key, ticks_ms()) <= 0
