"""What is asked: a device, its battery, how often it reports, the timers granted. And the device behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cellkit.bench import timers
from cellkit.model import figures
from cellkit.model.battery import Cell, load_cell
from cellkit.model.figures import ModelError
from cellkit.model.parts import App, Mcu, Module, load_app, load_mcu, load_module
from cellkit.model.radio import Link, Procedures
from cellkit.model.radio_data import Radio, load_radio
from cellkit.plan.durations import spell

Changes = Mapping[str, Mapping[str, Any]]
_COLDEST_C, _HOTTEST_C = -60.0, 125.0


@dataclass(frozen=True)
class Scenario:
    """The inputs of a plan. Timers are as granted. `t3324_s` None: PSM refused; `t3412_s` None: no periodic update.

    `response_bytes` None: no answer is awaited. `battery_wh` replaces the battery's capacity, at the module's supply
    voltage. `changes` overrides figures by kind (`radio`, `module`, `mcu`, `app`,
    `battery`) and dotted key. `between` "off" cuts the module's supply between reports instead of using PSM.
    """

    module: str = "bc660k-gl"
    mcu: str = "stm32l4"
    app: str = "report"
    battery: str = "er18505-spc1520"
    interval_s: float = 86400.0
    payload_bytes: float = 50.0
    response_bytes: float | None = 0.0
    t3324_s: float | None = 10.0
    t3412_s: float | None = 1116000.0
    edrx_s: float | None = None
    ptw_s: float = 10.24
    ce: Literal[0, 1, 2] = 0
    rai: bool = True
    attempts: float = 1.0
    temperature_c: float = 20.0
    events_per_year: float = 0.0
    between: Literal["psm", "off"] = "psm"
    battery_wh: float | None = None
    changes: Changes = field(default_factory=dict)

    def changed(self, kind: str, path: str, value: Any) -> Scenario:
        """The same with one more figure overridden."""
        changes = {**self.changes, kind: {**self.changes.get(kind, {}), path: value}}
        return replace(self, changes=changes)


def check(scenario: Scenario) -> None:
    """Refuse what cannot be. Raises ModelError that says what was expected, what came, and what to do."""
    numbers = (
        ("interval", scenario.interval_s, 1.0, 366 * 86400.0),
        ("payload", scenario.payload_bytes, 0.0, 65507.0),
        ("attempts", scenario.attempts, 1.0, 100.0),
        ("temperature", scenario.temperature_c, _COLDEST_C, _HOTTEST_C),
        ("events per year", scenario.events_per_year, 0.0, 1e6),
    )
    for name, value, least, most in numbers:
        if not least <= value <= most:
            raise ModelError(f"{name}: expected {least:g} to {most:g}, got {value:g}")
    if scenario.ce not in (0, 1, 2):
        raise ModelError(f"CE level: expected 0, 1 or 2, got {scenario.ce}")
    if scenario.response_bytes is not None and not 0 <= scenario.response_bytes < math.inf:
        raise ModelError(f"response: expected 0 bytes or more, got {scenario.response_bytes:g}")
    _check_timer("T3324", scenario.t3324_s, timers.encode_t3324, timers.decode_t3324, "2 s, 1 min or 6 min")
    units = "2 s, 30 s, 1 min, 10 min, 1 h, 10 h or 320 h"
    _check_timer("T3412", scenario.t3412_s, timers.encode_t3412, timers.decode_t3412, units)
    if scenario.t3412_s == 0:
        raise ModelError("T3412: expected more than 0 s, or `deactivated`; with 0 the device would update for ever")
    _check_edrx(scenario)


def _check_timer(name: str, seconds: float | None, encode: Any, decode: Any, units: str) -> None:
    if seconds is None:
        return
    if seconds < 0:
        raise ModelError(f"{name}: expected 0 s or more, got {seconds:g} s")
    try:
        above = decode(encode(seconds))
    except ValueError as error:
        raise ModelError(f"{name}: {error}") from None
    if name == "T3412" and _is_plain(seconds):
        return
    if above != seconds:
        raise ModelError(
            f"{name}: {spell(seconds)} cannot be granted: it has 5 bits of {units}; the next that can is {spell(above)}"
        )


def _is_plain(seconds: float) -> bool:
    """Whether the plain T3412 of TS 24.008 10.5.7.3, which holds without an extended one, has this value."""
    return any(seconds % unit_s == 0 and seconds <= 31 * unit_s for unit_s in (2, 60, 360))


def _check_edrx(scenario: Scenario) -> None:
    if scenario.edrx_s is None:
        return
    try:
        cycle_s = timers.decode_edrx(timers.encode_edrx(scenario.edrx_s))
    except ValueError as error:
        raise ModelError(f"eDRX: {error}") from None
    if cycle_s is None or abs(cycle_s - scenario.edrx_s) > 0.005:
        raise ModelError(
            f"eDRX: NB-IoT has no cycle of {scenario.edrx_s:g} s; it has 20.48 s times 1, 2, 4 and so on up to "
            f"512; the next is {cycle_s:g} s"
        )
    steps = scenario.ptw_s / 2.56
    if not 1 <= round(steps) <= 16 or abs(steps - round(steps)) > 0.01 or scenario.ptw_s > scenario.edrx_s:
        raise ModelError(f"PTW: expected a multiple of 2.56 s up to 40.96 s and the cycle, got {scenario.ptw_s:g} s")


@dataclass(frozen=True)
class Device:
    """A scenario with its data files read."""

    scenario: Scenario
    radio: Radio
    module: Module
    mcu: Mcu
    app: App
    cell: Cell
    procedures: Procedures

    @property
    def pulse_ua(self) -> float:
        """The highest current that the battery must serve: the module's burst with the MCU running."""
        return self.module.supply.pulse_ua.value + self.mcu.current["run"].current_ua(self.mcu.supply_mv.value)


def build(scenario: Scenario) -> Device:
    """Read all that a scenario names. Raises ModelError."""
    check(scenario)
    unknown = set(scenario.changes) - set(figures.KINDS)
    if unknown:
        raise ModelError(f"unknown kind of parameter {sorted(unknown)}; there are {', '.join(figures.KINDS)}")
    radio = load_radio(scenario.changes.get("radio"))
    module = load_module(scenario.module, scenario.changes.get("module"))
    battery = dict(scenario.changes.get("battery", {}))
    if scenario.battery_wh is not None:
        battery["capacity_mah"] = scenario.battery_wh * 1e6 / module.supply_mv()
    link = Link(scenario.ce, scenario.rai, scenario.t3324_s, scenario.edrx_s, scenario.ptw_s)
    return Device(
        scenario=scenario,
        radio=radio,
        module=module,
        mcu=load_mcu(scenario.mcu, scenario.changes.get("mcu")),
        app=load_app(scenario.app, scenario.changes.get("app")),
        cell=load_cell(scenario.battery, battery),
        procedures=Procedures(radio, module, link),
    )
