"""What a meter counts: registers, and the pulses of a reed contact or an open collector behind them."""

from time import ticks_diff, ticks_ms

from micropython import const

DEBOUNCE_MS = const(50)  # own: reed contacts bounce for a few ms, a water meter gives a few pulses a second at most


class Register:
    """What is read: `read()` gives an int in the register's unit, or raises OSError. `reverse` is what has flowed
    backwards so far, in the same unit; 0 where the register cannot tell.
    """

    reverse = 0

    def read(self):
        raise NotImplementedError


class PulseRegister(Register):
    """Index of a meter with a pulse output. `forward`, `reverse_line`: sources (`count()` since some beginning), the
    latter None where there is no second line; `weight`: units a pulse.

    It goes on from `restore`; without it, from 0.
    """

    def __init__(self, forward, reverse_line=None, weight=1):
        self._forward = forward
        self._reverse_line = reverse_line
        self._weight = weight
        self._total = 0  # pulses, forward less backward
        self._back = 0  # pulses backward
        self._seen = [0, 0]  # counts of the two sources that are in the total

    @property
    def reverse(self):
        return self._back * self._weight

    def read(self):
        """Take what the sources have counted and return the index."""
        self._total += self._new(0, self._forward)
        if self._reverse_line is not None:
            back = self._new(1, self._reverse_line)
            self._total -= back
            self._back += back
        back = self._forward.backward()
        self._total -= back
        self._back += back
        return self._total * self._weight

    def state(self):
        """(pulses, pulses backward, count of the first source, of the second): what `restore` wants, as of `read`."""
        return self._total, self._back, self._seen[0], self._seen[1]

    def restore(self, total, back, seen, seen_reverse):
        """Go on from `state()`. A source that has counted on through the restart is taken over, one that began anew
        as well.
        """
        self._total, self._back = total, back
        self._seen = [seen, seen_reverse]
        for i, source in ((0, self._forward), (1, self._reverse_line)):
            if source is not None and source.count() < self._seen[i]:
                self._seen[i] = 0

    def restore_index(self, value, back):
        """Go on from an index in units: what the sources have counted before is in it, or nobody knows of it."""
        self._total, self._back = value // self._weight, back
        self._seen = [0 if source is None else source.count() for source in (self._forward, self._reverse_line)]

    def _new(self, i, source):
        count = source.count()
        new = count - self._seen[i]
        self._seen[i] = count
        return new


class CounterSource:
    """A hardware counter that counts while the CPU sleeps, and through a reset where the chip lets it."""

    def __init__(self, counter):
        self._counter = counter

    def count(self):
        return self._counter.value()

    def backward(self):
        return 0


class IrqSource:
    """Pulses by interrupt, for boards without a counter: each wakes the CPU. `pin`: low while the contact is closed;
    `direction`: pin that is high while the flow is backwards, or None. on_edge() is called in the interrupt handler.

    An edge counts if the contact was open and there was no edge in the `debounce_ms` before it: so a bounce does not
    count, on closing or opening, and it does not matter what the pin shows by the time that the handler runs.
    """

    def __init__(self, pin, on_edge, direction=None, debounce_ms=DEBOUNCE_MS):
        self._on_edge = on_edge
        self._direction = direction
        self._debounce_ms = debounce_ms
        self._count = 0
        self._backward = 0
        self._edge_ms = None
        self._level = pin.value()

    def count(self):
        return self._count

    def backward(self):
        """Pulses backwards since the last call."""
        n, self._backward = self._backward, 0
        return n

    def edge(self, pin):
        """The handler of both edges."""
        self._on_edge()
        now_ms = ticks_ms()
        last_ms, self._edge_ms = self._edge_ms, now_ms
        was_open, self._level = self._level, pin.value()
        # After six days the difference wraps to a negative one: that is no bounce either.
        if not was_open or (last_ms is not None and 0 <= ticks_diff(now_ms, last_ms) < self._debounce_ms):
            return
        if self._direction is not None and self._direction.value():
            self._backward += 1
        else:
            self._count += 1
