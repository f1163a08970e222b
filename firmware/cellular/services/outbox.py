"""Records on their way to the server, kept in a file so that neither a restart nor a power cut loses one.

An append-only log of frames, each with a CRC. `put` appends a record, `ack` a marker that ends it; compaction writes
what still waits to a new file and renames it over the old one. RAM holds (seq, priority, offset, length) of each record
that waits, no payload. Needs a file system whose rename replaces (LittleFS, POSIX; not FAT). See docs/outbox.md.
"""

import os

from cellular.services import random_bytes
from cellular.services.logfile import DONE, FRAME_BYTES, MAX_PAYLOAD_BYTES, NEXT, RECORD, LogFile
from cellular.trace import trace
from micropython import const

FIRE = const(0)
ALARM = const(1)
ROUTINE = const(2)

RAM_RECORDS = const(16)
_BYTES_A_RECORD = const(64)  # of capacity: the index has room for one record for each so many

_VOLATILE = const(0x40000000)  # set in the seq of a record that never reached the file system
_ENOSPC = const(28)


class Outbox:
    """The records that wait, in `folder`. `capacity_bytes` bounds those that wait (13 bytes + payload each), and their
    number to one for each 64 bytes; the file grows to twice that before compaction, which needs as much again for a
    moment.

    `counters`: `corrupt` (damaged stretches of the log passed over, damaged records), `evicted` (given up for want of
    space), `refused` (a new record for which there was none), `not_durable` (kept in RAM only), `failed` (file
    operations that raised), `compacted`.
    """

    def __init__(self, folder, capacity_bytes=8192):
        if capacity_bytes < FRAME_BYTES + MAX_PAYLOAD_BYTES:
            raise ValueError("capacity_bytes must be %d at least" % (FRAME_BYTES + MAX_PAYLOAD_BYTES))
        self.counters = {"corrupt": 0, "evicted": 0, "refused": 0, "not_durable": 0, "failed": 0, "compacted": 0}
        self._folder = folder
        self._log = LogFile(folder + "/outbox.log")
        self._capacity = capacity_bytes
        self._most = capacity_bytes // _BYTES_A_RECORD
        self._index = []  # (seq, priority, offset, length) in order of age
        self._ram = []  # (seq, priority, payload)
        self._live = 0  # bytes of the records in the index
        self._mounted = False  # the log has been read: only then is it known which numbers are taken
        self._next = 1
        self._mount()

    def put(self, priority, payload):
        """Keep `payload` (1 to 512 bytes) until `ack`; return its sequence number.

        When this returns the record survives a power cut, or `counters["not_durable"]` has gone up and an event tells
        why. A full outbox gives up its oldest routine records first, then, for a fire, its oldest alarm class records,
        then its oldest fires; a fire is always taken. Returns None where there is no space for a record below fire
        (counted as `refused`).
        """
        n = len(payload)
        if not 0 < n <= MAX_PAYLOAD_BYTES or not FIRE <= priority <= ROUTINE:
            raise ValueError(
                "outbox takes 1 to %d bytes at priority 0 to 2, not %d at %s" % (MAX_PAYLOAD_BYTES, n, priority)
            )
        if not self._mounted:
            self._mount()
        evicted = self._make_room(FRAME_BYTES + n, priority)
        if evicted is None:
            self.counters["refused"] += 1
            trace("outbox_refused", prio=priority, waiting=len(self))
            return None
        seq = self._next
        if self._store(evicted, seq, priority, payload):
            self._next = seq + 1
            self._save_ram()
        else:
            seq = self._keep_in_ram(priority, payload)
        if seq is not None:
            trace("record", seq=seq, prio=priority, bytes=n)
        return seq

    def peek(self, skip=()):
        """(seq, priority, payload) of the record that goes next: lowest priority number, then the oldest.

        Records whose number is in `skip` are passed over. None where nothing else waits, or where the file system
        cannot be read now (`len` tells the two apart). A record that was damaged is passed over and counted.
        """
        while True:
            best = self._first(self._index, skip)
            spare = self._first(self._ram, skip)
            if spare and (not best or spare[1] < best[1]):
                return spare
            if not best:
                return None
            try:
                payload = self._log.load(best)
            except OSError as e:
                self._failed("read", e)  # the record may be readable later; what RAM holds must not wait for it
                return spare
            if payload is not None:
                return best[0], best[1], payload
            self._unreadable(best)
            self._forget(best)

    def ack(self, seq):
        """The server has record `seq`: it will not come again. Ignored where `seq` is unknown, as after eviction."""
        for record in self._ram:
            if record[0] == seq:
                self._ram.remove(record)
                return
        for entry in self._index:
            if entry[0] == seq:
                self._forget(entry)
                try:
                    self._append(((DONE, seq, 0, b""),))
                except OSError as e:
                    # After a restart the record is sent again, and the server knows it by its number.
                    self._broken("ack", e)
                return

    def holds(self, seq):
        """True while record `seq` waits."""
        return any(r[0] == seq for r in self._index) or any(r[0] == seq for r in self._ram)

    def pending(self, priority):
        """Count of the records of one priority that wait."""
        return sum(1 for r in self._index if r[1] == priority) + sum(1 for r in self._ram if r[1] == priority)

    def __len__(self):
        return len(self._index) + len(self._ram)

    # --- which record ---

    @staticmethod
    def _first(records, skip):
        best = None
        for r in records:
            if (best is None or r[1] < best[1]) and r[0] not in skip:
                best = r
        return best

    def _forget(self, entry):
        self._index.remove(entry)
        self._live -= FRAME_BYTES + entry[3]

    @staticmethod
    def _ranks_below(priority):
        # A routine record makes way for a newer one, which says more; an alarm only for a fire.
        return (ROUTINE, ALARM) if priority == FIRE else (ROUTINE,)

    def _make_room(self, size, priority):
        """The entries given up so that `size` more bytes fit, or None if a record of `priority` may not have them."""
        victims = []
        free = self._capacity - self._live
        places = self._most - len(self._index)
        ranks = self._ranks_below(priority)
        if priority == FIRE:
            ranks += (FIRE,)  # the newest says what the oldest did
        for rank in ranks:
            for entry in self._index:
                if free >= size and places > 0:
                    break
                if entry[1] == rank:
                    victims.append(entry)
                    free += FRAME_BYTES + entry[3]
                    places += 1
        if free < size or places <= 0:
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
        frames = [(DONE, entry[0], 0, b"") for entry in evicted]
        frames.append((RECORD, seq, priority, payload))
        count = 1
        while True:
            anew = self._log.size is None
            try:
                end = self._append(frames)
            except OSError as e:
                self._broken("put", e)
                self._log.tidy()  # half a file may be what fills the disk
                if anew:
                    if e.errno != _ENOSPC or not self._evict_oldest(count, priority):
                        return False
                    count *= 2
                frames = frames[-1:]  # those that were given up are not in the new file
                continue
            self._index.append((seq, priority, end - FRAME_BYTES - len(payload), len(payload)))
            self._live += FRAME_BYTES + len(payload)
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
        self._log.size = None
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
        before = self.counters["evicted"]
        try:
            os.mkdir(self._folder)
        except OSError:
            pass  # it is there; if not, the next step says so
        try:
            self._log.tidy()
            damaged = self._log.scan(self._replay) if self._log.exists() else 0
            self._mounted = True
            given_up = self.counters["evicted"] - before
            self.counters["corrupt"] += damaged
            if damaged:
                trace("outbox_repaired", damaged=damaged, waiting=len(self._index))
            if damaged or given_up or self._log.size is None:
                self._compact()
        except OSError as e:
            self._broken("mount", e)

    def _replay(self, kind, seq, priority, offset, length):
        if kind == NEXT:
            self._next = max(self._next, seq)
            return
        if seq < _VOLATILE:
            self._next = max(self._next, seq + 1)
        if kind == RECORD:
            self._index.append((seq, priority, offset, length))
            self._live += FRAME_BYTES + length
            if len(self._index) > self._most:  # a file of another capacity, or damaged; memory is what it is
                last = max(r[1] for r in self._index)
                self._evict(next(r for r in self._index if r[1] == last))
            return
        for entry in self._index:
            if entry[0] == seq:
                self._forget(entry)
                break

    def _append(self, frames):
        """Append, after compaction if the file would grow too big or if nobody knows what a failed write left."""
        size = self._log.size
        if size is None or size + sum(FRAME_BYTES + len(f[3]) for f in frames) > 2 * self._capacity:
            self._compact()
        return self._log.append(frames)

    def _compact(self):
        kept = self._log.rewrite(self._next, self._index)
        if len(kept) < len(self._index):
            numbers = [entry[0] for entry in kept]
            for entry in self._index:
                if entry[0] not in numbers:
                    self._unreadable(entry)
        self._index = kept
        self._live = sum(FRAME_BYTES + entry[3] for entry in kept)
        self.counters["compacted"] += 1
