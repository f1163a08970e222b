"""The page of a run in virtual time: from real short runs, and from folders made or damaged by hand."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.netconfig import NetworkConfig, Span
from cellkit.cli import app
from cellkit.sim.history import History, histogram, history
from cellkit.sim.report import write_report
from cellkit.sim.run import Job, Runner
from cellkit.sim.scenario import DAY_S, YEAR_S
from cellkit.sim.sessions import Session, Sessions
from cellkit.sim.stretch import read_stretch
from cellkit.sim.summary import summarize, write_summary
from test_report import HOSTILE, Page
from typer.testing import CliRunner

TITLES = [
    "Charge by state and year", "One wake cycle", "One alarm", "Sent to acknowledged", "Alarm to acknowledged",
    "Delayed by an outage", "Battery, and what happened to the device", "Flash wear", "Heap",
]  # fmt: skip


def finished(folder: Path, days: float, network: NetworkConfig | None = None, stop: bool = False) -> dict[str, Any]:
    """The summary of a run of the smoke alarm, its files written; stop: interrupted after the first day."""
    runner = Runner(Job("smoke", "bc660k-gl", days * DAY_S, 1, folder, network=network or NetworkConfig()))
    runner.run(lambda _: runner.stop() if stop else None)
    summary = summarize(runner)
    write_summary(summary, folder)
    history(runner).write(folder)
    write_report(folder)
    return summary


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """45 days with a fire (day 38 of seed 1) and three days without a core network."""
    folder = tmp_path_factory.mktemp("run")
    network = NetworkConfig(outages=[Span(start_s=10 * DAY_S, duration_s=3 * DAY_S)])
    return folder, finished(folder, 45, network)


@pytest.fixture
def copied(run: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """A copy of the run's folder that a test may damage."""
    for name in ("events.jsonl", "summary.json", "history.json", "flash.bin"):
        (tmp_path / name).write_bytes((run[0] / name).read_bytes())
    return tmp_path


# --- the page ---------------------------------------------------------------------------------------------------------


def test_page_has_its_sections_and_loads_nothing(run: tuple[Path, dict[str, Any]]) -> None:
    html, page = (run[0] / "report.html").read_text(encoding="utf-8"), page_of(run[0])
    assert re.findall(r"<h2>([^<]*)</h2>", html) == TITLES
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", html)  # the name of a namespace is no address
    assert not [attrs for _, attrs in page.tags if "src" in attrs or "href" in attrs]
    assert "url(" not in re.sub(r"url\(#\w+\)", "", html) and "@import" not in html
    assert len(html) < 400_000


