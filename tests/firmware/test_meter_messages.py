"""What the meter says to its server, how much fits into a message, and what it keeps over a restart."""

from apps.meter import config, state
from apps.meter.messages import PACK_BYTES, Messages
from apps.meter.state import State
from cellular import calendar
from cellular.services.cbor import decode

NAME = "urn:dev:mac:a1b2c3fffed4e5f6:"
NOW = calendar.seconds(2038, 1, 19, 10, 2)


class Machine:
    def __init__(self, value=123456):
        self.value = value
        self.battery_mv = 3610
        self.active = []
        self.dropped = 0


def resolve(pack):
    """[(name, time, value)] with the base fields applied."""
    out = []
    base = {}
    for row in decode(bytes(pack)):
        base.update({k: v for k, v in row.items() if k < 0})
        value = row.get(3, row.get(4))
        if 2 in row:
            value = row[2] + base.get(-5, 0)
        out.append((row[0], base.get(-3, 0) + row.get(6, 0), value))
    assert base[-2] == NAME and len(pack) <= PACK_BYTES
    return out


def rows(count, step_s=3600, value=123000, late=()):
    end = NOW // step_s * step_s
    return [(n, end - (count - 1 - n) * step_s, value + 17 * n, n in late) for n in range(count)]


def upload(machine, readings, freezes=(), ledger=(1234567, 3000), drift=-4.5, utc=NOW):
    packs = Messages(NAME, "l").upload(machine, utc, ledger, drift, readings, freezes)
    return [(resolve(pack), reading, freeze) for pack, reading, freeze in packs]


def test_a_day_of_hours_is_one_message():
    for value in (0, 123456, 99999999):
        readings = rows(24, value=value)
        day = [(5, NOW // 86400 * 86400, value, False)]
        packs = upload(Machine(value + 400), readings, day)
        assert len(packs) == 1
        records, next_reading, next_freeze = packs[0]
        assert [r for r in records if r[0] == "r"] == [("r", t, v) for _, t, v, _ in readings]
        assert [r for r in records if r[0] == "day"] == [("day", day[0][1], value)]
        assert (next_reading, next_freeze) == (24, 6)


def test_status():
    machine = Machine()
    machine.active = ["leak", "tamper"]
    machine.dropped = 2
    [(records, _, _)] = upload(machine, ())
    assert records == [
        ("total", NOW, 123456), ("battery", NOW, 3610), ("leak", NOW, True), ("tamper", NOW, True),
        ("used", NOW, 1234567 // 278), ("forecast", NOW, 3000), ("drift", NOW, -4), ("dropped", NOW, 2),
    ]  # fmt: skip
    machine.battery_mv = None
    assert [r[0] for r in upload(Machine(None), (), (), (0, None), None)[0][0]] == ["battery", "used"]


def test_many_readings_take_many_messages_and_none_is_left_out():
    readings = rows(400, 900)
    freezes = [(n, NOW // 86400 * 86400 - (61 - n) * 86400, 1000 * n, False) for n in range(62)]
    packs = upload(Machine(), readings, freezes)
    together = [r for records, _, _ in packs for r in records]
    assert [r for r in together if r[0] == "r"] == [("r", t, v) for _, t, v, _ in readings]
    assert [r for r in together if r[0] == "day"] == [("day", t, v) for _, t, v, _ in freezes]
    assert packs[-1][1:] == (400, 62) and 10 <= len(packs) <= 16
    for records, next_reading, next_freeze in packs:
        # What a message says of the next ones is true for what has gone so far.
        told = [r for r in records if r[0] in ("r", "day")]
        if next_reading:
            assert told[-1][1] == readings[next_reading - 1][1]
        elif next_freeze:
            assert told[-1][1] == freezes[next_freeze - 1][1]


def test_late_ones_say_so():
    [(records, _, _)] = upload(Machine(), rows(3, late=(1,)))
    assert [r[0] for r in records][-3:] == ["r", "r_late", "r"]


def test_an_index_that_falls():
    readings = [(0, NOW - 7200, 500, False), (1, NOW - 3600, 400, False)]
    [(records, _, _)] = upload(Machine(400), readings)
    assert [r[2] for r in records][-2:] == [500, 400]


def test_without_a_clock_times_are_absolute_or_left_out():
    [(records, _, _)] = upload(Machine(), rows(2), utc=None)
    assert [r[1] for r in records][-2:] == [t for _, t, _, _ in rows(2)]
    assert records[0] == ("total", 0, 123456)


def test_event():
    m = Messages(NAME, "l")
    machine = Machine()
    machine.active = ["tamper", "leak"]
    names = [r[0] for r in resolve(m.event(machine, (1, "leak", True), NOW))]
    assert names == ["leak", "total", "battery", "tamper"]
    records = resolve(m.event(machine, (2, "boot", "reset"), None))
    assert records[0] == ("boot", 0, "reset") and records[-1][0] == "version"


def test_charge_of_each_phase():
    records = resolve(Messages(NAME, "l").charge({"psm": 278000, "tx": 5}, NOW, "001010000000001"))
    assert records == [("used/psm", NOW, 1000), ("used/tx", NOW, 0), ("imei", NOW, "001010000000001")]


def test_state_comes_back():
    s = State()
    s.total, s.back, s.seen, s.seen_reverse = 1 << 40, -3, 5, 6
    s.readings_sent, s.freezes_sent, s.readings_kept = 7, 8, 9
    s.slot_s, s.uploads, s.active = NOW, 10, ["tamper", "register"]
    buf = bytearray(state.BYTES)
    s.pack_into(buf)
    t = State()
    assert t.unpack(bytes(buf)) and t.known
    s.known = True
    assert t.__dict__ == s.__dict__
    t.slot_s = None
    t.pack_into(buf)
    assert State().unpack(bytes(buf)) and t.slot_s is None


def test_state_that_is_none():
    for data in (None, b"", bytes(state.BYTES), bytes(state.BYTES + 1), b"\x02" + bytes(state.BYTES - 1)):
        s = State()
        assert not s.unpack(data) and not s.known


def test_config():
    settings = config.defaults()
    assert settings["interval_s"] == 3600 and settings["unit"] == "l" and settings["server"] is None
    path = "meter_config_test"
    for text, key, problem in (
        ('{"interval_s": 900, "unit": "kWh", "index": 1234567890123}', "index", True),
        ('{"interval_s": 900, "pulse_weight": 100}', "interval_s", False),
        ('{"interval_s": 1800}', "interval_s", True),
        ('{"interval_s": true}', "interval_s", True),
        ('{"unit": null}', "unit", True),
        ('{"unit": "kWh"}', "unit", False),
        ('{"heartbeat_s": 60}', "heartbeat_s", True),
    ):
        with open(path, "w") as f:
            f.write(text)
        settings, problems = config.load(path)
        assert len(problems) == (1 if problem else 0) and (not problem or problems[0].startswith(key)), problems
    import os

    os.remove(path)
