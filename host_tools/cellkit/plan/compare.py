"""A plan beside a simulation run: how far the closed form is off, by state and in total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from cellkit.model.battery import SECONDS_PER_YEAR
from cellkit.plan.closed import Plan
from cellkit.plan.durations import spell
from cellkit.plan.simulation import Run


@dataclass(frozen=True)
class Difference:
    """Charge of one state in the time simulated, mAh."""

    consumer: str
    state: str
    planned_mah: float
    simulated_mah: float

    @property
    def off_percent(self) -> float | None:
        """Plan against simulation; None where the simulation has nothing."""
        return (self.planned_mah / self.simulated_mah - 1) * 100 if self.simulated_mah else None


def compare(answer: Plan, run: Run) -> list[Difference]:
    """Every state of either, the largest first, and last the total."""
    share = run.simulated_s / SECONDS_PER_YEAR
    keys = {(who, state) for who, states in run.charge_mah.items() for state in states}
    keys |= {(who, state) for who, states in answer.charge_mah_per_year.items() for state in states}
    found = [
        Difference(
            who,
            state,
            answer.charge_mah_per_year.get(who, {}).get(state, 0.0) * share,
            run.charge_mah.get(who, {}).get(state, 0.0),
        )
        for who, state in keys
    ]
    found.sort(key=lambda one: (-max(one.planned_mah, one.simulated_mah), one.consumer, one.state))
    total = Difference("all", "", sum(d.planned_mah for d in found), sum(d.simulated_mah for d in found))
    return [*found, total]


def show(console: Console, answer: Plan, run: Run, differences: list[Difference]) -> None:
    """Print the comparison."""
    console.print(f"plan and simulation over {spell(round(run.simulated_s))}\n")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("consumer", "state"):
        table.add_column(name)
    for name in ("plan, mAh", "simulation, mAh", "off"):
        table.add_column(name, justify="right")
    for one in differences:
        off = "" if one.off_percent is None else f"{one.off_percent:+.1f} %"
        table.add_row(one.consumer, one.state, f"{one.planned_mah:.3f}", f"{one.simulated_mah:.3f}", off)
    console.print(table)
    if run.forecast_years is not None:
        console.print(f"\nyears: plan {answer.lifetime_years:.2f}, simulation {run.forecast_years:.2f}")


def as_json(answer: Plan, run: Run, differences: list[Difference]) -> dict[str, Any]:
    """The comparison as one JSON object."""
    return {
        "simulated_s": run.simulated_s,
        "states": [
            {
                "consumer": one.consumer,
                "state": one.state,
                "plan_mah": one.planned_mah,
                "simulation_mah": one.simulated_mah,
                "off_percent": one.off_percent,
            }
            for one in differences
        ],
        "mean_current_ua": {"plan": answer.mean_current_ua, "simulation": run.mean_current_ua},
        "years": {"plan": answer.lifetime_years, "simulation": run.forecast_years},
    }
