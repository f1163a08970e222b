"""Sockets of SIMCom SIM7020 (`AT+CSOC`, `AT+CSOCON`, `AT+CSOSEND`): the module numbers its sockets, data come and go in
hex, and lengths count its digits."""

from binascii import hexlify, unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.address import address
from micropython import const

STREAM_MAX = const(512)
STREAMS = const(4)
_OPEN_MS = const(60000)
_SEND_MS = const(30000)
_NUMBERS = const(5)
_TCP = const(1)
_UDP = const(2)


async def _open(modem, sid, kind, host, port):
    peer = await address(modem, host)
    command = b"AT+CSOC=1,%d,1" % kind
    try:
        line = await modem.channel.cmd(command, b"+CSOC")
    except ATError:
        for handle in modem.orphans(_NUMBERS, sid):
            await stream_close(modem, handle)
        line = await modem.channel.cmd(command, b"+CSOC")
    handle = number(split(line or b""), 0)
    if handle is None:
        raise SocketError("open", None, "the module gives no socket")
    modem.numbered(sid, handle)
    try:
        await modem.channel.cmd(b'AT+CSOCON=%d,%d,"%s"' % (handle, port, peer), None, _OPEN_MS)
    except CellularError as e:
        await stream_close(modem, handle)
        raise SocketError("open", getattr(e, "code", None))


async def udp_open(modem, sid, host, port):
    """Open a socket for datagrams to host:port. Returns 0."""
    await _open(modem, sid, _UDP, host, port)
    return 0


async def udp_send(modem, handle, data):
    """Send a datagram. True if the module took it."""
    await stream_send(modem, handle, data)
    return True


def udp_received(line, payload=None, cut=False):
    """(socket, bytes) for a datagram, (socket, None) where the socket is closed, else None. Raises ValueError if it is
    damaged. cut: `line` lacks its end."""
    if line.startswith(b"+CSONMI:"):
        sid, digits, data = line[8:].split(b",", 2)
        data = data.strip()
        if cut:
            data = data[: len(data) & ~1]
        elif len(data) != int(digits):
            raise ValueError("datagram says %s digits and has %d" % (digits, len(data)))
        return int(sid), unhexlify(data)
    if line.startswith(b"+CSOERR:"):
        return number(split(line[8:]), 0), None
    return None


async def stream_open(modem, sid, host, port, tls):
    listen(modem)
    await _open(modem, sid, _TCP, host, port)


async def stream_send(modem, handle, data):
    await modem.channel.cmd(b"AT+CSOSEND=%d,%d,%s" % (handle, 2 * len(data), hexlify(data)), None, _SEND_MS)


async def stream_close(modem, handle):
    try:
        await modem.channel.cmd(b"AT+CSOCL=%d" % handle, None, 9000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def stream_name(number):
    """What a stream is called until the module has numbered it."""
    return "tcp%d" % number


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"+CSONMI:", b"+CSOERR:"), udp_received)
