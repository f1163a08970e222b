"""The picture of a run: current over time on a log scale, the modem's states behind it, and lanes of what happened.

Everything in it carries its time (`data-a`, `data-b` in seconds), so that the page's script can zoom by placing it
again; without the script the picture shows the whole run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from cellkit.report import words
from cellkit.report.lanes import Bar, Dot, Lane, lanes, state_bar
from cellkit.summary import RunLog, Stay, alarm_marks, stays

WIDTH = 1160
LEFT = 104
RIGHT = 12
TOP = 22
PLOT_HEIGHT = 230
GAP = 12
LANE = 27
AXIS = 24
_MIN_UA = 0.1  # what "no current" is drawn as: a log scale has no zero
_STEPS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


class Scale:
    """Time and current to picture coordinates."""

    def __init__(self, end_s: float, currents_ua: list[float]) -> None:
        self.end_s = max(end_s, 0.001)
        known = [max(ua, _MIN_UA) for ua in currents_ua] or [1.0, 1000.0]
        self.low = math.floor(math.log10(min(known)))
        self.high = math.ceil(math.log10(max(known) * 1.05))

    def x(self, t_s: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * t_s / self.end_s, 2)

    def y(self, ua: float) -> float:
        part = (math.log10(max(ua, _MIN_UA)) - self.low) / (self.high - self.low)
        return round(TOP + PLOT_HEIGHT * (1 - part), 2)


def draw(log: RunLog, name: str) -> str:
    """The picture as SVG; `name` keeps the pictures of one page apart."""
    states = stays(log)
    scale = Scale(log.end_s, [stay.current_ua for stay in states])
    rows = lanes(log, states)
    bottom = TOP + PLOT_HEIGHT + GAP + LANE * len(rows)
    inner, view, dots = WIDTH - LEFT - RIGHT, f"view_{name}", f"dots_{name}"
    return "\n".join(
        [
            f'<svg class="chart zoom" viewBox="0 0 {WIDTH} {bottom + AXIS}" role="img" aria-label="Current over time"'
            f' data-left="{LEFT}" data-right="{WIDTH - RIGHT}" data-end="{scale.end_s:.3f}" data-bottom="{bottom}">',
            f'<defs><clipPath id="{view}"><rect x="{LEFT}" y="0" width="{inner}" height="{bottom + 1}"/></clipPath>',
            # Dots at the very edge are shown whole.
            f'<clipPath id="{dots}"><rect x="{LEFT - 5}" y="0" width="{inner + 10}" height="{bottom}"/></clipPath>',
            "</defs>",
            *_grid(scale),
            *_lane_names(rows),
            *_time_axis(scale, bottom),
            f'<g clip-path="url(#{view})">',
            *(_rect(scale, state_bar(stay), TOP, PLOT_HEIGHT, "band") for stay in states),
            _curve(scale, states),
            "</g>",
            f'<g clip-path="url(#{dots})">',
            *_marks(scale, rows),
            "</g>",
            f'<g clip-path="url(#{view})">',
            *_alarm_lines(scale, log, bottom),
            "</g>",
            f'<rect class="selection" x="0" y="{TOP}" height="{bottom - TOP}" width="0"/>',
            f'<line class="cursor" y1="{TOP}" y2="{bottom}" x1="-9" x2="-9"/>',
            "</svg>",
        ]
    )


def _grid(scale: Scale) -> Iterator[str]:
    for decade in range(scale.low, scale.high + 1):
        y = scale.y(10.0**decade)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        at_most = "≤ " if 10.0**decade <= _MIN_UA else ""
        label = at_most + words.current(10.0**decade)
        yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{label}</text>'


def _lane_top(index: int) -> int:
    return TOP + PLOT_HEIGHT + GAP + LANE * index


def _lane_names(rows: list[Lane]) -> Iterator[str]:
    for index, (name, _) in enumerate(rows):
        y = _lane_top(index)
        yield f'<line class="grid" x1="0" x2="{WIDTH - RIGHT}" y1="{y + LANE}" y2="{y + LANE}"/>'
        yield f'<text class="lane" x="{LEFT - 8}" y="{y + LANE / 2 + 4}" text-anchor="end">{name}</text>'


def _curve(scale: Scale, states: list[Stay]) -> str:
    """The current as steps; `data-steps` holds time and height of each for the script."""
    steps = [(t_s, scale.y(stay.current_ua)) for stay in states for t_s in (stay.start_s, stay.end_s)]
    path = " ".join(f"{'L' if i else 'M'}{scale.x(t_s)} {y}" for i, (t_s, y) in enumerate(steps))
    data = " ".join(f"{t_s:.4f},{y}" for t_s, y in steps)
    return f'<path class="curve" d="{path}" data-steps="{data}"/>'


def _rect(scale: Scale, bar: Bar, y: float, height: float, css: str) -> str:
    x = scale.x(bar.start_s)
    return (
        f'<rect class="{css} {bar.css}" data-a="{bar.start_s:.4f}" data-b="{bar.end_s:.4f}" x="{x}"'
        f' width="{max(scale.x(bar.end_s) - x, 0.5):.2f}" y="{y}" height="{height}"><title>{bar.hint}</title></rect>'
    )


def _marks(scale: Scale, rows: list[Lane]) -> Iterator[str]:
    for index, (_, marks) in enumerate(rows):
        y = _lane_top(index)
        for mark in marks:
            if isinstance(mark, Bar):
                yield _rect(scale, mark, y + 4, LANE - 8, "bar")
                yield _bar_name(scale, mark, y + LANE / 2 + 4)
            else:
                yield _dot(scale, mark, y + LANE / 2)


def _dot(scale: Scale, dot: Dot, y: float) -> str:
    return (
        f'<circle class="dot {dot.css}" data-a="{dot.t_s:.4f}" cx="{scale.x(dot.t_s)}" cy="{y + 5 * dot.level}"'
        f' r="3.6"><title>{dot.hint}</title></circle>'
    )


def _bar_name(scale: Scale, bar: Bar, y: float) -> str:
    """A bar's name in its middle, hidden where the bar is too narrow for it; the script does the same."""
    x, end = scale.x(bar.start_s), scale.x(bar.end_s)
    hidden = "" if end - x > 6.5 * len(bar.name) + 8 else ' visibility="hidden"'
    return (
        f'<text class="in" data-a="{bar.start_s:.4f}" data-b="{bar.end_s:.4f}" x="{(x + end) / 2:.2f}" y="{y}"{hidden}>'
        f"{bar.name}</text>"
    )


