"""The plan as a picture: charge a year by state, lifetime over the report interval, what eats the battery."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from cellkit.model.figures import ModelError
from cellkit.plan.advice import Swing
from cellkit.plan.closed import Plan, plan
from cellkit.plan.durations import spell
from cellkit.plan.words import rows, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"modem": "#2b83d6", "mcu": "#8a63d2", "app": "#d97a1c", "battery": "#9aa4b0"}
_LEVELS: tuple[Literal[0, 1, 2], ...] = (0, 1, 2)
_LEVEL_COLOURS = ("#1a7f4b", "#c9a400", "#c42b1c")
_INTERVALS_S = (900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 345600, 604800, 1209600)
_BETTER, _WORSE, _INK, _SOFT = "#3f9b66", "#d6455d", "#1c2530", "#5a6675"
_MOST_BARS = 10
_LEAST_BAR = 0.005  # of the widest; what is narrower cannot be seen


def draw(answer: Plan, swings: list[Swing]) -> bytes:
    """A PNG of 1500 by 1050 pixels. Importing matplotlib takes about a second, so it is done here."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    style: Any = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "text.color": _INK}
    with matplotlib.rc_context(style):
        figure, axes = pyplot.subplot_mosaic([["charge", "interval"], ["swing", "swing"]], figsize=(15, 10.5), dpi=100)
        try:
            figure.suptitle(verdict(answer), x=0.02, ha="left", fontsize=16, fontweight="bold")
            figure.text(0.02, 0.945, _devices(answer), fontsize=11, color=_SOFT)
            _charge(axes["charge"], answer)
            _interval(axes["interval"], answer)
            _swing(axes["swing"], answer, swings)
            figure.tight_layout(rect=(0, 0, 1, 0.95), h_pad=2.5)
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", metadata={"Software": None})
        finally:
            pyplot.close(figure)
    return buffer.getvalue()


def _devices(answer: Plan) -> str:
    s, device = answer.scenario, answer.device
    parts = device.module.title, device.mcu.title, device.app.title, device.cell.title
    return f"{', '.join(parts)}; a report each {spell(s.interval_s)}, CE level {s.ce}"


def _charge(axes: Axes, answer: Plan) -> None:
    shown = rows(answer)[:_MOST_BARS][::-1]
    names = [f"{row['consumer']}: {row['state'].replace('_', ' ')}" for row in shown]
    values = [row["mah_per_year"] for row in shown]
    bars = axes.barh(names, values, color=[_COLOURS[row["consumer"]] for row in shown])
    axes.bar_label(bars, [f"{row['mah_per_year']:.1f}  ({row['share']:.0%})" for row in shown], padding=4, color=_INK)
    axes.set_title("Where the charge of a year goes, mAh", loc="left", fontweight="bold")
    axes.margins(x=0.2)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.grid(True, color="#dfe4ea")
    axes.set_axisbelow(True)


def _interval(axes: Axes, answer: Plan) -> None:
    for level, colour in zip(_LEVELS, _LEVEL_COLOURS, strict=True):
        points = [(interval_s, _years_at(answer, level, interval_s)) for interval_s in _INTERVALS_S]
        known = [(interval_s / 3600, value) for interval_s, value in points if value is not None]
        if known:
            hours, lives = zip(*known, strict=True)
            axes.plot(hours, lives, color=colour, marker="o", markersize=4, label=f"CE level {level}")
    if math.isfinite(answer.lifetime_years):
        here = (answer.scenario.interval_s / 3600, answer.lifetime_years)
        axes.plot(*here, marker="*", markersize=16, color=_INK, linestyle="none", label="this plan")
    axes.set_xscale("log")
    axes.set_xticks([0.25, 1, 6, 24, 168], ["15 min", "1 h", "6 h", "1 d", "1 week"])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_title("Lifetime over the report interval, years", loc="left", fontweight="bold")
    axes.grid(True, color="#dfe4ea")
    axes.legend(frameon=False)


def _years_at(answer: Plan, level: Literal[0, 1, 2], interval_s: float) -> float | None:
    try:
        value = plan(replace(answer.scenario, ce=level, interval_s=interval_s)).lifetime_years
    except ModelError:
        return None
    return value if math.isfinite(value) else None


def _swing(axes: Axes, answer: Plan, swings: list[Swing]) -> None:
    least = swings[0].width * _LEAST_BAR if swings else 0.0
    shown = [swing for swing in swings if swing.width > least][:_MOST_BARS][::-1]
    now = answer.lifetime_years
    for row, swing in enumerate(shown):
        low, high = (swing.low_years, swing.low_label), (swing.high_years, swing.high_label)
        # Only the far end is labelled where both are on one side.
        ends = [end for end in (low, high) if abs(end[0] - now) > 0.005]
        if len(ends) == 2 and (low[0] > now) == (high[0] > now):
            ends = [max(ends, key=lambda end: abs(end[0] - now))]
        for value, label in ends:
            axes.barh(row, value - now, left=now, color=_BETTER if value > now else _WORSE, height=0.6)
            side = "left" if value > now else "right"
            axes.text(value, row, f" {label}: {value:.1f} ", ha=side, va="center", color=_INK, fontsize=9)
    axes.axvline(now, color=_INK, linewidth=1.2)
    axes.set_yticks(range(len(shown)), [swing.name for swing in shown])
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.set_title("What eats the battery: years when one thing is other than planned", loc="left", fontweight="bold")
    axes.xaxis.grid(True, color="#dfe4ea")
    axes.set_axisbelow(True)
