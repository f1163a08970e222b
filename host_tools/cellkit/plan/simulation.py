"""What a simulation run says of itself: the only place that knows the fields of its `summary.json`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cellkit.model.figures import ModelError
from cellkit.plan.scenario import Scenario

SUMMARY = "summary.json"
# Keys of the summary, its `inputs` or their `granted` that are fields of a scenario by the same name.
_NUMBERS = (
    "interval_s",
    "payload_bytes",
    "ptw_s",
    "attempts",
    "temperature_c",
    "events_per_year",
)
_NUMBERS_OR_NONE = ("t3324_s", "t3412_s", "edrx_s", "response_bytes")
_NAMES = ("module", "mcu", "app", "battery")


@dataclass(frozen=True)
class Run:
    """A simulation run: its scenario as far as it tells, and what it spent."""

    scenario: Scenario
    simulated_s: float
    charge_mah: dict[str, dict[str, float]]
    mean_current_ua: float | None
    forecast_years: float | None


def read(folder: Path, asked: Scenario) -> Run:
    """Read a run; what its inputs do not tell is taken from `asked`. Raises ModelError."""
    path = folder / SUMMARY
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"expected a run's {SUMMARY} in {folder}: {error.strerror}; name a run's folder") from None
    except ValueError:
        raise ModelError(f"{path} is no JSON; run the simulation again") from None
    if not isinstance(data, dict):
        raise ModelError(f"{path}: expected a JSON object, got {type(data).__name__}; run the simulation again")
    simulated_s = _number(data.get("simulated_s"))
    charge = data.get("charge_mah_by_state")
    if simulated_s is None or simulated_s <= 0 or not isinstance(charge, dict):
        raise ModelError(f"{path}: expected simulated_s and charge_mah_by_state, got {sorted(data)}")
    inputs = data.get("inputs")
    return Run(
        scenario=_scenario({**data, **(inputs if isinstance(inputs, dict) else {})}, asked),
        simulated_s=simulated_s,
        charge_mah={
            str(who): {str(state): mah for state, value in states.items() if (mah := _number(value)) is not None}
            for who, states in charge.items()
            if isinstance(states, dict)
        },
        mean_current_ua=_number(data.get("mean_current_ua")),
        forecast_years=_number(data.get("forecast_years")),
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _scenario(inputs: dict[str, Any], asked: Scenario) -> Scenario:
    granted = inputs.get("granted")
    told = {**inputs, **(granted if isinstance(granted, dict) else {})}
    found: dict[str, Any] = {key: told[key] for key in _NAMES if isinstance(told.get(key), str)}
    found |= {key: value for key in _NUMBERS if (value := _number(told.get(key))) is not None}
    found |= {key: _number(told[key]) for key in _NUMBERS_OR_NONE if key in told}
    if told.get("ce") in (0, 1, 2):
        found["ce"] = int(told["ce"])
    if isinstance(told.get("rai"), bool):
        found["rai"] = told["rai"]
    if isinstance(told.get("radio"), dict) and told["radio"]:
        found["changes"] = {**asked.changes, "radio": {**told["radio"], **asked.changes.get("radio", {})}}
    return replace(asked, **found)
