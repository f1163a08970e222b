"""A UDP socket inside the modem. It lives for one session: re-opened after each sleep, never held across it."""

import asyncio
from binascii import hexlify, unhexlify

from cellular.errors import ATError, CellularError, SocketError
from cellular.trace import trace

_IN_USE = 563
_QUEUE = 4  # datagrams that may wait; CoAP has one exchange at a time
_CODES = {
    550: "unknown error",
    552: "invalid parameters",
    553: "out of memory",
    554: "cannot create",
    556: "bind failed",
    563: "socket number in use",
    565: "DNS failed",
    566: "connect failed",
    568: "busy",
    569: "timeout",
    570: "no IP bearer",
    572: "not allowed",
    573: "APN not configured",
    574: "port busy",
}


class UdpSocket:
    """Made by Modem.udp_open."""

    def __init__(self, modem, sid):
        self.dropped = 0  # datagrams that came faster than they were read
        self._modem = modem
        self._sid = sid
        self._queue = []
        self._event = asyncio.Event()
        self._error = None

    async def open(self, host, port):
        """Open to host:port. A socket that an earlier life left open under this number is closed first."""
        modem = self._modem
        try:
            code = await modem.profile.udp_open(modem, self._sid, host, port)
        except ATError:
            code = _IN_USE  # the module does not say more at this point
        if code == _IN_USE:
            try:
                await modem.profile.udp_close(modem, self._sid)
            except ATError:
                pass
            code = await modem.profile.udp_open(modem, self._sid, host, port)
        if code:
            raise SocketError("open", code, _CODES.get(code, ""))

    async def send(self, data):
        """Hand one datagram to the modem. Raises SocketError if it is too long or not taken. Delivery is not implied."""
        if self._error:
            raise self._error
        modem = self._modem
        if len(data) > modem.profile.SEND_MAX:
            raise SocketError("send", None, "%d bytes; the module takes %d" % (len(data), modem.profile.SEND_MAX))
        if not await modem.profile.udp_send(modem, self._sid, hexlify(data)):
            raise SocketError("send", None, "SEND FAIL")

    async def recv_into(self, buf, timeout_ms):
        """Put the next datagram into `buf`; returns its length, 0 if none came in time. Too long ones are cut."""
        if not self._queue:
            if self._error:
                raise self._error
            self._event.clear()
            try:
                await asyncio.wait_for_ms(self._event.wait(), timeout_ms)
            except asyncio.TimeoutError:
                return 0
        if not self._queue:
            raise self._error
        data = unhexlify(self._queue.pop(0))
        n = min(len(data), len(buf))
        buf[:n] = data[:n]
        return n

    async def close(self):
        """Close; no error if the modem has lost it already."""
        self._modem.forget(self._sid)
        if self._error is None:
            try:
                await self._modem.profile.udp_close(self._modem, self._sid)
            except CellularError as e:
                trace("close_failed", error=str(e))

    def arrived(self, hexdata):
        """Called by the modem with a datagram in hex."""
        if len(self._queue) < _QUEUE:
            self._queue.append(hexdata)
        else:
            self.dropped += 1
        self._event.set()

    def lost(self, error):
        """Called by the modem when the socket is gone."""
        self._error = error
        self._event.set()
