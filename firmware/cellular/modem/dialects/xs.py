"""TCP and TLS of Nordic nRF91, Serial Modem and SLM (`AT#XSOCKET`, `AT#XSSOCKET`), data in hex; TLS by security tag.

The profile's XS is "handle" for Serial Modem, where each command names its socket, "one" for SLM, with one selected.
"""

from binascii import hexlify, unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.streams import find
from cellular.modem.tls import TlsError, digest
from micropython import const

STREAM_MAX = const(700)
STREAMS = const(4)
_OPEN_MS = const(90000)
_TYPES = {"ca": 0, "cert": 1, "key": 2}
_TAG = const(1000000)


def _tag(tls):
    """A security tag that is this set of certificates' own."""
    return _TAG + int(digest(b"".join([pem for _, pem in tls.items()]), 6), 16)


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
            await modem.registered()
    return tag


async def stream_open(modem, sid, host, port, tls):
    ask = modem.channel.cmd
    if tls:
        tag = await prepare(modem, tls)
        command, prefix = b"AT#XSSOCKET=1,1,0,%d,%d" % (tag, 2 if tls.verify else 0), b"#XSSOCKET"
    else:
        command, prefix = b"AT#XSOCKET=1,1,0", b"#XSOCKET"
    handle = number(split(await ask(command, prefix, 9000) or b""), 0)
    if handle is None:
        raise SocketError("open", None, "the module gives no socket")
    modem.socket(sid).handle = handle
    listen(modem)
    try:
        which = b"%d," % handle if modem.profile.XS == "handle" else b""
        await ask(b'AT#XCONNECT=%s"%s",%d' % (which, host.encode(), port), b"#XCONNECT", _OPEN_MS)
        await _poll(modem, handle)
    except ATError as e:
        await stream_close(modem, handle)
        raise TlsError("connection", e.code) if tls else SocketError("open", e.code)


async def _poll(modem, handle):
    """Have the module tell when data wait; once for each time."""
    if modem.profile.XS == "handle":
        await modem.try_command(b"AT#XAPOLL=%d,1,1" % handle)


async def stream_send(modem, handle, data):
    if modem.profile.XS == "handle":
        await modem.channel.cmd(b'AT#XSEND=%d,1,0,"%s"' % (handle, hexlify(data)), b"#XSEND", 60000)
    else:
        await modem.channel.cmd(b'AT#XSEND="%s"' % hexlify(data), b"#XSEND", 60000)


async def stream_read(modem, handle, count):
    ch = modem.channel
    try:
        await ch.cmd(b"AT#XRECV=%d,1,64,1,%d" % (handle, min(count, 700)), b"", 9000)
    except ATError:
        await _poll(modem, handle)
        return b""  # nothing there
    # #XRECV: <handle>,<mode>,<n>, then a line of hex; an OK alone: the server has closed
    lines = [line for line in ch.lines if line[:1] != b"#"]
    if not ch.lines:
        sock = find(modem, handle)
        if sock is not None:
            sock.lost()
        return b""
    return unhexlify(lines[0].strip()) if lines else b""


async def stream_close(modem, handle):
    try:
        await modem.channel.cmd(b"AT#XCLOSE=%d" % handle, b"#XCLOSE", 12000)
    except CellularError:
        pass  # it was not open


def stream_name(number):
    """What a stream is called until the module has numbered it."""
    return "tcp%d" % number


def listen(modem):
    """Tell the streams what comes for them."""

    def event(line, payload):
        fields = split(line[8:])
        sock = find(modem, number(fields, 0))
        if sock is not None and number(fields, 1):
            sock.readable()

    modem.listen(b"#XAPOLL:", event)
