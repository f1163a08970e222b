"""Back-off: growth, caps, spread over devices, and what a restart remembers."""

import os

from cellular.services import backoff
from cellular.services.backoff import Backoff


def fresh(name="cellkit_backoff"):
    path = (os.getenv("TMPDIR") or "/tmp") + "/" + name + "".join("%02x" % b for b in os.urandom(6))
    return path


def in_spread(delay_s, nominal_s):
    return nominal_s <= delay_s <= nominal_s + nominal_s // 2


def test_routine_doubles_up_to_its_cap():
    path = fresh()
    b = Backoff(path, "imei")
    nominal_s = backoff.ROUTINE_FIRST_S
    for n in range(1, 15):
        delay_s = b.failed(False, False)
        assert in_spread(delay_s, nominal_s), (n, delay_s, nominal_s)
        assert b.count == n
        nominal_s = min(2 * nominal_s, backoff.ROUTINE_CAP_S)
    assert nominal_s == backoff.ROUTINE_CAP_S
    b.succeeded()
    assert b.count == 0 and in_spread(b.failed(False, False), backoff.ROUTINE_FIRST_S)
    os.remove(path)


def test_fire_has_no_limit_on_count_but_on_rate():
    b = Backoff(fresh(), "imei")
    delays = [b.failed(True, False) for _ in range(300)]
    assert in_spread(delays[0], backoff.FIRE_FIRST_S)
    assert all(in_spread(d, backoff.FIRE_CAP_S) for d in delays[4 : backoff.FIRE_PATIENCE + 1])
    assert in_spread(delays[backoff.FIRE_PATIENCE + 1], 2 * backoff.FIRE_CAP_S)
    assert all(in_spread(d, backoff.FIRE_LATE_CAP_S) for d in delays[backoff.FIRE_PATIENCE + 4 :])
    assert b.count == 300
    b.succeeded()
    assert in_spread(b.failed(True, False), backoff.FIRE_FIRST_S)


def test_classes_do_not_lengthen_each_other():
    path = fresh()
    b = Backoff(path, "imei")
    for _ in range(12):
        b.failed(False, False)
    assert in_spread(b.failed(True, False), backoff.FIRE_FIRST_S)
    for _ in range(12):
        b.failed(True, False)
    assert in_spread(b.failed(False, False), backoff.ROUTINE_CAP_S)
    os.remove(path)


def test_permanent_causes_wait_longest():
    path = fresh()
    b = Backoff(path, "imei")
    assert in_spread(b.failed(False, True), backoff.ROUTINE_PERMANENT_S)
    assert in_spread(b.failed(True, True), backoff.FIRE_PERMANENT_S)
    assert backoff.ROUTINE_PERMANENT_S > backoff.ROUTINE_CAP_S and backoff.FIRE_PERMANENT_S > backoff.FIRE_CAP_S
    os.remove(path)


def test_devices_spread_over_the_whole_window():
    # TS.34 4.0_003: after an outage a thousand devices must not come back at once.
    buckets = [0] * 10
    for i in range(1000):
        b = Backoff("/nowhere/state", "86769904%07d" % i)
        delay_s = 0
        for _ in range(4):
            delay_s = b.failed(True, False)
        nominal_s = backoff.FIRE_FIRST_S << 3
        buckets[min((delay_s - nominal_s) * 20 // nominal_s, 9)] += 1
    assert min(buckets) > 40 and max(buckets) < 200, buckets


def test_two_devices_with_neighbouring_numbers_part():
    a, b = Backoff("/nowhere/a", "imei1"), Backoff("/nowhere/b", "imei2")
    assert [a.failed(False, False) for _ in range(6)] != [b.failed(False, False) for _ in range(6)]


def test_restart_goes_on_where_it_was():
    path = fresh()
    b = Backoff(path, "imei")
    assert b.restart_s() == 0
    for _ in range(4):
        b.failed(False, False)
    again = Backoff(path, "imei")
    assert again.count == 4 and in_spread(again.failed(False, False), backoff.ROUTINE_FIRST_S << 4)
    # A wait, since a device in a restart loop must not storm, but a short one: a person may have repaired something.
    assert in_spread(Backoff(path, "imei").restart_s(), backoff.RESTART_CAP_S)
    again.succeeded()
    assert Backoff(path, "imei").count == 0 and Backoff(path, "imei").restart_s() == 0
    os.remove(path)


def test_file_is_written_only_when_its_content_changes():
    path = fresh()
    b = Backoff(path, "imei")
    b.succeeded()
    b.failed(True, False)
    try:
        os.stat(path)
        raise AssertionError("a success after no failure, or a fire, wrote the file")
    except OSError:
        pass
    for _ in range(20):
        b.failed(False, False)
    os.remove(path)
    b.failed(False, False)  # at its cap: nothing new to write
    try:
        os.stat(path)
        raise AssertionError("written although nothing changed")
    except OSError:
        pass


def test_damaged_or_missing_file_begins_anew():
    path = fresh()
    for content in ("", "x", "-3", "999999", "\x00\xff"):
        with open(path, "w") as f:
            f.write(content)
        b = Backoff(path, "imei")
        assert 0 <= b.count <= 99
        assert b.failed(False, False) >= backoff.ROUTINE_FIRST_S
    os.remove(path)


def test_a_file_system_that_fails_changes_nothing_else():
    b = Backoff("/nowhere/at/all", "imei")
    assert b.failed(False, False) >= backoff.ROUTINE_FIRST_S and b.count == 1
    b.succeeded()
    assert b.count == 0
