"""The figures of a run as `summary.json`; the fields stand in docs/simulation.md."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from cellkit.sim.run import Life, Runner
from cellkit.sim.scenario import DAY_S, YEAR_S

SUMMARY_FILE = "summary.json"


def summarize(runner: Runner) -> dict[str, Any]:
    """Everything of a run that is a number, units in the names."""
    life, job = runner.life, runner.life.job
    tally, records = life.tally, life.tally.records
    alarm = tally.alarm_priority
    return {
        "app": job.app,
        "module": job.module,
        "mcu": life.scenario.mcu,
        "battery": life.scenario.battery,
        "seed": job.seed,
        "runtime": tally.runtime,
        "interrupted": life.interrupted,
        "simulated_s": round(life.simulated_s, 3),
        "wall_s": round(life.wall_s, 3),
        "speedup": round(life.simulated_s / life.wall_s) if life.wall_s else None,
        "records_created": records.created,
        "records_acknowledged": records.acknowledged,
        "records_waiting": records.waiting,
        "records_lost": records.lost,
        "wakes": life.wakes,
        "turns": life.turns,
        "starts": life.starts,
        "charge_mah_by_state": _mah(life.charge_uah),
        "charge_mah_by_year": [_mah(year) for year in yearly(life)],
        "mean_current_ua": round(life.mean_current_ua(), 4),
        "inputs": _inputs(runner),
        **_battery(runner),
        **_heap(life),
        "flash_erases_max": max(life.flash_erases, default=0),
        "flash_erases_total": sum(life.flash_erases),
        "flash_programs": life.flash_programs,
        "ack_latency_s": _spread(tally.ack_latency_s),
        "alarm_priority": alarm,
        "alarm_latency_s": None if alarm is None else _spread(tally.latency_s[alarm]),
        "alarms_delayed": 0 if alarm is None else tally.delayed[alarm],
        "delayed_latency_s": _spread(tally.delayed_latency_s),
        "brown_outs": life.brown_outs,
        "events": dict(sorted(tally.events.items())),
    }


def write_summary(summary: dict[str, Any], folder: Path) -> Path:
    """Write `summary.json`. Raises OSError."""
    path = folder / SUMMARY_FILE
    part = path.with_suffix(".part")
    part.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def yearly(life: Life) -> list[dict[str, dict[str, float]]]:
    """µAh by consumer and state in each year, the last one as far as it went."""
    marks = [*life.by_year_uah]
    if life.simulated_s > len(marks) * YEAR_S or not marks:
        marks.append(life.charge_uah)
    out: list[dict[str, dict[str, float]]] = []
    before: dict[str, dict[str, float]] = {}
    for mark in marks:
        out.append(
            {
                part: {state: uah - before.get(part, {}).get(state, 0.0) for state, uah in states.items()}
                for part, states in mark.items()
            }
        )
        before = mark
    return out


def _mah(charge_uah: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {
        part: {state: round(uah / 1000, 4) for state, uah in states.items() if uah}
        for part, states in charge_uah.items()
    }


def _inputs(runner: Runner) -> dict[str, Any]:
    """The run as `cellkit plan --check` asks for it: what the device really sent, and was granted."""
    life, network, traffic = runner.life, runner.life.job.network, runner.life.tally.traffic
    sessions, requests = max(1, traffic.sessions), max(1, traffic.requests)
    sirens = min(life.tally.sirens, sessions - 1)  # each an alarm that is sent at once, beside the regular reports
    return {
        "interval_s": round(life.simulated_s / (sessions - sirens), 1),
        "payload_bytes": round(traffic.request_bytes / sessions, 1),
        "response_bytes": round(traffic.response_bytes / requests, 1),
        "attempts": round(max(1.0, traffic.ups / requests), 3),
        "events_per_year": round(sirens * YEAR_S / life.simulated_s, 2) if life.simulated_s else 0,
        "ce": network.cell.ecl,
        "rai": network.policy.rai,
        "temperature_c": runner.battery.temperature_c,
        "granted": {**traffic.granted, "ptw_s": network.policy.ptw_s},
        "radio": network.radio,
    }


def _battery(runner: Runner) -> dict[str, Any]:
    """The bench's forecast, the device's own, and how far that is off."""
    life, supply = runner.life, runner.module.supply
    temperature_c = runner.battery.temperature_c
    years = runner.battery.cell.lifetime_years(
        life.mean_current_ua(), supply.pulse_ua.value, supply.min_mv.value, temperature_c
    )
    ledger = life.tally.ledger or {}
    device_mah = ledger.get("used_mah")
    used_mah = life.total_uah() / 1000
    return {
        "forecast_years": round(years, 3),
        "battery_empty_at_s": life.empty_at_s,
        "battery_remaining_mah": round(runner.battery.remaining_mah, 2),
        "device_used_mah": device_mah,
        "device_forecast_days": ledger.get("remaining_days"),
        "device_ledger_error_percent": round(100 * (device_mah / used_mah - 1), 2) if device_mah and used_mah else None,
    }


def _heap(life: Life) -> dict[str, Any]:
    """Bytes allocated after a collection, the least of three looks a day; `peak` is before one, garbage included."""

    def day(index: int) -> int | None:
        return life.heaps[index][2] if len(life.heaps) > index else None

    return {
        "heap_peak_bytes": max((most for _, most, _ in life.heaps), default=None),
        "heap_first_day_bytes": day(0),
        "heap_second_day_bytes": day(1),
        "heap_last_day_bytes": life.heaps[-1][2] if life.heaps else None,
        "heap_most_by_year_bytes": [
            max(now for t_s, _, now in life.heaps if year <= t_s / YEAR_S < year + 1)
            for year in range(int(life.heaps[-1][0] / YEAR_S) + 1)
        ] if life.heaps else [],
        "heap_days": int(life.simulated_s / DAY_S),
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "median": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
        "max": round(ordered[-1], 3),
    }
