"""Sequans GM02S and GM02SP (Monarch 2). Sources: two open drivers and their constants, bench notes on GM02SP
LR8.2.1.0-61488."""

from cellular.modem.profiles.base import *

NAME = "GM02S"
CAPABILITIES = {
    "udp": "sqns",
    "coap": "sqns",
    "tcp": "sqns",
    "tls": "sqns",
    "sms": "",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}

RESET_MS = 100
BOOT_MS = 20000
BANNERS = (b"+SYSSTART",)
START_TRIES = 3

URCS = STANDARD_URCS + (
    b"+SQN",
    b"+SHUTDOWN",
    b"+IMSSTATE:",
    b"+LPGNSS",
)
PAYLOADS = ((b"+SQNSRECV:", 1),)

EDRX_ACTS = (4, 5)
FIRST_SOCKET = 1
SETTINGS = (NITZ,)
SOCKETS = 6
SEND_MAX = 1460
ICCID = (b"AT+SQNCCID", b"+SQNCCID")
REBOOT = b"AT^RESET"

SIGNAL = (
    b"AT+SQNMONI=9",
    b"+SQNMONI",
    (
        ("rsrp_dbm", b"RSRP"),
        ("rsrq_db", b"RSRQ"),
        ("sinr_db", b"CINR"),
        ("ce_level", b" CE"),
    ),
)


async def bearer(modem):
    """Have context 1 up."""
    await modem.ask(b"AT+CGACT?", b"+CGACT")
    if b"1,1" not in modem.channel.lines:
        await modem.channel.cmd(b"AT+CGACT=1,1", None, 60000)
