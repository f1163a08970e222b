"""`select` of the unix board: the port's own, and in lock step a `poll` whose waiting is the bench's time."""

import _lockstep
from uselect import *  # noqa: F403

if _lockstep.active():
    from _virtual import link

    POLLIN = 1
    POLLOUT = 4
    _POLL = 3

    class poll:
        """Streams with an `ioctl` for polling, such as machine.UART and asyncio's ThreadSafeFlag."""

        def __init__(self):
            self._entries = {}  # id of a stream to [stream, events]

        def register(self, obj, eventmask=POLLIN | POLLOUT):
            self._entries[id(obj)] = [obj, eventmask]

        def modify(self, obj, eventmask):
            self._entries[id(obj)][1] = eventmask

        def unregister(self, obj):
            self._entries.pop(id(obj), None)

        def ipoll(self, timeout=-1, flags=0):
            """The streams that are ready. Ends early, with none, when an interrupt has come: asyncio looks again."""
            ready = self._ready()
            if ready or not timeout:
                return ready
            link.interrupted = False
            link.wait_us(timeout * 1000 if timeout > 0 else -1)
            return self._ready()

        def poll(self, timeout=-1):
            """As ipoll, but only an event, an interrupt or the time ends it."""
            began_us = _lockstep.now_us()
            while True:
                left = timeout if timeout < 0 else max(0, timeout - (_lockstep.now_us() - began_us) // 1000)
                ready = self.ipoll(left)
                if ready or not left or link.interrupted:
                    return ready

        def _ready(self):
            ready = ()
            for entry in self._entries.values():
                obj, mask = entry
                events = obj.ioctl(_POLL, mask)
                if events > 0:
                    ready = ready or []
                    ready.append((obj, events))
            return ready
