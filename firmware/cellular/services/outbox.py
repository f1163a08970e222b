"""Records on their way to the server, kept in a file so that neither a restart nor a power cut loses one.

An append-only log of frames, each with a CRC. `put` appends a record, `ack` a marker that ends it; compaction writes
what still waits to a new file and renames it over the old one. RAM holds (seq, priority, offset, length) of each record
that waits, no payload. Needs a file system whose rename replaces (LittleFS, POSIX; not FAT). See docs/outbox.md.
"""

import binascii
import os
import struct

from micropython import const

from cellular.services import random_bytes
from cellular.trace import trace

FIRE = const(0)
ALARM = const(1)
ROUTINE = const(2)

MAX_PAYLOAD_BYTES = const(512)
RAM_RECORDS = const(16)

_HEAD = "<BBBHI"  # mark, kind, priority, length of payload, seq; then the CRC-32 of these and the payload
_HEAD_BYTES = const(9)
_FRAME_BYTES = const(13)
_MARK = const(0xC5)
_RECORD = const(0x52)
_DONE = const(0x44)  # ends record `seq`: acknowledged, or given up for want of space
_NEXT = const(0x4E)  # all numbers below `seq` are taken
_VOLATILE = const(0x40000000)  # set in the seq of a record that never reached the file system
_ENOENT = const(2)
_ENOSPC = const(28)
_CHUNK = const(64)


