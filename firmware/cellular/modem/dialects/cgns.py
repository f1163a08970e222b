"""GNSS of SIMCom SIM7080 and SIM7000, and of Luat modules that have it: `AT+CGNSPWR`, `AT+CGNSINF`."""

from cellular.at.fields import number, split
from cellular.errors import ATError
from cellular.modem.location import Fix, real


async def gnss_on(modem):
    await modem.channel.cmd(b"AT+CGNSPWR=1", None, 9000)


async def gnss_fix(modem):
    """A Fix, None while there is none."""
    await modem.channel.cmd(b"AT+CGNSINF", b"", 9000)
    # run, fix, UTC, latitude, longitude, altitude, ..., 10: HDOP, ..., 14 or 15: satellites; a line of its own for some
    line = b"".join(modem.channel.lines)
    fields = split(line[line.find(b":") + 1 :])
    if number(fields, 1) != 1 or real(fields, 3) is None or real(fields, 4) is None:
        return None
    return Fix(real(fields, 3), real(fields, 4), real(fields, 5), real(fields, 10), number(fields, 14))


async def gnss_off(modem):
    try:
        await modem.channel.cmd(b"AT+CGNSPWR=0", None, 9000)
    except ATError:
        pass  # it was off
