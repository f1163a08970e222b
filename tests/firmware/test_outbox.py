"""The outbox on a POSIX folder and on LittleFS; power cuts at every flash operation and every byte of the log."""

import os

import vfs
from cellular.services import logfile
from cellular.services.outbox import ALARM, FIRE, ROUTINE, Outbox
from ram_flash import RamFlash

MOUNT = "/ramflash"
VOLATILE = 0x40000000


class Folder:
    """A fresh folder of the host, removed at the end."""

    def __enter__(self):
        self.path = (os.getenv("TMPDIR") or "/tmp") + "/cellkit_outbox_%s" % "".join("%02x" % b for b in os.urandom(6))
        os.mkdir(self.path)
        return self

    def __exit__(self, *_):
        for name in os.listdir(self.path):
            os.remove(self.path + "/" + name)
        os.rmdir(self.path)

    def read(self):
        with open(self.path + "/outbox.log", "rb") as f:
            return f.read()

    def write(self, data):
        with open(self.path + "/outbox.log", "wb") as f:
            f.write(data)


class Flash:
    """A formatted RAM flash, mounted."""

    def __init__(self, **kw):
        self.dev = RamFlash(**kw)
        vfs.VfsLfs2.mkfs(self.dev)
        self.dev.power_back()

    def __enter__(self):
        vfs.mount(vfs.VfsLfs2(self.dev), MOUNT)
        return self

    def __exit__(self, *_):
        vfs.umount(MOUNT)

    def restart(self):
        """Power off and on. What still refers to the old device can no longer change a byte."""
        vfs.umount(MOUNT)
        self.dev = self.dev.copy()
        vfs.mount(vfs.VfsLfs2(self.dev), MOUNT)


def drain(box):
    out = []
    while True:
        record = box.peek()
        if record is None:
            return out
        out.append(record)
        box.ack(record[0])


def test_peek_passes_over_what_it_is_told_to():
    with Folder() as f:
        box = Outbox(f.path)
        a, b, c = [box.put(p, b"x") for p in (ROUTINE, ALARM, ROUTINE)]
        assert box.peek()[0] == b and box.peek((b,))[0] == a and box.peek((a, b))[0] == c
        assert box.peek((a, b, c)) is None and len(box) == 3


def test_fire_first_then_alarms_then_by_age():
    with Folder() as d:
        box = Outbox(d.path)
        for priority, payload in ((ROUTINE, b"r1"), (ALARM, b"a1"), (FIRE, b"f1"), (ALARM, b"a2"), (FIRE, b"f2")):
            box.put(priority, payload)
        assert len(box) == 5 and [box.pending(p) for p in range(3)] == [2, 2, 1]
        assert box.peek() == box.peek()
        assert [r[2] for r in drain(box)] == [b"f1", b"f2", b"a1", b"a2", b"r1"]
        assert len(box) == 0 and box.peek() is None


def test_records_and_acks_survive_a_restart():
    with Folder() as d:
        box = Outbox(d.path)
        a = box.put(ROUTINE, b"a")
        b = box.put(ROUTINE, memoryview(b"payload with OK\r\n and \xc5R\x00"))
        c = box.put(FIRE, bytes(512))
        box.ack(a)
        box.ack(999)
        box = Outbox(d.path)
        assert drain(box) == [(c, 0, bytes(512)), (b, 2, b"payload with OK\r\n and \xc5R\x00")]
        assert len(Outbox(d.path)) == 0


def test_numbers_never_repeat_over_restarts_and_compactions():
    with Folder() as d:
        seen = set()
        for _ in range(6):
            box = Outbox(d.path, 600)
            for _ in range(8):
                seq = box.put(ROUTINE, bytes(100))
                assert seq not in seen and seq > max(seen | {0})
                seen.add(seq)
                box.ack(seq)
        assert box.counters["compacted"] > 0


def test_wrong_arguments_are_refused():
    with Folder() as d:
        box = Outbox(d.path)
        for args in ((ROUTINE, b""), (ROUTINE, bytes(513)), (3, b"x"), (-1, b"x")):
            try:
                box.put(*args)
            except ValueError:
                continue
            raise AssertionError(args)
        assert len(box) == 0


