"""Where the device is: by satellites (GNSS), or by the cell, where the module has it."""

from asyncio import sleep_ms
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_ASK_MS = const(2000)


class Fix:
    """latitude and longitude in degrees; altitude_m, hdop, satellites and accuracy_m where known, else None."""

    def __init__(self, latitude, longitude, altitude_m=None, hdop=None, satellites=None, accuracy_m=None):
        self.latitude = latitude
        self.longitude = longitude
        self.altitude_m = altitude_m
        self.hdop = hdop
        self.satellites = satellites
        self.accuracy_m = accuracy_m


def real(fields, index):
    """Field `index` as a number, None if it is absent, empty or none."""
    try:
        return float(fields[index])
    except (IndexError, TypeError, ValueError):
        return None


def degrees(text):
    """`text` is ddmm.mmmm with its hemisphere (`4717.11437N`), as in NMEA, or plain degrees; None if it is neither."""
    if not text:
        return None
    mark = text[-1].upper()
    try:
        if mark not in "NSEW":
            return float(text)
        value = float(text[:-1])
    except ValueError:
        return None
    whole = int(value / 100)
    value = whole + (value - whole * 100) / 60
    return -value if mark in "SW" else value


async def gnss(modem, timeout_ms=180000):
    """Switch GNSS on, wait for a Fix and switch it off; None if there is none in time. Raises NotSupported, ATError."""
    modem.require("gnss")
    way = modem.dialect("gnss")
    end = ticks_add(ticks_ms(), timeout_ms)
    await way.gnss_on(modem)
    try:
        while True:
            fix = await way.gnss_fix(modem)
            left = ticks_diff(end, ticks_ms())
            if fix is not None or left <= 0:
                return fix
            await sleep_ms(min(left, _ASK_MS))
    finally:
        await way.gnss_off(modem)


async def cell(modem):
    """The Fix that a service gives for the cell; None if it gives none. Raises NotSupported, ATError, ..."""
    modem.require("cell_location")
    return await modem.dialect("cell_location").cell_fix(modem)
