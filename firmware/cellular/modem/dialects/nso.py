"""Sockets of HiSilicon modules (`AT+NSOCR`, `AT+NSOST`, `AT+NSORF`): answers without prefix, data in hex, the module
numbers its sockets and keeps what comes. The profile's NSO_QUOTE is what stands around texts.

Release assistance is a flag of what is sent: 0x400 releases the connection after the answer.
"""

from binascii import hexlify, unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.address import address
from micropython import const

STREAM_MAX = const(512)
STREAMS = const(4)
_OPEN_MS = const(60000)
_SEND_MS = const(60000)
_LOCAL_PORT = const(20000)
_NUMBERS = const(7)
_peers = {}  # of the UDP sockets, by handle: each datagram is sent with its address


async def _socket(modem, sid, kind, protocol, port):
    """The number of a new socket. What an earlier life left open is closed where it is in the way."""
    quote = modem.profile.NSO_QUOTE
    command = b"AT+NSOCR=%s%s%s,%d,%d,1" % (quote, kind, quote, protocol, port)
    try:
        line = await modem.channel.cmd(command, b"")
    except ATError:
        for handle in modem.orphans(_NUMBERS, sid):
            await stream_close(modem, handle)
        line = await modem.channel.cmd(command, b"")
    handle = number(split(line or b""), 0)
    if handle is None:
        raise SocketError("open", None, "the module gives no socket")
    return handle


async def udp_open(modem, sid, host, port):
    """Open a socket for datagrams to host:port. Returns 0."""
    quote = modem.profile.NSO_QUOTE
    peer = b"%s%s%s,%d" % (quote, await address(modem, host), quote, port)
    handle = await _socket(modem, sid, b"DGRAM", 17, _LOCAL_PORT + sid)
    modem.numbered(sid, handle)
    _peers[handle] = peer
    return 0


async def udp_send(modem, handle, data):
    """Send a datagram. True if the module took it."""
    quote = modem.profile.NSO_QUOTE
    command, flag = (b"AT+NSOSTF", b"0x400,") if modem.last_exchange else (b"AT+NSOST", b"")
    data_field = b"%s%s%s" % (quote, hexlify(data), quote)
    command = b"%s=%d,%s,%s%d,%s" % (command, handle, _peers[handle], flag, len(data), data_field)
    return number(split(await modem.channel.cmd(command, b"", _SEND_MS) or b""), 1) == len(data)


async def udp_read(modem, handle):
    """The next datagram, b"" if there is none."""
    return await stream_read(modem, handle, 512)


def udp_received(line, payload=None, cut=False):
    """(socket, True) where a datagram waits, (socket, bytes) where the line has it (NSONMI=2), (socket, None) where the
    socket is closed, else None. Raises ValueError if it is damaged."""
    if line.startswith(b"+NSONMI:"):
        fields = split(line[8:])
        if len(fields) < 5:
            return number(fields, 0), True
        data = unhexlify(fields[4] or "")
        if len(data) != number(fields, 3) and not cut:
            raise ValueError("datagram says %s bytes and has %d" % (fields[3], len(data)))
        return number(fields, 0), data
    if line.startswith(b"+NSOCLI:"):
        return number(split(line[8:]), 0), None
    return None


async def stream_open(modem, sid, host, port, tls):
    listen(modem)
    peer = await address(modem, host)
    handle = await _socket(modem, sid, b"STREAM", 6, 0)
    modem.numbered(sid, handle)
    quote = modem.profile.NSO_QUOTE
    command = b"AT+NSOCO=%d,%s%s%s,%d" % (handle, quote, peer, quote, port)
    try:
        await modem.channel.cmd(command, None, 9000, b"+NSOCO:", _OPEN_MS)
    except CellularError as e:
        await stream_close(modem, handle)
        raise SocketError("open", getattr(e, "code", None))


async def stream_send(modem, handle, data):
    command = b"AT+NSOSD=%d,%d,%s" % (handle, len(data), hexlify(data))
    taken = number(split(await modem.channel.cmd(command, b"", _SEND_MS) or b""), 1)
    if taken != len(data):
        raise SocketError("send", None, "the module has taken %s bytes of %d" % (taken, len(data)))


async def stream_read(modem, handle, count):
    line = await modem.channel.cmd(b"AT+NSORF=%d,%d" % (handle, min(count, 512)), b"")
    fields = split(line or b"")  # socket, ip, port, length, hex, remaining
    if len(fields) < 5 or not fields[4]:
        return b""
    data = unhexlify(fields[4])
    if len(data) != number(fields, 3):
        raise ValueError("datagram says %s bytes and has %d" % (fields[3], len(data)))
    return data


async def stream_close(modem, handle):
    try:
        await modem.channel.cmd(b"AT+NSOCL=%d" % handle)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def stream_name(number):
    """What a stream is called until the module has numbered it."""
    return "tcp%d" % number


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"+NSONMI:", b"+NSOCLI:"), udp_received)
