"""CBOR (RFC 8949): a writer into a buffer that was allocated before, and a reader that never trusts a length.

`Writer` makes the shortest form of every number, so equal values give equal bytes (RFC 8949 section 4.2.1).
`decode`, `CborError`, `Tag` and `Simple` are those of cbor_read, which is loaded when one of them is first asked for.
"""

import struct


def __getattr__(name):
    from cellular.services import cbor_read

    return getattr(cbor_read, name)


class CborOverflow(ValueError):
    """The writer's buffer is too small. `needed` is the size in bytes it would have to have up to this item."""

    def __init__(self, needed, size):
        super().__init__("buffer of %d bytes is too small, %d are needed" % (size, needed))
        self.needed = needed


class Writer:
    """Writes items one after the other into `buf`; `pos` is the count of bytes so far.

    An item that does not fit raises `CborOverflow` and leaves `pos` as it was.
    """

    def __init__(self, buf):
        self.buf = buf
        self.pos = 0

    def head(self, major, n, body=0):
        """Head of major type 0 to 7 with argument `n` (0 to 2**64-1); makes sure that `body` more bytes fit."""
        if n < 0 or n > 0xFFFFFFFFFFFFFFFF:
            raise ValueError("CBOR argument %d is outside 0 to 2**64-1" % n)
        size = 1 if n < 24 else 2 if n < 0x100 else 3 if n < 0x10000 else 5 if n < 0x100000000 else 9
        self._room(size + body)
        buf = self.buf
        pos = self.pos
        if size == 1:
            buf[pos] = major << 5 | n
        else:
            buf[pos] = major << 5 | (24 if size == 2 else 25 if size == 3 else 26 if size == 5 else 27)
            for i in range(size - 1, 0, -1):
                buf[pos + i] = n & 0xFF
                n >>= 8
        self.pos = pos + size

    def uint(self, n):
        self.head(0, n)

    def int(self, n):
        if n < 0:
            self.head(1, -1 - n)
        else:
            self.head(0, n)

    def float(self, x):
        """The shortest of 16, 32 and 64 bit that holds `x` exactly."""
        for size, code, first in ((3, ">e", 0xF9), (5, ">f", 0xFA), (9, ">d", 0xFB)):
            try:
                packed = struct.pack(code, x)
            except OverflowError:
                continue
            if x != x:
                packed = b"\x7e\x00"  # the one form of NaN that RFC 8949 section 4.2.2 prefers
            elif struct.unpack(code, packed)[0] != x:
                continue
            self._room(size)
            self.buf[self.pos] = first
            self.buf[self.pos + 1 : self.pos + size] = packed
            self.pos += size
            return

    def number(self, x):
        """An int or a float, as its Python type says."""
        if isinstance(x, float):
            self.float(x)
        else:
            self.int(x)

    def bytes(self, b):
        self._string(2, b)

    def text(self, s):
        self._string(3, s.encode())

    def bool(self, value):
        self.head(7, 21 if value else 20)

    def null(self):
        self.head(7, 22)

    def array(self, n):
        """Head of an array of `n` items, which must follow."""
        self.head(4, n)

    def map(self, n):
        """Head of a map of `n` pairs, which must follow as key, value, key, value."""
        self.head(5, n)

    def view(self):
        """What has been written, without a copy."""
        return memoryview(self.buf)[: self.pos]

    def _string(self, major, b):
        n = len(b)
        self.head(major, n, n)
        self.buf[self.pos : self.pos + n] = b
        self.pos += n

    def _room(self, n):
        if self.pos + n > len(self.buf):
            raise CborOverflow(self.pos + n, len(self.buf))
