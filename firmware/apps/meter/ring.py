"""A ring of readings on flash: the newest are kept, whatever happens in the middle of a write.

Eight readings a file: small enough that LittleFS keeps it inside its metadata, so that adding one costs a commit of
about a hundred bytes and an erase only now and then. A file is begun anew only when its readings are the oldest ones.
"""

import binascii
import os
import struct

from cellular.trace import trace
from micropython import const

PER_FILE = const(8)
LATE = const(1)

_HEAD_BYTES = const(6)  # number of the first reading, and a check of it
_RECORD = "<IqB"  # quarter hours since 1970, value, flags
_RECORD_BYTES = const(15)  # with the check
_QUARTER_S = const(900)
_WAITING = const(64)  # readings that wait for a flash that fails


class Ring:
    """Readings (time in s, value, late) under numbers that go up by one. Keeps `capacity` of them at least in `folder`.

    `failed` counts writes that the file system refused; the readings then wait in RAM for the next one.
    """

    def __init__(self, folder, capacity):
        self.next = 0  # number of the next reading
        self.last = None  # (time, value, late) of the newest
        self.failed = 0
        self._folder = folder
        self._files = (capacity - 1) // PER_FILE + 2  # one of them is being filled
        self._whole = False  # the newest file ends where it should: more can be appended
        self._waiting = []
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there; if not, the first write says so
        self._find()

    def add(self, readings):
        """Put readings behind the others. When this returns they are on flash, or `failed` has gone up."""
        self._waiting.extend(readings)
        while self._waiting:
            count = min(len(self._waiting), PER_FILE - self.next % PER_FILE)
            if not self._write(self._waiting[:count]):
                del self._waiting[:-_WAITING]
                return
            self.next += count
            self.last = self._waiting[count - 1]
            del self._waiting[:count]

    def since(self, number):
        """Yields (number, time, value, late) from `number` on, oldest first; what is gone is left out."""
        oldest = (self.next - 1) // PER_FILE - self._files + 1
        for file in range(max(0, number // PER_FILE, oldest), (self.next + PER_FILE - 1) // PER_FILE):
            first, readings = self._read(file % self._files)
            if first == file * PER_FILE:
                for n, reading in readings:
                    if n >= number:
                        yield (n,) + reading

    # --- files --------------------------------------------------------------------------------------------------------

    def _path(self, index):
        return "%s/%d" % (self._folder, index)

    def _find(self):
        """Where the last start left off."""
        newest = -1
        for index in range(self._files):
            first, readings = self._read(index)
            if first > newest and first // PER_FILE % self._files == index:
                newest = first
                if readings:
                    self.next, self.last = readings[-1][0] + 1, readings[-1][1]
                else:
                    self.next = first
        if newest < 0:
            return
        size = os.stat(self._path(newest // PER_FILE % self._files))[6]
        self._whole = size == _HEAD_BYTES + (self.next - newest) * _RECORD_BYTES
        if not self._whole and self.next % PER_FILE:
            trace("ring_repaired", folder=self._folder, next=self.next)
            self.next = newest + PER_FILE  # what a power cut has torn stays as it is

    def _write(self, readings):
        """Write readings that fit into the file at hand."""
        first = self.next
        fresh = first % PER_FILE == 0
        if not fresh and not self._whole:
            first = self.next = (first // PER_FILE + 1) * PER_FILE
            fresh = True
        data = _head(first) if fresh else b""
        for time_s, value, late in readings:
            record = struct.pack(_RECORD, time_s // _QUARTER_S, value, LATE if late else 0)
            data += record + _check(record)
        try:
            with open(self._path(first // PER_FILE % self._files), "wb" if fresh else "ab") as f:
                f.write(data)
            self._whole = True
            return True
        except OSError as e:
            self._whole = False
            self.failed += 1
            trace("ring_failed", folder=self._folder, error=str(e), waiting=len(self._waiting))
            return False

    def _read(self, index):
        """(number of the first reading, [(number, (time, value, late))]) of a file; -1 where there is none."""
        try:
            with open(self._path(index), "rb") as f:
                data = f.read(_HEAD_BYTES + PER_FILE * _RECORD_BYTES)
        except OSError:
            return -1, ()
        if len(data) < _HEAD_BYTES or data[4:_HEAD_BYTES] != _check(data[:4]):
            return -1, ()
        first = int.from_bytes(data[:4], "little")
        readings = []
        for i in range((len(data) - _HEAD_BYTES) // _RECORD_BYTES):
            at = _HEAD_BYTES + i * _RECORD_BYTES
            record = data[at : at + _RECORD_BYTES - 2]
            if data[at + _RECORD_BYTES - 2 : at + _RECORD_BYTES] == _check(record):
                quarters, value, flags = struct.unpack(_RECORD, record)
                readings.append((first + i, (quarters * _QUARTER_S, value, bool(flags & LATE))))
        return first, readings


def _head(number):
    data = number.to_bytes(4, "little")
    return data + _check(data)


def _check(data):
    return (binascii.crc32(data) & 0xFFFF).to_bytes(2, "little")
