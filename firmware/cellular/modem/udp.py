"""A UDP socket inside the modem. It lives for one session: re-opened after each sleep, never held across it."""

from time import ticks_diff, ticks_ms

from cellular.errors import ATError, CellularError, ModemReset, SocketError
from cellular.trace import trace
from cellular.waiter import Waiter
from micropython import const

_IN_USE = const(563)
# In good coverage a radio connects within 2 s. One that takes longer repeats what it sends, and so does the cell. In
# the bench's model of coverage level 2 it connects in 4 to 10 s, by luck, and the answer comes after 25 to 33 s.
_FAR_MS = const(3000)
_FAR_TIMES = const(8)
_CONNECT_MS = const(30000)
_PATIENCE_MS = const(60000)
_QUEUE = const(4)  # datagrams that may wait; CoAP has one exchange at a time
_CODES = {
    550: "unknown error",
    552: "invalid parameters",
    553: "out of memory",
    554: "cannot create",
    556: "bind failed",
    561: "no bearer: not registered",
    563: "socket number in use",
    565: "DNS failed: check the host name",
    566: "connect failed",
    568: "busy",
    569: "timeout",
    570: "no IP bearer",
    572: "not allowed",
    573: "APN not configured: set `apn`",
    574: "port busy",
}


class UdpSocket:
    """Made by Modem.udp_open; for one task at a time."""

    def __init__(self, modem, dialect, sid):
        self.dropped = 0  # datagrams that came faster than they were read
        self._modem = modem
        self._dialect = dialect
        self._readable = False  # data wait in the module
        self._sid = sid
        self.handle = sid  # what the module calls it, where it chooses numbers itself
        self._queue = []
        self._waiter = Waiter()
        self._error = None
        self.last = False  # set before the last exchange of a session: one answer is expected, and then nothing
        self.waits_since = None  # ticks_ms of a datagram that the radio has to connect for

    async def open(self, host, port):
        """Open to host:port. A socket that an earlier life left open under this number is closed first."""
        modem = self._modem
        try:
            code = await self._dialect.udp_open(modem, self._sid, host, port)
        except ATError:
            code = _IN_USE  # the module does not say more at this point
        if code == _IN_USE:
            try:
                await self._dialect.udp_close(modem, self.handle)
            except ATError:
                pass
            code = await self._dialect.udp_open(modem, self._sid, host, port)
        if code:
            await self._close()  # a number that failed to open stays in use until it is closed
            raise SocketError("open", code, _CODES.get(code, ""))

    async def send(self, data):
        """Hand one datagram to the modem, which implies no delivery. Raises SocketError if too long or not taken."""
        self._check()
        modem = self._modem
        if len(data) > modem.profile.SEND_MAX:
            raise SocketError("send", None, "%d bytes; the module takes %d" % (len(data), modem.profile.SEND_MAX))
        if modem.connected is False and self.waits_since is None:
            self.waits_since = ticks_ms()
        modem.last_exchange = self.last
        if self.last and modem.profile.RAI_LAST:
            await modem.try_command(modem.profile.RAI_LAST)
        if not await self._dialect.udp_send(modem, self.handle, data):
            raise SocketError("send", None, "SEND FAIL; no radio connection, or too much waits for it")

    def patience_ms(self):
        """How long after a datagram its answer may still be on its way, by what the radio tells: 0 if it tells nothing.

        While it connects the datagram is not on the air: another would only wait behind it.
        """
        if self.waits_since is not None:
            return _CONNECT_MS
        took_ms = self._modem.connect_ms
        if took_ms is None or took_ms < _FAR_MS:
            return 0
        return min(took_ms * _FAR_TIMES, _PATIENCE_MS)

    async def recv_into(self, buf, timeout_ms):
        """Put the next datagram into `buf`; returns its length, 0 if none came in time. Too long ones are cut."""
        began = looked = ticks_ms()
        poll_ms = self._modem.profile.UDP_POLL_MS if hasattr(self._dialect, "udp_read") else timeout_ms
        while not self._queue:
            self._check()
            now = ticks_ms()
            left = timeout_ms - ticks_diff(now, began)
            # The line that says that one waits may get lost, and no other comes before it is read.
            if self._readable or (left > 0 and ticks_diff(now, looked) >= poll_ms):
                looked = now
                await self._fetch()
                continue
            if left <= 0:
                return 0
            await self._waiter.wait(min(left, poll_ms))
        data = self._queue.pop(0)
        n = min(len(data), len(buf))
        buf[:n] = data[:n]
        return n

    async def close(self):
        """Close; no error if the modem has lost it already. Its number is free again when this returns."""
        if not isinstance(self._error, ModemReset):
            self._error = SocketError("use", None, "it is closed")
            try:
                await self._close()
            finally:
                self._modem.forget(self._sid, self)

    async def _close(self):
        try:
            await self._dialect.udp_close(self._modem, self.handle)
        except CellularError as e:
            trace("close_failed", error=str(e))

    def _check(self):
        if self._error is not None:
            raise self._error

    def arrived(self, data):
        """Called by the modem with a datagram."""
        if len(self._queue) < _QUEUE:
            self._queue.append(data)
        else:
            self.dropped += 1
        self._waiter.wake()

    async def _fetch(self):
        try:
            data = await self._dialect.udp_read(self._modem, self.handle)
        except ATError:
            data = None
        if data:
            self.arrived(data)  # there may be more, and the module says so only once
        else:
            self._readable = False

    def readable(self):
        """Called by the modem: a datagram waits in the module."""
        self._readable = True
        self._waiter.wake()

    def lost(self, error):
        """Called by the modem when the socket is gone."""
        self._error = error
        self._waiter.wake()
