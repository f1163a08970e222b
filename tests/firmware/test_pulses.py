"""Pulses: debouncing, both directions, and an index that goes on after a restart."""

import time

from apps.meter import pulses
from apps.meter.pulses import CounterSource, IrqSource, PulseRegister


class Pin:
    def __init__(self, level=1):
        self.level = level

    def value(self):
        return self.level


class Contact:
    """A contact with a pull-up, and the time in ms."""

    def __init__(self, direction=None, now_ms=1000):
        self.now_ms = now_ms
        self.pin = Pin()
        self.wakes = 0
        pulses.ticks_ms = lambda: self.now_ms % (1 << 30)
        self.source = IrqSource(self.pin, self._edge, direction)

    def _edge(self):
        self.wakes += 1

    def edge(self, level, after_ms=0, seen=None):
        """The line goes to `level`; the handler sees `seen` where it is late."""
        self.now_ms += after_ms
        self.pin.level = level if seen is None else seen
        self.source.edge(self.pin)
        self.pin.level = level

    def pulse(self, every_ms=1000, closed_ms=100):
        self.edge(0, every_ms - closed_ms)
        self.edge(1, closed_ms)


class Counter:
    def __init__(self):
        self.n = 0

    def value(self):
        return self.n


def test_clean_pulses():
    c = Contact()
    for _ in range(10):
        c.pulse()
    assert c.source.count() == 10 and c.wakes == 20


def test_bouncing_on_closing_and_opening_counts_once():
    c = Contact()
    for _ in range(5):
        c.edge(0, 900)
        for level in (1, 0, 1, 0):
            c.edge(level, 2)
        c.edge(1, 300)
        for level in (0, 1, 0, 1):
            c.edge(level, 2)
    assert c.source.count() == 5


def test_a_late_handler_sees_the_bounce_and_counts_all_the_same():
    c = Contact()
    c.edge(0, 900, seen=1)
    c.edge(1, 1, seen=0)
    c.edge(0, 1)
    c.edge(1, 300, seen=0)
    c.edge(0, 1, seen=1)
    c.edge(1, 1)
    assert c.source.count() == 1
    c.pulse()
    assert c.source.count() == 2


def test_short_pulses_are_not_lost():
    c = Contact()
    for _ in range(10):
        c.pulse(200, 20)
    assert c.source.count() == 10


def test_a_meter_that_stands_still_for_weeks():
    c = Contact()
    c.pulse()
    for days in (3, 6.3, 9, 12.43, 20):
        c.pulse(int(days * 86400000))
    assert c.source.count() == 6


def test_closed_at_the_start_counts_when_it_closes_again():
    c = Contact()
    c.pin.level = 0
    c.source = IrqSource(c.pin, c._edge)
    c.edge(1, 500)
    assert c.source.count() == 0
    c.pulse()
    assert c.source.count() == 1


def test_direction_input():
    direction = Pin(0)
    c = Contact(direction)
    register = PulseRegister(c.source, None, 10)
    for _ in range(5):
        c.pulse()
    direction.level = 1
    for _ in range(2):
        c.pulse()
    assert register.read() == 30 and register.reverse == 20
    assert register.read() == 30 and register.reverse == 20
    direction.level = 0
    c.pulse()
    assert register.read() == 40 and register.reverse == 20


def pair():
    return Counter(), Counter()


def test_second_line_counts_backwards():
    forward, backward = pair()
    register = PulseRegister(CounterSource(forward), CounterSource(backward), 100)
    forward.n, backward.n = 7, 2
    assert register.read() == 500 and register.reverse == 200
    forward.n = 9
    assert register.read() == 700


def test_a_counter_that_counts_on_through_a_reset():
    forward, backward = pair()
    register = PulseRegister(CounterSource(forward), CounterSource(backward))
    forward.n, backward.n = 50, 5
    register.read()
    state = register.state()
    forward.n, backward.n = 57, 6
    again = PulseRegister(CounterSource(forward), CounterSource(backward))
    again.restore(*state)
    assert again.read() == 57 - 6 and again.reverse == 6


def test_a_counter_that_began_anew():
    forward, backward = pair()
    register = PulseRegister(CounterSource(forward), CounterSource(backward))
    forward.n, backward.n = 50, 5
    register.read()
    state = register.state()
    forward.n, backward.n = 3, 0
    again = PulseRegister(CounterSource(forward), CounterSource(backward))
    again.restore(*state)
    assert again.read() == 45 + 3 and again.reverse == 5
    forward.n, backward.n = 4, 1
    assert again.read() == 45 + 4 - 1 and again.reverse == 6


def test_an_index_goes_on():
    forward, _ = pair()
    forward.n = 1000  # counted before, and in the index
    register = PulseRegister(CounterSource(forward), None, 10)
    register.restore_index(123450, 0)
    assert register.read() == 123450
    forward.n += 1
    assert register.read() == 123460


def test_a_large_index_stays_exact():
    forward, _ = pair()
    register = PulseRegister(CounterSource(forward), None, 1)
    register.restore_index(10**12 - 1, 0)
    forward.n = 2
    assert register.read() == 10**12 + 1


assert time.ticks_diff(5, 3) == 2  # the tests' ticks wrap as the port's
