"""Sockets of SIMCom A76xx and SIM7600 modules: `AT+NETOPEN`, `AT+CIPOPEN`; what comes is kept until `AT+CIPRXGET` asks.

The result line comes before or after OK, or before ERROR.
"""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from micropython import const

STREAM_MAX = const(1400)
_OPEN_MS = const(125000)
_LOCAL_PORT = const(49152)


async def result(modem, command, then, timeout_ms, data=None):
    """The fields behind `then`, wherever that line comes. Raises ATError where there is none."""
    ch = modem.channel
    try:
        line = await ch.cmd(command, None, timeout_ms, then, timeout_ms, data)
    except ATError as e:
        line = e.late
        if line is None:
            raise
    return split(line[len(then) :])


async def bearer(modem):
    """Bring up the IP service where it is not. Raises SocketError."""
    if await modem.channel.cmd(b"AT+NETOPEN?", b"+NETOPEN", 9000) == b"1":
        return
    await modem.try_command(b"AT+CIPRXGET=1")
    try:
        code = number(await result(modem, b"AT+NETOPEN", b"+NETOPEN: ", _OPEN_MS), 0)
    except ATError:
        code = 0  # "already opened" is all that it can say, and the next command would tell otherwise
    if code != 0:
        raise SocketError("bearer", code, "the network gives no IP; check the APN")


async def stream_open(modem, sid, host, port, tls):
    listen(modem)
    command = b'AT+CIPOPEN=%d,"TCP","%s",%d' % (sid, host.encode(), port)
    code = number(await result(modem, command, b"+CIPOPEN: %d," % sid, _OPEN_MS), 0)
    if code != 0:
        raise SocketError("open", code)


async def stream_send(modem, sid, data, peer=b""):
    command = b"AT+CIPSEND=%d,%d%s" % (sid, len(data), peer)
    fields = await result(modem, command, b"+CIPSEND: %d," % sid, _OPEN_MS, data)
    if number(fields, 1) != len(data):
        raise SocketError("send", number(fields, 1), "the module has taken less than it was given")


async def stream_read(modem, sid, count):
    try:
        await modem.channel.cmd(b"AT+CIPRXGET=2,%d,%d" % (sid, count), b"+CIPRXGET: 2", 9000)
    except ATError:
        return b""  # "No data"
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await result(modem, b"AT+CIPCLOSE=%d" % sid, b"+CIPCLOSE: %d," % sid, 12000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


_peers = {}  # of the UDP sockets: each datagram is sent with its address


async def udp_open(modem, sid, host, port):
    """Open socket `sid` for datagrams to host:port. Returns the module's error number, 0 = open."""
    _peers[sid] = b',"%s",%d' % (host.encode(), port)
    command = b'AT+CIPOPEN=%d,"UDP",,,%d' % (sid, _LOCAL_PORT + sid)
    code = number(await result(modem, command, b"+CIPOPEN: %d," % sid, _OPEN_MS), 0)
    return -1 if code is None else code


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    await stream_send(modem, sid, data, _peers[sid])
    return True


async def udp_read(modem, sid):
    """The next datagram, b"" if there is none."""
    return await stream_read(modem, sid, 1500)


def udp_received(line, payload=None, cut=False):
    """(sid, True) where a datagram waits, (sid, None) where the socket is closed, else None."""
    if line.startswith(b"+CIPRXGET: 1,"):
        return number(split(line[10:]), 1), True
    if line.startswith(b"+IPCLOSE:"):
        return number(split(line[9:]), 0), None
    return None


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"+CIPRXGET: 1,", b"+IPCLOSE:"), udp_received)
    modem.listen(b"+CIPEVENT:", lambda line, payload: modem.bearer_lost())
