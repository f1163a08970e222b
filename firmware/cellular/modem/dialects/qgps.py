"""GNSS of Quectel modules: `AT+QGPS`, `AT+QGPSLOC`."""

from cellular.at.fields import number, split
from cellular.errors import ATError
from cellular.modem.location import Fix, real

_ON = 504  # it is on already


async def gnss_on(modem):
    try:
        await modem.channel.cmd(b"AT+QGPS=1")
    except ATError as e:
        if e.code != _ON:
            raise


async def gnss_fix(modem):
    """A Fix, None while there is none. What assistance data make up has no satellites and is none."""
    try:
        line = await modem.channel.cmd(b"AT+QGPSLOC=2", b"+QGPSLOC")
    except ATError:
        return None  # 516, or a text: not fixed now
    # UTC, latitude, longitude, HDOP, altitude, fix, course, speed, speed, date, satellites
    fields = split(line or b"")
    satellites = number(fields, 10)
    if not satellites or (number(fields, 5) or 0) < 2 or real(fields, 1) is None or real(fields, 2) is None:
        return None
    return Fix(real(fields, 1), real(fields, 2), real(fields, 4), real(fields, 3), satellites)


async def gnss_off(modem):
    try:
        await modem.channel.cmd(b"AT+QGPSEND")
    except ATError:
        pass  # it was off
