"""The ring of readings: what is kept, after restarts, a failing flash, and a power cut at every moment."""

import os

from apps.meter.ring import PER_FILE, Ring
from cellular import calendar
from ram_flash import RamFlash

START = calendar.seconds(2037, 12, 31)
FOLDER = "ring_test"


def reading(n):
    return START + 900 * n, 1000000007 * n - 5, n % 7 == 0


def clear(folder=FOLDER):
    try:
        for name in os.listdir(folder):
            os.remove(folder + "/" + name)
        os.rmdir(folder)
    except OSError:
        pass


def fill(count, capacity=16, folder=FOLDER):
    ring = Ring(folder, capacity)
    for n in range(ring.next, ring.next + count):
        ring.add([reading(n)])
    return ring


def check(ring, first, end):
    got = list(ring.since(first))
    assert got == [(n,) + reading(n) for n in range(first, end)], got


def test_empty():
    clear()
    ring = Ring(FOLDER, 16)
    assert ring.next == 0 and ring.last is None and list(ring.since(0)) == []


def test_add_and_read_back_through_restarts():
    clear()
    for count in range(1, 70):
        fill(1)
        ring = Ring(FOLDER, 16)
        assert ring.next == count and ring.last == reading(count - 1)
        check(ring, max(0, count - 16), count)


def test_capacity_holds_however_it_is_filled():
    for capacity in (1, 8, 9, 62, 96):
        clear()
        ring = fill(250, capacity)
        kept = list(ring.since(0))
        assert len(kept) >= capacity and kept[-1][0] == 249
        assert kept[0][0] + len(kept) == 250
        assert len(os.listdir(FOLDER)) == (capacity - 1) // PER_FILE + 2


def test_many_at_once():
    clear()
    ring = Ring(FOLDER, 96)
    ring.add([reading(n) for n in range(3)])
    ring.add([reading(n) for n in range(3, 103)])
    assert ring.next == 103 and ring.last == reading(102)
    check(ring, 7, 103)
    check(Ring(FOLDER, 96), 7, 103)


def test_since_the_middle_the_end_and_beyond():
    clear()
    ring = fill(20, 96)
    check(ring, 13, 20)
    assert list(ring.since(20)) == [] and list(ring.since(99)) == []


def test_a_damaged_record_costs_only_itself():
    clear()
    fill(12, 96)
    path = FOLDER + "/0"
    with open(path, "rb") as f:
        data = bytearray(f.read())
    data[15 * 3 + 5] ^= 1
    with open(path, "wb") as f:
        f.write(data)
    ring = Ring(FOLDER, 96)
    assert [r[0] for r in ring.since(0)] == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11] and ring.next == 12


def test_a_lost_file_costs_its_readings():
    clear()
    fill(20, 96)
    os.remove(FOLDER + "/1")
    ring = fill(4, 96)
    assert [r[0] for r in ring.since(0)] == list(range(8)) + list(range(16, 24))


def test_the_newest_file_is_empty_or_damaged():
    for content in (b"", b"\xff" * 15, b"\xff" * 8):
        clear()
        fill(16, 96)
        with open(FOLDER + "/2", "wb") as f:
            f.write(content)
        ring = Ring(FOLDER, 96)
        assert ring.last == reading(15) and 16 <= ring.next <= 17
        ring.add([reading(ring.next)])
        number = ring.next - 1
        assert Ring(FOLDER, 96).last == reading(number) and number >= 16
        assert [r[0] for r in Ring(FOLDER, 96).since(10)] == [10, 11, 12, 13, 14, 15, number]


def test_another_capacity_keeps_what_is_there():
    clear()
    fill(100, 96)
    ring = Ring(FOLDER, 384)
    assert ring.next == 100 and ring.last == reading(99) and len(list(ring.since(0))) >= 96
    fill(300, 384)
    assert len(list(Ring(FOLDER, 384).since(0))) >= 384
    ring = fill(8, 16)
    assert 16 <= len(list(ring.since(0))) <= 24 and ring.next == 408
    assert len(os.listdir(FOLDER)) == 3


def test_a_torn_end_is_passed_over():
    # As on a file system that may keep half of a write.
    for cut in range(1, 15):
        clear()
        fill(11, 96)
        with open(FOLDER + "/1", "rb") as f:
            data = f.read()
        with open(FOLDER + "/1", "wb") as f:
            f.write(data[:-cut])
        ring = Ring(FOLDER, 96)
        assert ring.next == 10 and ring.last == reading(9)
        ring.add([reading(16)])  # begins the next file
        assert ring.next == 17
        again = Ring(FOLDER, 96)
        assert [r[0] for r in again.since(0)] == list(range(10)) + [16] and again.next == 17


def test_a_flash_that_fails_keeps_them_in_ram():
    clear()
    ring = fill(3, 96)
    ring._folder = "no_such_folder"
    for n in range(3, 6):
        ring.add([reading(n)])
    assert ring.failed == 3 and ring.last == reading(2)
    ring._folder = FOLDER
    ring.add([reading(6)])
    assert ring.next == 12 and ring.last == reading(6)  # begun anew in the next file
    kept = [r[1:] for r in Ring(FOLDER, 96).since(0)]
    assert kept == [reading(n) for n in range(7)]


def test_a_power_cut_at_every_moment_costs_at_most_the_reading_at_hand():
    import vfs

    start = RamFlash(blocks=64)
    vfs.VfsLfs2.mkfs(start)
    vfs.mount(vfs.VfsLfs2(start), "/ring")
    fill(14, 8, "/ring/r")
    vfs.umount("/ring")
    cut = 0
    ended = False
    while not ended:
        cut += 1
        trial = start.copy()
        vfs.mount(vfs.VfsLfs2(trial), "/ring")
        ring = Ring("/ring/r", 8)
        trial.operations = 0
        trial.fail_at = cut
        done = 14
        for n in range(14, 22):  # over the beginning of a file
            ring.add([reading(n)])
            if trial.operations >= cut:
                break
            done = n + 1
        ended = done == 22
        vfs.umount("/ring")
        trial.power_back()
        vfs.mount(vfs.VfsLfs2(trial), "/ring")
        again = Ring("/ring/r", 8)
        kept = [r[1:] for r in again.since(0)]
        vfs.umount("/ring")
        newest = len(kept) and [reading(n) for n in range(22)].index(kept[-1]) + 1
        assert done <= newest <= done + 1, (cut, done, newest)
        assert kept == [reading(n) for n in range(newest - len(kept), newest)]
        assert len(kept) >= 8
    assert cut > 8  # each reading is an operation at least


def test_ten_years_of_hours_are_cheap_in_erases():
    # A tenth of a year on the flash of a product: 64 blocks of 4096 bytes.
    import vfs

    flash = RamFlash(64, 4096)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash, mtime=False), "/ring")
    ring = Ring("/ring/r", 96)
    before = flash.erases
    for n in range(876):
        ring.add([reading(n)])
    vfs.umount("/ring")
    assert ring.failed == 0
    assert flash.erases - before <= 100  # in ten years 10,000, spread over all blocks


clear()
