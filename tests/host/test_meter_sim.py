"""The meter in virtual time, over days: what its server gets, whatever clock, network and power do meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.chip import ResetCause
from meter_rig import DAY_S, HOUSEHOLD, START_S, Meter, household

HOUR_S = 3600
SLOT_S = 36120  # crc32 of the unique id of McuConfig, modulo a day


def steps(readings: Sequence[tuple[int, int]]) -> set[int]:
    """The distances between readings in seconds."""
    return {b[0] - a[0] for a, b in pairwise(readings)}


# --- a good network ---------------------------------------------------------------------------------------------------


def test_days_without_trouble() -> None:
    with Meter() as meter:
        meter.run(4 * DAY_S)
        assert meter.failures() == []
        uploads = [t for t, _ in meter.traces("upload")]
        assert [round(t - SLOT_S, -1) / DAY_S for t in uploads] == [0, 1, 2, 3]
        readings = meter.readings()
        # All hours up to the last upload, each with what had flowed by then; nothing twice.
        assert [t - START_S for t, _ in readings] == [HOUR_S * n for n in range(1, 3 * 24 + 11)]
        assert readings == [(t, household(t - START_S)) for t, _ in readings]
        assert meter.freezes() == [(START_S + n * DAY_S, n * sum(HOUSEHOLD)) for n in (1, 2, 3)]
        assert meter.records("r_late", "day_late") == []
        assert len(meter.packs()) == 1 + 4 + 1  # boot, uploads, and the charge of each phase once a week
        assert max(len(records) for _, _, records in meter.packs()) >= 24  # a day is one message


def test_it_does_nothing_that_costs_without_need() -> None:
    with Meter() as meter:
        meter.run(2 * DAY_S)
        turns, programs, erases = meter.bench.mcu.turns, meter.bench.flash_programs, sum(meter.bench.flash_erases)
        meter.run(DAY_S)
        assert meter.bench.mcu.turns - turns <= 24 + 30  # a wake for each reading, and one session
        assert meter.bench.flash_programs - programs <= 120
        assert sum(meter.bench.flash_erases) - erases <= 6
        sleeps = [event["t"] for event in meter.bench.log.events if event["ev"] == "lightsleep" and not event["on"]]
        between = [t for t in sleeps if 2 * DAY_S + HOUR_S * 11.1 < t < 2 * DAY_S + HOUR_S * 23.9]
        assert len(between) == 12  # no wake but for the readings
        commands = meter.at_commands(2 * DAY_S)
        assert len([c for c in commands if c.startswith("AT+QISEND")]) == 1
        assert commands.count("AT+CCLK?") == 1
        assert len(commands) <= 14, commands


def test_slot_is_the_same_after_a_restart_and_another_on_another_device() -> None:
    slots = []
    for unique_id in ("a1b2c3d4e5f6", "a1b2c3d4e5f7"):
        with Meter(mcu={"unique_id": unique_id}) as meter:
            meter.run(1.5 * DAY_S)
            meter.bench.mcu.restart(ResetCause.HARD)
            meter.run(1.5 * DAY_S)
            slots.append({round(t % DAY_S, -1) for t, _ in meter.traces("upload")})
            assert len(meter.traces("upload")) == 3
    assert slots[0] == {SLOT_S}
    assert len(slots[1]) == 1 and slots[1] != slots[0]


def test_readings_each_quarter_of_an_hour() -> None:
    with Meter({"interval_s": 900}) as meter:
        meter.run(3 * DAY_S)
        assert meter.failures() == []
        readings = meter.readings()
        assert steps(readings) == {900} and len(readings) >= 2 * 96
        assert readings == [(t, household(t - START_S)) for t, _ in readings]


def test_midnight_is_that_of_the_networks_zone() -> None:
    with Meter(network={"policy": {"utc_offset_quarters": 32}}) as meter:
        meter.run(3 * DAY_S)
        midnights = [t for t, _ in meter.freezes()]
        assert [(t + 32 * 900) % DAY_S for t in midnights] == [0, 0]
        assert midnights == [START_S + 16 * HOUR_S, START_S + 40 * HOUR_S]


@pytest.mark.parametrize(
    ("start_s", "days"),
    [
        pytest.param(1835136000, ["2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01"], id="leap day"),
        pytest.param(2147299200, ["2038-01-18", "2038-01-19", "2038-01-20", "2038-01-21"], id="2038"),
    ],
)
def test_calendar(start_s: int, days: list[str]) -> None:
    from datetime import UTC, datetime

    with Meter(network={"utc_start_s": float(start_s)}) as meter:
        meter.run(5 * DAY_S)
        assert meter.failures() == []
        frozen = [datetime.fromtimestamp(t, UTC).isoformat() for t, _ in meter.freezes()]
        assert frozen == [f"{day}T00:00:00+00:00" for day in days]
        assert steps(meter.readings()) == {HOUR_S}


# --- clock ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_s", [7200, -7200, 90, -90, 80000, -80000])
def test_the_networks_clock_is_corrected(by_s: int) -> None:
    with Meter(network={"clock_jumps": [{"at_s": 1.3 * DAY_S, "by_s": by_s}]}) as meter:
        meter.run(6 * DAY_S)
        assert meter.failures() == []
        [(_, step)] = meter.traces("clock_step")
        assert abs(step["step_s"] - by_s) <= 1
        readings, freezes = meter.readings(), meter.freezes()
        assert steps(readings) == {HOUR_S}  # in order, none twice, none left out
        assert steps(freezes) == {DAY_S}
        assert all(b[1] >= a[1] for a, b in pairwise(readings))
        # Two days later all is at the network's time again.
        for t, data in meter.traces("reading"):
            if t > 3 * DAY_S:
                assert abs(data["time_s"] - (START_S + t + by_s)) <= 3


def test_a_jump_of_days_is_believed_the_second_time() -> None:
    jumps = [{"at_s": 2.3 * DAY_S, "by_s": 3 * DAY_S}, {"at_s": 6.3 * DAY_S, "by_s": -3 * DAY_S}]
    with Meter(network={"clock_jumps": jumps}) as meter:
        meter.run(12 * DAY_S)
        assert [data["why"] for _, data in meter.traces("clock_refused")] == ["step", "step"]
        assert [round(data["step_s"] / DAY_S) for _, data in meter.traces("clock_step")] == [3, -3]
        assert steps(meter.readings()) == {HOUR_S} and steps(meter.freezes()) == {DAY_S}
        assert [name for _, _, records in meter.packs() for name in {r["name"] for r in records} if "late" in name]


@pytest.mark.parametrize("ppm", [80, -80])
def test_drift_is_learned_and_taken_out(ppm: int) -> None:
    with Meter(mcu={"rtc_drift_ppm": ppm}) as meter:
        meter.run(35 * DAY_S)
        assert meter.failures() == [] and meter.traces("clock_step") == []
        assert abs(meter.traces("drift")[-1][1]["ppm"] - ppm) < 3
        # 80 ppm are 7 s a day, and none of them is seen any more.
        late = [t % HOUR_S for t, _ in meter.traces("reading") if t > 10 * DAY_S]
        assert min(min(t, HOUR_S - t) for t in late) >= 0 and max(min(t, HOUR_S - t) for t in late) <= 4
        assert [value for _, value in meter.records("drift")][-1] in range(ppm - 3, ppm + 4)


def test_a_network_that_never_tells_the_time() -> None:
    with Meter(network={"policy": {"nitz": False}}) as meter:
        meter.run(3.5 * DAY_S)
        assert meter.failures() == []
        assert meter.traces("clock_refused") != [] and meter.readings() == [] and meter.freezes() == []
        # The index arrives all the same, once a day and without a time.
        totals = [r["value"] for _, _, records in meter.packs() for r in records if r["name"] == "total"]
        assert len(totals) == 1 + 3 and totals[-1] == household(3 * DAY_S)
        assert all("time_s" not in r for _, _, records in meter.packs() for r in records)


# --- network ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["outages", "coverage_gaps"])
def test_outage_of_two_days(kind: str) -> None:
    span = {"start_s": 1.1 * DAY_S, "duration_s": 2 * DAY_S}
    with Meter(network={kind: [span]}) as meter:
        meter.run(1.9 * DAY_S)
        meter.bench.world.tamper(True)
        meter.run(4 * DAY_S)
        assert meter.failures() == []
        end_s = 3.1 * DAY_S
        assert not [t for t, _, _ in meter.packs() if 1.1 * DAY_S < t < end_s]
        after = [(seq, records[0]["name"]) for t, seq, records in meter.packs() if t > end_s]
        assert after[0][1] == "tamper"  # alarms first
        routine = [seq for seq, name in after if name != "tamper"]
        assert routine == sorted(routine)  # oldest first
        assert steps(meter.readings()) == {HOUR_S} and steps(meter.freezes()) == {DAY_S}
        assert [t - START_S for t, _ in meter.readings()][-1] >= 5.3 * DAY_S
        assert [data for _, data in meter.traces("outbox_evicted")] == []


def test_a_backlog_of_many_days_fits() -> None:
    with Meter(network={"outages": [{"start_s": 1.1 * DAY_S, "duration_s": 62 * DAY_S}]}) as meter:
        meter.run(65 * DAY_S)
        assert meter.failures() == [] and meter.traces("outbox_evicted") == []
        assert steps(meter.readings()) == {HOUR_S} and len(meter.readings()) >= 64 * 24
        assert steps(meter.freezes()) == {DAY_S} and len(meter.freezes()) == 64


@pytest.mark.parametrize(
    ("settings", "policy", "trace"),
    [
        pytest.param({"t3324_s": 0}, {"t3324_allowed_s": [0]}, None, id="T3324 of 0"),
        pytest.param({}, {"psm": "deactivated"}, "psm_refused", id="T3324 deactivated"),
        pytest.param({}, {"psm": "refused"}, "psm_refused", id="PSM refused"),
        pytest.param({}, {"t3412_allowed_s": [1800]}, "tau_too_short", id="T3412 shorter than the interval"),
    ],
)
def test_what_an_operator_may_grant(settings: dict[str, Any], policy: dict[str, Any], trace: str | None) -> None:
    with Meter(settings, {"policy": policy}) as meter:
        meter.run(3 * DAY_S)
        assert meter.failures() == []
        if trace:
            assert meter.traces(trace) != []
        assert steps(meter.readings()) == {HOUR_S} and len(meter.readings()) == 2 * 24 + 10
        assert len(meter.traces("upload")) == 3 == len({t for t, _ in meter.traces("upload")})
        assert meter.traces("unexpected_wake") == []


# --- restarts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [ResetCause.HARD, ResetCause.WDT])
def test_a_restart_loses_nothing(cause: ResetCause) -> None:
    with Meter() as meter:
        for hours in (1.99, 9.5, 30.0, 31.2):
            meter.run(hours * HOUR_S - meter.bench.clock.now())
            meter.bench.mcu.restart(cause)
        meter.run(4 * DAY_S - meter.bench.clock.now())
        assert meter.failures() == []
        readings = meter.readings()
        assert steps(readings) == {HOUR_S} and steps(meter.freezes()) == {DAY_S}
        # A pulse falls on each hour itself, and the clock is right to a second.
        assert all(household(t - START_S - 1) <= count <= household(t - START_S) for t, count in readings)
        assert len(meter.traces("upload")) == 4


def test_loss_of_power_loses_less_than_an_interval() -> None:
    with Meter() as meter:
        meter.run(2 * DAY_S + 10.7 * HOUR_S)
        before = meter.bench.world.flowed()
        meter.bench.mcu.power_cut()
        meter.run(2.5 * HOUR_S)  # what flows now, nobody counts
        unseen = meter.bench.world.flowed() - before
        meter.bench.mcu.power_on(["-m", "apps.meter"])
        meter.run(2 * DAY_S)
        readings = meter.readings()
        assert steps(readings) == {HOUR_S} and steps(meter.freezes()) == {DAY_S}
        lost = household(readings[-1][0] - START_S) - readings[-1][1] - unseen
        assert 0 <= lost <= 20 * 0.7 + 1
        late = [t - START_S for t, _ in meter.records("r_late")]
        assert late == [2 * DAY_S + n * HOUR_S for n in (11, 12, 13)]


def test_an_upload_just_missed_for_want_of_power_is_made_up_for() -> None:
    with Meter() as meter:
        meter.run(2 * DAY_S + SLOT_S - 600)
        meter.bench.mcu.power_cut()
        meter.run(1200)
        meter.bench.mcu.power_on(["-m", "apps.meter"])
        meter.run(HOUR_S)
        assert [t for t, _ in meter.traces("upload")][-1] < 2 * DAY_S + SLOT_S + 660
        meter.run(DAY_S)
        assert len(meter.traces("upload")) == 4 and steps(meter.readings()) == {HOUR_S}


def test_another_interval_loses_nothing() -> None:
    with Meter() as meter:
        meter.run(20.5 * HOUR_S)
        meter.change({"interval_s": 900})
        meter.run(4 * DAY_S)
        assert meter.failures() == []
        assert steps(meter.readings()) == {HOUR_S, 900}
        assert [t for t, _ in meter.readings()] == sorted({t for t, _ in meter.readings()})


def test_state_survives_loss_of_power_without_a_clock() -> None:
    with Meter(network={"policy": {"nitz": False}}) as meter:
        meter.run(1.5 * DAY_S)
        before = meter.bench.world.flowed()
        meter.bench.mcu.power_cut()
        meter.bench.mcu.power_on(["-m", "apps.meter"])
        meter.run(60)
        boot = meter.packs()[-1][2]
        assert boot[0]["name"] == "boot"
        [total] = [r["value"] for r in boot if r["name"] == "total"]
        assert before - 20 <= total <= before


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_leak_backflow_tamper_and_battery_are_told_at_once_and_once() -> None:
    with Meter({"leak_hours": 24}) as meter:
        world = meter.bench.world
        meter.run(DAY_S)
        world.pulses(2)  # in the night too: never zero since 6 o'clock
        meter.run(2 * DAY_S)
        world.flow_profile(HOUSEHOLD)
        meter.run(0.4 * DAY_S)
        for _ in range(5):
            world.pulse("reverse")
            meter.run(10)
        meter.run(HOUR_S)
        world.tamper(True)
        meter.run(30)
        world.tamper(False)
        meter.run(DAY_S)
        world.battery(2900)
        meter.run(2 * DAY_S)
        assert meter.failures() == []
        [leak] = meter.events("leak")
        assert 0 <= leak - 1.25 * DAY_S <= 60
        [back] = meter.events("backflow")
        assert 0 <= back - 3.4 * DAY_S <= HOUR_S + 60
        [tamper] = meter.events("tamper")
        assert 0 <= tamper - 3.4 * DAY_S - HOUR_S - 50 <= 10
        assert len(meter.events("low_battery")) == 1
        # The uploads tell what holds on.
        status = [{r["name"] for r in records} for _, _, records in meter.packs() if records[0]["name"] == "total"]
        assert ["leak" in names for names in status] == [False, True, True, False, False, False, False]
        assert "low_battery" in status[-1]


def test_an_alarm_that_comes_and_goes_is_capped() -> None:
    with Meter() as meter:
        meter.run(HOUR_S)
        for _ in range(10):
            meter.bench.world.tamper(True)
            meter.run(60)
            meter.bench.world.tamper(False)
            meter.run(60)
        meter.run(DAY_S)
        assert len(meter.events("tamper")) == 3
        # Sessions that follow each other closely do not ask for the time again.
        assert meter.at_commands(0).count("AT+CCLK?") - meter.at_commands(3 * HOUR_S).count("AT+CCLK?") <= 2
        assert meter.records("dropped")[-1][1] == 7


# --- pulses by interrupt ----------------------------------------------------------------------------------------------


def board_without_counters(folder: Path) -> Path:
    """A folder whose `board` is the unix board, without its counters and with a direction input."""
    source = (Path(__file__).resolve().parents[2] / "boards" / "unix" / "board.py").read_text()
    lines = [line.split("  #")[0] for line in source.splitlines()]
    text = "\n".join(lines).replace("PULSE_COUNTER = 1", "PULSE_COUNTER = None")
    text = text.replace("PULSE_REVERSE_COUNTER = 2", "PULSE_REVERSE_COUNTER = None")
    assert text.count("COUNTER = None") == 2
    (folder / "board.py").write_text(text)
    return folder


def test_pulses_by_interrupt(tmp_path: Path) -> None:
    with Meter(mcu={"extra_path": [board_without_counters(tmp_path)]}) as meter:
        world = meter.bench.world
        world.pulses(30, edges=True)
        meter.run(6.01 * HOUR_S)
        world.pulses(0)
        for _ in range(3):  # a contact that bounces, on closing and opening
            for low_s in (0.001, 0.002, 0.1, 0.001):
                world.pulse(closed_s=low_s)
                meter.run(low_s + 0.003)
            meter.run(60)
        meter.bench.mcu.restart(ResetCause.HARD)
        meter.run(600)
        for _ in range(4):
            world.pulse("reverse")
            meter.run(1)
        meter.run(DAY_S)
        assert meter.failures() == []
        values = dict(meter.readings())
        assert [values[START_S + n * HOUR_S] for n in range(1, 7)] == [30, 60, 90, 120, 150, 180]
        assert values[START_S + 7 * HOUR_S] == 180 + 3 - 4
        [back] = meter.events("backflow")
        assert back < 6.5 * HOUR_S  # at the pulse, not at the next reading


def test_a_year_loses_no_record_and_leaks_no_memory() -> None:
    with Meter(network={"outages": [{"start_s": 100 * DAY_S, "duration_s": 7 * DAY_S}]}) as meter:
        meter.run(2 * DAY_S)
        meter.bench.mcu.measure_heap()
        meter.run(363 * DAY_S)
        meter.bench.mcu.measure_heap()
        meter.run(60)
        assert meter.failures() == [] and meter.traces("outbox_evicted") == [] and meter.traces("outbox_refused") == []
        assert steps(meter.readings()) == {HOUR_S} and len(meter.readings()) == 364 * 24 + 10
        assert steps(meter.freezes()) == {DAY_S} and len(meter.freezes()) == 364
        (_, _, first), (_, _, last) = meter.bench.heaps
        assert last <= first + 1024
        assert max(meter.bench.flash_erases) <= 1000
