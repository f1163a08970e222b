"""What `+CEREG` says, in modes 0 to 5, as answer or as URC (TS 27.007 10.1.22)."""

from cellular.at.fields import number, split

IDLE = 0  # not registered, and not searching
HOME = 1
SEARCHES = 2
DENIED = 3
ROAMING = 5

_FIELDS = 8  # stat, tac, ci, AcT, cause_type, cause, Active-Time, Periodic-TAU


class Registration:
    """The last known registration. Unknown parts are None; forgotten when the modem restarts."""

    def __init__(self):
        self.forget()

    def forget(self):
        self.stat = None
        self.act = None
        self.cause = None
        self.active_time = None  # T3324 as 8 binary digits
        self.periodic_tau = None  # T3412 extended, ditto

    @property
    def registered(self):
        return self.stat == HOME or self.stat == ROAMING

    def take(self, text, answer, extra=None):
        """Read the fields behind `+CEREG: `; `answer`: they begin with <n>. False if they make no sense.

        extra: index of a field that the standard does not have; it is there where there is one more than it has.
        Timers that are left out where cell and AcT are given are not granted; in a short form they stay as they were.
        """
        f = split(text)
        if answer:
            f = f[1:]
        if extra is not None and len(f) > _FIELDS:
            del f[extra]
        stat = number(f, 0)
        if stat is None:
            return False
        self.stat = stat
        self.act = number(f, 3)
        # <cause_type> 0 is an EMM cause; a cause beside "registered" is only information.
        self.cause = number(f, 5) if number(f, 4) == 0 else None
        if len(f) > 3:
            self.active_time = f[6] if len(f) > 7 else None
            self.periodic_tau = f[7] if len(f) > 7 else None
        return True
