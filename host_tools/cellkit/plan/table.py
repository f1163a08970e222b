"""A plan on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cellkit.plan.advice import Advice, Swing, Warn
from cellkit.plan.closed import Plan
from cellkit.plan.durations import spell
from cellkit.plan.words import inputs, rows, verdict, years
from cellkit.report import words

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_BAR = 24
_MOST_ROWS = 12


def show(console: Console, answer: Plan, warned: list[Warn], advised: list[Advice], swings: list[Swing]) -> None:
    """Print the answer: lifetime first, then where the charge goes, what to change, what to watch."""
    for name, value in inputs(answer):
        console.print(f"[dim]{name:12}[/] {value}")
    console.print(f"\n[bold]{verdict(answer)}[/] on {answer.device.cell.title}")
    console.print(
        f"mean current {words.current(answer.mean_current_ua)}, {answer.charge_per_day_mah:.3f} mAh a day; one report "
        f"takes {spell(round(answer.session_s, 1))}, {words.charge(answer.report_uah)} = {answer.report_j:.3g} J = "
        f"{answer.report_mwh:.3g} mWh\n"
    )
    console.print(_charges(answer))
    if advised:
        console.print(_advice(advised))
    if swings:
        console.print(_swings(swings))
    for warn in (warn for warn in warned if warn.code != "shelf-life"):  # the verdict says it
        console.print(f"[{_STYLES[warn.level]}]{warn.level}[/]  {warn.text}")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")


def _charges(answer: Plan) -> Table:
    table = _table("Where the charge goes")
    for name in ("consumer", "state"):
        table.add_column(name)
    for name in ("s a cycle", "current", "mAh a year", "share"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows(answer)[:_MOST_ROWS]:
        seconds, current = row["s_per_cycle"], row["current_ua"]
        table.add_row(
            row["consumer"],
            row["state"],
            "" if seconds is None else f"{seconds:,.2f}" if seconds < 1000 else f"{seconds:,.0f}",
            "" if current is None else words.current(current),
            f"{row['mah_per_year']:.2f}",
            f"{row['share']:.1%}",
            "█" * round(row["share"] * _BAR),
        )
    return table


def _advice(advised: list[Advice]) -> Table:
    table = _table("\nWhat to change first")
    table.add_column("change")
    table.add_column("gains", justify="right")
    table.add_column("then", justify="right")
    for one in advised:
        table.add_row(one.text, f"+{one.gain_years:.1f} years", years(one.lifetime_years))
    return table


def _swings(swings: list[Swing]) -> Table:
    table = _table("\nWhat eats the battery: one thing other than planned")
    table.add_column("what")
    table.add_column("worse", justify="right")
    table.add_column("better", justify="right")
    for one in swings[:8]:
        worse = f"{one.low_label}: {years(one.low_years)}"
        table.add_row(one.name, worse, f"{one.high_label}: {years(one.high_years)}")
    return table
