"""The reader of cellular.services.cbor: what RFC 8949 calls well-formed and valid, within a bound of size and depth."""

import struct

from micropython import const

_BREAK = const(0xFF)
MAX_DEPTH = const(8)
MAX_BYTES = const(4096)


class CborError(ValueError):
    """The bytes are not CBOR, or beyond the bounds of this reader."""


class Tag:
    """A tagged value whose tag this reader gives no meaning to."""

    def __init__(self, number, value):
        self.number = number
        self.value = value

    def __repr__(self):
        return "Tag(%d, %r)" % (self.number, self.value)


class Simple:
    """A simple value other than false, true and null; 23 is `undefined`."""

    def __init__(self, number):
        self.number = number

    def __repr__(self):
        return "Simple(%d)" % self.number

    def __eq__(self, other):
        return isinstance(other, Simple) and other.number == self.number

    def __hash__(self):
        return self.number


def decode(buf, max_depth=MAX_DEPTH, max_bytes=MAX_BYTES):
    """The one item in `buf` (bytes, bytearray or memoryview) as Python objects.

    Bignums (tags 2 and 3) become ints; other tags become `Tag`, other simple values `Simple`. Raises `CborError`
    (a ValueError) for anything that is not exactly one well-formed, valid item within `max_bytes` and `max_depth`.
    """
    if len(buf) > max_bytes:
        raise CborError("%d bytes, at most %d are read" % (len(buf), max_bytes))
    reader = _Reader(buf)
    value = reader.item(max_depth)
    if reader.pos != len(buf):
        raise CborError("%d bytes follow the item" % (len(buf) - reader.pos))
    return value


class _Reader:
    def __init__(self, buf):
        self.buf = memoryview(buf)
        self.pos = 0

    def take(self, n):
        """Position of the next `n` bytes, which are passed over. Checked before anything is allocated."""
        pos = self.pos
        left = len(self.buf) - pos
        if n > left:
            raise CborError("%d bytes expected at offset %d, %d are left" % (n, pos, left))
        self.pos = pos + n
        return pos

    def argument(self, info):
        if info < 24:
            return info
        if info > 27:
            raise CborError("additional information %d at offset %d has no meaning here" % (info, self.pos - 1))
        size = 1 << (info - 24)
        n = 0
        pos = self.take(size)
        for i in range(pos, pos + size):
            n = n << 8 | self.buf[i]
        return n

    def item(self, depth):
        first = self.buf[self.take(1)]
        major = first >> 5
        info = first & 31
        if major == 7:
            return self.simple(info)
        if major >= 4 and depth <= 0:
            raise CborError("nested too deep at offset %d" % (self.pos - 1))
        if info == 31:
            return self.indefinite(major, depth)
        n = self.argument(info)
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major <= 3:
            return self.string(major, n)
        if major == 4:
            self.plausible(n)
            return [self.item(depth - 1) for _ in range(n)]
        if major == 5:
            self.plausible(2 * n)
            out = {}
            for _ in range(n):
                self.pair(out, depth)
            return out
        return self.tag(n, depth)

    def plausible(self, items):
        # An item takes a byte at least, so a greater count is a lie; without this a head of 9 bytes asks for gigabytes.
        if items > len(self.buf) - self.pos:
            raise CborError("%d items announced, %d bytes are left" % (items, len(self.buf) - self.pos))

    def string(self, major, n):
        pos = self.take(n)
        raw = bytes(self.buf[pos : pos + n])
        if major == 2:
            return raw
        try:
            return str(raw, "utf-8")
        except UnicodeError:
            raise CborError("text at offset %d is not UTF-8" % pos)

    def simple(self, info):
        if info < 20:
            return Simple(info)
        if info < 22:
            return info == 21
        if info == 22:
            return None
        if info == 23:
            return Simple(23)
        if info == 24:
            n = self.argument(24)
            if n < 32:
                raise CborError("simple value %d in two bytes (RFC 8949 section 3.3 forbids it)" % n)
            return Simple(n)
        if info > 27:
            raise CborError("byte %02x at offset %d has no meaning here" % (0xE0 | info, self.pos - 1))
        size = 1 << (info - 24)
        pos = self.take(size)
        return struct.unpack(">e" if size == 2 else ">f" if size == 4 else ">d", self.buf[pos : pos + size])[0]

    def indefinite(self, major, depth):
        if major == 2 or major == 3:
            parts = []
            while not self.at_break():
                first = self.buf[self.take(1)]
                if first >> 5 != major or first & 31 == 31:
                    raise CborError("byte %02x at offset %d inside a string of parts" % (first, self.pos - 1))
                parts.append(self.string(major, self.argument(first & 31)))
            return (b"" if major == 2 else "").join(parts)
        if major == 4:
            items = []
            while not self.at_break():
                items.append(self.item(depth - 1))
            return items
        if major == 5:
            out = {}
            while not self.at_break():
                self.pair(out, depth)
            return out
        raise CborError("indefinite length at offset %d on a type that has none" % (self.pos - 1))

    def at_break(self):
        if self.buf[self.take(1)] == _BREAK:
            return True
        self.pos -= 1
        return False

    def pair(self, out, depth):
        at = self.pos
        key = self.item(depth - 1)
        if isinstance(key, (list, dict, Tag)):
            raise CborError("map key at offset %d is a container" % at)
        if key in out:
            raise CborError("map key at offset %d comes twice" % at)
        out[key] = self.item(depth - 1)

    def tag(self, number, depth):
        value = self.item(depth - 1)
        if number != 2 and number != 3:
            return Tag(number, value)
        if not isinstance(value, bytes):
            raise CborError("bignum before offset %d is not a byte string" % self.pos)
        n = int.from_bytes(value, "big")
        return n if number == 2 else -1 - n
