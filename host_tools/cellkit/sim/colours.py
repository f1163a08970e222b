"""Which colour and which words a consumer's state has on the page of a run; all texts are safe inside HTML."""

from __future__ import annotations

from collections.abc import Iterable

from cellkit.report import words
from cellkit.report.lanes import state_class

Charge = dict[str, dict[str, float]]  # mAh by consumer and state
Key = tuple[str, str]  # consumer, state

_SHADES = 4
_ORDER = {"modem": 0, "mcu": 1, "app": 2}
_CSS = {"mcu": "u", "app": "v"}


def keys(charge: Charge) -> list[Key]:
    """All states that drew something, the consumers one after another, each with its largest state first."""
    found = [(who, state, mah) for who, states in charge.items() for state, mah in states.items() if mah > 0]
    found.sort(key=lambda row: (_ORDER.get(row[0], 9), row[0], -row[2]))
    return [(who, state) for who, state, _ in found]


def classes(every: Iterable[Key]) -> dict[Key, str]:
    """The CSS class of each: the modem's as in its picture, others in shades of their consumer's colour."""
    out: dict[Key, str] = {}
    count: dict[str, int] = {}
    for who, state in every:
        if who == "modem":
            out[who, state] = state_class(state, 20_000.0)
        else:
            out[who, state] = f"{_CSS.get(who, 'v')}{min(count.get(who, 0), _SHADES - 1)}"
            count[who] = count.get(who, 0) + 1
    return out


def name(key: Key) -> str:
    """`modem: deep sleep`, `MCU: run`, `LED green`."""
    who, state = key
    plain = words.state(state.lower() if state.isupper() else state).replace("_", " ").replace("led ", "LED ")
    return plain if who == "app" else f"{'MCU' if who == 'mcu' else words.text(who, 20)}: {plain}"


def mah(value: float) -> str:
    """mAh with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.3g}" if value else "0"
