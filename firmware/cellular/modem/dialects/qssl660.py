"""TLS of Quectel BC660K-GL and BC950K-GL: one connection, 0 of context 0; certificates behind a prompt, data raw."""

from cellular.at.fields import number, split
from cellular.errors import CellularError, SocketError
from cellular.modem.tls import TlsError
from micropython import const

STREAM_MAX = const(1024)
STREAMS = const(1)
_OPEN_MS = const(180000)
_NAME = "tls0"
_KEYS = {"ca": b"cacert", "cert": b"clientcert", "key": b"clientkey"}
_written = {}  # {kind: PEM} since this board started: of what it keeps the module tells only the length


async def prepare(modem, tls):
    """Set up context 0 for `tls`; returns its number. Raises ATError, ..."""
    ask = modem.channel.cmd
    for kind, pem in tls.items():
        if _written.get(kind) != pem:
            command = b'AT+QSSLCFG=0,0,"%s"' % _KEYS[kind]
            line = await ask(command, b"+QSSLCFG", 30000, data=pem, end=b"\x1a")
            if number(split(line or b""), 3) != len(pem):
                raise TlsError("upload", None, "the module has taken another length than %d bytes" % len(pem))
            _written[kind] = pem
    await ask(b'AT+QSSLCFG=0,0,"seclevel",%d' % ((2 if tls.cert else 1) if tls.verify else 0))
    await ask(b'AT+QSSLCFG=0,0,"sslversion",4')
    return 0


async def stream_open(modem, sid, host, port, tls):
    await prepare(modem, tls)
    await modem.channel.cmd(b'AT+QSSLCFG=0,0,"dataformat",0,0')
    listen(modem)
    command = b'AT+QSSLOPEN=0,0,"%s",%d,0' % (host.encode(), port)
    line = await modem.channel.cmd(command, None, 9000, b"+QSSLOPEN: 0,0,", _OPEN_MS)
    code = number(split(line), 2)
    if code != 0:
        raise TlsError("connection", code)


async def stream_send(modem, sid, data):
    command = b"AT+QSSLSEND=0,0,%d" % len(data)
    line = await modem.channel.cmd(command, None, 15000, b"+QSSLSEND: 0,0,", 95000, data)
    code = number(split(line), 2)
    if code != 0:
        raise SocketError("send", code)


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+QSSLCLOSE=0,0", None, 9000, b"+QSSLCLOSE: 0,0,", 9000)
    except CellularError:
        pass  # it was not open: the module closes by itself what the server has closed


def stream_name(number):
    """What the modem calls the stream, apart from UDP and TCP sockets."""
    return _NAME


def listen(modem):
    """Tell the stream what comes for it."""

    def received(line, payload):
        fields = split(line[9:])
        sock = modem.socket(_NAME)
        if sock is None:
            return
        if fields[0] == "recv":
            if payload is None:
                sock.lost(SocketError("receive", None, "damaged; open another"))  # a stream with a hole is none
            else:
                sock.arrived(payload)
        elif fields[0] == "closed":
            sock.lost()

    modem.listen(b"+QSSLURC:", received)
