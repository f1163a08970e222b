"""What an operator decides, as data: cell, coverage, policy, delays. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Seconds = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Span(_Strict):
    """A time during which something is missing, in seconds since the bench started."""

    start_s: Seconds
    duration_s: Seconds

    def covers(self, at_s: float) -> bool:
        return self.start_s <= at_s < self.start_s + self.duration_s


class ClockJump(_Strict):
    """The network's clock is corrected by `by_s` seconds, at `at_s` seconds since the bench started."""

    at_s: Seconds
    by_s: float


class Cell(_Strict):
    """The serving cell as the device measures it. Defaults: a real one, sources in docs/bench.md."""

    plmn: str = Field(default="23415", pattern=r"^\d{5,6}$")
    tac: str = Field(default="0001", pattern=r"^[0-9A-F]{4}$")
    ci: str = Field(default="0000ABCD", pattern=r"^[0-9A-F]{8}$")
    earfcn: int = 6254
    earfcn_offset: int = Field(default=12, ge=0, le=21)
    pci: int = Field(default=299, ge=0, le=503)
    band: int = 20
    operation_mode: int = Field(default=2, ge=0, le=3)
    rsrp_dbm: int = -102
    rsrq_db: float = -8.0
    rssi_dbm: int = -94
    sinr_db: int = 5
    ecl: int = Field(default=0, ge=0, le=2)
    tx_power_dbm: int = 21
    drx_cycle_s: float = 2.56

    @field_validator("drx_cycle_s")
    @classmethod
    def _known_cycle(cls, value: float) -> float:
        if value not in (1.28, 2.56):
            raise ValueError(f"paging cycle must be 1.28 or 2.56 s (the ones with a known current), got {value}")
        return value


class Policy(_Strict):
    """What the operator grants. A request is raised to the next allowed value, or cut to the largest one."""

    roaming: bool = False
    reject_cause: int | None = Field(default=None, ge=1, le=255)  # EMM cause of TS 24.301
    psm: Literal["granted", "refused", "deactivated"] = "granted"
    t3324_allowed_s: tuple[Seconds, ...] = (6, 14, 30, 62, 180)
    t3412_allowed_s: tuple[Seconds, ...] = (10800, 46800, 90000, 187200, 1116000)
    t3412_plain_s: Seconds = 3240  # without an extended value: the default of TS 24.301, 54 min
    edrx: Literal["granted", "refused"] = "granted"
    edrx_min_s: float = 40.96
    edrx_max_s: float = 2621.44
    ptw: str = Field(default="0011", pattern=r"^[01]{4}$")
    rai: bool = True  # whether release assistance is honoured
    psm_downlink: Literal["queue", "drop"] = "queue"
    psm_queue_packets: int = Field(default=8, ge=1)
    nitz: bool = True  # whether the network tells the time at attach
    utc_offset_quarters: int = Field(default=0, ge=-47, le=48)


class Delays(_Strict):
    """Times of the radio and the core in seconds; a cell in good coverage is quicker than most."""

    search_s: Seconds = 2.0
    attach_s: Seconds = 1.5
    ip_after_attach_s: Seconds = 0.2
    tau_s: Seconds = 0.5
    detach_s: Seconds = 0.5
    rrc_setup_s: Seconds = 0.3
    rrc_inactivity_s: Seconds = 10.0
    rai_release_s: Seconds = 0.3
    uplink_s: Seconds = 0.15
    downlink_s: Seconds = 0.15
    dns_s: Seconds = 0.3
    scan_s: Seconds = 30.0  # AT+COPS=?; about 300 s on a real module
    uplink_bps: float = Field(default=15600, gt=0)  # NB1 single tone, before repetitions
    uplink_overhead_bytes: int = Field(default=60, ge=0)  # headers and signalling sent along with a datagram
    repetitions: int = Field(default=1, ge=1)  # coverage enhancement repeats every uplink block


class NetworkConfig(_Strict):
    """One cell with its core network. `load` reads it from TOML; a wrong or unknown key is named in the error."""

    cell: Cell = Field(default_factory=Cell)
    policy: Policy = Field(default_factory=Policy)
    delays: Delays = Field(default_factory=Delays)
    coverage_gaps: list[Span] = Field(default_factory=list)  # no cell at all
    outages: list[Span] = Field(default_factory=list)  # cell is there, packets get nowhere
    loss: Probability = 0.0  # of each packet, each way
    seed: int = 1
    ip: str = "10.0.0.7"
    apn: str = "test.apn"
    hosts: dict[str, str] = Field(default_factory=dict)  # names this network's DNS knows
    utc_start_s: float = 1767225600.0  # Unix time when the bench starts (2026-01-01)
    clock_jumps: list[ClockJump] = Field(default_factory=list)  # told to devices when they connect next

    @classmethod
    def load(cls, path: Path) -> NetworkConfig:
        """Read TOML. Raises OSError, tomllib.TOMLDecodeError or pydantic.ValidationError."""
        return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
