"""What to watch, what eats the battery, and what to change first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from cellkit.model.figures import UNVERIFIED, ModelError
from cellkit.plan.closed import Plan, plan
from cellkit.plan.durations import spell
from cellkit.plan.scenario import Device, Scenario

_LEAST_GAIN_YEARS = 0.05
_SHOWN = 6


@dataclass(frozen=True)
class Warn:
    """`level` error: the device will not work like this; warning: it costs; note: good to know."""

    level: Literal["error", "warning", "note"]
    code: str
    text: str


@dataclass(frozen=True)
class Advice:
    """One change and the years it gives."""

    text: str
    lifetime_years: float
    gain_years: float


@dataclass(frozen=True)
class Swing:
    """Lifetime when one thing is other than planned: `low` is the worse end."""

    name: str
    low_label: str
    low_years: float
    high_label: str
    high_years: float

    @property
    def width(self) -> float:
        """Years between the two."""
        return abs(self.high_years - self.low_years)


def warnings(answer: Plan) -> list[Warn]:
    """What the person who asked should know, the worst first."""
    found = [*_battery(answer), *_timers(answer), *_sources(answer)]
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda warn: order[warn.level])


def _battery(answer: Plan) -> Iterator[Warn]:
    scenario, device = answer.scenario, answer.device
    min_mv = device.module.supply.min_mv.value
    pulse_ma = device.pulse_ua / 1000
    hot = scenario.temperature_c
    if answer.usable_share <= 0:
        mv = device.cell.voltage_mv(device.pulse_ua, hot)
        limit_ma = device.cell.pulse_limit_ma.at(hot)
        why = f"its limit there is {limit_ma:.0f} mA"
        if pulse_ma <= limit_ma:
            why = f"its voltage falls to {mv:.0f} mV, the module needs {min_mv:.0f} mV"
        yield Warn(
            "error",
            "brown-out",
            f"{device.cell.title} cannot serve the module's pulse of {pulse_ma:.0f} mA at {hot:g} °C: {why}; "
            "take a cell with a pulse capacitor or a spiral cell",
        )
    elif answer.usable_share < 1:
        yield Warn(
            "warning",
            "early-brown-out",
            f"the pulse of {pulse_ma:.0f} mA causes a brown-out when {answer.usable_share:.0%} is drawn; "
            "the rest is lost",
        )
    shelf = device.cell.shelf_life_years.value
    if answer.lifetime_years > shelf:
        yield Warn(
            "note",
            "shelf-life",
            f"the charge would last longer than {shelf:g} years, for which {device.cell.title} is made",
        )


def _timers(answer: Plan) -> Iterator[Warn]:
    scenario = answer.scenario
    if scenario.t3324_s is None:
        yield Warn(
            "warning",
            "psm-refused",
            "T3324 is deactivated: the network refuses PSM and the device listens to paging between reports; "
            "ask for eDRX, or switch the module off between reports",
        )
    elif scenario.t3324_s == 0:
        yield Warn("note", "t3324-zero", "T3324 is 0: PSM at once, nothing can be sent to the device after the answer")
    if answer.taus_per_report:
        yield Warn(
            "warning",
            "t3412-short",
            f"T3412 of {spell(scenario.t3412_s or 0)} is shorter than the report interval of "
            f"{spell(scenario.interval_s)}: {answer.taus_per_report} tracking area updates between two reports; "
            "ask for a longer one",
        )
    window_s = scenario.t3324_s
    if scenario.edrx_s is not None and window_s is not None and window_s < scenario.edrx_s:
        yield Warn(
            "warning",
            "edrx-unused",
            f"T3324 of {spell(window_s)} ends before one eDRX cycle of {spell(scenario.edrx_s)}: the device is hardly "
            "ever paged before it sleeps",
        )


def _sources(answer: Plan) -> Iterator[Warn]:
    unknown = sum(1 for source in _used_sources(answer.device) if UNVERIFIED in source)
    if unknown:
        yield Warn(
            "note",
            "unverified",
            f"{unknown} of the figures used are plausible, not sourced; docs/parameters.md says which",
        )


def _used_sources(device: Device) -> Iterator[str]:
    level = f"ce{device.scenario.ce}"
    parts: tuple[Any, ...] = (device.module, device.mcu, device.app, device.cell)
    for part in parts:
        yield from _sources_in(part.model_dump())
    for section, table in device.radio.model_dump().items():
        if not section.startswith("ce") or section == level:
            yield from _sources_in(table)


def _sources_in(table: dict[str, Any]) -> Iterator[str]:
    for value in table.values():
        if isinstance(value, dict) and "source" in value:
            yield value["source"]
        elif isinstance(value, dict):
            yield from _sources_in(value)


def advice(answer: Plan) -> list[Advice]:
    """Changes that give years, the best first; of a setting, of the place (antenna), or of what is asked for."""
    now = answer.lifetime_years
    found = []
    for text, changed in _candidates(answer):
        try:
            then = plan(changed).lifetime_years
        except ModelError:
            continue
        if math.isfinite(then) and then - now >= _LEAST_GAIN_YEARS:
            found.append(Advice(text, then, then - now))
    return sorted(found, key=lambda one: -one.gain_years)[:_SHOWN]


def _candidates(answer: Plan) -> Iterator[tuple[str, Scenario]]:
    scenario, device = answer.scenario, answer.device
    if answer.usable_share < 1:
        for name in ("er14505-hpc1520", "er18505-spc1520", "lsh20"):
            if name != scenario.battery:
                yield f"take the battery {name}", replace(scenario, battery=name, changes=_without(scenario, "battery"))
    if not scenario.rai:
        yield "use release assistance (RAI)", replace(scenario, rai=True)
    if scenario.t3324_s is None:
        yield "switch the module off between reports", replace(scenario, between="off")
        yield "get PSM granted with T3324 of 10 s", replace(scenario, t3324_s=10.0)
        if scenario.edrx_s is None:
            yield "ask for eDRX of 163.84 s", replace(scenario, edrx_s=163.84)
    elif scenario.t3324_s > 2:
        yield "ask for T3324 of 2 s", replace(scenario, t3324_s=2.0)
    if answer.taus_per_report:
        yield "ask for T3412 of 310 h", replace(scenario, t3412_s=1116000.0)
    lock_s = device.module.timing.sleep_lock_s.value
    if lock_s > 0:
        yield f"shorten the module's sleep lock from {lock_s:g} s to 0", scenario.changed(
            "module", "timing.sleep_lock_s", 0
        )
    yield f"report each {spell(scenario.interval_s * 2)}, not each {spell(scenario.interval_s)}", replace(
        scenario, interval_s=scenario.interval_s * 2, payload_bytes=scenario.payload_bytes
    )
    if scenario.ce > 0:
        better: Any = scenario.ce - 1
        yield f"a better antenna or place: CE level {better}", replace(scenario, ce=better)
    if scenario.attempts > 1:
        yield "no second attempts (server, coverage)", replace(scenario, attempts=1.0)
    if scenario.response_bytes is not None:
        yield "send without waiting for an answer", replace(scenario, response_bytes=None)
    if scenario.payload_bytes > 20:
        yield "halve the payload", replace(scenario, payload_bytes=scenario.payload_bytes / 2)
    rest_ua = device.mcu.current[device.app.rest].current_ua(device.mcu.supply_mv.value)
    if rest_ua > 3:
        yield "an MCU that sleeps at 1 µA", scenario.changed("mcu", f"current.{device.app.rest}", 1.0)
    for name, draw in device.app.current.items():
        ua = draw.current_ua(device.mcu.supply_mv.value)
        yield f"no {name.replace('_', ' ')} ({ua:.3g} µA)", scenario.changed("app", f"current.{name}", 0.0)


def _without(scenario: Scenario, kind: str) -> dict[str, Any]:
    return {one: changes for one, changes in scenario.changes.items() if one != kind}


def sensitivity(answer: Plan) -> list[Swing]:
    """How far the lifetime moves when one thing is other than planned, the largest first."""
    swings = []
    for name, (low_label, low), (high_label, high) in _pairs(answer):
        one, other = _years(low), _years(high)
        if one is not None and other is not None:
            worse, better = sorted([(one, low_label), (other, high_label)], key=lambda end: end[0])
            swings.append(Swing(name, worse[1], worse[0], better[1], better[0]))
    return sorted((swing for swing in swings if swing.width > 0.005), key=lambda swing: -swing.width)


def _years(scenario: Scenario) -> float | None:
    try:
        years = plan(scenario).lifetime_years
    except ModelError:
        return None
    return years if math.isfinite(years) else None


Pair = tuple[str, tuple[str, Scenario], tuple[str, Scenario]]


def _pairs(answer: Plan) -> Iterator[Pair]:
    s, device = answer.scenario, answer.device
    twice, half = s.interval_s * 2, s.interval_s / 2
    yield "report interval", (spell(half), replace(s, interval_s=half)), (spell(twice), replace(s, interval_s=twice))
    yield "coverage (CE level)", ("2", replace(s, ce=2)), ("0", replace(s, ce=0))
    yield "release assistance", ("no", replace(s, rai=False)), ("yes", replace(s, rai=True))
    yield "PSM", ("refused", replace(s, t3324_s=None)), ("T3324 2 s", replace(s, t3324_s=2.0))
    if s.t3324_s is not None:
        yield "T3324", ("60 s", replace(s, t3324_s=60.0)), ("2 s", replace(s, t3324_s=2.0))
    yield "T3412", ("1 h", replace(s, t3412_s=3600.0)), ("310 h", replace(s, t3412_s=1116000.0))
    yield "attempts per report", ("3", replace(s, attempts=3.0)), ("1", replace(s, attempts=1.0))
    four, quarter = s.payload_bytes * 4, s.payload_bytes / 4
    yield (
        "payload",
        (f"{four:g} B", replace(s, payload_bytes=four)),
        (f"{quarter:g} B", replace(s, payload_bytes=quarter)),
    )
    cold, warm = s.temperature_c - 20, s.temperature_c + 20
    yield (
        "temperature",
        (f"{cold:g} °C", replace(s, temperature_c=cold)),
        (f"{warm:g} °C", replace(s, temperature_c=warm)),
    )
    yield _scaled(s, "module in PSM", "module", "current.deep_sleep", device.module.current_ua("deep_sleep"))
    rest = device.app.rest
    yield _scaled(
        s, "MCU asleep", "mcu", f"current.{rest}", device.mcu.current[rest].current_ua(device.mcu.supply_mv.value)
    )
    timing = device.module.timing
    yield _scaled(s, "module's sleep lock", "module", "timing.sleep_lock_s", timing.sleep_lock_s.value)
    yield _scaled(
        s, "self-discharge", "battery", "self_discharge_per_year", device.cell.self_discharge_per_year.value
    )


def _scaled(scenario: Scenario, name: str, kind: str, path: str, value: float) -> Pair:
    return name, ("×2", scenario.changed(kind, path, value * 2)), ("×½", scenario.changed(kind, path, value / 2))
