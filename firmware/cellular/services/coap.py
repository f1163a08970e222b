"""CoAP over UDP (RFC 7252), the client's half, in two fixed buffers.

Confirmable requests with retransmission; answers in the acknowledgement or apart from it; duplicates, resets, and
answers to earlier requests told apart. One request at a time (NSTART = 1). No block-wise transfer: a datagram holds it.
"""

import asyncio
import time

from cellular.errors import CellularError, ServerAnswerUnknown, ServerRefused, ServerUnreachable
from cellular.services import random_bytes
from micropython import const

CON = const(0)
NON = const(1)
ACK = const(2)
RST = const(3)

METHODS = {"GET": 1, "POST": 2, "PUT": 3, "DELETE": 4}

URI_HOST = const(3)
URI_PATH = const(11)
CONTENT_FORMAT = const(12)
URI_QUERY = const(15)
_BLOCK2 = const(23)
_BLOCK1 = const(27)

DATAGRAM_BYTES = const(600)
_ROOM_BYTES = const(485)  # of the 512 that modules take, without header, Content-Format and `seq`: for URI and record
_TOKEN_BYTES = const(4)
_REMEMBERED = const(4)
_LOOK_MS = const(2000)


class CoapFormatError(ValueError):
    """The datagram is not a CoAP message. `mid` is its message id where that much could be read, else None."""

    def __init__(self, what, mid=None):
        super().__init__("not a CoAP message: " + what)
        self.mid = mid


class ServerReset(CellularError):
    """The server answered with a Reset: it could not make sense of the request, or runs no CoAP server there."""

    def __init__(self):
        super().__init__("server rejected the message with a CoAP Reset; check host, port and path of the CoAP server")


class Params:
    """Transmission parameters of RFC 7252 section 4.8; `response_ms` bounds the wait for a separate answer.

    The k-th wait is ack_timeout_ms * (1 to ack_random_factor) * 2**k, for k = 0 to max_retransmit.
    """

    def __init__(self, ack_timeout_ms=6000, ack_random_factor=1.5, max_retransmit=3, response_ms=30000):
        if ack_timeout_ms < 1 or ack_random_factor < 1 or max_retransmit < 0 or response_ms < 1:
            raise ValueError("CoAP parameters: times above 0, ack_random_factor 1 or more, max_retransmit 0 or more")
        self.ack_timeout_ms = ack_timeout_ms
        self.ack_random_factor = ack_random_factor
        self.max_retransmit = max_retransmit
        self.response_ms = response_ms

    @property
    def deadline_ms(self):
        """The longest time a request can take (the socket's own time to send comes on top)."""
        waits = (1 << (self.max_retransmit + 1)) - 1
        return int(self.ack_timeout_ms * self.ack_random_factor * waits) + self.response_ms


# A request from idle passes random access and connection set-up first: a second or two in good coverage, up to the 10 s
# that NB-IoT is designed for in an alarm from deep coverage (3GPP TR 45.820, exception reports). With the 2 s of
# RFC 7252 an alarm would go out three times before its first copy is on the air. With 6 s a lost datagram costs 6 to
# 9 s; in deep coverage, where an answer takes half a minute, the socket's patience comes on top. Gives up after 90 to
# 135 s, in deep coverage after 5 minutes at most.
NB_IOT = Params()

RFC7252 = Params(2000, 1.5, 4)


def encode(buf, mtype, code, mid, token=b"", options=(), payload=b""):
    """Write a message into `buf`, return its length in bytes.

    `code` as one byte (class << 5 | detail); `options` is a sequence of (number, bytes) in rising order of number.
    Raises ValueError if the message does not fit or the options are out of order.
    """
    size = 4 + len(token) + sum(5 + len(value) for _, value in options) + (1 + len(payload) if len(payload) else 0)
    if size > len(buf):
        raise ValueError("CoAP message of up to %d bytes does not fit the buffer of %d" % (size, len(buf)))
    if len(token) > 8:
        raise ValueError("CoAP token of %d bytes, at most 8 are allowed" % len(token))
    buf[0] = 0x40 | mtype << 4 | len(token)
    buf[1] = code
    buf[2] = mid >> 8
    buf[3] = mid & 0xFF
    pos = 4 + len(token)
    buf[4:pos] = token
    last = 0
    for number, value in options:
        if number < last:
            raise ValueError("CoAP option %d after %d; give them in rising order" % (number, last))
        head = pos
        buf[head] = 0
        pos = _put_nibble(buf, head, head + 1, 4, number - last)
        pos = _put_nibble(buf, head, pos, 0, len(value))
        buf[pos : pos + len(value)] = value
        pos += len(value)
        last = number
    if len(payload):
        buf[pos] = 0xFF
        pos += 1
        buf[pos : pos + len(payload)] = payload
        pos += len(payload)
    return pos


