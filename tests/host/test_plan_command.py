"""`cellkit plan` as people and programs call it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cellkit.cli import app
from cellkit.model.battery import SECONDS_PER_YEAR
from cellkit.plan import page
from cellkit.plan.advice import advice, sensitivity, warnings
from cellkit.plan.closed import plan
from cellkit.plan.scenario import Scenario
from typer.testing import CliRunner

DOCS = Path(__file__).resolve().parents[2] / "docs" / "battery.md"
PNG = b"\x89PNG\r\n\x1a\n"


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["plan", *arguments])


def test_table_says_years_charge_and_advice() -> None:
    result = call("--interval", "1h", "--no-rai")
    assert result.exit_code == 0
    for words in ("years", "Where the charge goes", "What to change first", "use release assistance", "self-discharge"):
        assert words in result.stdout


def test_json_is_one_object_with_all_figures() -> None:
    result = call("--interval", "12h", "--ce", "1", "--set", "radio.connected.inactivity_s=20", "--no-rai", "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data["inputs"]["interval_s"] == 43200
    assert data["inputs"]["changes"] == {"radio": {"connected.inactivity_s": 20}}
    assert data["report"]["j"] == pytest.approx(data["report"]["mwh"] * 3.6)
    assert data["lifetime_years"] > 0 and data["charge_mah_per_year"]["modem"]["deep_sleep"] > 0
    assert data["report"]["s_by_state"]["modem"]["connected"] > 20


def test_impossible_pulse_ends_with_one_wrong_input_with_two() -> None:
    assert call("--battery", "ls14500").exit_code == 1
    for arguments in (
        ("--t3324", "61s"),
        ("--interval", "24"),
        ("--module", "nope"),
        ("--set", "radio.nope=1"),
        ("--set", "radio.connected.inactivity_s=long"),
        ("--set", "connected.inactivity_s=1"),
        ("--response", "some"),
        ("--response", "nan"),
        ("--response", "inf"),
        ("--set", "mcu.supply_mv=0"),
    ):
        result = call(*arguments)
        assert result.exit_code == 2, arguments
        assert result.stderr.startswith("cellkit: "), arguments
        assert "Traceback" not in result.stderr
        assert len(result.stderr) < 300, arguments


def test_timers_may_be_deactivated() -> None:
    data = json.loads(call("--t3324", "deactivated", "--t3412", "deactivated", "--edrx", "81.92s", "--json").stdout)
    assert (data["inputs"]["t3324_s"], data["inputs"]["t3412_s"], data["inputs"]["edrx_s"]) == (None, None, 81.92)
    assert data["warnings"][0]["code"] == "psm-refused"


def test_out_writes_picture_page_and_json(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    result = call("--app", "smoke", "--events-per-year", "6", "--out", str(folder))
    assert result.exit_code == 0
    assert (folder / "plan.png").read_bytes().startswith(PNG)
    page = (folder / "plan.html").read_text(encoding="utf-8")
    assert "How long will the battery last?" in page and "data:image/png;base64," in page
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert json.loads((folder / "plan.json").read_text())["inputs"]["app"] == "smoke"


def test_out_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("--out", str(tmp_path / "file" / "x"))
    assert result.exit_code == 1
    assert "cannot write to" in result.stderr


def test_page_escapes_texts_of_the_data_files() -> None:
    answer = plan(Scenario(changes={"radio": {"connected.inactivity_s": 20}}))
    cell = answer.device.cell.model_copy(update={"title": "<b>cell</b>"})
    answer = replace(answer, device=replace(answer.device, cell=cell))
    html = page.render(answer, PNG, warnings(answer), advice(answer), sensitivity(answer))
    assert "<b>cell</b>" not in html and html.count("&lt;b&gt;cell&lt;/b&gt;") >= 2
    assert "radio.connected.inactivity_s=20" in html


def test_without_a_picture_matplotlib_stays_out() -> None:
    run = "from cellkit.cli import app; app(['plan'], standalone_mode=False)"
    code = f"import sys; {run}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.endswith("False\n")


def test_the_answers_in_the_docs_are_those_of_the_command() -> None:
    text = DOCS.read_text(encoding="utf-8")
    (block,) = re.findall(r"```text\n\$ cellkit plan (.*?)```", text, re.S)
    arguments, *lines = block.splitlines()
    output = call(*arguments.split()).stdout
    assert [line for line in lines if line != "..." and line.rstrip() not in output] == []
    smoke = json.loads(call("--app", "smoke", "--interval", "24h", "--events-per-year", "6", "--json").stdout)
    assert f"a forecast of {smoke['lifetime_years']:.0f} years" in text


# --- comparison with a simulation run ---------------------------------------------------------------------------------


def write_run(folder: Path, **fields: Any) -> Path:
    summary: dict[str, Any] = {
        "simulated_s": SECONDS_PER_YEAR / 2,
        "charge_mah_by_state": {"modem": {"deep_sleep": 3.5, "tx": 0.1}, "mcu": {"light_sleep": 6.0}},
        "mean_current_ua": 3.0,
        "forecast_years": 12.5,
        "wakes": 3,
        "inputs": {"module": "bc660k-gl", "mcu": "stm32l4", "battery": "er18505_spc1520", "interval_s": 86400},
    }
    (folder / "summary.json").write_text(json.dumps({**summary, **fields}))
    return folder


def test_check_compares_each_state_in_the_time_simulated(tmp_path: Path) -> None:
    result = call("--check", str(write_run(tmp_path)), "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    states = {(row["consumer"], row["state"]): row for row in data["states"]}
    planned = plan(Scenario()).charge_mah_per_year["modem"]["deep_sleep"] / 2
    assert states["modem", "deep_sleep"]["plan_mah"] == pytest.approx(planned)
    assert states["modem", "deep_sleep"]["off_percent"] == pytest.approx((planned / 3.5 - 1) * 100)
    assert states["modem", "awake"]["off_percent"] is None  # only the plan has it
    assert states["all", ""]["simulation_mah"] == pytest.approx(9.6)
    assert data["years"]["simulation"] == 12.5


def test_check_takes_what_the_run_tells_over_what_is_asked(tmp_path: Path) -> None:
    granted = {"t3324_s": 62, "t3412_s": None, "edrx_s": None}
    run = write_run(tmp_path, inputs={"interval_s": 3600, "ce": 1, "rai": False, "granted": granted}, app="smoke")
    data = json.loads(call("--check", str(run), "--interval", "12h", "--battery", "lsh20", "--json").stdout)
    told = Scenario(
        interval_s=3600, ce=1, rai=False, t3324_s=62, t3412_s=None, app="smoke", battery="lsh20"
    )
    assert data["years"]["plan"] == pytest.approx(plan(told).lifetime_years)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "expected a run's summary.json"),
        ("{", "no JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "expected simulated_s and charge_mah_by_state"),
        ('{"simulated_s": true, "charge_mah_by_state": {}}', "expected simulated_s"),
        ('{"simulated_s": Infinity, "charge_mah_by_state": {}}', "expected simulated_s"),
    ],
)
def test_check_refuses_what_is_no_run(tmp_path: Path, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / "summary.json").write_text(text)
    result = call("--check", str(tmp_path))
    assert result.exit_code == 2
    assert complaint in result.stderr
