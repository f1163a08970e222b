"""The meter's state machine, driven as the app does: at its due times and at events."""

from apps.meter import config
from apps.meter.machine import PER_DAY, Inputs, MeterMachine
from cellular import calendar

HOUR = 3600
DAY = 86400
START = calendar.seconds(2026, 3, 1, 10, 30)


class Run:
    """`flow`: units an hour. `seen`: (seconds, name, value) of events; `steps`: how often it was stepped."""

    def __init__(self, cause="power_on", phase=0, clock=True, restore=None, **settings):
        self.settings = config.defaults()
        self.settings.update(settings)
        self.m = MeterMachine(self.settings, cause, phase)
        if restore:
            self.m.restore(*restore)
        self.i = Inputs()
        self.i.value = 0
        self.battery_mv = 3600
        self.ahead_s = 0 if clock else None  # of the network's time before START + now
        self.now_s = 0
        self.flow = 0
        self.carry = 0
        self.seen = []
        self.readings = []
        self.freezes = []
        self.uploads = []
        self.steps = 0
        self.battery_read = 0
        self.step()

    def utc_s(self):
        return None if self.ahead_s is None else START + self.now_s + self.ahead_s

    def step(self):
        m, i = self.m, self.i
        i.utc_s = self.utc_s()
        i.battery_mv = None
        if m.battery_due(self.now_s):
            i.battery_mv = self.battery_mv
            self.battery_read += 1
        m.step(self.now_s, i)
        self.steps += 1
        assert m.next_due_s > self.now_s
        self.seen.extend((self.now_s,) + e[1:] for e in m.events)
        m.events = []
        self.readings.extend(m.readings)
        self.freezes.extend(m.freezes)
        m.readings.clear()
        m.freezes.clear()
        if m.upload:
            m.upload = False
            self.uploads.append(self.now_s)

    def wait(self, seconds):
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            to_s = min(self.m.next_due_s, end_s)
            self.carry += self.flow * (to_s - self.now_s)
            if self.i.value is not None:
                self.i.value += self.carry // HOUR
                self.carry %= HOUR
            self.now_s = to_s
            if to_s >= self.m.next_due_s:
                self.step()
        return self

    def of(self, name):
        return [e[0] for e in self.seen if e[1] == name]


def times(records):
    return [r[0] for r in records]


def test_boot_is_told_and_an_upload_comes_at_the_slot():
    run = Run(phase=5 * DAY + 7 * HOUR + 11)
    assert run.seen == [(0, "boot", "power_on")]
    run.wait(3 * DAY)
    assert [(START + t) % DAY for t in run.uploads] == [7 * HOUR + 11] * 3
    assert run.steps <= 2 + 3 * 25


def test_readings_are_aligned_and_freezes_are_at_midnight():
    run = Run()
    run.flow = 6
    run.wait(2 * DAY)
    assert times(run.readings) == list(range(START + 1800, START + 2 * DAY, HOUR))
    assert times(run.freezes) == [calendar.seconds(2026, 3, 2), calendar.seconds(2026, 3, 3)]
    assert not any(late for _, _, late in run.readings + run.freezes)
    assert [v for _, v, _ in run.freezes] == [81, 225]


def test_quarters():
    run = Run(interval_s=900).wait(DAY)
    assert times(run.readings) == list(range(START + 900, START + DAY + 1, 900))


def test_midnight_of_the_zone():
    run = Run()
    run.i.zone_s = -5 * HOUR
    run.wait(DAY)
    assert times(run.freezes) == [calendar.seconds(2026, 3, 2, 5)]
    run.i.zone_s = 23 * 900  # Nepal: not on a full hour
    run.wait(DAY)
    assert times(run.freezes)[-1] == calendar.seconds(2026, 3, 2, 18, 15)


