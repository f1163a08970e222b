"""The ledger of charge, on a clock that the test moves."""

import os

from cellular import idle, uptime
from cellular.services import ledger
from cellular.services.ledger import Battery, Ledger, area_bytes

GROUPS = (("off", "search", "tx", "psm"), ("run", "wait", "sleep"), ("base",))
CURRENTS = {
    "off": 0, "search": 50000000, "tx": 100000000, "psm": 1000, "run": 8000000, "wait": 3000000, "sleep": 2000,
    "base": 1000,
}  # fmt: skip
DAY_MS = 86400000
PATH = "ledger_test"


class World:
    """Milliseconds since the start, and those in light sleep."""

    def __init__(self):
        self.ms = 0
        self.slept_ms = self.waited_ms = 0
        self.memory = bytearray(area_bytes(GROUPS))
        for name in (PATH, PATH + ".new"):
            try:
                os.remove(name)
            except OSError:
                pass
        ledger.milliseconds = lambda: self.ms
        idle.times_ms = lambda: (self.slept_ms, self.waited_ms)
        self.start()

    def start(self):
        self.ledger = Ledger(GROUPS, self.memory, PATH)

    def wait(self, ms, asleep=False, halted=False):
        self.ms += ms
        if asleep:
            self.slept_ms += ms
        if halted:
            self.waited_ms += ms

    def charge(self):
        self.ledger.settle()
        return self.ledger.charge_uah(CURRENTS)


def test_time_in_a_phase_times_its_current():
    w = World()
    w.wait(3600000)
    w.ledger.enter("search")
    w.wait(3600)
    w.ledger.enter("psm")
    w.wait(36000000, asleep=True)
    w.wait(3600, halted=True)
    assert w.charge() == {
        "off": 0, "search": 50, "tx": 0, "psm": 10, "run": 8008, "wait": 3, "sleep": 20, "base": 11,
    }  # fmt: skip


def test_what_was_sent_is_taken_from_the_phase_it_was_in():
    w = World()
    w.ledger.enter("search")
    w.wait(7200)
    w.ledger.spent("tx", 3600)
    charge = w.charge()
    assert charge["search"] == 50 and charge["tx"] == 100
    w.ledger.spent("tx", 1000000)  # more than there was: no time out of nothing
    assert w.charge()["search"] == 0 and w.charge()["tx"] == 200


def test_no_current_known_is_left_out():
    w = World()
    w.wait(3600000)
    w.ledger.settle()
    assert w.ledger.charge_uah({"base": 5000}) == {"base": 5}


def test_forecast():
    w = World()
    w.ledger.enter("psm")
    battery = Battery(100, 3.6525)  # 100 mAh of which 10 µAh go by themselves each day
    assert battery.self_discharge_uah_day == 10
    assert w.ledger.close_day(CURRENTS, battery) == (0, None)
    for day in range(1, 11):
        w.wait(DAY_MS, asleep=True)
        used, left = w.ledger.close_day(CURRENTS, battery)
        assert used in (96 * day, 96 * day - 1)  # 24 h of 1 + 2 + 1 µA
        assert left == (100000 - used - 10 * day) // (w.ledger.day_uah + 10)
    assert w.ledger.days == 10


def test_the_recent_rate_counts():
    w = World()
    w.ledger.enter("psm")
    for _ in range(5):
        w.wait(DAY_MS, asleep=True)
        w.ledger.close_day(CURRENTS, Battery(1000))
    quiet = w.ledger.day_uah
    for _ in range(40):
        w.wait(DAY_MS - 3600000, asleep=True)
        w.wait(3600000)
        w.ledger.close_day(CURRENTS, Battery(1000))
    assert quiet <= 96 and 8000 <= w.ledger.day_uah <= 8096


def test_an_empty_battery_lasts_no_day():
    w = World()
    w.wait(DAY_MS)
    assert w.ledger.close_day(CURRENTS, Battery(1))[1] == 0


def test_a_second_close_on_one_day_changes_no_rate():
    w = World()
    w.wait(DAY_MS)
    w.ledger.close_day(CURRENTS, Battery(1000))
    rate, days = w.ledger.day_uah, w.ledger.days
    w.wait(1000)
    w.ledger.close_day(CURRENTS, Battery(1000))
    assert (w.ledger.day_uah, w.ledger.days) == (rate, days)


def test_reset_keeps_the_account_in_rtc_memory():
    w = World()
    w.wait(DAY_MS)
    w.ledger.close_day(CURRENTS, Battery(1000))
    w.wait(3600000)
    w.ledger.keep()
    before = w.charge()
    w.ms = w.slept_ms = w.waited_ms = 0  # the clocks of a new life
    w.start()
    assert w.charge() == before and w.ledger.days == 1


def test_loss_of_power_keeps_what_the_day_had_stored():
    w = World()
    w.wait(DAY_MS)
    w.ledger.close_day(CURRENTS, Battery(1000))
    before = w.charge()
    w.wait(3600000)
    w.ledger.keep()
    w.memory = bytearray(area_bytes(GROUPS))
    w.start()
    assert w.charge() == before


def test_an_account_of_other_phases_is_not_taken_over():
    w = World()
    w.wait(DAY_MS)
    w.ledger.close_day(CURRENTS, Battery(1000))
    other = (("off", "search", "tx", "deep"), ("run", "wait", "sleep"), ("base",))
    fresh = Ledger(other, bytearray(area_bytes(other)), PATH)
    assert fresh.days == 0 and sum(fresh.charge_uah({"base": 1000}).values()) == 0


def test_ten_years_do_not_overflow():
    w = World()
    w.ledger.enter("tx")
    w.wait(3650 * DAY_MS)
    w.ledger.keep()
    w.start()
    assert w.charge()["tx"] == 3650 * 24 * 100000


def test_milliseconds_of_uptime_go_up():
    first = uptime.milliseconds()
    assert 0 <= uptime.milliseconds() - first < 60000
    assert uptime.milliseconds() // 1000 <= uptime.seconds()
