"""What happened, sorted into the lanes under the current: each lane is a name and its marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cellkit.report import words
from cellkit.summary import Event, RunLog, Stay, good, smoke_s

# Colour classes of the states by what they cost; a state that is not listed gets one by its current.
_STATE_CLASS = {
    "off": "s-off", "boot": "s-boot", "waking": "s-wake", "search": "s-search", "awake": "s-idle",
    "connected": "s-conn", "rx": "s-rx", "tx": "s-tx", "deep_sleep": "s-psm", "light_sleep": "s-sleep",
    "idle_edrx": "s-sleep", "idle_drx_1s28": "s-sleep", "idle_drx_2s56": "s-sleep",
}  # fmt: skip
_CURRENT_CLASS = ((50, "s-psm"), (1000, "s-sleep"), (10_000, "s-idle"), (60_000, "s-rx"))

# The device's own events that deserve a mark; the rest stays in the list of events.
_TRACES = {
    "boot": "d-plain", "modem_ready": "d-plain", "registered": "d-good", "granted": "d-good", "psm": "d-sleep",
    "wake": "d-plain", "uplink_sent": "d-up", "uplink_ack": "d-good", "modem_reset": "d-bad", "modem_recovery": "d-bad",
    "uplink_failed": "d-bad", "unexpected_wake": "d-bad",
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """Something that lasts, in seconds since the start. `name` is drawn in it, `hint` tells more; both are HTML."""

    start_s: float
    end_s: float
    name: str
    hint: str
    css: str


@dataclass(frozen=True)
class Dot:
    """Something that happens at once. `level` -1 draws it high, 1 low."""

    t_s: float
    hint: str
    css: str
    level: int = 0


Lane = tuple[str, list[Bar | Dot]]


def lanes(log: RunLog, states: list[Stay]) -> list[Lane]:
    """All lanes that have something to show, from the stimulus down to the server."""
    every: list[Lane] = [
        ("modem", [state_bar(stay) for stay in states]),
        ("smoke", _smoke(log)),
        ("siren", _siren(log)),
        ("app", _app(log)),
        ("MCU", _mcu(log)),
        ("device", [dot for e in log.each("mcu", "trace") for dot in _trace_dot(e)]),
        ("AT commands", _dots(log, "uart", {"to_modem": ("d-up", -1), "to_mcu": ("d-down", 1)})),
        ("network", _dots(log, "net", _NETWORK)),
        ("server", [_server_dot(e) for e in log.events if e["src"] == "server"]),
    ]
    return [(name, marks) for name, marks in every if marks]


_NETWORK = {
    "up": ("d-up", -1), "down": ("d-down", 1), "attach": ("d-good", 0), "tau": ("d-plain", 0), "psm": ("d-sleep", 0),
    "search": ("d-plain", 0), "reject": ("d-bad", 0), "detach": ("d-bad", 0), "drop": ("d-bad", 0),
}  # fmt: skip


def state_class(state: str, current_ua: float) -> str:
    """The CSS class that colours a modem state."""
    by_current = (name for limit_ua, name in _CURRENT_CLASS if current_ua < limit_ua)
    return _STATE_CLASS.get(state) or next(by_current, "s-tx")


def state_bar(stay: Stay) -> Bar:
    name = words.state(stay.state)
    hint = f"{name} · {words.current(stay.current_ua)} · {words.duration(stay.end_s - stay.start_s)}"
    return Bar(stay.start_s, stay.end_s, name, hint, state_class(stay.state, stay.current_ua))


def _spans(changes: Iterable[tuple[float, bool]], end_s: float, make: Callable[[float, float], Bar]) -> list[Bar | Dot]:
    """One bar from each change to True until the next change to False."""
    bars: list[Bar | Dot] = []
    start_s = None
    for t_s, on in [*changes, (end_s, False)]:
        if on and start_s is None:
            start_s = t_s
        elif not on and start_s is not None:
            bars.append(make(start_s, t_s))
            start_s = None
    return bars


def _smoke(log: RunLog) -> list[Bar | Dot]:
    smoke = smoke_s(log)
    stimuli = [e for e in log.each("bench", "stimulus") if e.get("what") == "smoke"]
    level = next((e.get("level_mv") for e in stimuli if e["t"] == smoke), None)
    hint = "smoke" if level is None else f"smoke · sensor at {words.text(level)} mV"
    changes = ((float(e["t"]), e.get("level_mv") == level) for e in stimuli)
    return _spans(changes, log.end_s, lambda a, b: Bar(a, b, "smoke", hint, "b-smoke"))


def _siren(log: RunLog) -> list[Bar | Dot]:
    changes = ((float(e["t"]), bool(e.get("value"))) for e in log.each("mcu", "pin") if e.get("pin") == "SIREN")
    return _spans(changes, log.end_s, lambda a, b: Bar(a, b, "siren", f"siren · {words.duration(b - a)}", "b-siren"))


def _mcu(log: RunLog) -> list[Bar | Dot]:
    """When the MCU ran; a log without its sleep shows nothing."""
    changes: list[tuple[float, bool]] = []
    for e in log.events:
        if e["src"] == "mcu" and e["ev"] in ("start", "exit", "deepsleep", "lightsleep"):
            on = e["ev"] == "start" or (e["ev"] == "lightsleep" and not e.get("on"))
            changes.append((float(e["t"]), on))
    if all(on for _, on in changes):
        return []
    if not changes[0][1]:
        changes.insert(0, (0.0, True))
    return _spans(changes, log.end_s, lambda a, b: Bar(a, b, "awake", f"MCU awake · {words.duration(b - a)}", "b-mcu"))


def _app(log: RunLog) -> list[Bar | Dot]:
    marks = [(t_s, words.text(str(data.get("to")).replace("_", " "), 40)) for t_s, data in log.traces("state")]
    ends = [t_s for t_s, _ in marks[1:]] + [log.end_s]
    return [
        Bar(t_s, end_s, name, f"{name} · {words.duration(end_s - t_s)}", "b-alarm" if name == "alarm" else "b-app")
        for (t_s, name), end_s in zip(marks, ends, strict=False)
    ]


def _hint(event: Event) -> str:
    return f"{words.event_name(event)} · {words.event_details(event)}"


def _trace_dot(event: Event) -> list[Dot]:
    data = event.get("data")
    css = _TRACES.get(str(data.get("ev"))) if isinstance(data, dict) else None
    return [Dot(float(event["t"]), _hint(event), css)] if css else []


def _dots(log: RunLog, src: str, kinds: dict[str, tuple[str, int]]) -> list[Bar | Dot]:
    return [Dot(float(e["t"]), _hint(e), *kinds[e["ev"]]) for e in log.events if e["src"] == src and e["ev"] in kinds]


def _server_dot(event: Event) -> Dot:
    if event["ev"] == "response":
        return Dot(float(event["t"]), _hint(event), "d-good" if good(event) else "d-bad", 1)
    return Dot(float(event["t"]), _hint(event), "d-up", -1)
