"""RTC memory, shared by those who have something to keep over a reset but not over the loss of power.

One checksum covers all of it, so what a reset has torn is not taken for good.
"""

import binascii

from micropython import const

_MAGIC = const(0xC5)
_HEAD_BYTES = const(6)  # magic, size of the layout's names, CRC-32


class Retained:
    """`rtc`: machine.RTC with `memory()`, or None where a board has no such memory. `areas`: (name, bytes) each.

    `kept` is True when the content outlived the restart; otherwise all is zero.
    """

    def __init__(self, rtc, areas):
        self._rtc = rtc
        self._areas = {}
        size = _HEAD_BYTES
        for name, count in areas:
            self._areas[name] = (size, size + count)
            size += count
        self._buf = bytearray(size)
        self.kept = self._load()

    def get(self, name):
        """The area's bytes, as a memoryview: write into it, then `save`."""
        start, end = self._areas[name]
        return memoryview(self._buf)[start:end]

    def save(self):
        """Keep what the areas hold now."""
        if self._rtc is None:
            return
        buf = self._buf
        buf[0] = _MAGIC
        buf[1] = len(buf) & 0xFF
        buf[2:_HEAD_BYTES] = binascii.crc32(memoryview(buf)[_HEAD_BYTES:]).to_bytes(4, "little")
        self._rtc.memory(buf)

    def _load(self):
        data = self._rtc.memory() if self._rtc is not None else b""
        size = len(self._buf)
        if len(data) < size or data[0] != _MAGIC or data[1] != size & 0xFF:
            return False
        if binascii.crc32(memoryview(data)[_HEAD_BYTES:size]) != int.from_bytes(data[2:_HEAD_BYTES], "little"):
            return False
        self._buf[:] = memoryview(data)[:size]
        return True