def test_a_restart_goes_on_where_it_was():
    before = START - 1800
    run = Run("reset", 0, True, (before - 3 * HOUR, before - DAY, None, ["leak"]))
    # What came due while it was away is told late.
    assert [(t, late) for t, _, late in run.readings] == [
        (before - 2 * HOUR, True), (before - HOUR, True), (before, True),
    ]  # fmt: skip
    assert [(t, late) for t, _, late in run.freezes] == [(calendar.seconds(2026, 3, 1), True)]
    assert run.m.active == ["leak"] and run.of("leak") == []


def test_a_quick_restart_takes_nothing_twice():
    run = Run("reset", 0, True, (START - 1800, calendar.seconds(2026, 3, 1), None, []))
    assert run.readings == [] and run.freezes == []
    run.wait(HOUR)
    assert times(run.readings) == [START + 1800]


def test_upload_after_a_restart_is_not_doubled():
    slot = 10 * HOUR  # half an hour ago
    run = Run("reset", slot, True, (None, None, START - 1800, []))
    assert run.uploads == []
    run.wait(DAY)
    assert len(run.uploads) == 1


def test_upload_that_was_just_missed_comes_late_and_one_long_missed_waits():
    run = Run("reset", 10 * HOUR, True, (None, None, START - 1800 - DAY, []))
    assert run.uploads == [0]
    run = Run("reset", 8 * HOUR, True, (None, None, START - 9000 - DAY, []))
    assert run.uploads == []
    run.wait(DAY)
    assert [(START + t) % DAY for t in run.uploads] == [8 * HOUR]


def test_without_a_clock_it_uploads_once_a_day_and_takes_no_readings():
    run = Run(clock=False).wait(3 * DAY + 60)
    assert run.uploads == [DAY, 2 * DAY, 3 * DAY] and run.readings == [] and run.freezes == []
    run.ahead_s = 0
    run.step()
    run.wait(HOUR)
    assert times(run.readings) == [START + 3 * DAY + 1800]


def test_leak():
    run = Run(leak_hours=6)
    run.flow = 2
    run.wait(5 * HOUR)
    assert run.of("leak") == []
    run.wait(3 * HOUR)
    assert len(run.of("leak")) == 1 and run.m.active == ["leak"]
    run.wait(3 * DAY)
    assert len(run.of("leak")) == 1
    run.flow = 0
    run.wait(2 * HOUR)
    assert run.m.active == []
    run.flow = 2
    run.wait(8 * HOUR)
    assert len(run.of("leak")) == 2


def test_an_hour_without_flow_is_no_leak():
    run = Run(leak_hours=6)
    for _ in range(10):
        run.flow = 50
        run.wait(4 * HOUR)  # with parts of two more hours
        run.flow = 0
        run.wait(2 * HOUR)
    assert run.of("leak") == []


def test_a_leak_is_judged_by_time_that_has_passed_not_by_the_clock():
    run = Run(leak_hours=24)
    run.flow = 2
    run.wait(2 * HOUR)
    run.ahead_s = 6 * DAY
    run.step()
    run.wait(2 * HOUR)
    assert run.of("leak") == []


def test_who_could_not_look_cannot_tell_of_a_leak():
    run = Run(leak_hours=6)
    run.flow = 2
    run.wait(4 * HOUR)
    value, run.i.value = run.i.value, None
    run.wait(2 * HOUR)
    run.i.value = value + 4
    run.wait(3 * HOUR)
    assert run.of("leak") == []
    run.wait(5 * HOUR)
    assert len(run.of("leak")) == 1


def test_backflow_at_once_by_the_second_line_and_by_the_index():
    run = Run(backflow_units=3)
    run.wait(1000)
    run.i.reverse += 2
    run.i.value -= 2
    run.step()
    assert run.of("backflow") == []
    run.i.reverse += 1
    run.i.value -= 1
    run.step()
    assert run.of("backflow") == [1000]
    run.wait(3 * HOUR)
    assert run.m.active == []
    run.i.value -= 5  # a register without a second line
    run.step()
    assert len(run.of("backflow")) == 2


