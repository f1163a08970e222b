"""A stream for unit tests of what runs over one: `sent` is what was written, `answer(fn)` says what comes back."""

from time import ticks_add, ticks_diff, ticks_ms

from cellular.errors import SocketError
from cellular.waiter import Waiter


class FakeStream:
    """peer(data) is called with every send, and returns bytes that come back or None. cut: the most a read gives."""

    def __init__(self, peer=None, cut=1000):
        self.sent = []
        self.closed = 0
        self.ended = False
        self._peer = peer
        self._cut = cut
        self._bytes = b""
        self._waiter = Waiter()

    def say(self, data):
        self._bytes += data
        self._waiter.wake()

    def end(self):
        self.ended = True
        self._waiter.wake()

    async def send(self, data):
        if self.ended:
            raise SocketError("send", None, "ended")
        self.sent.append(bytes(data))
        answer = self._peer(bytes(data)) if self._peer else None
        if answer:
            self.say(answer)

    async def recv_into(self, buf, timeout_ms):
        end = ticks_add(ticks_ms(), timeout_ms)
        while not self._bytes:
            if self.ended:
                raise SocketError("receive", None, "ended")
            left = ticks_diff(end, ticks_ms())
            if left <= 0:
                return 0
            await self._waiter.wait(left)
        n = min(len(buf), len(self._bytes), self._cut)
        buf[:n] = self._bytes[:n]
        self._bytes = self._bytes[n:]
        return n

    async def close(self):
        self.closed += 1


class FakeModem:
    """A modem that can do nothing but open `stream`."""

    capabilities = ("tcp", "tls")

    def __init__(self, stream):
        self.stream = stream
        self.opened = []

    async def tcp_open(self, host, port):
        self.opened.append(("tcp", host, port))
        return self.stream

    async def tls_open(self, host, port, tls):
        self.opened.append(("tls", host, port, tls))
        return self.stream
