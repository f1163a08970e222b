"""What each module tells of signal, clock, short messages and position, through the firmware in the real VM; what a
module has not is told as such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.modem import families
from cellkit.bench.netconfig import NetworkConfig
from cellkit.bench.rig import BenchConfig
from cellkit.bench.sms import Sms
from cellkit.bench.vrig import VirtualBench
from test_mqtt_tls import PROFILES, there

SCRIPT = Path(__file__).resolve().parents[1] / "device" / "senses.py"
NUMBER, TEXT = "+441632960123", "Fire! 5 € {x}"  # numbers for fiction
FROM, ANSWER = "+441632960999", "hellö €"
LIMIT_S = 600.0
NO_CLOCK = ("luat-air780e",)  # its twin tells the time with +NITZ alone
AT_2026 = 1767225600  # when the bench's network begins


@pytest.mark.parametrize("family", there(*PROFILES))
def test_what_a_module_tells(family: str) -> None:
    network = NetworkConfig()
    job = {"kind": PROFILES[family], "link": {"apn": "test.apn"}, "number": NUMBER, "text": TEXT}
    config = BenchConfig(network=network, modem=families.config(family), files={"job.json": json.dumps(job)})
    with VirtualBench(config) as bench:
        bench.network.sms.send(FROM, ANSWER)
        bench.start([str(SCRIPT)])
        told: dict[str, dict[str, Any]] = {}
        while "done" not in told and bench.clock.now() < LIMIT_S:
            bench.run(1.0)
            told = {e["data"]["ev"]: e["data"] for e in bench.log.each("mcu", "trace")}
        assert "done" in told, bench.log.events[-20:]
        assert told["signal"]["rsrp_dbm"] == network.cell.rsrp_dbm and told["signal"]["rsrq_db"] == network.cell.rsrq_db
        assert told["signal"]["sinr_db"] is None or abs(told["signal"]["sinr_db"] - network.cell.sinr_db) <= 1
        assert told["signal"]["ce_level"] in (None, network.cell.ecl)
        has = told["up"]["capabilities"]
        if family not in NO_CLOCK:
            assert 0 <= told["clock"]["seconds"] - AT_2026 < LIMIT_S, told["clock"]
        if "sms" in has:
            assert told["sms"]["texts"] == [ANSWER] and told["sms"]["numbers"] == [FROM]
            assert bench.network.sms.submitted == [Sms(NUMBER, TEXT)]
        else:
            assert "has no sms" in told["sms"]["missing"]
        for name, capability in (("cell", "cell_location"), ("gnss", "gnss")):
            if capability in has:
                assert abs(told[name]["latitude"] - network.position.latitude) < 0.01, told[name]
                assert abs(told[name]["longitude"] - network.position.longitude) < 0.01, told[name]
            else:
                assert f"has no {capability}" in told[name]["missing"]
