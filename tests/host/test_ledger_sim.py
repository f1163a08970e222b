"""The devices' own ledgers in virtual time, beside what the bench has measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cellkit.bench.chip import ResetCause
from cellkit.bench.netconfig import Span
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench

DAY_S = 86400
MODEM = ("off", "radio_off", "search", "awake", "connected", "tx", "idle", "psm")
SIREN_UA = 70000  # of the unix board


class Device:
    """A device that runs one app, and the two accounts of its modem."""

    def __init__(self, bench: VirtualBench, app: str) -> None:
        self.bench = bench
        self.told: list[tuple[float, dict[str, Any], float]] = []  # (time, ledger, the bench's own µAh of the modem)
        bench.log.subscribe(self._event)
        bench.start(["-m", f"apps.{app}"])

    def _event(self, event: dict[str, Any]) -> None:
        if event["ev"] == "trace" and event["data"]["ev"] == "ledger":
            self.told.append((event["t"], event["data"], sum(self.bench.modem.meter.charge_uah_by_state().values())))

    def between(self, first: int, last: int) -> tuple[float, float]:
        """µAh of the modem between two accounts: the device's and the bench's."""
        (_, a, bench_a), (_, b, bench_b) = self.told[first], self.told[last]
        return sum(b["charge_uah"][name] - a["charge_uah"][name] for name in MODEM), bench_b - bench_a


@pytest.fixture(params=["meter", "smoke"])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    settings = {"server": "coap://192.0.2.1:5683/r", "t3324_s": 10, "battery_mah": 1000}
    with VirtualBench(BenchConfig(files={"config.json": json.dumps(settings)})) as bench:
        yield Device(bench, request.param)


def test_device_and_bench_agree_about_the_modem(device: Device) -> None:
    device.bench.run(30.5 * DAY_S)
    ours, measured = device.between(1, -1)
    assert len(device.told) == 30 or len(device.told) == 31
    assert abs(ours / measured - 1) < 0.15, (ours, measured)


@pytest.mark.parametrize("kind", ["coverage_gaps", "outages"])
def test_a_week_without_network_is_in_the_account(device: Device, kind: str) -> None:
    setattr(device.bench.network.config, kind, [Span(start_s=5.2 * DAY_S, duration_s=7 * DAY_S)])
    device.bench.clock.call_later(5.2 * DAY_S, device.bench.network.coverage, kind == "outages")
    device.bench.clock.call_later(12.2 * DAY_S, device.bench.network.coverage, True)
    device.bench.run(16.5 * DAY_S)
    ours, measured = device.between(4, -1)
    assert measured > 2 * 11 * 40  # it has cost
    assert abs(ours / measured - 1) < 0.15, (ours, measured)


def test_forecast_is_capacity_over_the_days_charge(device: Device) -> None:
    device.bench.run(20.5 * DAY_S)
    _, last, _ = device.told[-1]
    left_uah = 1000000 - 1000 * last["used_mah"]
    by_itself_uah = 1000000 * 0.01 / 365.25
    assert abs(last["remaining_days"] / (left_uah / (last["day_uah"] + by_itself_uah)) - 1) < 0.05
    packs = [event["records"] for event in device.bench.log.events if event["ev"] == "request"]
    forecasts = [record["value"] for records in packs for record in records if record["name"] == "forecast"]
    assert forecasts[-1] == last["remaining_days"]
    used = [record for records in packs for record in records if record["name"] == "used"]
    assert used[-1]["unit"] == "C" and abs(used[-1]["value"] - 3.6 * last["used_mah"]) < 1.1


def test_the_account_survives_resets_and_loss_of_power(device: Device) -> None:
    for days in (3.5, 3.5, 3.5):
        device.bench.run(days * DAY_S)
        device.bench.mcu.restart(ResetCause.HARD)
    device.bench.run(0.9 * DAY_S)
    device.bench.mcu.power_cut()
    device.bench.mcu.restart(ResetCause.POWER_ON)
    device.bench.run(3 * DAY_S)
    used = [data["used_mah"] for _, data, _ in device.told]
    assert used == sorted(used) and len(used) >= 13
    # What is lost is at most the time since the last account: a day of sleep each time.
    assert 1000 * used[-1] > 0.6 * device.told[-1][2]


def test_the_siren_is_in_the_account() -> None:
    settings = {"server": "coap://192.0.2.1:5683/r", "t3324_s": 10}
    with VirtualBench(BenchConfig(files={"config.json": json.dumps(settings)})) as bench:
        device = Device(bench, "smoke")
        bench.run(1.5 * DAY_S)
        bench.world.press_button()
        bench.run(100)
        bench.world.smoke(2400)
        bench.run(600)
        bench.world.smoke(300)
        bench.run(2 * DAY_S)
        on_s = 0.0
        began = None
        for event in bench.log.events:
            if event["ev"] == "trace" and event["data"]["ev"] == "siren":
                if event["data"]["tone"] in ("alarm", "test"):
                    began = event["t"]
                elif began is not None:
                    on_s, began = on_s + event["t"] - began, None
        assert on_s > 608
        assert abs(device.told[-1][1]["charge_uah"]["siren"] - on_s * SIREN_UA / 3600) < 2 * SIREN_UA / 3600
