"""Position of the cell by Luat's service: `AT+SAPBR`, `AT+CIPGSMLOC`."""

from cellular.at.fields import number, split
from cellular.modem.location import Fix, real


async def cell_fix(modem):
    """The Fix of the cell, None where the service has none."""
    for command in (b'AT+SAPBR=3,1,"CONTYPE","GPRS"', b'AT+SAPBR=3,1,"APN",""', b"AT+SAPBR=1,1"):
        await modem.try_command(command)
    fields = split(await modem.channel.cmd(b"AT+CIPGSMLOC=1,1", b"+CIPGSMLOC", 60000) or b"")
    if number(fields, 0) != 0 or real(fields, 2) is None:
        return None
    return Fix(real(fields, 1), real(fields, 2))
