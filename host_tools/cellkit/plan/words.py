"""How a plan reads to people and to programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from cellkit.plan.advice import Advice, Swing, Warn
from cellkit.plan.closed import Plan, current_ua
from cellkit.plan.durations import spell


def years(value: float) -> str:
    """A lifetime: `4.2 years`, `7 months`, or that there is none."""
    if value <= 0:
        return "does not work"
    if not math.isfinite(value):
        return "without end"
    if value < 1:
        return f"{value * 12:.1f} months"
    return f"{value:.1f} years" if value < 100 else f"{value:.0f} years"


def verdict(answer: Plan) -> str:
    """The lifetime; where the charge would outlive the cell itself, that is said first."""
    shelf = answer.device.cell.shelf_life_years.value
    if shelf < answer.lifetime_years:
        return f"{shelf:g} years, as long as the cell is made for (the charge alone: {years(answer.lifetime_years)})"
    return years(answer.lifetime_years)


def inputs(answer: Plan) -> list[tuple[str, str]]:
    """(name, value) of what was asked, short."""
    s, device = answer.scenario, answer.device
    timers = [
        "T3324 deactivated" if s.t3324_s is None else f"T3324 {spell(s.t3324_s)}",
        "no T3412" if s.t3412_s is None else f"T3412 {spell(s.t3412_s)}",
        "no eDRX" if s.edrx_s is None else f"eDRX {spell(s.edrx_s)} (window {spell(s.ptw_s)})",
    ]
    tries = "one attempt" if s.attempts == 1 else f"{s.attempts:g} attempts"
    response = "no answer" if s.response_bytes is None else f"answer of {s.response_bytes:g} B"
    return [
        ("module", device.module.title),
        ("MCU and app", f"{device.mcu.title}, {device.app.title}"),
        ("battery", f"{device.cell.title}, {device.cell.capacity_mah.value:g} mAh, at {s.temperature_c:g} °C"),
        ("reports", f"each {spell(s.interval_s)}, {s.payload_bytes:g} B, {response}, {tries}"),
        ("network", f"CE level {s.ce}, {'' if s.rai else 'no '}RAI, " + ", ".join(timers)),
        *([("events", f"{s.events_per_year:g} a year")] if s.events_per_year else []),
        *([("changed", ", ".join(changed(answer)))] if s.changes else []),
    ]


def changed(answer: Plan) -> Iterator[str]:
    """Figures overridden, as `kind.key=value`."""
    for kind, changes in answer.scenario.changes.items():
        for path, value in changes.items():
            yield f"{kind}.{path}={value}"


def _current_ua(answer: Plan, who: str, state: str) -> float | None:
    if who != "app":
        return current_ua(answer.device, who, state)
    load = answer.device.app.current.get(state)
    return None if load is None else load.current_ua(answer.device.mcu.supply_mv.value)


def rows(answer: Plan) -> list[dict[str, Any]]:
    """One row for each consumer and state: time in a cycle, current, charge a year, share. Largest charge first."""
    total = sum(answer.charges().values()) + answer.self_discharge_mah_per_year
    found = []
    for who, states in answer.charge_mah_per_year.items():
        for state, mah in states.items():
            seconds = answer.cycle_s_by_state.get(who, {}).get(state)
            found.append(
                {
                    "consumer": who,
                    "state": state,
                    "s_per_cycle": seconds,
                    "current_ua": _current_ua(answer, who, state),
                    "mah_per_year": mah,
                    "share": mah / total if total else 0.0,
                }
            )
    lost = answer.self_discharge_mah_per_year
    if lost > 0:
        row: dict[str, Any] = {"consumer": "battery", "state": "self-discharge", "s_per_cycle": None}
        found.append({**row, "current_ua": None, "mah_per_year": lost, "share": lost / total})
    return sorted(found, key=lambda one: -one["mah_per_year"])


def as_json(answer: Plan, warned: list[Warn], advised: list[Advice], swings: list[Swing]) -> dict[str, Any]:
    """Everything as one JSON object; times in s, charge in mAh or µAh, energy in J and mWh."""
    s = answer.scenario
    finite = answer.lifetime_years if math.isfinite(answer.lifetime_years) else None
    return {
        "inputs": {
            "module": s.module,
            "mcu": s.mcu,
            "app": s.app,
            "battery": s.battery,
            "interval_s": s.interval_s,
            "payload_bytes": s.payload_bytes,
            "response_bytes": s.response_bytes,
            "t3324_s": s.t3324_s,
            "t3412_s": s.t3412_s,
            "edrx_s": s.edrx_s,
            "ptw_s": s.ptw_s,
            "ce": s.ce,
            "rai": s.rai,
            "attempts": s.attempts,
            "temperature_c": s.temperature_c,
            "events_per_year": s.events_per_year,
            "changes": {kind: dict(changes) for kind, changes in s.changes.items()},
        },
        "lifetime_years": finite,
        "mean_current_ua": answer.mean_current_ua,
        "charge_per_day_mah": answer.charge_per_day_mah,
        "charge_mah_per_year": answer.charge_mah_per_year,
        "self_discharge_mah_per_year": answer.self_discharge_mah_per_year,
        "report": {
            "uah": answer.report_uah,
            "j": answer.report_j,
            "mwh": answer.report_mwh,
            "s": answer.session_s,
            "s_by_state": answer.time_s_per_report,
        },
        "cycle_s_by_state": answer.cycle_s_by_state,
        "tracking_area_updates_per_report": answer.taus_per_report,
        "usable_share": answer.usable_share,
        "warnings": [{"level": w.level, "code": w.code, "text": w.text} for w in warned],
        "advice": [{"text": a.text, "lifetime_years": a.lifetime_years, "gain_years": a.gain_years} for a in advised],
        "sensitivity": [
            {
                "name": w.name,
                "low": w.low_label,
                "low_years": w.low_years,
                "high": w.high_label,
                "high_years": w.high_years,
            }
            for w in swings
        ],
    }


__all__ = ["as_json", "changed", "inputs", "rows", "verdict", "years"]
