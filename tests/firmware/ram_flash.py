"""A flash in RAM for VfsLfs2 that can lose its power at any program or erase operation."""

import errno


class RamFlash:
    """`fail_at`: the number (from 1) of the operation in which power goes; half of it is done, of later ones nothing.

    `operations` and `erases` count. Errors are returned, not raised: an exception would jump out of LittleFS midway.
    """

    def __init__(self, blocks=48, block_bytes=512):
        self.block_bytes = block_bytes
        self.data = bytearray(b"\xff" * (blocks * block_bytes))
        self.operations = 0
        self.erases = 0
        self.fail_at = None

    def copy(self):
        """The same content on a device of its own, with power."""
        other = RamFlash(len(self.data) // self.block_bytes, self.block_bytes)
        other.data[:] = self.data
        return other

    def power_back(self):
        self.fail_at = None
        self.operations = 0

    def _step(self):
        self.operations += 1
        if self.fail_at is None or self.operations < self.fail_at:
            return 1
        return 2 if self.operations == self.fail_at else 0

    def readblocks(self, block, buf, offset=0):
        at = block * self.block_bytes + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=None):
        if offset is None:
            self.erase(block)
            offset = 0
        at = block * self.block_bytes + offset
        step = self._step()
        if step == 1:
            self.data[at : at + len(buf)] = buf
            return 0
        if step == 2:
            half = len(buf) // 2
            self.data[at : at + half] = memoryview(buf)[:half]
        return -errno.EIO

    def erase(self, block):
        at = block * self.block_bytes
        step = self._step()
        size = self.block_bytes if step == 1 else self.block_bytes // 2 if step == 2 else 0
        self.data[at : at + size] = b"\xff" * size
        self.erases += 1
        return 0 if step == 1 else -errno.EIO

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.data) // self.block_bytes
        if op == 5:
            return self.block_bytes
        return self.erase(arg) if op == 6 else 0
