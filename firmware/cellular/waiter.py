"""One task that waits for something, with a deadline, and makes no object beside its own frame.

`asyncio.Event` under `wait_for_ms` makes two tasks a wait; this makes none.
"""

from asyncio import core, sleep_ms


def run_now(task):
    """Let a task that sleeps go on at once. One that was cancelled is on its way already, and must stay cancelled."""
    if task.data is None:
        core._task_queue.remove(task)
        core._task_queue.push(task)


class Waiter:
    """`wait` returns after `wake` or when its time is over: the caller looks again at what it waits for."""

    def __init__(self):
        self._task = None

    def wait(self, timeout_ms):
        """Awaitable, for one task at a time; `timeout_ms` up to six days, as `ticks_ms` wraps."""
        self._task = core.cur_task
        try:
            yield from sleep_ms(timeout_ms)
        finally:
            self._task = None

    def wake(self):
        """Call from a task, not from an interrupt handler."""
        task = self._task
        if task is not None:
            self._task = None
            run_now(task)
