"""Days of service (F14), kept on flash: written once a day, replaced at once or not at all."""

import os

from cellular.trace import trace


def load_days(path):
    """The count in the file `path`; 0 where there is none, as on a new device."""
    try:
        with open(path) as f:
            return max(0, int(f.read(12)))
    except OSError as e:
        if e.errno != 2:
            trace("days_unreadable", error=str(e))
    except ValueError:
        trace("days_unreadable", error="expected a number")
    return 0


def store_days(path, days):
    """Keep the count. A flash that fails loses it, and nothing else."""
    try:
        with open(path + ".new", "w") as f:
            f.write(str(days))
        os.rename(path + ".new", path)
    except OSError as e:
        trace("days_not_stored", error=str(e))
