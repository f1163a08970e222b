"""A battery: what it holds at a temperature, what it loses by itself, which pulse it serves, how long it lasts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from cellkit.model.figures import Figure, Strict, above_zero
from cellkit.model.parts import Table, load

SECONDS_PER_YEAR = 365.25 * 86400
_REFERENCE_C = 20.0
_STEPS = 200  # of depth of discharge when the last one that serves the pulse is looked for


class Cell(Strict):
    """A battery as its data file describes it."""

    title: str
    chemistry: str
    capacity_mah: Figure
    open_circuit_mv: Figure
    self_discharge_per_year: Figure
    self_discharge_doubles_k: Figure
    usable_share: Figure
    shelf_life_years: Figure
    capacity_share: Table
    resistance_ohm: Table
    resistance_growth: Table
    pulse_limit_ma: Table

    @model_validator(mode="after")
    def _sane(self) -> Cell:
        above_zero(self, "capacity_mah", "self_discharge_doubles_k", "usable_share")
        if self.self_discharge_per_year.value >= 1 or self.usable_share.value > 1:
            raise ValueError("expected self_discharge_per_year below 1 and usable_share of at most 1")
        return self

    def held_mah(self, temperature_c: float) -> float:
        """What can be drawn at `temperature_c` when nothing is lost, in mAh."""
        return self.capacity_mah.value * self.capacity_share.at(temperature_c) * self.usable_share.value

    def loss_per_year(self, temperature_c: float) -> float:
        """Share of what is left that is lost in a year, as a rate."""
        doublings = (temperature_c - _REFERENCE_C) / self.self_discharge_doubles_k.value
        return -math.log1p(-min(self.self_discharge_per_year.value * 2.0**doublings, 0.99))

    def voltage_mv(self, current_ua: float, temperature_c: float, depth: float = 0.0) -> float:
        """Voltage under `current_ua` when the share `depth` has been drawn."""
        ohm = self.resistance_ohm.at(temperature_c) * self.resistance_growth.at(depth)
        return self.open_circuit_mv.value - ohm * current_ua / 1000

    def serves(self, pulse_ua: float, min_mv: float, temperature_c: float, depth: float = 0.0) -> bool:
        """Whether a pulse leaves the voltage at `min_mv` or more, and is within the cell's own limit."""
        if pulse_ua / 1000 > self.pulse_limit_ma.at(temperature_c):
            return False
        return self.voltage_mv(pulse_ua, temperature_c, depth) >= min_mv

    def last_depth(self, pulse_ua: float, min_mv: float, temperature_c: float) -> float:
        """The share that can be drawn before the pulse causes a brown-out; 0 if it does when the cell is new."""
        for step in range(_STEPS + 1):
            if not self.serves(pulse_ua, min_mv, temperature_c, step / _STEPS):
                return max(0.0, (step - 1) / _STEPS)
        return 1.0

    def lifetime_years(self, mean_ua: float, pulse_ua: float, min_mv: float, temperature_c: float) -> float:
        """Years until the pulse cannot be served or the cell is empty; infinite if nothing is drawn and lost.

        What is left loses a share each year, so q' = -I - k q from q0 down to what stays unusable.
        """
        full_mah = self.held_mah(temperature_c)
        rest_mah = full_mah * (1.0 - self.last_depth(pulse_ua, min_mv, temperature_c))
        drawn_mah = mean_ua / 1000 * SECONDS_PER_YEAR / 3600  # a year's
        loss = self.loss_per_year(temperature_c)
        if rest_mah >= full_mah:
            return 0.0
        if loss < 1e-12:
            return math.inf if drawn_mah <= 0 else (full_mah - rest_mah) / drawn_mah
        if drawn_mah + loss * rest_mah <= 0:
            return math.inf
        return math.log((drawn_mah + loss * full_mah) / (drawn_mah + loss * rest_mah)) / loss


class Battery:
    """One cell in use, for the bench: draws, loses, sags. All in the order of time; temperature may be changed."""

    def __init__(self, cell: Cell, temperature_c: float = _REFERENCE_C) -> None:
        self.cell = cell
        self.temperature_c = temperature_c
        self._gone_share = 0.0

    def draw(self, current_ua: float, seconds: float) -> None:
        """Take `current_ua` for `seconds`, self-discharge included. Below zero is not counted."""
        full_mah = self.cell.held_mah(self.temperature_c)
        drawn_mah = current_ua / 1000 * seconds / 3600
        lost_mah = self.remaining_mah * -math.expm1(
            -self.cell.loss_per_year(self.temperature_c) * seconds / SECONDS_PER_YEAR
        )
        self._gone_share = min(1.0, self._gone_share + (drawn_mah + lost_mah) / full_mah)

    @property
    def remaining_mah(self) -> float:
        """What is left at the present temperature."""
        return self.cell.held_mah(self.temperature_c) * (1.0 - self._gone_share)

    def voltage_mv(self, current_ua: float) -> float:
        """Voltage under `current_ua` now; 0 when empty."""
        if self._gone_share >= 1.0:
            return 0.0
        return max(0.0, self.cell.voltage_mv(current_ua, self.temperature_c, self._gone_share))

    def browns_out(self, pulse_ua: float, min_mv: float) -> bool:
        """Whether a pulse now takes the supply below `min_mv`."""
        if self._gone_share >= 1.0:
            return True
        return not self.cell.serves(pulse_ua, min_mv, self.temperature_c, self._gone_share)


def load_cell(name: str, changes: Mapping[str, Any] | None = None) -> Cell:
    """The battery `name` with `changes`. Raises figures.ModelError."""
    return load(Cell, "battery", name, changes)
