"""The parts of a device as their data files describe them: module, MCU, app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError, model_validator

from cellkit.model import figures
from cellkit.model.figures import Draw, Figure, ModelError, Strict, above_zero

T = TypeVar("T", bound=Strict)


class Table(Strict):
    """Pairs of (where, value); between them a straight line, outside them the nearest row."""

    table: tuple[tuple[float, float], ...]
    source: str

    def at(self, where: float) -> float:
        """The value at `where`."""
        return interpolate(self.table, where)


class ModuleTiming(Strict):
    """How long the module itself takes, in seconds."""

    boot_s: Figure
    wake_s: Figure
    at_session_s: Figure
    sleep_lock_s: Figure


class Supply(Strict):
    """The module at its supply: voltage that the figures hold for, least it works with, peak current of a burst."""

    nominal_mv: Figure
    min_mv: Figure
    pulse_ua: Figure


class Module(Strict):
    """A cellular module."""

    title: str
    supply: Supply
    timing: ModuleTiming
    current: dict[str, Draw]
    tx_by_power: Table | None = None  # µA by dBm

    @model_validator(mode="after")
    def _states(self) -> Module:
        above_zero(self.supply, "nominal_mv")
        unknown = set(self.current) - set(figures.MODULE_STATES)
        if unknown:
            raise ValueError(f"unknown states {sorted(unknown)}; there are {sorted(figures.MODULE_STATES)}")
        if not {"tx", "deep_sleep"} <= set(self.current):
            raise ValueError("expected at least the states tx and deep_sleep")
        for one_of in (("connected", "connected_sleep"), ("rx", "connected"), ("light_sleep", "idle_drx_2s56")):
            if not set(one_of) & set(self.current):
                raise ValueError(f"expected a current for one of {one_of}")
        return self

    def current_ua(self, state: str, tx_dbm: float | None = None) -> float:
        """µA in a state; `tx` at `tx_dbm` where the currents by power are known."""
        if state == "tx" and tx_dbm is not None and self.tx_by_power is not None:
            return self.tx_by_power.at(tx_dbm)
        return self.current[state].current_ua(self.supply.nominal_mv.value)

    def supply_mv(self) -> float:
        """The voltage that currents and powers hold for."""
        return self.supply.nominal_mv.value


class Mcu(Strict):
    """A microcontroller with MicroPython."""

    title: str
    supply_mv: Figure
    boot_s: Figure
    session_run_s: Figure
    turn_run_s: Figure
    current: dict[str, Draw]

    @model_validator(mode="after")
    def _states(self) -> Mcu:
        above_zero(self, "supply_mv")
        wanted = {"run", "idle", "light_sleep", "deep_sleep"}
        if set(self.current) != wanted:
            raise ValueError(f"expected the states {sorted(wanted)}, got {sorted(self.current)}")
        return self


class App(Strict):
    """What an app does when it does not report: `rest` is the MCU's state then, `current` the loads beside the MCU.

    `output`: what each output of the board draws while it is high; `standing` are those that are high all the time, the
    planner has the others in `event_load_mah`.
    """

    title: str
    rest: str
    wakes_per_day: Figure
    run_s_per_wake: Figure
    boots_per_wake: Figure
    current: dict[str, Draw]
    output: dict[str, Draw] = {}
    standing: tuple[str, ...] = ()
    event_load_mah: Figure

    @model_validator(mode="after")
    def _rest(self) -> App:
        if self.rest not in ("idle", "light_sleep", "deep_sleep"):
            raise ValueError(f"rest: expected idle, light_sleep or deep_sleep, got {self.rest!r}")
        if set(self.standing) - set(self.output):
            raise ValueError(f"standing: expected some of {sorted(self.output)}, got {list(self.standing)}")
        return self


def interpolate(rows: tuple[tuple[float, float], ...], at: float) -> float:
    """Value of a table at `at`: a straight line between rows, the nearest row outside them."""
    rows = tuple(sorted(rows))
    if at <= rows[0][0]:
        return rows[0][1]
    for (x0, y0), (x1, y1) in zip(rows, rows[1:], strict=False):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return rows[-1][1]


def load_module(name: str, changes: Mapping[str, Any] | None = None) -> Module:
    """The module `name` with `changes` (see `figures.override`). Raises ModelError."""
    return load(Module, "module", name, changes)


def load_mcu(name: str, changes: Mapping[str, Any] | None = None) -> Mcu:
    """The MCU `name` with `changes`. Raises ModelError."""
    return load(Mcu, "mcu", name, changes)


def load_app(name: str, changes: Mapping[str, Any] | None = None) -> App:
    """The app `name` with `changes`. Raises ModelError."""
    return load(App, "app", name, changes)


def load(kind: type[T], word: str, name: str, changes: Mapping[str, Any] | None) -> T:
    """A data file as `kind`, with `changes`. Raises ModelError."""
    table = figures.read(word, name)
    figures.override(table, changes or {}, word, "set by the caller")
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        raise figures.problem(error, f"{word} {name}") from None


__all__ = ["App", "Mcu", "Module", "ModelError", "interpolate", "load", "load_app", "load_mcu", "load_module"]
