"""`history.json`: what the page of a run is drawn from beside `summary.json` and the log."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cellkit.bench.netconfig import Span
from cellkit.sim.sessions import Session
from cellkit.summary import write_atomically

if TYPE_CHECKING:
    from cellkit.sim.run import Life, Runner

HISTORY_FILE = "history.json"
_POINTS = 500  # of a line: more than a page has pixels for
_MOST_BINS = 24
_LEAST_BINS = 8
_LOG_FROM = 20.0  # largest over smallest: from here on a scale of equal steps hides the small ones
_BINS_PER_DECADE = 8
_STEPS_S = (120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000)

Finite = Annotated[float, Field(allow_inf_nan=False)]
Points = list[tuple[Finite, Finite]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Histogram(_Strict):
    """How often values came: `counts` between `edges`, which grow by a factor (`log`) or a step."""

    edges: list[Finite] = Field(min_length=2)
    counts: list[int] = Field(min_length=1)
    log: bool


class Happening(_Strict):
    """Something at `t_s`, by its name and in words."""

    t_s: Finite
    name: str
    about: str = ""


class Stretch(_Strict):
    """A session in the log; see sessions.Session."""

    start_s: Finite
    end_s: Finite
    state: str
    current_ua: Finite
    urgency: int | None
    failures: int

    def session(self) -> Session:
        return Session(**self.model_dump())


class Batteries(_Strict):
    """The battery over time. full_mah: what it held; pulse_mv: its voltage under the module's highest current."""

    title: str
    full_mah: Finite
    min_mv: Finite
    pulse_ua: Finite
    remaining_mah: Points
    pulse_mv: Points


class History(_Strict):
    """All of it. Times in seconds since the start, `utc_start_s` Unix time."""

    utc_start_s: Finite
    sessions: dict[str, Stretch]
    ack_latency: Histogram | None
    alarm_latency: Histogram | None
    delayed_latency: Histogram | None
    battery: Batteries
    flash_erases: Points
    heap_bytes: Points
    happened: list[Happening]
    trouble: list[Happening]
    coverage_gaps: list[Span]
    outages: list[Span]

    @classmethod
    def load(cls, folder: Path) -> History:
        """Read it. Raises OSError, or ValueError that says what to do."""
        path = folder / HISTORY_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ValueError(f"{path}: {where} {first['msg']}; run the simulation again".replace(":  ", ": ")) from None

    def write(self, folder: Path) -> None:
        """Write it. Raises OSError."""
        write_atomically(folder / HISTORY_FILE, self.model_dump_json() + "\n")


def history(runner: Runner) -> History:
    """The history of a run, as far as it went."""
    life, tally = runner.life, runner.life.tally
    supply, cell = runner.module.supply, runner.battery.cell
    until_s, alarm = life.simulated_s, tally.alarm_priority
    network = runner.network
    return History(
        utc_start_s=network.utc_start_s,
        sessions={name: Stretch(**asdict(one)) for name, one in tally.sessions.shown().items()},
        ack_latency=histogram(tally.ack_latency_s),
        alarm_latency=None if alarm is None else histogram(tally.latency_s[alarm]),
        delayed_latency=histogram(tally.delayed_latency_s),
        battery=Batteries(
            title=cell.title,
            full_mah=cell.held_mah(runner.battery.temperature_c),
            min_mv=supply.min_mv.value,
            pulse_ua=supply.pulse_ua.value,
            remaining_mah=thin((day.t_s, day.remaining_mah) for day in life.days),
            pulse_mv=thin((day.t_s, day.pulse_mv) for day in life.days),
        ),
        flash_erases=thin((day.t_s, day.flash_erases_max) for day in life.days),
        heap_bytes=thin((t_s, after) for t_s, _, after in life.heaps),
        happened=[Happening(t_s=e.at_s, name=e.name) for e in runner.events if e.at_s <= until_s],
        trouble=[Happening(t_s=t_s, name=name, about=about) for t_s, name, about in tally.trouble],
        coverage_gaps=_within(network.coverage_gaps, life),
        outages=_within(network.outages, life),
    )


def _within(spans: list[Span], life: Life) -> list[Span]:
    return [span for span in spans if span.start_s < life.simulated_s]


def thin(points: Iterable[tuple[float, float]]) -> Points:
    """At most `_POINTS` of them, the last one included."""
    every = list(points)
    step = math.ceil(len(every) / _POINTS)
    return every[::step] + ([every[-1]] if (len(every) - 1) % step else []) if every else []


def histogram(values: list[float]) -> Histogram | None:
    """Bins that suit `values`, of equal steps or, over a wide range, of equal factors; None without values."""
    if not values:
        return None
    low, high = max(min(values), 0.001), max(max(values), 0.001)
    log = high / low > _LOG_FROM
    if log:
        first = math.floor(math.log10(low) * _BINS_PER_DECADE)
        last = math.floor(math.log10(high) * _BINS_PER_DECADE) + 1
        edges = [10 ** (k / _BINS_PER_DECADE) for k in range(first, last + 1)]
    else:
        step = _step(max((high - low) / _MOST_BINS, high / 200))
        first, last = math.floor(low / step), math.floor(high / step) + 1
        while last - first < _LEAST_BINS:  # one bar that fills the picture says nothing
            first, last = max(first - 1, 0), last + 1
        edges = [round(k * step, 6) for k in range(first, last + 1)]
    counts = [0] * (len(edges) - 1)
    for value in values:
        place = math.log10(max(value, low)) * _BINS_PER_DECADE if log else max(value, low) / step
        counts[min(max(math.floor(place) - first, 0), len(counts) - 1)] += 1
    return Histogram(edges=edges, counts=counts, log=log)


def _step(least: float) -> float:
    """The next round step: 1, 2, 5, 10 ... times a power of ten, of minutes, hours and days where these are meant."""
    if least > 60:
        return next((step_s for step_s in _STEPS_S if step_s >= least), _STEPS_S[-1])
    decade = 10.0 ** math.floor(math.log10(least))
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= least * 0.999)
