"""TLS of Quectel modules with a file system (`AT+QSSL…`, `AT+QF…`): certificates as files, sockets apart from TCP's.

The profile's TLS_CONTEXT is the SSL context that is used.
"""

from cellular.at.fields import number, split, text
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError, name_of
from micropython import const

STREAM_MAX = const(1460)
STREAMS = const(6)
_OPEN_MS = const(150000)
_UPLOAD_MS = const(30000)
_KEYS = {"ca": b"cacert", "cert": b"clientcert", "key": b"clientkey"}
_NOT_TLS = (550, 552, 553, 554, 563, 564, 565, 569, 570, 572, 573)  # of the errors in 550 to 574; 566 is any refusal


async def upload(modem, kind, pem):
    """The name of the file that holds `pem`; it is written only where none of its name and size is there."""
    name = name_of(kind, pem).encode()
    try:
        line = await modem.channel.cmd(b'AT+QFLST="%s"' % name, b"+QFLST")
        if line and number(split(line), 1) == len(pem):
            return name
        await modem.channel.cmd(b'AT+QFDEL="%s"' % name)
    except ATError:
        pass  # not there
    line = await modem.channel.cmd(
        b'AT+QFUPL="%s",%d,%d' % (name, len(pem), _UPLOAD_MS // 1000), b"+QFUPL", _UPLOAD_MS, data=pem
    )
    if number(split(line or b""), 0) != len(pem):
        raise TlsError("upload", None, "the module has taken %s bytes of %d" % (text(line or b"no"), len(pem)))
    return name


async def prepare(modem, tls):
    """Set up the profile's SSL context for `tls`; returns its number. Raises TlsError, ATError, ..."""
    context = modem.profile.TLS_CONTEXT
    ask = modem.channel.cmd
    for kind, pem in tls.items():
        name = await upload(modem, kind, pem)
        await ask(b'AT+QSSLCFG="%s",%d,"%s"' % (_KEYS[kind], context, name))
    level = (2 if tls.cert else 1) if tls.verify else 0
    for key, value in ((b"sslversion", b"4"), (b"ciphersuite", b"0XFFFF"), (b"seclevel", b"%d" % level)):
        await ask(b'AT+QSSLCFG="%s",%d,%s' % (key, context, value))
    for key, value in ((b"sni", tls.sni), (b"ignorelocaltime", 1)):
        await modem.try_command(b'AT+QSSLCFG="%s",%d,%d' % (key, context, value))  # older firmware lacks them
    return context


async def stream_open(modem, sid, host, port, tls):
    context = await prepare(modem, tls)
    listen(modem)
    command = b'AT+QSSLOPEN=%d,%d,%d,"%s",%d,0' % (modem.profile.CID, context, _id(sid), host.encode(), port)
    then = b"+QSSLOPEN: %d," % _id(sid)
    code = number(split((await modem.channel.cmd(command, None, 9000, then, _OPEN_MS))[len(then) :]), 0)
    if code != 0:
        await stream_close(modem, sid)  # a number that failed to open stays in use until it is closed
        raise SocketError("open", code) if code in _NOT_TLS else TlsError("connection", code)


async def stream_send(modem, sid, data):
    ch = modem.channel
    await ch.cmd(b"AT+QSSLSEND=%d,%d" % (_id(sid), len(data)), None, 15000, data=data)
    if ch.final_line and ch.final_line.find(b"FAIL") >= 0:
        raise SocketError("send", None, "SEND FAIL; no radio connection, or too much waits for it")


async def stream_read(modem, sid, count):
    await modem.channel.cmd(b"AT+QSSLRECV=%d,%d" % (_id(sid), count), b"+QSSLRECV", 9000)
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+QSSLCLOSE=%d" % _id(sid), None, 12000)
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
        if sock is not None:
            if fields[0] == "recv":
                sock.readable()
            elif fields[0] == "closed":
                sock.lost()

    modem.listen(b"+QSSLURC:", received)
