"""The demo as a person runs it: one real run to its end, and what happens when it cannot get there."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cellkit import demo
from cellkit.cli import app
from cellkit.server import AlarmServer
from cellkit.summary import read_log
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv" / "bin" / "cellkit"
FILES = ("events.jsonl", "summary.json", "report.html")
RUN_TIMEOUT_S = 180  # the demo ends itself after 60 s; the rest is for a busy machine


@dataclass
class Run:
    """A demo that was run: its folder, exit code, and what it printed."""

    folder: Path
    code: int
    stdout: str
    stderr: str

    @property
    def summary(self) -> dict[str, Any]:
        """What summary.json holds."""
        summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        return summary


def in_process(out: Path, *options: str) -> Run:
    """The command inside this process, so that a test can change a part of it."""
    result = CliRunner().invoke(app, ["demo", "--out", str(out), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Run(out, result.exit_code, result.stdout, result.stderr)


def vms_in(folder: Path) -> Iterator[int]:
    """Processes whose working folder is in `folder`: a device that still runs."""
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").readlink().is_relative_to(folder.resolve()):
                yield int(process.name)
        except OSError:
            continue


# --- a good run -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The installed command, to its end."""
    out = tmp_path_factory.mktemp("demo")
    argv = [PROGRAM, "demo", "--out", out, "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    return Run(out, done.returncode, done.stdout, done.stderr)


def test_alarm_is_acknowledged(good: Run) -> None:
    assert good.code == 0, good.stderr
    summary = good.summary
    assert summary["failure"] is None
    assert summary["alarm_acknowledged"] and summary["heartbeat_acknowledged"] and summary["back_to_psm"]
    assert 0 <= summary["siren_latency_s"] < summary["alarm_latency_s"]
    assert list(vms_in(good.folder)) == []


def test_it_is_the_real_micropython_and_takes_a_minute_at_most(good: Run) -> None:
    summary = good.summary
    assert summary["runtime"]["implementation"] == "micropython"
    assert [int(part) for part in summary["runtime"]["version"].split(".")] >= [1, 25, 0]
    assert "BC660K-GL" in summary["modem"]["model"]
    assert summary["duration_s"] < demo.LIMIT_S + 10


def test_timers_are_not_granted_as_requested_and_t3324_is_observed(good: Run) -> None:
    requested, granted, observed = (good.summary[name] for name in ("requested", "granted", "observed"))
    for name in ("t3324_s", "t3412_s", "edrx_s"):
        assert requested[name] and granted[name] and requested[name] != granted[name], name
    assert abs(observed["t3324_s"] - granted["t3324_s"]) <= 3


def test_charge_and_time_cover_the_run(good: Run) -> None:
    summary = good.summary
    assert {"off", "boot", "search", "connected", "tx", "deep_sleep"} <= summary["charge_uah_by_state"].keys()
    assert summary["charge_uah_by_state"]["tx"] > 0
    assert sum(summary["time_s_by_state"].values()) == pytest.approx(summary["duration_s"], abs=0.1)


def test_steps_of_the_alarm_come_in_their_order(good: Run) -> None:
    way = good.summary["alarm_timeline_s"]
    assert list(way) == [
        "smoke", "siren", "modem awake", "alarm sent", "at the server", "answered 2.04", "heard by the device"
    ]  # fmt: skip
    times = [time_s for name, time_s in way.items() if name != "siren"]
    assert None not in times and times == sorted(times)


def test_log_tells_the_story_of_the_device(good: Run) -> None:
    log = read_log(good.folder / "events.jsonl")
    assert log.unreadable == 0 and log.stopped
    names = [e["data"]["ev"] for e in log.each("mcu", "trace")]
    first = [names.index(name) for name in ("boot", "modem_ready", "requested", "granted", "registered", "uplink_ack")]
    assert first == sorted(first)
    fires = [e for e in log.each("server", "request") if any(r["name"] == "fire" for r in e["records"])]
    assert len(fires) >= 1 and not any(e["duplicate"] for e in fires)


def test_story_is_told_in_order(good: Run) -> None:
    steps = [
        "boot", "modem ready", "registered", "timers", "requested", "heartbeat", "PSM", "smoke", "siren", "modem awake",
        "alarm", "acknowledged", "PSM",
    ]  # fmt: skip
    lines = iter(good.stderr.splitlines())
    for step in steps:
        assert any(re.match(rf".{{0,45}}\b{step}\b", line) for line in lines), f"{step} in\n{good.stderr}"
    assert str(good.folder / "report.html") in good.stderr.replace("\n", "")


def test_json_is_the_summary(good: Run) -> None:
    told = json.loads(good.stdout)
    assert told == {**good.summary, "report": str(good.folder / "report.html"), "exit_code": 0}


def test_report_loads_nothing(good: Run) -> None:
    page = (good.folder / "report.html").read_text(encoding="utf-8")
    assert "The alarm was acknowledged" in page
    own = page.replace("http://www.w3.org/2000/svg", "")  # a name, not an address that is loaded
    assert not re.search(r"https?://|<link|<img|<iframe|\ssrc=|\shref=|@import", own)


# --- runs that fail ---------------------------------------------------------------------------------------------------


class RefusingServer(AlarmServer):
    async def __aenter__(self) -> AlarmServer:
        self.answer = "5.03"
        return await super().__aenter__()


def test_server_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "AlarmServer", RefusingServer)
    (tmp_path / "report.html").write_text("of an earlier run")
    run = in_process(tmp_path, "--json")
    assert run.code == 1
    failure = run.summary["failure"]
    assert "expected the server to acknowledge a heartbeat; came: uplink_failed: server answered 5.03" in failure
    assert "next try in" in failure
    assert run.summary["alarm_acknowledged"] is False and run.summary["granted"]
    assert "5.03" in run.stderr.replace("\n", "")
    assert json.loads(run.stdout)["exit_code"] == 1
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "was not acknowledged" in page and "5.03" in page
    assert list(vms_in(tmp_path)) == []