def test_a_little_back_now_and_then_is_no_backflow():
    run = Run(backflow_units=3).wait(HOUR)
    for _ in range(20):
        run.i.reverse += 2
        run.step()
        run.wait(HOUR)
    assert run.of("backflow") == []


def test_tamper_is_debounced():
    run = Run()
    run.i.open = True
    run.step()
    run.wait(2)
    run.i.open = False
    run.step()
    run.wait(60)
    assert run.of("tamper") == []
    run.i.open = True
    run.step()
    run.wait(60)
    assert run.of("tamper") == [65]
    run.i.open = False
    run.step()
    run.wait(60)
    assert run.m.active == [] and len(run.of("tamper")) == 1


def test_repeats_are_capped_by_the_day():
    run = Run()
    for _ in range(2):
        for _ in range(PER_DAY + 4):
            for state in (True, False):
                run.i.open = state
                run.step()
                run.wait(60)
        run.wait(DAY)
    assert len(run.of("tamper")) == 2 * PER_DAY and run.m.dropped == 2 * 4


def test_low_battery_once_with_hysteresis():
    run = Run(low_battery_mv=3000)
    for mv in (2990, 3050, 2995, 3090):
        run.battery_mv = mv
        run.wait(DAY + HOUR)
    assert len(run.of("low_battery")) == 1 and run.m.active == ["low_battery"]
    run.battery_mv = 3100
    run.wait(DAY + HOUR)
    assert run.m.active == []
    assert run.battery_read <= 8


def test_a_register_that_does_not_answer():
    run = Run()
    run.wait(1000)
    run.i.value = None
    run.wait(3 * HOUR)
    assert len(run.of("register")) == 1 and run.readings == []
    run.i.value = 77
    run.wait(600)
    assert run.m.active == [] and [v for _, v, _ in run.readings] == [77, 77, 77]
    assert [late for _, _, late in run.readings] == [True, True, True]
    assert run.steps < 60


def test_clock_put_back_over_midnight_doubles_no_freeze():
    run = Run()
    run.wait(14 * HOUR)
    run.ahead_s = -2 * HOUR
    run.step()
    run.wait(DAY)
    assert times(run.freezes) == [calendar.seconds(2026, 3, 2), calendar.seconds(2026, 3, 3)][: len(run.freezes)]
    run.wait(DAY)
    assert times(run.freezes)[:3] == [calendar.seconds(2026, 3, d) for d in (2, 3, 4)][: len(run.freezes)]
    assert all(b - a == HOUR for a, b in zip(times(run.readings), times(run.readings)[1:]))


def test_clock_put_forth_over_midnight_leaves_no_freeze_out():
    run = Run()
    run.wait(13 * HOUR)
    run.ahead_s = 2 * DAY
    run.step()
    assert [(t, late) for t, _, late in run.freezes] == [
        (calendar.seconds(2026, 3, 2), True),
        (calendar.seconds(2026, 3, 3), True),
    ]
    assert all(b - a == HOUR for a, b in zip(times(run.readings), times(run.readings)[1:]))
    run.wait(2 * DAY)
    assert times(run.freezes)[2:] == [calendar.seconds(2026, 3, 4), calendar.seconds(2026, 3, 5)]


def test_many_devices_spread_over_the_day():
    from binascii import crc32

    # Ten thousand with consecutive ids, as a factory makes them: no hour has much more than its share.
    per_hour = [0] * 24
    slots = set()
    for n in range(10000):
        slot = crc32(bytes((0xA1, 0xB2, 0xC3, n >> 16, n >> 8 & 255, n & 255))) % DAY
        per_hour[slot // HOUR] += 1
        slots.add(slot)
    assert 10000 // 24 * 8 // 10 < min(per_hour) and max(per_hour) < 10000 // 24 * 12 // 10
    assert len(slots) > 9000
