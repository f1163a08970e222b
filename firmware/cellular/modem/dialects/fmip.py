"""Sockets and TLS of Fibocom L610: `AT+MIPOPEN` (1 is success), data raw with their length or as hex in `+MIPRTCP`,
`AT+GTSSL…`.

What TLS needs is forgotten at power-off, and a certificate that is uploaded again counts as one more.
"""

from binascii import unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from cellular.modem.tls import TlsError
from micropython import const

STREAM_MAX = const(1024)
_OPEN_MS = const(90000)
_FILES = {"ca": b"TRUSTFILE", "cert": b"CAFILE", "key": b"KEYFILE"}
_uploaded = {}  # {kind: PEM} since the module started, as it does not tell whose they are
_KINDS = {b"TCP": 0, b"UDP": 1, b"TLS": 2}


async def bearer(modem):
    """Bring up the IP service where it is not."""
    if (await modem.ask(b"AT+MIPCALL?", b"+MIPCALL") or b"").startswith(b"1"):
        return
    await modem.channel.cmd(b"AT+MIPCALL=1", None, 9000, b"+MIPCALL: ", 60000)


async def prepare(modem, tls):
    """Set up TLS; files of which the module has any are taken for ours while it has not restarted."""
    ask = modem.channel.cmd
    await ask(b"AT+GTSSLVER=4")
    await ask(b"AT+GTSSLMODE=%d" % tls.verify)
    await ask(b"AT+GTSSLFILE?", b"+GTSSLFILE")
    counts = {}
    for line in modem.channel.lines:
        fields = split(line)
        counts[fields[0]] = number(fields, 1)
    for kind, pem in tls.items():
        name = _FILES[kind]
        if not counts.get(name.decode()) or _uploaded.get(kind) != pem:
            if counts.get(name.decode()):
                # Uploading adds; the old ones would go on being trusted.
                await modem.reboot()
                _uploaded.clear()
                return await prepare(modem, tls)
            await ask(b'AT+GTSSLFILE="%s",%d' % (name, len(pem)), None, 15000, data=pem)
            _uploaded[kind] = pem


async def stream_open(modem, sid, host, port, tls, kind=b"TCP"):
    if tls:
        await prepare(modem, tls)
        kind = b"TLS"
    await modem.try_command(b'AT+GTSET="IPRFMT",2')
    listen(modem)
    ch = modem.channel
    command = b'AT+MIPOPEN=%d,,"%s",%d,%d' % (sid, host.encode(), port, _KINDS[kind])
    try:
        line = await ch.cmd(command, None, 9000, b"+MIP", _OPEN_MS)
    except ATError:
        await stream_close(modem, sid)  # an earlier life left it open
        line = await ch.cmd(command, None, 9000, b"+MIP", _OPEN_MS)
    if line.startswith(b"+MIPOPEN:") and number(split(line[9:]), 1) == 1:
        return
    await stream_close(modem, sid)
    code = number(split(line[line.find(b":") + 1 :]), 1)
    raise TlsError("connection", code) if tls else SocketError("open", code)


async def stream_send(modem, sid, data):
    then = b"+MIPPUSH: %d," % sid
    line = await modem.channel.cmd(b"AT+MIPSEND=%d,%d" % (sid, len(data)), None, 15000, then, 60000, data)
    code = number(split(line[len(then) :]), 0)
    if code != 0:
        raise SocketError("send", code)


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+MIPCLOSE=%d" % sid, None, 9000, b"+MIPCLOSE: %d" % sid, 9000)
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


def udp_received(line, payload=None, cut=False):
    """(sid, datagram), (sid, None) where the socket is closed, else None. Raises ValueError if damaged."""
    if line.startswith(b"+MIPRTCP:") or line.startswith(b"+MIPRUDP:"):
        fields = split(line[9:])
        # Of a datagram the address may stand in front.
        sid = number(fields, 2 if len(fields) > 4 else 0)
        if payload is None:
            payload = fields[-1] or ""
            payload = unhexlify(payload[: len(payload) & ~1] if cut else payload)
        return sid, payload
    if line.startswith(b"+MIPSTAT:") or line.startswith(b"+MIPCLOSED:"):
        return number(split(line[line.find(b":") + 1 :]), 0), None
    return None


def listen(modem):
    """Tell the sockets what comes for them."""

    def received(line, payload):
        fields = split(line[9:])
        sock = modem.socket(number(fields, 0))
        if sock is None:
            return
        try:
            sock.arrived(unhexlify(fields[2] or "") if payload is None else payload)
        except (IndexError, ValueError):
            damaged(line)

    def damaged(line):
        # A stream with a hole is none.
        sock = modem.socket(number(split(line[9:]), 0))
        if sock is not None:
            sock.lost(SocketError("receive", None, "damaged or longer than the buffer; open another"))

    def ended(line, payload):
        sock = modem.socket(number(split(line[line.find(b":") + 1 :]), 0))
        if sock is not None:
            sock.lost()

    modem.listen(b"+MIPRTCP:", received, damaged)
    modem.listen(b"+MIPSTAT:", ended)
    modem.listen(b"+MIPCLOSED:", ended)
