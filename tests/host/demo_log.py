"""A made-up run for the tests of what a person sees: the story of the demo as its event log tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Event = dict[str, Any]

REQUESTED = {"t3324_s": 10, "t3412_s": 86400, "edrx_s": 81.92, "ptw_s": None}
GRANTED = {"t3324_s": 6, "t3412_s": 43200, "edrx_s": 81.92, "ptw_s": 10.24}
OBSERVED = {"t3324_s": 6, "t3412_s": None, "edrx_s": None, "ptw_s": None}
RUNTIME = {"implementation": "micropython", "version": "1.25.0"}
SMOKE_S = 24.0


def event(t: float, src: str, ev: str, **fields: Any) -> Event:
    return {"t": t, "src": src, "ev": ev, **fields}


def trace(t: float, name: str, **data: Any) -> Event:
    return event(t, "mcu", "trace", data={"ev": name, **data})


def state(t: float, name: str, current_ua: float) -> Event:
    return event(t, "modem", "state", state=name, current_ua=current_ua)


def _boot() -> list[Event]:
    return [
        event(0.0, "bench", "start"),
        state(0.0, "off", 0.0),
        event(0.05, "mcu", "start"),
        trace(0.3, "boot", runtime=RUNTIME),
        trace(0.31, "state", **{"from": None, "to": "warm_up"}),
        event(0.8, "modem", "power", on=True),
        state(0.9, "boot", 5_000.0),
        event(3.0, "uart", "to_mcu", data="\r\n+CPIN: READY\r\n"),
        trace(3.4, "modem_ready", model="BC660K-GL", revision="BC660KGLAAR01A05"),
        event(3.5, "uart", "to_modem", data='AT+CPSMS=1,,,"01000001","00000101"\r'),
        event(3.52, "uart", "to_mcu", data="\r\nOK\r\n"),
        trace(3.6, "requested", **REQUESTED),
        state(3.7, "search", 54_000.0),
        event(6.2, "net", "attach", t3324_s=6, t3412_s=43200),
        state(6.3, "connected", 15_000.0),
        trace(6.4, "registered", stat=1, roaming=False),
        trace(6.5, "granted", **GRANTED),
    ]


def _heartbeat() -> list[Event]:
    return [
        trace(7.0, "uplink_sent", seq=1, prio=2),
        state(7.0, "tx", 100_000.0),
        event(7.1, "net", "up", bytes=60, peer="127.0.0.1:5683", latency_s=0.4),
        state(7.2, "connected", 15_000.0),
        event(7.5, "server", "request", code="POST", path="/alarm", bytes=60, records=[], seq=1, duplicate=False),
        event(7.5, "server", "response", code="2.04", bytes=0, seq=1),
        event(7.9, "net", "down", bytes=9, peer="127.0.0.1:5683", latency_s=0.4),
        trace(8.0, "uplink_ack", seq=1, prio=2, latency_ms=1000, code="2.04"),
        trace(8.1, "state", **{"from": "warm_up", "to": "normal"}),
        state(10.0, "idle_drx_2s56", 110.0),
        state(16.0, "deep_sleep", 0.8),
        event(16.0, "net", "psm", state="enter"),
        trace(16.0, "psm", state="enter"),
        trace(16.0, "observed", **OBSERVED),
    ]


def _alarm() -> list[Event]:
    records = [{"name": "seq", "value": 2}, {"name": "fire", "value": True}]
    return [
        event(SMOKE_S, "bench", "stimulus", what="smoke", level_mv=2400),
        trace(24.2, "state", **{"from": "normal", "to": "alarm"}),
        event(24.21, "mcu", "pin", pin="SIREN", value=1),
        trace(24.21, "siren", on=True),
        state(24.4, "waking", 5_000.0),
        trace(24.7, "wake", ms=480),
        trace(24.9, "uplink_sent", seq=2, prio=0),
        state(24.9, "tx", 100_000.0),
        event(25.0, "net", "up", bytes=66, peer="127.0.0.1:5683", latency_s=0.4),
        state(25.1, "connected", 15_000.0),
        event(25.4, "server", "request", code="POST", path="/alarm", bytes=66, records=records, seq=2, duplicate=False),
        event(25.41, "server", "response", code="2.04", bytes=0, seq=2),
        trace(25.9, "uplink_ack", seq=2, prio=0, latency_ms=1000, code="2.04"),
        event(28.0, "bench", "stimulus", what="smoke", level_mv=300),
        event(29.0, "mcu", "pin", pin="SIREN", value=0),
        state(29.0, "idle_drx_2s56", 110.0),
        state(35.0, "deep_sleep", 0.8),
        trace(35.0, "psm", state="enter"),
        event(36.0, "bench", "stop"),
    ]


def good_run() -> list[Event]:
    """Boot, heartbeat, PSM, smoke, siren, alarm answered, PSM again."""
    return _boot() + _heartbeat() + _alarm()


def write_run(folder: Path, events: list[Event], tail: str = "") -> Path:
    """Write an event log and return its folder; `tail` goes after the last event as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(one) + "\n" for one in events)
    (folder / "events.jsonl").write_text(text + tail, encoding="utf-8")
    return folder
