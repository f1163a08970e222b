"""The command `cellkit`.

Exit codes of every command: 0 done, 1 failed, 2 wrong usage, 3 the set-up is missing, 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cellkit.demo import SetupMissing, run_demo
from cellkit.plan import command as plan_command
from cellkit.report import write_report
from cellkit.sim import command as sim_command
from cellkit.story import Story
from cellkit.summary import EVENTS, REPORT
from cellkit.terminal import FAILED, INTERRUPTED, SETUP_MISSING, USAGE, Json, epilog, fail, print_json
from cellkit.transcripts import command as transcripts_command
from cellkit.validate import command as validate_command

app = typer.Typer(
    name="cellkit",
    help="Tools for cellular devices that must run for ten years on one battery.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(sim_command.app, name="sim")
app.add_typer(transcripts_command.at_app, name="at")
app.add_typer(transcripts_command.twin_app, name="twin")
app.add_typer(transcripts_command.record_app)
app.command("plan", epilog=plan_command.EPILOG)(plan_command.command)
app.add_typer(validate_command.app)


@app.command(
    epilog=epilog(
        "cellkit demo --out build/demo",
        "0    the alarm was acknowledged and the device is asleep again",
        "1    it was not, or the results could not be written; the last line says why",
        "2    wrong usage",
        "3    MicroPython is not built yet: run `make setup`",
        "130  interrupted; the files are written as far as it went",
    )
)
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for events.jsonl, summary.json and report.html.")],
    as_json: Json = False,
) -> None:
    """Show a smoke alarm reach its server: real firmware in MicroPython, a virtual modem and network.

    Takes about 45 seconds. Earlier results in the folder are replaced.
    """
    story = Story(Console(stderr=as_json, highlight=False))
    try:
        code, summary = run_demo(out, story)
    except SetupMissing as error:
        fail(str(error), SETUP_MISSING)
    except OSError as error:
        fail(f"cannot write to {out}: {error.strerror or error}; choose another folder with --out", FAILED)
    if as_json:
        print_json({**summary, "report": str(out / REPORT), "exit_code": code})
    raise typer.Exit(code)


@app.command(
    epilog=epilog(
        "cellkit report build/demo",
        "0    report.html is written",
        "1    it could not be written",
        "2    wrong usage, or the folder holds no events.jsonl",
    )
)
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, with its events.jsonl.")],
    as_json: Json = False,
) -> None:
    """Draw the report page of a demo or a simulation again, from its files.

    Works also for a demo that was killed, as far as its log goes.
    """
    # Imported here: the bench takes its time, which the help needs not wait for.
    from cellkit.sim import report as sim_report

    if not (folder / EVENTS).is_file():
        fail(f"expected a run's {EVENTS} in {folder}, found none; name the --out of a demo or simulation", USAGE)
    try:
        path = sim_report.write_report(folder) if sim_report.is_simulation(folder) else write_report(folder)
    except ValueError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"cannot make the report in {folder}: {error.strerror or error}", FAILED)
    if as_json:
        print_json({"report": str(path)})
    else:
        typer.echo(str(path))


@app.command(epilog=epilog("cellkit version --json", "0    always", "2    wrong usage"))
def version(as_json: Json = False) -> None:
    """Print the versions of cellkit and of the Python it runs on."""
    versions = {"cellkit": metadata.version("cellkit"), "python": sys.version.split()[0]}
    if as_json:
        print_json(versions)
    else:
        typer.echo(f"cellkit {versions['cellkit']} on Python {versions['python']}")


def main() -> None:
    """Entry point of the command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