def _alarm_lines(scale: Scale, log: RunLog, bottom: int) -> Iterator[str]:
    """Lines through all lanes where the smoke came and where the alarm was acknowledged."""
    times = {mark.name: mark.t_s for mark in alarm_marks(log)}
    for name, label, anchor in (("smoke", "smoke", "end"), ("answered 2.04", "acknowledged", "start")):
        t_s = times.get(name)
        if t_s is None:
            continue
        css = "l-smoke" if name == "smoke" else "l-ack"
        yield (
            f'<g class="{css}" data-x="{t_s:.4f}" transform="translate({scale.x(t_s)} 0)">'
            f'<line y1="{TOP - 6}" y2="{bottom}"/>'
            f'<text x="{-4 if anchor == "end" else 4}" y="{TOP - 8}" text-anchor="{anchor}">{label}</text></g>'
        )


def _time_axis(scale: Scale, bottom: int) -> Iterator[str]:
    step_s = next((s for s in _STEPS_S if scale.end_s / s <= 12), scale.end_s / 10)
    yield f'<g class="axis" data-steps="{" ".join(map(str, _STEPS_S))}">'
    for index in range(int(scale.end_s / step_s) + 1):
        x = scale.x(index * step_s)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom + 4}"/>'
        yield f'<text class="tick" x="{x}" y="{bottom + 17}" text-anchor="middle">{index * step_s:g} s</text>'
    yield "</g>"
