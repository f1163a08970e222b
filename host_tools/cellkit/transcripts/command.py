"""`cellkit at parse`, `cellkit twin`: logs of real modems against the firmware's parser and the virtual modules."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cellkit.terminal import FAILED, SETUP_MISSING, USAGE, Json, epilog, fail
from cellkit.transcripts.exchange import TranscriptError, load

at_app = typer.Typer(help="Tools around AT commands.", no_args_is_help=True, rich_markup_mode=None)
twin_app = typer.Typer(help="Virtual modules against logs of real ones.", no_args_is_help=True, rich_markup_mode=None)

_AIM_PERCENT = 95.0
Module = Annotated[str, typer.Option("--module", help="A module (bc660k-gl) or a family (quectel-bc660k).")]
Log = Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Exchanges, one JSON object a line.")]


@twin_app.command(
    epilog=epilog(
        "cellkit twin score --module quectel-bc26 tests/data/quectel-bc26.jsonl",
        "0    at least 95 % of the exchanges that count (evidence wire or doc) are reproduced",
        "1    fewer are",
        "2    wrong usage: unknown module, or a file that cannot be read",
    )
)
def score(module: Module, file: Log, as_json: Json = False) -> None:
    """Play what was sent in a log to a virtual module and compare the shape of its answers.

    One line an exchange with the first difference, then the percentage; with --json one object an exchange and then one
    with the percentage.
    """
    # Imported here: the bench takes its time, which the help needs not wait for.
    from cellkit.bench.modem import families
    from cellkit.transcripts.score import COUNTED, percentage, score_file

    if module not in families.names():
        fail(f"unknown module {module!r}; there are {', '.join(families.names())}", USAGE)
    scores = []
    try:
        for found in score_file(module, file):
            scores.append(found)
            if as_json:
                print(json.dumps({
                    "exchange": found.number, "module": found.module, "evidence": found.evidence,
                    "context": found.context, "match": found.match, "difference": found.difference or None,
                }), flush=True)  # fmt: skip
            else:
                print(f"{found.number:4} {found.evidence:8}{found.context:9}{found.difference or 'same'}", flush=True)
    except TranscriptError as error:
        fail(str(error), USAGE)
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", USAGE)
    counted = [found for found in scores if found.evidence in COUNTED]
    percent = percentage(scores)
    if as_json:
        print(json.dumps({"percent": round(percent, 1), "counted": len(counted), "exchanges": len(scores)}))
    else:
        same = sum(found.match for found in counted)
        print(f"{percent:.1f} % ({same} of {len(counted)} that count; evidence wire or doc)")
    raise typer.Exit(0 if percent >= _AIM_PERCENT else FAILED)


@at_app.command(
    epilog=epilog(
        "cellkit at parse --module bc660k-gl tests/data/quectel-bc660k.jsonl",
        "0    every line of every exchange is known to the firmware",
        "1    there are unknown lines",
        "2    wrong usage: unknown module, or a file that cannot be read",
        "3    MicroPython is not built yet: run `make setup`",
    )
)
def parse(
    module: Module,
    file: Log,
    seed: Annotated[int, typer.Option("--seed", help="Of the places at which the bytes are cut into reads.")] = 1,
) -> None:
    """Run the firmware's own parser, in MicroPython, over a log; print one JSON object an exchange.

    Each has `final` (ok, error, connect, prompt, none), `error`, `response`, `urcs`, `data` (hex) and `unknown`.
    """
    from cellkit.bench.modem import families
    from cellkit.transcripts.parse import ParserMissing, parse_exchanges

    if module not in families.names():
        fail(f"unknown module {module!r}; there are {', '.join(families.names())}", USAGE)
    try:
        exchanges = list(load(file))
    except TranscriptError as error:
        fail(str(error), USAGE)
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", USAGE)
    unknown = 0
    try:
        for found in parse_exchanges(module, exchanges, seed):
            unknown += len(found["unknown"])
            print(json.dumps(found), flush=True)
    except ParserMissing as error:
        fail(str(error), SETUP_MISSING)
    if unknown:
        print(f"cellkit: {unknown} unknown lines", file=sys.stderr)
        raise typer.Exit(FAILED)


@twin_app.command(
    epilog=epilog(
        "cellkit twin table --write docs/modules.md",
        "0    the table is printed or written",
        "1    it could not be written",
        "2    wrong usage",
        "3    MicroPython is not built yet: run `make setup`",
    )
)
def table(
    write: Annotated[Path | None, typer.Option("--write", help="File to write, else it is printed.")] = None,
    as_json: Json = False,
) -> None:
    """Make the table of module families: what each can do, and what shows it: log, manual or virtual module."""
    from cellkit.transcripts.table import document, rows

    try:
        found = rows()
    except (OSError, RuntimeError) as error:
        fail(f"expected MicroPython and the logs of tests/data: {error}; run `make setup`", SETUP_MISSING)
    if as_json:
        print(json.dumps({row.family: {"percent": row.percent, "cells": row.cells} for row in found}))
    elif write is None:
        typer.echo(document(found), nl=False)
    else:
        try:
            write.write_text(document(found), encoding="utf-8")
        except OSError as error:
            fail(f"cannot write {write}: {error.strerror}", FAILED)
        typer.echo(str(write))


record_app = typer.Typer(rich_markup_mode=None)


@record_app.command(
    name="record",
    epilog=epilog(
        "cellkit record --port /dev/ttyUSB2 --out my-modem.jsonl",
        "0    all was asked and written",
        "1    the port failed, the modem does not answer, or the file could not be written",
        "2    wrong usage",
        "130  interrupted; what was written until then is whole",
    ),
)
def record(
    port: Annotated[str, typer.Option("--port", help="Device, or a URL of pyserial: socket://host:port, rfc2217://...")],
    out: Annotated[Path, typer.Option("--out", help="File to add exchanges to, one JSON object a line.")],
    script: Annotated[
        Path | None, typer.Option("--script", help="Commands, one a line; without it questions that change nothing.")
    ] = None,
    baud: Annotated[int, typer.Option("--baud", help="Baud rate.")] = 115200,
    as_json: Json = False,
) -> None:
    """Record exchanges with a real modem in the format of transcripts, to contribute them.

    IMEI, IMSI, ICCID, phone numbers, positions, names, passwords and keys are masked before anything is written; look
    at the file before you give it away all the same.
    """
    import serial  # type: ignore[import-untyped]

    from cellkit.transcripts.record import QUESTIONS, Recorder, append, identify, read_script

    try:
        lines = list(QUESTIONS) if script is None else script.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"cannot read {script}: {error}", USAGE)
    count = 0
    try:
        with serial.serial_for_url(port, baudrate=baud, timeout=0.05) as line:
            module = identify(line)
            recorder = Recorder(line, "recorded with cellkit", module)
            for entry in recorder.record(read_script(lines)):
                append(out, entry)
                count += 1
                if not as_json:
                    typer.echo(f"{entry['context']:10}{entry['exchange'][0][1]}")
    except TimeoutError:
        fail(f"no OK to AT at {port}; check power, wiring and --baud ({baud})", FAILED)
    except (OSError, ValueError) as error:  # serial.SerialException is an OSError
        fail(f"{port} or {out}: {error}", FAILED)
    if as_json:
        print(json.dumps({"module": module, "exchanges": count, "file": str(out)}))
    else:
        typer.echo(f"{count} exchanges with {module} in {out}")
