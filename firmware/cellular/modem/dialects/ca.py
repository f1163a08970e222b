"""Sockets of SIMCom SIM7080, SIM7070 and SIM7000 (`AT+CAOPEN`): the module keeps what comes.

The profile's CA_PDP is what stands for the data context in CAOPEN, empty on SIM7000.
"""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError
from micropython import const

STREAM_MAX = const(1460)
_OPEN_MS = const(90000)
_TLS_ERRORS = (24, 25, 26)
_TLS_MAYBE = const(27)  # "connect failed" is all that a handshake leaves


async def bearer(modem):
    """Have the application context up: number 0, or 1 on SIM7000, which takes the APN. Raises SocketError."""
    has_pdp = modem.profile.CA_PDP
    await modem.ask(b"AT+CNACT?", b"+CNACT")
    if any([line.startswith(b"0,1," if has_pdp else b"1,") for line in modem.channel.lines]):
        return
    command = b"AT+CNACT=0,1" if has_pdp else b'AT+CNACT=1,"%s"' % (modem.apn or "")
    line = await modem.channel.cmd(command, None, 15000, b"+APP PDP:", 60000)
    if line.find(b"DEACTIVE") >= 0:
        raise SocketError("bearer", None, "the network gives no IP; check the APN")


async def set_apn(modem, apn):
    """Set the APN of the attach, and of application context 0 where there is one."""
    from cellular.modem.profiles import base

    if modem.profile.CA_PDP:
        await modem.try_command(b'AT+CNCFG=0,1,"%s"' % apn)
    return await base.set_apn(modem, apn)


async def prepare(modem, sid, tls, host):
    """Set up connection `sid` for `tls`."""
    from cellular.modem.dialects import cssl7080

    names = await cssl7080.convert(modem, tls)
    ask = modem.channel.cmd
    await ask(b'AT+CASSLCFG=%d,"SSL",1' % sid)
    await ask(b'AT+CASSLCFG=%d,"CRINDEX",0' % sid)
    if tls.verify:
        await ask(b'AT+CASSLCFG=%d,"CACERT","%s"' % (sid, names["ca"]))
    if tls.cert:
        await ask(b'AT+CASSLCFG=%d,"CERT","%s"' % (sid, names["cert"]))
    if tls.sni:
        await modem.try_command(b'AT+CSSLCFG="SNI",0,"%s"' % host.encode())


async def stream_open(modem, sid, host, port, tls):
    if tls:
        await prepare(modem, sid, tls, host)
    else:
        await modem.try_command(b'AT+CASSLCFG=%d,"SSL",0' % sid)
    listen(modem)
    try:
        code = await _open(modem, sid, b"TCP", host, port)
    except ATError as e:
        await stream_close(modem, sid)
        raise SocketError("open", e.code)
    if code:
        await stream_close(modem, sid)
        if tls and (code in _TLS_ERRORS or code == _TLS_MAYBE):
            raise TlsError("connection", code)
        raise SocketError("open", code)


async def _open(modem, sid, kind, host, port):
    command = b'AT+CAOPEN=%d,%s"%s","%s",%d' % (sid, modem.profile.CA_PDP, kind, host.encode(), port)
    then = b"+CAOPEN: %d," % sid
    try:
        line = await modem.channel.cmd(command, None, _OPEN_MS, then, _OPEN_MS)
    except ATError as e:
        line = e.late
        if line is None:
            raise
    return number(split(line[len(then) :]), 0)


async def udp_open(modem, sid, host, port):
    """Open socket `sid` for datagrams to host:port. Returns the module's error number, 0 = open."""
    return await _open(modem, sid, b"UDP", host, port)


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    await stream_send(modem, sid, data)
    return True


async def udp_read(modem, sid):
    """The next datagram, b"" if there is none."""
    return await stream_read(modem, sid, 1460)


def udp_received(line, payload=None, cut=False):
    """(socket, True) where a datagram waits, (socket, None) where the socket is closed, else None."""
    fields = split(line[line.find(b":") + 1 :])
    if line.startswith(b"+CADATAIND:"):
        return number(fields, 0), True
    if line.startswith(b"+CASTATE:") and number(fields, 1) == 0:
        return number(fields, 0), None
    return None


async def stream_send(modem, sid, data):
    await modem.channel.cmd(b"AT+CASEND=%d,%d" % (sid, len(data)), None, 30000, data=data)


async def stream_read(modem, sid, count):
    await modem.channel.cmd(b"AT+CARECV=%d,%d" % (sid, count), b"+CARECV", 9000)
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+CACLOSE=%d" % sid, None, 12000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"+CADATAIND:", b"+CASTATE:"), udp_received)
