"""What happens to a device over the years, drawn from a seed; the figures are in data/<app>.toml."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cellkit.bench.netconfig import NetworkConfig, Span
from cellkit.bench.vrig import VirtualBench

YEAR_S = 365.25 * 86400
DAY_S = 86400.0
CLEAN_AIR_MV = 300
SMOKE_MV = 2400
_FIRE_S, _COOKING_S, _HUSH_AFTER_S, _REMOVAL_S = 300.0, 120.0, 20.0, 3600.0
_LEAK_PER_HOUR, _LEAK_S = 5.0, 3 * DAY_S
_BACKFLOW_PER_HOUR, _BACKFLOW_S = 120.0, 300.0
_SETTLE_S = 2 * DAY_S  # at either end of a year nothing is drawn: what happened is through before the next begins


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Outage(_Strict):
    """A time without service, once a year."""

    days: float = Field(default=0.0, ge=0, le=30)


class Scenario(_Strict):
    """module: what the device runs; mcu, battery: names in the model's data; device: its config.json.

    flow_per_hour: what flows through a meter, in pulses, an hour each, over and over from the start.
    """

    module: str
    mcu: str
    battery: str
    flow_per_hour: tuple[float, ...] = ()
    device: dict[str, Any] = {}
    events: dict[str, int] = {}
    outage: Outage = Outage()

    @classmethod
    def load(cls, app: str) -> Scenario:
        """The scenario of an app. Raises FileNotFoundError for an unknown one."""
        text = resources.files("cellkit.sim").joinpath(f"data/{app}.toml").read_text(encoding="utf-8")
        return cls.model_validate(tomllib.loads(text))

    @staticmethod
    def names() -> list[str]:
        """The apps that have one."""
        folder = resources.files("cellkit.sim").joinpath("data")
        return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


@dataclass(frozen=True)
class Event:
    """Something that happens at `at_s` seconds after the start."""

    at_s: float
    name: str


def draw_events(scenario: Scenario, duration_s: float, seed: int) -> list[Event]:
    """The events of a life in order of time: the same for the same seed, whatever the duration."""
    events: list[Event] = []
    year = 0
    while year * YEAR_S < duration_s:
        dice = random.Random(f"{seed} {year}")
        for name, count in sorted(scenario.events.items()):
            for _ in range(count):
                at_s = year * YEAR_S + dice.uniform(_SETTLE_S, YEAR_S - _SETTLE_S)
                if at_s < duration_s:
                    events.append(Event(at_s, name))
        year += 1
    return sorted(events, key=lambda event: event.at_s)


def add_outages(network: NetworkConfig, scenario: Scenario, duration_s: float, seed: int) -> None:
    """Put the yearly outage into `network`: no cell in odd years, no core network in even ones."""
    if not scenario.outage.days:
        return
    length_s = scenario.outage.days * DAY_S
    gaps, outages = list(network.coverage_gaps), list(network.outages)
    year = 0
    while year * YEAR_S < duration_s:
        at_s = year * YEAR_S + random.Random(f"{seed} {year} outage").uniform(_SETTLE_S, YEAR_S - _SETTLE_S - length_s)
        (outages if year % 2 else gaps).append(Span(start_s=round(at_s), duration_s=length_s))
        year += 1
    network.coverage_gaps, network.outages = gaps, outages


def begin(bench: VirtualBench, scenario: Scenario) -> None:
    """What goes on from the start."""
    if scenario.flow_per_hour:
        bench.world.flow_profile(scenario.flow_per_hour)


def play(bench: VirtualBench, event: Event, scenario: Scenario) -> None:
    """Let `event` happen now. Raises KeyError for an unknown name."""
    if event.name == "leak":
        _leak(bench, scenario.flow_per_hour)
    else:
        _ACTIONS[event.name](bench)


def _leak(bench: VirtualBench, flow_per_hour: tuple[float, ...]) -> None:
    # The household's day goes on from the hour at which the leak begins and ends.
    def turned(by: float) -> list[float]:
        hour = round(bench.clock.now() / 3600) % len(flow_per_hour)
        return [rate + by for rate in (*flow_per_hour[hour:], *flow_per_hour[:hour])]

    bench.world.flow_profile(turned(_LEAK_PER_HOUR))
    bench.clock.call_later(_LEAK_S, lambda: bench.world.flow_profile(turned(0.0)))


def _backflow(bench: VirtualBench) -> None:
    bench.world.pulses(_BACKFLOW_PER_HOUR, "reverse")
    bench.clock.call_later(_BACKFLOW_S, bench.world.pulses, 0.0, "reverse")


def _fire(bench: VirtualBench) -> None:
    bench.world.smoke(SMOKE_MV)
    bench.clock.call_later(_FIRE_S, bench.world.smoke, CLEAN_AIR_MV)


def _cooking(bench: VirtualBench) -> None:
    bench.world.smoke(SMOKE_MV)
    bench.clock.call_later(_HUSH_AFTER_S, bench.world.press_button)
    bench.clock.call_later(_COOKING_S, bench.world.smoke, CLEAN_AIR_MV)


def _removal(bench: VirtualBench) -> None:
    bench.world.tamper(True)
    bench.clock.call_later(_REMOVAL_S, bench.world.tamper, False)


def _test(bench: VirtualBench) -> None:
    bench.world.press_button()


_ACTIONS: dict[str, Callable[[VirtualBench], None]] = {
    "backflow": _backflow,
    "cooking": _cooking,
    "fire": _fire,
    "removal": _removal,
    "test": _test,
}
