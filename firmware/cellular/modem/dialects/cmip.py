"""Sockets and TLS of China Mobile Cat.1 modules: `AT+MIPOPEN`, `AT+MIPRD`, `AT+MSSL…`. TCP and TLS share their numbers.

Streams are kept by the module until they are read; datagrams are pushed, each with its length.
"""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError, name_of
from micropython import const

STREAM_MAX = const(1460)
_PUSH = const(0)  # access modes of MIPOPEN
_CACHE = const(2)
_CONTEXT = const(1)
_OPEN_S = const(60)
_DNS = const(580)


async def bearer(modem):
    """Bring up the IP service where it is not; the module often does so by itself."""
    await modem.ask(b"AT+MIPCALL?", b"+MIPCALL")
    for line in modem.channel.lines:
        if line.startswith(b"1,1"):
            return
    await modem.channel.cmd(b"AT+MIPCALL=1,1", None, 9000, b"+MIPCALL: 1,1", 60000)


async def prepare(modem, tls):
    """Set up SSL context 1 for `tls`; returns its number. What is there under its name and with its size is kept."""
    ask = modem.channel.cmd
    names = {}
    for kind, pem in tls.items():
        name = names[kind] = name_of(kind, pem).encode()
        await ask(b"AT+MSSLLIST=%d" % (2 if kind == "key" else 1), b"+MSSLLIST")
        for line in modem.channel.lines:
            fields = split(line)
            if fields[0] == name.decode() and number(fields, 1) == len(pem):
                break
        else:
            write = b"AT+MSSLKEYWR" if kind == "key" else b"AT+MSSLCERTWR"
            await ask(b'%s="%s",0,%d' % (write, name, len(pem)), None, 15000, data=pem)
    if names:
        files = b",".join([b'"%s"' % names[kind] for kind in ("ca", "cert", "key") if kind in names])
        await ask(b'AT+MSSLCFG="cert",%d,%s' % (_CONTEXT, files))
    await ask(b'AT+MSSLCFG="auth",%d,%d' % (_CONTEXT, (2 if tls.cert else 1) if tls.verify else 0))
    for key, value in ((b"ignorestamp", 1), (b"ignoreverify", not tls.verify), (b"sni", tls.sni)):
        await modem.try_command(b'AT+MSSLCFG="%s",%d,%d' % (key, _CONTEXT, value))  # not in all sub-types
    return _CONTEXT


async def stream_open(modem, sid, host, port, tls, kind=b"TCP", mode=_CACHE):
    listen(modem)
    if tls:
        await modem.channel.cmd(b'AT+MIPCFG="ssl",%d,1,%d' % (sid, await prepare(modem, tls)))
    else:
        await modem.try_command(b'AT+MIPCFG="ssl",%d,0' % sid)
    command = b'AT+MIPOPEN=%d,"%s","%s",%d,%d,%d' % (sid, kind, host.encode(), port, _OPEN_S, mode)
    code = await _open(modem, sid, command)
    if code is None:
        await stream_close(modem, sid)  # an earlier life left it open
        code = await _open(modem, sid, command)
    if code or code is None:
        await stream_close(modem, sid)
        if tls and code not in (_DNS, None):
            raise TlsError("connection", code)
        raise SocketError("open", code)


async def _open(modem, sid, command):
    then = b"+MIPOPEN: %d," % sid
    try:
        line = await modem.channel.cmd(command, None, 9000, then, _OPEN_S * 2000)
    except ATError:
        return None
    return number(split(line[len(then) :]), 0)


async def stream_send(modem, sid, data):
    await modem.channel.cmd(b"AT+MIPSEND=%d,%d" % (sid, len(data)), b"+MIPSEND", 15000, data=data)


async def stream_read(modem, sid, count):
    await modem.channel.cmd(b"AT+MIPRD=%d,%d" % (sid, count), b"+MIPRD", 9000)
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+MIPCLOSE=%d" % sid, None, 9000, b"+MIPCLOSE: %d" % sid, 9000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


async def udp_open(modem, sid, host, port):
    """Open socket `sid` to host:port. Returns 0; a failure raises."""
    await stream_open(modem, sid, host, port, None, b"UDP", _PUSH)
    return 0


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    await stream_send(modem, sid, data)
    return True


def udp_received(line, payload=None, cut=False):
    """(sid, datagram), (sid, None) where the socket is closed, else None."""
    if not line.startswith(b"+MIPURC:"):
        return None
    fields = split(line[8:])
    if fields[0] == "rudp" and payload is not None:
        return number(fields, 1), payload
    return (number(fields, 1), None) if fields[0] == "disconn" else None


def listen(modem):
    """Tell the sockets what comes for them."""

    def event(line, payload):
        fields = split(line[8:])
        sock = modem.socket(number(fields, 1))
        if sock is None:
            return
        if fields[0] == "rtcp":
            sock.readable()
        elif fields[0] == "disconn":
            sock.lost()

    modem.listen(b"+MIPURC:", event)
