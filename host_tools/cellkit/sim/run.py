"""Runs an app through a life on the virtual bench, day by day, with battery, events and outages."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from cellkit.bench.gateway import Gateway
from cellkit.bench.log import alone
from cellkit.bench.mcucore import McuConfig, McuError
from cellkit.bench.modem import ModemConfig
from cellkit.bench.netconfig import NetworkConfig
from cellkit.bench.rig import EVENTS_FILE, BenchConfig
from cellkit.bench.vrig import VirtualBench
from cellkit.model.battery import Battery, load_cell
from cellkit.model.figures import Draw
from cellkit.model.parts import load_app, load_mcu, load_module
from cellkit.sim.history import HISTORY_FILE
from cellkit.sim.scenario import DAY_S, YEAR_S, Scenario, add_outages, begin, draw_events, play
from cellkit.sim.tally import Tally
from cellkit.summary import REPORT, SUMMARY

_HEAP_BYTES = 256 * 1024
_IN_PROCESS = "coap://192.0.2.1:5683/records"  # TEST-NET-1: every address is the server in the process
_NOTHING = Draw(ua=0.0, source="no supply")
_HEAP_LOOKS = 3  # a day: what the last session left on the stack may hold a few blocks until the next wake


@dataclass(frozen=True)
class Job:
    """What to simulate. server: a coap:// URI of a real server, None: one in the process."""

    app: str
    module: str
    duration_s: float
    seed: int
    out: Path
    server: str | None = None
    network: NetworkConfig = field(default_factory=NetworkConfig)


@dataclass
class Progress:
    """How far a run is."""

    simulated_s: float
    wall_s: float


@dataclass(frozen=True)
class Day:
    """How things stood at the end of a day. pulse_mv: the battery's voltage under the module's highest current."""

    t_s: float
    remaining_mah: float
    pulse_mv: float
    flash_erases_max: int


@dataclass
class Life:
    """What came of a run, as far as it went."""

    job: Job
    scenario: Scenario
    tally: Tally
    simulated_s: float = 0.0
    wall_s: float = 0.0
    interrupted: bool = False
    empty_at_s: float | None = None
    brown_outs: int = 0
    wakes: int = 0
    turns: int = 0
    starts: int = 0
    charge_uah: dict[str, dict[str, float]] = field(default_factory=dict)
    by_year_uah: list[dict[str, dict[str, float]]] = field(default_factory=list)
    heaps: list[tuple[float, int, int]] = field(default_factory=list)
    """A day each: when, the most allocated, the least allocated after a collection."""
    flash_erases: list[int] = field(default_factory=list)
    flash_programs: int = 0
    days: list[Day] = field(default_factory=list)

    def total_uah(self) -> float:
        """All that was drawn."""
        return sum(sum(states.values()) for states in self.charge_uah.values())

    def mean_current_ua(self) -> float:
        """Over the whole run."""
        return self.total_uah() / (self.simulated_s / 3600) if self.simulated_s else 0.0


