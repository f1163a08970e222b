"""A meter in virtual time, and what its server has of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from cellkit.bench.mcucore import McuConfig
from cellkit.bench.netconfig import NetworkConfig
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench
from littlefs import LittleFS

DAY_S = 86400
START_S = 1767225600  # 2026-01-01, as NetworkConfig
HOUSEHOLD = [0] * 6 + [20] * 18  # pulses an hour over the day


class Meter:
    """`with Meter(...) as meter:` a meter with a household's flow, powered at 0 s; `run` lets time pass.

    settings: keys of its config.json. network, mcu: fields of NetworkConfig and McuConfig.
    """

    def __init__(
        self,
        settings: dict[str, Any] | None = None,
        network: dict[str, Any] | None = None,
        mcu: dict[str, Any] | None = None,
        folder: Path | None = None,
        **config: Any,
    ) -> None:
        self.settings = {"server": "coap://192.0.2.1:5683/r", "t3324_s": 10, **(settings or {})}
        self.bench = VirtualBench(
            BenchConfig(
                network=NetworkConfig(**(network or {})),
                mcu=McuConfig(**(mcu or {})),
                files={"config.json": json.dumps(self.settings)},
                **config,
            ),
            folder,
        )

    def __enter__(self) -> Self:
        self.bench.__enter__()
        self.bench.start(["-m", "apps.meter"])
        self.bench.world.flow_profile(HOUSEHOLD)
        return self

    def __exit__(self, *exc: object) -> None:
        self.bench.__exit__(*exc)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.bench.run(seconds)

    def change(self, settings: dict[str, Any]) -> None:
        """Power off, other keys in config.json, power on: as a technician does it."""
        self.bench.mcu.power_cut()
        self.settings |= settings
        content = bytearray(self.bench.flash_file.read_bytes())
        fs = LittleFS(block_size=4096, block_count=64, read_size=32, prog_size=32, lookahead_size=32, mount=False)
        fs.context.buffer[:] = content
        fs.mount()
        with fs.open("config.json", "wb") as f:
            f.write(json.dumps(self.settings).encode())
        self.bench.flash_file.write_bytes(bytes(fs.context.buffer))
        self.bench.start(["-m", "apps.meter"])

    # --- what happened ------------------------------------------------------------------------------------------------

    def traces(self, ev: str, **match: Any) -> list[tuple[float, dict[str, Any]]]:
        """(time, data) of the device's own events of one name."""
        return [
            (event["t"], event["data"])
            for event in self.bench.log.events
            if event["ev"] == "trace" and event["data"]["ev"] == ev and match.items() <= event["data"].items()
        ]

    def packs(self) -> list[tuple[float, int, list[dict[str, Any]]]]:
        """(time, seq, records) of what came to the server, in order, without duplicates."""
        return [
            (event["t"], event["seq"], event["records"])
            for event in self.bench.log.events
            if event["src"] == "server" and event["ev"] == "request" and not event["duplicate"]
        ]

    def records(self, *names: str) -> list[tuple[int, int]]:
        """(UTC, value) of all records at the server with one of these names, in the order in which they came."""
        return [
            (round(record["time_s"]), record["value"])
            for _, _, records in self.packs()
            for record in records
            if record["name"] in names
        ]

    def readings(self) -> list[tuple[int, int]]:
        """(UTC, value) of the readings that the server has."""
        return self.records("r", "r_late")

    def freezes(self) -> list[tuple[int, int]]:
        """(UTC, value) of the daily freezes that the server has."""
        return self.records("day", "day_late")

    def events(self, name: str) -> list[float]:
        """When an alarm came to the server."""
        return [t for t, _, records in self.packs() if records[0]["name"] == name]

    def at_commands(self, start_s: float = 0.0) -> list[str]:
        """What the device said to the modem from `start_s` on, a line each."""
        text = "".join(
            event["data"]
            for event in self.bench.log.events
            if event["src"] == "uart" and event["ev"] == "to_modem" and event["t"] >= start_s
        )
        return [line for line in text.split("\r") if line]

    def failures(self) -> list[Any]:
        """What must not happen: Python errors, failed turns and tasks, lost records, watchdog."""
        bad = {"turn_failed", "task_failed", "record_lost", "comms_failed", "ring_failed", "file_not_stored"}
        return [
            event
            for event in self.bench.log.events
            if event["ev"] in ("console", "wdt", "exit") or (event["ev"] == "trace" and event["data"]["ev"] in bad)
        ]


def household(at_s: float, start_s: int = 0) -> int:
    """Pulses of HOUSEHOLD from the start up to `at_s` seconds after it."""
    days, rest_s = divmod(at_s - start_s, DAY_S)
    return int(days * sum(HOUSEHOLD) + max(0, rest_s - 6 * 3600) * 20 / 3600 + 1e-6)