def test_full_outbox_gives_up_oldest_routine_first_and_a_fire_only_for_a_fire():
    with Folder() as d:
        box = Outbox(d.path, 1000)  # eight frames of 113 bytes
        seqs = [box.put(p, bytes(100)) for p in (ROUTINE, ALARM, ROUTINE, FIRE, ALARM, ROUTINE, ROUTINE, FIRE)]
        box.put(ROUTINE, bytes(100))
        assert box.counters["evicted"] == 1 and box.pending(ROUTINE) == 4
        assert seqs[0] not in [e[0] for e in box._index]
        for _ in range(4):
            assert box.put(ALARM, bytes(100))
        assert box.pending(ROUTINE) == 0 and box.pending(ALARM) == 6
        assert box.put(ALARM, bytes(100)) is None and box.put(ROUTINE, bytes(100)) is None
        assert box.counters["refused"] == 2
        for _ in range(12):
            last = box.put(FIRE, bytes(100))
            assert last and box.holds(last)
        assert box.pending(ALARM) == 0 and box.pending(FIRE) == len(box) == 8
        assert not box.holds(seqs[3]) and box.put(ALARM, bytes(100)) is None
        again = Outbox(d.path, 1000)
        assert again.pending(FIRE) == 8 and len(again) == 8  # what was given up stays so


def test_the_number_of_records_is_bounded_however_short_they_are():
    with Folder() as d:
        box = Outbox(d.path, 1280)
        for priority in (ROUTINE, ALARM, FIRE):
            for _ in range(40):
                newest = box.put(priority, b"x")
            assert len(box) == box.pending(priority) == 20, (priority, len(box), box.pending(priority))
        assert box.counters["refused"] == 20 and box.counters["evicted"] == 20 + 20 + 20 + 20, box.counters
        small = Outbox(d.path, 640)  # as after an update
        assert len(small) == small.pending(FIRE) == 10 and small.holds(newest) and small.counters["evicted"] > 0
        assert len(Outbox(d.path, 1280)) == 10


def test_the_file_stays_bounded():
    with Folder() as d:
        box = Outbox(d.path, 1000)
        for _ in range(200):
            box.ack(box.put(ROUTINE, bytes(50)))
            assert os.stat(d.path + "/outbox.log")[6] <= 2000
        assert 0 < box.counters["compacted"] < 20


def fill(d):
    box = Outbox(d.path)
    seqs = [box.put(p, b"payload %d" % i) for i, p in enumerate((ROUTINE, FIRE, ALARM, ROUTINE, FIRE))]
    box.ack(seqs[0])
    box.ack(seqs[4])
    return seqs


def test_log_cut_at_every_byte():
    with Folder() as d:
        seqs = fill(d)
        whole = d.read()
        ends = [26]  # after the two frames that hold the next number
        for _ in range(5):
            ends.append(ends[-1] + 13 + 9)
        for cut in range(len(whole) + 1):
            d.write(whole[:cut])
            box = Outbox(d.path)
            expected = {seqs[i] for i in range(5) if cut >= ends[i + 1]}
            if cut >= ends[5] + 13:
                expected.discard(seqs[0])
            if cut >= ends[5] + 26:
                expected.discard(seqs[4])
            assert {r[0] for r in drain(box)} == expected, cut
            # The tail is gone for good: what is written now is found again.
            new = box.put(FIRE, b"new")
            box = Outbox(d.path)
            assert new > max(expected | {0}) and box.peek() == (new, 0, b"new"), cut
            assert box.counters["corrupt"] == 0, cut


def test_any_damaged_byte_costs_one_record_at_most():
    with Folder() as d:
        seqs = fill(d)
        whole = d.read()
        waiting = {seqs[1], seqs[2], seqs[3]}
        for at in range(len(whole)):
            data = bytearray(whole)
            data[at] ^= 0x10
            d.write(data)
            box = Outbox(d.path)
            got = {r[0] for r in drain(box)}
            # A damaged end marker brings its record back; nothing else comes back and one record at most is lost.
            assert len(waiting - got) <= 1 and len(got - waiting) <= 1, (at, got)
            assert got <= set(seqs) and box.counters["corrupt"] >= 1, (at, box.counters)
            assert box.put(FIRE, b"x") > seqs[4], at


