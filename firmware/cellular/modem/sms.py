"""Short messages (TS 27.005, TS 23.040) in PDU mode, where a message is one line of hex and no text can be taken for an
answer."""

from binascii import hexlify, unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError
from cellular.trace import trace
from micropython import const

_SEND_MS = const(120000)
_GSM = (  # TS 23.038 default alphabet; the escape to its extension is \x1b
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {"^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64, "€": 101}


class SmsError(CellularError):
    """A message that cannot be sent or read."""


class Message:
    """A message that came: `number` of the sender, `text` (bytes for an 8-bit one), `time` as YY/MM/DD,hh:mm:ss±zz;
    `part` is (reference, number of parts, this part) of a long one, else None."""

    def __init__(self, number, text, time, part):
        self.number = number
        self.text = text
        self.time = time
        self.part = part


def _septets(text):
    """Numbers in the default alphabet, None if the text does not fit it."""
    out = bytearray()
    for c in text:
        i = _GSM.find(c)
        if i >= 0 and c != "\x1b":
            out.append(i)
        elif c in _EXTENSION:
            out.append(27)
            out.append(_EXTENSION[c])
        else:
            return None
    return out


def _pack(septets):
    out = bytearray((len(septets) * 7 + 7) // 8)
    for i, s in enumerate(septets):
        bit = i * 7
        word = s << (bit & 7)
        out[bit >> 3] |= word & 255
        if word > 255:
            out[(bit >> 3) + 1] |= word >> 8
    return out


def _unpack(data, count, skip_bits):
    """`count` septets of `data` as text, from bit `skip_bits` on."""
    out = []
    escaped = False
    for i in range(count):
        bit = skip_bits + i * 7
        at = bit >> 3
        if at >= len(data):
            break
        word = data[at] | (data[at + 1] << 8 if at + 1 < len(data) else 0)
        s = word >> (bit & 7) & 127
        if escaped:
            out.append(next((c for c, v in _EXTENSION.items() if v == s), " "))
            escaped = False
        elif s == 27:
            escaped = True
        else:
            out.append(_GSM[s])
    return "".join(out)


def _utf16(data):
    out = []
    i = 0
    while i + 1 < len(data):
        u = data[i] << 8 | data[i + 1]
        i += 2
        if 0xD800 <= u < 0xDC00 and i + 1 < len(data):
            u = 0x10000 + ((u & 0x3FF) << 10) + ((data[i] << 8 | data[i + 1]) & 0x3FF)
            i += 2
        out.append(chr(u))
    return "".join(out)


def _ucs2(text):
    out = bytearray()
    for c in text:
        u = ord(c)
        if u > 0xFFFF:
            u -= 0x10000
            out.extend((0xD800 | u >> 10).to_bytes(2, "big"))
            u = 0xDC00 | u & 0x3FF
        out.extend(u.to_bytes(2, "big"))
    return out


def _address(number):
    digits = number[1:] if number.startswith("+") else number
    if not digits.isdigit() or len(digits) > 20:
        raise SmsError("expected a number of 1 to 20 digits, with + in front where international")
    padded = digits + ("F" if len(digits) & 1 else "")
    swapped = "".join([padded[i + 1] + padded[i] for i in range(0, len(padded), 2)])
    return bytes((len(digits), 0x91 if number.startswith("+") else 0x81)) + unhexlify(swapped)


def encode(number, text):
    """(PDU, its length without the service centre) of a message to `number`. Raises SmsError if it takes more than
    one."""
    septets = _septets(text)
    if septets is not None:
        if len(septets) > 160:
            raise SmsError("expected at most 160 characters in one message, not %d" % len(septets))
        scheme, length, data = 0, len(septets), _pack(septets)
    else:
        data = _ucs2(text)
        scheme, length = 8, len(data)
        if length > 140:
            raise SmsError("expected at most 70 characters with others than the GSM alphabet's, not %d" % (length // 2))
    tpdu = b"\x01\x00" + _address(number) + bytes((0, scheme, length)) + data
    return b"\x00" + tpdu, len(tpdu)


def _semi_octets(data):
    return "".join(["%x%x" % (b & 15, b >> 4) for b in data])


def _sender(kind, data, digits):
    if kind & 0x70 == 0x50:
        return _unpack(data, digits * 4 // 7, 0)
    return ("+" if kind & 0x70 == 0x10 else "") + _semi_octets(data)[:digits]


def decode(pdu):
    """The Message in `pdu` (bytes), which is an SMS-DELIVER. Raises SmsError."""
    try:
        i = 1 + pdu[0]
        first = pdu[i]
        digits = pdu[i + 1]
        kind = pdu[i + 2]
        i += 3
        sender = _sender(kind, pdu[i : i + (digits + 1) // 2], digits)
        i += (digits + 1) // 2
        scheme = pdu[i + 1]
        t = _semi_octets(pdu[i + 2 : i + 9])
        zone = pdu[i + 8]
        length = pdu[i + 9]
        data = pdu[i + 10 :]
        if first & 3 or len(t) != 14:
            raise IndexError
        time = "%s/%s/%s,%s:%s:%s" % tuple([t[j : j + 2] for j in range(0, 12, 2)])
        time += "%s%02d" % ("-" if zone & 8 else "+", (zone & 7) * 10 + (zone >> 4))
        head = 1 + data[0] if first & 0x40 else 0
        part = _part(data[1:head]) if head else None
        if scheme & 0x0C == 8:
            body = _utf16(data[head:length])
        elif scheme & 0x0C == 4:
            body = bytes(data[head:length])
        else:
            skip = (head * 8 + 6) // 7  # septets that the header and its fill bits take
            body = _unpack(data, length - skip, skip * 7)
        return Message(sender, body, time, part)
    except IndexError:
        raise SmsError("a message of %d bytes that is no SMS-DELIVER" % len(pdu))


def _part(header):
    i = 0
    while i + 1 < len(header):
        kind, n = header[i], header[i + 1]
        v = header[i + 2 : i + 2 + n]
        if kind == 0 and len(v) == 3:
            return v[0], v[1], v[2]
        if kind == 8 and len(v) == 4:
            return v[0] << 8 | v[1], v[2], v[3]
        i += 2 + n
    return None


async def send(modem, number_, text):
    """Send `text` to `number_`; returns the network's reference. Raises SmsError, ATError, NotSupported, ..."""
    modem.require("sms")
    pdu, length = encode(number_, text)
    await modem.ask(b"AT+CMGF=0")
    line = await modem.channel.cmd(b"AT+CMGS=%d" % length, b"+CMGS", _SEND_MS, data=hexlify(pdu).upper(), end=b"\x1a")
    return number(split(line or b""), 0)


async def receive(modem):
    """The messages that wait in the module, oldest first; they are deleted there. One that cannot be read is told
    (event `sms_unreadable`) and deleted too. Raises ATError, NotSupported, ..."""
    modem.require("sms")
    await modem.ask(b"AT+CMGF=0")
    await modem.ask(b"AT+CMGL=4", b"")
    lines = list(modem.channel.lines)
    out = []
    for i in range(len(lines) - 1):
        if not lines[i].startswith(b"+CMGL:"):
            continue
        index = number(split(lines[i][6:]), 0)
        try:
            message = decode(unhexlify(lines[i + 1].strip()))
            out.append(message)
        except (ValueError, SmsError) as e:
            trace("sms_unreadable", error=str(e))
        if index is not None:
            try:
                await modem.channel.cmd(b"AT+CMGD=%d" % index)
            except ATError as e:
                trace("refused", error=str(e))
    return out
