"""When something is due by a clock that may jump: each mark once, in order, none left out."""

from cellular.calendar import DAY_S

BACK_MOST_S = 7 * DAY_S  # own: put back further, what was taken before came from a wrong clock


class Schedule:
    """Marks each `period_s` seconds, `offset_s` behind the multiples of it. Times are seconds since 1970.

    A clock that jumps forth, or was not there, makes the marks in between due late, the newest `most` of them. One that
    is put back makes nothing due until it has passed the last mark again; put back by more than a week, it begins anew.
    """

    def __init__(self, period_s, offset_s=0, most=1):
        self.offset_s = offset_s
        self._period_s = period_s
        self._most = most
        self._last = None  # number of the mark that was taken last

    def restore(self, time_s):
        """The mark at `time_s` was the last one that was taken."""
        self._last = self._number(time_s)

    def take(self, now_s):
        """Times of the marks that are due, oldest first; they count as taken."""
        number = self._number(now_s)
        last = self._last
        if last is None or (last - number) * self._period_s > BACK_MOST_S:
            last = self._last = number  # a mark in the past is no beginning: who begins at noon has no midnight
        if number <= last:
            return ()
        self._last = number
        first = max(last + 1, number - self._most + 1)
        return [self._time_s(n) for n in range(first, number + 1)]

    def next_s(self, now_s):
        """Time of the next mark that will be due. Call `take` before."""
        return self._time_s(max(self._number(now_s), self._last) + 1)

    def _number(self, time_s):
        return (time_s - self.offset_s) // self._period_s

    def _time_s(self, number):
        return number * self._period_s + self.offset_s