def test_numbers_on_the_page_are_those_of_the_summary(run: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = run
    text = re.sub(r"\s+", " ", page_of(folder).text)
    created, acked, waiting, lost = (summary[f"records_{w}"] for w in ("created", "acknowledged", "waiting", "lost"))
    assert f"Records: {created} created, {acked} acknowledged, {waiting} waiting, {lost} lost." in text
    assert created > 45
    assert f"{summary['forecast_years']:.1f} years" in text
    assert f"{summary['heap_last_day_bytes']:,} B" in text
    for state, mah in summary["charge_mah_by_state"]["modem"].items():
        if mah >= 10:
            assert f"{mah:.1f}" in text, state
    for key in ("ack_latency_s", "alarm_latency_s", "delayed_latency_s"):
        assert f"{summary[key]['count']} records: median" in text, key


def test_delayed_records_are_those_of_the_outage(run: tuple[Path, dict[str, Any]]) -> None:
    summary = run[1]
    assert 3 <= summary["delayed_latency_s"]["count"] <= 5  # a heartbeat a day
    assert DAY_S < summary["delayed_latency_s"]["max"] < 3.5 * DAY_S
    assert summary["alarms_delayed"] == 0
    past = History.load(run[0])
    assert past.delayed_latency and sum(past.delayed_latency.counts) == summary["delayed_latency_s"]["count"]
    assert past.ack_latency and sum(past.ack_latency.counts) == summary["records_acknowledged"]


def test_sessions_are_whole_wake_cycles(run: tuple[Path, dict[str, Any]]) -> None:
    folder, past = run[0], History.load(run[0])
    assert set(past.sessions) == {"routine", "alarm"}
    for name, shown in past.sessions.items():
        log = read_stretch(folder / "events.jsonl", shown.session())
        acked = [data for _, data in log.traces("uplink_ack")]
        assert min(data["prio"] for data in acked) == (0 if name == "alarm" else 2)
        states = [e["state"] for e in log.each("modem", "state")]
        assert states[0] == states[-1] == "deep_sleep" and "tx" in states
        assert 5 < log.end_s < 120
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert html.count('<svg class="chart zoom"') == 2 and len(set(re.findall(r'clipPath id="(\w+)"', html))) == 4


# --- short, interrupted, damaged --------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0.001, 0.3, 2])
def test_short_runs_without_an_alarm_have_a_page(tmp_path: Path, days: float) -> None:
    finished(tmp_path, days)
    html, text = (tmp_path / "report.html").read_text(encoding="utf-8"), page_of(tmp_path).text
    assert "There was none in this run." in text and "One alarm" not in text
    assert "<h2>One wake cycle</h2>" in html and 'class="chart zoom"' in html


def test_interrupted_run_says_so(tmp_path: Path) -> None:
    summary = finished(tmp_path, 20, stop=True)
    assert summary["interrupted"] is True and summary["simulated_s"] == DAY_S
    assert "The run was interrupted after 1 d of simulated time." in page_of(tmp_path).text


def test_lost_records_brown_outs_and_an_empty_battery_are_told_first(copied: Path) -> None:
    change(copied / "summary.json", records_lost=3, brown_outs=7, battery_empty_at_s=2 * YEAR_S)
    page = Page(write_report(copied).read_text(encoding="utf-8"))
    verdicts = [attrs for attrs in page.of("p") if (attrs.get("class") or "").startswith("verdict")]
    assert [attrs["class"] for attrs in verdicts] == ["verdict bad", "verdict bad"]
    assert "3 lost" in page.text and "could not serve 7 transmissions" in page.text
    assert "The battery was empty after 2 years." in page.text


def test_hostile_text_stays_text(copied: Path) -> None:
    hostile = {"app": HOSTILE, "module": HOSTILE, "mcu": HOSTILE, "seed": HOSTILE, "runtime": {"version": HOSTILE}}
    charge = {HOSTILE: {HOSTILE: 5.0}, "modem": {HOSTILE: 1.0}, "app": {HOSTILE: 2.0}}
    spread = {"count": HOSTILE, "median": 1.0, "p95": HOSTILE, "max": None}
    change(
        copied / "summary.json", **hostile, charge_mah_by_state=charge, charge_mah_by_year=[charge], wall_s=HOSTILE,
        speedup=HOSTILE, wakes=HOSTILE, device_used_mah=HOSTILE, heap_last_day_bytes=HOSTILE, ack_latency_s=spread,
        alarms_delayed=HOSTILE,
    )  # fmt: skip
    past, text = json.loads((copied / "history.json").read_text()), HOSTILE.replace("\ud800", "")
    past["battery"]["title"] = text
    for lane in ("happened", "trouble"):
        past[lane] = [{"t_s": 5.0, "name": text, "about": text}]
    past["sessions"]["routine"]["state"] = text
    (copied / "history.json").write_text(json.dumps(past))
    page = Page(write_report(copied).read_text(encoding="utf-8"))
    assert len(page.scripts) == 1 and not page.of("img")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "<script>" in page.text  # shown, not run


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("history.json", None, "was killed before its end"),
        ("history.json", '{"utc_start_s": "soon"}', "run the simulation again"),
        ("history.json", "[", "run the simulation again"),
        ("summary.json", '{"simulated_s": 5}', "expected a number as records_created"),
        ("summary.json", '{"simulated_s": NaN}', "run the simulation again"),
        ("summary.json", None, "was killed before its end"),
    ],
)
def test_damaged_folder_is_named_by_the_command(copied: Path, name: str, content: str | None, said: str) -> None:
    (copied / name).unlink()
    if content is not None:
        (copied / name).write_text(content)
    result = CliRunner().invoke(app, ["report", str(copied)])
    assert result.exit_code == 1 and said in result.output
    assert not (copied / "report.html").exists()


