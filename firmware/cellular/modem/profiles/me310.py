"""Telit ME310G1, and with other names ME910 and ML865. Sources: AT reference guide 80617ST10991A, unit tests of
drivers."""

from cellular.modem.profiles.base import *

NAME = "ME310"
CAPABILITIES = {"udp": "sd", "coap": "sd", "tcp": "sd", "psm": "", "edrx": "", "rai": "", "signal": "", "clock": ""}

PWRKEY_MS = 5000  # (unverified)
BOOT_QUIET_MS = 5000
BOOT_MS = 20000
START_TRIES = 3
WAKE = "key"
WAKE_MS = 1000
PSM_OFF = True

URCS = STANDARD_URCS + (b"SRING:", b"#PSMURC:", b"#NITZ:", b"#MQRING:", b"#HTTPRING:", b"#QSS:")
PAYLOADS = ((b"#SRECV:", 1),)

EDRX_ACTS = (4, 5)
CEREG_N = 4
FIRST_SOCKET = 1
SOCKETS = 6
SEND_MAX = 1500
SETUP = (b"AT#PSMURC=1",)
SESSION = ()
SETTINGS = (NITZ,)
ICCID = (b"AT#CCID", b"#CCID")
IMEI = (b"AT+CGSN", b"")
REBOOT = b"AT#REBOOT"


def psm_event(line):
    """It is entered; a boot ends it."""
    return True if line.startswith(b"#PSMURC:") else None


async def bearer(modem):
    """Have context 1 up."""
    await modem.ask(b"AT+CGACT?", b"+CGACT")
    if b"1,1" not in modem.channel.lines:
        await modem.channel.cmd(b"AT+CGACT=1,1", None, 60000)
