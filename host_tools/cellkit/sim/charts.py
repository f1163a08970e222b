"""The small pictures of a run's page as SVG: histogram, line over time, and a time line of what happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from cellkit.report import words
from cellkit.sim.history import Happening, Histogram, Points
from cellkit.sim.scenario import DAY_S, YEAR_S

_THIRD, _HALF, _WHOLE = 420, 560, 1160
_LEFT, _RIGHT, _TOP, _AXIS = 64, 14, 12, 26
_ROW = 26
_MOST_TICKS = 12
_MOST_LABELS = 5  # under a histogram
_ROUND_S = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 6 * 3600.0, DAY_S, 7 * DAY_S, 30 * DAY_S)
Panel = tuple[str, Points, float, float, Callable[[float], str], float | None]  # see draw_battery
Row = tuple[str, list[tuple[float, float]], list[Happening], str]
_UNITS = (("year", YEAR_S), ("week", 7 * DAY_S), ("day", DAY_S), ("hour", 3600.0), ("minute", 60.0))


class Plane:
    """Places times and values in a picture `width` wide, its area `height` high from `top` down."""

    def __init__(self, end_s: float, low: float, high: float, width: int, top: int, height: int, left: int) -> None:
        self.end_s = max(end_s, 1e-9)
        self.low, self.high = low, high if high > low else low + 1
        self.left, self.right, self.top, self.bottom = left, width - _RIGHT, top, top + height

    def x(self, t_s: float) -> float:
        return round(self.left + (self.right - self.left) * t_s / self.end_s, 2)

    def y(self, value: float) -> float:
        return round(self.bottom - (self.bottom - self.top) * (value - self.low) / (self.high - self.low), 2)


def _svg(width: int, height: int, label: str, parts: Iterator[str], css: str = "chart") -> str:
    inside = "\n".join(parts)
    return (
        f'<div class="scroll"><svg class="{css}" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f"\n{inside}\n</svg></div>"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", css: str = "tick") -> str:
    return f'<text class="{css}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def _line(x1: float, x2: float, y1: float, y2: float, css: str = "grid") -> str:
    return f'<line class="{css}" x1="{x1:g}" x2="{x2:g}" y1="{y1:g}" y2="{y2:g}"/>'


# --- histogram --------------------------------------------------------------------------------------------------------


def draw_histogram(one: Histogram, marks: Sequence[tuple[str, float]], label: str) -> str:
    """How often each latency came, in seconds; marks: (name, seconds) drawn as lines."""
    height = 190
    place = _Bins(one, Plane(1.0, 0, max(one.counts), _THIRD, 58, height - 58 - _AXIS, 48))
    return _svg(_THIRD, height, label, _histogram(one, place, marks), "chart third")


class _Bins:
    def __init__(self, one: Histogram, plane: Plane) -> None:
        self.plane = plane
        self._log = one.log
        self._low, self._high = self._scale(one.edges[0]), self._scale(one.edges[-1])

    def _scale(self, value: float) -> float:
        return math.log10(max(value, 1e-9)) if self._log else value

    def x(self, value: float) -> float:
        span = self._high - self._low
        return self.plane.x(min(max((self._scale(value) - self._low) / span if span else 0.0, 0.0), 1.0))


def _histogram(one: Histogram, place: _Bins, marks: Sequence[tuple[str, float]]) -> Iterator[str]:
    plane = place.plane
    for level in (0, max(one.counts)):
        yield _line(plane.left, plane.right, plane.y(level), plane.y(level))
        yield _text(plane.left - 6, plane.y(level) + 4, f"{level:,}", "end")
    for low, high, count in zip(one.edges, one.edges[1:], one.counts, strict=False):
        if count:
            left, top = place.x(low), min(plane.y(count), plane.bottom - 1.5)
            hint = f"{_seconds(low)} to {_seconds(high)}: {count:,}"
            yield f'<rect class="count" x="{left:g}" width="{max(place.x(high) - left - 1, 1):g}" y="{top:g}"'
            yield f' height="{plane.bottom - top:g}"><title>{hint}</title></rect>'
    for value in _ticks(one):
        x = place.x(value)
        yield _text(x, plane.bottom + 17, _seconds(value), "end" if x > plane.right - 20 else "middle")
    # Labels point to the middle, in such an order that no mark's line runs through another's label.
    middle = (plane.left + plane.right) / 2
    ordered = sorted(marks, key=lambda mark: (place.x(mark[1]) <= middle, abs(place.x(mark[1]) - middle)))
    for row, (name, value) in enumerate(ordered):
        x, y = place.x(value), plane.top - 10 - 15 * row
        before = x > middle
        yield _line(x, x, y - 8, plane.bottom, "mark")
        yield _text(x - 5 if before else x + 5, y, f"{name} {_seconds(value)}", "end" if before else "start", "marked")


def _ticks(one: Histogram) -> list[float]:
    """Round times on a wide scale, else every so many edges."""
    inside = [value for value in _ROUND_S if one.edges[0] <= value <= one.edges[-1]]
    if one.log and len(inside) >= 2:
        return inside[:: math.ceil(len(inside) / _MOST_LABELS)]
    return one.edges[:: max(1, math.ceil(len(one.edges) / _MOST_LABELS))]


def _seconds(value: float) -> str:
    if 0 < value < 1:
        return f"{value * 1000:.4g} ms"
    return f"{value:.4g} s" if value < 120 else words.duration(value)


# --- over time --------------------------------------------------------------------------------------------------------


def draw_line(points: Points, end_s: float, say: Callable[[float], str], label: str) -> str:
    """A value over time; say: the value in words."""
    height = 150
    values = [value for _, value in points]
    low, high = min(values), max(values)
    room = (high - low) * 0.1 or max(abs(high) * 0.1, 1)
    plane = Plane(end_s, max(0.0, low - room), high + room, _HALF, _TOP, height - _TOP - _AXIS, _LEFT + 16)

    def parts() -> Iterator[str]:
        yield from _time_axis(plane, plane.bottom, 6)
        for level in sorted({low, high}):
            yield _line(plane.left, plane.right, plane.y(level), plane.y(level))
            yield _text(plane.left - 6, plane.y(level) + 4, say(level), "end")
        yield _path(plane, points)

    return _svg(_HALF, height, label, parts(), "chart half")


def _path(plane: Plane, points: Points, css: str = "curve") -> str:
    path = " ".join(f"{'L' if i else 'M'}{plane.x(t_s)} {plane.y(value)}" for i, (t_s, value) in enumerate(points))
    if len(points) == 1:
        return f'<circle class="dot d-up" cx="{plane.x(points[0][0])}" cy="{plane.y(points[0][1])}" r="3"/>'
    return f'<path class="{css}" d="{path}"/>'


def _time_axis(plane: Plane, bottom: float, most: int = _MOST_TICKS) -> Iterator[str]:
    unit, size = next(((unit, size) for unit, size in _UNITS if plane.end_s >= 2 * size), ("second", 1.0))
    count = plane.end_s / size
    step = next(n * 10**decade for decade in range(9) for n in (1, 2, 5) if count / (n * 10**decade) <= most)
    for index in range(0, int(count + 1e-6) + 1, step):
        x = plane.x(index * size)
        yield _line(x, x, plane.top, bottom + 4)
        yield _text(x, bottom + 17, f"{unit} {index}" if index == 0 or plane.end_s < size else f"{index}")


def draw_battery(panels: Sequence[Panel], rows: Sequence[Row], end_s: float) -> str:
    """Panels over lanes of one time axis.

    panels: (name, points, lowest, highest, words, limit or None); rows: (name, spans, what happened, CSS class).
    """
    panel, gap, left = 110, 24, 104
    lanes_top = _TOP + (panel + gap) * len(panels)
    bottom = lanes_top + _ROW * len(rows)

    def parts() -> Iterator[str]:
        plane = Plane(end_s, 0, 1, _WHOLE, _TOP, panel, left)
        yield from _time_axis(plane, bottom)
        for index, (name, points, low, high, say, limit) in enumerate(panels):
            plane = Plane(end_s, low, high, _WHOLE, _TOP + (panel + gap) * index, panel, left)
            for level in (low, high):
                yield _line(left, plane.right, plane.y(level), plane.y(level))
                yield _text(left - 8, plane.y(level) + 4, say(level), "end")
            yield _text(left - 8, (plane.top + plane.bottom) / 2 + 4, name, "end", "lane")
            if limit is not None:
                yield _line(left, plane.right, plane.y(limit), plane.y(limit), "limit")
                yield _text(plane.right - 4, plane.y(limit) - 5, f"the module needs {say(limit)}", "end")
            if points:
                yield _path(plane, points)
        for index, (name, spans, dots, css) in enumerate(rows):
            yield from _row(plane, lanes_top + _ROW * index, name, spans, dots, css)

    return _svg(_WHOLE, bottom + _AXIS, "Battery and what happened", parts())


def _row(
    plane: Plane, y: float, name: str, spans: list[tuple[float, float]], dots: list[Happening], css: str
) -> Iterator[str]:
    yield _line(0, plane.right, y + _ROW, y + _ROW)
    yield _text(plane.left - 8, y + _ROW / 2 + 4, words.text(name.replace("_", " "), 16), "end", "lane")
    for start_s, until_s in spans:
        x, end_s = plane.x(max(start_s, 0.0)), min(until_s, plane.end_s)
        width = max(plane.x(end_s) - x, 3)
        yield f'<rect class="bar {css}" x="{x}" width="{width:g}" y="{y + 5}" height="{_ROW - 10}">'
        yield f"<title>{_when(start_s)}, for {words.duration(until_s - start_s)}</title></rect>"
    for dot in dots:
        about = f" · {words.text(dot.about, 60)}" if dot.about else ""
        yield f'<circle class="dot {css}" cx="{plane.x(dot.t_s)}" cy="{y + _ROW / 2}" r="4.5">'
        yield f"<title>{_when(dot.t_s)}{about}</title></circle>"


def _when(t_s: float) -> str:
    years, rest_s = divmod(t_s, YEAR_S)
    return f"year {years + 1:.0f}, day {rest_s / DAY_S + 1:.0f}"