def _put_nibble(buf, head, pos, shift, n):
    """Delta or length `n`: in the nibble of the option's first byte, or in one or two bytes more."""
    if n < 13:
        buf[head] |= n << shift
    elif n < 269:
        buf[head] |= 13 << shift
        buf[pos] = n - 13
        pos += 1
    else:
        buf[head] |= 14 << shift
        buf[pos] = (n - 269) >> 8
        buf[pos + 1] = (n - 269) & 0xFF
        pos += 2
    return pos


class Message:
    """A decoded message: `code` is (class, detail), `options` a list of (number, bytes)."""

    def __init__(self, mtype, code, mid, token, options, payload):
        self.mtype = mtype
        self.code = code
        self.mid = mid
        self.token = token
        self.options = options
        self.payload = payload

    def unknown(self):
        """What this client does not know, as text: a critical option (RFC 7252 section 5.4.1), or 2.31, which asks
        for more. None where the answer is one.

        A block option is known where it says that there is one block only (RFC 7959 section 2.2).
        """
        for number, value in self.options:
            one_block = number in (_BLOCK1, _BLOCK2) and (len(value) == 0 or len(value) == 1 and value[0] < 8)
            if number & 1 and not one_block:
                name = "Block2" if number == _BLOCK2 else "Block1" if number == _BLOCK1 else "critical"
                return "option %d (%s)" % (number, name)
        return "a request for the next block" if self.code == (2, 31) else None  # RFC 7959


def decode(buf):
    """The `Message` in `buf`. Raises `CoapFormatError` (a ValueError) and nothing else."""
    n = len(buf)
    if n < 4:
        raise CoapFormatError("%d bytes, the header alone has 4" % n)
    mid = buf[2] << 8 | buf[3]
    first = buf[0]
    if first >> 6 != 1:
        # The id of another version need not be an id, so it is not given.
        raise CoapFormatError("version %d, expected 1" % (first >> 6))
    code = (buf[1] >> 5, buf[1] & 31)
    length = first & 15
    if length > 8 or 4 + length > n:
        raise CoapFormatError("token of %d bytes in a message of %d" % (length, n), mid)
    if code == (0, 0) and n > 4:
        raise CoapFormatError("empty message with %d bytes after its header" % (n - 4), mid)
    if code[0] in (1, 6, 7):
        raise CoapFormatError("code %d.%02d is of a reserved class" % code, mid)
    pos = 4 + length
    token = bytes(buf[4:pos])
    options = []
    number = 0
    while pos < n:
        byte = buf[pos]
        pos += 1
        if byte == 0xFF:
            if pos == n:
                raise CoapFormatError("payload marker without payload", mid)
            break
        delta, pos = _nibble(buf, pos, byte >> 4, mid)
        size, pos = _nibble(buf, pos, byte & 15, mid)
        number += delta
        if number > 0xFFFF or pos + size > n:
            raise CoapFormatError("option %d of %d bytes at offset %d in a message of %d" % (number, size, pos, n), mid)
        options.append((number, bytes(buf[pos : pos + size])))
        pos += size
    return Message(first >> 4 & 3, code, mid, token, options, bytes(buf[pos:n]))


def _nibble(buf, pos, n, mid):
    if n < 13:
        return n, pos
    more = n - 12
    if n == 15 or pos + more > len(buf):
        raise CoapFormatError("option head cut short or reserved at offset %d" % pos, mid)
    if n == 13:
        return buf[pos] + 13, pos + 1
    return (buf[pos] << 8 | buf[pos + 1]) + 269, pos + 2