class Outbox:
    """The records that wait, in `folder`. `capacity_bytes` bounds the records (13 bytes + payload each) that wait;
    the file grows to twice that before compaction, which needs as much again for a moment.

    `counters`: `corrupt` (damaged stretches of the log passed over), `evicted` (given up for want of space), `refused` (a new
    record for which there was none), `not_durable` (kept in RAM only), `failed` (file operations that raised), `compacted`.
    """

    def __init__(self, folder, capacity_bytes=8192):
        if capacity_bytes < _FRAME_BYTES + MAX_PAYLOAD_BYTES:
            raise ValueError("capacity_bytes must be %d at least" % (_FRAME_BYTES + MAX_PAYLOAD_BYTES))
        self.counters = {"corrupt": 0, "evicted": 0, "refused": 0, "not_durable": 0, "failed": 0, "compacted": 0}
        self._folder = folder
        self._path = folder + "/outbox.log"
        self._new_path = folder + "/outbox.new"
        self._capacity = capacity_bytes
        self._index = []  # (seq, priority, offset, length) in order of age
        self._ram = []  # (seq, priority, payload)
        self._live = 0  # bytes of the records in the index
        self._size = None  # bytes of the file; None where a failed write may have left anything at its end
        self._mounted = False  # the log has been read: only then is it known which numbers are taken
        self._next = 1
        self._chunk = bytearray(_CHUNK)
        self._head = bytearray(_HEAD_BYTES + 4)
        self._mount()

    def put(self, priority, payload):
        """Keep `payload` (1 to 512 bytes) until `ack`; return its sequence number.

        When this returns the record survives a power cut, or `counters["not_durable"]` has gone up and an event tells why. A full
        outbox gives up its oldest routine records first, then, for a fire, its oldest alarm class records; a fire is
        always taken. Returns None where there is no space for a record below fire (counted as `refused`).
        """
        n = len(payload)
        if not 0 < n <= MAX_PAYLOAD_BYTES or not FIRE <= priority <= ROUTINE:
            raise ValueError(
                "outbox takes 1 to %d bytes at priority 0 to 2, not %d at %s" % (MAX_PAYLOAD_BYTES, n, priority)
            )
        if not self._mounted:
            self._mount()
        evicted = self._make_room(_FRAME_BYTES + n, priority)
        if evicted is None:
            self.counters["refused"] += 1
            trace("outbox_refused", prio=priority, waiting=len(self))
            return None
        seq = self._next
        if self._store(evicted, seq, priority, payload):
            self._next = seq + 1
            self._save_ram()
            return seq
        return self._keep_in_ram(priority, payload)

    def peek(self):
        """(seq, priority, payload) of the record that goes next: lowest priority number, then the oldest.

        None where nothing waits, or where the file system cannot be read now (`len` tells the two apart). A record that was
        damaged is passed over and counted.
        """
        while True:
            best = self._first(self._index)
            spare = self._first(self._ram)
            if spare and (not best or spare[1] < best[1]):
                return spare
            if not best:
                return None
            try:
                payload = self._load(best)
            except OSError as e:
                self._failed("read", e)  # the record may be readable later; what RAM holds must not wait for it
                return spare
            if payload is not None:
                return best[0], best[1], payload
            self._unreadable(best)
            self._forget(best)

    def ack(self, seq):
        """The server has record `seq`: it will not come again. An unknown `seq` is ignored (it may have been evicted)."""
        for record in self._ram:
            if record[0] == seq:
                self._ram.remove(record)
                return
        for entry in self._index:
            if entry[0] == seq:
                self._forget(entry)
                try:
                    self._make_size(_FRAME_BYTES)
                    self._append(((_DONE, seq, 0, b""),))
                except OSError as e:
                    # After a restart the record is sent again, and the server knows it by its number.
                    self._broken("ack", e)
                return

    def pending(self, priority):
        """Count of the records of one priority that wait."""
        return sum(1 for r in self._index if r[1] == priority) + sum(1 for r in self._ram if r[1] == priority)

    def __len__(self):
        return len(self._index) + len(self._ram)

    # --- which record ---

    @staticmethod
    def _first(records):
        best = None
        for r in records:
            if best is None or r[1] < best[1]:
                best = r
        return best

    def _forget(self, entry):
        self._index.remove(entry)
        self._live -= _FRAME_BYTES + entry[3]

    @staticmethod
    def _ranks_below(priority):
        # A routine record makes way for a newer one, which says more; an alarm only for a fire, and a fire for nothing.
        return (ROUTINE, ALARM) if priority == FIRE else (ROUTINE,)

    def _make_room(self, size, priority):
        """The entries given up so that `size` more bytes fit, or None if a record of `priority` may not have them."""
        victims = []
        free = self._capacity - self._live
        for rank in self._ranks_below(priority):
            for entry in self._index:
                if free >= size:
                    break
                if entry[1] == rank:
                    victims.append(entry)
                    free += _FRAME_BYTES + entry[3]
        if free < size and priority != FIRE:
            return None
        for entry in victims:
            self._evict(entry)
        return victims

    def _evict(self, entry):
        self._forget(entry)
        self.counters["evicted"] += 1
        trace("outbox_evicted", seq=entry[0], prio=entry[1])

    def _evict_oldest(self, count, priority):
        """Give up to `count` records for one of `priority`; True if there was any."""
        evicted = False
        for rank in self._ranks_below(priority):
            for entry in [e for e in self._index if e[1] == rank][:count]:
                self._evict(entry)
                count -= 1
                evicted = True
        return evicted

    def _store(self, evicted, seq, priority, payload):
        """Append the record and the ends of `evicted`. A failure is tried once more with a new file; where the disk is
        full, with ever fewer records in it. False if all that fails."""
        if not self._mounted:
            return False
        frames = [(_DONE, entry[0], 0, b"") for entry in evicted]
        frames.append((_RECORD, seq, priority, payload))
        count = 1
        while True:
            anew = self._size is None
            try:
                self._make_size(sum(_FRAME_BYTES + len(f[3]) for f in frames))
                end = self._append(frames)
            except OSError as e:
                self._broken("put", e)
                if anew:
                    if e.errno != _ENOSPC or not self._evict_oldest(count, priority):
                        return False
                    count *= 2
                frames = frames[-1:]  # those that were given up are not in the new file
                continue
            self._index.append((seq, priority, end - _FRAME_BYTES - len(payload), len(payload)))
            self._live += _FRAME_BYTES + len(payload)
            return True

    # --- records that no file system would take ---

    def _keep_in_ram(self, priority, payload):
        """A number of its own kind, drawn at random, since the file cannot remember which ones are taken."""
        seq = _VOLATILE | int.from_bytes(random_bytes(4), "big") & (_VOLATILE - 1)
        if len(self._ram) == RAM_RECORDS:
            last = max(r[1] for r in self._ram)
            if last < priority:
                self.counters["refused"] += 1
                trace("outbox_refused", prio=priority, waiting=len(self))
                return None
            for r in self._ram:
                if r[1] == last:
                    self._ram.remove(r)
                    break
            self.counters["evicted"] += 1
            trace("outbox_evicted", seq=r[0], prio=last)
        self._ram.append((seq, priority, bytes(payload)))
        self.counters["not_durable"] += 1
        trace("outbox_not_durable", seq=seq, prio=priority)
        return seq

    def _save_ram(self):
        """The file system works again: what waited in RAM goes to the file, under the number it has."""
        while self._ram:
            seq, priority, payload = self._ram[0]
            if not self._store((), seq, priority, payload):
                return
            self._ram.pop(0)

    def _broken(self, what, error):
        self._size = None
        self._failed(what, error)

    def _unreadable(self, entry):
        self.counters["corrupt"] += 1
        trace("outbox_unreadable", seq=entry[0], prio=entry[1])

    def _failed(self, what, error):
        self.counters["failed"] += 1
        trace("outbox_failed", what=what, error=str(error))

    # --- the file ---

    def _mount(self):
        self._index = []
        self._live = 0
        try:
            os.mkdir(self._folder)
        except OSError:
            pass  # it is there; if not, the next step says so
        try:
            damaged = self._scan()
            self._mounted = True
            if damaged:
                trace("outbox_repaired", damaged=damaged, waiting=len(self._index))
                self._compact()
        except OSError as e:
            self._broken("mount", e)

    def _scan(self):
        """Read the log into the index; return the count of damaged stretches. A missing log is an empty one."""
        try:
            size = os.stat(self._path)[6]
        except OSError as e:
            if e.errno != _ENOENT:
                raise
            self._compact()
            return 0
        damaged = offset = 0
        with open(self._path, "rb") as f:
            while offset < size:
                frame = self._read_frame(f, offset, size)
                if frame is None:
                    damaged += 1
                    offset = self._resync(f, offset + 1, size)
                    continue
                kind, seq, priority, length = frame
                self._replay(kind, seq, priority, offset, length)
                offset += _FRAME_BYTES + length
        self._size = size
        self.counters["corrupt"] += damaged
        return damaged

    def _replay(self, kind, seq, priority, offset, length):
        if kind == _NEXT:
            self._next = max(self._next, seq)
            return
        if seq < _VOLATILE:
            self._next = max(self._next, seq + 1)
        if kind == _RECORD:
            self._index.append((seq, priority, offset, length))
            self._live += _FRAME_BYTES + length
            return
        for entry in self._index:
            if entry[0] == seq:
                self._forget(entry)
                break

    def _read_frame(self, f, offset, size):
        """(kind, seq, priority, length) of the frame at `offset` if it is whole and its CRC is right, else None."""
        head = self._head
        f.seek(offset)
        if f.readinto(head) != _FRAME_BYTES or head[0] != _MARK:
            return None
        _, kind, priority, length, seq = struct.unpack_from(_HEAD, head)
        crc = struct.unpack_from("<I", head, _HEAD_BYTES)[0]
        if length > MAX_PAYLOAD_BYTES or offset + _FRAME_BYTES + length > size:
            return None
        got = binascii.crc32(memoryview(head)[:_HEAD_BYTES])
        left = length
        while left:
            n = f.readinto(memoryview(self._chunk)[: min(left, _CHUNK)])
            if not n:
                return None
            got = binascii.crc32(memoryview(self._chunk)[:n], got)
            left -= n
        return (kind, seq, priority, length) if got == crc else None

    def _resync(self, f, offset, size):
        """Offset of the next whole frame from `offset` on, or `size`."""
        while offset < size:
            f.seek(offset)
            n = f.readinto(self._chunk)
            if not n:
                break
            at = self._chunk.find(b"\xc5", 0, n)
            if at < 0:
                offset += n
            elif self._read_frame(f, offset + at, size) is not None:
                return offset + at
            else:
                offset += at + 1
        return size

    def _load(self, entry):
        """The payload of `entry`, or None if it cannot be read as it was written."""
        seq, priority, offset, length = entry
        with open(self._path, "rb") as f:
            if self._read_frame(f, offset, offset + _FRAME_BYTES + length) != (_RECORD, seq, priority, length):
                return None
            f.seek(offset + _FRAME_BYTES)
            return f.read(length)

    def _make_size(self, size):
        """Compact if `size` more bytes would make the file too big, or if nobody knows what a failed write left."""
        if self._size is None or self._size + size > 2 * self._capacity:
            self._compact()

    def _append(self, frames):
        """Append (kind, seq, priority, payload) frames in one go; return the size of the file when they are safe."""
        with open(self._path, "ab") as f:
            for kind, seq, priority, payload in frames:
                self._write_frame(f, kind, seq, priority, payload)
            _make_durable(f)
        self._size += sum(_FRAME_BYTES + len(frame[3]) for frame in frames)
        return self._size

    def _write_frame(self, f, kind, seq, priority, payload):
        head = self._head
        struct.pack_into(_HEAD, head, 0, _MARK, kind, priority, len(payload), seq)
        crc = binascii.crc32(payload, binascii.crc32(memoryview(head)[:_HEAD_BYTES]))
        struct.pack_into("<I", head, _HEAD_BYTES, crc)
        f.write(head)
        if len(payload):
            f.write(payload)

    def _compact(self):
        """Write what waits to a new file and put it in the place of the old one, at once or not at all."""
        index = []
        size = 2 * _FRAME_BYTES
        with open(self._new_path, "wb") as new:
            for _ in range(2):  # twice, since one damaged byte here could let numbers be used again
                self._write_frame(new, _NEXT, self._next, 0, b"")
            if self._index:
                with open(self._path, "rb") as old:
                    for entry in self._index:
                        if self._copy(old, new, entry):
                            index.append((entry[0], entry[1], size, entry[3]))
                            size += _FRAME_BYTES + entry[3]
            _make_durable(new)
        os.rename(self._new_path, self._path)
        _sync_all()
        self._index = index
        self._live = size - 2 * _FRAME_BYTES
        self._size = size
        self.counters["compacted"] += 1

    def _copy(self, old, new, entry):
        """Copy one record; False, and counted, if it cannot be read: the others must not be lost with it."""
        seq, priority, offset, length = entry
        size = _FRAME_BYTES + length
        try:
            whole = self._read_frame(old, offset, offset + size) == (_RECORD, seq, priority, length)
        except OSError:
            whole = False
        if not whole:
            self._unreadable(entry)
            return False
        old.seek(offset)
        while size:
            n = old.readinto(memoryview(self._chunk)[: min(size, _CHUNK)])
            new.write(memoryview(self._chunk)[:n])
            size -= n
        return True


def _make_durable(f):
    f.flush()
    _sync_all()


def _sync_all():
    sync = getattr(os, "sync", None)
    if sync:
        sync()
