"""Pulses as a function of time, and the hardware counter that sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cellkit.bench.flow import Flow
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench


class Time:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_rate() -> None:
    now = Time()
    flow = Flow(now)
    now.s = 1000
    assert flow.pulses() == 0
    flow.rate(30)
    for minute in range(0, 600, 7):
        now.s = 1000 + 60 * minute
        assert flow.pulses() == minute // 2
    flow.rate(0)
    now.s += 1e6
    assert flow.pulses() == 595 // 2


def test_parts_of_a_pulse_are_not_lost_when_the_rate_changes() -> None:
    now = Time()
    flow = Flow(now)
    for n in range(1, 1001):
        flow.rate(1 + n % 2)
        now.s += 600
        assert flow.pulses() == (n // 2 * 3 + n % 2 * 2) // 6


def test_profile_over_years() -> None:
    now = Time()
    flow = Flow(now)
    flow.profile([0] * 6 + [20] * 18)
    now.s = 3650 * 86400.0
    assert flow.pulses() == 3650 * 360
    now.s += 6.5 * 3600
    assert flow.pulses() == 3650 * 360 + 10


@pytest.mark.parametrize("rates", [[], [-1.0], [5.0, -0.1]])
def test_no_flow_backwards(rates: list[float]) -> None:
    with pytest.raises(ValueError, match="rates of 0 pulses an hour or more"):
        Flow(Time()).profile(rates)


SCRIPT = """
import time
from machine import Counter, Pin, reset, reset_cause, lightsleep
c = Counter(1)
if reset_cause() == 1:
    try:
        c.value()
        print("a count of nothing")
    except OSError as e:
        print(str(e)[:80])
    c = Counter(1, src=Pin("PULSE", Pin.IN, Pin.PULL_UP))
    time.sleep(3600)
    print(c.value())
    lightsleep(3600000)
    print(c.value(100), c.value())
    reset()
time.sleep(1800)
print(c.value())
c.init(src=Pin("PULSE"))
print(c.value())
time.sleep(3600)
print(c.value())
c.deinit()
try:
    c.value()
except OSError:
    print("off")
"""


def test_counter_counts_in_sleep_and_through_a_reset(tmp_path: Path) -> None:
    script = tmp_path / "count.py"
    script.write_text(SCRIPT)
    with VirtualBench(BenchConfig()) as bench:
        bench.world.pulses(60)
        bench.start([str(script)])
        bench.run(1000)
        bench.world.pulse()  # an edge of its own counts as well
        bench.run(5 * 3600)
        lines = [event["text"] for event in bench.log.events if event["ev"] == "console"]
    assert "counter 1 counts nothing" in lines[0]
    assert lines[1:] == ["61", "121 100", "130", "0", "60", "off"]
