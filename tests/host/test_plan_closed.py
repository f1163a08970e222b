"""The planner's closed form, its checks and its advice."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from cellkit.model import figures
from cellkit.model.battery import SECONDS_PER_YEAR
from cellkit.model.figures import ModelError
from cellkit.plan.advice import advice, sensitivity, warnings
from cellkit.plan.closed import current_ua, plan
from cellkit.plan.durations import parse, spell
from cellkit.plan.scenario import Scenario

IDEAL = Scenario(module="tr45820", mcu="none", battery="ideal")


def codes(scenario: Scenario) -> list[str]:
    return [warn.code for warn in warnings(plan(scenario))]


def test_charge_is_current_times_time_and_nothing_is_lost() -> None:
    answer = plan(Scenario(app="smoke", events_per_year=0))
    for who in ("modem", "mcu"):
        cycle = answer.cycle_s_by_state[who]
        assert sum(cycle.values()) == pytest.approx(86400)
        for state, mah in answer.charge_mah_per_year[who].items():
            expected = current_ua(answer.device, who, state) * cycle[state] / 86400 * SECONDS_PER_YEAR / 3600 / 1000
            assert mah == pytest.approx(expected)
    total = sum(answer.charges().values())
    assert answer.mean_current_ua == pytest.approx(total * 1000 * 3600 / SECONDS_PER_YEAR)
    assert answer.charge_per_day_mah == pytest.approx(total / 365.25)


def test_device_that_only_sleeps_lasts_capacity_over_its_floor() -> None:
    # 15 µW of 5 Wh: 38 years; a tiny report once a year changes little.
    lazy = replace(IDEAL, interval_s=366 * 86400.0, payload_bytes=0, t3412_s=None)
    assert plan(lazy).lifetime_years == pytest.approx(5 / 15e-6 / 8766, rel=0.002)


def test_energy_of_a_report_in_all_units_agrees() -> None:
    answer = plan(IDEAL)
    assert answer.report_j == pytest.approx(answer.report_uah * 1e-6 * 3600 * 3.6)
    assert answer.report_mwh == pytest.approx(answer.report_uah * 3.6 / 1000)
    assert answer.session_s == pytest.approx(sum(answer.time_s_per_report["modem"].values()))


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"interval_s": 3600.0}, {"interval_s": 7200.0}),
        ({"payload_bytes": 500.0}, {"payload_bytes": 50.0}),
        ({"ce": 1}, {"ce": 0}),
        ({"ce": 2}, {"ce": 1}),
        ({"rai": False}, {"rai": True}),
        ({"t3324_s": None}, {"t3324_s": 10.0}),
        ({"t3324_s": 60.0}, {"t3324_s": 10.0}),
        ({"t3412_s": 3600.0}, {"t3412_s": 1116000.0}),
        ({"t3324_s": None}, {"t3324_s": None, "edrx_s": 163.84}),
        ({"attempts": 2.0}, {"attempts": 1.0}),
        ({"events_per_year": 50.0}, {"events_per_year": 0.0}),
        ({"temperature_c": 40.0}, {"temperature_c": 20.0}),
        ({"mcu": "esp32-c3"}, {"mcu": "stm32l4"}),
        ({"app": "smoke"}, {"app": "report"}),
        ({"battery": "er14505-hpc1520"}, {"battery": "er18505-spc1520"}),
    ],
)
def test_what_should_cost_years_does(worse: dict[str, Any], better: dict[str, Any]) -> None:
    base = Scenario(battery="er18505-spc1520")
    assert plan(replace(base, **worse)).lifetime_years < plan(replace(base, **better)).lifetime_years


def test_number_of_tracking_area_updates_between_reports() -> None:
    def count(t3412_s: float | None) -> int:
        return plan(replace(IDEAL, t3412_s=t3412_s)).taus_per_report

    assert [count(t) for t in (None, 1116000.0, 86400.0, 82800.0, 43200.0, 3600.0)] == [0, 0, 0, 1, 1, 23]


def test_module_stays_awake_for_what_is_left_of_its_sleep_lock() -> None:
    locked = plan(Scenario(rai=True)).time_s_per_report["modem"]
    waited = plan(Scenario(rai=False)).time_s_per_report["modem"]
    free = plan(Scenario().changed("module", "timing.sleep_lock_s", 0)).time_s_per_report["modem"]
    assert locked["awake"] - free["awake"] == pytest.approx(2.0 - 0.3)
    assert waited["awake"] == pytest.approx(free["awake"])  # 10 s of inactivity outlast the lock of 2 s
    assert free["idle_drx_2s56"] == pytest.approx(10.0)


def test_meter_boots_at_each_reading_and_smoke_does_not() -> None:
    meter = plan(Scenario(app="meter")).cycle_s_by_state["mcu"]
    assert meter["run"] == pytest.approx(24 * (0.05 + 0.25) + 0.15 + 0.25)
    assert "light_sleep" not in meter and meter["deep_sleep"] > 86300
    assert "deep_sleep" not in plan(Scenario(app="smoke")).cycle_s_by_state["mcu"]


def test_switched_off_between_reports_attaches_each_time() -> None:
    off = plan(Scenario(between="off", t3324_s=None))
    assert off.charge_mah_per_year["modem"]["search"] > 0
    assert "deep_sleep" not in off.charge_mah_per_year["modem"]
    assert plan(Scenario(t3324_s=None)).lifetime_years < off.lifetime_years
    # An attach costs more than a wake from PSM, but less than the module's own sleep lock of 10 s that comes with it.
    unchanged = plan(Scenario(changes={"module": {"timing.sleep_lock_s": 10}}))
    assert unchanged.lifetime_years < off.lifetime_years < plan(Scenario()).lifetime_years


def test_battery_in_watt_hours() -> None:
    twice = plan(replace(IDEAL, battery_wh=10.0)).lifetime_years
    assert twice == pytest.approx(2 * plan(IDEAL).lifetime_years, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"t3324_s": 61.0}, "T3324: 61 s cannot be granted.*next that can is 62 s"),
        ({"t3324_s": 12000.0}, "T3324: .*expected 0 to 11160 s"),
        ({"t3324_s": -2.0}, "T3324: expected 0 s or more"),
        ({"t3412_s": 0.0}, "T3412: expected more than 0 s"),
        ({"t3412_s": 4e7}, "T3412: .*expected 0 to 35712000 s"),
        ({"t3412_s": 100000.0}, "T3412: .*cannot be granted"),
        ({"edrx_s": 100.0}, "eDRX: NB-IoT has no cycle of 100 s.*163.84"),
        ({"edrx_s": 20000.0}, "eDRX: .*too long"),
        ({"edrx_s": 81.92, "ptw_s": 3.0}, "PTW: expected a multiple of 2.56 s"),
        ({"edrx_s": 20.48, "ptw_s": 40.96}, "PTW: expected a multiple"),
        ({"interval_s": 0.5}, "interval: expected 1 to"),
        ({"interval_s": 10.0}, "a report and what follows it take 1[0-9] s, longer than the report interval of 10 s"),
        ({"payload_bytes": -1.0}, "payload: expected 0"),
        ({"attempts": 0.5}, "attempts: expected 1"),
        ({"ce": 3}, "CE level: expected 0, 1 or 2"),
        ({"temperature_c": math.nan}, "temperature: expected"),
        ({"response_bytes": -1.0}, "response: expected 0"),
        ({"module": "nope"}, "unknown module"),
        ({"changes": {"modul": {}}}, "unknown kind of parameter"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        plan(replace(Scenario(), **change))


@pytest.mark.parametrize("value", [0, 1e-9, 1, 1e12])
def test_no_figure_whatever_its_value_ends_in_a_crash(value: float) -> None:
    answered = 0
    for kind, name in (("radio", "nb"), ("module", "tr45820"), ("mcu", "stm32l4"), ("battery", "ls14500")):
        base = Scenario() if kind == "radio" else replace(Scenario(), **{kind: name})
        for path, figure in figures.paths(figures.read(kind, name)):
            if "table" not in figure:
                for between in ("psm", "off"):
                    scenario = replace(base, changes={kind: {path: value}}, between=between)
                    with suppress(ModelError):
                        answered += plan(scenario).lifetime_years >= 0
    assert answered > 100


def test_battery_that_cannot_serve_the_pulse_is_an_error() -> None:
    answer = plan(Scenario(battery="ls14500"))
    assert answer.lifetime_years == 0
    first = warnings(answer)[0]
    assert (first.level, first.code) == ("error", "brown-out")
    assert "357 mA at 20 °C" in first.text and "250 mA" in first.text
    assert advice(answer)[0].text.startswith("take the battery")


def test_pulse_that_fails_late_is_a_warning() -> None:
    weak = Scenario(battery="ls14500", changes={"module": {"supply.pulse_ua": 200_000, "supply.min_mv": 2700}})
    assert 0 < plan(weak).usable_share < 1
    assert codes(weak)[0] == "early-brown-out"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"t3324_s": None}, "psm-refused"),
        ({"t3324_s": 0.0}, "t3324-zero"),
        ({"t3412_s": 3600.0}, "t3412-short"),
        ({"t3324_s": 10.0, "edrx_s": 81.92}, "edrx-unused"),
        ({"battery": "cr123a", "interval_s": 604800.0}, "shelf-life"),
        ({}, "unverified"),
    ],
)
def test_warnings_of_timers_and_sources(change: dict[str, Any], code: str) -> None:
    assert code in codes(replace(Scenario(), **change))


def test_a_sound_plan_has_no_warning() -> None:
    sound = Scenario(battery="er14505-hpc1520", interval_s=3600.0, t3412_s=7200.0)
    assert {warn.level for warn in warnings(plan(sound))} <= {"note"}


def test_advice_is_sorted_and_true() -> None:
    bad = Scenario(rai=False, t3324_s=62.0, t3412_s=3600.0, ce=1, attempts=2.0, interval_s=14400.0)
    found = advice(plan(bad))
    gains = [one.gain_years for one in found]
    assert gains == sorted(gains, reverse=True) and gains[-1] >= 0.05
    rai = next(one for one in found if "RAI" in one.text)
    assert rai.lifetime_years == pytest.approx(plan(replace(bad, rai=True)).lifetime_years)


def test_refused_psm_leads_to_switching_off() -> None:
    texts = [one.text for one in advice(plan(Scenario(t3324_s=None)))]
    assert any("switch the module off" in text for text in texts)
    assert any("eDRX" in text for text in texts)


def test_sensitivity_names_the_worse_end_first_and_the_largest_first() -> None:
    swings = sensitivity(plan(Scenario(interval_s=3600.0)))
    assert all(swing.low_years <= swing.high_years for swing in swings)
    widths = [swing.width for swing in swings]
    assert widths == sorted(widths, reverse=True)
    assert {"report interval", "coverage (CE level)", "release assistance", "PSM"} <= {swing.name for swing in swings}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86400),
        ("15min", 900),
        ("1h30min", 5400),
        ("10s", 10),
        ("2.56 s", 2.56),
        ("310H", 1116000),
        ("2d", 172800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["24", "", "h", "1x", "-5s", "1h 3", "5 s later"])
def test_durations_without_sense_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match="expected a duration such as"):
        parse(text)


def test_durations_are_spelled() -> None:
    texts = [spell(s) for s in (10, 40.96, 900, 5400, 86400, 172800, 1116000)]
    assert texts == ["10 s", "40.96 s", "15 min", "1 h 30 min", "24 h", "48 h", "12 d 22 h"]
