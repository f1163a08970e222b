"""The command `cellkit plan`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cellkit.model import figures
from cellkit.model.figures import ModelError
from cellkit.plan import compare, page, simulation, table
from cellkit.plan.advice import advice, sensitivity, warnings
from cellkit.plan.closed import Plan, plan
from cellkit.plan.durations import parse
from cellkit.plan.scenario import Scenario
from cellkit.plan.words import as_json
from cellkit.terminal import FAILED, USAGE, Json, epilog, fail, print_json

EPILOG = epilog(
    "cellkit plan --module bc660k-gl --battery er18505-spc1520 --interval 24h --out build/plan",
    "0    answered",
    "1    answered, but the battery cannot serve the module's pulse; or a file could not be written",
    "2    wrong usage: an unknown name, an impossible timer, a folder without a run",
)
_DEACTIVATED = ("deactivated", "off", "none", "no")
_MODULES, _MCUS, _APPS, _BATTERIES = (", ".join(figures.names(kind)) for kind in ("module", "mcu", "app", "battery"))


def command(
    module: Annotated[str, typer.Option(help=f"One of {_MODULES}.")] = "bc660k-gl",
    mcu: Annotated[str, typer.Option(help=f"One of {_MCUS}.")] = "stm32l4",
    app: Annotated[str, typer.Option(help=f"What the device does between reports: {_APPS}.")] = "report",
    battery: Annotated[str, typer.Option(help=f"One of {_BATTERIES}.")] = "er18505-spc1520",
    interval: Annotated[str, typer.Option(help="Time between reports, as 24h or 15min.")] = "24h",
    payload: Annotated[float, typer.Option(help="Bytes of a report without headers.")] = 50,
    response: Annotated[str, typer.Option(help="Bytes of the server's answer, `none` if none is awaited.")] = "0",
    t3324: Annotated[str, typer.Option(help="Active time granted; `deactivated` if PSM is refused.")] = "10s",
    t3412: Annotated[str, typer.Option(help="Periodic update granted, or `deactivated`.")] = "310h",
    edrx: Annotated[str, typer.Option(help="eDRX cycle granted, as 81.92s, or `off`.")] = "off",
    ptw: Annotated[str, typer.Option(help="Paging time window of eDRX.")] = "10.24s",
    ce: Annotated[int, typer.Option(help="Coverage enhancement level 0, 1 or 2.")] = 0,
    rai: Annotated[bool, typer.Option(help="Whether release assistance is used and honoured.")] = True,
    attempts: Annotated[float, typer.Option(help="Tries of a report, mean.")] = 1,
    temperature: Annotated[float, typer.Option(help="Of the battery, °C, mean.")] = 20,
    events_per_year: Annotated[float, typer.Option(help="Reports at once, beside the regular ones.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Another value for a figure, as radio.connected.inactivity_s=20; repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for plan.png, plan.html and plan.json.")] = None,
    check: Annotated[Path | None, typer.Option(help="Compare with the simulation run in this folder.")] = None,
    as_json_: Json = False,
) -> None:
    """Say how long a battery lasts, what eats it, and what to change first. Takes about a second.

    Every figure behind the answer stands in docs/parameters.md with its source.
    """
    console = Console(stderr=as_json_, highlight=False)
    try:
        asked = Scenario(
            module=module,
            mcu=mcu,
            app=app,
            battery=battery,
            interval_s=parse(interval),
            payload_bytes=payload,
            response_bytes=_bytes(response),
            t3324_s=_timer(t3324),
            t3412_s=_timer(t3412),
            edrx_s=_timer(edrx),
            ptw_s=parse(ptw),
            ce=ce,  # type: ignore[arg-type]  # checked by the plan, with a better message
            rai=rai,
            attempts=attempts,
            temperature_c=temperature,
            events_per_year=events_per_year,
            changes=changes(set_ or ()),
        )
        if check is not None:
            _compare(console, check, asked, as_json_)
            return
        answer = plan(asked)
        result = _answer(console, answer, out)
    except ModelError as error:
        fail(str(error), USAGE)
    except OSError as error:
        fail(f"cannot write to {out}: {error.strerror or error}; choose another folder with --out", FAILED)
    if as_json_:
        print_json(result)
    if answer.usable_share <= 0:
        raise typer.Exit(FAILED)


def _bytes(text: str) -> float | None:
    if text.lower() in _DEACTIVATED:
        return None
    try:
        return float(text)
    except ValueError:
        raise ModelError(f"--response: expected a number of bytes or `none`, got {text!r}") from None


def _timer(text: str) -> float | None:
    return None if text.lower() in _DEACTIVATED else 0.0 if text == "0" else parse(text)


def changes(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`kind.key=value` texts by kind. Raises ModelError."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        kind, dot, key = path.partition(".")
        if not equals or not dot or kind not in figures.KINDS:
            kinds = ", ".join(figures.KINDS)
            raise ModelError(f"--set: expected kind.key=number with kind one of {kinds}, got {text!r}")
        try:
            found.setdefault(kind, {})[key] = float(value)
        except ValueError:
            raise ModelError(f"--set {path}: expected a number, got {value!r}") from None
    return found


def _answer(console: Console, answer: Plan, out: Path | None) -> dict[str, Any]:
    warned, advised, swings = warnings(answer), advice(answer), sensitivity(answer)
    table.show(console, answer, warned, advised, swings)
    result = as_json(answer, warned, advised, swings)
    if out is not None:
        from cellkit.plan.picture import draw

        out.mkdir(parents=True, exist_ok=True)
        picture = draw(answer, swings)
        (out / "plan.png").write_bytes(picture)
        (out / "plan.html").write_text(page.render(answer, picture, warned, advised, swings), encoding="utf-8")
        (out / "plan.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        console.print(f"\n[dim]written: {out}/plan.png, plan.html, plan.json[/]")
    return result


def _compare(console: Console, folder: Path, asked: Scenario, as_json_: bool) -> None:
    run = simulation.read(folder, asked)
    answer = plan(run.scenario)
    differences = compare.compare(answer, run)
    compare.show(console, answer, run, differences)
    if as_json_:
        print_json(compare.as_json(answer, run, differences))
