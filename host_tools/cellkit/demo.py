"""The demo: the real smoke-alarm firmware on the virtual bench, told to a person while it runs.

Writes `events.jsonl`, `summary.json` and `report.html`, also when it fails or is interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellkit.bench.log import Event, EventLog
from cellkit.report import words, write_report
from cellkit.server import AlarmServer
from cellkit.story import Story
from cellkit.summary import EVENTS, REPORT, SUMMARY, read_log, summarize, write_summary

DONE = 0
FAILED = 1
SETUP_MISSING = 3
INTERRUPTED = 130

LIMIT_S = 60.0  # the whole run, whatever the single steps may take
CLEAN_AIR_MV = 300
SMOKE_MV = 2400


class SetupMissing(Exception):
    """Something that `make setup` makes is not there; the text says what."""


class Missed(Exception):
    """A step of the story did not come in time; the text says which, and what came instead."""


class _Demo:
    """One run: waits for each step of the story in the log, and tells it."""

    def __init__(self, bench: Bench, story: Story) -> None:
        self._bench = bench
        self._log: EventLog = bench.log
        self._story = story

    async def tell(self) -> None:
        """The whole story. Raises `Missed` at the first step that does not come in time."""
        await self._to_psm()
        await self._alarm()

    async def _to_psm(self) -> None:
        story = self._story
        boot = await self._trace("boot", "the firmware to start", 15)
        story.good(boot["t"], "boot", _joined(boot["data"].get("runtime"), "implementation", "version", "platform"))
        ready = await self._trace("modem_ready", "the modem to start", 20)
        story.good(ready["t"], "modem ready", _joined(ready["data"], "model", "revision"))
        registered = await self._trace("registered", "the network to register the device", 20)
        story.good(registered["t"], "registered", "roaming" if registered["data"].get("roaming") else "home network")
        granted = await self._trace("granted", "the timers that the network grants", 5)
        story.good(granted["t"], "timers", "the network grants what it likes")
        story.table(["requested", "granted"], self._timers("requested", "granted"))
        ack = await self._trace("uplink_ack", "the server to acknowledge a heartbeat", 20, prio=2)
        story.good(ack["t"], "heartbeat", f"acknowledged {ack['data']['code']} after {_ms(ack['data'])}")
        await self._psm("asleep", ack["t"])

    async def _alarm(self) -> None:
        story = self._story
        self._bench.smoke(SMOKE_MV)
        smoke_s = self._log.each("bench", "stimulus")[-1]["t"]
        story.line(smoke_s, "smoke", f"{SMOKE_MV} mV in the chamber, the modem sleeps", "!", "bold red")
        siren = await self._event("the siren", 5, lambda e: e["t"] >= smoke_s and _is_siren(e))
        story.good(siren["t"], "siren", f"on {words.duration(siren['t'] - smoke_s)} after the smoke")
        wake = await self._trace("wake", "the modem to wake up", 10, after_s=smoke_s)
        story.good(wake["t"], "modem awake", f"{words.duration(wake['t'] - smoke_s)} after the smoke")
        ack = await self._trace("uplink_ack", "the server to acknowledge the alarm", 20, after_s=smoke_s, prio=0)
        seq = ack["data"]["seq"]
        answer = await self._event(
            "the server's answer", 1, lambda e: (e["src"], e["ev"], e.get("seq")) == ("server", "response", seq)
        )
        late = words.duration(answer["t"] - smoke_s)
        story.good(answer["t"], "alarm", f"the server answered {answer['code']} {late} after the smoke")
        story.good(ack["t"], "acknowledged", "the device knows that its alarm has arrived")
        self._bench.smoke(CLEAN_AIR_MV)
        await self._psm("asleep again", ack["t"])

    async def _psm(self, told: str, after_s: float) -> None:
        asleep = await self._trace("psm", "T3324 to run out and the modem to sleep", 25, after_s=after_s, state="enter")
        states = [e for e in self._log.each("modem", "state") if e["t"] >= after_s]
        draws = f", the modem draws {words.current(states[-1]['current_ua'])}" if states else ""
        self._story.good(asleep["t"], "PSM", told + draws)
