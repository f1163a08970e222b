"""What the network grants, refuses and costs, in virtual time; and the simulation beside the planner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.netconfig import NetworkConfig, Policy
from cellkit.cli import app
from cellkit.model.parts import load_module
from cellkit.model.radio import Link, Procedures, by_state, total_s
from cellkit.model.radio_data import load_radio
from cellkit.plan.closed import plan
from cellkit.plan.compare import compare
from cellkit.plan.scenario import Scenario
from cellkit.plan.simulation import read
from cellkit.sim.run import Job, Life, Runner
from cellkit.sim.scenario import DAY_S
from cellkit.sim.summary import summarize, write_summary
from typer.testing import CliRunner

Event = dict[str, Any]


def simulate(folder: Path, days: float, network: NetworkConfig) -> tuple[Life, list[Event]]:
    """A run of the smoke alarm: what came of it, and its log."""
    runner = Runner(Job("smoke", "bc660k-gl", days * DAY_S, 1, folder, network=network))
    life = runner.run()
    write_summary(summarize(runner), folder)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    return life, events


def policy(**changes: Any) -> NetworkConfig:
    return NetworkConfig(policy=Policy(**changes))


def of(events: list[Event], src: str, ev: str) -> list[Event]:
    return [event for event in events if (event["src"], event["ev"]) == (src, ev)]


def all_delivered(life: Life) -> bool:
    records = life.tally.records
    return records.lost == 0 and records.waiting == 0 and records.acknowledged == records.created >= 3


# Networks by name


@pytest.mark.parametrize("name", NetworkConfig.presets())
def test_every_preset_carries_a_smoke_alarm(tmp_path: Path, name: str) -> None:
    life, events = simulate(tmp_path, 3, NetworkConfig.load(name))
    assert all_delivered(life)
    taus, mah = len(of(events, "net", "tau")), life.charge_uah["modem"]
    granted = of(events, "net", "attach")[0]
    if name == "psm-friendly":
        assert (granted["t3324_s"], taus) == (10, 0)
    elif name == "short-tau":
        assert (granted["t3412_s"], 60 <= taus <= 72) == (3600, True)
    elif name in ("no-psm", "edrx-only"):
        assert granted["t3324_s"] is None and "deep_sleep" not in mah
    elif name == "deep-indoor":
        assert mah["tx"] > 10 * plan(Scenario(app="smoke")).charge_mah_per_year["modem"]["tx"] * 1000 * 3 / 365.25


def test_edrx_only_costs_less_than_no_psm_for_a_device_that_asks_for_it(tmp_path: Path) -> None:
    def idle_states(name: str) -> set[str]:
        from modem_rig import ModemRig

        rig = ModemRig(NetworkConfig.load(name).model_dump())
        rig.attach('AT+CEDRXS=1,5,"0101"')
        rig.advance(100.0)
        return set(rig.states()[-1:])

    assert idle_states("edrx-only") == {"idle_edrx"}
    assert idle_states("no-psm") == {"idle_drx_2s56"}


def test_every_figure_of_a_preset_says_where_it_comes_from() -> None:
    folder = Path(__file__).resolve().parents[2] / "host_tools/cellkit/bench/data/networks"
    for file in folder.glob("*.toml"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert "=" not in line.split("#")[0] or "#" in line, f"{file.name}: no source: {line}"


@pytest.mark.parametrize(
    ("network", "text"),
    [
        ("psm-frendly", "did you mean psm-friendly?"),
        ("atlantis", "there are deep-indoor, default, edrx-only, no-psm, psm-friendly, short-tau"),
        ("none.toml", "No such file"),
        ("[policy]\npsn = 'refused'", "unknown key policy.psn; did you mean policy.psm?"),
        ("[policy]\npsm = 'maybe'", "policy.psm"),
        ("[delays]\nsearch_s = 1", "unknown key delays; there are"),
        ("[policy]\nt3324_allowed_s = [33]", "T3324 of 33 s cannot be"),
        ("[cell]\necl = 3", "cell.ecl"),
        ("[radio.ce0]\nsinc_s = 1", "did you mean ce0.sync_s?"),
        ("[[coverage_gaps]]\nstart_s = 1", "coverage_gaps.0.duration_s"),
        ("[[outages]]\nstart_s = inf\nduration_s = 1", "outages.0.start_s"),
        ("[[clock_jumps]]\nat_s = 1\nby_s = 1e15", "clock_jumps.0.by_s"),
        ("utc_start_s = nan\n", "utc_start_s"),
        ("ip = 'here'\n", "Expected 4 octets in 'here'"),
        ("[hosts]\nx = 'there'", "Expected 4 octets in 'there'"),
        ("[policy]\nedrx_min_s = 81.92\nedrx_max_s = 40.96", "edrx_min_s of 81.92 s is above"),
        ("polices = 1\n", "did you mean"),
        ("cells = 1\n", "there are apn, cell, clock_jumps"),
    ],
)
def test_a_wrong_network_is_an_error_that_helps(tmp_path: Path, network: str, text: str) -> None:
    if "\n" in network:
        (tmp_path / "network.toml").write_text(network, encoding="utf-8")
        network = str(tmp_path / "network.toml")
    result = CliRunner().invoke(app, ["sim", "run", "--app", "smoke", "--network", network, "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert text in " ".join(result.output.split()), result.output


def test_release_without_inactivity_ends(tmp_path: Path) -> None:
    network = NetworkConfig.model_validate({"radio": {"connected.inactivity_s": 0}})
    assert all_delivered(simulate(tmp_path, 2, network)[0])


# Timers at their limits


def test_t3324_of_zero_is_psm_without_an_active_time(tmp_path: Path) -> None:
    life, events = simulate(tmp_path, 3, policy(t3324_allowed_s=(0,)))
    assert all_delivered(life)
    assert of(events, "net", "attach")[0]["t3324_s"] == 0
    released = [event["t"] for event in of(events, "net", "rrc") if event["state"] == "idle"]
    entered = [event["t"] for event in of(events, "net", "psm") if event["state"] == "enter"]
    assert len(entered) >= 3
    assert entered == released[:len(entered)]
    assert "idle_drx_2s56" not in life.charge_uah["modem"]


def test_t3412_deactivated_means_no_update_and_the_device_still_reports(tmp_path: Path) -> None:
    life, events = simulate(tmp_path, 6, policy(t3412="deactivated"))
    assert all_delivered(life)
    assert of(events, "net", "attach")[0]["t3412_s"] is None
    assert of(events, "net", "tau") == []
    assert life.charge_uah["modem"]["deep_sleep"] > 0.8 * 24 * 5


def test_t3412_shorter_than_the_report_interval_costs_updates_and_nothing_else(tmp_path: Path) -> None:
    life, events = simulate(tmp_path / "short", 3, policy(t3412_allowed_s=(7200,)))
    usual, _ = simulate(tmp_path / "usual", 3, policy())
    assert all_delivered(life)
    assert 30 <= len(of(events, "net", "tau")) <= 36
    assert life.charge_uah["modem"]["tx"] > 2 * usual.charge_uah["modem"]["tx"]


def test_t3412_shorter_than_t3324_never_reaches_psm(tmp_path: Path) -> None:
    life, events = simulate(tmp_path, 1, policy(t3324_allowed_s=(180,), t3412_allowed_s=(60,)))
    assert life.tally.records.lost == life.tally.records.waiting == 0
    assert [event for event in of(events, "net", "psm") if event["state"] == "enter"] == []
    assert len(of(events, "net", "tau")) > 1000


# What it costs


def test_a_wake_cycle_stands_in_the_log_phase_by_phase(tmp_path: Path) -> None:
    life, events = simulate(tmp_path, 3, NetworkConfig())
    states = of(events, "modem", "state")
    wakes = [index for index, event in enumerate(states) if event["state"] == "waking"]
    cycle = states[wakes[-1]:]
    spans = zip(cycle, cycle[1:], strict=False)
    seconds: dict[str, float] = {}
    for now, later in spans:
        if now["state"] == "deep_sleep":
            break
        seconds[now["state"]] = seconds.get(now["state"], 0.0) + later["t"] - now["t"]
    procedures = Procedures(load_radio(), load_module("bc660k-gl"), Link())
    up_bytes = of(events, "net", "up")[-1]["bytes"]
    phases = procedures.access(DAY_S) + procedures.uplink(
        procedures.radio.signalling.setup_complete_bytes.value + procedures.datagram(up_bytes)
    )
    down_bytes = of(events, "net", "down")[-1]["bytes"]
    phases += procedures.downlink(procedures.datagram(down_bytes)) + procedures.release_message()
    expected = by_state(phases)
    assert seconds["rx"] == pytest.approx(expected["rx"], rel=0.01)
    assert seconds["tx"] == pytest.approx(expected["tx"], rel=0.01)
    assert seconds["waking"] == pytest.approx(1.8)


def test_a_search_without_a_cell_goes_through_the_band(tmp_path: Path) -> None:
    gap = {"start_s": DAY_S, "duration_s": DAY_S}
    life, events = simulate(tmp_path, 3, NetworkConfig.model_validate({"coverage_gaps": [gap]}))
    assert all_delivered(life)
    searches = [event for event in of(events, "net", "search") if DAY_S < event["t"] < 2 * DAY_S]
    procedures = Procedures(load_radio(), load_module("bc660k-gl"), Link())
    one_s = total_s([*procedures.search(), *procedures.scan()])
    assert one_s == 18
    spent_s = life.charge_uah["modem"]["search"] * 3600 / load_module("bc660k-gl").current_ua("search")
    assert spent_s == pytest.approx(one_s * len(searches), rel=0.02)


@pytest.mark.parametrize(("name", "off_percent"), [("default", 3.0), ("short-tau", 2.0), ("no-psm", 3.0)])
def test_plan_and_simulation_agree(tmp_path: Path, name: str, off_percent: float) -> None:
    simulate(tmp_path, 20, NetworkConfig.load(name))
    run = read(tmp_path, Scenario(app="smoke"))
    differences = compare(plan(run.scenario), run)
    total = differences[-1]
    assert total.off_percent == pytest.approx(0.0, abs=off_percent)
    rows = {(one.consumer, one.state): one for one in differences}
    for state in ("deep_sleep", "awake", "rx", "idle_drx_2s56"):
        one = rows.get(("modem", state))
        if one is not None and one.simulated_mah > 0.1:
            assert one.off_percent == pytest.approx(0.0, abs=6.0), state
