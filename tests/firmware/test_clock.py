"""The clock: what it believes, how it learns the drift, and what a restart leaves of it."""

import os

from cellular import calendar
from cellular.services.clock import AREA_BYTES, EARLIEST, LATEST, Clock

START = calendar.seconds(2026, 1, 1)
DAY = 86400


class Rtc:
    """A crystal that runs `ppm` fast, seen in whole seconds; `true_s` is what the network would say."""

    def __init__(self, ppm=0):
        self.ppm = ppm
        self.true_s = START
        self.set_count = 0
        self._shown = calendar.seconds(2000, 1, 1) * 1000000

    def wait(self, seconds):
        self.true_s += seconds
        self._shown += seconds * (1000000 + self.ppm)

    def datetime(self, t=None):
        if t is None:
            return calendar.rtc_tuple(self._shown // 1000000)
        self.set_count += 1
        self._shown = calendar.seconds(t[0], t[1], t[2], t[4], t[5], t[6]) * 1000000


class Run:
    def __init__(self, ppm=0, path="drift_test"):
        self.path = path
        self.rtc = Rtc(ppm)
        self.memory = bytearray(AREA_BYTES)
        self.saved = 0
        remove(path)
        self.start()

    def start(self):
        self.clock = Clock(self.rtc, self.memory, self.path, self._save)

    def _save(self):
        self.saved += 1

    def tell(self, ahead_s=0, zone=0):
        return self.clock.take(self.rtc.true_s + ahead_s, zone)

    def error_s(self):
        return self.clock.now_s() - self.rtc.true_s

    def days(self, count, sessions=True):
        worst = 0
        for _ in range(count):
            self.rtc.wait(DAY)
            worst = max(worst, abs(self.error_s()))
            if sessions:
                assert self.tell()
        return worst


def remove(path):
    for name in (path, path + ".new"):
        try:
            os.remove(name)
        except OSError:
            pass


def test_nothing_is_known_at_first():
    run = Run()
    assert not run.clock.known and run.clock.now_s() is None and run.clock.drift_ppm is None


def test_the_first_time_is_taken_and_the_rtc_is_set():
    run = Run()
    assert run.tell(zone=32)
    assert run.clock.known and run.error_s() == 0 and run.clock.zone_quarters == 32
    assert run.rtc.datetime() == calendar.rtc_tuple(START) and run.saved == 1
    run.rtc.wait(1000)
    assert run.error_s() == 0


def test_years_that_cannot_be():
    run = Run()
    for utc_s in (0, 12, calendar.seconds(1980, 1, 6), calendar.seconds(2000, 1, 1), EARLIEST - 1, LATEST, 1 << 40):
        assert not run.clock.take(utc_s, 0)
    assert run.clock.refused == 7 and not run.clock.known and run.saved == 0
    assert run.tell()
    assert not run.clock.take(calendar.seconds(2080, 1, 1) * 2, 0) and run.error_s() == 0


def test_a_step_up_to_a_day_is_taken_at_once():
    for step in (60, -60, 3600, -3600, DAY, -DAY):
        run = Run()
        run.tell()
        run.rtc.wait(DAY)
        assert run.tell(step) and run.clock.steps == 1
        assert run.error_s() == step


def test_a_longer_one_when_the_next_session_says_the_same():
    for step in (3 * DAY, -3 * DAY, 7000 * DAY):
        run = Run()
        run.tell()
        run.rtc.wait(DAY)
        assert not run.tell(step) and run.error_s() == 0
        run.rtc.wait(DAY)
        assert run.tell(step) and run.error_s() == step


def test_a_single_wrong_time_is_forgotten():
    run = Run()
    run.tell()
    for _ in range(3):
        run.rtc.wait(DAY)
        assert not run.tell(3 * DAY)
        run.rtc.wait(DAY)
        assert run.tell() and run.error_s() == 0
    assert not run.tell(3 * DAY) and not run.tell(5 * DAY) and run.error_s() == 0


def test_drift_is_learned_and_taken_out():
    for ppm in (20, -20, 150, -150, 500, -500):
        run = Run(ppm)
        run.tell()
        run.days(1)
        assert abs(run.clock.drift_ppm - ppm) < 25  # a second in a day
        assert run.days(40) <= 3
        assert abs(run.clock.drift_ppm - ppm) < 2
        assert run.clock.steps == 0
        # Without a session for a month it is still right to a few seconds; uncorrected it would be minutes.
        assert run.days(30, sessions=False) <= 6


def test_a_drift_that_changes_is_followed():
    run = Run(50)
    run.tell()
    run.days(60)
    run.rtc.ppm = -10
    run.days(90)
    assert abs(run.clock.drift_ppm + 10) < 5 and run.clock.steps == 0


def test_a_step_is_no_drift():
    run = Run(10)
    run.tell()
    run.days(40)
    before = run.clock.drift_ppm
    assert run.tell(3600)
    assert run.clock.drift_ppm == before
    run.rtc.wait(100)
    assert run.tell(3600) and run.clock.drift_ppm == before and abs(run.error_s() - 3600) <= 1


def test_frequent_sessions_do_not_make_noise_of_it():
    run = Run(0)
    run.tell()
    for i in range(500):
        run.rtc.wait(613)
        run.tell(i % 2)  # the modem's clock may be a second on
    assert abs(run.clock.drift_ppm or 0) < 10 and run.rtc.set_count == 1


def test_a_reset_keeps_time_and_drift():
    run = Run(100)
    run.tell(zone=-20)
    run.days(10)
    drift = run.clock.drift_ppm
    run.rtc.wait(DAY // 2)
    run.start()
    assert run.clock.known and abs(run.error_s()) <= 2
    assert abs(run.clock.drift_ppm - drift) <= 1 and run.clock.zone_quarters == 0
    assert run.days(5) <= 3


def test_zone_survives_a_reset():
    run = Run()
    run.tell(zone=-20)
    run.start()
    assert run.clock.zone_quarters == -20
    run.clock.take(run.rtc.true_s, None)
    assert run.clock.zone_quarters == -20


def test_loss_of_power_keeps_the_drift():
    run = Run(100)
    run.tell()
    run.days(30)
    run.memory = bytearray(AREA_BYTES)
    run.rtc = Rtc(100)
    run.start()
    assert not run.clock.known and abs(run.clock.drift_ppm - 100) < 2
    run.tell()
    run.rtc.wait(DAY)
    assert abs(run.error_s()) <= 1


def test_an_rtc_that_lost_its_time_is_not_believed():
    run = Run()
    run.tell()
    run.rtc = Rtc()  # in the year 2000 again, though the memory is kept
    run.start()
    assert not run.clock.known and run.clock.now_s() is None


def test_drift_is_seldom_written():
    run = Run(33)
    writes = []
    run.tell()
    for _ in range(365):
        run.days(1)
        writes.append(os.stat(run.path)[6] and run.clock._stored_ppb)
    assert len(set(writes)) < 40


def test_past_2038():
    run = Run(40)
    run.rtc.true_s = calendar.seconds(2038, 1, 18)
    run.tell()
    assert run.days(30) <= 4
    assert run.clock.now_s() > 1 << 31
