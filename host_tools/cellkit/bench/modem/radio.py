"""What a module and its radio tell each other."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Stat(IntEnum):
    """<stat> of CEREG, TS 27.007."""

    NOT_REGISTERED = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5


class Events(Protocol):
    """What the module hears from its radio."""

    def registration_changed(self) -> None: ...

    def rrc_changed(self) -> None: ...

    def psm_changed(self) -> None: ...

    def address_assigned(self) -> None: ...

    def edrx_changed(self) -> None: ...

    def time_came(self) -> None: ...

    def downlink_came(self, flow: int, data: bytes) -> None: ...

    def radio_changed(self) -> None: ...
