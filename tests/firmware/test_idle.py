"""Idle waiting: light sleep while nothing runs, the watchdog's food, and no busy loop when something is odd."""

import asyncio
import time
from asyncio import core

import machine
from cellular import idle


class Sleeper:
    """Stands in for machine.lightsleep; `cut_ms`: how long it lasts at most."""

    def __init__(self, cut_ms=None):
        self.asked = []
        self.cut_ms = cut_ms
        self._real = machine.lightsleep
        machine.lightsleep = self

    def __call__(self, ms=None):
        self.asked.append(ms)
        ms = 50 if ms is None else ms
        time.sleep_ms(ms if self.cut_ms is None else min(ms, self.cut_ms))

    def restore(self):
        machine.lightsleep = self._real


class Dog:
    def __init__(self):
        self.fed = 0

    def feed(self):
        self.fed += 1


async def test_a_long_wait_is_one_light_sleep():
    sleeper = Sleeper()
    try:
        idle.install(lambda: True)
        began = time.ticks_ms()
        await asyncio.sleep_ms(1000)
        assert time.ticks_diff(time.ticks_ms(), began) >= 1000
        assert len(sleeper.asked) == 1 and 900 <= sleeper.asked[0] <= 1000, sleeper.asked
    finally:
        sleeper.restore()


async def test_short_waits_stay_awake():
    sleeper = Sleeper()
    try:
        idle.install(lambda: True)
        for _ in range(5):
            await asyncio.sleep_ms(50)
        assert sleeper.asked == []
    finally:
        sleeper.restore()


async def test_no_light_sleep_while_the_app_forbids_it_and_soon_after_it_allows_it():
    sleeper = Sleeper()
    allowed = [False]
    try:
        idle.install(lambda: allowed[0])
        await asyncio.sleep_ms(500)
        assert sleeper.asked == []
        allowed[0] = True
        await asyncio.sleep_ms(500)
        assert len(sleeper.asked) == 1
    finally:
        sleeper.restore()


async def test_a_change_of_mind_is_noticed_during_a_long_wait():
    sleeper = Sleeper()
    asked = []

    def may_sleep():
        asked.append(time.ticks_ms())
        return len(asked) > 1

    try:
        idle.install(may_sleep)
        await asyncio.sleep_ms(idle._AWAKE_MS + 1000 if hasattr(idle, "_AWAKE_MS") else 3000)
        assert len(sleeper.asked) == 1 and len(asked) == 2
    finally:
        sleeper.restore()


async def test_watchdog_is_fed_while_the_loop_goes_round_and_not_all_the_time():
    dog = Dog()
    idle.install(lambda: False, dog)
    for _ in range(25):
        await asyncio.sleep_ms(100)
    assert 2 <= dog.fed <= 5, dog.fed
    dog.fed = 0
    await asyncio.sleep_ms(2500)
    assert dog.fed >= 1


async def test_watchdog_starves_when_a_task_never_gives_way():
    dog = Dog()
    idle.install(lambda: False, dog)
    await asyncio.sleep_ms(1)
    dog.fed = 0
    time.sleep_ms(3000)
    assert dog.fed == 0


async def test_light_sleep_that_ends_for_nothing_does_not_become_a_busy_loop():
    sleeper = Sleeper(cut_ms=0)
    try:
        idle.install(lambda: True)
        await asyncio.sleep_ms(3000)
        assert 1 <= len(sleeper.asked) <= 3, len(sleeper.asked)
    finally:
        sleeper.restore()


async def test_a_task_set_going_in_light_sleep_runs_at_once():
    event = asyncio.Event()
    sleeper = Sleeper(cut_ms=100)
    real = sleeper.__call__

    def interrupted(ms=None):
        real(ms)
        event.set()

    machine.lightsleep = interrupted
    try:
        idle.install(lambda: True)
        began = time.ticks_ms()
        await asyncio.wait_for(event.wait(), 20)
        assert time.ticks_diff(time.ticks_ms(), began) < 5000
        assert not core._io_queue.poller._rest
    finally:
        sleeper.restore()


async def test_a_signal_wakes_its_task_and_can_be_cleared():
    signal = idle.signal()
    signal.set()
    await asyncio.wait_for(signal.wait(), 5)
    signal.clear()
    try:
        await asyncio.wait_for_ms(signal.wait(), 50)
        raise AssertionError("still set")
    except asyncio.TimeoutError:
        pass


def test_a_loop_with_nothing_but_input_goes_on():
    # No task is due ever: the poller must not return before there is one, or asyncio ends with an error.
    from fake_uart import FakeUart

    asyncio.new_event_loop()
    uart = FakeUart()
    sleeper = Sleeper()
    done = []

    def reader():
        yield core._io_queue.queue_read(uart)
        done.append(uart.readinto(bytearray(10)))

    def lightsleep(ms=None):
        sleeper.asked.append(ms)
        if len(sleeper.asked) == 2:
            uart.say(b"abc")

    machine.lightsleep = lightsleep
    try:
        idle.install(lambda: True)
        asyncio.run(reader())
        assert done == [3] and sleeper.asked == [None, None], sleeper.asked
    finally:
        sleeper.restore()


async def test_installing_again_replaces_the_former():
    idle.install(lambda: False)
    first = core._io_queue.poller.poller
    idle.install(lambda: True)
    assert core._io_queue.poller.poller is first
