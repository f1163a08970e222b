"""The same app, the same happenings, once in wall time and once in virtual time: the same order of events.

A day is compressed by configuration: a heartbeat each minute, and a test, a fire and a removal within it.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from cellkit.bench.log import Event
from cellkit.bench.network import NetworkConfig, Policy
from cellkit.bench.rig import Bench, BenchConfig
from cellkit.bench.vrig import VirtualBench
from cellkit.bench.world import World
from cellkit.server import AlarmServer

LENGTH_S = 85.0
# Each comes while the modem sleeps and nothing else is due (heartbeats at 1 and 62 s), so that no order hangs on ms.
HAPPENINGS: tuple[tuple[float, str, tuple[Any, ...]], ...] = (
    (22.0, "press_button", ()),
    (38.0, "smoke", (2400,)),
    (46.0, "smoke", (300,)),
    (71.0, "tamper", (True,)),
)


def configuration(server: str) -> BenchConfig:
    device = {"server": server, "apn": "test.apn", "heartbeat_s": 60, "t3324_s": 4, "t3412_s": 86400}
    network = NetworkConfig(policy=Policy(t3324_allowed_s=(4, 6)))
    return BenchConfig(network=network, files={"config.json": json.dumps(device)})


async def in_wall_time(folder: Path) -> list[Event]:
    async with Bench(configuration("coap://127.0.0.1:1/alarm"), folder) as bench, AlarmServer(bench.log) as server:
        uri = f"coap://127.0.0.1:{server.port}/alarm"
        (bench.flash / "config.json").write_text(str(configuration(uri).files["config.json"]))
        await bench.start("apps.smoke")
        for at_s, name, args in HAPPENINGS:
            bench.clock.call_later(at_s - bench.clock.now(), getattr(bench.world, name), *args)
        await asyncio.sleep(LENGTH_S)
        return list(bench.log.events)


def in_virtual_time(folder: Path) -> list[Event]:
    with VirtualBench(configuration("coap://127.0.0.1:5683/alarm"), folder) as bench:
        bench.start(["-m", "apps.smoke"])
        world: World = bench.world
        for at_s, name, args in HAPPENINGS:
            bench.clock.call_later(at_s, getattr(world, name), *args)
        bench.run(LENGTH_S)
        return list(bench.log.events)


def commands(events: list[Event]) -> list[str]:
    """The AT commands, without their payload, ports and message ids."""
    sent = "".join(event["data"] for event in events if (event["src"], event["ev"]) == ("uart", "to_modem"))
    plain = (re.sub(r"(QISEND=0,).*|(QIOPEN=).*", r"\1\2", command) for command in sent.split("\r"))
    return [command for command in plain if command not in ("", "AT")]  # how often a waking modem is asked is timing


def told(events: list[Event]) -> list[str]:
    """The device's own account, without times."""
    names = ("ev", "name", "value", "to", "state", "seq", "prio", "code", "t3324_s", "t3412_s", "on", "tone")
    traces = (event["data"] for event in events if event["ev"] == "trace")
    return [" ".join(str(data[name]) for name in names if name in data) for data in traces]


def network(events: list[Event]) -> list[str]:
    """What the network saw."""
    return [f"{event['ev']} {event.get('state', '')}".strip() for event in events if event["src"] == "net"]


def received(events: list[Event]) -> list[tuple[int, Any, Any]]:
    """What the server was told: number, name and value."""
    requests = (event for event in events if (event["src"], event["ev"]) == ("server", "request"))
    return [(request["seq"], request["records"][0]["name"], request["records"][0]["value"]) for request in requests]


def test_one_day_has_the_same_order_of_events_in_both(tmp_path: Path) -> None:
    wall = asyncio.run(in_wall_time(tmp_path / "wall"))
    virtual = in_virtual_time(tmp_path / "virtual")
    assert received(virtual) == received(wall)
    assert {name for _, name, _ in received(wall)} >= {"boot", "test", "fire", "tamper", "heartbeat"}
    assert commands(virtual) == commands(wall)
    assert told(virtual) == told(wall)
    assert network(virtual) == network(wall)