def parse_uri(uri, record_bytes=400):
    """(host, port, path, query) of a `coap://` URI that leaves room for records. Raises ValueError with what was
    expected."""
    if not uri.startswith("coap://"):
        raise ValueError("expected coap://host[:port]/path, not %s" % uri)
    rest, _, query = uri[7:].partition("?")
    authority, _, path = rest.partition("/")
    if authority.startswith("["):
        host, closed, port = authority[1:].partition("]")
        authority = host if closed and (not port or port[0] == ":") else ""
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if not authority or not host or "%" in uri or "#" in uri or "@" in authority:
        raise ValueError("expected coap://host[:port]/path without %%, # or user, not %s" % uri)
    try:
        number = int(port) if port else 5683
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise ValueError("expected a port from 1 to 65535 in %s" % uri)
    parts = path.split("/") + query.split("&") + ["" if _is_literal(host) else host]
    size = sum(len(part) + (2 if len(part) > 12 else 1) for part in parts if part)
    if size > _ROOM_BYTES - record_bytes:
        most = _ROOM_BYTES - record_bytes
        raise ValueError("expected host, path and query to take %d bytes at most, not %d" % (most, size))
    return host, number, path, query


def _is_literal(host):
    return ":" in host or all(part.isdigit() for part in host.split("."))


_last_mid = None  # of this run, over all clients: a server may remember an id for four minutes (section 4.8.2)


def _new_mid():
    global _last_mid
    if _last_mid is None:
        _last_mid = int.from_bytes(random_bytes(2), "big")
    _last_mid = (_last_mid + 1) & 0xFFFF
    return _last_mid


