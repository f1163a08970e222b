"""The demo: the real smoke-alarm firmware on the virtual bench, told to a person while it runs.

Writes `events.jsonl`, `summary.json` and `report.html`, also when it fails or is interrupted.
"""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellkit.bench.log import Event, EventLog, alone
from cellkit.bench.mcucore import REPOSITORY
from cellkit.bench.network import NetworkConfig, Policy
from cellkit.bench.rig import Bench, BenchConfig
from cellkit.report import words, write_report
from cellkit.server import AlarmServer
from cellkit.story import Story
from cellkit.summary import EVENTS, REPORT, SUMMARY, good, number, read_log, summarize, write_summary
from cellkit.terminal import INTERRUPTED

DONE = 0
FAILED = 1

PROGRAM = REPOSITORY / "build" / "micropython" / "micropython"
APP = "apps.smoke"
LIMIT_S = 60.0  # the whole run, whatever the single steps may take
CLEAN_AIR_MV = 300
SMOKE_MV = 2400

# What the device asks for, and a network that gives something else. Short times, so that PSM is soon reached.
WANTED = {"t3324_s": 10, "t3412_s": 86400, "edrx_s": 20}
NETWORK = NetworkConfig(
    policy=Policy(t3324_allowed_s=(6,), t3412_allowed_s=(43200,)), radio={"connected.inactivity_s": 5}
)

CONFIG_FILE = "config.json"
FLASH = "flash"

_TIMERS = (("t3324_s", "T3324"), ("t3412_s", "T3412"), ("edrx_s", "eDRX"), ("ptw_s", "PTW"))
_BY_UPLINK = ("modem_ready", "registered", "granted", "uplink_ack", "wake")
_SLEEP_S = 2.0  # a while of sleep, so that the picture has some
_LOOK_S = 0.5  # how often a wait looks whether the firmware still runs
_NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


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
        self._end_s = asyncio.get_running_loop().time() + LIMIT_S

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
        story.good(max(granted["t"], registered["t"]), "timers", "the network grants what it likes")
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
        answer = await self._event("the server's 2.xx answer", 1, lambda e: _is_answer(e, seq))
        late = words.duration(answer["t"] - smoke_s)
        story.good(answer["t"], "alarm", f"the server answered {answer['code']} {late} after the smoke")
        story.good(ack["t"], "acknowledged", "the device knows that its alarm has arrived")
        self._bench.smoke(CLEAN_AIR_MV)
        await self._psm("asleep again", ack["t"])

    async def _psm(self, told: str, after_s: float) -> None:
        await self._trace("psm", "T3324 to run out", 25, after_s=after_s, state="enter")
        asleep = await self._event("the modem to sleep", 15, lambda e: e["t"] >= after_s and _is_deep_sleep(e))
        self._story.good(asleep["t"], "PSM", f"{told}, the modem draws {words.current(asleep['current_ua'])}")
        await asyncio.sleep(_SLEEP_S)

    # --- waiting ------------------------------------------------------------------------------------------------------

    async def _trace(self, name: str, what: str, timeout_s: float, after_s: float = 0.0, **match: Any) -> Event:
        """The device's own event `name` with these fields, not before `after_s`. Raises `Missed`."""

        def wanted(event: Event) -> bool:
            if (event["src"], event["ev"]) != ("mcu", "trace") or event["t"] < after_s:
                return False
            data = event["data"]
            return bool(data.get("ev") == name and all(data.get(key) == value for key, value in match.items()))

        return await self._event(what, timeout_s, wanted, by_uplink=name in _BY_UPLINK)

    async def _event(
        self, what: str, timeout_s: float, wanted: Callable[[Event], bool], by_uplink: bool = False
    ) -> Event:
        """The first event of the run that is `wanted`. Raises `Missed` with `what` when it does not come in time.

        by_uplink: it only comes while the device tries to send, so that a longer delay of that is the end as well.
        """
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Event] = loop.create_future()
        began_s, deadline_s = self._bench.clock.now(), min(loop.time() + timeout_s, self._end_s)
        limit = f"within {timeout_s:.0f} s" if deadline_s < self._end_s else f"before {LIMIT_S:.0f} s of the whole run"

        def look(event: Event) -> None:
            if found.done():
                return
            if wanted(event):
                found.set_result(event)
            elif event["ev"] == "trace":
                self._story.note(words.plain_name(event))
                if by_uplink and _retry_s(event) > deadline_s - loop.time():
                    found.set_exception(Missed(f"expected {what}; came: {_said(event)}"))

        earlier = next((event for event in self._log.events if wanted(event)), None)
        if earlier is not None:
            return earlier
        unsubscribe = self._log.subscribe(look)
        try:
            with self._story.waiting(what, timeout_s):
                while not found.done():
                    left_s = deadline_s - loop.time()
                    if left_s <= 0:
                        raise Missed(f"expected {what} {limit}; {self._instead(began_s)}")
                    if self._bench.mcu.exit_code is not None:
                        raise Missed(f"expected {what}, but the firmware ended: {self._last_words()}")
                    await asyncio.wait({found}, timeout=min(_LOOK_S, left_s))
                    self._story.tick()
        finally:
            unsubscribe()
        return found.result()

    def _instead(self, since_s: float) -> str:
        """What came instead of what was awaited: the last failure, else the last that the device said."""
        events = [e for e in self._log.events if e["t"] >= since_s]
        told = [e for e in events if e["src"] == "mcu" and e["ev"] in ("trace", "console")]
        bad = [e for e in events if _is_failure(e)]
        if not told and not bad:
            return "the device said nothing"
        last = (bad or told)[-1]
        return f"came: {_said(last)}"

    def _last_words(self) -> str:
        """Exit status and the console's last line, as of a traceback."""
        lines = [e["text"] for e in self._log.each("mcu", "console") if e["text"].strip()]
        said = words.plain(lines[-1]) if lines else "nothing on its console"
        return f"status {self._bench.mcu.exit_code}, {said}"

    def _timers(self, *names: str) -> list[tuple[str, list[Any]]]:
        """Rows of the table: each timer as the device told it last under each of `names`, in seconds."""
        traces = [e["data"] for e in self._log.each("mcu", "trace")]
        columns: list[Event] = [next((d for d in reversed(traces) if d.get("ev") == name), {}) for name in names]
        return [(label, [column.get(key) for column in columns]) for key, label in _TIMERS]


