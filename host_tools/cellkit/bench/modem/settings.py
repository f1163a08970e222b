"""Settings of a module and how long each lives: in NVRAM for ever, in RAM until a reset, or as they were at boot."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any


class Settings:
    """`nvram` survives a power cut; `ram` survives deep sleep but no reset; `at_boot` is NVRAM as it was at start.

    Names are the commands' own. Reading an unknown name raises KeyError.
    """

    def __init__(self, nvram: Mapping[str, Any], ram: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        unknown = set(changed) - set(nvram)
        if unknown:
            raise KeyError(f"no such NVRAM setting: {sorted(unknown)}; there are {sorted(nvram)}")
        self._ram_factory = deepcopy(dict(ram))
        self.nvram: dict[str, Any] = deepcopy({**nvram, **changed})
        self.ram: dict[str, Any] = deepcopy(self._ram_factory)
        self.at_boot: dict[str, Any] = deepcopy(self.nvram)

    def restart(self) -> None:
        """What a reset does: RAM as from the factory, and what waits for a reboot takes effect."""
        self.ram = deepcopy(self._ram_factory)
        self.at_boot = deepcopy(self.nvram)
