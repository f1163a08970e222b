"""The plan as a self-contained page. What comes from outside is escaped; the page runs no script."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from importlib import resources

from cellkit.plan.advice import Advice, Swing, Warn
from cellkit.plan.closed import Plan
from cellkit.plan.durations import spell
from cellkit.plan.words import inputs, rows, verdict, years
from cellkit.report import words

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(answer: Plan, picture: bytes, warned: list[Warn], advised: list[Advice], swings: list[Swing]) -> str:
    """The whole page as HTML, with `picture` (PNG) inside."""
    style = resources.files("cellkit.report").joinpath("style.css").read_text(encoding="utf-8")
    image = base64.b64encode(picture).decode()
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>cellkit plan</title>',
            f"<style>{style}</style></head><body>",
            *_header(answer, warned),
            f'<section><img alt="charge by state, lifetime over interval, sensitivity" style="width:100%" '
            f'src="data:image/png;base64,{image}"></section>',
            *_advice(advised),
            *_charges(answer),
            *_swings(swings),
            "</body></html>\n",
        ]
    )


def _header(answer: Plan, warned: list[Warn]) -> Iterator[str]:
    yield "<header><h1>How long will the battery last?</h1>"
    tone = "bad" if answer.lifetime_years <= 0 else "good"
    yield f'<p class="verdict {tone}">{verdict(answer)} on {escape(answer.device.cell.title)}</p>'
    for warn in (warn for warn in warned if warn.code != "shelf-life"):  # the verdict says it
        yield f'<p class="note"><b>{warn.level}</b> {escape(warn.text)}</p>'
    tiles = (
        ("mean current", words.current(answer.mean_current_ua)),
        ("a day", f"{answer.charge_per_day_mah:.3f} mAh"),
        ("one report", words.charge(answer.report_uah)),
        ("one report", f"{answer.report_j:.3g} J"),
        ("one report", f"{answer.report_mwh:.3g} mWh"),
        ("awake for a report", spell(round(answer.session_s, 1))),
    )
    yield '<div class="tiles">'
    for name, value in tiles:
        yield f'<div class="tile"><b>{value}</b><span>{name}</span></div>'
    yield "</div></header><section><h2>What was asked</h2><table>"
    for name, value in inputs(answer):
        yield f"<tr><th>{name}</th><td>{escape(value)}</td></tr>"
    yield "</table></section>"


def _advice(advised: list[Advice]) -> Iterator[str]:
    if not advised:
        return
    yield "<section><h2>What to change first</h2><table>"
    yield '<tr><th>change</th><th class="num">gains</th><th class="num">then</th></tr>'
    for one in advised:
        yield f'<tr><td>{escape(one.text)}</td><td class="num">+{one.gain_years:.1f} years</td>'
        yield f'<td class="num">{years(one.lifetime_years)}</td></tr>'
    yield "</table></section>"


def _charges(answer: Plan) -> Iterator[str]:
    yield "<section><h2>Where the charge goes</h2><table><tr><th>consumer</th><th>state</th>"
    yield '<th class="num">time in a cycle</th><th class="num">current</th><th class="num">mAh a year</th>'
    yield '<th class="num">share</th></tr>'
    for row in rows(answer):
        current = "" if row["current_ua"] is None else words.current(row["current_ua"])
        yield f'<tr><td>{row["consumer"]}</td><td>{escape(row["state"])}</td>'
        yield f'<td class="num">{words.duration(row["s_per_cycle"])}</td><td class="num">{current}</td>'
        yield f'<td class="num">{row["mah_per_year"]:.2f}</td><td class="num">{row["share"]:.1%}</td></tr>'
    yield "</table></section>"


def _swings(swings: list[Swing]) -> Iterator[str]:
    yield "<section><h2>One thing other than planned</h2><table>"
    yield '<tr><th>what</th><th class="num">worse</th><th class="num">better</th></tr>'
    for one in swings:
        yield f'<tr><td>{escape(one.name)}</td><td class="num">{escape(one.low_label)}: {years(one.low_years)}</td>'
        yield f'<td class="num">{escape(one.high_label)}: {years(one.high_years)}</td></tr>'
    yield "</table></section>"
