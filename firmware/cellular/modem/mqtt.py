"""What every MQTT session has, in the module or over a socket; what those in the module have in common."""

from time import ticks_add, ticks_diff, ticks_ms

from cellular.at.fields import split
from cellular.errors import CellularError
from cellular.trace import trace
from cellular.waiter import Waiter
from micropython import const

_INBOX = const(8)  # messages that may wait to be received
_INBOX_BYTES = const(8192)
CONNECT_MS = const(120000)  # a module's bearer, DNS, TCP, TLS and CONNACK together
_NAME = "mqtt"  # of a session among the modem's sockets
_REFUSALS = ("", "protocol version", "client id", "server unavailable", "user name or password", "not authorised")


class MqttError(CellularError):
    """The session could not be opened or used. `code` is that of CONNACK, the module's own number or None."""

    def __init__(self, what, code=None, text="", permanent=False):
        super().__init__("MQTT %s failed: %s (code %s)" % (what, text or "refused", code))
        self.code = code
        self.permanent = permanent


def refusal(code):
    """The error for CONNACK return code `code` (MQTT 3.1.1 table 3.1)."""
    text = _REFUSALS[code] if 0 < code < len(_REFUSALS) else "unknown return code"
    return MqttError("connect", code, text + " refused by the broker", code in (1, 2, 4, 5))


class Client:
    """What every session has; `publish`, `subscribe`, `unsubscribe` and `_close` are those of the way that it goes.

    `dropped` counts messages that came while the inbox was full, or that were too long. `error` says why the session
    is over, None while it is not.
    """

    def __init__(self):
        self.dropped = 0
        self.error = None
        self._inbox = []
        self._bytes = 0
        self._came = Waiter()

    async def receive(self, timeout_ms):
        """The next message as (topic, payload), None if none came in time. Messages that have come are given before the
        error that ended the session is raised."""
        end = ticks_add(ticks_ms(), timeout_ms)
        while not self._inbox:
            self.check()
            left = ticks_diff(end, ticks_ms())
            if left <= 0:
                return None
            await self._wait(left)
        message = self._inbox.pop(0)
        self._bytes -= len(message[1])
        return message

    async def _wait(self, left_ms):
        await self._came.wait(left_ms)

    async def close(self):
        """End the session in order; no error if it is over already."""
        try:
            await self._close()
        except CellularError as e:
            trace("mqtt_close_failed", error=str(e))
        if self.error is None:
            self.error = MqttError("use", None, "it is closed")
        self._came.wake()

    def check(self):
        """Raise what ended the session."""
        if self.error is not None:
            raise self.error

    def arrived(self, topic, payload):
        """Called with a message (bytes, bytes). True if it was kept."""
        if len(self._inbox) >= _INBOX or self._bytes + len(payload) > _INBOX_BYTES:
            self.dropped += 1
            return False
        try:
            topic = str(topic, "utf-8")
        except UnicodeError:
            self.dropped += 1
            return False
        self._inbox.append((topic, payload))
        self._bytes += len(payload)
        self._came.wake()
        return True

    def lost(self, error=None):
        """Called when the session is over."""
        if self.error is None:
            self.error = error or MqttError("session", None, "connection lost")
        self._came.wake()


def topic_of(text):
    """`text` as bytes for a command. Raises ValueError where it cannot stand in one."""
    topic = text.encode()
    if not topic or len(topic) > 256:
        raise ValueError("expected a topic of 1 to 256 bytes, not %d" % len(topic))
    for c in topic:
        if c < 32 or c == 34 or c == 127:
            raise ValueError("expected a topic without quotes and control characters, not %r" % text)
    return topic


class Offloaded(Client):
    """A session that the module keeps; one at a time. urcs: {prefix: handler(line, payload)} while it is used."""

    waits_since = handle = None  # as UdpSocket, among which the modem has it

    def __init__(self, modem, urcs):
        super().__init__()
        if modem.socket(_NAME) is not None:
            raise MqttError("connect", None, "another session is open; close it")
        self._modem = modem
        self._urcs = urcs
        self._id = 0
        for prefix, handler in urcs.items():
            modem.listen(prefix, handler, self._cut)
        modem.adopt(_NAME, self)

    def next_id(self):
        """A packet id; raises what ended the session."""
        self.check()
        self._id = self._id % 0xFFFF + 1
        return self._id

    async def late(self, command, then, then_ms, data=None, timeout_ms=9000):
        """Fields of the line that begins with `then`, which `command` has besides its OK."""
        return split((await self._modem.channel.cmd(command, None, timeout_ms, then, then_ms, data))[len(then) :])

    def _cut(self, line):
        """A message that is longer than the buffer."""
        self.dropped += 1

    def ended(self, text, code=None):
        """The session is over."""
        self.lost(MqttError("session", code, text))

    async def _shut(self):
        """Disconnect, in the module's way; harmless where nothing is open."""

    async def _close(self):
        try:
            await self._shut()
        finally:
            self.release()

    def release(self):
        """Listen no more."""
        for prefix in self._urcs:
            self._modem.unlisten(prefix)
        self._modem.forget(_NAME, self)


async def opened(client, *steps):
    """`client` after its steps of opening, which are awaited in turn; closed where one fails."""
    done = False
    try:
        for step in steps:
            await step
        done = True
    finally:
        if not done:
            await client.close()
    return client
