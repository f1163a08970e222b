"""GNSS of SIMCom A76xx and SIM7600 (`AT+CGNSSPWR`, `AT+CGNSSINFO`); position of the cell by `AT+CLBS`."""

from cellular.at.fields import number, split
from cellular.errors import ATError
from cellular.modem.location import Fix, degrees, real
from micropython import const

_READY_MS = const(30000)


async def gnss_on(modem):
    if await modem.channel.cmd(b"AT+CGNSSPWR?", b"+CGNSSPWR") == b"1":
        return
    await modem.channel.cmd(b"AT+CGNSSPWR=1", None, 9000, b"+CGNSSPWR: READY", _READY_MS)


async def gnss_fix(modem):
    """A Fix, None while there is none."""
    # mode, satellites of GPS, GLONASS, [GALILEO,] BEIDOU, latitude, N/S, longitude, E/W, date, time, altitude, ...
    fields = split(await modem.channel.cmd(b"AT+CGNSSINFO", b"+CGNSSINFO") or b"")
    for i in range(1, len(fields) - 6):
        if fields[i + 1] in ("N", "S") and fields[i + 3] in ("E", "W"):
            if len((fields[i] or "").split(".")[0]) > 3:  # ddmm.mmmm; newer firmware has degrees
                latitude, longitude = degrees(fields[i] + fields[i + 1]), degrees((fields[i + 2] or "") + fields[i + 3])
            else:
                latitude, longitude = real(fields, i), real(fields, i + 2)
                latitude = -latitude if latitude and fields[i + 1] == "S" else latitude
                longitude = -longitude if longitude and fields[i + 3] == "W" else longitude
            if latitude is None or longitude is None:
                return None
            satellites = sum([number(fields, j) or 0 for j in range(1, i)])
            return Fix(latitude, longitude, real(fields, i + 6), real(fields, i + 10), satellites)
    return None


async def gnss_off(modem):
    try:
        await modem.channel.cmd(b"AT+CGNSSPWR=0", None, 9000)
    except ATError:
        pass  # it was off


async def cell_fix(modem):
    """The Fix of the cell, None where the service has none."""
    line = await modem.channel.cmd(b"AT+CLBS=1", None, 9000, b"+CLBS: ", 30000)
    fields = split(line[7:])
    if number(fields, 0) != 0 or real(fields, 2) is None:
        return None
    return Fix(real(fields, 1), real(fields, 2), accuracy_m=number(fields, 3))
