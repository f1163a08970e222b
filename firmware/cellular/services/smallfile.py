"""Small files that a power cut leaves as they were or as they should be: written beside, then renamed over.

Needs a file system whose rename replaces (LittleFS, POSIX; not FAT).
"""

import binascii
import os

from cellular.trace import trace


def load(path, most):
    """The content, at most `most` bytes; None where there is no file, or where it cannot be read (traced)."""
    try:
        with open(path, "rb") as f:
            return f.read(most)
    except OSError as e:
        if e.errno != 2:
            trace("file_unreadable", path=path, error=str(e))
    return None


def store(path, data):
    """Replace the content. False if the flash fails (traced); the old content is kept then."""
    try:
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)
    except OSError as e:
        trace("file_not_stored", path=path, error=str(e))
        return False
    return True


def load_checked(path, size):
    """`size` bytes that `store_checked` wrote, or None."""
    data = load(path, size + 5)
    if data is None:
        return None
    if len(data) != size + 4 or binascii.crc32(data[:size]) != int.from_bytes(data[size:], "little"):
        trace("file_damaged", path=path, bytes=len(data))
        return None
    return data[:size]


def store_checked(path, data):
    """As `store`, with a checksum behind the data."""
    return store(path, bytes(data) + binascii.crc32(data).to_bytes(4, "little"))
