"""One task that waits, and the moments in which a wake or a cancellation may hit it."""

import asyncio
import time

from cellular.waiter import Waiter


async def test_wake_ends_the_wait_and_time_does():
    w = Waiter()
    began = time.ticks_ms()
    await w.wait(20)
    assert time.ticks_diff(time.ticks_ms(), began) >= 20
    task = asyncio.create_task(wait(w, 60000))
    await asyncio.sleep_ms(5)
    w.wake()
    w.wake()  # nobody waits any more
    assert await task == "over"


async def wait(w, ms):
    await w.wait(ms)
    return "over"


async def test_wake_of_nobody_is_nothing():
    w = Waiter()
    w.wake()
    await w.wait(1)
    w.wake()
    await asyncio.sleep_ms(5)


async def test_cancelled_in_the_moment_of_the_wake_is_cancelled():
    for wake_first in (True, False):
        w = Waiter()
        ended = []

        async def work():
            await w.wait(60000)
            ended.append("went on")
            await asyncio.sleep_ms(60000)

        task = asyncio.create_task(work())
        await asyncio.sleep_ms(5)
        if wake_first:
            w.wake()
        task.cancel()
        w.wake()
        try:
            await task
        except asyncio.CancelledError:
            ended.append("cancelled")
        assert ended == ["cancelled"], ended


async def test_wait_makes_no_task():
    import gc

    w = Waiter()

    async def waker():
        while True:
            await asyncio.sleep_ms(1)
            w.wake()

    task = asyncio.create_task(waker())
    await w.wait(1000)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(10):
        await w.wait(1000)
    used = (gc.mem_alloc() - before) / 10
    gc.enable()
    task.cancel()
    assert used < 250, used
