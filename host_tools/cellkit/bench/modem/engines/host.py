"""What an engine needs of the modem that it works in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.faults import Faults
from cellkit.bench.modem.ue import UserEquipment
from cellkit.bench.network import Network


class Host(Protocol):
    """A modem, as engines see it; `Modem` is one."""

    network: Network
    config: ModemConfig
    faults: Faults
    ue: UserEquipment
    at_reset: list[Callable[[], object]]
    """Called when everything volatile is gone."""

    def later(self, delay_s: float, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` after `delay_s` seconds, unless the module restarts first."""
