"""How often we have reset the modem, kept over restarts.

GSMA TS.34 wants resets rare, and a back office wants to know. Resets in vain come ever more rarely: the fault is then
elsewhere, and each one costs charge and, if the modem lives after all, an attach.
"""

import json
import os

from cellular.uptime import seconds

# TS.34 RPM: at most one reset an hour. An alarm may not wait so long, but must not thrash the power rails either.
SPACING_S = 3600
SPACING_URGENT_S = 60
SPACING_CAP_S = 24 * 3600

_IN_VAIN_AT_START = 3  # from so many on, a restart of the device itself does not earn a reset of the modem


class Recovery:
    """`folder`: where `recovery.json` lies; it holds only counts, so losing it loses no function.

    `resets`: all that there were; `in_vain`: those since the modem last registered.
    """

    def __init__(self, folder):
        self._path = folder + "/recovery.json"
        self.resets = self.in_vain = 0
        try:
            with open(self._path) as f:
                kept = json.load(f)
            self.resets = int(kept["resets"])
            self.in_vain = int(kept["in_vain"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self._last_s = seconds() if self.in_vain >= _IN_VAIN_AT_START else None

    def allowed(self, urgent):
        """May the modem be reset now? The first reset since start is, unless many before it were in vain."""
        if self._last_s is None:
            return True
        spacing_s = SPACING_URGENT_S if urgent else min(SPACING_S << min(max(self.in_vain - 1, 0), 5), SPACING_CAP_S)
        return seconds() - self._last_s >= spacing_s

    def count(self):
        """Note a reset. A full disk is no reason not to reset."""
        self._last_s = seconds()
        self.resets += 1
        self.in_vain += 1
        self._store()

    def succeeded(self):
        """The modem is registered."""
        if self.in_vain:
            self.in_vain = 0
            self._store()

    def _store(self):
        try:
            with open(self._path + ".new", "w") as f:
                json.dump({"resets": self.resets, "in_vain": self.in_vain}, f)
            os.rename(self._path + ".new", self._path)
        except OSError:
            pass
