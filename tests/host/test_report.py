"""The report page and the summary, made from good, hostile, cut and empty logs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cellkit.report import words, write_report
from cellkit.report.page import MAX_DRAWN, MAX_ROWS
from cellkit.summary import read_log, stays, summarize, write_summary
from demo_log import GRANTED, OBSERVED, REQUESTED, RUNTIME, SMOKE_S, event, good_run, state, trace, write_run

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """What a browser would see: tags that open and close in order, texts, scripts, event list."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def rows(self) -> list[dict[str, str | None]]:
        return [row for row in self.of("tr") if "data-src" in row]


def page_of(folder: Path) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))


def summary_of(folder: Path, events: list[dict[str, Any]]) -> dict[str, Any]:
    return summarize(read_log(write_run(folder, events) / "events.jsonl"))


def test_good_run_tells_its_story(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path, good_run()))
    for words_ in ("acknowledged 1.41 s after the smoke", "210 ms", "micropython 1.25.0", "BC660K-GL", "not granted"):
        assert words_ in page.text
    for lane in ("modem", "smoke", "siren", "app", "device", "AT commands", "network", "server"):
        assert re.search(rf"\n{lane}\n", page.text), lane
    assert len(page.rows) == len(good_run())
    curve = next(path for path in page.of("path") if path.get("class") == "curve")
    assert len((curve["data-steps"] or "").split()) == 2 * sum(
        e["ev"] == "state" and e["src"] == "modem" for e in good_run()
    )


def test_page_needs_no_network_and_allows_only_its_own_script(tmp_path: Path) -> None:
    path = write_report(write_run(tmp_path, good_run()))
    page = Page(path.read_text(encoding="utf-8"))
    assert not [attrs for _, attrs in page.tags if "src" in attrs or "href" in attrs]
    assert "url(" not in re.sub(r"url\(#\w+\)", "", path.read_text()) and "@import" not in path.read_text()
    [script] = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(meta["content"] for meta in page.of("meta") if "http-equiv" in meta)
    assert policy and f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'&\ud800\x00\u202e"


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """The same text in every place of an event that reaches the page."""
    events: list[dict[str, Any]] = [
        event(0.0, HOSTILE, HOSTILE, **{HOSTILE: HOSTILE}),
        state(0.1, HOSTILE, 10.0),
        event(0.2, "uart", "to_modem", data=HOSTILE),
        event(0.3, "uart", "to_mcu", data={HOSTILE: HOSTILE}),
        trace(0.4, HOSTILE, x=HOSTILE),
        trace(0.5, "boot", runtime={"implementation": HOSTILE, "version": HOSTILE}),
        trace(0.5, "modem_ready", model=HOSTILE, revision=HOSTILE),
        trace(0.6, "state", to=HOSTILE),
        trace(0.6, "granted", t3324_s=HOSTILE, t3412_s=HOSTILE),
        event(0.7, "bench", "stimulus", what="smoke", level_mv=2000),
        event(0.8, "server", "request", records=[{"name": HOSTILE, "value": HOSTILE}], code=HOSTILE, seq=HOSTILE),
        event(0.9, "net", "up", peer=HOSTILE),
    ]
    folder = write_run(tmp_path, events)
    write_summary(folder, {**summarize(read_log(folder / "events.jsonl")), "failure": HOSTILE})
    page = page_of(folder)
    assert len(page.scripts) == 1 and not page.of("img")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text  # shown, not run
    assert "\u202e" not in page.text and "\x00" not in page.text


def test_log_cut_by_a_kill_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    events = good_run()[:30]
    page = page_of(write_run(tmp_path, events, tail='{"t": 12.0, "src": "mod'))
    assert "1 lines of the log could not be read; the last one is cut off" in page.text
    assert "the log has no end" in page.text and "was not acknowledged" in page.text
    assert len(page.rows) == 30


@pytest.mark.parametrize(
    "junk",
    ["[]", "7", '"x"', "{}", "[" * 9999, "\udc80", '{"t": "1", "src": "a", "ev": "b"}',
     '{"t": NaN, "src": "a", "ev": "b"}', f'{{"t": {"9" * 400}, "src": "a", "ev": "b"}}',
     '{"t": true, "src": "a", "ev": "b"}', '{"t": 1, "src": 5, "ev": "b"}', '{"t": 1, "src": "a"}'],
)  # fmt: skip
def test_lines_that_are_no_event_are_counted(tmp_path: Path, junk: str) -> None:
    (tmp_path / "events.jsonl").write_bytes(
        junk.encode("utf-8", "surrogateescape") + b"\n" + json.dumps(state(1, "off", 0)).encode()
    )
    log = read_log(tmp_path / "events.jsonl")
    assert (log.unreadable, log.broken_off, len(log.events)) == (1, False, 1)


@pytest.mark.parametrize("text", ["", "\n\n", "garbage\n"])
def test_log_without_events_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "events.jsonl").write_text(text)
    assert "holds no event" in page_of(tmp_path).text


def test_report_without_a_log_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_damaged_summary_is_made_again(tmp_path: Path) -> None:
    write_run(tmp_path, good_run())
    (tmp_path / "summary.json").write_text('{"alarm_ackn')
    assert "acknowledged 1.41 s after the smoke" in page_of(tmp_path).text


