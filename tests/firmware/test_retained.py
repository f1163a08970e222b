"""RTC memory, and small files that survive a power cut."""

import os

from cellular.services import smallfile
from cellular.services.retained import Retained
from ram_flash import RamFlash

AREAS = (("a", 4), ("b", 8))


class Rtc:
    def __init__(self):
        self.data = b""

    def memory(self, data=None):
        if data is None:
            return self.data
        self.data = bytes(data)


def test_areas_come_back_after_a_reset():
    rtc = Rtc()
    first = Retained(rtc, AREAS)
    assert not first.kept and bytes(first.get("a")) == bytes(4)
    first.get("a")[:] = b"abcd"
    first.get("b")[:] = b"12345678"
    first.save()
    second = Retained(rtc, AREAS)
    assert second.kept and bytes(second.get("a")) == b"abcd" and bytes(second.get("b")) == b"12345678"


def test_what_is_torn_or_of_another_layout_is_lost_as_a_whole():
    rtc = Rtc()
    first = Retained(rtc, AREAS)
    first.get("a")[:] = b"abcd"
    first.save()
    good = rtc.data
    for i in range(len(good)):
        rtc.data = good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :]
        damaged = Retained(rtc, AREAS)
        assert not damaged.kept and bytes(damaged.get("a")) == bytes(4), i
    rtc.data = good[:-1]
    assert not Retained(rtc, AREAS).kept
    rtc.data = good
    assert not Retained(rtc, (("a", 4), ("b", 9))).kept
    assert Retained(rtc, AREAS).kept


def test_a_board_without_rtc_memory():
    memory = Retained(None, AREAS)
    memory.get("a")[:] = b"abcd"
    memory.save()
    assert not memory.kept and bytes(memory.get("a")) == b"abcd"


def test_small_file():
    path = "small_test"
    assert smallfile.load(path, 10) is None and smallfile.load_checked(path, 4) is None
    assert smallfile.store_checked(path, b"abcd") and smallfile.load_checked(path, 4) == b"abcd"
    assert smallfile.load_checked(path, 5) is None and smallfile.load_checked(path, 3) is None
    data = bytearray(smallfile.load(path, 100))
    data[1] ^= 4
    assert smallfile.store(path, data) and smallfile.load_checked(path, 4) is None
    assert not smallfile.store("no_folder/x", b"")
    os.remove(path)


def test_a_power_cut_leaves_the_old_or_the_new():
    import vfs

    flash = RamFlash()
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/cut")
    smallfile.store_checked("/cut/f", b"old!")
    vfs.umount("/cut")
    seen = set()
    for cut in range(1, 60):
        trial = flash.copy()
        vfs.mount(vfs.VfsLfs2(trial), "/cut")
        trial.operations = 0
        trial.fail_at = cut
        smallfile.store_checked("/cut/f", b"new!")
        vfs.umount("/cut")
        done = trial.operations < cut
        trial.power_back()
        vfs.mount(vfs.VfsLfs2(trial), "/cut")
        seen.add(smallfile.load_checked("/cut/f", 4))
        vfs.umount("/cut")
        if done:
            break
    else:
        raise AssertionError("it never came to an end")
    assert seen == {b"old!", b"new!"}
