"""Nordic nRF9160, nRF9161 and nRF9151 with Serial LTE Modem (SLM, up to SDK 3.1). Sources: documentation of SLM and
Serial Modem, AT reference of the modem firmware, tests of a driver. Its successor Serial Modem is in nrf91_sm.py."""

from cellular.modem.profiles.base import *

NAME = "nRF91 SLM"
CAPABILITIES = {
    "udp": "xs",
    "coap": "xs",
    "tcp": "xs",
    "tls": "xs",
    "sms": "",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}


def _message_length(fields):
    """Topic, line end, message."""
    return int(fields[0]) + 2 + int(fields[1])


PWRKEY_MS = 100
BOOT_MS = 6000  # 2 s
BANNERS = (b"Ready",)
START_TRIES = 3
LINE_END = b"\r\n"
FUNCTION_MS = 60000

CURRENTS_NA = {  # documentation of Serial Modem for PSM; (unverified): the rest
    "off": 1000,
    "radio_off": 450000,
    "search": 45000000,
    "awake": 450000,
    "connected": 45000000,
    "tx": 140000000,
    "idle": 450000,
    "psm": 450000,
}

URCS = STANDARD_URCS + (
    b"#X",
    b"%",
    b"INIT ERROR",
)
PAYLOADS = (
    (b"#XRECV:", -1),
    (b"#XTCPDATA:", 0),
    (b"#XUDPDATA:", 0),
    (b"#XCOAPCDATA:", 2),
    (b"#XHTTPCDATA:", 2),
    (b"#XMQTTMSG:", _message_length),
)
PROMPTS = (b"OK",)  # of data mode
XS = "one"
UDP_POLL_MS = 1000  # nothing says that data have come

EDRX_ACTS = (4, 5)
CID = 0
SOCKETS = 1  # it speaks of the one that is selected
SEND_MAX = 1024
SETUP = (b"AT+CSCON=1", b"AT%XMODEMSLEEP=1,500,10240", b"AT%MDMEV=1")
SESSION = ()
SETTINGS = (NITZ,)
ICCID = (b"AT%XICCID", b"%XICCID")
REBOOT = b"AT#XRESET"


def psm_event(line):
    """A notice with the time 0 announces the wake."""
    if line.startswith(b"%XMODEMSLEEP: 1"):
        return line != b"%XMODEMSLEEP: 1,0"
    return None


async def identified(modem):
    """Serial Modem tells its version, SLM does not know that command."""
    await modem.dialect("udp").identified(modem)
