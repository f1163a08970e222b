"""A virtual modem in virtual time whose engines talk to real servers: time stands still while these answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cellkit.bench.clock import VirtualClock
from cellkit.bench.gateways import StandstillGateway
from cellkit.bench.log import EventLog
from cellkit.bench.modem import ModemConfig, VirtualModem, families
from cellkit.bench.modem.engines.links import Link, Links
from cellkit.bench.modem.power import Mode
from cellkit.bench.network import Network, NetworkConfig
from servers import NAME

PATIENCE_S = 30.0  # of wall time, for what a server does by itself


class EngineRig:
    """A modem that is registered, and its sockets."""

    def __init__(self, gateway: Any = None, **network: Any) -> None:
        self.clock = VirtualClock()
        self.log = EventLog(None, self.clock)
        config = NetworkConfig.model_validate({"hosts": {NAME: "127.0.0.1"}, **network})
        self.network = Network(self.clock, self.log, config, gateway or StandstillGateway())
        self.said = bytearray()
        self.modem = VirtualModem(self.clock, self.log, self.network, ModemConfig.load(), self.said.extend)
        self.modem.supply(True)
        self.links = Links(self.modem)
        self.run(lambda: self.modem.ue.grant.ip, 120.0, "an address")

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.clock.run_until(self.clock.now_us + round(seconds * 1e6))

    def run(self, condition: Callable[[], object], limit_s: float, what: str) -> None:
        """Let virtual time pass until `condition()`, at most `limit_s` seconds."""
        end_s = self.clock.now() + limit_s
        while not condition():
            assert self.clock.now() < end_s, f"no {what} within {limit_s} s"
            self.pass_time(0.05)

    def meet(self, condition: Callable[[], object], what: str) -> None:
        """As `run`, for what depends on a server's own time too."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"no {what} within {PATIENCE_S} s"
            self.pass_time(0.5)
            time.sleep(0.002)

    def open(self, number: int, kind: Any, host: str, port: int, **more: Any) -> tuple[str, Link]:
        """Open a link and wait for the outcome."""
        outcomes: list[str] = []
        link = self.links.open(number, kind, host, port, outcomes.append, **more)
        assert not outcomes, "open called back before it returned"
        self.run(lambda: outcomes, 200.0, "outcome")
        self.pass_time(100.0)
        assert len(outcomes) == 1, f"more than one outcome: {outcomes}"
        return outcomes[0], link


class ModuleRig(EngineRig):
    """A virtual module of any family, and a terminal at its port."""

    end = b"\r"
    finals: tuple[str, ...] = ("OK", "ERROR", ">", "DOWNLOAD", "+CME ERROR")
    """What a command is over with, unless its test says something else."""
    type_finals: tuple[str, ...] = ("OK", "ERROR")
    type_after_s = 0.0
    """How long it is quiet before data are typed behind a prompt."""

    modem: Any

    def make(self, config: ModemConfig, gateway: Any = None, **network: Any) -> None:
        """The module without supply, and its network."""
        self.clock = VirtualClock()
        self.log = EventLog(None, self.clock)
        network_config = NetworkConfig.model_validate({"hosts": {NAME: "127.0.0.1"}, **network})
        self.network = Network(self.clock, self.log, network_config, gateway or StandstillGateway())
        self.said = bytearray()
        self.config = config
        self.modem = families.make(self.clock, self.log, self.network, config, self.said.extend)

    def press(self, hold_s: float) -> None:
        """PWRKEY low for so long."""
        self.modem.pin("PWRKEY", 0)
        self.pass_time(hold_s)
        self.modem.pin("PWRKEY", 1)

    def lines(self) -> list[str]:
        """What was said since it was last forgotten."""
        return [line for line in self.said.decode("latin-1").split("\r\n") if line]

    def at(self, command: str, *wanted: str) -> list[str]:
        """A command: its lines, up to one that begins with one of `wanted`, or else a final or a prompt."""
        self.said.clear()
        self.modem.rx(command.encode("latin-1") + self.end)
        return self.until(*(wanted or self.finals))

    def type(self, data: bytes, *wanted: str) -> list[str]:
        """Data behind a prompt."""
        self.pass_time(self.type_after_s)
        self.said.clear()
        self.modem.rx(data)
        return self.until(*(wanted or self.type_finals))

    def until(self, *wanted: str) -> list[str]:
        """The lines said since the last command, once one begins with one of `wanted`."""

        def there() -> bool:
            return any(line.startswith(wanted) for line in self.lines())

        for _ in range(10):  # most answers come at once; `meet` takes large steps
            if not there():
                self.pass_time(0.02)
        self.meet(there, f"line with {wanted}")
        return self.lines()

    def ok(self, command: str) -> list[str]:
        """A command that works: what it tells."""
        lines = self.at(command)
        assert lines[-1] == "OK", f"{command} was answered {lines}"
        return lines[:-1]

    def deep(self, limit_s: float = 200.0) -> None:
        """Wait for deep sleep."""
        self.run(lambda: self.modem.power.mode is Mode.DEEP_SLEEP, limit_s, "deep sleep")
