"""Sockets and TLS of Luat (AirM2M) modules: `AT+CIPSTART` with several links, `AT+CIPRXGET`, `AT+SSLCFG`, `AT+FS…`."""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError, name_of
from micropython import const

STREAM_MAX = const(1460)
_OPEN_MS = const(90000)
_KEYS = {"ca": b"cacert", "cert": b"clientcert", "key": b"clientkey"}


async def bearer(modem):
    """Bring up the IP service where it is not. Raises ATError."""
    ch = modem.channel
    try:
        await ch.cmd(b"AT+CIFSR", b"", 9000, done=b"")
        return
    except ATError:
        pass  # no address yet
    for command in (b"AT+CIPSHUT", b"AT+CIPMUX=1", b"AT+CIPQSEND=1", b"AT+CIPRXGET=1", b"AT+CSTT"):
        await modem.try_command(command)
    await ch.cmd(b"AT+CIICR", None, 85000)
    await ch.cmd(b"AT+CIFSR", b"", 9000, done=b"")


async def prepare(modem, tls, context=0):
    """Set up SSL context `context` for `tls`. A file that is there under its name and with its size is kept."""
    ask = modem.channel.cmd
    for kind, pem in tls.items():
        name = name_of(kind, pem).encode()
        try:
            size = number(split(await ask(b'AT+FSFLSIZE="%s"' % name, b"+FSFLSIZE") or b""), 0)
        except ATError:
            size = None
        if size != len(pem):
            if size is None:
                await ask(b'AT+FSCREATE="%s"' % name)
            await ask(b'AT+FSWRITE="%s",0,%d,15' % (name, len(pem)), None, 20000, data=pem)
        await ask(b'AT+SSLCFG="%s",%d,"%s"' % (_KEYS[kind], context, name))
    await ask(b'AT+SSLCFG="seclevel",%d,%d' % (context, (2 if tls.cert else 1) if tls.verify else 0))
    await modem.try_command(b'AT+SSLCFG="ignorelocaltime",%d,1' % context)
    return context


async def stream_open(modem, sid, host, port, tls, kind=b"TCP"):
    listen(modem)
    if tls:
        await prepare(modem, tls, sid)
        if tls.sni:
            await modem.try_command(b'AT+SSLCFG="hostname",%d,"%s"' % (sid, host.encode()))
    await modem.try_command(b"AT+CIPSSL=%d" % bool(tls))
    then = b"%d," % sid
    command = b'AT+CIPSTART=%d,"%s","%s",%d' % (sid, kind, host.encode(), port)
    line = await modem.channel.cmd(command, None, 9000, then, _OPEN_MS)
    if line.find(b"CONNECT OK") < 0:
        raise TlsError("connection") if tls else SocketError("open", None, "CONNECT FAIL")


async def stream_send(modem, sid, data):
    ch = modem.channel
    await ch.cmd(b"AT+CIPSEND=%d,%d" % (sid, len(data)), None, 15000, data=data)
    if ch.final_line and ch.final_line.find(b"FAIL") >= 0:
        raise SocketError("send", None, "SEND FAIL; no radio connection, or too much waits for it")


async def stream_read(modem, sid, count):
    await modem.channel.cmd(b"AT+CIPRXGET=2,%d,%d" % (sid, count), b"+CIPRXGET: 2", 9000)
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+CIPCLOSE=%d" % sid, None, 9000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


async def udp_open(modem, sid, host, port):
    """Open socket `sid` to host:port. Returns 0; a failure raises."""
    await stream_open(modem, sid, host, port, None, b"UDP")
    return 0


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    await stream_send(modem, sid, data)
    return True


async def udp_read(modem, sid):
    """The next datagram, b"" if there is none."""
    return await stream_read(modem, sid, 1460)


def udp_received(line, payload=None, cut=False):
    """(sid, True) where a datagram waits, (sid, None) where the socket is closed, else None."""
    if line.startswith(b"+CIPRXGET: 1,"):
        return number(split(line[10:]), 1), True
    if line[1:2] == b"," and line.find(b"CLOSED") > 0:
        return number(split(line), 0), None
    return None


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    links = [form % digit for digit in b"01234567" for form in (b"%c, CLOSED", b"%c,CLOSED")]
    follow(modem, [b"+CIPRXGET: 1,"] + links, udp_received)
    modem.listen(b"+PDP", lambda line, payload: modem.bearer_lost())