def test_record_damaged_while_running_is_passed_over():
    with Folder() as d:
        box = Outbox(d.path)
        bad = box.put(FIRE, b"will be damaged")
        good = box.put(FIRE, b"good")
        data = bytearray(d.read())
        data[26 + 13] ^= 1
        d.write(data)
        assert box.peek() == (good, 0, b"good") and box.counters["corrupt"] == 1 and len(box) == 1
        assert bad < good


def test_garbage_in_place_of_the_log():
    with Folder() as d:
        for garbage in (b"", b"\xc5", b"\xc5" * 700, b"\0" * 1000, bytes(range(256)) * 4):
            d.write(garbage)
            box = Outbox(d.path)
            assert box.peek() is None
            seq = box.put(ALARM, b"x")
            assert Outbox(d.path).peek() == (seq, 1, b"x")


# --- LittleFS ---


def script(durable, acked):
    """Puts, acks and compactions; fills in what was promised, so that a power cut leaves the account at that moment."""
    box = Outbox(MOUNT + "/q", 600)
    for i in range(28):
        lost = box.counters["not_durable"]
        payload = b"%d." % i * 20
        seq = box.put((ROUTINE, ALARM, FIRE)[i % 3], payload)
        if seq is not None and box.counters["not_durable"] == lost:
            durable[seq] = payload
        if i % 3 == 2:
            seq = box.peek()[0]
            failed = box.counters["failed"]
            box.ack(seq)
            acked[seq] = box.counters["failed"] == failed
    return box


def check_after_cut(fs, durable, acked, evicted, at):
    fs.restart()
    box = Outbox(MOUNT + "/q", 600)
    got = drain(box)
    numbers = [r[0] for r in got]
    assert len(numbers) == len(set(numbers)), (at, numbers)
    for seq, payload in durable.items():
        if seq not in acked and seq not in evicted:
            assert (seq, payload) in [(r[0], r[2]) for r in got], (at, seq, numbers)
    for seq, safely in acked.items():
        assert not (safely and seq in numbers), (at, seq)
    seq = box.put(FIRE, b"after")
    taken = [s for s in list(durable) + numbers if s < VOLATILE]
    assert seq > max(taken + [0]), (at, seq)
    assert Outbox(MOUNT + "/q", 600).peek() == (seq, 0, b"after"), at


def test_power_cut_at_every_flash_operation():
    with Flash() as fs:
        durable, acked = {}, {}
        box = script(durable, acked)
        total = fs.dev.operations
        print("power cuts:", total, box.counters)
        assert len(durable) == 28 and box.counters["compacted"] > 1 and box.counters["evicted"] > 0
    assert total > 100
    for at in range(1, total + 1):
        with Flash() as fs:
            fs.dev.fail_at = at
            durable, acked = {}, {}
            box = script(durable, acked)
            kept = {e[0] for e in box._index} | {r[0] for r in box._ram}
            evicted = {s for s in durable if s not in kept and s not in acked}
            assert box.counters["failed"] or at > total - 2, at
            check_after_cut(fs, durable, acked, evicted, at)


def test_dead_flash_still_lets_the_alarm_out():
    with Flash() as fs:
        box = Outbox(MOUNT + "/q")
        kept = box.put(ROUTINE, b"before")
        fs.dev.fail_at = fs.dev.operations + 1
        fire = box.put(FIRE, b"fire")
        assert fire & VOLATILE and box.counters["not_durable"] == 1
        assert box.peek() == (fire, 0, b"fire")
        box.ack(fire)
        assert box.peek() == (kept, 2, b"before")
        # The flash works again: what waits in RAM goes there with the next record, and its number stays.
        second = box.put(FIRE, b"second")
        fs.dev.power_back()
        box.put(ROUTINE, b"third")
        assert not box._ram
        fs.restart()
        box = Outbox(MOUNT + "/q")
        assert [(r[0], r[2]) for r in drain(box)] == [(second, b"second"), (kept, b"before"), (kept + 1, b"third")]
        assert second & VOLATILE and box.put(ROUTINE, b"next") == kept + 2


