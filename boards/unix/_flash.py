"""The flash chip of the unix board in lock step: a file on the host under MicroPython's own LittleFS.

The bench counts erases and programs, so that wear over a device's life is a figure.
"""

import os

import vfs
from _virtual import link
from micropython import const

_BLOCK_BYTES = const(4096)
_TOLD = const(32)  # programs are told in lots: there are many
_BLOCKS = const(64)
_COUNT = const(4)
_SIZE = const(5)
_ERASE = const(6)


class _Chip:
    """Block device with the extended interface (offsets, and erase apart from program)."""

    def __init__(self, path):
        self._programs = 0
        self._erased = b"\xff" * _BLOCK_BYTES
        try:
            os.stat(path)
        except OSError:
            with open(path, "wb") as f:
                for _ in range(_BLOCKS):
                    f.write(self._erased)
        self._f = open(path, "r+b")

    def readblocks(self, block, buf, offset=0):
        self._f.seek(block * _BLOCK_BYTES + offset)
        self._f.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        self._programs += 1
        if self._programs == _TOLD:
            link.tell("PROG %d" % _TOLD)
            self._programs = 0
        self._f.seek(block * _BLOCK_BYTES + offset)
        self._f.write(buf)

    def ioctl(self, op, arg):
        if op == _COUNT:
            return _BLOCKS
        if op == _SIZE:
            return _BLOCK_BYTES
        if op == _ERASE:
            link.tell("ERASE %d" % arg)
            self._f.seek(arg * _BLOCK_BYTES)
            self._f.write(self._erased)
            return 0
        return None


def mount():
    """Mount the chip at /flash, formatted if it is empty; return that folder."""
    chip = _Chip(os.getenv("CELLKIT_FLASH"))
    try:
        vfs.mount(vfs.VfsLfs2(chip, mtime=False), "/flash")
    except OSError:
        vfs.VfsLfs2.mkfs(chip)
        vfs.mount(vfs.VfsLfs2(chip, mtime=False), "/flash")
    os.chdir("/flash")
    return "/flash"
