"""MQTT 3.1.1 (OASIS standard) over a StreamSocket, for modules without a client of their own."""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from cellular.errors import CellularError
from cellular.modem.mqtt import CONNECT_MS, Client, MqttError, refusal
from cellular.waiter import Waiter
from micropython import const

_CONNECT = const(0x10)
_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_SUBSCRIBE = const(0x82)
_SUBACK = const(0x90)
_UNSUBSCRIBE = const(0xA2)
_UNSUBACK = const(0xB0)
_PINGRESP = const(0xD0)
_PINGREQ = b"\xc0\x00"
_DISCONNECT = b"\xe0\x00"
_ROOM = const(2048)  # of a packet; of a longer one so much is looked at and the rest passed over
_ANSWER_MS = const(40000)
_TRIES = const(2)  # a QoS 1 message is sent once more where no PUBACK came


def _text(value):
    data = value if isinstance(value, (bytes, bytearray)) else value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first, body, payload=b""):
    """A control packet, complete."""
    n = len(body) + len(payload)
    head = bytearray((first,))
    while n > 127:
        head.append(0x80 | n & 127)
        n >>= 7
    head.append(n)
    return b"".join((head, body, payload))


def connect_packet(client_id, user, password, keepalive_s, clean):
    """CONNECT without a will."""
    flags = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = b"\x00\x04MQTT\x04" + bytes((flags, keepalive_s >> 8, keepalive_s & 255)) + _text(client_id)
    for value in (user, password):
        if value is not None:
            body += _text(value)
    return packet(_CONNECT, body)


class Packets:
    """Cuts the bytes of a stream into packets: `feed(data)` calls `sink(first byte, memoryview of the body, length)`.

    Of a body longer than the buffer the view is the beginning and shorter than the length. Raises ValueError where the
    stream is no MQTT.
    """

    def __init__(self, sink, room=_ROOM):
        self._sink = sink
        self._buf = bytearray(room)
        self._mv = memoryview(self._buf)
        self._restart()

    def _restart(self):
        self._first = None
        self._shift = 0
        self._length = 0
        self._body = False
        self._have = 0
        self._seen = 0

    def feed(self, data):
        pos = 0
        end = len(data)
        while pos < end:
            if self._body:
                n = min(end - pos, self._length - self._seen)
                keep = min(n, len(self._buf) - self._have)
                if keep:
                    self._mv[self._have : self._have + keep] = data[pos : pos + keep]
                    self._have += keep
                self._seen += n
                pos += n
            elif self._first is None:
                self._first = data[pos]
                pos += 1
                continue
            else:
                byte = data[pos]
                pos += 1
                self._length |= (byte & 127) << self._shift
                self._shift += 7
                if byte & 128:
                    if self._shift > 21:
                        raise ValueError("remaining length of more than four bytes")
                    continue
                self._body = True
            if self._seen == self._length:
                first, have, length = self._first, self._have, self._length
                self._restart()
                self._sink(first, self._mv[:have], length)


