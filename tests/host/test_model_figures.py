"""The energy model's data files: complete, sourced, refused when wrong; docs/parameters.md is made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cellkit.model import document, figures
from cellkit.model.battery import load_cell
from cellkit.model.figures import KINDS, MODULE_STATES, ModelError
from cellkit.model.parts import interpolate, load_app, load_mcu, load_module
from cellkit.model.radio_data import load_radio

ROOT = Path(__file__).resolve().parents[2]
LOADERS: dict[str, Any] = {"module": load_module, "mcu": load_mcu, "app": load_app, "battery": load_cell}
ALL = [(kind, name) for kind in LOADERS for name in figures.names(kind)]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_data_file_loads_and_every_figure_has_a_source(kind: str, name: str) -> None:
    assert LOADERS[kind](name).title
    found = list(figures.paths(figures.read(kind, name)))
    assert found
    assert [path for path, figure in found if len(figure["source"]) < 4] == []


def test_radio_loads_and_its_table_grows_with_index_and_size() -> None:
    table = load_radio().physical.block_bits.table
    units = load_radio().physical.block_units.table
    assert len(table) == 13 and all(len(row) == len(units) for row in table)
    assert all(list(row) == sorted(row) for row in table)
    assert all(list(column) == sorted(column) for column in zip(*table, strict=True))


def test_parameters_page_is_made_from_the_data_files() -> None:
    page = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert page == document.render(), "run `python -m cellkit.model.document docs/parameters.md`"


def test_a_module_on_the_bench_has_its_currents_from_there() -> None:
    module = load_module("bc660k-gl")
    assert module.current_ua("deep_sleep") == 0.8  # Hardware Design: 800 nA
    assert "bench" not in figures.read("module", "bc660k-gl")


def test_power_becomes_current_at_the_supply() -> None:
    module = load_module("tr45820")
    assert module.current_ua("rx") == pytest.approx(90e-3 / 3.6 * 1e6)  # 90 mW at 3.6 V


def test_transmit_current_follows_the_power() -> None:
    module = load_module("sara-n2")
    assert module.current_ua("tx", 23) == 220_000
    assert module.current_ua("tx", 8) == pytest.approx((78_000 + 100_000) / 2)
    assert module.current_ua("tx", 99) == 220_000


@pytest.mark.parametrize(
    ("kind", "name", "complaint"),
    [
        ("module", "bc660", "did you mean bc660k-gl"),
        ("battery", "nope", "unknown battery 'nope'; there are"),
        ("mcu", "../mcus/none", "unknown mcu"),
    ],
)
def test_unknown_names_are_told(kind: str, name: str, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        LOADERS[kind](name)


def test_override_replaces_one_figure_and_says_so() -> None:
    radio = load_radio({"connected": {"inactivity_s": 20}, "ce0.uplink_tones": 3})
    assert radio.connected.inactivity_s.value == 20
    assert radio.connected.inactivity_s.source == "set by the caller"
    assert radio.ce0.uplink_tones.value == 3
    assert load_radio().connected.inactivity_s.value == 10


def test_override_of_a_state_takes_current_or_power_and_may_add_one() -> None:
    module = load_module("bc660k-gl", {"current": {"tx": {"mw": 720}, "connected_sleep": 3000}})
    assert module.current_ua("tx") == pytest.approx(720 / 3.3 * 1000)  # the module's figures hold at 3.3 V
    assert module.current_ua("connected_sleep") == 3000


def test_override_takes_a_state_away() -> None:
    module = load_module("tr45820", {"current": {"connected_sleep": False, "connected": 20000}})
    assert "connected_sleep" not in module.current and module.current_ua("connected") == 20000
    with pytest.raises(ModelError, match="expected a current for one of"):
        load_module("tr45820", {"current": {"connected_sleep": False}})


@pytest.mark.parametrize(
    ("kind", "changes", "complaint"),
    [
        ("module", {"current": {"txx": 5}}, "unknown module parameter 'current.txx'"),
        ("module", {"timing.wake": 5}, "did you mean timing.wake_s"),
        ("module", {"current": {"tx": {"ua": 1, "mw": 1}}}, "either ua or mw"),
        ("module", {"current": {"tx": -5}}, "0 or more"),
        ("module", {"current": {"tx": "5"}}, "expected a number"),
        ("module", {"current": {"tx": {"mw": [1]}}}, "expected a number"),
        ("module", {"current": {"tx": {"ua": True}}}, "expected a number"),
        ("module", {"current": {"tx": True}}, "expected a number"),
        ("module", {"timing": 5}, "module.timing is no figure: expected one of timing.boot_s"),
        ("battery", {"capacity_mah": True}, "expected a number"),
        ("battery", {"title": 5}, "battery.title is no figure"),
        ("mcu", {"current": {"standby": 5}}, "expected the states"),
        ("battery", {"capacity_mah": float("nan")}, "expected a finite number"),
        ("battery", {"capacity_mah": 0}, "capacity_mah: expected more than 0"),
        ("battery", {"self_discharge_per_year": 1}, "self_discharge_per_year below 1"),
        ("battery", {"shelf_life_years": -1}, "shelf_life_years: expected 0 or more"),
        ("module", {"supply": {"nominal_mv": 0}}, "nominal_mv: expected more than 0"),
    ],
)
def test_wrong_overrides_are_refused(kind: str, changes: dict[str, Any], complaint: str) -> None:
    name = {"module": "bc660k-gl", "battery": "ls14500", "mcu": "stm32l4"}[kind]
    with pytest.raises(ModelError, match=complaint):
        LOADERS[kind](name, changes)


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("ce1.uplink_tbs_index", 13, "ce1.uplink_tbs_index: expected 0 to 12, got 13"),
        ("ce1.downlink_tbs_index", 2.5, "expected 0 to 12, got 2.5"),
        ("ce0.uplink_tones", 2, "ce0.uplink_tones: expected one of"),
        ("ce0.uplink_spacing_khz", 30, "expected 3.75 or 15"),
        ("physical.block_error_rate", 1, "expected less than 1"),
        ("physical.max_uplink_bits", 1, "less than the smallest block"),
        ("idle.drx_cycle_s", 0, "drx_cycle_s: expected more than 0"),
        ("connected.inactivity_s", -1, "expected 0 or more"),
        ("connected.inactivity_s", float("inf"), "expected a finite number"),
    ],
)
def test_radio_refuses_what_cannot_be(path: str, value: float, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        load_radio({path: value})


def test_transmit_power_may_be_negative() -> None:
    assert load_radio({"ce0.tx_dbm": -7}).ce0.tx_dbm.value == -7


def test_kinds_and_states_are_documented() -> None:
    page = document.render()
    assert [kind for kind in KINDS if f"`{kind}.…`" not in page] == []
    assert [state for state in MODULE_STATES if f"| `{state}` |" not in page] == []


def test_interpolate_between_and_outside_rows() -> None:
    rows = ((0.0, 10.0), (10.0, 20.0))
    assert [interpolate(rows, x) for x in (-5, 0, 5, 10, 15)] == [10, 10, 15, 20, 20]