class Runner:
    """One run. `life` may be read at any time. battery: instead of the scenario's.

    events: what happens to the device; network: with the scenario's outages.
    """

    def __init__(self, job: Job, battery: Battery | None = None) -> None:
        scenario = Scenario.load(job.app)
        self.mcu = load_mcu(scenario.mcu)
        self.module = load_module(job.module)
        self.app = load_app(job.app)
        self.battery = battery or Battery(load_cell(scenario.battery))
        self.network = job.network.model_copy(deep=True)
        add_outages(self.network, scenario, job.duration_s, job.seed)
        device = {**scenario.device, "server": job.server or _IN_PROCESS}
        self._config = BenchConfig(
            network=self.network,
            modem=ModemConfig.load(job.module),
            mcu=McuConfig(program="app", heap_bytes=_HEAP_BYTES),
            files={"config.json": json.dumps(device)},
            battery_mv=round(self.battery.cell.open_circuit_mv.value),
        )
        self.events = draw_events(scenario, job.duration_s, job.seed)
        self._stop = False
        self._bench: VirtualBench | None = None
        self._drawn_uah = 0.0
        self.life = Life(job, scenario, Tally(self._now, server_seen=job.server is None))

    def _now(self) -> float:
        return self._bench.clock.now() if self._bench is not None else 0.0

    def stop(self) -> None:
        """Have `run` end after the simulated day that is being run."""
        self._stop = True

    def run(self, on_progress: Callable[[Progress], None] = lambda progress: None) -> Life:
        """The whole life, or until `stop` or Ctrl-C. Raises McuError, OSError."""
        job = self.life.job
        job.out.mkdir(parents=True, exist_ok=True)
        with alone(job.out, "another simulation is writing there"), _one_cpu(), _interrupt(self.stop):
            return self._live(on_progress)

    def _live(self, on_progress: Callable[[Progress], None]) -> Life:
        job, life = self.life.job, self.life
        began_s = time.monotonic()
        for name in (SUMMARY, HISTORY_FILE, REPORT):  # of an older run: they would not fit this one's log
            (job.out / name).unlink(missing_ok=True)
        bench = VirtualBench(
            self._config, job.out, job.seed, _gateway(job.server), life.tally.records.accepted, keep=False,
            turn_run_s=self.mcu.turn_run_s.value,
        )  # fmt: skip
        with bench:
            self._bench = bench
            bench.log.subscribe(life.tally)
            bench.log.subscribe(self._watch)
            bench.start(["-m", life.scenario.module])
            begin(bench, life.scenario)
            for event in self.events:
                bench.clock.call_later(event.at_s, play, bench, event, life.scenario)
            try:
                while life.simulated_s < job.duration_s and not self._stop and life.empty_at_s is None:
                    self._day(bench)
                    life.wall_s = time.monotonic() - began_s
                    on_progress(Progress(life.simulated_s, life.wall_s))
            finally:
                self._settle(bench)
        life.interrupted = self._stop
        life.wall_s = time.monotonic() - began_s
        return life

    def _day(self, bench: VirtualBench) -> None:
        life = self.life
        left_s = min(DAY_S, life.job.duration_s - life.simulated_s)
        looks = len(bench.heaps)
        for _ in range(_HEAP_LOOKS):
            bench.run(left_s / _HEAP_LOOKS / 2)
            bench.mcu.measure_heap()
            bench.run(left_s / _HEAP_LOOKS / 2)
        if bench.mcu.exit_code is not None:
            raise McuError(
                f"the firmware ended with code {bench.mcu.exit_code} on day {life.simulated_s / DAY_S + 1:.0f}; it is "
                f"expected to run for ever: see the last `console` events in {life.job.out / EVENTS_FILE}"
            )
        if today := bench.heaps[looks:]:
            life.heaps.append((today[0][0], max(most for _, most, _ in today), min(now for _, _, now in today)))
        life.simulated_s += left_s
        self._settle(bench)
        self._draw(bench, left_s)
        if len(life.by_year_uah) < int(life.simulated_s / YEAR_S):
            life.by_year_uah.append(life.charge_uah)

    def _settle(self, bench: VirtualBench) -> None:
        """Take the figures of the bench over."""
        life = self.life
        bench.mcu.settle()
        life.charge_uah = {
            "modem": bench.modem.meter.charge_uah_by_state(),
            "mcu": self._mcu_uah(bench),
            "app": self._app_uah(bench),
        }
        life.turns, life.starts = bench.mcu.turns, bench.mcu.starts
        life.wakes = bench.mcu.wakes
        life.flash_erases, life.flash_programs = bench.flash_erases, bench.flash_programs

    def _mcu_uah(self, bench: VirtualBench) -> dict[str, float]:
        current = {**self.mcu.current, "off": _NOTHING}
        return {state: self._uah(current[state], seconds) for state, seconds in bench.mcu.time_s.items()}

    def _app_uah(self, bench: VirtualBench) -> dict[str, float]:
        on_s = self.life.tally.outputs_on_s()
        always = {name: self._uah(draw, bench.clock.now()) for name, draw in self.app.current.items()}
        return always | {name: self._uah(draw, on_s.get(name, 0.0)) for name, draw in self.app.output.items()}

    def _uah(self, draw: Draw, seconds: float) -> float:
        return draw.current_ua(self.mcu.supply_mv.value) * seconds / 3600

    def _draw(self, bench: VirtualBench, seconds: float) -> None:
        """A day's charge leaves the battery, and the device sees the voltage that is left."""
        life = self.life
        drawn_uah, self._drawn_uah = life.total_uah() - self._drawn_uah, life.total_uah()
        self.battery.draw(drawn_uah * 3600 / seconds, seconds)
        bench.world.battery_voltage(round(self.battery.voltage_mv(0.0)))
        pulse_mv = self.battery.voltage_mv(self.module.supply.pulse_ua.value)
        most = max(life.flash_erases, default=0)
        life.days.append(Day(life.simulated_s, self.battery.remaining_mah, pulse_mv, most))
        if self.battery.remaining_mah <= 0:
            life.empty_at_s = life.simulated_s
            bench.log.emit("bench", "battery_empty")

    def _watch(self, event: dict[str, Any]) -> None:
        """A transmission that the battery cannot serve ends in a brown-out."""
        if event["src"] != "modem" or event["ev"] != "state" or event["state"] != "tx":
            return
        pulse_ua, min_mv = self.module.supply.pulse_ua.value, self.module.supply.min_mv.value
        if self._bench is not None and self.battery.browns_out(pulse_ua, min_mv):
            self.life.brown_outs += 1
            self._bench.clock.call_later(0, self._brown_out, self._bench, round(self.battery.voltage_mv(pulse_ua)))

    @staticmethod
    def _brown_out(bench: VirtualBench, voltage_mv: int) -> None:
        bench.log.emit("bench", "brown_out", voltage_mv=voltage_mv)
        bench.modem.reset("brown-out")


def _gateway(server: str | None) -> Gateway | None:
    if server is None:
        return None
    from cellkit.bench.gateways import StandstillGateway

    return StandstillGateway()


@contextmanager
def _one_cpu() -> Iterator[None]:
    """Bench and VM take turns, so one CPU serves both, without the cost of waking another one each time."""
    before = os.sched_getaffinity(0)
    last = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[36])
    os.sched_setaffinity(0, {last} if last in before else before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C ends a run between two days, so that log and summary are whole; a second one ends it at once."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
