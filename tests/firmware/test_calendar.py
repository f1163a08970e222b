"""Calendar arithmetic, against dates that are well known and against itself over centuries."""

from cellular import calendar


def test_known_days():
    for date, number in (
        ((1970, 1, 1), 0),
        ((1969, 12, 31), -1),
        ((2000, 2, 29), 11016),
        ((2026, 1, 1), 20454),
        ((2028, 2, 29), 21243),
        ((2038, 1, 19), 24855),
        ((2100, 3, 1), 47541),
        ((1600, 1, 1), -135140),
    ):
        assert calendar.day_number(*date) == number, date
        assert calendar.date(number) == date, number


def test_every_day_of_four_centuries_follows_the_one_before():
    year, month, day = 1999, 12, 31
    for number in range(calendar.day_number(2000, 1, 1), calendar.day_number(2400, 1, 2)):
        day += 1
        if day > calendar.days_in_month(year, month):
            month, day = month + 1, 1
            if month == 13:
                year, month = year + 1, 1
        assert calendar.date(number) == (year, month, day)
        assert calendar.day_number(year, month, day) == number


def test_seconds_beyond_31_and_32_bits():
    assert calendar.seconds(2038, 1, 19, 3, 14, 8) == 1 << 31
    assert calendar.seconds(2106, 2, 7, 6, 28, 16) == 1 << 32
    assert calendar.seconds(2016, 12, 31, 23, 59, 60) == calendar.seconds(2017, 1, 1)


def test_what_does_not_exist():
    for args in (
        (2026, 2, 29), (2100, 2, 29), (2026, 0, 1), (2026, 13, 1), (2026, 4, 31), (2026, 1, 0),
        (2026, 1, 1, 24), (2026, 1, 1, 0, 60), (2026, 1, 1, 0, 0, 61), (2026, 1, 1, -1),
    ):  # fmt: skip
        try:
            calendar.seconds(*args)
        except ValueError:
            continue
        raise AssertionError(args)


def test_rtc_tuple_has_the_weekday_from_monday():
    assert calendar.rtc_tuple(calendar.seconds(2026, 1, 1, 13, 14, 15)) == (2026, 1, 1, 3, 13, 14, 15, 0)  # Thursday
    assert calendar.rtc_tuple(calendar.seconds(2028, 2, 29, 23, 59, 59))[3] == 1
