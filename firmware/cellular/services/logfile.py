"""The outbox's file: an append-only log of frames, each with a CRC, and its replacement by a shorter one.

A frame is the mark 0xC5, its kind, a priority, the length of its payload (2 bytes), a sequence number (4), a CRC-32 (4)
of all these and the payload, and the payload; numbers are little-endian. What a power cut or a bad cell leaves between
frames is passed over. Every method may raise OSError; none keeps the file open.
"""

import binascii
import os
import struct

from micropython import const

RECORD = const(0x52)
DONE = const(0x44)  # ends record `seq`: acknowledged, or given up for want of space
NEXT = const(0x4E)  # all numbers below `seq` are taken

FRAME_BYTES = const(13)
MAX_PAYLOAD_BYTES = const(512)

_HEAD = "<BBBHI"
_HEAD_BYTES = const(9)
_MARK = const(0xC5)
_CHUNK_BYTES = const(64)


class LogFile:
    """`size`: bytes of the file, or None where a failed write may have left anything at its end: then only `rewrite`
    may follow."""

    def __init__(self, path):
        self.size = None
        self._path = path
        self._new_path = path + ".new"
        self._chunk = bytearray(_CHUNK_BYTES)
        self._head = bytearray(FRAME_BYTES)

    def tidy(self):
        """Remove what a `rewrite` that came to no end has left."""
        try:
            os.remove(self._new_path)
        except OSError:
            pass  # there is nothing, as nearly always

    def exists(self):
        try:
            os.stat(self._path)
        except OSError as e:
            if e.errno == 2:
                return False
            raise
        return True

    def scan(self, on_frame):
        """Call `on_frame(kind, seq, priority, offset, length)` for each whole frame; return how many stretches are
        damaged."""
        size = os.stat(self._path)[6]
        damaged = offset = 0
        with open(self._path, "rb") as f:
            while offset < size:
                frame = self._read_frame(f, offset, size)
                if frame is None:
                    damaged += 1
                    offset = self._resync(f, offset + 1, size)
                    continue
                kind, seq, priority, length = frame
                on_frame(kind, seq, priority, offset, length)
                offset += FRAME_BYTES + length
        self.size = size
        return damaged

    def append(self, frames):
        """Append (kind, seq, priority, payload) frames in one go; return the offset after them once they are safe."""
        with open(self._path, "ab") as f:
            for kind, seq, priority, payload in frames:
                self._write_frame(f, kind, seq, priority, payload)
            _make_durable(f)
        for frame in frames:
            self.size += FRAME_BYTES + len(frame[3])
        return self.size

    def load(self, entry):
        """The payload of `entry` (seq, priority, offset, length), or None if it is not there as it was written."""
        with open(self._path, "rb") as f:
            if not self._holds(f, entry):
                return None
            f.seek(entry[2] + FRAME_BYTES)
            return f.read(entry[3])

    def rewrite(self, next_seq, index):
        """Put a file with the records of `index` alone in the place of the old one, at once or not at all.

        Returns their new entries; one that cannot be read is left out, so that the others are not lost with it.
        """
        kept = []
        size = 2 * FRAME_BYTES
        with open(self._new_path, "wb") as new:
            for _ in range(2):  # twice, since one damaged byte here could let numbers be used again
                self._write_frame(new, NEXT, next_seq, 0, b"")
            if index:
                with open(self._path, "rb") as old:
                    for entry in index:
                        if self._copy(old, new, entry):
                            kept.append((entry[0], entry[1], size, entry[3]))
                            size += FRAME_BYTES + entry[3]
            _make_durable(new)
        os.rename(self._new_path, self._path)
        _sync_all()
        self.size = size
        return kept

    def _copy(self, old, new, entry):
        try:
            if not self._holds(old, entry):
                return False
        except OSError:
            return False
        old.seek(entry[2])
        left = FRAME_BYTES + entry[3]
        while left:
            n = old.readinto(memoryview(self._chunk)[: min(left, _CHUNK_BYTES)])
            new.write(memoryview(self._chunk)[:n])
            left -= n
        return True

    def _holds(self, f, entry):
        seq, priority, offset, length = entry
        return self._read_frame(f, offset, offset + FRAME_BYTES + length) == (RECORD, seq, priority, length)

    def _read_frame(self, f, offset, size):
        """(kind, seq, priority, length) of the frame at `offset` if it is whole and its CRC is right, else None."""
        head = self._head
        f.seek(offset)
        if f.readinto(head) != FRAME_BYTES or head[0] != _MARK:
            return None
        _, kind, priority, length, seq = struct.unpack_from(_HEAD, head)
        crc = struct.unpack_from("<I", head, _HEAD_BYTES)[0]
        if length > MAX_PAYLOAD_BYTES or offset + FRAME_BYTES + length > size:
            return None
        got = binascii.crc32(memoryview(head)[:_HEAD_BYTES])
        left = length
        while left:
            n = f.readinto(memoryview(self._chunk)[: min(left, _CHUNK_BYTES)])
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

    def _write_frame(self, f, kind, seq, priority, payload):
        head = self._head
        struct.pack_into(_HEAD, head, 0, _MARK, kind, priority, len(payload), seq)
        crc = binascii.crc32(payload, binascii.crc32(memoryview(head)[:_HEAD_BYTES]))
        struct.pack_into("<I", head, _HEAD_BYTES, crc)
        f.write(head)
        if len(payload):
            f.write(payload)


def _make_durable(f):
    f.flush()
    _sync_all()


def _sync_all():
    sync = getattr(os, "sync", None)
    if sync:
        sync()
