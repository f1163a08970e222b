"""One stretch of a long event log, found by bisection: the file is in the order of time, so little of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from cellkit.sim.sessions import Session
from cellkit.summary import Event, RunLog, parse_event

_MOST_EVENTS = 4000  # of a picture


def read_stretch(path: Path, session: Session) -> RunLog:
    """The events of `session` with a margin, their times counted from its beginning. Raises OSError."""
    margin_s = max(0.2, 0.06 * (session.end_s - session.start_s))
    start_s, end_s = max(0.0, session.start_s - margin_s), session.end_s + margin_s
    log = RunLog([{"t": 0.0, "src": "modem", "ev": "state", "state": session.state, "current_ua": session.current_ua}])
    with path.open("rb") as file:
        file.seek(_find(file, start_s))
        for line in file:
            event = parse_event(line)
            if event is None:
                log.unreadable += 1
                continue
            if event["t"] > end_s or len(log.events) > _MOST_EVENTS:
                break
            log.events.append({**event, "t": round(event["t"] - start_s, 6)})
    # The picture ends a little after the session, whatever comes next.
    if log.events[-1]["t"] < end_s - start_s and len(log.events) <= _MOST_EVENTS:
        log.events.append({"t": round(end_s - start_s, 6), "src": "page", "ev": "end"})
    return log


def _find(file: IO[bytes], t_s: float) -> int:
    """Where the first line with a time of `t_s` or later begins."""
    low, high = 0, file.seek(0, 2)
    while high - low > 4096:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()  # the rest of a line
        at = file.tell()
        event = _next(file)
        if event is None or at >= high or event["t"] >= t_s:
            high = middle
        else:
            low = at
    file.seek(low)
    while line := file.readline():
        event = parse_event(line)
        if event is not None and event["t"] >= t_s:
            break
        low = file.tell()
    return low


def _next(file: IO[bytes]) -> Event | None:
    """The next line that is an event; None at the end."""
    for line in file:
        event = parse_event(line)
        if event is not None:
            return event
    return None
