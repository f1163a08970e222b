"""u-blox SARA-R5. Sources: integration manual UBX-19041356, constants of the maker's library, a log of R510M8S."""

SAME_AS = "sara_r4"

NAME = "SARA-R5"

PWRKEY_MS = 1600  # on from 1.5 s, off from 2 s
RESET_MS = 200
EDRX_ACTS = (4,)
CEREG_EXTRA = None
PSM_AT_BOOT = False
PSM_BEFORE = ()
REBOOT = b"AT+CFUN=16"


async def bearer(modem):
    """Have profile 0 of the module's IP layer up."""
    await modem.dialect("udp").bearer(modem)
