"""A virtual module of the generic family, or one made from it, on manual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cellkit.bench.log import EventLog
from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.families.generic import Module
from cellkit.bench.modem.family import Handler
from cellkit.bench.modem.modem import Modem
from cellkit.bench.modem.power import Mode
from cellkit.bench.network import Network, NetworkConfig
from modem_rig import FakeGateway, ManualClock, ModemRig

PSM = 'AT+CPSMS=1,,,"00000110","00000101"'  # one hour, 10 s


class TwinRig(ModemRig):
    """A generic module; `changes` are class attributes of its family, `commands` its own commands."""

    def __init__(self, commands: dict[str, Handler | None] | None = None, **changes: Any) -> None:
        self.clock = ManualClock()
        self.log = EventLog(None, self.clock)
        self.gateway = FakeGateway()
        network = {"policy": {"t3324_allowed_s": [10], "t3412_allowed_s": [3600]}}
        self.network = Network(self.clock, self.log, NetworkConfig.model_validate(network), self.gateway)
        self.tx = bytearray()
        self.said_at = []
        nvram = changes.pop("nvram", {})
        own = type("Made", (Module,), {**changes, "commands": lambda modem: commands or {}})
        self.config = ModemConfig.load("generic", nvram=nvram, **changes.pop("config", {}))
        self.modem: Modem = own(self.clock, self.log, self.network, self.config, self._said)

    def asleep(self) -> None:
        """Registered, then in deep sleep."""
        self.attach(PSM)
        self.wait(lambda: self.modem.power.mode is Mode.DEEP_SLEEP, 120.0)
        self.tx.clear()

    def asleep_again(self) -> None:
        """Leave it alone until it sleeps deeply."""
        self.wait(lambda: self.modem.power.mode is Mode.DEEP_SLEEP, 120.0)
        self.tx.clear()

    def wait(self, ready: Callable[[], object], limit_s: float) -> None:
        """Until `ready()`."""
        for _ in range(round(limit_s * 10)):
            if ready():
                return
            self.clock.advance(0.1)
        raise AssertionError(f"not within {limit_s} s; the module is in {self.modem.power.mode}")

    def press(self, hold_s: float) -> None:
        """PWRKEY low for `hold_s`."""
        self.modem.pin("PWRKEY", 0)
        self.clock.advance(hold_s)
        self.modem.pin("PWRKEY", 1)
