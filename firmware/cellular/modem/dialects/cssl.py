"""TLS of SIMCom A76xx and SIM7600 modules: certificates (`AT+CCERT…`), contexts (`AT+CSSLCFG`), sockets (`AT+CCH…`)."""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError, name_of
from micropython import const

STREAM_MAX = const(1024)
STREAMS = const(2)
_OPEN_MS = const(120000)
_KEYS = {"ca": b"cacert", "cert": b"clientcert", "key": b"clientkey"}
_TLS_ERRORS = (10, 15, 19)  # session, handshake, certificates; the numbers are those of HTTP less 700


async def prepare(modem, tls):
    """Set up SSL context 0 for `tls`; returns its number. Raises ATError, ..."""
    ask = modem.channel.cmd
    await ask(b"AT+CCERTLIST", b"+CCERTLIST")
    there = b" ".join(modem.channel.lines)
    for kind, pem in tls.items():
        name = name_of(kind, pem).encode()
        if there.find(b'"%s"' % name) < 0:
            await ask(b'AT+CCERTDOWN="%s",%d' % (name, len(pem)), None, 15000, data=pem)
        await ask(b'AT+CSSLCFG="%s",0,"%s"' % (_KEYS[kind], name))
    # 0 none, 1 server, 2 both, 3 client only
    mode = (2 if tls.cert else 1) if tls.verify else (3 if tls.cert else 0)
    await ask(b'AT+CSSLCFG="sslversion",0,4')
    await ask(b'AT+CSSLCFG="authmode",0,%d' % mode)
    for key, value in ((b"ignorelocaltime", 1), (b"enableSNI", tls.sni)):
        await modem.try_command(b'AT+CSSLCFG="%s",0,%d' % (key, value))
    return 0


async def stream_open(modem, sid, host, port, tls):
    context = await prepare(modem, tls)
    ch = modem.channel
    listen(modem)
    try:
        await ch.cmd(b"AT+CCHSET=1,0")
        await ch.cmd(b"AT+CCHSTART", None, 9000, b"+CCHSTART: ", _OPEN_MS)
    except ATError:
        pass  # it is running already
    await ch.cmd(b"AT+CCHSSLCFG=%d,%d" % (_id(sid), context))
    then = b"+CCHOPEN: %d," % _id(sid)
    try:
        line = await ch.cmd(b'AT+CCHOPEN=%d,"%s",%d,2' % (_id(sid), host.encode(), port), None, 9000, then, _OPEN_MS)
    except ATError as e:
        line = e.late
        if line is None:
            raise
    code = number(split(line[len(then) :]), 0)
    if code != 0:
        raise TlsError("connection", code) if code in _TLS_ERRORS else SocketError("open", code)


async def stream_send(modem, sid, data):
    then = b"+CCHSEND: %d," % _id(sid)
    line = await modem.channel.cmd(b"AT+CCHSEND=%d,%d" % (_id(sid), len(data)), None, 15000, then, 60000, data)
    code = number(split(line[len(then) :]), 0)
    if code != 0:
        raise SocketError("send", code)


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+CCHCLOSE=%d" % _id(sid), None, 9000, b"+CCHCLOSE: ", 9000)
    except CellularError:
        pass  # it was not open


def stream_name(number):
    """What the modem calls stream `number`, apart from UDP and TCP sockets."""
    return "tls%d" % number


def _id(sid):
    return int(sid[3:])


def listen(modem):
    """Tell the streams what comes for them."""

    def received(line, payload):
        fields = split(line[9:])
        sock = modem.socket("tls%s" % fields[1])
        if sock is not None and payload:
            sock.arrived(payload)

    def closed(line, payload):
        sock = modem.socket("tls%s" % split(line[line.find(b":") + 1 :])[0])
        if sock is not None:
            sock.lost()

    modem.listen(b"+CCHRECV: DATA,", received)
    modem.listen(b"+CCH_PEER_CLOSED:", closed)
    modem.listen(b"+CCH_RECV_CLOSED:", closed)
