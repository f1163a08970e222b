"""How long to wait after a failure: exponential, spread over devices, capped, counted, and kept over a restart.

Follows GSMA TS.34 v8.0: retries are limited and randomised (4.0_003, 4.0_011), at most 30 attempts an hour in its
connection-efficiency defaults (F2, F4), a long pause after causes that are permanent.
"""

import binascii
import os

from cellular.trace import trace

ROUTINE_FIRST_S = 120
ROUTINE_CAP_S = 6 * 3600
ROUTINE_PERMANENT_S = 24 * 3600

# A fire is tried for as long as it waits: its count has no limit, but its rate has. After a few quick attempts it is
# one in 60 s (F1 and F3: 60 an hour), after a permanent cause one in 120 s (F2 and F4: 30 an hour). What has not got
# through in 60 attempts, hours as a rule, has nobody to hear it soon: then ever fewer, or a week without a network
# would cost a tenth of the battery.
FIRE_FIRST_S = 5
FIRE_CAP_S = 60
FIRE_PERMANENT_S = 120
FIRE_PATIENCE = 60
FIRE_LATE_CAP_S = 900

# Something new to tell that is more than routine ends a longer pause: it may be the test of the person who has just put
# things right. 30 attempts an hour, as F2 and F4.
ALARM_S = 120

# A restart is often a person who has just repaired something; a device that restarts in a loop must wait all the same.
RESTART_CAP_S = 300


class Backoff:
    """State of one path to the server. `seed` is text of the device (its IMEI), so that no two devices keep step.

    `count` is the number of failures in a row, of both classes. The count of the routine class is kept in the file
    `path` as text: written when it changes, which it no longer does once the delay is at its cap.
    """

    def __init__(self, path, seed):
        self._path = path
        self._seed = binascii.crc32(seed.encode())
        self._routine = 0
        self._fire = 0
        self.count = 0
        self._stored = self._load()
        self._routine = self._stored
        self.count = self._stored

    def failed(self, urgent, permanent):
        """Count a failure and return the delay in seconds until the next attempt."""
        self.count += 1
        if urgent:
            delay_s = FIRE_PERMANENT_S if permanent else _doubled(FIRE_FIRST_S, self._fire, FIRE_CAP_S)
            if self._fire >= FIRE_PATIENCE:
                delay_s = max(delay_s, _doubled(FIRE_CAP_S, self._fire - FIRE_PATIENCE, FIRE_LATE_CAP_S))
            self._fire += 1
            return self._spread(delay_s)
        delay_s = ROUTINE_PERMANENT_S if permanent else _doubled(ROUTINE_FIRST_S, self._routine, ROUTINE_CAP_S)
        if _doubled(ROUTINE_FIRST_S, self._routine, ROUTINE_CAP_S) < ROUTINE_CAP_S:
            self._routine += 1
        self._store(self._routine)
        return self._spread(delay_s)

    def succeeded(self):
        """The path works: begin anew."""
        self.count = self._routine = self._fire = 0
        self._store(0)

    def restart_s(self):
        """The delay in seconds before the first routine attempt after a restart: 0 unless the last one had failed."""
        if not self._stored:
            return 0
        return self._spread(min(_doubled(ROUTINE_FIRST_S, self._stored - 1, ROUTINE_CAP_S), RESTART_CAP_S))

    def _spread(self, delay_s):
        """`delay_s` to half as much again, by device and count: a run can be repeated."""
        return delay_s + delay_s * (binascii.crc32(b"%d" % self.count, self._seed) & 0xFFFF) // 0x20000

    def _load(self):
        try:
            with open(self._path) as f:
                return min(max(int(f.read(4)), 0), 99)
        except (OSError, ValueError):
            return 0  # no file yet, or a damaged one: at worst the delays begin anew

    def _store(self, count):
        if count == self._stored:
            return
        try:
            new = self._path + ".new"
            with open(new, "w") as f:
                f.write(str(count))
                f.flush()
            os.rename(new, self._path)
            self._stored = count
        except OSError as e:
            trace("backoff_not_stored", error=str(e))


def _doubled(first_s, times, cap_s):
    return min(first_s << min(times, 16), cap_s)
