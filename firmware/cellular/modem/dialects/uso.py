"""Sockets and TLS of u-blox SARA-R4 and R5 (`AT+USO…`, `AT+USEC…`): it numbers its sockets and keeps what comes."""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.address import address
from cellular.modem.tls import TlsError, name_of
from micropython import const

STREAM_MAX = const(1024)
STREAMS = const(6)
_NUMBERS = const(7)
_OPEN_MS = const(150000)
_PROFILE = const(0)
_TYPES = {"ca": 0, "cert": 1, "key": 2}
_OPTIONS = {"ca": 3, "cert": 5, "key": 6}  # of the security profile


async def prepare(modem, tls, host):
    """Set up security profile 0 for `tls`; what the module has under its name is not sent again."""
    ch = modem.channel
    ask = ch.cmd
    await ask(b"AT+USECPRF=%d" % _PROFILE)
    await ask(b"AT+USECMNG=3", b"")
    there = b" ".join(ch.lines)
    for kind, pem in tls.items():
        name = name_of(kind, pem)[:-4].encode()
        if there.find(b'"%s"' % name) < 0:
            await ask(b'AT+USECMNG=0,%d,"%s",%d' % (_TYPES[kind], name, len(pem)), b"+USECMNG", 30000, data=pem)
        await ask(b'AT+USECPRF=%d,%d,"%s"' % (_PROFILE, _OPTIONS[kind], name))
    await ask(b"AT+USECPRF=%d,0,%d" % (_PROFILE, tls.verify))
    if tls.sni:
        await modem.try_command(b'AT+USECPRF=%d,10,"%s"' % (_PROFILE, host.encode()))
    return _PROFILE


async def stream_open(modem, sid, host, port, tls):
    if tls:
        await prepare(modem, tls, host)
    listen(modem)
    ask = modem.channel.cmd
    handle = number(split(await ask(b"AT+USOCR=6", b"+USOCR", 9000) or b""), 0)
    if handle is None:
        raise SocketError("open", None, "the module gives no socket")
    modem.numbered(sid, handle)
    try:
        if tls:
            await ask(b"AT+USOSEC=%d,1,%d" % (handle, _PROFILE))
        await ask(b'AT+USOCO=%d,"%s",%d' % (handle, host.encode(), port), None, _OPEN_MS)
    except ATError as e:
        await stream_close(modem, handle)
        raise TlsError("connection", e.code) if tls else SocketError("open", e.code)


async def bearer(modem):
    """SARA-R5: map context 1 to profile 0 of its IP layer, and activate that."""
    if await modem.try_command(b"AT+UPSND=0,8", b"+UPSND") == b"0,8,1":
        return
    await modem.ask(b"AT+UPSD=0,100,1")
    await modem.ask(b"AT+UPSD=0,0,0")
    await modem.channel.cmd(b"AT+UPSDA=0,3", None, 60000, b"+UUPSDA: 0", 60000)


_peers = {}  # of the UDP sockets, by handle: each datagram is sent with its address


async def udp_open(modem, sid, host, port):
    """Open a socket for datagrams to host:port. Returns 0."""
    peer = b'"%s",%d' % (await address(modem, host), port)
    ask = modem.channel.cmd
    try:
        line = await ask(b"AT+USOCR=17", b"+USOCR", 9000)
    except ATError:
        for handle in modem.orphans(_NUMBERS, sid):
            await stream_close(modem, handle)
        line = await ask(b"AT+USOCR=17", b"+USOCR", 9000)
    handle = number(split(line or b""), 0)
    if handle is None:
        raise SocketError("open", None, "the module gives no socket")
    modem.numbered(sid, handle)
    _peers[handle] = peer
    return 0


async def udp_send(modem, handle, data):
    """Send a datagram. True if the module took it."""
    command = b"AT+USOST=%d,%s,%d" % (handle, _peers[handle], len(data))
    line = await modem.channel.cmd(command, b"+USOST", 60000, data=data)
    return number(split(line or b""), 1) == len(data)


async def udp_read(modem, handle):
    """The next datagram, b"" if there is none."""
    await modem.channel.cmd(b"AT+USORF=%d,1024" % handle, b"+USORF", 9000)
    return modem.channel.payload or b""


def udp_received(line, payload=None, cut=False):
    """(socket, True) where a datagram waits, (socket, None) where the socket is closed, else None."""
    if line.startswith(b"+UUSORF:") or line.startswith(b"+UUSORD:"):
        return number(split(line[8:]), 0), True
    if line.startswith(b"+UUSOCL:"):
        return number(split(line[8:]), 0), None
    return None


async def stream_send(modem, handle, data):
    line = await modem.channel.cmd(b"AT+USOWR=%d,%d" % (handle, len(data)), b"+USOWR", 60000, data=data)
    taken = number(split(line or b""), 1)
    if taken != len(data):
        raise SocketError("send", None, "the module has taken %s bytes of %d" % (taken, len(data)))


async def stream_read(modem, handle, count):
    await modem.channel.cmd(b"AT+USORD=%d,%d" % (handle, count), b"+USORD", 9000)
    return modem.channel.payload or b""


async def stream_close(modem, handle):
    try:
        await modem.channel.cmd(b"AT+USOCL=%d" % handle, None, 120000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def stream_name(number):
    """What a stream is called until the module has numbered it."""
    return "tcp%d" % number


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"+UUSORD:", b"+UUSOCL:"), udp_received)
