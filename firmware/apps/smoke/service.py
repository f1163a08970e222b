"""Days of service (F14), kept on flash: written once a day, replaced at once or not at all."""

from cellular.services import smallfile
from cellular.trace import trace


def load_days(path):
    """The count in the file `path`; 0 where there is none, as on a new device."""
    data = smallfile.load(path, 12)
    try:
        return max(0, int(data)) if data is not None else 0
    except ValueError:
        trace("days_unreadable", error="expected a number")
    return 0


def store_days(path, days):
    """Keep the count. A flash that fails loses it, and nothing else."""
    smallfile.store(path, b"%d" % days)