class Client:
    """Requests over `sock`, a connected `UdpSocket` (`send`, `recv_into`, `close`; `patience_ms`, if it has that, tells
    how long after a transmission an answer may still come, and makes the wait for it longer).

    `host` is the name for the Uri-Host option, which is left out for an IP literal (RFC 7252 section 5.10.1).
    `counters` counts what was ignored: `malformed`, `stray` (wrong token or message id, or a late answer),
    `duplicate`, `rejected` (unknown critical option, 2.31); and `unreplied` (acknowledgements and resets that could
    not be sent), `cut` (answers over 600 bytes, whose payload is dropped), `retransmitted`.
    """

    def __init__(self, sock, params=NB_IOT, host=None):
        self.sock = sock
        self.params = params
        self.host = host if host and not _is_literal(host) else None
        self.counters = {"malformed": 0, "stray": 0, "duplicate": 0, "rejected": 0}
        self.counters.update({"unreplied": 0, "cut": 0, "retransmitted": 0})
        self._tx = bytearray(DATAGRAM_BYTES)
        self._rx = bytearray(DATAGRAM_BYTES + 1)
        self._short = bytearray(4)
        self._mid = 0
        self._token = b""  # of the current request
        self._sent = 0  # transmissions of the current request
        self._answered = []  # message ids of separate answers that were acknowledged, newest last
        self._heard = False  # the server has acknowledged the current request
        self._patience_ms = getattr(sock, "patience_ms", None)
        self._odd = None  # what was rejected of its answers

    async def post(self, path, payload, content_format=None):
        return await self.request("POST", path, payload, content_format)

    async def request(self, method, path, payload=b"", content_format=None, query=()):
        """Send one confirmable request; return ((class, detail), payload) of a 2.xx answer.

        `path` is `a/b`, `query` a sequence of `key=value`. Ends within `params.deadline_ms` plus the time of the
        socket's sends and, once a transmission, its patience. Raises `ServerRefused` for 4.xx and 5.xx,
        `ServerUnreachable` when no answer came, `ServerAnswerUnknown` when only such came as were rejected,
        `ServerReset`, whatever `CellularError` the socket raises, ValueError if the request does not fit a datagram.
        """
        self._token = random_bytes(_TOKEN_BYTES)
        self._mid = _new_mid()
        self._heard = False
        self._odd = None
        options = self._options(path, content_format, query)
        n = encode(self._tx, CON, METHODS[method], self._mid, self._token, options, payload)
        request = memoryview(self._tx)[:n]
        began = time.ticks_ms()
        answer = await self._exchange(request)
        if answer is None:
            if self._odd is not None:
                raise self._odd
            raise ServerUnreachable(self._sent, time.ticks_diff(time.ticks_ms(), began))
        if answer.code[0] != 2:
            raise ServerRefused(answer.code)
        return answer.code, answer.payload

    def _options(self, path, content_format, query):
        options = []
        if self.host:
            options.append((URI_HOST, self.host.encode()))
        for part in path.strip("/").split("/"):
            if part:
                options.append((URI_PATH, part.encode()))
        if content_format is not None:
            size = 0 if content_format == 0 else 1 if content_format < 256 else 2
            options.append((CONTENT_FORMAT, content_format.to_bytes(size, "big")))
        for part in query:
            options.append((URI_QUERY, part.encode()))
        return options

    async def _exchange(self, request):
        params = self.params
        jitter = int.from_bytes(random_bytes(2), "big") / 65535
        wait_ms = int(params.ack_timeout_ms * (1 + (params.ack_random_factor - 1) * jitter))
        for self._sent in range(1, params.max_retransmit + 2):
            if self._sent > 1:
                self.counters["retransmitted"] += 1
            await self.sock.send(request)
            answer = await self._listen(wait_ms, False)
            if answer is not None:
                return answer
            if self._heard:
                return await self._listen(params.response_ms, True)
            wait_ms *= 2
        return None

    async def _listen(self, wait_ms, heard):
        """The answer, or None when the time is over or, unless `heard`, as soon as the request is acknowledged."""
        began = time.ticks_ms()
        while self._heard == heard:
            gone_ms = time.ticks_diff(time.ticks_ms(), began)
            left_ms = wait_ms - gone_ms
            if left_ms <= 0:
                # What is slow and not lost must not be sent again. It may change, so it is looked at again.
                left_ms = self._patience_ms() - gone_ms if self._patience_ms and not heard else 0
                if left_ms <= 0:
                    return None
                left_ms = min(left_ms, _LOOK_MS)
            n = await self.sock.recv_into(self._rx, left_ms)
            if n == 0:
                # A socket that says so too early must not turn this into a loop that starves every other task.
                await asyncio.sleep_ms(min(10, left_ms))
                continue
            answer = await self._sort(memoryview(self._rx)[:n])
            if answer is not None:
                if n > DATAGRAM_BYTES:
                    # The code counts all the same: it says that the record has arrived.
                    self.counters["cut"] += 1
                    answer.payload = b""
                return answer
        return None

    async def _sort(self, datagram):
        """What came, by RFC 7252 sections 4.2 to 4.5 and 5.3.2: the answer, or None."""
        try:
            m = decode(datagram)
        except CoapFormatError as e:
            self.counters["malformed"] += 1
            if e.mid is not None and datagram[0] >> 4 & 3 == CON:
                await self._reply(RST, e.mid)
            return None
        if m.mtype == ACK or m.mtype == RST:
            return self._acknowledged(m)
        if m.mid in self._answered and m.mtype == CON:
            self.counters["duplicate"] += 1
            await self._reply(ACK, m.mid)
            return None
        known = m.code[0] >= 2 and m.token == self._token
        if known and not self._rejects(m):
            if m.mtype == CON:
                self._answered = self._answered[1 - _REMEMBERED :] + [m.mid]
                await self._reply(ACK, m.mid)
            return m
        if not known:
            self.counters["stray"] += 1
        if m.mtype == CON:
            await self._reply(RST, m.mid)
        return None

    def _acknowledged(self, m):
        if m.mid != self._mid or (m.code[0] == 0 and m.code[1]) or (m.mtype == RST and m.code != (0, 0)):
            self.counters["stray"] += 1
            return None
        if m.mtype == RST:
            raise ServerReset()
        if m.code == (0, 0):
            self._heard = True
            return None
        if m.token != self._token:
            self.counters["stray"] += 1
            return None
        return None if self._rejects(m) else m

    def _rejects(self, m):
        what = m.unknown()
        if what is None:
            return False
        self.counters["rejected"] += 1
        self._odd = ServerAnswerUnknown(m.code, what)
        return True

    async def _reply(self, mtype, mid):
        """An empty ACK or RST. That it fails is no reason to lose the answer it replies to."""
        encode(self._short, mtype, 0, mid)
        try:
            await self.sock.send(self._short)
        except CellularError:
            self.counters["unreplied"] += 1
