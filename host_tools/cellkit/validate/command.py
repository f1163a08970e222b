"""The command `cellkit validate energy`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cellkit.model.figures import ModelError
from cellkit.terminal import FAILED, USAGE, Json, epilog, fail, print_json
from cellkit.validate import compare
from cellkit.validate.cases import METRICS, read
from cellkit.validate.compare import Row

_EXAMPLE = "cellkit validate energy docs/energy_cases.toml"
_CODES = (
    "0    every case was computed, however far off",
    "1    a case could not be computed; its line says why",
    "2    wrong usage, or the list of cases has an error",
)

app = typer.Typer(
    name="validate",
    help="Hold the models against what others have published.",
    epilog=epilog(_EXAMPLE, *_CODES),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Keep `energy` a command of its own: a group with one command would swallow its name."""


@app.command(epilog=epilog(_EXAMPLE, *_CODES))
def energy(
    cases: Annotated[Path, typer.Argument(help="List of cases in TOML; docs/battery.md says how it is written.")],
    as_json: Json = False,
) -> None:
    """Print published results and ours side by side, with the deviation.

    The model's figures are never fitted to a result that they are compared with; a case says its own inputs.
    """
    try:
        rows = compare.run(read(cases))
    except ModelError as error:
        fail(str(error), USAGE)
    except OSError as error:
        fail(f"cannot read {cases}: {error.strerror or error}; name a file with [[case]] tables", USAGE)
    _show(Console(stderr=as_json, highlight=False), rows)
    if as_json:
        print_json(compare.as_json(rows))
    if any(row.ours is None for row in rows):
        raise typer.Exit(FAILED)


def _show(console: Console, rows: list[Row]) -> None:
    for case, group in groupby(rows, key=lambda row: row.case):
        console.print(f"[bold]{escape(case.name)}[/]")
        console.print(f"  [dim]source[/]  {escape(case.source)}")
        console.print(f"  [dim]inputs[/]  {escape(case.told) or 'the defaults'}")
        if case.note:
            console.print(f"  [dim]note[/]    {escape(case.note)}")
        for row in group:
            console.print(f"  {_line(row)}")
    _summary(console, rows)


def _line(row: Row) -> str:
    unit = METRICS[row.metric]
    name = row.metric.replace("_", " ")
    if row.ours is None or row.off_percent is None:
        return f"[red]{name}: published {row.published:.4g} {unit}, ours: {escape(row.error)}[/]"
    size = abs(row.off_percent)
    colour = "green" if size <= 10 else "yellow" if size <= 30 else "red"
    off = f"[{colour}]{row.off_percent:+.1f} %[/]"
    return f"{name}: published {row.published:.4g} {unit}, ours {row.ours:.4g} {unit}, {off}"


def _summary(console: Console, rows: list[Row]) -> None:
    total = compare.summary(rows)
    median, largest = total["median_absolute_deviation_percent"], total["largest_absolute_deviation_percent"]
    if median is None:
        console.print("\nno case could be computed")
        return
    within = ", ".join(f"{count} within {limit} %" for limit, count in total["within_percent"].items())
    console.print(
        f"\n[bold]{total['results']} results: median absolute deviation {median:.1f} %[/], "
        f"largest {largest:.1f} %; {within}"
    )
    if total["failed"]:
        console.print(f"[red]{total['failed']} could not be computed[/]")
