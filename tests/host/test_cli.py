"""The command `cellkit`: help, version, reports, exit codes. The demo itself: test_demo.py."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer.main
from cellkit.cli import app
from demo_log import good_run, write_run
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv" / "bin" / "cellkit"
TIMEOUT_S = 60


def commands(group: Any, *names: str) -> Iterator[str]:
    """The words of every command, those in groups with their group's name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield " ".join((*names, name))


COMMANDS = sorted(commands(typer.main.get_command(app)))


def cellkit(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command, run inside this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_there_is_a_command_for_each_task() -> None:
    assert {"demo", "report", "version"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_exit_codes(command: str) -> None:
    code, out, _ = cellkit(*command.split(), "--help")
    assert code == 0
    lines = [line.strip() for line in out.splitlines()]
    assert lines[lines.index("Example:") + 1].startswith(f"cellkit {command}")
    codes = lines[lines.index("Exit codes:") + 1 :]
    assert codes[0].startswith("0 ") and any(line.startswith("2 ") for line in codes)


def test_the_installed_command_shows_help_without_arguments() -> None:
    done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 2
    for command in COMMANDS:
        assert command.split()[0] in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [["demo"], ["demo", "--out"], ["report"], ["rapport"], ["version", "--yaml"]], ids=" ".join
)
def test_wrong_usage(arguments: list[str]) -> None:
    code, out, err = cellkit(*arguments)
    assert code == 2 and out == ""
    assert "Error" in err and "Traceback" not in err


def test_version() -> None:
    code, out, _ = cellkit("version")
    assert code == 0 and metadata.version("cellkit") in out and "Python 3." in out
    code, out, _ = cellkit("version", "--json")
    assert code == 0 and json.loads(out)["cellkit"] == metadata.version("cellkit")


# --- report -----------------------------------------------------------------------------------------------------------


def test_report_of_a_killed_run(tmp_path: Path) -> None:
    """No summary, no end, and a last line that is cut off: what there is is drawn."""
    write_run(tmp_path, good_run()[:30], tail='{"t": 12.0, "src": "mod')
    code, out, _ = cellkit("report", tmp_path)
    assert code == 0
    assert out.strip() == str(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the last one is cut off" in page and "was not acknowledged" in page


def test_report_as_json(tmp_path: Path) -> None:
    code, out, _ = cellkit("report", write_run(tmp_path, good_run()), "--json")
    assert code == 0 and json.loads(out) == {"report": str(tmp_path / "report.html")}


def test_report_without_a_run_says_what_to_name(tmp_path: Path) -> None:
    code, out, err = cellkit("report", tmp_path)
    assert code == 2 and out == ""
    assert "expected a run's events.jsonl" in err and "--out" in err


def test_report_that_cannot_be_written(tmp_path: Path) -> None:
    write_run(tmp_path, good_run())
    (tmp_path / "report.html").mkdir()
    code, out, err = cellkit("report", tmp_path)
    assert code == 1 and out == ""
    assert f"cannot make the report in {tmp_path}: Is a directory" in err
