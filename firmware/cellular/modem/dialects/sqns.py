"""Sockets and TLS of Sequans Monarch 2 (`AT+SQNSD`, `AT+SQNSSENDEXT`, `AT+SQNSRECV`); certificates in slots."""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError
from micropython import const

STREAM_MAX = const(1460)
_OPEN_MS = const(90000)
_PROFILE = const(1)
_LOCAL_PORT = const(20000)
_ANSWER_EXPECTED = b",2"
_SLOTS = {"ca": 11, "cert": 12, "key": 13}
_written = {}  # {kind: PEM} since this board started: the slots tell no contents


async def prepare(modem, tls):
    """Write certificates into their slots, and the TLS profile; returns its number."""
    ask = modem.channel.cmd
    for kind, pem in tls.items():
        if _written.get(kind) != pem:
            what = b"privatekey" if kind == "key" else b"certificate"
            await ask(b'AT+SQNSNVW="%s",%d,%d' % (what, _SLOTS[kind], len(pem)), None, 20000, data=pem)
            _written[kind] = pem
    slots = [b"%d" % _SLOTS[kind] if getattr(tls, kind) else b"" for kind in ("ca", "cert", "key")]
    # version TLS 1.2, any cipher, validation bits: 1 chain, 4 host name is left to the server name
    await ask(b'AT+SQNSPCFG=%d,2,"",%d,%s' % (_PROFILE, 1 if tls.verify else 0, b",".join(slots)))
    return _PROFILE


async def stream_open(modem, sid, host, port, tls):
    listen(modem)
    ask = modem.channel.cmd
    await ask(b"AT+SQNSCFG=%d,%d,300,90,600,50" % (sid, modem.profile.CID))
    await ask(b"AT+SQNSCFGEXT=%d,1,0,0,0,0" % sid)
    await ask(b"AT+SQNSSCFG=%d,%d,%d" % (sid, bool(tls), await prepare(modem, tls) if tls else _PROFILE))
    try:
        await ask(b'AT+SQNSD=%d,0,%d,"%s",0,0,1' % (sid, port, host.encode()), None, _OPEN_MS)
    except ATError as e:
        raise TlsError("connection", e.code) if tls else SocketError("open", e.code)


async def udp_open(modem, sid, host, port):
    """Open socket `sid` for datagrams to host:port. Returns 0."""
    ask = modem.channel.cmd
    await ask(b"AT+SQNSCFG=%d,%d,300,90,600,50" % (sid, modem.profile.CID))
    await ask(b"AT+SQNSCFGEXT=%d,1,0,0,0,0" % sid)
    command = b'AT+SQNSD=%d,1,%d,"%s",0,%d,1' % (sid, port, host.encode(), _LOCAL_PORT + sid)
    try:
        await ask(command, None, _OPEN_MS)
    except ATError:
        await stream_close(modem, sid)  # an earlier life has left it open
        await ask(command, None, _OPEN_MS)
    return 0


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    rai = _ANSWER_EXPECTED if modem.last_exchange else b""
    await modem.channel.cmd(b"AT+SQNSSENDEXT=%d,%d%s" % (sid, len(data), rai), None, 30000, data=data)
    return True


async def udp_read(modem, sid):
    """The next datagram, b"" if there is none."""
    return await stream_read(modem, sid, 1500)


def udp_received(line, payload=None, cut=False):
    """(socket, True) where a datagram waits, (socket, None) where the socket is closed, else None."""
    if line.startswith(b"+SQNSRING:"):
        return number(split(line[10:]), 0), True
    if line.startswith(b"+SQNSH:"):
        return number(split(line[7:]), 0), None
    return None


async def stream_send(modem, sid, data):
    await modem.channel.cmd(b"AT+SQNSSENDEXT=%d,%d" % (sid, len(data)), None, 30000, data=data)


async def stream_read(modem, sid, count):
    try:
        await modem.channel.cmd(b"AT+SQNSRECV=%d,%d" % (sid, count), b"+SQNSRECV", 9000)
    except ATError:
        return b""  # nothing there
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+SQNSH=%d" % sid, None, 12000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"+SQNSRING:", b"+SQNSH:"), udp_received)
