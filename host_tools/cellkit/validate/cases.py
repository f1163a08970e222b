"""A list of cases in TOML: what was measured or published, under which inputs. Unknown keys are refused by name."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cellkit.model import figures
from cellkit.model.figures import ModelError, guess
from cellkit.plan.durations import parse
from cellkit.plan.scenario import Scenario

# What a case may publish, and its unit.
METRICS: dict[str, str] = {
    "lifetime_years": "years",
    "report_j": "J",
    "report_mwh": "mWh",
    "report_uah": "µAh",
    "report_s": "s",
    "tau_j": "J",
    "tau_mwh": "mWh",
    "tau_uah": "µAh",
    "mean_current_ua": "µA",
    "charge_per_day_mah": "mAh",
}
# Where a case says nothing: the module alone on the ideal battery of TR 45.820, confirmed reports, PSM at once granted.
BASE = Scenario(module="tr45820", mcu="none", app="report", battery="ideal")
_DURATIONS = {"interval": "interval_s", "ptw": "ptw_s"}
_TIMERS = {"t3324": "t3324_s", "t3412": "t3412_s", "edrx": "edrx_s"}
_NUMBERS = {
    "payload": "payload_bytes",
    "attempts": "attempts",
    "temperature": "temperature_c",
    "events_per_year": "events_per_year",
}
_NAMES = ("module", "mcu", "app", "battery")
_OFF = ("deactivated", "off", "none")
_INPUTS = (*_NAMES, *_DURATIONS, *_TIMERS, *_NUMBERS, "response", "ce", "rai", "battery_wh")
_KEYS = ("name", "source", "note", "inputs", "set", "published")


@dataclass(frozen=True)
class Case:
    """One case: `published` by metric. `told` is what its inputs say, for printing."""

    name: str
    source: str
    note: str
    scenario: Scenario
    told: str
    published: dict[str, float]


def read(path: Path) -> list[Case]:
    """The cases of a file. Raises ModelError (what, where, what to do) and OSError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: no TOML: {error}") from None
    _known(table, ("case",), str(path))
    rows = table.get("case")
    if not isinstance(rows, list) or not rows:
        raise ModelError(f"{path}: expected at least one [[case]]; docs/battery.md shows one")
    return [_case(row, f"{path}: case {number}") for number, row in enumerate(rows, 1)]


def _known(table: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            raise ModelError(f"{where}: unknown key {key!r}; there are {', '.join(keys)}{guess(key, list(keys))}")


def _case(row: Any, where: str) -> Case:
    if not isinstance(row, Mapping):
        raise ModelError(f"{where}: expected a table")
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise ModelError(f"{where}: expected a name")
    where = f"{where} ({name})"
    _known(row, _KEYS, where)
    source = row.get("source")
    if not isinstance(source, str) or not source:
        raise ModelError(f"{where}: expected a source: who published the result")
    inputs, changes, published = (_table(row, key, where) for key in ("inputs", "set", "published"))
    _known(changes, figures.KINDS, f"{where}: set")
    for kind, change in changes.items():
        if not isinstance(change, Mapping):
            raise ModelError(f"{where}: expected a table [case.set.{kind}], got {change!r}")
    scenario = _scenario(inputs, where)
    merged = {kind: {**scenario.changes.get(kind, {}), **changes.get(kind, {})} for kind in figures.KINDS}
    told = [f"{key}={value}" for key, value in inputs.items()]
    told += [f"{path}={value}" for path, value in _flat(changes)]
    return Case(
        name=name,
        source=source,
        note=str(row.get("note", "")),
        scenario=replace(scenario, changes={kind: change for kind, change in merged.items() if change}),
        told=", ".join(told),
        published=_published(published, where),
    )


def _table(row: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = row.get(key, {})
    if not isinstance(value, Mapping):
        raise ModelError(f"{where}: expected a table [case.{key}], got {value!r}")
    return value


def _flat(changes: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in changes.items():
        if isinstance(value, Mapping) and not {"ua", "mw"} & set(value):
            found += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, Mapping):
            found += [(f"{prefix}{key}_{unit}", number) for unit, number in value.items()]
        else:
            found.append((prefix + key, value))
    return found


def _published(published: Mapping[str, Any], where: str) -> dict[str, float]:
    _known(published, tuple(METRICS), f"{where}: published")
    if not published:
        raise ModelError(f"{where}: expected a published result: one of {', '.join(METRICS)}")
    return {key: _positive(value, f"{where}: published.{key}") for key, value in published.items()}


def _positive(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ModelError(f"{where}: expected a number above 0, got {value!r}")
    return float(value)


def _scenario(inputs: Mapping[str, Any], where: str) -> Scenario:
    _known(inputs, _INPUTS, f"{where}: inputs")
    fields: dict[str, Any] = {}
    try:
        for key, value in inputs.items():
            if key in _NAMES:
                fields[key] = _text(value, key)
            elif key in _DURATIONS:
                fields[_DURATIONS[key]] = parse(_text(value, key))
            elif key in _TIMERS:
                text = _text(value, key)
                fields[_TIMERS[key]] = None if text in _OFF else 0.0 if text == "0" else parse(text)
            elif key in _NUMBERS:
                fields[_NUMBERS[key]] = _number(value, key)
            elif key == "response":
                fields["response_bytes"] = None if value in _OFF else _number(value, key)
            elif key == "ce":
                fields["ce"] = value
            elif key == "rai":
                fields["rai"] = _flag(value)
    except ModelError as error:
        raise ModelError(f"{where}: inputs: {error}") from None
    scenario = replace(BASE, **fields)
    if "battery_wh" in inputs:
        scenario = replace(scenario, battery_wh=_positive(inputs["battery_wh"], f"{where}: battery_wh"))
    return scenario


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise ModelError(f'{key}: expected a text such as "24h", got {value!r}')
    return value


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(f"{key}: expected a number, got {value!r}")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ModelError(f"rai: expected true or false, got {value!r}")
    return value
