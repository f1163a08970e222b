"""Ours beside the published result of each case, and how far off in the median."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from cellkit.model.figures import ModelError
from cellkit.plan.closed import Plan, plan
from cellkit.validate.cases import METRICS, Case


@dataclass(frozen=True)
class Row:
    """One published result and ours; `answer` is the whole plan, `error` says why there is none of ours."""

    case: Case
    metric: str
    published: float
    answer: Plan | None
    error: str = ""

    @property
    def ours(self) -> float | None:
        """Our value of the metric."""
        return None if self.answer is None else ours(self.answer, self.metric)

    @property
    def off_percent(self) -> float | None:
        """Ours against the published result."""
        value = self.ours
        return None if value is None else (value / self.published - 1) * 100


def ours(answer: Plan, metric: str) -> float:
    """Our value of a metric of `cases.METRICS`."""
    values = {
        "lifetime_years": answer.lifetime_years,
        "report_j": answer.report_j,
        "report_mwh": answer.report_mwh,
        "report_uah": answer.report_uah,
        "report_s": answer.session_s,
        "tau_j": answer.tau_j,
        "tau_mwh": answer.tau_j / 3.6,
        "tau_uah": answer.tau_uah,
        "mean_current_ua": answer.mean_current_ua,
        "charge_per_day_mah": answer.charge_per_day_mah,
    }
    return values[metric]


def run(cases: list[Case]) -> list[Row]:
    """A row for each published result. A case that cannot be planned gives a row with its error."""
    rows = []
    for case in cases:
        try:
            answer = plan(case.scenario)
        except ModelError as error:
            rows += [Row(case, metric, value, None, str(error)) for metric, value in case.published.items()]
            continue
        rows += [Row(case, metric, value, answer) for metric, value in case.published.items()]
    return rows


def summary(rows: list[Row]) -> dict[str, Any]:
    """Count, median and largest absolute deviation in percent, and how many lie within 10, 20 and 50 %."""
    off = [abs(value) for row in rows if (value := row.off_percent) is not None]
    return {
        "results": len(rows),
        "failed": sum(1 for row in rows if row.ours is None),
        "median_absolute_deviation_percent": statistics.median(off) if off else None,
        "largest_absolute_deviation_percent": max(off) if off else None,
        "within_percent": {str(limit): sum(1 for value in off if value <= limit) for limit in (10, 20, 50)},
    }


def _in_full(answer: Plan) -> dict[str, Any]:
    return {
        **{metric: ours(answer, metric) for metric in METRICS},
        "report_s_by_state": answer.time_s_per_report,
        "cycle_s_by_state": answer.cycle_s_by_state,
    }


def as_json(rows: list[Row]) -> dict[str, Any]:
    """All rows and the summary as one JSON object."""
    found = [
        {
            "name": row.case.name,
            "source": row.case.source,
            "note": row.case.note,
            "inputs": row.case.told,
            "metric": row.metric,
            "unit": METRICS[row.metric],
            "published": row.published,
            "ours": row.ours,
            "off_percent": row.off_percent,
            "error": row.error,
            "all_of_ours": None if row.answer is None else _in_full(row.answer),
        }
        for row in rows
    ]
    return {"cases": found, "summary": summary(rows)}
