"""The sections of a run's page: verdict, charge by state and year, latencies, battery, wear. All texts are escaped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cellkit.bench.netconfig import Span
from cellkit.report import words
from cellkit.report.shell import tiles
from cellkit.sim import charts, colours
from cellkit.sim.history import Happening, Histogram, History
from cellkit.sim.scenario import YEAR_S
from cellkit.sim.sessions import Session
from cellkit.summary import RunLog, Stay, number

_GOOD_FOR_ERASES = 100_000  # of a block, as NOR flash chips promise
_LEAST_SHARE = 0.005  # of the whole: what is less has no place in a legend
_NUMBERS = (
    "simulated_s", "records_created", "records_acknowledged", "records_waiting", "records_lost", "mean_current_ua",
    "forecast_years", "battery_remaining_mah", "brown_outs", "flash_erases_max",
)  # fmt: skip


def checked(summary: Any) -> dict[str, Any]:
    """`summary` if the page can be drawn from it. Raises ValueError."""
    if not isinstance(summary, dict):
        raise ValueError(f"expected an object, got {type(summary).__name__}")
    wrong = [name for name in _NUMBERS if not isinstance(summary.get(name), int | float)]
    if wrong:
        raise ValueError(f"expected a number as {', '.join(wrong)}")
    years = summary.get("charge_mah_by_year")
    for charge in [summary.get("charge_mah_by_state"), *(years if isinstance(years, list) else [None])]:
        states = list(charge.values()) if isinstance(charge, dict) else [None]
        if not all(isinstance(one, dict) and all(map(number, one.values())) for one in states):
            raise ValueError("expected mAh by consumer and state as charge_mah_by_state and in charge_mah_by_year")
    return summary


# --- head -------------------------------------------------------------------------------------------------------------


def header(summary: dict[str, Any], past: History) -> Iterator[str]:
    """Verdict and key figures."""
    told = words.text
    title = f"{told(summary.get('app'), 40)} on {told(summary.get('module'), 40)}: {_span(summary['simulated_s'])}"
    yield f"<header><h1>{title}</h1>"
    start = datetime.fromtimestamp(past.utc_start_s, UTC)
    about = [
        f"MCU {told(summary.get('mcu'), 40)}", told(past.battery.title, 80), f"seed {told(summary.get('seed'), 20)}",
        f"{start:%Y-%m-%d} to {_date(past.utc_start_s + summary['simulated_s'])}", _runtime(summary.get("runtime")),
    ]  # fmt: skip
    yield f'<p class="soft">{" · ".join(part for part in about if part)}</p>'
    yield from _verdict(summary)
    wall_s, speedup = summary.get("wall_s"), summary.get("speedup")
    fast = f", {speedup:,} times as fast" if isinstance(speedup, int) else ""
    yield from tiles(
        [
            ("the battery lasts, at this rate", f"{summary['forecast_years']:.1f} years"),
            ("mean current", words.current(summary["mean_current_ua"])),
            (f"real time{fast}", words.duration(wall_s)),
            _ledger(summary),
            ("brown-outs", f"{summary['brown_outs']:,}"),
            _heap(summary),
            (f"erases of the most worn block, of {_GOOD_FOR_ERASES:,}", f"{summary['flash_erases_max']:,}"),
            ("wake-ups of the MCU", f"{summary.get('wakes') if number(summary.get('wakes')) else 0:,}"),
        ]
    )
    yield "</header>"


def _verdict(summary: dict[str, Any]) -> Iterator[str]:
    created, acked, waiting, lost = (
        f"{summary[f'records_{what}']:,}" for what in ("created", "acknowledged", "waiting", "lost")
    )
    tone, mark = ("bad", "✗") if summary["records_lost"] else ("good", "✓")
    yield f'<p class="verdict {tone}">{mark} Records: {created} created, {acked} acknowledged, {waiting} waiting, '
    yield f"{lost} lost.</p>"
    if number(empty_s := summary.get("battery_empty_at_s")):
        yield f'<p class="verdict bad">✗ The battery was empty after {_span(empty_s)}.</p>'
    if summary["brown_outs"]:
        yield f'<p class="note">The battery could not serve {summary["brown_outs"]:,} transmissions: '
        yield "the supply browned out.</p>"
    if summary.get("interrupted") is True:
        yield f'<p class="note">The run was interrupted after {_span(summary["simulated_s"])} of simulated time.</p>'


def _ledger(summary: dict[str, Any]) -> tuple[str, str]:
    error, used = summary.get("device_ledger_error_percent"), summary.get("device_used_mah")
    if not number(error) or not number(used):
        return "device's own account of the charge", "–"
    off = f"{error:+.1f} %".replace("-", "−")
    return f"the device's own account ({colours.mah(float(used))} mAh) against the bench", off


def _heap(summary: dict[str, Any]) -> tuple[str, str]:
    first, last = summary.get("heap_second_day_bytes"), summary.get("heap_last_day_bytes")
    if not number(first) or not number(last):
        return "heap on the last day", f"{last:,} B" if number(last) else "–"
    change = "as on the second day" if first == last else f"{last - first:+,} B since the second day"
    return f"heap on the last day, {change}", f"{last:,} B"


def _runtime(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    return words.text(f"{value.get('implementation', '')} {value.get('version', '')}".strip(), 40)


def _span(seconds: float) -> str:
    years = seconds / YEAR_S
    if years >= 0.995:
        return f"{years:.3g} year{'' if f'{years:.3g}' == '1' else 's'}"
    return words.duration(seconds)


def _date(utc_s: float) -> str:
    try:
        return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d}"
    except (OverflowError, ValueError, OSError):
        return "–"


# --- charge -----------------------------------------------------------------------------------------------------------


def charge(summary: dict[str, Any], past: History) -> Iterator[str]:
    """Stacked bars of each year, what ate the battery, and the table."""
    whole: colours.Charge = summary["charge_mah_by_state"]
    years: list[colours.Charge] = summary["charge_mah_by_year"]
    every = colours.keys(whole)
    total = sum(whole[who][state] for who, state in every)
    yield "<section><h2>Charge by state and year</h2>"
    if not every:
        yield '<p class="soft">Nothing was drawn in this run.</p></section>'
        return
    css = colours.classes(every)
    yield f"<p>{_eaten(whole, every, total, summary, past)}</p>"
    sums = [sum(sum(states.values()) for states in year.values()) for year in years]
    most = max(sums, default=0.0) or 1.0
    yield '<table><tr><th>year</th><th></th><th class="num">mAh</th></tr>'
    for index, (year, mah) in enumerate(zip(years, sums, strict=True)):
        yield f'<tr><td>{_year(index, summary["simulated_s"])}</td><td class="wide">'
        yield f'<div class="stack" style="width:{100 * mah / most:.2f}%">'
        for key in every:
            part = year.get(key[0], {}).get(key[1], 0.0)
            if part > 0 and mah:
                hint = f"{colours.name(key)} · {colours.mah(part)} mAh · {100 * part / mah:.1f} %"
                yield f'<i class="{css[key]}" style="width:{100 * part / mah:.3f}%" title="{hint}"></i>'
        yield f'</div></td><td class="num">{colours.mah(mah)}</td></tr>'
    yield '</table><div class="legend">'
    for key in every:
        if whole[key[0]][key[1]] >= _LEAST_SHARE * total:
            yield f'<span><i class="chip {css[key]}"></i>{colours.name(key)}</span>'
    yield "</div>"
    yield from _charge_table(whole, every, total, css, summary["simulated_s"] / YEAR_S)
    if len(years) > 1:
        yield from _charge_years(years, every, css)
    yield "</section>"


def _year(index: int, simulated_s: float) -> str:
    part = simulated_s / YEAR_S - index
    if part >= 0.995:
        return f"{index + 1}"
    return f'{index + 1} <span class="soft">({words.duration(part * YEAR_S)})</span>'


def _eaten(
    whole: colours.Charge, every: list[colours.Key], total: float, summary: dict[str, Any], past: History
) -> str:
    """What ate the battery, in a sentence or two."""
    top = sorted(every, key=lambda key: -whole[key[0]][key[1]])[:3]
    shares = [(colours.name(key).replace(":", ""), 100 * whole[key[0]][key[1]] / total) for key in top]
    parts = [f"{name} {'took ' if not index else ''}{share:.0f} %" for index, (name, share) in enumerate(shares)]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    lost = past.battery.full_mah - summary["battery_remaining_mah"] - total
    text = f"<b>What ate the battery:</b> of {colours.mah(total)} mAh drawn, {listed}."
    if lost > _LEAST_SHARE * total:
        text += f" Another {colours.mah(lost)} mAh were lost by self-discharge."
    return text


def _charge_table(
    whole: colours.Charge, every: list[colours.Key], total: float, css: dict[colours.Key, str], years: float
) -> Iterator[str]:
    most = max(whole[who][state] for who, state in every)
    yield '<table style="margin-top:14px"><tr><th>state</th><th class="num">mAh</th><th class="num">mAh a year</th>'
    yield '<th class="num">share</th><th style="width:40%"></th></tr>'
    for key in sorted(every, key=lambda key: -whole[key[0]][key[1]]):
        mah = whole[key[0]][key[1]]
        yield f'<tr><td><i class="chip {css[key]}"></i>{colours.name(key)}</td><td class="num">{colours.mah(mah)}</td>'
        yield f'<td class="num">{colours.mah(mah / years) if years else "–"}</td>'
        share = 100 * mah / total
        yield f'<td class="num">{f"{share:.1f} %" if share >= 0.05 else "&lt; 0.1 %"}</td>'
        yield f'<td class="share"><i class="{css[key]}" style="width:{100 * mah / most:.2f}%"></i></td></tr>'
    yield f'<tr><td><b>all</b></td><td class="num"><b>{colours.mah(total)}</b></td>'
    yield f'<td class="num">{colours.mah(total / years) if years else "–"}</td><td></td><td></td></tr></table>'


def _charge_years(
    years: list[colours.Charge], every: list[colours.Key], css: dict[colours.Key, str]
) -> Iterator[str]:
    yield '<details><summary>mAh of each year</summary><div class="scroll"><table><tr><th>state</th>'
    yield "".join(f'<th class="num">{index + 1}</th>' for index in range(len(years))) + "</tr>"
    for key in every:
        cells = (colours.mah(year.get(key[0], {}).get(key[1], 0.0)) for year in years)
        yield f'<tr><td><i class="chip {css[key]}"></i>{colours.name(key)}</td>'
        yield "".join(f'<td class="num">{cell}</td>' for cell in cells) + "</tr>"
    yield "</table></div></details>"


# --- sessions and latencies -------------------------------------------------------------------------------------------


def about_session(what: str, one: Session, log: RunLog, states: list[Stay]) -> str:
    """A paragraph: when, how long, what it cost."""
    uah = sum(stay.charge_uah for stay in states)
    top = max(states, key=lambda stay: stay.current_ua, default=None)
    commands = sum(1 for event in log.each("uart", "to_modem"))
    day = int(one.start_s // 86400) + 1
    text = f"{what[0].upper()}{what[1:]}, on day {day}: {words.duration(one.end_s - one.start_s)}, "
    text += f"{words.charge(uah)} of the modem, {commands} AT commands"
    text += f", at most {words.current(top.current_ua)} ({words.state(top.state)})." if top else "."
    return f'<p class="soft">{text}</p>'


def latencies(summary: dict[str, Any], past: History) -> Iterator[str]:
    """Histograms of the latencies."""
    rows = (
        (
            "ack_latency_s", past.ack_latency, "Sent to acknowledged",
            "Every record: from sending it to the server's answer.",
        ),
        (
            "alarm_latency_s", past.alarm_latency, "Alarm to acknowledged",
            f"Records of priority {words.text(summary.get('alarm_priority'), 9)}: from storing one, as a rule with the "
            "modem asleep, to the server's answer.",
        ),
        (
            "delayed_latency_s", past.delayed_latency, "Delayed by an outage",
            "Records that an attempt failed for: from storing one to the server's answer.",
        ),
    )  # fmt: skip
    yield '<div class="trio">'
    for key, histogram, title, about in rows:
        yield f'<section><h2>{title}</h2><p class="soft">{about}</p>'
        spread = summary.get(key)
        if histogram is None or not isinstance(spread, dict):
            yield '<p class="soft">There was none in this run.</p></section>'
        else:
            yield from _spread(histogram, spread, title)
            if key == "alarm_latency_s" and number(late := summary.get("alarms_delayed")) and late:
                yield f"<p>{late} of them had to wait for the end of an outage.</p>"
            yield "</section>"
    yield "</div>"


def _spread(histogram: Histogram, spread: dict[str, Any], title: str) -> Iterator[str]:
    names = (("median", "median"), ("p95", "95 %"), ("max", "longest"))
    marks = [(name, float(spread[key])) for key, name in names if number(spread.get(key))]
    yield charts.draw_histogram(histogram, marks, title)
    said = ", ".join(f"{name} {words.duration(value)}" for name, value in marks)
    yield f"<p>{words.text(spread.get('count'), 20)} records: {said}.</p>"


# --- battery and wear -------------------------------------------------------------------------------------------------


def battery(summary: dict[str, Any], past: History) -> Iterator[str]:
    """Charge left and voltage over what happened."""
    end_s, cell = summary["simulated_s"], past.battery
    yield "<section><h2>Battery, and what happened to the device</h2>"
    left = summary["battery_remaining_mah"]
    yield f'<p class="soft">{colours.mah(left)} of {colours.mah(cell.full_mah)} mAh are left. The voltage is what the '
    yield f"module finds at its highest current, {words.current(cell.pulse_ua)}. Point at a mark to read its day.</p>"
    volts = [value for _, value in cell.pulse_mv] + [cell.min_mv]
    low, high = (min(volts) // 100 - 1) * 100, (max(volts) // 100 + 1) * 100
    yield charts.draw_battery(
        [
            ("charge left", cell.remaining_mah, 0.0, cell.full_mah, lambda mah: f"{colours.mah(mah)} mAh", None),
            ("voltage", cell.pulse_mv, low, high, lambda mv: f"{mv / 1000:.2f} V", cell.min_mv),
        ],
        [
            *_lanes(past.happened, "d-up"),
            *_outages("no coverage", past.coverage_gaps, "s-search"),
            *_outages("core outage", past.outages, "s-boot"),
            *_lanes(past.trouble, "d-bad"),
        ],
        end_s,
    )
    yield "</section>"


def _lanes(happenings: list[Happening], css: str) -> Iterator[charts.Row]:
    for name in dict.fromkeys(one.name for one in happenings):
        yield name, [], [one for one in happenings if one.name == name], css


def _outages(name: str, spans: list[Span], css: str) -> Iterator[charts.Row]:
    if spans:
        yield name, [(span.start_s, span.start_s + span.duration_s) for span in spans], [], css


def wear(summary: dict[str, Any], past: History) -> Iterator[str]:
    """Flash erases and heap over time, small."""
    end_s = summary["simulated_s"]
    if len(past.flash_erases) < 2 or len(past.heap_bytes) < 2:
        return
    yield '<div class="pair"><section><h2>Flash wear</h2><p class="soft">Erases of the most worn block; chips are good '
    yield f"for {_GOOD_FOR_ERASES:,}.</p>"
    yield charts.draw_line(past.flash_erases, end_s, lambda value: f"{value:,.0f}", "Erases over time")
    yield '</section><section><h2>Heap</h2><p class="soft">Bytes in use after a collection, an hour into each day.</p>'
    yield charts.draw_line(past.heap_bytes, end_s, lambda value: f"{value:,.0f} B", "Heap over time")
    yield "</section></div>"