def test_mount_on_dead_flash_draws_numbers_that_cannot_repeat():
    with Flash() as fs:
        box = Outbox(MOUNT + "/q")
        old = box.put(ROUTINE, b"old")

    class Unreadable:
        def stat(self, path):
            raise OSError(5)

        mkdir = remove = stat

        def mount(self, readonly, mkfs):
            pass

        def umount(self):
            pass

    vfs.mount(Unreadable(), MOUNT)
    box = Outbox(MOUNT + "/q")
    fire = box.put(FIRE, b"fire")
    assert fire & VOLATILE and box.peek() == (fire, 0, b"fire")
    vfs.umount(MOUNT)
    vfs.mount(vfs.VfsLfs2(fs.dev), MOUNT)
    # Readable again: the log is read before anything is written, so nothing of it is lost and no number is used twice.
    new = box.put(ROUTINE, b"new")
    assert new == old + 1 and [r[2] for r in drain(box)] == [b"fire", b"old", b"new"]
    vfs.umount(MOUNT)


def test_ram_list_is_bounded_and_fire_stays_longest():
    with Flash() as fs:
        box = Outbox(MOUNT + "/q")
        fs.dev.fail_at = fs.dev.operations + 1
        fires = [box.put(FIRE, b"f%d" % i) for i in range(3)]
        for _ in range(20):
            box.put(ALARM, b"a")
        for _ in range(3):
            fires.append(box.put(FIRE, b"late"))
        assert len(box) == 16 and box.pending(FIRE) == 6
        assert box.put(ROUTINE, b"r") is None
        assert {r[0] for r in box._ram if r[1] == FIRE} == set(fires)


def test_full_disk_gives_up_routine_records_for_an_alarm():
    with Flash(blocks=20) as fs:
        box = Outbox(MOUNT + "/q", 20000)
        n = 0
        while box.counters["failed"] == 0:
            n += 1
            assert n < 200
            box.put(ROUTINE if n % 4 else ALARM, b"%04d" % n * 30)
        for i in range(4):
            seq = box.put(FIRE, b"fire%d" % i * 50)
            assert seq and not seq & VOLATILE, (i, box.counters)
        assert box.counters["evicted"] > 0
        fs.restart()
        again = Outbox(MOUNT + "/q", 20000)
        assert again.pending(FIRE) == 4
        assert again.peek()[2] == b"fire0" * 50


def test_what_was_written_is_flushed_before_the_file_is_closed():
    # On POSIX closing alone leaves the data in the host's memory.
    calls = []

    class Spy:
        def __init__(self, path, mode):
            self.file = open(path, mode)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            calls.append("close")
            self.file.close()

        def __getattr__(self, name):
            if name in ("write", "flush"):
                calls.append(name)
            return getattr(self.file, name)

    with Folder() as d:
        box = Outbox(d.path, 600)
        logfile.open = Spy
        try:
            box.put(ROUTINE, b"x")
            assert calls == ["write", "write", "flush", "close"], calls
            calls.clear()
            box._compact()
            assert [c for c in calls if c != "write"] == ["close", "flush", "close"], calls
        finally:
            del logfile.open


def test_half_written_replacement_is_removed():
    with Folder() as d:
        seq = Outbox(d.path).put(ALARM, b"a")
        with open(d.path + "/outbox.log.new", "wb") as f:
            f.write(d.read()[:30])
        assert Outbox(d.path).peek() == (seq, 1, b"a")
        assert os.listdir(d.path) == ["outbox.log"]


def test_wear_of_the_flash():
    with Flash(blocks=32, block_bytes=4096) as fs:
        box = Outbox(MOUNT + "/q")
        before = fs.dev.erases
        for _ in range(100):
            box.ack(box.put(ROUTINE, bytes(100)))
        erases = fs.dev.erases - before
        assert 0 < erases <= 400, erases  # docs/outbox.md says so
        print("erases of 4 KB blocks for 100 records of 100 bytes:", erases)