def test_long_log_is_cut_in_the_list_only(tmp_path: Path) -> None:
    events = [event(i / 100, "uart", "to_mcu", data="OK") for i in range(MAX_ROWS + 5)]
    page = page_of(write_run(tmp_path, events))
    assert len(page.rows) == MAX_ROWS and f"first {MAX_ROWS} of {MAX_ROWS + 5}" in page.text
    assert "are drawn" not in page.text


def test_endless_log_is_drawn_in_part(tmp_path: Path) -> None:
    events = [state(i, ("awake", "deep_sleep")[i % 2], 5000 * (i % 2) + 0.8) for i in range(MAX_DRAWN + 2000)]
    page = page_of(write_run(tmp_path, events))
    assert f"The first {MAX_DRAWN} of {MAX_DRAWN + 2000} events are drawn, up to {MAX_DRAWN - 1:.1f} s" in page.text
    assert len(page.of("rect")) < 3 * MAX_DRAWN


@pytest.mark.parametrize(
    "one",
    [state(0, "psm", 0.8), state(5, "psm", -3), state(5, "tx", 1e308), state(5, "tx", 10**400), trace(0, "boot"),
     event(1, "mcu", "pin", pin="SIREN", value=1)],
)  # fmt: skip
def test_log_of_one_event_can_be_drawn(tmp_path: Path, one: dict[str, Any]) -> None:
    assert len(page_of(write_run(tmp_path, [one])).rows) == 1


# --- summary ----------------------------------------------------------------------------------------------------------


def test_summary_of_the_good_run(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, good_run())
    assert summary["alarm_acknowledged"] is True and summary["heartbeat_acknowledged"] is True
    assert summary["back_to_psm"] is True and summary["failure"] is None
    assert summary["alarm_latency_s"] == 1.41 and summary["siren_latency_s"] == 0.21
    assert summary["runtime"] == RUNTIME
    assert (summary["requested"], summary["granted"], summary["observed"]) == (REQUESTED, GRANTED, OBSERVED)
    assert summary["charge_uah_by_state"]["tx"] == pytest.approx(100_000 * 0.4 / 3600)
    assert summary["time_s_by_state"]["deep_sleep"] == pytest.approx(24.4 - 16 + 36 - 35)
    assert sum(summary["time_s_by_state"].values()) == pytest.approx(36)
    assert summary["alarm_timeline_s"]["modem awake"] == 0.7
    json.dumps(summary, allow_nan=False)


def without(keep: Any) -> list[dict[str, Any]]:
    return [one for one in good_run() if keep(one)]


def is_trace(one: dict[str, Any], name: str, **fields: Any) -> bool:
    data = one.get("data")
    return (
        isinstance(data, dict) and data["ev"] == name and all(data.get(key) == value for key, value in fields.items())
    )


def test_alarm_the_device_never_heard_of_is_not_acknowledged(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, without(lambda e: not is_trace(e, "uplink_ack", prio=0)))
    assert summary["alarm_acknowledged"] is False and summary["alarm_latency_s"] == 1.41
    assert summary["heartbeat_acknowledged"] is True and summary["back_to_psm"] is False


def test_alarm_the_server_refused_is_not_acknowledged(tmp_path: Path) -> None:
    events = [{**e, "code": "5.03"} if e["ev"] == "response" and e["t"] > SMOKE_S else e for e in good_run()]
    summary = summary_of(tmp_path, events)
    assert summary["alarm_acknowledged"] is False and summary["alarm_latency_s"] is None


def test_answer_to_another_record_is_not_the_alarms(tmp_path: Path) -> None:
    events = [{**e, "seq": 99} if e["src"] == "server" and e["t"] > SMOKE_S else e for e in good_run()]
    assert summary_of(tmp_path, events)["alarm_acknowledged"] is False


def test_siren_before_the_smoke_does_not_count(tmp_path: Path) -> None:
    events = without(lambda e: not (e["ev"] == "pin" and e["value"])) + [event(2.0, "mcu", "pin", pin="SIREN", value=1)]
    assert summary_of(tmp_path, events)["siren_latency_s"] is None


def test_smoke_is_the_highest_level_not_the_clean_air_before_it(tmp_path: Path) -> None:
    events = [*good_run(), event(0.01, "bench", "stimulus", what="smoke", level_mv=300)]
    assert summary_of(tmp_path, events)["alarm_latency_s"] == 1.41


def test_psm_before_the_alarm_is_not_the_way_back(tmp_path: Path) -> None:
    assert summary_of(tmp_path, without(lambda e: e["t"] < 34))["back_to_psm"] is False


def test_summary_of_nothing_has_every_field(tmp_path: Path) -> None:
    nothing, good = summary_of(tmp_path, []), summary_of(tmp_path, good_run())
    assert nothing.keys() == good.keys()
    assert nothing["alarm_acknowledged"] is False and nothing["charge_uah_by_state"] == {}


def test_last_state_lasts_until_the_end_of_the_log(tmp_path: Path) -> None:
    log = read_log(write_run(tmp_path, [state(1, "psm", 3600.0), event(11, "bench", "stop")]) / "events.jsonl")
    [stay] = stays(log)
    assert (stay.start_s, stay.end_s) == (1, 11) and stay.charge_uah == pytest.approx(10)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.085, "85 ms"), (4.2, "4.2 s"), (81.92, "81.92 s"), (43200, "12 h"), (5400, "1 h 30 min"), (None, "–"),
     (True, "–"), (float("nan"), "–"), (90061, "1 d 1 h"), (0, "0 ms")],
)  # fmt: skip
def test_durations_read_well(seconds: Any, said: str) -> None:
    assert words.duration(seconds) == said
