"""Answers to AT+CCLK? of several modules, and what is none."""

from cellular import calendar
from cellular.errors import UnexpectedAnswer
from cellular.modem import nettime


def test_with_and_without_quotes():
    utc_s = calendar.seconds(2020, 11, 2, 22, 25, 6)
    # BC660K-GL AT manual; SIM7020; BG77 style
    assert nettime.decode(b"20/11/03,06:25:06+32") == (utc_s, 32)
    assert nettime.decode(b'"20/11/03,06:25:06+32"') == (utc_s, 32)
    assert nettime.decode(b'"2020/11/03,06:25:06+32"') == (utc_s, 32)
    assert nettime.decode(b"20/11/02,22:25:06+00") == (utc_s, 0)


def test_west_of_greenwich_and_odd_zones():
    assert nettime.decode(b"26/01/01,00:00:00-20") == (calendar.seconds(2026, 1, 1, 5), -20)
    assert nettime.decode(b"26/01/01,05:45:00+23") == (calendar.seconds(2026, 1, 1), 23)
    assert nettime.decode(b"26/03/01,01:00:00+48") == (calendar.seconds(2026, 2, 28, 13), 48)


def test_no_zone():
    assert nettime.decode(b'"26/01/01,08:00:00"') == (calendar.seconds(2026, 1, 1, 8), None)


def test_years_of_a_clock_that_nobody_has_set():
    assert nettime.decode(b'"70/01/01,00:00:12+00"')[0] == 12
    assert nettime.decode(b'"80/01/06,00:00:12+00"')[0] == calendar.seconds(1980, 1, 6, 0, 0, 12)
    assert nettime.decode(b"00/01/01,00:00:03+00")[0] == calendar.seconds(2000, 1, 1, 0, 0, 3)
    assert nettime.decode(b"38/01/19,03:14:08+00")[0] == 1 << 31


BAD = (
    b"", b'""', b"x", b"26/01/01", b"26/13/01,00:00:00+00", b"26/02/29,00:00:00+00", b"26/01/01,25:00:00+00",
    b"26/01/01,00:00+00", b"26/01/01,00:00:00+99", b"26/01/01,00:00:00+", b"26-01-01,00:00:00", b"a/b/c,d:e:f+00",
)  # fmt: skip


def test_what_is_no_time():
    for line in BAD:
        try:
            nettime.decode(line)
        except ValueError:
            continue
        raise AssertionError(line)


class Modem:
    def __init__(self, line):
        self.line = line

    async def ask(self, command, prefix):
        assert command == b"AT+CCLK?" and prefix == b"+CCLK"
        return self.line


async def test_read():
    assert await nettime.read(Modem(b"26/01/01,00:00:01+00")) == (calendar.seconds(2026, 1, 1, 0, 0, 1), 0)
    for line in (None, b"rubbish"):
        try:
            await nettime.read(Modem(line))
        except UnexpectedAnswer as e:
            assert "AT+CCLK?" in str(e)
            continue
        raise AssertionError(line)
