"""What the smoke alarm says to its server and what it takes from it."""

from apps.common import device
from apps.smoke import messages
from cellular.services.cbor import decode
from smoke_run import Run

NAME = "urn:dev:mac:a1b2c3fffed4e5f6:"


def unpack(pack):
    """{name: value} of a pack, and its base name."""
    rows = decode(bytes(pack))
    return {row[0]: row.get(2, row.get(3, row.get(4))) for row in rows}, rows[0][-2], rows


def all_events(**settings):
    """The machine's packs by name, from a run in which everything happens."""
    run = Run(**settings).warm()
    run.press().wait(10)
    run.smoke().press().clear().wait(10)
    run.i.removed = True
    run.step()
    run.battery_mv = 2000
    run.wait(86400)
    build = messages.Messages(NAME).build
    return {e[2]: unpack(build(run.m, e[1:], e[0], "001010000000001")) for e in run.seen}, run


def test_base_name_is_an_eui64_of_the_chip():
    assert device.base_name(b"\xa1\xb2\xc3\xd4\xe5\xf6") == NAME
    assert device.base_name(bytes(range(8))) == "urn:dev:mac:0001020304050607:"
    hashed = device.base_name(bytes(12))
    assert len(hashed) == len(NAME) and int(hashed[12:14], 16) & 3 == 2
    assert hashed != device.base_name(b"\x01" + bytes(11))


def test_every_pack_says_whether_it_is_a_test():
    packs, _ = all_events()
    assert {"boot", "warm_up", "test", "fire", "hush", "tamper", "low_battery", "heartbeat"} <= set(packs)
    for name, (values, base, rows) in packs.items():
        assert values["test"] is (name == "test"), name
        assert base == NAME and rows[0][0] == name
        assert ("fire" in values) == (name == "fire")


def test_units_and_state_of_the_device():
    packs, run = all_events()
    values, _, rows = packs["heartbeat"]
    assert {row[0]: row[1] for row in rows if 1 in row} == {"uptime": "s", "level": "mV", "battery": "mV", "days": "d"}
    assert values["battery"] == 2000 and values["low_battery"] is True and values["tamper"] is True
    assert values["imei"] == "001010000000001" and values["self_check"] == "battery" and values["fault"] == "none"
    assert values["state"] == run.m.state == "fault" and values["end_of_life"] is False
    assert packs["boot"][0]["boot"] == "power_on" and packs["boot"][0]["version"]


def test_the_largest_pack_fits():
    run = Run(battery_mv=1000, days=9999, level_mv=40)
    for fault in ("sensor", "contamination", "config"):
        run.m.set_fault(fault, True)
    run.warm().command("armed", False)
    run.command("check")
    run.m.dropped = 12345678
    event = (2, "heartbeat", 3650)
    pack = messages.Messages(NAME).build(run.m, event, 315360000, "001010000000001", (10**8, 36500))
    assert len(pack) < 400


def test_charge_and_forecast_are_in_the_heartbeat():
    build = messages.Messages(NAME).build
    values, _, rows = unpack(build(Run().warm().m, (2, "heartbeat", 1), 5, None, (278000, 3000)))
    assert values["used"] == 1000 and values["forecast"] == 3000
    assert {row[0]: row[1] for row in rows if 1 in row}["used"] == "C"
    values, _, _ = unpack(build(Run().warm().m, (2, "heartbeat", 1), 5, None, (278000, None)))
    assert "forecast" not in values


def test_more_than_one_fire_is_counted_in_what_tells_of_it():
    run = Run().warm().smoke().clear().wait(10)
    build = messages.Messages(NAME).build
    assert "fires" not in unpack(build(run.m, (0, "fire", True), 1))[0]
    run.smoke().clear().wait(10)
    assert run.m.fires == 2
    for event in ((0, "fire", True), (1, "fire", False), (2, "heartbeat", 1)):
        assert unpack(build(run.m, event, 1))[0]["fires"] == 2
    assert "fires" not in unpack(build(run.m, (1, "hush", True), 1))[0]


def test_disarmed_is_in_every_pack():
    run = Run().warm().command("armed", False)
    values, _, _ = unpack(messages.Messages(NAME).build(run.m, (0, "fire", True), 1))
    assert values["armed"] is False and values["fire"] is True and values["test"] is False


def test_commands():
    assert messages.commands(b"\xa1\x64hush\xf5") == [("hush", True)]
    assert messages.commands(b"\xa1\x65armed\xf4") == [("armed", False)]
    assert messages.commands(b"\xa0") == []


def test_what_is_no_command_is_refused():
    no_map = (b"", b"\x80", b"\xf5", b"\xff", b"\xa1\x80\xf5", bytes(200))
    for payload in (b"\xa1\x64hush\x01", b"\xa1\x64fire\xf5") + no_map:
        try:
            messages.commands(payload)
        except ValueError:
            continue
        raise AssertionError(payload)