def test_command_draws_the_page_again(run: tuple[Path, dict[str, Any]], copied: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(copied)])
    assert result.exit_code == 0, result.output
    assert (copied / "report.html").read_bytes() == (run[0] / "report.html").read_bytes()


def test_new_run_leaves_nothing_of_an_older_one(copied: Path) -> None:
    (copied / "report.html").write_text("old")
    runner = Runner(Job("smoke", "bc660k-gl", 600.0, 1, copied))
    runner.run()
    assert not [name for name in ("summary.json", "history.json", "report.html") if (copied / name).exists()]


# --- parts ------------------------------------------------------------------------------------------------------------


def test_a_stretch_is_found_wherever_it_lies(tmp_path: Path) -> None:
    path, dice = tmp_path / "events.jsonl", random.Random(1)
    times = sorted(dice.uniform(0, 1e6) for _ in range(20_000))
    with path.open("w") as file:
        for t_s in times:
            file.write(json.dumps({"t": t_s, "src": "uart", "ev": "to_mcu", "data": "x" * dice.randrange(200)}) + "\n")
    for start_s in (0.0, times[0] + 1, times[9_999], times[-1] - 100.0, times[-1] + 50):
        log = read_stretch(path, Session(start_s, start_s + 2000.0, "off", 0.0))
        wanted = [t_s for t_s in times if max(0.0, start_s - 120) <= t_s <= start_s + 2120]
        assert [e["t"] for e in log.each("uart", "to_mcu")] == pytest.approx(
            [t_s - max(0.0, start_s - 120) for t_s in wanted], abs=1e-5
        )


def test_a_stretch_of_an_empty_or_damaged_log_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("")
    assert read_stretch(path, Session(5.0, 9.0, "off", 0.0)).end_s > 4
    path.write_text('garbage\n{"t": 6.0, "src": "net", "ev": "up"}\n{"t": 7')
    assert len(list(read_stretch(path, Session(5.0, 9.0, "off", 0.0)).each("net", "up"))) == 1


def test_sessions_without_psm_end_when_it_is_calm() -> None:
    sessions = Sessions()
    for start_s in (0.0, 3600.0, 7200.0):
        sessions.reason(start_s + 1)
        sessions.modem(start_s + 2, "connected", 15_000.0)
        sessions.acked(2)
        sessions.modem(start_s + 5, "idle_drx_2s56", 110.0)
        sessions.modem(start_s + 7, "connected", 15_000.0)  # paged: still the same session
        sessions.modem(start_s + 9, "idle_drx_2s56", 110.0)
    shown = sessions.shown()["routine"]
    assert (shown.start_s, shown.state) == (3601.0, "idle_drx_2s56")
    assert 10 <= shown.end_s - shown.start_s < 60


def test_the_most_urgent_session_is_the_alarm_and_routine_never_is() -> None:
    sessions = Sessions()
    for start_s, urgency in ((100.0, 2), (200.0, 1), (300.0, 0), (400.0, 0)):
        sessions.modem(start_s, "connected", 15_000.0)
        sessions.acked(urgency)
        sessions.modem(start_s + 9, "deep_sleep", 0.8)
        if start_s == 200.0:
            assert sessions.shown()["alarm"].start_s == 200.0
    shown = sessions.shown()
    assert shown["alarm"].start_s == 300.0
    assert "routine" not in shown or shown["routine"].start_s == 100.0


@pytest.mark.parametrize(
    "values", [[0.5], [0.0, 0.0], [0.843] * 50 + [0.845], [0.01, 500_000.0, 3.0], [1.0, 2.0, 19.9], [0.0, 3.0]]
)
def test_histogram_counts_every_value_once_in_its_bin(values: list[float]) -> None:
    one = histogram(values)
    assert one is not None and sum(one.counts) == len(values)
    assert len(one.edges) == len(one.counts) + 1 and one.edges == sorted(set(one.edges))
    assert len(one.counts) <= 80
    for low, high, count in zip(one.edges, one.edges[1:], one.counts, strict=False):
        inside = sum(low * 0.9999 <= max(value, 0.001) <= high * 1.0001 for value in values)
        assert count <= inside


def test_histogram_of_nothing_is_none() -> None:
    assert histogram([]) is None
