"""u-blox SARA-R5. Sources: integration manual UBX-19041356, constants of the maker's library, a log of R510M8S."""

from cellular.modem.profiles.sara_r4 import *

NAME = "SARA-R5"

PWRKEY_MS = 1600  # on from 1.5 s, off from 2 s
RESET_MS = 200
EDRX_ACTS = (4,)
CEREG_EXTRA = None
PSM_AT_BOOT = False
PSM_BEFORE = ()
REBOOT = b"AT+CFUN=16"


async def bearer(modem):
    """Map context 1 to profile 0 of the module's IP layer, and activate that."""
    if await modem.try_command(b"AT+UPSND=0,8", b"+UPSND") == b"0,8,1":
        return
    await modem.ask(b"AT+UPSD=0,100,1")
    await modem.ask(b"AT+UPSD=0,0,0")
    await modem.channel.cmd(b"AT+UPSDA=0,3", None, 60000, b"+UUPSDA: 0", 60000)
