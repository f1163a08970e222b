"""UDP of Quectel modules (`AT+QIOPEN`, `+QIURC: "recv"`). A profile says in QI_SEND how payload goes:

"hex": inline, as hex digits, which `dataformat` switches on; "bytes": behind a prompt, answered by SEND OK alone;
"sendex": AT+QISENDEX with hex digits, then OK and SEND OK; the module keeps what comes until AT+QIRD. Others push it.
"""

from binascii import hexlify, unhexlify

from cellular.at.fields import number, split, text
from cellular.errors import UnexpectedAnswer


async def udp_open(modem, sid, host, port):
    """Open socket `sid` to host:port. Returns the module's error number, 0 = open."""
    ch = modem.channel
    way = modem.profile.QI_SEND
    if way == "hex":
        await modem.ask(b'AT+QICFG="dataformat",1,1')
    line = await ch.cmd(
        b'AT+QIOPEN=%d,%d,"UDP","%s",%d,0,%d' % (modem.profile.CID, sid, host, port, way != "sendex"),
        then=b"+QIOPEN: %d," % sid,
        then_ms=60000,
    )
    try:
        return int(line[line.rfind(b",") + 1 :])
    except ValueError:
        raise UnexpectedAnswer("AT+QIOPEN", text(line))


async def udp_send(modem, sid, data):
    """Send a datagram. True if the module took it."""
    way = modem.profile.QI_SEND
    ch = modem.channel
    if way == "bytes":
        await ch.cmd(b"AT+QISEND=%d,%d" % (sid, len(data)), None, 60000, data=data)
        return ch.final_line == b"SEND OK"
    command = b"AT+QISEND=%d,%d,%s" if way == "hex" else b"AT+QISENDEX=%d,%d,%s"
    return await ch.cmd(command % (sid, len(data), hexlify(data)), then=b"SEND ", then_ms=60000) == b"SEND OK"


async def udp_read(modem, sid):
    """The next datagram, b"" if there is none."""
    if modem.profile.QI_SEND != "sendex":
        return b""
    await modem.channel.cmd(b"AT+QIRD=%d,512" % sid, b"+QIRD")
    return modem.channel.payload or b""


async def udp_close(modem, sid):
    """Close socket `sid`; an ERROR means it was not open."""
    then = b"CLOSE OK" if modem.profile.QI_SEND != "bytes" else None
    await modem.channel.cmd(b"AT+QICLOSE=%d" % sid, None, 12000, then, 5000)


def udp_received(line, payload=None, cut=False):
    """(sid, bytes) for a datagram, (sid, None) for one that is closed, else None. Raises ValueError if damaged.

    cut: `line` lacks its end, and the datagram then too.
    """
    if line.startswith(b'+QIURC: "recv",'):
        if payload is not None:
            return int(line[15:].split(b",")[0]), payload
        if line.count(b",") < 3:
            return number(split(line[7:]), 1), True  # data wait
        sid, length, data = line[15:].split(b",", 2)
        data = data.strip(b'"')
        if cut:
            data = data[: len(data) & ~1]
        elif len(data) != 2 * int(length):
            raise ValueError("datagram says %s bytes and has %d" % (length, len(data) // 2))
        return int(sid), unhexlify(data)
    if line.startswith(b'+QIURC: "closed",'):
        return int(line[17:]), None
    return None
