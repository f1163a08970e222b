"""Fibocom L610, Cat.1. Sources: an RT-Thread driver, acceptance reports with firmware 16000.1208.00.86.02.02; for its
MQTT client no log was found, so MQTT goes over its TLS socket."""

from cellular.modem.profiles.base import *

NAME = "L610"
CAPABILITIES = {
    "udp": "fmip",
    "coap": "fmip",
    "tcp": "fmip",
    "tls": "fmip",
    "sms": "",
    "signal": "",
    "clock": "",
}

PWRKEY_MS = 2000  # no figure at hand
BOOT_MS = 20000
BANNERS = (b"RDY", b"AT READY", b"+SIM READY")
START_TRIES = 3

URCS = STANDARD_URCS + (
    b"+MIPRTCP:",
    b"+MIPRUDP:",
    b"+MIPSTAT:",
    b"+MIPPUSH:",
    b"+MIPCLOSE",
    b"+MIPXOFF:",
    b"+MIPXON:",
    b"+SIM",
)

HEADERS = ((b"+MIPRTCP:", 2, False), (b"+MIPRUDP:", 4, False))  # a length of 0 says that hex follows

FIRST_SOCKET = 1
SOCKETS = 6
SEND_MAX = 1024
SESSION = ()
SETTINGS = (NITZ,)
ICCID = (b"AT+CCID", b"+CCID")
IMEI = (b"AT+CGSN", b"")


async def bearer(modem):
    """Have the IP service up."""
    await modem.dialect("tcp").bearer(modem)
