"""TCP of Quectel modules that keep what comes (`AT+QIOPEN`, `QISEND` with prompt, `QIRD`): Cat.1, BG9x."""

from binascii import hexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError, SocketError
from micropython import const

STREAM_MAX = const(1460)
_OPEN_MS = const(150000)
_HEX_MAX = const(512)
_IN_USE = const(563)


async def stream_open(modem, sid, host, port, tls):
    command = b'AT+QIOPEN=%d,%d,"TCP","%s",%d,0,0' % (modem.profile.CID, sid, host.encode(), port)
    listen(modem)
    code = await _open(modem, sid, command)
    if code != 0:
        await stream_close(modem, sid)  # a number that failed to open, or that an earlier life left, is in use
        if code == _IN_USE:
            code = await _open(modem, sid, command)
            if code == 0:
                return
            await stream_close(modem, sid)
        raise SocketError("open", code)


async def _open(modem, sid, command):
    then = b"+QIOPEN: %d," % sid
    try:
        return number(split((await modem.channel.cmd(command, None, 9000, then, _OPEN_MS))[len(then) :]), 0)
    except ATError:
        return _IN_USE  # the module does not say more at this point


async def stream_send(modem, sid, data):
    ch = modem.channel
    if modem.profile.QI_SEND == "sendex":
        for at in range(0, len(data), _HEX_MAX):
            part = data[at : at + _HEX_MAX]
            command = b"AT+QISENDEX=%d,%d,%s" % (sid, len(part), hexlify(part))
            if await ch.cmd(command, None, 15000, b"SEND ", 15000) != b"SEND OK":
                raise SocketError("send", None, "SEND FAIL; no radio connection, or too much waits for it")
        return
    await ch.cmd(b"AT+QISEND=%d,%d" % (sid, len(data)), None, 15000, data=data)
    if ch.final_line and ch.final_line.find(b"FAIL") >= 0:
        raise SocketError("send", None, "SEND FAIL; no radio connection, or too much waits for it")


async def stream_read(modem, sid, count):
    await modem.channel.cmd(b"AT+QIRD=%d,%d" % (sid, count), b"+QIRD", 9000)
    return modem.channel.payload or b""


async def stream_close(modem, sid):
    try:
        await modem.channel.cmd(b"AT+QICLOSE=%d" % sid, None, 12000)
    except CellularError:
        pass  # it was not open


def listen(modem):
    """Tell the streams what comes for them."""

    def received(line, payload):
        fields = split(line[7:])
        if fields[0] == "pdpdeact":
            for sock in modem.sockets():
                sock.lost(
                    SocketError("receive", None, "the network has taken the bearer; bring it up and open another")
                )
            return
        sock = modem.socket(number(fields, 1))
        if sock is not None:
            if fields[0] == "recv" and hasattr(sock, "readable"):
                sock.readable()
            elif fields[0] == "closed":
                sock.lost()

    modem.listen(b"+QIURC:", received)
