"""A modem's sockets, and who gets what it says by itself."""

from time import ticks_diff, ticks_ms

from cellular.errors import ModemReset, SocketError
from cellular.modem.udp import UdpSocket
from cellular.trace import trace


class Connections:
    """The half of a `Modem` (see there) that has to do with its connections."""

    async def udp_open(self, host, port):
        """Open a UDP socket to `host` (str), `port`. Returns a UdpSocket. Raises SocketError, ATError, ..."""
        self._udp = self.dialect("udp")
        await self.bearer()
        sid = self._free(self.profile.SOCKETS, self.profile.FIRST_SOCKET)
        sock = UdpSocket(self, self._udp, sid)
        self._sockets[sid] = sock
        try:
            await sock.open(host, port)
        except BaseException:
            self.forget(sid, sock)
            raise
        return sock

    async def tcp_open(self, host, port):
        """Open a TCP connection. Returns a StreamSocket. Raises SocketError, NotSupported, ..."""
        return await self._stream("tcp", host, port, None)

    async def tls_open(self, host, port, tls):
        """As `tcp_open`, secured as `tls` (cellular.modem.tls.Tls) says. Raises TlsError too."""
        return await self._stream("tls", host, port, tls)

    async def _stream(self, capability, host, port, tls):
        from cellular.modem.streams import open_stream

        dialect = self.dialect(capability)
        await self.bearer()
        if hasattr(dialect, "stream_name"):
            for number in range(dialect.STREAMS):
                sid = dialect.stream_name(number)
                if sid not in self._sockets:
                    break
            else:
                raise SocketError("open", None, "all %d connections are in use; close one" % dialect.STREAMS)
        else:
            sid = self._free(self.profile.SOCKETS, self.profile.FIRST_SOCKET)
        return await open_stream(self, dialect, sid, host, port, tls)

    def _free(self, count, first):
        for sid in range(first, first + count):
            if sid not in self._sockets:
                return sid
        raise SocketError("open", None, "all %d sockets are in use; close one" % count)

    def adopt(self, sid, sock):
        """Socket `sid` is `sock`'s from now on."""
        self._sockets[sid] = sock

    def forget(self, sid, sock):
        """Socket `sid` is no longer `sock`'s."""
        if self._sockets.get(sid) is sock:
            del self._sockets[sid]

    def socket(self, sid):
        """The socket with that number or name, or None."""
        return self._sockets.get(sid)

    def sockets(self):
        """All that are open."""
        return list(self._sockets.values())

    def numbered(self, sid, handle):
        """The module calls socket `sid` by this number. One that had it before has been closed without a word. Raises
        ModemReset where a restart has closed `sid` itself."""
        mine = self._sockets.get(sid)
        if mine is None:
            raise ModemReset("the opening of a socket")
        for key, sock in list(self._sockets.items()):
            if key != sid and sock.handle == handle:
                sock.lost(SocketError("receive", None, "the module has given its number to another; open another"))
        mine.handle = handle

    def orphans(self, count, sid):
        """Which of the module's socket numbers below `count` are no socket's here, `sid` being opened just now: an
        earlier life may have left them open, and many modules survive that."""
        held = [sock.handle for key, sock in self._sockets.items() if key != sid]
        return [number for number in range(count) if number not in held]

    def listen(self, prefix, handler, on_cut=None):
        """Have handler(line, payload) called for lines that begin with `prefix`; payload is None where none follows.
        on_cut(line) is called with the beginning of one that is longer than the buffer, whose rest is lost."""
        self._listeners[prefix] = handler, on_cut

    def unlisten(self, prefix):
        """No longer."""
        self._listeners.pop(prefix, None)

    # --- what the modem says by itself ------------------------------------------------------------------------------

    def _cut(self, line):
        self._urc(line, None, True)

    def _payload(self, line, payload):
        self._urc(line, payload)

    def _urc(self, line, payload=None, cut=False):
        if self._udp is not None and self._datagram(line, payload, cut):
            return
        for prefix, (handler, on_cut) in self._listeners.items():
            if line.startswith(prefix):
                if not cut:
                    handler(line, payload)
                elif on_cut:
                    on_cut(line)
                return
        connected = self.profile and self.profile.rrc_event(line)
        if connected is not None:
            self._rrc(connected)
        if self.on_urc and not cut:
            self.on_urc(line)

    def _datagram(self, line, payload, cut):
        """Whether `line` belonged to a UDP socket."""
        received = self._udp.udp_received(line, payload, cut)
        if received is None:
            return False
        for sock in self._sockets.values():
            if sock.handle == received[0]:
                if not isinstance(sock, UdpSocket):
                    return False  # a stream's, which listens itself
                break
        else:
            trace("datagram_for_no_socket", socket=received[0])
            return True
        if received[1] is None:
            sock.lost(SocketError("receive", None, "closed by the network; open another"))
        elif received[1] is True:
            sock.readable()
        else:
            sock.arrived(received[1])
        return True

    def _rrc(self, connected):
        self.connected = connected
        for sock in self._sockets.values():
            if connected and sock.waits_since is not None:
                self.connect_ms = ticks_diff(ticks_ms(), sock.waits_since)
            sock.waits_since = None

    def _reset(self):
        expected = self._expected
        self._expected = False
        self._booted.wake()
        self.connected = None
        self._bearer = False
        self._listeners = {}
        sockets = self._sockets
        self._sockets = {}
        for sock in sockets.values():
            sock.lost(ModemReset("an open socket"))
        if self.on_reset:
            self.on_reset(expected)
