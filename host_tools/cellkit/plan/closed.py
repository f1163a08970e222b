"""The closed form: one report cycle as phases, from it charge by state, energy of a report, and years."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cellkit.model.battery import SECONDS_PER_YEAR
from cellkit.model.figures import ModelError
from cellkit.model.radio import Phases, by_state, total_s
from cellkit.plan.durations import spell
from cellkit.plan.scenario import Device, Scenario, build

_S_PER_H = 3600.0
ByState = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """The answer. Charge in mAh a year by consumer (`modem`, `mcu`, `app`) and state; times in seconds.

    A report's figures are the modem's and MCU's from the wake to PSM, without what they draw asleep; those of a
    tracking area update are the modem's, likewise with its active time.
    """

    scenario: Scenario
    device: Device
    charge_mah_per_year: dict[str, ByState]
    time_s_per_report: dict[str, ByState]
    cycle_s_by_state: dict[str, ByState]
    taus_per_report: int
    session_s: float
    report_uah: float
    report_j: float
    tau_uah: float
    tau_j: float
    mean_current_ua: float
    usable_share: float
    lifetime_years: float

    @property
    def report_mwh(self) -> float:
        """Energy of a report in mWh."""
        return self.report_j / 3.6

    @property
    def charge_per_day_mah(self) -> float:
        """All consumers, mAh a day, without the battery's own loss."""
        return self.mean_current_ua * 24 / 1000

    @property
    def self_discharge_mah_per_year(self) -> float:
        """What the battery loses by itself, mean over its life."""
        if not 0 < self.lifetime_years < math.inf:
            return 0.0
        held = self.device.cell.held_mah(self.scenario.temperature_c) * self.usable_share
        return max(0.0, held / self.lifetime_years - sum(self.charges().values()))

    def charges(self) -> dict[str, float]:
        """mAh a year by `consumer state`, largest first."""
        flat = {
            f"{who} {state}": mah for who, states in self.charge_mah_per_year.items() for state, mah in states.items()
        }
        return dict(sorted(flat.items(), key=lambda item: -item[1]))


def plan(scenario: Scenario) -> Plan:
    """Answer a scenario. Raises ModelError for one that cannot be."""
    device = build(scenario)
    session, asleep_s = _session(device)
    taus, tau_phases = _taus(device, asleep_s)
    rest_s = scenario.interval_s - total_s(session) - total_s(tau_phases)
    if rest_s < 0:
        busy = spell(math.ceil(total_s(session) + total_s(tau_phases)))
        raise ModelError(
            f"a report and what follows it take {busy}, longer than the report interval of "
            f"{spell(scenario.interval_s)}; report less often or shorten the timers"
        )
    modem = by_state(session + tau_phases + _rest(device, rest_s))
    mcu_session, mcu = _mcu(device, scenario.interval_s)
    cycles = SECONDS_PER_YEAR / scenario.interval_s
    charge = {
        "modem": _yearly(device, "modem", modem, cycles),
        "mcu": _yearly(device, "mcu", mcu, cycles),
        "app": _loads(device),
    }
    _add_events(device, session, mcu_session, charge)
    mean_ua = sum(sum(states.values()) for states in charge.values()) * 1000 * _S_PER_H / SECONDS_PER_YEAR
    min_mv = device.module.supply.min_mv.value
    cell, hot = device.cell, scenario.temperature_c
    report_uah, report_j = _cost(device, session, mcu_session)
    tau_uah, tau_j = _cost(device, device.procedures.tau(asleep_s), {})
    return Plan(
        scenario=scenario,
        device=device,
        charge_mah_per_year={who: {s: mah for s, mah in states.items() if mah > 0} for who, states in charge.items()},
        time_s_per_report={"modem": by_state(session), "mcu": mcu_session},
        cycle_s_by_state={"modem": modem, "mcu": mcu},
        taus_per_report=taus,
        session_s=total_s(session),
        report_uah=report_uah,
        report_j=report_j,
        tau_uah=tau_uah,
        tau_j=tau_j,
        mean_current_ua=mean_ua,
        usable_share=cell.last_depth(device.pulse_ua, min_mv, hot),
        lifetime_years=cell.lifetime_years(mean_ua, device.pulse_ua, min_mv, hot),
    )


