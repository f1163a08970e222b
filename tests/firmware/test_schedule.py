"""Marks of a clock that jumps: each once, in order, none left out."""

from apps.meter.schedule import Schedule
from cellular import calendar

HOUR = 3600
DAY = 86400
START = calendar.seconds(2028, 2, 27, 12, 0, 10)


def walk(schedule, times):
    """All marks that are taken at these times."""
    out = []
    for t in times:
        out.extend(schedule.take(t))
    return out


def hours(first, last):
    return list(range(first, last + 1, HOUR))


NOON = START - 10


def test_begins_with_the_next_mark():
    s = Schedule(HOUR)
    assert s.take(START) == () and s.next_s(START) == NOON + HOUR
    assert s.take(NOON + HOUR - 1) == ()
    assert s.take(NOON + HOUR) == [NOON + HOUR] and s.take(NOON + HOUR) == ()
    assert s.next_s(NOON + HOUR) == NOON + 2 * HOUR


def test_an_early_wake_takes_nothing():
    s = Schedule(HOUR)
    walk(s, (START,))
    assert s.take(NOON + HOUR - 1) == () and s.next_s(NOON + HOUR - 1) == NOON + HOUR


def test_forth_makes_what_was_jumped_over_due():
    s = Schedule(HOUR, 0, 96)
    assert walk(s, (START, START + 5 * HOUR)) == hours(NOON + HOUR, NOON + 5 * HOUR)
    assert walk(s, (START + 6 * HOUR,)) == [NOON + 6 * HOUR]


def test_far_forth_makes_the_newest_due():
    s = Schedule(HOUR, 0, 96)
    last = NOON + 3650 * DAY
    assert walk(s, (START, last)) == hours(last - 95 * HOUR, last)
    s = Schedule(DAY)
    assert len(walk(s, (START, START + 9 * DAY))) == 1


def test_back_repeats_nothing():
    s = Schedule(HOUR, 0, 96)
    walk(s, (START, NOON + 5 * HOUR))
    assert walk(s, range(NOON + 2 * HOUR, NOON + 6 * HOUR, 600)) == []
    assert s.next_s(NOON + 2 * HOUR) == NOON + 6 * HOUR
    assert s.take(NOON + 6 * HOUR) == [NOON + 6 * HOUR]


def test_back_more_than_a_week_begins_anew():
    s = Schedule(DAY, 0, 62)
    walk(s, (START, START + 400 * DAY))
    assert s.take(START) == () and s.next_s(START) == NOON + DAY // 2
    assert s.take(NOON + DAY // 2) == [NOON + DAY // 2]


def test_midnights_over_a_leap_day_and_past_2038():
    for first in (START, calendar.seconds(2038, 1, 17, 1)):
        s = Schedule(DAY, 0, 62)
        marks = walk(s, range(first, first + 5 * DAY, 1800))
        assert len(marks) == 5 and all(b - a == DAY for a, b in zip(marks, marks[1:]))
        assert calendar.date(marks[0] // DAY)[2] == calendar.date(first // DAY)[2] + 1


def test_offset():
    s = Schedule(DAY, 36120)
    marks = walk(s, range(START, START + 3 * DAY, 60))
    assert [m % DAY for m in marks] == [36120] * 3


def test_a_zone_that_changes_moves_the_midnight():
    s = Schedule(DAY, 0, 62)
    walk(s, (START,))
    s.offset_s = -8 * HOUR
    assert s.next_s(START) == NOON + 4 * HOUR  # midnight east of Greenwich
    assert s.take(NOON + 4 * HOUR) == [NOON + 4 * HOUR]
    s.offset_s = -9 * HOUR
    assert s.take(NOON + 5 * HOUR) == ()
    assert s.next_s(NOON + 5 * HOUR) == NOON + 27 * HOUR


def test_restore():
    s = Schedule(HOUR, 0, 96)
    s.restore(NOON + 2 * HOUR)
    assert s.take(START + 5 * HOUR) == hours(NOON + 3 * HOUR, NOON + 5 * HOUR)


def test_any_walk_is_in_order_and_complete():
    # A clock that jumps to and fro by less than a week: the marks that were taken are one unbroken run.
    import random

    random.seed(7)
    for _ in range(50):
        s = Schedule(900, 0, 1000)
        now = START
        marks = []
        latest = now
        for _ in range(300):
            now = max(now + random.choice((60, 900, 3600, -3600, 7200, -86400, 90000, 5)), latest - 6 * DAY)
            latest = max(now, latest)
            marks.extend(s.take(now))
            assert s.next_s(now) > now
        assert all(b - a == 900 for a, b in zip(marks, marks[1:]))
