"""How often the modem was reset by us, kept over restarts: GSMA TS.34 wants resets rare, and a back office wants to know."""

import json
import os

from cellular.uptime import seconds

# TS.34 RPM: at most one reset an hour. An alarm may not wait so long, but must not thrash the power rails either.
SPACING_S = 3600
SPACING_URGENT_S = 60


class Recovery:
    """`folder`: where `recovery.json` lies; it holds only the count, so losing it loses no function."""

    def __init__(self, folder):
        self._path = folder + "/recovery.json"
        self._last_s = None
        try:
            with open(self._path) as f:
                self.resets = int(json.load(f)["resets"])
        except (OSError, ValueError, KeyError, TypeError):
            self.resets = 0

    def allowed(self, urgent):
        """May the modem be reset now? The first reset since start is always allowed."""
        if self._last_s is None:
            return True
        return seconds() - self._last_s >= (SPACING_URGENT_S if urgent else SPACING_S)

    def count(self):
        """Note a reset. A full disk is no reason not to reset."""
        self._last_s = seconds()
        self.resets += 1
        try:
            with open(self._path + ".new", "w") as f:
                json.dump({"resets": self.resets}, f)
            os.rename(self._path + ".new", self._path)
        except OSError:
            pass
