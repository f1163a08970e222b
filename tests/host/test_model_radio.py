"""Durations and states of NB-IoT procedures, against sums done by hand from the standards' figures."""

from __future__ import annotations

from typing import Any

import pytest
from cellkit.model.figures import MODULE_STATES
from cellkit.model.parts import load_module
from cellkit.model.radio import Link, Phases, Procedures, by_state, total_s
from cellkit.model.radio_data import load_radio

NO_ERRORS = {"physical.block_error_rate": 0}


def procedures(module: str = "sara-n2", changes: dict[str, Any] | None = None, **link: Any) -> Procedures:
    return Procedures(load_radio(changes), load_module(module), Link(**link))


def test_uplink_of_one_block_is_units_times_their_time() -> None:
    # 50 bytes are 400 bits; TBS index 9: three units carry 456. One tone of 15 kHz: 8 ms each.
    phases = by_state(procedures(changes=NO_ERRORS).uplink(50))
    assert phases["tx"] == pytest.approx(3 * 0.008)
    assert phases["rx"] == pytest.approx(0.001)  # one subframe of NPDCCH
    # half an NPDCCH period, 8 ms from grant to block, 3 ms after it
    assert phases["connected_sleep"] == pytest.approx(0.008 + 0.008 + 0.003)


def test_uplink_above_one_block_takes_several() -> None:
    # 300 bytes are 2400 bits; the largest block of index 9 that a Cat NB1 device sends has 936 bits in 6 units,
    # then 528 bits are left: 616 in 4.
    phases = by_state(procedures(changes=NO_ERRORS).uplink(300))
    assert phases["tx"] == pytest.approx((6 + 6 + 4) * 0.008)


def test_multi_tone_is_faster_and_repetitions_multiply() -> None:
    one = by_state(procedures(changes=NO_ERRORS).uplink(50))["tx"]
    twelve = by_state(procedures(changes={**NO_ERRORS, "ce0.uplink_tones": 12}).uplink(50))["tx"]
    four = by_state(procedures(changes={**NO_ERRORS, "ce0.uplink_repetitions": 4}).uplink(50))["tx"]
    narrow = by_state(procedures(changes={**NO_ERRORS, "ce0.uplink_spacing_khz": 3.75}).uplink(50))["tx"]
    assert (one / twelve, four / one, narrow / one) == pytest.approx((8, 4, 4))


def test_block_errors_cost_their_mean() -> None:
    clean = total_s(procedures(changes=NO_ERRORS).uplink(50))
    assert total_s(procedures().uplink(50)) == pytest.approx(clean / 0.9)


def test_downlink_is_acknowledged() -> None:
    phases = by_state(procedures(changes=NO_ERRORS).downlink(10))  # 80 bits of index 9: 136 in one subframe
    assert phases["rx"] == pytest.approx(0.001 + 0.001)
    assert phases["tx"] == pytest.approx(0.002)


def test_worse_coverage_costs_more_in_every_procedure() -> None:
    levels: Any = (0, 1, 2)
    for name, arguments in (("access", (0.0,)), ("uplink", (100,)), ("downlink", (100,)), ("tau", (0.0,))):
        times = [total_s(getattr(procedures(ce=ce), name)(*arguments)) for ce in levels]
        assert times == sorted(times) and times[0] < times[2], name


def test_system_information_is_read_once_a_day() -> None:
    def listening_s(asleep_s: float) -> float:
        return by_state(procedures().access(asleep_s))["rx"]

    assert listening_s(86400) - listening_s(0) == pytest.approx(1.4)
    assert listening_s(43200) - listening_s(0) == pytest.approx(0.7)
    assert listening_s(1e9) == listening_s(86400)


def test_release_by_assistance_or_inactivity() -> None:
    release = total_s(procedures(rai=False).release()) - total_s(procedures(rai=True).release())
    assert release == pytest.approx(10.0 - 0.3)


def test_connected_drx_is_split_unless_the_module_has_a_mean() -> None:
    # 200 ms all the time, then 4 periods of 16 ms of each 2.048 s.
    split = by_state(procedures(rai=False).linger(10.0))
    assert split["rx"] == pytest.approx(0.2 + 9.8 * 0.064 / 2.048)
    assert sum(split.values()) == pytest.approx(10.0)
    assert procedures("bc660k-gl", rai=False).linger(10.0) == [("connected", 10.0)]


def test_idle_uses_the_module_s_mean_or_paging_occasions() -> None:
    assert by_state(procedures("bc660k-gl").idle(100.0)) == {"idle_drx_2s56": 100.0}
    assert by_state(procedures("bc660k-gl", edrx_s=81.92).idle(100.0)) == {"idle_edrx": 100.0}
    parts = by_state(procedures("sara-n2").idle(256.0))  # 100 pages of 21 ms
    assert parts == pytest.approx({"rx": 2.1, "light_sleep": 253.9})


def test_edrx_listens_only_in_its_window() -> None:
    plain = by_state(procedures("sara-n2").idle(8192.0))["rx"]
    extended = by_state(procedures("sara-n2", edrx_s=81.92, ptw_s=10.24).idle(8192.0))["rx"]
    assert extended / plain == pytest.approx(10.24 / 81.92)


def test_active_time_counts_the_sleep_lock() -> None:
    assert by_state(procedures("bc660k-gl", t3324_s=30.0).active_time(9.7)) == {"awake": 9.7, "idle_drx_2s56": 20.3}
    assert by_state(procedures("bc660k-gl", t3324_s=2.0).active_time(9.7)) == {"awake": 9.7}
    assert procedures("bc660k-gl", t3324_s=None).active_time() == []


def test_attempts_and_answers_of_a_report() -> None:
    def length_s(response: float | None, attempts: float) -> float:
        return total_s(procedures().report(50, response, 0.0, attempts))

    assert length_s(None, 1) < length_s(0, 1) < length_s(500, 1)
    assert length_s(0, 3) - length_s(0, 1) == pytest.approx(2 * (length_s(0, 2) - length_s(0, 1)))
    assert length_s(0, 2) - length_s(0, 1) > 2.5  # CoAP waits 2 to 3 s before it sends again


@pytest.mark.parametrize("module", ["bc660k-gl", "bc26", "sim7020", "sara-n2", "tr45820"])
def test_all_procedures_use_states_that_the_module_has(module: str) -> None:
    for link in ({}, {"t3324_s": None}, {"edrx_s": 81.92}, {"rai": False, "ce": 2}):
        unit = procedures(module, **link)
        phases: Phases = [*unit.cold_attach(), *unit.wake(), *unit.report(50, 0, 1e5), *unit.release(), *unit.psm(1)]
        phases += [*unit.active_time(1.0), *unit.idle(100), *unit.tau(1e5)]
        assert {state for state, _ in phases} <= set(load_module(module).current) <= set(MODULE_STATES)
        assert all(seconds >= 0 for _, seconds in phases)
