"""What a run was: reads `events.jsonl`, also a damaged one, and boils it down to `summary.json`.

Everything here comes from the log alone, so that a run that was killed can still be summed up afterwards.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

Event = dict[str, Any]

EVENTS = "events.jsonl"
SUMMARY = "summary.json"
REPORT = "report.html"

_TIMERS = ("requested", "granted", "observed")
_BEYOND = 1e15  # no time in seconds and no current in µA is greater; sums of what is below stay finite


@dataclass
class RunLog:
    """The events of a run in the order of time, and what was wrong with the file.

    unreadable: lines that are no event; broken_off: the last of them was cut, as by a kill or a full disk.
    """

    events: list[Event] = field(default_factory=list)
    unreadable: int = 0
    broken_off: bool = False

    @property
    def end_s(self) -> float:
        """Time of the last event in seconds since the start."""
        return float(self.events[-1]["t"]) if self.events else 0.0

    @property
    def stopped(self) -> bool:
        """True when the bench came to its own end."""
        return any(e["src"] == "bench" and e["ev"] == "stop" for e in reversed(self.events))

    def each(self, src: str, ev: str) -> Iterator[Event]:
        """The events of one kind."""
        return (e for e in self.events if e["src"] == src and e["ev"] == ev)

    def traces(self, name: str, after_s: float = -math.inf) -> Iterator[tuple[float, Event]]:
        """What the device itself told: (time, its event) of one name."""
        for e in self.each("mcu", "trace"):
            data = e.get("data")
            if isinstance(data, dict) and data.get("ev") == name and e["t"] >= after_s:
                yield e["t"], data


def read_log(path: Path) -> RunLog:
    """Read an event log; lines that are no event are counted, not fatal. Raises OSError when it cannot be read."""
    log = RunLog()
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        event = parse_event(line)
        if event is None:
            log.unreadable += 1
            log.broken_off = number == len(lines)
        else:
            log.events.append(event)
    log.events.sort(key=lambda e: float(e["t"]))
    return log


def parse_event(line: bytes) -> Event | None:
    """The event on a line of a log; None for what is no event."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not number(event.get("t")):
        return None
    if not isinstance(event.get("src"), str) or not isinstance(event.get("ev"), str):
        return None
    return event


def number(value: Any) -> TypeGuard[float]:
    """True for a number that can be a measurement, which JSON's NaN, Infinity, true and 400 digits are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _BEYOND


@dataclass(frozen=True)
class Stay:
    """The modem in one state from `start_s` to `end_s` (seconds) at `current_ua` (µA)."""

    state: str
    start_s: float
    end_s: float
    current_ua: float

    @property
    def charge_uah(self) -> float:
        return self.current_ua * (self.end_s - self.start_s) / 3600


def stays(log: RunLog) -> list[Stay]:
    """The modem's states one after another, the last one until the end of the log."""
    marks = [e for e in log.each("modem", "state") if isinstance(e.get("state"), str)]
    ends = [float(e["t"]) for e in marks[1:]] + [log.end_s]
    return [
        Stay(e["state"], float(e["t"]), end_s, float(e["current_ua"]) if number(e.get("current_ua")) else 0.0)
        for e, end_s in zip(marks, ends, strict=False)
    ]


@dataclass(frozen=True)
class Mark:
    """One point of the way from smoke to acknowledgement; `t_s` is None when it was never reached."""

    name: str
    t_s: float | None


def smoke_s(log: RunLog) -> float | None:
    """When smoke rose to its highest level, in seconds since the start; None when it never did."""
    stimuli = [e for e in log.each("bench", "stimulus") if e.get("what") == "smoke" and number(e.get("level_mv"))]
    return float(max(stimuli, key=lambda e: float(e["level_mv"]))["t"]) if stimuli else None


