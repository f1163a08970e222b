"""TCP and TLS connections inside the modem. As with UDP, they live for one session and are never held across sleep."""

from time import ticks_add, ticks_diff, ticks_ms

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, ModemReset, SocketError
from cellular.trace import trace
from cellular.waiter import Waiter
from micropython import const

_POLL_MS = const(10000)  # a URC that says data are there may get lost, and no other comes before they are read
_READ_MAX = const(1024)
_HELD = const(8192)  # bytes that are kept for a reader who is slower than a module that pushes


class StreamSocket:
    """Made by `open_stream`; one task may send while another one receives.

    A dialect gives `stream_open(modem, sid, host, port, tls)`, `stream_send(modem, sid, data)`, `STREAM_MAX` (bytes of
    one send), `stream_close(modem, sid)`, and, where the module keeps what comes until it is asked,
    `stream_read(modem, sid, count)`: bytes, b"" if there are none. It calls `readable`, `arrived` and `lost`. Where the
    module chooses the number itself, `stream_open` sets `handle`, and `find` finds the socket by it.
    """

    def __init__(self, modem, dialect, sid):
        self.dropped = 0  # bytes that came faster than they were read, from a module that pushes
        self.waits_since = None  # as UdpSocket
        self.sid = sid
        self.handle = sid  # what the module calls it, where it chooses numbers itself
        self._modem = modem
        self._dialect = dialect
        self._pulls = hasattr(dialect, "stream_read")
        self._readable = False
        self._held = bytearray()
        self._looked_ms = ticks_ms()
        self._waiter = Waiter()
        self._error = None
        self._closed = False

    async def send(self, data):
        """Hand `data` to the module, which delivers them in order or loses the connection. Raises SocketError, ..."""
        self._check()
        view = memoryview(data)
        most = self._dialect.STREAM_MAX
        for at in range(0, len(view), most):
            try:
                await self._dialect.stream_send(self._modem, self.handle, bytes(view[at : at + most]))
            except ATError as e:  # most modules say so of a connection that is gone
                raise SocketError("send", e.code, e.answer)

    async def recv_into(self, buf, timeout_ms):
        """Put what has come into `buf`; returns how many bytes, 0 if none came in time. Raises SocketError at the end
        of the connection, after everything that came before it."""
        end = ticks_add(ticks_ms(), timeout_ms)
        while True:
            if self._held:
                return self._take(buf)
            if self._pulls and (self._readable or self._error or self._is_poll_due()):
                if await self._pull(len(buf)):
                    continue
            if self._readable:
                continue
            self._check()
            left = ticks_diff(end, ticks_ms())
            if left <= 0:
                return 0
            await self._waiter.wait(min(left, _POLL_MS) if self._pulls else left)

    def _take(self, buf):
        n = min(len(buf), len(self._held))
        buf[:n] = self._held[:n]
        self._held = self._held[n:]
        return n

    def _is_poll_due(self):
        return ticks_diff(ticks_ms(), self._looked_ms) >= _POLL_MS

    async def _pull(self, count):
        self._readable = False
        self._looked_ms = ticks_ms()
        if self._closed or isinstance(self._error, ModemReset):
            return False
        try:
            data = await self._dialect.stream_read(self._modem, self.handle, min(count, _READ_MAX))
        except CellularError as e:
            if self._error is None:
                self._error = e
            return False
        if data:
            self._readable = True  # there may be more, and the module says so only once
            self._held.extend(data)
        return bool(data)

    async def close(self):
        """Close; no error if the modem has lost it already."""
        if self._closed:
            return
        self._closed = True
        reset = isinstance(self._error, ModemReset)
        self._error = SocketError("use", None, "it is closed")
        self._waiter.wake()
        try:
            if not reset:
                await self._dialect.stream_close(self._modem, self.handle)
        except CellularError as e:
            trace("close_failed", error=str(e))
        finally:
            self._modem.forget(self.sid, self)

    def _check(self):
        if self._error is not None:
            raise self._error

    def readable(self):
        """Called by the dialect: data wait in the module."""
        self._readable = True
        self._waiter.wake()

    def arrived(self, data):
        """Called by the dialect with data that the module has pushed."""
        if len(self._held) + len(data) > _HELD:
            # A stream with a hole is none.
            self.dropped += len(data)
            self.lost(SocketError("receive", None, "more than %d bytes wait to be read" % _HELD))
            return
        self._held.extend(data)
        self._waiter.wake()

    def lost(self, error=None):
        """Called by the dialect or the modem when the connection is over."""
        if self._error is None:
            self._error = error or SocketError("receive", None, "closed by the server or the network; open another")
        self._waiter.wake()


def find(modem, handle):
    """The stream that the module calls `handle`, or None."""
    for sock in modem.sockets():
        if isinstance(sock, StreamSocket) and sock.handle == handle:
            return sock
    return None


def follow(modem, prefixes, received):
    """Tell the streams what comes for them in lines that begin with one of `prefixes`.

    received(line, payload): (socket, True) where data wait in the module, (socket, bytes) for data that it pushes,
    (socket, None) where the connection is over, None where the line says nothing; ValueError if it is damaged.
    """

    def event(line, payload):
        try:
            told = received(line, payload)
        except ValueError:
            told = number(split(line[line.find(b":") + 1 :]), 0), None  # a stream with a hole is none
        sock = find(modem, told[0]) if told else None
        if sock is None:
            return
        if told[1] is True:
            sock.readable()
        elif told[1] is None:
            sock.lost()
        else:
            sock.arrived(told[1])

    for prefix in prefixes:
        modem.listen(prefix, event)


async def open_stream(modem, dialect, sid, host, port, tls):
    """Open the connection `sid`, a number or name that is free. Raises SocketError, TlsError, ..."""
    sock = StreamSocket(modem, dialect, sid)
    modem.adopt(sid, sock)
    try:
        await dialect.stream_open(modem, sid, host, port, tls)
    except BaseException:
        modem.forget(sid, sock)
        raise
    return sock
