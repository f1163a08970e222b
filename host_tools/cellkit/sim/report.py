"""`report.html` of a run in virtual time, drawn from what is in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cellkit.bench.vrig import FLASH_FILE
from cellkit.report.page import picture
from cellkit.report.shell import document
from cellkit.sim import sections
from cellkit.sim.history import HISTORY_FILE, History
from cellkit.sim.stretch import read_stretch
from cellkit.summary import EVENTS, REPORT, SUMMARY, stays, write_atomically

_TITLES = {
    "routine": ("One wake cycle", "a routine session of usual length"),
    "alarm": ("One alarm", "the first session with an urgent record"),
    "first": ("One wake cycle", "the first one of the run"),
}


def is_simulation(folder: Path) -> bool:
    """Whether a run in virtual time wrote this folder last, as far as it still tells."""
    try:
        summary = json.loads((folder / SUMMARY).read_bytes())
    except (OSError, ValueError, RecursionError):
        return (folder / FLASH_FILE).exists()
    return isinstance(summary, dict) and "simulated_s" in summary


def write_report(folder: Path) -> Path:
    """Write `report.html` of the run in `folder` and return its path.

    Raises OSError, or ValueError when a file of the run is missing or damaged; it says what to do.
    """
    for name in (SUMMARY, HISTORY_FILE):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} has no {name}: the simulation was killed before its end; run it again")
    try:
        summary = sections.checked(json.loads((folder / SUMMARY).read_bytes()))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{folder / SUMMARY}: {error}; run the simulation again") from None
    past = History.load(folder)
    path = folder / REPORT
    write_atomically(path, document("cellkit simulation", _body(folder, summary, past)))
    return path


def _body(folder: Path, summary: dict[str, Any], past: History) -> Iterator[str]:
    yield from sections.header(summary, past)
    yield from sections.charge(summary, past)
    yield from _sessions(folder, past)
    yield from sections.latencies(summary, past)
    yield from sections.battery(summary, past)
    yield from sections.wear(summary, past)


def _sessions(folder: Path, past: History) -> Iterator[str]:
    for name, (title, what) in _TITLES.items():
        if name in past.sessions:
            one = past.sessions[name].session()
            log = read_stretch(folder / EVENTS, one)
            about = sections.about_session(what, one, log, stays(log))
            yield from picture(log, title, about, name)
    if not past.sessions:
        yield '<section><h2>One wake cycle</h2><p class="soft">The modem was never awake in this run.</p></section>'
