"""Runs the drivers of tests/firmware in the real MicroPython VM."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[3]
FIRMWARE_TESTS = REPO / "tests" / "firmware"


def micropython() -> Path:
    """The unix port: `$MICROPYTHON`, or what the build has put under `build/`."""
    given = os.environ.get("MICROPYTHON")
    found = [Path(given)] if given else sorted((REPO / "build").glob("**/micropython"))
    for path in found:
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError("no MicroPython under build/; run `make test`, or name it in MICROPYTHON")


def run(script: str, *args: str, stdin: str = "", timeout_s: float = 60) -> list[str]:
    """Run `tests/firmware/<script>`; its lines of output. An exception in the VM is an error here, with its text."""
    env = {**os.environ, "MICROPYPATH": f"{REPO / 'firmware'}:{FIRMWARE_TESTS}:.frozen"}
    done = subprocess.run(
        [str(micropython()), str(FIRMWARE_TESTS / script), *args],
        input=stdin,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def run_json(script: str, *args: str, timeout_s: float = 60) -> list[dict[str, Any]]:
    """As `run`, with each line read as JSON (`@` of a trace line taken off)."""
    return [json.loads(line.removeprefix("@")) for line in run(script, *args, timeout_s=timeout_s)]
