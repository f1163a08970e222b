"""The page a run is read on: one HTML file that needs no network, drawn from `events.jsonl` and `summary.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cellkit.report.page import render
from cellkit.summary import EVENTS, REPORT, SUMMARY, RunLog, read_log, summarize, write_atomically

__all__ = ["render", "write_report"]


def write_report(folder: Path) -> Path:
    """Write `report.html` of the run in `folder` and return its path.

    A missing or damaged summary is made again from the events. Raises OSError when there are no events to read or the
    page cannot be written.
    """
    log = read_log(folder / EVENTS)
    path = folder / REPORT
    write_atomically(path, render(log, _summary(folder, log)))
    return path


def _summary(folder: Path, log: RunLog) -> dict[str, Any]:
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        summary = None
    rebuilt = summarize(log, None if log.stopped else "the log has no end")
    # What the log can tell it tells; the summary adds what only the run itself knew.
    return {**rebuilt, **summary} if isinstance(summary, dict) else rebuilt
