"""TCP and TLS of SIMCom SIM7080, SIM7070 and SIM7000 (`AT+CAOPEN`): the module keeps what comes.

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
    command = b'AT+CAOPEN=%d,%s"TCP","%s",%d' % (sid, modem.profile.CA_PDP, host.encode(), port)
    then = b"+CAOPEN: %d," % sid
    try:
        line = await modem.channel.cmd(command, None, _OPEN_MS, then, _OPEN_MS)
    except ATError as e:
        line = e.late
        if line is None:
            await stream_close(modem, sid)
            raise SocketError("open", e.code)
    code = number(split(line[len(then) :]), 0)
    if code != 0:
        await stream_close(modem, sid)
        if tls and (code in _TLS_ERRORS or code == _TLS_MAYBE):
            raise TlsError("connection", code)
        raise SocketError("open", code)


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


def listen(modem):
    """Tell the streams what comes for them."""

    def event(line, payload):
        fields = split(line[line.find(b":") + 1 :])
        sock = modem.socket(number(fields, 0))
        if sock is None:
            return
        if line.startswith(b"+CADATAIND:"):
            sock.readable()
        elif number(fields, 1) == 0:
            sock.lost()

    modem.listen(b"+CADATAIND:", event)
    modem.listen(b"+CASTATE:", event)
