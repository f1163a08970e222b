"""Sockets of Telit modules (`AT#SD`, `AT#SSENDEXT`, `AT#SRECV`): the module keeps what comes."""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from micropython import const

STREAM_MAX = const(1460)
_OPEN_MS = const(90000)
_SEND_MS = const(30000)
_LOCAL_PORT = const(20000)
_ANSWER_EXPECTED = b",2"


async def _open(modem, sid, protocol, host, port, local_port):
    ask = modem.channel.cmd
    await modem.try_command(b"AT#SCFGEXT=%d,1,0,0,0,0" % sid)
    command = b'AT#SD=%d,%d,%d,"%s",0,%d,1' % (sid, protocol, port, host.encode(), local_port)
    try:
        await ask(command, None, _OPEN_MS)
    except ATError:
        await stream_close(modem, sid)  # an earlier life has left it open
        await ask(command, None, _OPEN_MS)


async def udp_open(modem, sid, host, port):
    """Open socket `sid` for datagrams to host:port. Returns 0."""
    await _open(modem, sid, 1, host, port, _LOCAL_PORT + sid)
    return 0


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    rai = _ANSWER_EXPECTED if modem.last_exchange else b""
    await modem.channel.cmd(b"AT#SSENDEXT=%d,%d%s" % (sid, len(data), rai), None, _SEND_MS, data=data)
    return True


async def udp_read(modem, sid):
    """The next datagram, b"" if there is none."""
    return await stream_read(modem, sid, 1500)


def udp_received(line, payload=None, cut=False):
    """(socket, True) where a datagram waits, else None."""
    if line.startswith(b"SRING:"):
        return number(split(line[6:]), 0), True
    return None


async def stream_open(modem, sid, host, port, tls):
    listen(modem)
    try:
        await _open(modem, sid, 0, host, port, 0)
    except CellularError as e:
        raise SocketError("open", getattr(e, "code", None))


async def stream_send(modem, sid, data):
    await modem.channel.cmd(b"AT#SSENDEXT=%d,%d" % (sid, len(data)), None, _SEND_MS, data=data)


async def stream_read(modem, sid, count):
    try:
        await modem.channel.cmd(b"AT#SRECV=%d,%d" % (sid, count), b"#SRECV", 9000)
    except ATError:
        return b""  # nothing there
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT#SH=%d" % sid, None, 12000)
    except CellularError:
        pass  # it was not open


udp_close = stream_close


def listen(modem):
    """Tell the streams what comes for them."""
    from cellular.modem.streams import follow

    follow(modem, (b"SRING:",), udp_received)
