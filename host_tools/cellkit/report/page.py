"""The page around the picture: verdict, key figures, alarm timeline, timers, charge, and the list of events.

Whatever comes from the log is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cellkit.report import words
from cellkit.report.chart import draw
from cellkit.report.lanes import state_class
from cellkit.report.shell import document, tiles
from cellkit.summary import RunLog, alarm_marks, number, stays

MAX_ROWS = 5000  # rows of the event list; a browser stays quick with these
MAX_DRAWN = 20000  # events in a picture, likewise
_TIMERS = (
    ("t3324_s", "T3324", "active time before PSM"),
    ("t3412_s", "T3412", "periodic tracking area update"),
    ("edrx_s", "eDRX", "paging cycle"),
    ("ptw_s", "PTW", "paging time window"),
)
_DOTS = (
    ("d-up", "sent"), ("d-down", "received"), ("d-good", "success"), ("d-bad", "failure"), ("d-sleep", "PSM"),
    ("d-plain", "other"),
)  # fmt: skip


def render(log: RunLog, summary: dict[str, Any]) -> str:
    """The whole page as HTML. `summary` as `cellkit.summary.summarize` makes it; what is missing in it is left out."""
    return document("cellkit run", _body(log, summary) if log.events else _empty(log))


def _empty(log: RunLog) -> Iterator[str]:
    yield "<header><h1>Nothing to show</h1></header><section><p>The event log of this run holds no event"
    yield f" ({log.unreadable} unreadable lines)." if log.unreadable else "."
    yield " The run ended before the bench started; its terminal output says why.</p></section>"


def _body(log: RunLog, summary: dict[str, Any]) -> Iterator[str]:
    yield from _header(log, summary)
    yield from picture(log, "Current of the modem, and what happened")
    yield '<div class="pair">'
    yield from _timeline(log)
    yield from _timers(summary)
    yield "</div>"
    yield from _charge(log)
    yield from _events(log)


def _header(log: RunLog, summary: dict[str, Any]) -> Iterator[str]:
    runtime = summary.get("runtime")
    modem = summary.get("modem")
    about = [
        _joined(runtime, "implementation", "version"),
        _joined(modem, "model", "revision"),
        words.duration(log.end_s),
    ]
    yield "<header><h1>A smoke alarm reaches its server</h1>"
    yield f'<p class="soft">{" · ".join(words.text(part) for part in about if part)}</p>'
    if summary.get("alarm_acknowledged") is True:
        late = words.duration(summary.get("alarm_latency_s"))
        yield f'<p class="verdict good">✓ The alarm was acknowledged {late} after the smoke.</p>'
    else:
        yield '<p class="verdict bad">✗ The alarm was not acknowledged.</p>'
    if failure := summary.get("failure"):
        yield f'<p class="note">The run ended early: {words.text(failure, 400)}</p>'
    if log.unreadable:
        where = "; the last one is cut off" if log.broken_off else ""
        yield f'<p class="note">{log.unreadable} lines of the log could not be read{where}. The rest is shown.</p>'
    total_uah = sum(stay.charge_uah for stay in stays(log))
    figures = (
        ("smoke to siren", words.duration(summary.get("siren_latency_s"))),
        ("smoke to server's 2.04", words.duration(summary.get("alarm_latency_s"))),
        ("heartbeat acknowledged", _yes(summary.get("heartbeat_acknowledged"))),
        ("back to PSM afterwards", _yes(summary.get("back_to_psm"))),
        ("charge of the modem", words.charge(total_uah)),
    )
    yield from tiles(figures)
    yield "</header>"


def _joined(value: Any, *keys: str) -> str:
    """What a part of the summary says under `keys`, "" where it says nothing."""
    return " ".join(str(value[key]) for key in keys if value.get(key)) if isinstance(value, dict) else ""


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _yes(value: Any) -> str:
    return "yes" if value is True else "no"


def picture(log: RunLog, title: str, about: str = "", name: str = "run") -> Iterator[str]:
    """A section with the picture of `log`, its tools and legend. title, about: HTML; name: unique in the page."""
    count = len(log.events)
    if count > MAX_DRAWN:
        log = RunLog(log.events[:MAX_DRAWN])
        about += f'<p class="note">The first {MAX_DRAWN} of {count} events are drawn, up to {log.end_s:.1f} s.</p>'
    times = [mark.t_s for mark in alarm_marks(log) if mark.t_s is not None]
    yield f"<section><h2>{title}</h2>{about}"
    yield f'<div class="tools"><button data-from="0" data-to="{log.end_s:.3f}">All of it</button>'
    if times:
        yield f'<button data-from="{max(min(times) - 0.5, 0):.3f}" data-to="{max(times) + 1:.3f}">Alarm</button>'
    yield '<span class="soft">Drag to zoom, double-click for all of it, point at anything to read it.</span></div>'
    yield '<div class="scroll">'
    yield draw(log, name)
    yield '</div><div class="legend">'
    states = {stay.state: state_class(stay.state, stay.current_ua) for stay in stays(log)}
    for state, css in states.items():
        yield f'<span><i class="chip {css}"></i>{words.state(state)}</span>'
    yield '</div><div class="legend">'
    for css, dot in _DOTS:
        yield f'<span><i class="chip round {css}"></i>{dot}</span>'
    yield "</div></section>"


def _timeline(log: RunLog) -> Iterator[str]:
    marks = alarm_marks(log)
    yield "<section><h2>The way of the alarm</h2>"
    if not marks:
        yield '<p class="soft">There was no smoke in this run.</p></section>'
        return
    start_s = marks[0].t_s or 0.0
    span_s = max([mark.t_s - start_s for mark in marks if mark.t_s is not None] + [0.001])
    yield '<table><tr><th>step</th><th class="num">after smoke</th><th class="num">step took</th><th></th></tr>'
    before_s = start_s
    for mark in marks:
        if mark.t_s is None:
            yield f'<tr><td>{mark.name}</td><td class="num bad">never</td><td></td><td></td></tr>'
            continue
        after_s = mark.t_s - start_s
        # The siren does not wait for the modem: it is no step of the alarm's way to the server.
        from_s = start_s if mark.name == "siren" else before_s
        bar = f"left:{(from_s - start_s) / span_s * 97:.1f}%;width:{(mark.t_s - from_s) / span_s * 97:.1f}%"
        yield (
            f'<tr><td>{mark.name}</td><td class="num">{words.duration(after_s)}</td>'
            f'<td class="num soft">{words.duration(mark.t_s - from_s) if mark is not marks[0] else ""}</td>'
            f'<td><div class="way"><i style="{bar}"></i></div></td></tr>'
        )
        if mark.name != "siren":
            before_s = mark.t_s
    yield "</table></section>"


def _timers(summary: dict[str, Any]) -> Iterator[str]:
    sets = [summary.get(name) for name in ("requested", "granted", "observed")]
    columns: list[dict[str, Any]] = [one if isinstance(one, dict) else {} for one in sets]
    yield "<section><h2>Power-saving timers</h2><table><tr><th>timer</th>"
    yield '<th class="num">requested</th><th class="num">granted</th><th class="num">observed</th></tr>'
    for key, name, meaning in _TIMERS:
        values = [column.get(key) for column in columns]
        if any(value is not None for value in values):
            cells = "".join(f'<td class="num">{words.duration(value)}</td>' for value in values)
            yield f'<tr><td>{name} <span class="soft">{meaning}</span></td>{cells}</tr>'
    yield "</table>"
    wanted, given = columns[0], columns[1]
    changed = [name for key, name, _ in _TIMERS if number(wanted.get(key)) and given and given.get(key) != wanted[key]]
    if changed:
        yield f'<p class="soft">The network decides: {_listed(changed)} were not granted as requested.</p>'
    yield '<p class="soft">Observed is what the device measured itself; T3412 takes a whole period.</p></section>'


def _charge(log: RunLog) -> Iterator[str]:
    rows: dict[str, list[float]] = {}
    for stay in stays(log):
        row = rows.setdefault(stay.state, [0.0, 0.0])
        row[0] += stay.end_s - stay.start_s
        row[1] += stay.charge_uah
    total_uah = sum(uah for _, uah in rows.values())
    top_uah = max((uah for _, uah in rows.values()), default=0.0)
    yield "<section><h2>Charge by state of the modem</h2>"
    if not rows:
        yield '<p class="soft">The modem was never powered in this run.</p></section>'
        return
    yield '<table><tr><th>state</th><th class="num">time</th><th class="num">mean current</th>'
    yield '<th class="num">charge</th><th class="num">share</th><th style="width:45%"></th></tr>'
    for state, (time_s, uah) in sorted(rows.items(), key=lambda row: -row[1][1]):
        mean_ua = uah * 3600 / time_s if time_s else 0.0
        share = uah / total_uah * 100 if total_uah else 0.0
        css = state_class(state, mean_ua)
        bar = f'<i class="{css}" style="width:{uah / top_uah * 100 if top_uah else 0:.2f}%"></i>'
        yield (
            f'<tr><td><i class="chip {css}"></i>{words.state(state)}</td>'
            f'<td class="num">{words.duration(time_s)}</td><td class="num">{words.current(mean_ua)}</td>'
            f'<td class="num">{words.charge(uah)}</td>'
            f'<td class="num">{share:.1f} %</td><td class="share">{bar}</td></tr>'
        )
    time_s = sum(seconds for seconds, _ in rows.values())
    yield f'<tr><td><b>all</b></td><td class="num">{words.duration(time_s)}</td>'
    yield f'<td class="num">{words.current(total_uah * 3600 / time_s if time_s else 0.0)}</td>'
    yield f'<td class="num"><b>{words.charge(total_uah)}</b></td><td></td><td></td></tr></table></section>'


def _events(log: RunLog) -> Iterator[str]:
    sources = sorted({event["src"] for event in log.events})
    yield '<section class="long"><h2>Events</h2><div id="filter">'
    yield '<input id="words" type="search" placeholder="words to look for, as uplink or CEREG" aria-label="filter">'
    for source in sources:
        name = words.text(source, 40)
        yield f'<label><input type="checkbox" data-src="{name}" checked> {name}</label>'
    yield '<span id="count" class="soft"></span></div>'
    if len(log.events) > MAX_ROWS:
        yield f'<p class="note">The first {MAX_ROWS} of {len(log.events)} events; events.jsonl holds all.</p>'
    yield '<div id="events"><table><thead><tr><th class="num">s</th><th>source</th><th>event</th><th>details</th></tr>'
    yield "</thead><tbody>"
    for event in log.events[:MAX_ROWS]:
        source = words.text(event["src"], 40)
        yield (
            f'<tr data-src="{source}"><td class="num">{event["t"]:.3f}</td><td>{source}</td>'
            f'<td>{words.event_name(event)}</td><td class="mono">{words.event_details(event)}</td></tr>'
        )
    yield "</tbody></table></div></section>"