def alarm_marks(log: RunLog) -> list[Mark]:
    """Smoke, siren, modem awake, sent, at the server, answered 2.xx, heard by the device."""
    smoke = smoke_s(log)
    if smoke is None:
        return []
    fires = [
        data.get("seq") for name in ("uplink_sent", "uplink_ack") for _, data in log.traces(name, smoke)
        if data.get("prio") == 0
    ]  # fmt: skip
    siren = (e for e in log.each("mcu", "pin") if e.get("pin") == "SIREN" and e.get("value") and e["t"] >= smoke)
    request = (e for e in log.each("server", "request") if e["t"] >= smoke and e.get("seq") in fires)
    answer = (e for e in log.each("server", "response") if e["t"] >= smoke and e.get("seq") in fires and good(e))
    sent = (t for t, data in log.traces("uplink_sent", smoke) if data.get("prio") == 0)
    heard = (t for t, data in log.traces("uplink_ack", smoke) if data.get("prio") == 0 and good(data))
    return [
        Mark("smoke", smoke),
        Mark("siren", _time(next(siren, None))),
        Mark("modem awake", next((t for t, _ in log.traces("wake", smoke)), None)),
        Mark("alarm sent", next(sent, None)),
        Mark("at the server", _time(next(request, None))),
        Mark("answered 2.04", _time(next(answer, None))),
        Mark("heard by the device", next(heard, None)),
    ]


def good(event: Event) -> bool:
    """True when the event's CoAP code is of class 2."""
    return str(event.get("code", "")).startswith("2.")


def _time(event: Event | None) -> float | None:
    return None if event is None else float(event["t"])


def summarize(log: RunLog, failure: str | None = None) -> dict[str, Any]:
    """The contents of `summary.json`. `failure`: why the run ended early, None when it did not."""
    marks = {mark.name: mark.t_s for mark in alarm_marks(log)}
    smoke = marks.get("smoke")
    charge: dict[str, float] = {}
    time: dict[str, float] = {}
    for stay in stays(log):
        charge[stay.state] = charge.get(stay.state, 0.0) + stay.charge_uah
        time[stay.state] = time.get(stay.state, 0.0) + stay.end_s - stay.start_s
    heard = marks.get("heard by the device")
    boot = next((data for _, data in log.traces("boot")), {})
    modem = next((data for _, data in log.traces("modem_ready")), {})
    return {
        "alarm_acknowledged": marks.get("answered 2.04") is not None and heard is not None,
        "alarm_latency_s": _since(smoke, marks.get("answered 2.04")),
        "siren_latency_s": _since(smoke, marks.get("siren")),
        "heartbeat_acknowledged": any(good(d) and d.get("prio") == 2 for _, d in log.traces("uplink_ack")),
        "back_to_psm": heard is not None and any(d.get("state") == "enter" for _, d in log.traces("psm", heard)),
        "failure": failure,
        "runtime": boot.get("runtime"),
        "modem": {key: modem.get(key) for key in ("model", "revision")},
        **{name: _last_timers(log, name) for name in _TIMERS},
        "charge_uah_by_state": {state: round(uah, 6) for state, uah in charge.items()},
        "time_s_by_state": {state: round(seconds, 3) for state, seconds in time.items()},
        "alarm_timeline_s": {name: _since(smoke, t_s) for name, t_s in marks.items()},
        "duration_s": round(log.end_s, 3),
    }


def _since(start_s: float | None, t_s: float | None) -> float | None:
    return None if start_s is None or t_s is None else round(t_s - start_s, 3)


def _last_timers(log: RunLog, name: str) -> dict[str, Any] | None:
    """The last set of timers the device told under `name`, in seconds; None when it told none."""
    last = None
    for _, data in log.traces(name):
        last = {key: value for key, value in data.items() if key != "ev"}
    return last


def write_atomically(path: Path, text: str) -> None:
    """Replace a file as a whole, so that a reader or a kill never meets half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def write_summary(folder: Path, summary: dict[str, Any]) -> None:
    write_atomically(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
