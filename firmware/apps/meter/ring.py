"""The newest readings on flash, whatever happens in the middle of a write.

Eight readings a file: small enough that LittleFS keeps it inside its metadata, so that adding one costs a commit of
about a hundred bytes and an erase only now and then. A file's name is its number; the oldest go.
"""

import binascii
import os
import struct

from cellular.trace import trace
from micropython import const

PER_FILE = const(8)
LATE = const(1)

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
        self._oldest = 0
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
        for file in range(max(number // PER_FILE, self._oldest), (self.next + PER_FILE - 1) // PER_FILE):
            for n, reading in self._read(file)[1]:
                if n >= number:
                    yield (n,) + reading

    # --- files --------------------------------------------------------------------------------------------------------

    def _path(self, file):
        return "%s/%d" % (self._folder, file)

    def _find(self):
        """Where the last start left off."""
        try:
            files = sorted(int(name) for name in os.listdir(self._folder) if name.isdigit())
        except OSError:
            return
        if not files:
            return
        self._oldest = files[0]
        size, _ = self._read(files[-1])
        self.next = files[-1] * PER_FILE + size // _RECORD_BYTES
        self._whole = size % _RECORD_BYTES == 0
        if not self._whole:
            trace("ring_repaired", folder=self._folder, next=self.next)
        for file in reversed(files):
            readings = self._read(file)[1]
            if readings:
                self.last = readings[-1][1]
                return

    def _write(self, readings):
        """Write readings that fit into the file at hand."""
        if self.next % PER_FILE and not self._whole:
            # What a power cut has torn stays as it is.
            self.next = (self.next // PER_FILE + 1) * PER_FILE
        file, used = divmod(self.next, PER_FILE)
        data = b""
        for time_s, value, late in readings:
            record = struct.pack(_RECORD, time_s // _QUARTER_S, value, LATE if late else 0)
            data += record + _check(record)
        try:
            with open(self._path(file), "ab" if used else "wb") as f:
                f.write(data)
            self._whole = True
        except OSError as e:
            self._whole = False
            self.failed += 1
            trace("ring_failed", folder=self._folder, error=str(e), waiting=len(self._waiting))
            return False
        while self._oldest <= file - self._files:
            try:
                os.remove(self._path(self._oldest))
            except OSError:
                pass  # there is none, or it goes unread
            self._oldest += 1
        return True

    def _read(self, file):
        """(bytes, [(number, (time, value, late))]) of a file; none where there is none."""
        try:
            with open(self._path(file), "rb") as f:
                data = f.read(PER_FILE * _RECORD_BYTES)
        except OSError:
            return 0, ()
        readings = []
        for i in range(len(data) // _RECORD_BYTES):
            at = i * _RECORD_BYTES
            record = data[at : at + _RECORD_BYTES - 2]
            if data[at + _RECORD_BYTES - 2 : at + _RECORD_BYTES] == _check(record):
                quarters, value, flags = struct.unpack(_RECORD, record)
                readings.append((file * PER_FILE + i, (quarters * _QUARTER_S, value, bool(flags & LATE))))
        return len(data), readings


def _check(data):
    return (binascii.crc32(data) & 0xFFFF).to_bytes(2, "little")
