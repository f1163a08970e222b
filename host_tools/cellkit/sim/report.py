"""`report.html` of a run in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cellkit.sim.run import Runner

REPORT_FILE = "report.html"


def write_report(runner: Runner, summary: dict[str, Any], folder: Path) -> Path:
    """Write `report.html`. Raises OSError."""
    path = folder / REPORT_FILE
    path.write_text("<!doctype html><title>cellkit simulation</title>", encoding="utf-8")
    return path
