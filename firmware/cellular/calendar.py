"""Calendar arithmetic in seconds since 1970, for any year: `time.gmtime` has its own epoch and range on each port.

Proleptic Gregorian calendar, no leap seconds. A day's number counts from 1970-01-01, which is 0.
"""

from micropython import const

DAY_S = const(86400)

_DAYS_400_YEARS = const(146097)
_MARCH_0000 = const(719468)  # days from 0000-03-01 to 1970-01-01
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def day_number(year, month, day):
    """Number of a date. ValueError if there is no such date."""
    if not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month):
        raise ValueError("no such date: %d-%d-%d" % (year, month, day))
    # Years begin in March here, so that the leap day is the last of its year.
    y = year - 1 if month < 3 else year
    days_before_month = (153 * ((month + 9) % 12) + 2) // 5
    return 365 * y + y // 4 - y // 100 + y // 400 + days_before_month + day - 1 - _MARCH_0000


def date(number):
    """(year, month, day) of a day's number."""
    number += _MARCH_0000
    cycle, day = divmod(number, _DAYS_400_YEARS)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day += 1 - (153 * month + 2) // 5
    month = (month + 2) % 12 + 1
    return 400 * cycle + year + (1 if month < 3 else 0), month, day


def days_in_month(year, month):
    """28 to 31."""
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _MONTH_DAYS[month - 1] + leap


def seconds(year, month, day, hour=0, minute=0, second=0):
    """Seconds since 1970 of a date and time. ValueError if there is no such time; 60 as second is a leap second."""
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):
        raise ValueError("no such time: %d:%d:%d" % (hour, minute, second))
    return day_number(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second


def rtc_tuple(at_s):
    """The argument of `machine.RTC.datetime` for a time in seconds since 1970."""
    number, rest = divmod(at_s, DAY_S)
    year, month, day = date(number)
    return year, month, day, (number + 3) % 7, rest // 3600, rest // 60 % 60, rest % 60, 0
