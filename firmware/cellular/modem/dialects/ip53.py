"""Sockets of China Mobile M5311 (`AT+IPSTART`, `AT+IPSEND`): data come and go in hex, and lengths count bytes."""

from asyncio import sleep_ms
from binascii import hexlify, unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from micropython import const

STREAM_MAX = const(512)
_OPEN_MS = const(60000)
_SEND_MS = const(30000)
_SETTLE_MS = const(1000)


async def _open(modem, sid, kind, host, port, then):
    await modem.ask(b"AT+IPRCFG=1,0,1")  # pushed, with its length, in hex
    command = b'AT+IPSTART=%d,"%s","%s",%d' % (sid, kind, host.encode(), port)
    try:
        await modem.channel.cmd(command, None, _OPEN_MS, then, _OPEN_MS)
    except ATError:
        await stream_close(modem, sid)  # an earlier life has left it open
        await modem.channel.cmd(command, None, _OPEN_MS, then, _OPEN_MS)


async def udp_open(modem, sid, host, port):
    """Open socket `sid` for datagrams to host:port. Returns 0."""
    await _open(modem, sid, b"UDP", host, port, None)
    return 0


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    command = b"AT+IPSEND=%d,%d,%s" % (sid, len(data), hexlify(data))
    try:
        line = await modem.channel.cmd(command, b"+IPSEND", _SEND_MS)
    except ATError:
        await sleep_ms(_SETTLE_MS)  # a socket for datagrams does not say when it is ready
        line = await modem.channel.cmd(command, b"+IPSEND", _SEND_MS)
    return number(split(line or b""), 1) == len(data)


def udp_received(line, payload=None, cut=False):
    """(socket, bytes) for a datagram, (socket, None) where the socket is closed, else None. Raises ValueError if it is
    damaged. cut: `line` lacks its end."""
    if line.startswith(b"+IPRD:"):
        sid, length, data = line[6:].split(b",", 2)
        data = data.strip()
        if cut:
            data = data[: len(data) & ~1]
        elif len(data) != 2 * int(length):
            raise ValueError("datagram says %s bytes and has %d digits" % (length, len(data)))
        return int(sid), unhexlify(data)
    if line.startswith(b"+IPCLOSE:"):
        return number(split(line[9:]), 0), None
    return None


async def stream_open(modem, sid, host, port, tls):
    listen(modem)
    try:
        await _open(modem, sid, b"TCP", host, port, b"CONNECT OK")
    except CellularError as e:
        await stream_close(modem, sid)
        raise SocketError("open", getattr(e, "code", None))


async def stream_send(modem, sid, data):
    if not await udp_send(modem, sid, data):
        raise SocketError("send", None, "the module has taken less than it was given")


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+IPCLOSE=%d" % sid, None, 9000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"+IPRD:", b"+IPCLOSE:"), udp_received)
