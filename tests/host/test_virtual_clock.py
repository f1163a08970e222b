"""Time that jumps: order, cancelling, stopping and rounding."""

from __future__ import annotations

from cellkit.bench.clock import VirtualClock


def test_calls_come_in_order_of_time_then_of_making() -> None:
    clock, seen = VirtualClock(), []
    clock.call_later(2, seen.append, "late")
    clock.call_later(1, seen.append, "first")
    clock.call_later(1, seen.append, "second")
    assert clock.run_until(1_500_000)
    assert (seen, clock.now()) == (["first", "second"], 1.5)
    assert clock.run_until(None)
    assert (seen[-1], clock.now()) == ("late", 2.0)


def test_a_call_may_make_calls_and_a_cancelled_one_never_comes() -> None:
    clock, seen = VirtualClock(), []

    def begin() -> None:
        clock.call_later(0, seen.append, "same moment")
        clock.call_later(1, seen.append, "a second on")
        doomed.cancel()

    clock.call_later(1, begin)
    doomed = clock.call_later(1.5, seen.append, "never")
    clock.run_until(10_000_000)
    assert seen == ["same moment", "a second on"]
    doomed.cancel()  # twice does no harm
    assert clock.now() == 10.0


def test_stop_ends_the_run_at_the_call_that_asked_for_it() -> None:
    clock, seen = VirtualClock(), []
    clock.call_later(1, clock.stop)
    clock.call_later(1, seen.append, "after")
    assert not clock.run_until(5_000_000)
    assert (clock.now(), seen) == (1.0, [])
    assert clock.run_until(5_000_000)
    assert (clock.now(), seen) == (5.0, ["after"])


def test_delays_are_whole_microseconds_and_never_in_the_past() -> None:
    clock, at = VirtualClock(), []
    for _ in range(10):
        clock.call_later(0.1, lambda: None)
    clock.run_until(100_000)
    clock.call_later(-5, lambda: at.append(clock.now_us))
    clock.call_later(0.0000001, lambda: at.append(clock.now_us))
    clock.run_until(None)
    assert at == [100_000, 100_001]
