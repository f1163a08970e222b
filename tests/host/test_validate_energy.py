"""`cellkit validate energy`: the list of cases, its errors, and honest arithmetic."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cellkit.cli import app
from cellkit.model.figures import ModelError
from cellkit.plan.closed import plan
from cellkit.plan.scenario import Scenario
from cellkit.validate import compare
from cellkit.validate.cases import METRICS, read
from typer.testing import CliRunner

DOCS = Path(__file__).resolve().parents[2] / "docs" / "battery.md"
EXAMPLES = DOCS.with_name("energy_cases.toml")
CASE = """
[[case]]
name = "one"
source = "a paper"
[case.inputs]
interval = "1h"
payload = 100
ce = 1
rai = false
response = "none"
t3324 = "deactivated"
battery_wh = 10
[case.set.radio]
connected.inactivity_s = 20
[case.set.module]
current.tx = { mw = 700 }
current.rx = 20000
[case.published]
report_mwh = 0.1
lifetime_years = 2
"""


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["validate", "energy", *arguments])


def write(folder: Path, text: str) -> Path:
    path = folder / "cases.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_inputs_and_overrides_reach_the_plan(tmp_path: Path) -> None:
    (case,) = read(write(tmp_path, CASE))
    expected = Scenario(
        module="tr45820",
        mcu="none",
        app="report",
        battery="ideal",
        interval_s=3600,
        payload_bytes=100,
        ce=1,
        rai=False,
        response_bytes=None,
        t3324_s=None,
        battery_wh=10,
        changes={
            "radio": {"connected.inactivity_s": 20},
            "module": {"current.tx": {"mw": 700}, "current.rx": 20000},
        },
    )
    ours, theirs = plan(case.scenario), plan(expected)
    assert (ours.report_j, ours.lifetime_years) == (theirs.report_j, theirs.lifetime_years)
    assert ours.device.module.current_ua("tx") == pytest.approx(700e3 / 3.6)
    assert ours.device.radio.connected.inactivity_s.value == 20


def test_deviation_is_ours_against_theirs(tmp_path: Path) -> None:
    rows = compare.run(read(write(tmp_path, CASE)))
    assert [row.metric for row in rows] == ["report_mwh", "lifetime_years"]
    answer = plan(rows[0].case.scenario)
    assert rows[0].off_percent == pytest.approx((answer.report_mwh / 0.1 - 1) * 100)
    assert rows[1].off_percent == pytest.approx((answer.lifetime_years / 2 - 1) * 100)


def test_every_metric_can_be_published(tmp_path: Path) -> None:
    lines = "\n".join(f"{metric} = 1" for metric in METRICS)
    rows = compare.run(read(write(tmp_path, f'[[case]]\nname = "x"\nsource = "y"\n[case.published]\n{lines}\n')))
    assert [row.metric for row in rows] == list(METRICS)
    values = {row.metric: row.ours for row in rows}
    assert values["report_j"] == pytest.approx((values["report_mwh"] or 0) * 3.6)
    assert values["tau_j"] == pytest.approx((values["tau_uah"] or 0) * 1e-6 * 3600 * 3.6)
    assert all(value for value in values.values())


def test_summary_is_the_median_of_what_could_be_computed(tmp_path: Path) -> None:
    rows = compare.run(read(write(tmp_path, CASE)))
    failed = compare.Row(rows[0].case, "report_j", 1.0, None, error="why")
    sizes = sorted(abs(row.off_percent or 0) for row in rows)
    total = compare.summary([*rows, failed])
    assert total["median_absolute_deviation_percent"] == pytest.approx(sum(sizes) / 2)
    assert (total["results"], total["failed"]) == (3, 1)
    assert compare.summary([failed])["median_absolute_deviation_percent"] is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('name = "one"', 'nam = "one"'), "expected a name"),
        (('source = "a paper"', 'source = "a paper"\nnotes = "x"'), "unknown key 'notes'.*did you mean note"),
        (('source = "a paper"', ""), "expected a source"),
        (('interval = "1h"', 'intervall = "1h"'), "unknown key 'intervall'.*did you mean interval"),
        (('interval = "1h"', "interval = 3600"), "interval: expected a text"),
        (('interval = "1h"', 'interval = "often"'), "expected a duration"),
        (("payload = 100", 'payload = "100"'), "payload: expected a number"),
        (("rai = false", "rai = 0"), "expected true or false"),
        (("[case.set.radio]\nconnected.inactivity_s = 20", "[case.set]\nradio = 5"), "table .case.set.radio"),
        (("[case.published]\nreport_mwh = 0.1\nlifetime_years = 2", "published = 5"), "expected"),
        (("[case.set.radio]", "[case.set.radoi]"), "unknown key 'radoi'.*did you mean radio"),
        (("report_mwh = 0.1", "report_mw = 0.1"), "unknown key 'report_mw'.*did you mean report_mwh"),
        (("report_mwh = 0.1", "report_mwh = 0"), "expected a number above 0"),
        (("report_mwh = 0.1", "report_mwh = nan"), "expected a number above 0"),
        (("report_mwh = 0.1", "report_mwh = inf"), "expected a number above 0"),
        (("battery_wh = 10", "battery_wh = -1"), "battery_wh: expected a number above 0"),
        (("report_mwh = 0.1\nlifetime_years = 2\n", ""), "expected a published result"),
        (("[[case]]", "[[cases]]"), "unknown key 'cases'.*did you mean case"),
        (("[[case]]", "[[case"), "no TOML"),
    ],
)
def test_errors_in_the_list_are_told(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    text = CASE.replace(*change)
    if "[[cases]]" in text:
        text = '[[cases]]\nname = "one"\n'
    with pytest.raises(ModelError, match=complaint):
        read(write(tmp_path, text))
    assert call(str(write(tmp_path, text))).exit_code == 2


def test_case_that_cannot_be_computed_does_not_hide_the_others(tmp_path: Path) -> None:
    bad = CASE.replace('name = "one"', 'name = "two"').replace("current.rx", "current.rxx")
    result = call(str(write(tmp_path, CASE + bad)), "--json")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert [row["ours"] is None for row in data["cases"]] == [False, False, True, True]
    assert "unknown module parameter 'current.rxx'" in data["cases"][2]["error"]
    assert data["summary"]["failed"] == 2
    full = data["cases"][0]["all_of_ours"]
    assert full["report_mwh"] == data["cases"][0]["ours"]
    assert full["report_s_by_state"]["modem"]["tx"] > 0


def test_brackets_in_the_list_are_text(tmp_path: Path) -> None:
    text = CASE.replace('"one"', '"one [/red]"').replace('"a paper"', '"a paper [12]"')
    result = call(str(write(tmp_path, text)))
    assert result.exit_code == 0
    assert "one [/red]" in result.stdout and "a paper [12]" in result.stdout


def test_example_list_runs_and_prints_source_inputs_and_deviation() -> None:
    result = call(str(EXAMPLES))
    assert result.exit_code == 0
    for words in ("TR 45.820", "source", "inputs", "published", "median absolute deviation"):
        assert words in result.stdout
    rows = compare.run(read(EXAMPLES))
    assert len(rows) >= 15 and all(row.ours for row in rows)


def test_docs_show_a_list_that_runs_and_the_deviation_that_comes_out(tmp_path: Path) -> None:
    page = DOCS.read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    rows = compare.run(read(write(tmp_path, block)))
    assert [row.metric for row in rows] == ["lifetime_years", "report_mwh"] and all(row.ours for row in rows)
    median = compare.summary(compare.run(read(EXAMPLES)))["median_absolute_deviation_percent"]
    assert f"| **median of the absolute deviations** | **{median:.1f} %** |" in page


def test_missing_file_is_told(tmp_path: Path) -> None:
    result = call(str(tmp_path / "none.toml"))
    assert result.exit_code == 2
    assert "cannot read" in result.stderr
