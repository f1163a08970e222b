"""What the set-up scripts share: messages, errors, and long commands that show they are alive.

Only the standard library: these scripts run before anything is installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LOGS = BUILD / "logs"

_TAIL_LINES = 25
_TTY_EVERY_S = 0.2
_PIPE_EVERY_S = 10.0


class SetupError(Exception):
    """Set-up cannot go on; the message says what was expected, what came, and what to do."""


def say(text: str) -> None:
    """One line of progress."""
    print(f"setup: {text}", flush=True)


def clean_environment() -> dict[str, str]:
    """The environment without what an outer make passes down, which would change a make that we start."""
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}


def run_logged(
    argv: Sequence[str],
    label: str,
    log_name: str,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run `argv` with its output in build/logs/`log_name`, showing `label`, time and lines so far. Returns the output.

    Raises SetupError with the end of the output when the command fails or takes longer than `timeout_s` seconds.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / log_name
    began = time.monotonic()
    with path.open("wb") as out:
        try:
            process = subprocess.Popen(
                list(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd
            )
        except OSError as e:
            raise SetupError(f"{label}: cannot start {argv[0]}: {e}") from e
        try:
            code = _watch(process, label, path, began, timeout_s)
        except BaseException:
            process.kill()
            process.wait()
            raise
    text = path.read_text(errors="replace")
    took_s = time.monotonic() - began
    if code == 0:
        say(f"{label}: done in {took_s:.1f} s")
        return text
    tail = "\n".join("    " + line for line in text.splitlines()[-_TAIL_LINES:])
    why = f"took longer than {timeout_s:.0f} s" if code is None else f"ended with status {code}"
    raise SetupError(f"{label}: `{' '.join(argv[:6])}` {why}; its last lines:\n{tail}\n  all of it is in {path}")


def _watch(process: subprocess.Popen[bytes], label: str, path: Path, began: float, timeout_s: float) -> int | None:
    """Wait and show progress. Returns the exit status, None at the deadline."""
    tty = sys.stdout.isatty()
    every_s = _TTY_EVERY_S if tty else _PIPE_EVERY_S
    if not tty:
        say(f"{label} ...")
    shown = False
    while True:
        try:
            code = process.wait(timeout=every_s)
        except subprocess.TimeoutExpired:
            code = None
        took_s = time.monotonic() - began
        if code is None and took_s < timeout_s:
            with path.open("rb") as f:
                lines = sum(block.count(b"\n") for block in iter(lambda: f.read(65536), b""))
            text = f"setup: {label} ... {took_s:.0f} s, {lines} lines"
            print(f"\r{text}\x1b[K" if tty else text, end="" if tty else "\n", flush=True)
            shown = True
            continue
        if tty and shown:
            print("\r\x1b[K", end="", flush=True)
        if code is None:
            process.kill()
            process.wait()
        return code


def main(body: Callable[[], None]) -> None:
    """Run a script's body; a SetupError becomes a message and exit status 1."""
    try:
        body()
    except SetupError as e:
        print(f"\nsetup stopped: {e}\n", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nsetup interrupted; the same command goes on where it stopped", file=sys.stderr, flush=True)
        sys.exit(130)