def test_firmware_that_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise ValueError('out of order')\n")
    monkeypatch.setattr(demo, "APP", str(script))
    run = in_process(tmp_path / "out")
    assert run.code == 1
    assert run.summary["failure"] == (
        "expected the firmware to start, but the firmware ended: status 1, ValueError: out of order"
    )


def test_run_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "mute.py"
    script.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(demo, "APP", str(script))
    monkeypatch.setattr(demo, "LIMIT_S", 1.0)
    run = in_process(tmp_path / "out")
    assert run.code == 1
    assert run.summary["failure"] == (
        "expected the firmware to start before 1 s of the whole run; the device said nothing"
    )
    assert run.summary["duration_s"] < 10  # the step alone might take 15 s


def test_part_of_the_bench_that_fails_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("serial")

    monkeypatch.setattr("cellkit.bench.serial.PtySerial._readable", broken)
    run = in_process(tmp_path)
    assert run.code == 1
    assert run.summary["failure"] == "the bench failed: KeyError: 'serial'"
    assert all((tmp_path / name).exists() for name in FILES)


def test_interrupted_run_keeps_what_it_has(tmp_path: Path) -> None:
    argv = [PROGRAM, "demo", "--out", tmp_path]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "modem ready" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=RUN_TIMEOUT_S)
    assert process.returncode == 130, err
    assert "interrupted" in out and "Traceback" not in err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert "Ctrl-C" in summary["failure"] and summary["alarm_acknowledged"] is False
    assert "BC660K-GL" in summary["modem"]["model"]
    assert read_log(tmp_path / "events.jsonl").stopped
    assert "The run ended early" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert list(vms_in(tmp_path)) == []


def test_killed_run_can_be_reported(tmp_path: Path) -> None:
    argv = [PROGRAM, "demo", "--out", tmp_path]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        next(line for line in process.stdout if "boot" in line)
        process.kill()
        process.communicate(timeout=RUN_TIMEOUT_S)
    assert CliRunner().invoke(app, ["report", str(tmp_path)]).exit_code == 0
    assert "the log has no end" in (tmp_path / "report.html").read_text(encoding="utf-8")


# --- what cannot even start -------------------------------------------------------------------------------------------


def test_missing_set_up_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PROGRAM", tmp_path / "micropython")
    run = in_process(tmp_path / "out", "--json")
    assert run.code == 3 and run.stdout == ""
    assert str(tmp_path / "micropython") in run.stderr and "make setup" in run.stderr
    assert not (tmp_path / "out").exists()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = in_process(tmp_path / "file" / "out")
    assert run.code == 1 and run.stdout == ""
    assert f"cannot write to {tmp_path}/file/out: Not a directory" in run.stderr and "--out" in run.stderr


def test_flash_that_is_no_devices_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "flash" / "mine"
    mine.parent.mkdir()
    mine.touch()
    run = in_process(tmp_path)
    assert run.code == 1 and "flash" in run.stderr
    assert mine.exists()


def test_folder_in_which_another_demo_runs(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        (tmp_path / "events.jsonl").write_text("of the other one")
        run = in_process(tmp_path)
    finally:
        os.close(folder)
    assert run.code == 1 and "another demo is running in it; choose another folder with --out" in run.stderr
    assert (tmp_path / "events.jsonl").read_text() == "of the other one"


def test_full_disk(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    run = in_process(tmp_path)
    assert run.code == 1
    assert f"cannot write to {tmp_path}: No space left on device" in run.stderr
    assert not (tmp_path / "summary.json").exists()


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))


def test_disk_that_fills_during_the_run(tmp_path: Path) -> None:
    argv = [PROGRAM, "demo", "--out", tmp_path]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, preexec_fn=_small_files, env=environment
    )
    assert done.returncode == 1
    assert "cannot write to" in done.stderr and "File too large" in done.stderr and "Traceback" not in done.stderr
    assert list(vms_in(tmp_path)) == []
