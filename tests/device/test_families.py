"""The smoke app from end to end on each NB-IoT family, in virtual time: fire, siren, record at the server, its 2.04,
asleep again; and once more, from sleep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.modem import families
from cellkit.bench.network import NetworkConfig, Policy
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench

NB = (
    "quectel-bc26", "quectel-bc95", "quectel-bc660k", "quectel-bg9x", "simcom-sim7020", "simcom-sim7080",
    "ublox-sara-r", "ublox-sara-n2", "nordic-nrf91", "sequans-gm02s", "chinamobile-m5311", "telit-me310",
)  # fmt: skip
MODULES = [module for family in NB if family in families.names() for module in families.modules(family)]
DEVICE = {"server": "coap://127.0.0.1:5683/alarm", "apn": "test.apn", "t3324_s": 6, "t3412_s": 86400}
PROFILES = Path(__file__).resolve().parents[2] / "firmware" / "cellular" / "modem" / "profiles"
FIRST_S = 300.0
CALM_S = 600.0


def test_profiles_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in PROFILES.glob("*.py")}
    assert len(lengths) > 30
    assert {name: lines for name, lines in lengths.items() if lines >= 150} == {}


class Rig:
    """A smoke alarm with one module."""

    def __init__(self, module: str) -> None:
        network = NetworkConfig(policy=Policy(t3324_allowed_s=(4, 10)))
        self.bench = VirtualBench(
            BenchConfig(network=network, modem=families.config(module), files={"config.json": json.dumps(DEVICE)})
        )

    def events(self, src: str, ev: str) -> list[dict[str, Any]]:
        return self.bench.log.each(src, ev)

    def until(self, what: str, condition: Any, limit_s: float) -> float:
        """Let time pass until `condition()`; returns how long it took. Fails with what was said last."""
        clock = self.bench.clock
        began = clock.now()
        while not condition():
            if clock.now() - began >= limit_s:
                last = "\n".join(str(event)[:240] for event in self.bench.log.events[-70:])
                raise AssertionError(f"no {what} within {limit_s} s; last events:\n{last}")
            self.bench.run(0.5)
        return float(clock.now() - began)

    def fires(self) -> int:
        """How many records of a fire the server has answered with 2.04."""
        answered = len([event for event in self.events("server", "response") if event["code"] == "2.04"])
        requests = self.events("server", "request")[:answered]
        return len([r for event in requests for r in event["records"] if r["name"] == "fire" and r["value"] is True])

    def siren(self) -> bool:
        pins = [event for event in self.events("mcu", "pin") if event["pin"] == "SIREN"]
        return bool(pins and pins[-1]["value"])

    def is_in_psm(self) -> bool:
        states = [event["state"] for event in self.events("net", "psm")]
        return bool(states and states[-1] == "enter")


@pytest.mark.parametrize("module", MODULES)
def test_a_fire_reaches_the_server_and_the_module_sleeps_again(module: str) -> None:
    rig = Rig(module)
    with rig.bench as bench:
        bench.start(["-m", "apps.smoke"])
        rig.until("first record", lambda: rig.events("server", "response"), FIRST_S)
        rig.until("PSM", rig.is_in_psm, CALM_S)
        for fires in (1, 2):
            before = rig.fires()
            bench.world.smoke(2400)
            assert rig.until("siren", rig.siren, 10.0) < 10.0
            rig.until("fire at the server", lambda seen=before: rig.fires() > seen, 120.0)
            bench.world.smoke(300)
            bench.run(60.0)
            rig.until("PSM", rig.is_in_psm, CALM_S)
        resets = [event for event in rig.events("mcu", "trace") if event["data"]["ev"] == "modem_reset"]
        assert not resets, resets