def _session(device: Device) -> tuple[Phases, float]:
    """Phases of one report until the module sleeps, and the time since the radio was last used."""
    scenario, procedures = device.scenario, device.procedures
    off = scenario.between == "off"
    asleep_s = scenario.interval_s if scenario.t3412_s is None else min(scenario.interval_s, scenario.t3412_s)
    before = procedures.cold_attach() if off else procedures.wake()
    report = procedures.report(scenario.payload_bytes, scenario.response_bytes, asleep_s, scenario.attempts)
    session = before + report + procedures.release()
    if not off:
        # The lock starts with the last character on the serial port, which is the answer's.
        locked_s = max(0.0, device.module.timing.sleep_lock_s.value - procedures.release_s())
        session = session + procedures.active_time(locked_s)
    return [(state, seconds) for state, seconds in session if seconds > 0], asleep_s


def _taus(device: Device, asleep_s: float) -> tuple[int, Phases]:
    """Periodic updates between two reports: T3412 starts anew with each release."""
    scenario = device.scenario
    if scenario.t3412_s is None or scenario.between == "off":
        return 0, []
    count = max(0, math.ceil(scenario.interval_s / scenario.t3412_s - 1e-9) - 1)
    return count, [(state, seconds * count) for state, seconds in device.procedures.tau(asleep_s)] if count else []


def _rest(device: Device, seconds: float) -> Phases:
    if device.scenario.between == "off":
        return [("off" if "off" in device.module.current else "deep_sleep", seconds)]
    if device.scenario.t3324_s is None:
        return device.procedures.idle(seconds)
    return device.procedures.psm(seconds)


def _mcu(device: Device, interval_s: float) -> tuple[ByState, ByState]:
    """Seconds of the MCU by state in one report, and in a whole cycle. It rests once the answer is there."""
    mcu, app, scenario = device.mcu, device.app, device.scenario
    active_s = total_s(_before_release(device))
    run_s = min(active_s, mcu.session_run_s.value)
    boot_s = mcu.boot_s.value if app.rest == "deep_sleep" else 0.0
    session = {"run": run_s + boot_s, "idle": active_s - run_s}
    wakes = app.wakes_per_day.value * interval_s / 86400
    sampling_s = wakes * (app.run_s_per_wake.value + app.boots_per_wake.value * mcu.boot_s.value)
    cycle = {"run": session["run"] + sampling_s, "idle": session["idle"]}
    left_s = interval_s - sum(cycle.values())
    if left_s < 0:
        raise ModelError(f"app {scenario.app}: its wakes take longer than the interval; make them shorter or fewer")
    cycle[app.rest] = cycle.get(app.rest, 0.0) + left_s
    return session, cycle


def _before_release(device: Device) -> Phases:
    scenario, procedures = device.scenario, device.procedures
    before = procedures.cold_attach() if scenario.between == "off" else procedures.wake()
    return before + procedures.report(
        scenario.payload_bytes, scenario.response_bytes, scenario.interval_s, scenario.attempts
    )


def current_ua(device: Device, who: str, state: str) -> float:
    """µA of a consumer in a state."""
    if who == "modem":
        return device.module.current_ua(state, device.radio.level(device.scenario.ce).tx_dbm.value)
    return device.mcu.current[state].current_ua(device.mcu.supply_mv.value)


def _loads(device: Device) -> ByState:
    hours = SECONDS_PER_YEAR / _S_PER_H
    supply_mv = device.mcu.supply_mv.value
    loads = device.app.current | {name: device.app.output[name] for name in device.app.standing}
    return {name: draw.current_ua(supply_mv) / 1000 * hours for name, draw in loads.items()}


def _yearly(device: Device, who: str, cycle: ByState, cycles: float) -> ByState:
    return {
        state: current_ua(device, who, state) * seconds / _S_PER_H / 1000 * cycles for state, seconds in cycle.items()
    }


def _cost(device: Device, session: Phases, mcu_session: ByState) -> tuple[float, float]:
    """µAh and joules of one report."""
    uah = joules = 0.0
    supplies = {"modem": device.module.supply_mv(), "mcu": device.mcu.supply_mv.value}
    for who, states in (("modem", by_state(session)), ("mcu", mcu_session)):
        for state, seconds in states.items():
            charge = current_ua(device, who, state) * seconds / _S_PER_H
            uah += charge
            joules += charge * 1e-6 * _S_PER_H * supplies[who] / 1000
    return uah, joules


def _add_events(device: Device, session: Phases, mcu_session: ByState, charge: dict[str, ByState]) -> None:
    """Events report at once, beside the regular reports, in place of sleep."""
    count = device.scenario.events_per_year
    if not count:
        return
    for who, states in (("modem", by_state(session)), ("mcu", mcu_session)):
        for state, mah in _yearly(device, who, states, count).items():
            charge[who][state] = charge[who].get(state, 0.0) + mah
    if device.app.event_load_mah.value:
        charge["app"]["event"] = device.app.event_load_mah.value * count
