"""Capacity, self-discharge, pulses and the stepping battery of the bench."""

from __future__ import annotations

import math

import pytest
from cellkit.model.battery import SECONDS_PER_YEAR, Battery, load_cell

YEAR_H = SECONDS_PER_YEAR / 3600


def test_without_losses_lifetime_is_capacity_over_current() -> None:
    cell = load_cell("ideal")
    assert cell.lifetime_years(100, 0, 0, 20) == pytest.approx(1388.9 / 0.1 / YEAR_H)
    assert cell.lifetime_years(0, 0, 0, 20) == math.inf


def test_self_discharge_alone_never_empties_but_shortens() -> None:
    cell = load_cell("ideal", {"self_discharge_per_year": 0.01})
    lossless = load_cell("ideal").lifetime_years(10, 0, 0, 20)
    life = cell.lifetime_years(10, 0, 0, 20)
    # q' = -I - kq: the same as the sum by years
    left, years, loss = 1388.9, 0.0, -math.log(0.99)
    while left > 0:
        left -= (0.01 * YEAR_H + loss * left) / 1000
        years += 1 / 1000
    assert life == pytest.approx(years, rel=2e-3)
    assert life < lossless


def test_self_discharge_doubles_each_ten_kelvin() -> None:
    cell = load_cell("ideal", {"self_discharge_per_year": 0.001})
    assert cell.loss_per_year(30) == pytest.approx(2 * cell.loss_per_year(20), rel=1e-2)
    assert cell.loss_per_year(10) == pytest.approx(cell.loss_per_year(20) / 2, rel=1e-2)


def test_a_bobbin_cell_cannot_serve_a_modem_s_pulse_in_the_cold() -> None:
    cell = load_cell("ls14500")
    assert cell.serves(100_000, 3000, 20)
    assert not cell.serves(100_000, 3000, -40)
    assert cell.lifetime_years(10, 100_000, 3000, -40) == 0.0


def test_pulse_limit_counts_even_when_the_voltage_would_do() -> None:
    cell = load_cell("ls14500")
    assert cell.voltage_mv(300_000, 20) > 2200
    assert not cell.serves(300_000, 2200, 20)


def test_pulse_ends_the_life_before_the_charge_does() -> None:
    cell = load_cell("ls14500", {"self_discharge_per_year": 0})
    depth = cell.last_depth(200_000, 2700, 20)
    # 3670 - 2.8 * growth * 200 >= 2700 up to a growth of 1.73: between 0.8 (1.3) and 0.95 (2.5)
    assert depth == pytest.approx(0.8 + 0.15 * (970 / 560 - 1.3) / 1.2, abs=0.006)
    full = cell.lifetime_years(50, 0, 2700, 20)
    assert cell.lifetime_years(50, 200_000, 2700, 20) == pytest.approx(full * depth, rel=1e-6)


def test_stepping_gives_the_same_life_as_the_closed_form() -> None:
    cell = load_cell("er18505-spc1520")
    battery, days = Battery(cell, 20), 0
    while battery.remaining_mah > 0:
        battery.draw(40, 86400)
        days += 1
    assert days * 86400 / SECONDS_PER_YEAR == pytest.approx(cell.lifetime_years(40, 0, 0, 20), rel=1e-3)


def test_stepping_battery_sags_and_browns_out_when_worn() -> None:
    battery = Battery(load_cell("ls14500"), 20)
    assert battery.voltage_mv(100_000) == pytest.approx(3670 - 2.8 * 100)
    assert not battery.browns_out(200_000, 2700)
    before = battery.remaining_mah
    battery.draw(50_000, 3600)
    assert before - battery.remaining_mah == pytest.approx(50, abs=0.1)
    battery.draw(50_000, 3600 * 44)
    assert battery.remaining_mah > 0
    assert battery.browns_out(200_000, 2700)
    battery.draw(50_000, 3600 * 44)
    assert (battery.remaining_mah, battery.voltage_mv(1)) == (0, 0)
    assert battery.browns_out(0, 0)


def test_cold_takes_capacity_and_voltage_and_gives_them_back() -> None:
    battery = Battery(load_cell("ls14500"), 20)
    warm = battery.remaining_mah, battery.voltage_mv(100_000)
    battery.temperature_c = -20
    assert battery.remaining_mah == pytest.approx(warm[0] * 0.75)
    assert battery.voltage_mv(100_000) < warm[1]
    battery.temperature_c = 20
    assert (battery.remaining_mah, battery.voltage_mv(100_000)) == warm
