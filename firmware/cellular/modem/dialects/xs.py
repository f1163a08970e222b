"""Sockets of Nordic nRF91, Serial Modem and SLM (`AT#XSOCKET`, `AT#XSSOCKET`); TLS by security tag.

The profile's XS is "handle" for Serial Modem, where each command names its socket and takes hex; "one" for SLM, with
one selected, whose data mode ends with `+++`.
"""

from asyncio import sleep_ms
from binascii import hexlify
from time import ticks_diff, ticks_ms

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError, digest
from micropython import const

STREAM_MAX = const(700)
STREAMS = const(4)
_REGISTERED = (1, 5)
_SEARCH_MS = const(180000)
_OPEN_MS = const(90000)
_TYPES = {"ca": 0, "cert": 1, "key": 2}
_TAG = const(1000000)
_END = b"+++"


def _tag(tls):
    """A security tag that is this set of certificates' own."""
    return _TAG + int(digest(b"".join([pem for _, pem in tls.items()]), 6), 16)


async def _registered(modem):
    """Wait until the module has a network again."""
    began = ticks_ms()
    while True:
        fields = split(await modem.ask(b"AT+CEREG?", b"+CEREG") or b"")
        if number(fields, 1) in _REGISTERED:
            return
        if ticks_diff(ticks_ms(), began) > _SEARCH_MS:
            raise SocketError("open", None, "no network after the certificates were written")
        await sleep_ms(1000)


async def identified(modem):
    """Tell Serial Modem from SLM, which does not know that command."""
    from cellular.modem import loader

    try:
        await modem.ask(b"AT#XSMVER", b"#XSMVER")
    except ATError:
        return
    modem.use(loader.load("nrf91_sm"))


async def prepare(modem, tls):
    """Write the certificates where the tag is new, which takes the radio off; returns the tag."""
    tag = _tag(tls)
    ask = modem.channel.cmd
    await ask(b"AT%%CMNG=1,%d" % tag, b"%CMNG")
    if len(modem.channel.lines) < len(tls.items()):
        await ask(b"AT+CFUN=4", None, 60000)
        try:
            for kind, pem in tls.items():
                await ask(b'AT%%CMNG=0,%d,%d,"%s"' % (tag, _TYPES[kind], pem.strip()), None, 20000)
        finally:
            await ask(b"AT+CFUN=1", None, 60000)
            await _registered(modem)
    return tag


def _by_handle(modem):
    return modem.profile.XS == "handle"


async def _open(modem, sid, kind, host, port, tag=None, verify=False):
    """Make a socket, kind 1 TCP, 2 UDP, and connect it."""
    ask = modem.channel.cmd
    if tag is None:
        command, prefix = b"AT#XSOCKET=1,%d,0" % kind, b"#XSOCKET"
    else:
        command, prefix = b"AT#XSSOCKET=1,%d,0,%d,%d" % (kind, tag, 2 if verify else 0), b"#XSSOCKET"
    try:
        line = await ask(command, prefix, 9000)
    except ATError:
        # What an earlier life left open, which the module survives, is in the way.
        if len(modem.sockets()) > 1:
            raise
        await modem.try_command(b"AT#XCLOSE" if _by_handle(modem) else b"AT#XSOCKET=0")
        line = await ask(command, prefix, 9000)
    handle = number(split(line or b""), 0)
    if handle is None:
        raise SocketError("open", None, "the module gives no socket")
    modem.numbered(sid, handle)
    which = b"%d," % handle if _by_handle(modem) else b""
    await ask(b'AT#XCONNECT=%s"%s",%d' % (which, host.encode(), port), b"#XCONNECT", _OPEN_MS)
    await _poll(modem, handle)


async def _poll(modem, handle):
    """Have the module tell when data wait; once for each time."""
    if _by_handle(modem):
        await modem.try_command(b"AT#XAPOLL=%d,1,1" % handle)


async def udp_open(modem, sid, host, port):
    """Open a socket for datagrams to host:port. Returns 0."""
    await _open(modem, sid, 2, host, port)
    return 0


async def udp_send(modem, handle, data):
    """Send a datagram. True if the module took it."""
    if modem.last_exchange:
        # Release assistance: one answer is expected. Option 61 with 3 of Serial Modem, 52 of SLM.
        option = b"%d,1,61,3" % handle if _by_handle(modem) else b"1,52"
        await modem.try_command(b"AT#XSOCKETOPT=" + option)
    await stream_send(modem, handle, data)
    return True


async def udp_read(modem, handle):
    """The next datagram, b"" if there is none."""
    return await _receive(modem, handle, 1024)


def udp_received(line, payload=None, cut=False):
    """(socket, True) where a datagram waits, else None."""
    if line.startswith(b"#XAPOLL:"):
        fields = split(line[8:])
        if number(fields, 1):
            return number(fields, 0), True
    return None


async def stream_open(modem, sid, host, port, tls):
    tag = await prepare(modem, tls) if tls else None
    listen(modem)
    try:
        await _open(modem, sid, 1, host, port, tag, tls and tls.verify)
    except ATError as e:
        sock = modem.socket(sid)
        if sock is not None and sock.handle != sid:  # it was made
            await stream_close(modem, sock.handle)
        raise TlsError("connection", e.code) if tls else SocketError("open", e.code)


async def stream_send(modem, handle, data):
    if _by_handle(modem):
        await modem.channel.cmd(b'AT#XSEND=%d,1,0,"%s"' % (handle, hexlify(data)), b"#XSEND", 60000)
        return
    data = bytes(data)
    if data.find(_END) >= 0 or data.endswith(b"+"):
        raise SocketError("send", None, "the module takes no data with +++ in it, or + at the end")
    line = await modem.channel.cmd(b"AT#XSEND", None, 60000, data=data, end=_END, done=b"#XDATAMODE")
    if number(split(line[line.find(b":") + 1 :]), 0):
        raise SocketError("send", None, "data mode failed")


async def _receive(modem, handle, count):
    ch = modem.channel
    if _by_handle(modem):
        command = b"AT#XRECV=%d,0,64,1,%d" % (handle, min(count, 1024))
    else:
        command = b"AT#XRECV=1"  # waits 1 s
    try:
        line = await ch.cmd(command, b"#XRECV", 9000)
    except ATError:
        await _poll(modem, handle)
        return b""  # nothing there
    if line is None:  # OK alone: the server has closed
        from cellular.modem.streams import find

        sock = find(modem, handle)
        if sock is not None:
            sock.lost()
    return ch.payload or b""


async def stream_read(modem, handle, count):
    return await _receive(modem, handle, count)


async def stream_close(modem, handle):
    command = b"AT#XCLOSE=%d" % handle if _by_handle(modem) else b"AT#XSOCKET=0"
    try:
        await modem.channel.cmd(command, b"", 12000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def stream_name(number):
    """What a stream is called until the module has numbered it."""
    return "tcp%d" % number


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"#XAPOLL:",), udp_received)
