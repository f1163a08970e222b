"""What an operator decides, as data: cell, coverage, policy, radio. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from cellkit.bench import timers
from cellkit.model.figures import guess
from cellkit.model.radio_data import Radio, load_radio

_LONGEST_S = 3.2e9  # a century
Seconds = Annotated[float, Field(ge=0, le=_LONGEST_S)]
Probability = Annotated[float, Field(ge=0, le=1)]

_PAGING_CYCLES_S = (1.28, 2.56, 5.12, 10.24)  # TS 36.331, defaultPagingCycle-NB


class NetworkError(ValueError):
    """A network that is not there or cannot be; the text says what was expected, what came, and what to do."""


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
    by_s: float = Field(ge=-_LONGEST_S, le=_LONGEST_S)


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
    ecl: Literal[0, 1, 2] = 0
    tx_power_dbm: int = 21


class Policy(_Strict):
    """What the operator grants. A request is raised to the next allowed value, or cut to the largest one."""

    roaming: bool = False
    reject_cause: int | None = Field(default=None, ge=1, le=255)  # EMM cause of TS 24.301
    psm: Literal["granted", "refused", "deactivated"] = "granted"
    t3324_allowed_s: tuple[Seconds, ...] = (6, 14, 30, 62, 180)
    t3412_allowed_s: tuple[Seconds, ...] = (10800, 46800, 90000, 216000, 1116000)
    t3412: Literal["granted", "deactivated"] = "granted"  # deactivated: no periodic update at all
    t3412_plain_s: float = Field(default=3240, ge=2, le=11160)  # without an extended value; default of TS 24.301
    edrx: Literal["granted", "refused"] = "granted"
    edrx_min_s: float = 40.96
    edrx_max_s: float = 2621.44
    ptw_s: float = 10.24  # paging time window
    rai: bool = True  # whether release assistance is honoured
    psm_downlink: Literal["queue", "drop"] = "queue"
    psm_queue_packets: int = Field(default=8, ge=1)
    nitz: bool = True  # whether the network tells the time at attach
    utc_offset_quarters: int = Field(default=0, ge=-47, le=48)

    @field_validator("t3324_allowed_s")
    @classmethod
    def _t3324_can_be(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(_granted("T3324", value, timers.encode_t3324, timers.decode_t3324) for value in values)

    @field_validator("t3412_allowed_s")
    @classmethod
    def _t3412_can_be(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if 0 in values:
            raise ValueError("T3412 of 0 s would make the device update for ever; say t3412 = \"deactivated\" for none")
        return tuple(_granted("T3412", value, timers.encode_t3412, timers.decode_t3412) for value in values)

    @field_validator("edrx_min_s", "edrx_max_s")
    @classmethod
    def _edrx_can_be(cls, value: float) -> float:
        return _granted("an eDRX cycle", value, timers.encode_edrx, timers.decode_edrx)

    @field_validator("ptw_s")
    @classmethod
    def _ptw_can_be(cls, value: float) -> float:
        return _granted("a paging time window", value, timers.encode_ptw, timers.decode_ptw)

    @model_validator(mode="after")
    def _cycles_are_in_order(self) -> Self:
        if self.edrx_min_s > self.edrx_max_s:
            raise ValueError(f"edrx_min_s of {self.edrx_min_s:g} s is above edrx_max_s of {self.edrx_max_s:g} s")
        return self


class Position(_Strict):
    """Where the device is, for satellite receivers (`sky`: whether they see any) and for location by cell."""

    latitude: float = Field(default=51.4779, ge=-90, le=90)
    longitude: float = Field(default=-0.0015, ge=-180, le=180)
    altitude_m: float = 47.0
    speed_kmh: float = Field(default=0.0, ge=0)
    course_deg: float = Field(default=0.0, ge=0, lt=360)
    accuracy_m: float = Field(default=2.5, gt=0)
    cell_accuracy_m: float = Field(default=550.0, gt=0)
    sky: bool = True


class NetworkConfig(_Strict):
    """One cell with its core network. `load` reads it from TOML; a wrong or unknown key is named in the error."""

    cell: Cell = Field(default_factory=Cell)
    policy: Policy = Field(default_factory=Policy)
    radio: dict[str, Any] = Field(default_factory=dict)  # changes of the model's radio figures, docs/parameters.md
    coverage_gaps: list[Span] = Field(default_factory=list)  # no cell at all
    outages: list[Span] = Field(default_factory=list)  # cell is there, packets get nowhere
    loss: Probability = 0.0  # of each packet, each way
    seed: int = 1
    ip: str = "10.0.0.7"
    apn: str = "test.apn"
    position: Position = Field(default_factory=Position)
    hosts: dict[str, str] = Field(default_factory=dict)  # names this network's DNS knows
    dns_ipv6: str = ""  # what a name has besides its IPv4 address, where a module tells both
    utc_start_s: float = Field(default=1767225600.0, ge=0, le=4102444800)  # Unix time at the start (2026-01-01)
    clock_jumps: list[ClockJump] = Field(default_factory=list)  # told to devices when they connect next

    _radio: tuple[dict[str, Any], Radio] | None = PrivateAttr(default=None)

    def radio_figures(self) -> Radio:
        """The model's radio figures with this network's changes."""
        if self._radio is None or self._radio[0] is not self.radio:
            self._radio = self.radio, _radio(self.radio)
        return self._radio[1]

    @field_validator("radio")
    @classmethod
    def _radio_can_be(cls, changes: dict[str, Any]) -> dict[str, Any]:
        cycle_s = _radio(changes).idle.drx_cycle_s.value
        if cycle_s not in _PAGING_CYCLES_S:
            raise ValueError(f"idle.drx_cycle_s: expected one of {_PAGING_CYCLES_S}, got {cycle_s:g}")
        return changes

    @field_validator("ip")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return str(IPv4Address(value))

    @field_validator("hosts")
    @classmethod
    def _are_addresses(cls, hosts: dict[str, str]) -> dict[str, str]:
        return {name: str(IPv4Address(value)) for name, value in hosts.items()}

    @classmethod
    def load(cls, name: str | Path) -> NetworkConfig:
        """Read the preset `name`, or a TOML file: what ends in .toml or is a path.

        Raises OSError, or NetworkError that says what is wrong and what there is.
        """
        text = _text(name)
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise NetworkError(f"{name}: {error}") from None
        except ValidationError as error:
            raise NetworkError("\n".join(_said(str(name), one) for one in error.errors())) from None

    @staticmethod
    def presets() -> list[str]:
        """Names of the networks that come with the bench."""
        return sorted(file.name.removesuffix(".toml").replace("_", "-") for file in _presets().iterdir())


def _radio(changes: dict[str, Any]) -> Radio:
    return load_radio(changes) if changes else _plain_radio()


@cache
def _plain_radio() -> Radio:
    return load_radio()


def _presets() -> Traversable:
    return resources.files("cellkit.bench").joinpath("data", "networks")


def _text(name: str | Path) -> str:
    if isinstance(name, Path) or name.endswith(".toml") or "/" in name:
        return Path(name).read_text(encoding="utf-8")
    known = NetworkConfig.presets()
    if name not in known:
        raise NetworkError(
            f"unknown network {name!r}; there are {', '.join(known)}{guess(name, known)} (a file's name ends in .toml)"
        )
    return _presets().joinpath(name.replace("-", "_") + ".toml").read_text(encoding="utf-8")


def _granted(name: str, value: float, encode: Callable[[float], str], decode: Callable[[str], float | None]) -> float:
    """`value` if a code exists for it. Raises ValueError."""
    above = decode(encode(value))
    if above is None or abs(above - value) > 0.005:
        raise ValueError(f"{name} of {value:g} s cannot be: there is no code for it; the next that has is {above} s")
    return value


def _said(name: str, error: Any) -> str:
    """An error of pydantic in words."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = list(_keys(NetworkConfig))
        return f"{name}: unknown key {where}{guess(where, known)}; there are {', '.join(_beside(where, known))}"
    return f"{name}: {where}: {error['msg'].removeprefix('Value error, ')} (got {error.get('input')!r})"


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for key, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{key}.")
        else:
            yield prefix + key


def _beside(where: str, known: list[str]) -> list[str]:
    parent = where.rpartition(".")[0]
    beside = [key for key in known if key.rpartition(".")[0] == parent] if parent else []
    return beside or sorted({key.partition(".")[0] for key in known})