class StreamClient(Client):
    """A session over `stream`; a task of its own reads, acknowledges and keeps it alive."""

    def __init__(self, stream, keepalive_s):
        super().__init__()
        self.answer_ms = _ANSWER_MS
        self.pinged = None  # ticks_ms of a PINGREQ without answer
        self._stream = stream
        self._keepalive_ms = keepalive_s * 1000
        self._sent_ms = ticks_ms()
        self._packets = Packets(self._packet)
        self._answers = {}  # (type, packet id): bytes of the answer
        self._answered = Waiter()
        self._acks = []  # packet ids of QoS 1 messages that are to be acknowledged
        self._writing = asyncio.Lock()
        self._using = asyncio.Lock()
        self._id = 0
        self._task = None

    async def open(self, hello):
        """Send CONNECT and wait for its answer. Raises MqttError."""
        await self._write(hello)
        self._task = asyncio.create_task(self._read())
        answer = await self._answer((_CONNACK, 0), "connect", CONNECT_MS // 2)
        if answer[1]:
            raise refusal(answer[1])

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        head = _text(topic)
        first = _PUBLISH | qos << 1 | retain
        if qos == 0:
            self.check()
            await self._write(packet(first, head, payload))
            return
        if qos != 1:
            raise ValueError("expected QoS 0 or 1, not %r" % qos)
        async with self._using:
            mid = self._next_id()
            for attempt in range(_TRIES):
                await self._write(packet(first | (8 if attempt else 0), head + mid, payload))
                try:
                    await self._answer((_PUBACK, mid), "publish", self.answer_ms)
                    return
                except MqttError:
                    if self.error is not None or attempt == _TRIES - 1:
                        raise

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS granted. Raises MqttError."""
        async with self._using:
            mid = self._next_id()
            await self._write(packet(_SUBSCRIBE, mid + _text(topic) + bytes((qos,))))
            granted = (await self._answer((_SUBACK, mid), "subscribe", self.answer_ms))[2]
        if granted > 2:
            raise MqttError("subscribe", granted, "not granted by the broker")
        return granted

    async def unsubscribe(self, topic):
        async with self._using:
            mid = self._next_id()
            await self._write(packet(_UNSUBSCRIBE, mid + _text(topic)))
            await self._answer((_UNSUBACK, mid), "unsubscribe", self.answer_ms)

    async def _close(self):
        async with self._writing:  # an acknowledgement on its way is not cut in the middle
            if self._task is not None:
                self._task.cancel()
                self._task = None
        try:
            if self.error is None:
                await self._write(_DISCONNECT)
        finally:
            await self._stream.close()

    def _next_id(self):
        self.check()
        self._id = self._id % 0xFFFF + 1
        return self._id.to_bytes(2, "big")

    async def _write(self, data):
        async with self._writing:
            await self._stream.send(data)
            self._sent_ms = ticks_ms()

    async def _answer(self, key, what, timeout_ms):
        """The body of the answer `key`; one task at a time waits here."""
        end = ticks_add(ticks_ms(), timeout_ms)
        self._answers[key] = None
        try:
            while self._answers[key] is None:
                self.check()
                left = ticks_diff(end, ticks_ms())
                if left <= 0:
                    raise MqttError(what, None, "no answer of the broker within %d ms" % timeout_ms)
                await self._answered.wait(left)
            return self._answers[key]
        finally:
            del self._answers[key]

    async def _read(self):
        buf = bytearray(256)
        view = memoryview(buf)
        try:
            while True:
                n = await self._stream.recv_into(buf, await self._keep_alive())
                if n:
                    self._packets.feed(view[:n])
                while self._acks:
                    await self._write(b"\x40\x02" + self._acks.pop(0))
        except ValueError as e:
            self.lost(MqttError("receive", None, "the broker's answer is damaged: %s" % e))
        except CellularError as e:
            self.lost(e)
        finally:
            self._answered.wake()

    async def _keep_alive(self):
        """Ping where it is due; returns how long the next read may wait."""
        if not self._keepalive_ms:
            return 60000
        now = ticks_ms()
        if self.pinged is not None and ticks_diff(now, self.pinged) > _ANSWER_MS:
            raise MqttError("keep-alive", None, "no PINGRESP within %d ms" % _ANSWER_MS)
        # Early enough that a slow radio brings it in time.
        due = self._keepalive_ms * 3 // 4 - ticks_diff(now, self._sent_ms)
        if due <= 0:
            if self.pinged is None:
                self.pinged = now
            await self._write(_PINGREQ)
            due = self._keepalive_ms * 3 // 4
        return min(due, _ANSWER_MS) + 1

    def _packet(self, first, body, length):
        kind = first & 0xF0
        have = len(body)
        if kind == _PUBLISH:
            self._message(first, body, length)
        elif kind == _PINGRESP:
            self.pinged = None
        elif have >= 2 and kind in (_CONNACK, _PUBACK, _SUBACK, _UNSUBACK):
            if kind == _SUBACK and have < 3:
                raise ValueError("SUBACK without a code")
            key = (kind, 0 if kind == _CONNACK else bytes(body[:2]))
            if key in self._answers:
                self._answers[key] = bytes(body)
                self._answered.wake()
        else:
            raise ValueError("packet 0x%02x of %d bytes" % (first, length))

    def _message(self, first, body, length):
        qos = first >> 1 & 3
        n = 2 + (body[0] << 8 | body[1]) if len(body) >= 2 else 2
        start = n + 2 if qos else n
        if start > len(body) or qos > 1:
            raise ValueError("PUBLISH of QoS %d with a topic of %d bytes" % (qos, n - 2))
        if length > len(body):
            self.dropped += 1
        elif not self.arrived(bytes(body[2:n]), bytes(body[start:])):
            return  # not acknowledged, so that a broker that keeps the session sends it again
        if qos:
            self._acks.append(bytes(body[n:start]))


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    stream = await modem.tls_open(host, port, tls) if tls else await modem.tcp_open(host, port)
    client = StreamClient(stream, keepalive_s)
    try:
        await client.open(connect_packet(client_id, user, password, keepalive_s, clean))
    except BaseException:
        client.error = client.error or MqttError("connect")  # no DISCONNECT to one that has not let us in
        await client.close()
        raise
    return client
