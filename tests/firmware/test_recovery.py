"""How often the modem may be reset, and what of that is kept."""

from cellular.link import recovery
from cellular.link.recovery import Recovery
from fake_modem import Folder


class Clock:
    """Takes the place of the module's clock."""

    def __init__(self):
        self.now_s = 0
        recovery.seconds = lambda: self.now_s


def test_resets_are_spaced_by_an_hour_and_for_an_alarm_by_a_minute():
    clock = Clock()
    with Folder() as folder:
        r = Recovery(folder)
        assert r.allowed(False)
        r.count()
        for now_s, routine, urgent in ((0, False, False), (59, False, False), (60, False, True), (3600, True, True)):
            clock.now_s = now_s
            assert (r.allowed(False), r.allowed(True)) == (routine, urgent), now_s


def test_resets_in_vain_come_ever_more_rarely_up_to_a_day():
    clock = Clock()
    with Folder() as folder:
        r = Recovery(folder)
        for spacing_s in (3600, 7200, 14400, 28800, 57600, 86400, 86400):
            r.count()
            clock.now_s += spacing_s - 1
            assert not r.allowed(False) and r.allowed(True)
            clock.now_s += 1
            assert r.allowed(False), spacing_s
        r.succeeded()
        r.count()
        clock.now_s += 3600
        assert r.allowed(False)


def test_counts_outlive_a_restart_which_earns_no_reset_after_many_in_vain():
    Clock()
    with Folder() as folder:
        r = Recovery(folder)
        for _ in range(2):
            r.count()
        again = Recovery(folder)
        assert (again.resets, again.in_vain) == (2, 2) and again.allowed(False)
        again.count()
        assert not Recovery(folder).allowed(False)
        again.succeeded()
        last = Recovery(folder)
        assert (last.resets, last.in_vain) == (3, 0) and last.allowed(False)


def test_damaged_file_and_missing_folder_cost_only_the_count():
    Clock()
    with Folder() as folder:
        for content in ("", "{", "[]", '{"resets": "x"}', '{"resets": 7}', "null"):
            with open(folder + "/recovery.json", "w") as f:
                f.write(content)
            r = Recovery(folder)
            assert r.in_vain == 0 and r.resets in (0, 7), content
            r.count()
    r = Recovery("/no/such/folder")
    r.count()
    assert r.resets == 1 and not r.allowed(False)