def _joined(value: Any, *keys: str) -> str:
    """What a device's event says under `keys`; a dash where it says nothing."""
    parts = [words.plain(str(value[key])) for key in keys if value.get(key)] if isinstance(value, dict) else []
    return " ".join(parts) or "–"


def _ms(data: Event) -> str:
    latency_ms: Any = data.get("latency_ms")
    return words.duration(latency_ms / 1000 if number(latency_ms) else None)


def _said(event: Event) -> str:
    data = event.get("data")
    if not isinstance(data, dict) or "error" not in data:
        return f"{words.plain_name(event)}: {words.plain_details(event)}"
    retry_s = data.get("retry_s")
    again = f"; next try in {words.duration(retry_s)}" if number(retry_s) else ""
    return f"{words.plain_name(event)}: {words.plain(data['error'])}{again}"


def _retry_s(event: Event) -> float:
    """How long the device will now not try to send, as it says itself; 0 if this is not what it says."""
    data = event["data"]
    retry_s: Any = data.get("retry_s") if data.get("ev") == "uplink_failed" else None
    return float(retry_s) if number(retry_s) else 0.0


def _is_siren(event: Event) -> bool:
    return (event["src"], event["ev"], event.get("pin")) == ("mcu", "pin", "SIREN") and bool(event["value"])


def _is_answer(event: Event, seq: int) -> bool:
    return (event["src"], event["ev"], event.get("seq")) == ("server", "response", seq) and good(event)


def _is_deep_sleep(event: Event) -> bool:
    return (event["src"], event["ev"], event.get("state")) == ("modem", "state", "deep_sleep")


