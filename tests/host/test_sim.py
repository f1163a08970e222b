"""`cellkit sim run`: one seed one history, interruption, outages, real servers, and errors that say what to do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.clock import VirtualClock
from cellkit.bench.log import EventLog
from cellkit.bench.netconfig import NetworkConfig, Policy, Span
from cellkit.bench.vrig import VirtualBench
from cellkit.cli import app
from cellkit.model.battery import Battery, load_cell
from cellkit.server import AlarmServer
from cellkit.sim.run import Job, Runner
from cellkit.sim.scenario import DAY_S, YEAR_S, Scenario, add_outages, draw_events
from typer.testing import CliRunner

CELLKIT = Path(sys.executable).with_name("cellkit")
SMOKE = Scenario.load("smoke")


def simulate(folder: Path, days: float, seed: int = 1, network: NetworkConfig | None = None, **job: Any) -> Runner:
    """A finished run of the smoke alarm."""
    runner = Runner(Job("smoke", "bc660k-gl", days * DAY_S, seed, folder, network=network or NetworkConfig(), **job))
    runner.run()
    return runner


def cli(*args: str) -> Any:
    """`cellkit sim run ARGS` in this process."""
    return CliRunner().invoke(app, ["sim", "run", *args])


# --- one history ------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_log_byte_for_byte(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(tmp_path / name, 40, seed)
    a, b, c = ((tmp_path / name / "events.jsonl").read_bytes() for name in "abc")
    assert a.count(b"\n") > 2000
    assert a == b
    assert a != c
    assert (tmp_path / "a" / "flash.bin").read_bytes() == (tmp_path / "b" / "flash.bin").read_bytes()


def test_a_shorter_run_is_the_beginning_of_a_longer_one(tmp_path: Path) -> None:
    simulate(tmp_path / "long", 6)
    simulate(tmp_path / "short", 3)
    long, short = ((tmp_path / name / "events.jsonl").read_text().splitlines() for name in ("long", "short"))
    same = [line for line in short if json.loads(line)["t"] < 3 * DAY_S]
    assert len(same) > 100
    assert long[: len(same)] == same


def test_events_are_drawn_per_year_and_the_outage_lies_within_it() -> None:
    scenario = Scenario.load("smoke")
    ten, three = (draw_events(scenario, years * YEAR_S, 1) for years in (10, 3))
    assert len(ten) == 60
    assert ten[: len(three)] == three
    network = NetworkConfig()
    add_outages(network, scenario, 10 * YEAR_S, 1)
    assert (len(network.coverage_gaps), len(network.outages)) == (5, 5)
    assert {span.duration_s for span in [*network.coverage_gaps, *network.outages]} == {7 * DAY_S}


# --- nothing is lost --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["coverage_gaps", "outages"])
def test_an_outage_of_a_week_loses_nothing(tmp_path: Path, kind: str) -> None:
    network = NetworkConfig.model_validate({kind: [Span(start_s=3 * DAY_S, duration_s=7 * DAY_S)]})
    life = simulate(tmp_path, 14, network=network).life
    records = life.tally.records
    assert records.created >= 15
    assert (records.lost, records.waiting) == (0, 0)
    assert records.acknowledged == records.created
    assert max(life.tally.ack_latency_s) < 200
    # Between its attempts the radio is off: a module left to itself would search for a week, 300 mAh.
    assert life.charge_uah["modem"]["search"] < 20_000


def test_psm_refused_and_deactivated_timers_still_deliver(tmp_path: Path) -> None:
    for psm in ("refused", "deactivated"):
        runner = simulate(tmp_path / psm, 3, network=NetworkConfig(policy=Policy(psm=psm)))
        assert runner.life.tally.records.lost == runner.life.tally.records.waiting == 0
        assert runner.life.tally.events["device psm_refused"] >= 1
        assert "deep_sleep" not in {s for s, uah in runner.life.charge_uah["modem"].items() if uah > 100}


def test_a_battery_that_cannot_serve_the_pulse_browns_out(tmp_path: Path) -> None:
    bobbin_cell = Battery(load_cell("ls14500"), temperature_c=-20.0)
    life = Runner(Job("smoke", "bc660k-gl", 2 * DAY_S, 1, tmp_path), bobbin_cell).run()
    assert life.brown_outs > 0
    assert life.tally.events["bench brown_out"] == life.brown_outs
    assert life.tally.events["modem reset"] >= 1


def test_an_empty_battery_ends_the_run(tmp_path: Path) -> None:
    battery = Battery(load_cell("cr123a"))
    battery.draw(battery.remaining_mah * 1000 - 300, 3600)  # 0.3 mAh are left
    life = Runner(Job("smoke", "bc660k-gl", 30 * DAY_S, 1, tmp_path), battery).run()
    assert life.empty_at_s is not None
    assert life.empty_at_s < 10 * DAY_S


# --- real servers -----------------------------------------------------------------------------------------------------


@contextmanager
def server_thread() -> Iterator[AlarmServer]:
    """An AlarmServer on loopback, in a thread of its own."""
    ready, made = threading.Event(), []

    async def serve() -> None:
        async with AlarmServer(EventLog(None, VirtualClock())) as server:
            done = asyncio.Event()
            made.extend((server, asyncio.get_running_loop(), done))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield made[0]
    finally:
        made[1].call_soon_threadsafe(made[2].set)
        thread.join(20)


def test_a_real_server_takes_part_while_time_stands_still(tmp_path: Path) -> None:
    with server_thread() as server:
        life = simulate(tmp_path, 5, server=f"coap://127.0.0.1:{server.port}/alarm").life
        assert len(server.packs) == life.tally.records.acknowledged >= 6
        assert life.tally.records.lost == 0
    assert max(life.tally.ack_latency_s) < 5  # virtual seconds: the wait for the real answer does not count


def test_a_server_that_is_not_there_keeps_the_records(tmp_path: Path) -> None:
    with server_thread() as server:
        port = server.port
    life = simulate(tmp_path, 1, server=f"coap://127.0.0.1:{port}/alarm").life
    assert life.tally.records.acknowledged == 0
    assert life.tally.records.waiting == life.tally.records.created >= 2


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_summary_log_and_report(tmp_path: Path) -> None:
    result = cli("--app", "smoke", "--for", "2d", "--seed", "3", "--out", str(tmp_path), "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert json.loads(result.stdout) == {**summary, "report": str(tmp_path / "report.html")}
    wanted = {
        "simulated_s", "wall_s", "speedup", "records_created", "records_acknowledged", "records_lost", "wakes",
        "charge_mah_by_state", "mean_current_ua", "forecast_years", "heap_peak_bytes", "heap_first_day_bytes",
        "heap_last_day_bytes", "flash_erases_max",
    }  # fmt: skip
    assert [name for name in wanted if summary.get(name) is None] == []
    assert summary["simulated_s"] == 2 * DAY_S
    assert summary["records_created"] == summary["records_acknowledged"] >= 3
    assert summary["charge_mah_by_state"]["modem"]["deep_sleep"] > 0.01
    total_mah = sum(sum(states.values()) for states in summary["charge_mah_by_state"].values())
    assert summary["mean_current_ua"] == pytest.approx(total_mah * 1000 / 48, rel=1e-3)
    assert (tmp_path / "report.html").stat().st_size > 0


def test_ctrl_c_leaves_a_whole_log_and_summary(tmp_path: Path) -> None:
    argv = [CELLKIT, "sim", "run", "--app", "smoke", "--for", "50y", "--out", tmp_path]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = tmp_path / "events.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size > 100_000):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert summary["simulated_s"] >= DAY_S
    lines = log.read_text().splitlines()
    assert json.loads(lines[-1])["ev"] == "stop"
    assert (tmp_path / "report.html").exists()


def test_a_second_ctrl_c_ends_a_day_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(bench: VirtualBench, seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second one was not heard")

    monkeypatch.setattr(VirtualBench, "run", endless)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, 1)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["ev"] == "stop"


def test_a_firmware_that_ends_is_no_quiet_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scenario, "load", lambda app: SMOKE.model_copy(update={"module": "apps.none"}))
    result = cli("--app", "smoke", "--for", "2d", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "the firmware ended with code 1 on day 1" in result.output
    assert not (tmp_path / "summary.json").exists()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    first = Runner(Job("smoke", "bc660k-gl", 2 * DAY_S, 1, tmp_path))
    said = []
    first.run(lambda progress: said.append(cli("--app", "smoke", "--for", "1d", "--out", str(tmp_path))))
    assert [result.exit_code for result in said] == [1, 1]
    assert "another simulation is writing there" in said[0].output.replace("\n", " ")
    simulate(tmp_path, 1)  # it is free again


def test_wrong_usage_is_named(tmp_path: Path) -> None:
    network = tmp_path / "network.toml"
    network.write_text("[policy]\nt3324_alowed_s = [10]\n")
    cases = [
        (["--app", "toaster"], "got 'toaster'"),
        (["--app", "smoke", "--for", "ten years"], "expected a duration"),
        (["--app", "smoke", "--for", "1s"], "expected one minute to 50 years"),
        (["--app", "smoke", "--module", "bc660k"], "unknown module 'bc660k'"),
        (["--app", "smoke", "--network", str(network)], "t3324_alowed_s"),
        (["--app", "smoke", "--network", str(tmp_path / "none.toml")], "No such file"),
        (["--app", "smoke", "--server", "http://127.0.0.1/"], "coap://"),
        (["--app", "smoke", "--server", "coap://127.0.0.1:0/"], "coap://"),
        (["--app", "smoke", "--server", "coap://me@127.0.0.1/"], "coap://"),
    ]
    for args, text in cases:
        result = cli(*args, "--out", str(tmp_path / "out"))
        assert result.exit_code == 2, (args, result.output)
        assert text in result.output.replace("\n", " "), (args, result.output)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = cli("--app", "smoke", "--for", "1d", "--out", str(tmp_path / "file" / "out"))
    assert result.exit_code == 1
    assert "choose another folder" in result.output
