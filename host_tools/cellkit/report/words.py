"""How times, charges and events read to a person."""

from __future__ import annotations

from html import escape
from typing import Any

from cellkit.summary import Event, number

# States whose name in the log does not read by itself.
_STATES = {
    "deep_sleep": "deep sleep", "light_sleep": "light sleep", "tx": "transmitting", "rx": "receiving",
    "idle_edrx": "idle, eDRX", "idle_drx_2s56": "idle, DRX 2.56 s", "idle_drx_1s28": "idle, DRX 1.28 s",
}  # fmt: skip
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: Any) -> str:
    """Seconds as a person says them: `2 h 30 min`, `4.2 s`, `85 ms`; anything that is no number as a dash."""
    if not number(seconds):
        return "–"
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 120:
        return f"{seconds:.4g} s" if abs(seconds) >= 60 else f"{seconds:.3g} s"
    parts, rest = [], round(seconds)
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def current(ua: float) -> str:
    """µA as µA, mA or A."""
    for size, unit in ((1e6, "A"), (1e3, "mA")):
        if abs(ua) >= size:
            return f"{ua / size:.3g} {unit}"
    return f"{ua:.3g} µA"


def charge(uah: float) -> str:
    """µAh with three digits."""
    return f"{uah:,.1f} µAh" if uah >= 100 else f"{uah:.3g} µAh"


def plain(value: Any, limit: int = 160) -> str:
    """Any value of the log on one line, cut at `limit` characters."""
    text_ = value if isinstance(value, str) else repr(value)
    text_ = text_.replace("\r", "\\r").replace("\n", "\\n")
    text_ = "".join(c if c.isprintable() else "·" for c in text_)
    return text_ if len(text_) <= limit else text_[: limit - 1] + "…"


def plain_name(event: Event) -> str:
    """What happened, without details; the device's own events by the name it gave them."""
    data = event.get("data")
    if event["ev"] == "trace" and isinstance(data, dict):
        return plain(str(data.get("ev", "trace")), 40)
    return plain(event["ev"], 40)


def plain_details(event: Event) -> str:
    """The fields of an event on one line."""
    data = event.get("data")
    if isinstance(data, str):
        return plain(data)
    fields = data if isinstance(data, dict) else event
    shown = {key: value for key, value in fields.items() if key not in ("t", "src", "ev")}
    return plain("  ".join(f"{key}={_value(value)}" for key, value in shown.items()))


def text(value: Any, limit: int = 160) -> str:
    """As `plain`, safe inside HTML."""
    return escape(plain(value, limit))


def state(name: str) -> str:
    """A modem state as a person calls it, safe inside HTML."""
    return text(_STATES.get(name, name), 40)


def event_name(event: Event) -> str:
    """As `plain_name`, safe inside HTML."""
    return escape(plain_name(event))


def event_details(event: Event) -> str:
    """As `plain_details`, safe inside HTML."""
    return escape(plain_details(event))


def _value(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(row, dict) and "name" in row for row in value):
        return ", ".join(f"{row['name']}={row.get('value')}{row.get('unit', '')}" for row in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
