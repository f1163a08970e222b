"""What the siren and the LEDs do: patterns as times in milliseconds, on and off in turn, repeated."""

import asyncio

_TEMPORAL_3 = (500, 500, 500, 500, 500, 1500)  # the evacuation signal (ISO 8201)

PATTERNS = {
    "alarm": _TEMPORAL_3,
    "test": _TEMPORAL_3,  # a name of its own: a fire during the test's pause begins anew, at once
    # Fault tones are chirps once a minute (F10, BRK SA320), so that nobody takes them for a fire (F2).
    "low_battery": (100, 59900),
    "fault": (100, 200, 100, 59600),
    "end_of_life": (100, 200, 100, 200, 100, 59300),
    "hush": (100, 1900),
    "memory": (100, 9900),
    "warm_up": (500, 500),
    "normal": None,  # steady: the LED's driver pulses it
}


class Signal:
    """One output pin that plays a pattern by name; None is off."""

    def __init__(self, pin):
        self.playing = None
        self._pin = pin
        self._task = None

    def play(self, name):
        """Begin another pattern. The pin has its first level when this returns; True if the pattern is a new one."""
        if name == self.playing:
            return False
        self._pin.value(0 if name is None else 1)
        self.playing = name
        if self._task is not None:
            self._task.cancel()
            self._task = None
        pattern = PATTERNS.get(name)
        if pattern:
            self._task = asyncio.create_task(self._play(pattern))
        return True

    def force(self, level):
        """Drive the pin whatever was playing; the next `play` begins anew."""
        self._pin.value(level)
        self.playing = "forced"
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _play(self, pattern):
        while True:
            level = 1
            for ms in pattern:
                await asyncio.sleep_ms(ms)
                level ^= 1
                self._pin.value(level)
