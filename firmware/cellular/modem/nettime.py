"""The modem's clock, which the network sets (NITZ): `AT+CCLK?` of TS 27.007, local time and zone."""

from cellular import calendar
from cellular.at.fields import split
from cellular.errors import UnexpectedAnswer

QUARTER_S = 900


def decode(line):
    """(seconds since 1970 in UTC, zone in quarter hours or None) of `yy/MM/dd,hh:mm:ss±zz`; ValueError if it is not.

    Quotes, and a comma inside or outside of them, differ by module; a year may have four digits. Two digits from 70 on
    are 19xx: modules start in 1970 or 1980 when nobody has told them the time.
    """
    text = ",".join([field or "" for field in split(line)])
    i = max(text.rfind("+"), text.rfind("-"))
    zone = int(text[i:]) if i > 0 else None
    if zone is not None and not -96 <= zone <= 96:
        raise ValueError("zone of %d quarter hours" % zone)
    date, _, time = (text[:i] if i > 0 else text).partition(",")
    year, month, day = [int(part) for part in date.split("/")]
    hour, minute, second = [int(part) for part in time.split(":")]
    if year < 100:
        year += 1900 if year >= 70 else 2000
    return calendar.seconds(year, month, day, hour, minute, second) - (zone or 0) * QUARTER_S, zone


async def read(modem):
    """What the modem's clock shows, as `decode`. Raises CellularError."""
    line = await modem.ask(b"AT+CCLK?", b"+CCLK")
    try:
        return decode(line or b"")
    except ValueError:
        raise UnexpectedAnswer("AT+CCLK?", line)