def _is_failure(event: Event) -> bool:
    """True for what explains best why a step was missed."""
    if (event["src"], event["ev"]) == ("mcu", "trace"):
        return str(event["data"].get("ev")).endswith("_failed")
    return (event["src"], event["ev"]) == ("net", "reject")


# --- the run ----------------------------------------------------------------------------------------------------------


def run_demo(out: Path, story: Story) -> tuple[int, dict[str, Any]]:
    """Run the demo, tell it to `story`, write its files to `out`. Returns exit code and summary.

    Raises SetupMissing, and OSError when the files cannot be written.
    """
    if not PROGRAM.exists():
        raise SetupMissing(f"expected the real MicroPython at {PROGRAM}, found none; run `make setup`")
    out.mkdir(parents=True, exist_ok=True)
    with alone(out, "another demo is running in it"):
        return _run_alone(out, story)


def _run_alone(out: Path, story: Story) -> tuple[int, dict[str, Any]]:
    _clear(out)
    story.title("A smoke alarm reaches its server")
    code, failure = asyncio.run(_run(out, story))
    log = read_log(out / EVENTS)
    summary = summarize(log, failure)
    if code == DONE and not (summary["alarm_acknowledged"] and summary["back_to_psm"]):
        code, failure = FAILED, "the log does not show what was told; see its events"
        summary["failure"] = failure
    write_summary(out, summary)
    page = write_report(out)
    if failure is not None:
        story.bad(log.end_s, "interrupted" if code == INTERRUPTED else "failed", failure)
    story.title(f"The report: {page}")
    return code, summary


def _clear(out: Path) -> None:
    """Delete what an earlier run has left, the device's flash too. Raises OSError when `out` cannot be written to."""
    flash = out / FLASH
    if (out / EVENTS).exists() and flash.is_dir():
        shutil.rmtree(flash)
    elif flash.exists():
        raise FileExistsError(errno.EEXIST, f"expected no {FLASH} in it but that of an earlier run")
    for name in (SUMMARY, REPORT):
        (out / name).unlink(missing_ok=True)
    with (out / EVENTS).open("w"):
        pass


async def _run(out: Path, story: Story) -> tuple[int, str | None]:
    """The bench from start to stop. Returns the exit code, and why it ended early."""
    loop = asyncio.get_running_loop()
    telling = asyncio.create_task(_tell(out, story))
    ended_by: list[BaseException] = []

    def end(error: BaseException) -> None:
        if not ended_by:
            ended_by.append(error)
            telling.cancel()

    def callback_failed(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # A part of the bench failed in a callback. Without this, all that waits for it would just be late.
        if isinstance(error := context.get("exception"), Exception):
            end(error)

    loop.set_exception_handler(callback_failed)
    loop.add_signal_handler(signal.SIGINT, end, KeyboardInterrupt())
    try:
        await telling
        return DONE, None
    except Missed as error:
        return FAILED, str(error)
    except asyncio.CancelledError:
        if not ended_by:
            raise
    except Exception as error:
        end(error)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    [reason] = ended_by
    if isinstance(reason, KeyboardInterrupt):
        return INTERRUPTED, "by Ctrl-C"
    if isinstance(reason, OSError) and reason.errno in _NOT_WRITTEN:
        raise reason
    loop.default_exception_handler({"message": "the bench failed", "exception": reason})
    return FAILED, f"the bench failed: {type(reason).__name__}: {reason}"


async def _tell(out: Path, story: Story) -> None:
    config = BenchConfig(network=NETWORK, smoke_mv=CLEAN_AIR_MV)
    async with Bench(config, out) as bench, AlarmServer(bench.log) as server:
        bench.flash.mkdir(exist_ok=True)
        uri = f"coap://{server.host}:{server.port}/alarm"
        (bench.flash / CONFIG_FILE).write_text(json.dumps({**WANTED, "server": uri}), encoding="utf-8")
        await bench.start(APP)
        await _Demo(bench, story).tell()
