"""What all commands share: how help ends, how errors and JSON are printed, exit codes."""

from __future__ import annotations

import json
from typing import Annotated, Any, NoReturn

import typer

FAILED = 1
USAGE = 2
SETUP_MISSING = 3
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")]


def epilog(example: str, *codes: str) -> str:
    """Example and exit codes below a command's help; the \\b keeps the lines apart."""
    lines = "\n".join(f"  {code}" for code in codes)
    return f"\b\nExample:\n  {example}\n\n\b\nExit codes:\n{lines}"


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    typer.echo(json.dumps(value))


def fail(message: str, code: int) -> NoReturn:
    """End the command with a line on stderr and an exit code."""
    typer.echo(f"cellkit: {message}", err=True)
    raise typer.Exit(code)
