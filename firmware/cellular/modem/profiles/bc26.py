"""Quectel BC26 and BC66 (MT2625). Sources: AT manual V1.1, TCP/IP manual V1.0, hardware design V1.0, low-power guide
V1.1, a log of BC66NBR01A06."""

from cellular.at.fields import qird_length
from cellular.modem.profiles.base import *

NAME = "BC26"
CAPABILITIES = {
    "udp": "qi",
    "coap": "qi",
    "tcp": "qtcp",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}

PWRKEY_MS = 600  # 500 ms
RESET_MS = 100  # 50 ms
BOOT_MS = 12000  # 5 s after QRST; then AT is repeated until the rate is found
BOOT_QUIET_MS = 4000  # the key wakes too, without a word and for only 10 s
BANNERS = (b"Leaving the BROM",)
BOOT_BEGINS = b"F1: "  # and some more of its boot ROM
START_TRIES = 3
WAKE = "pin"  # PSM_EINT; the UART is dead in deep sleep
WAKE_MS = 1000
FUNCTION_MS = 90000  # CFUN=0 takes up to 80 s while it is not registered

CURRENTS_NA = {  # hardware design: PSM, DRX of 2.56 s, 23 dBm; (unverified): awake, search, connected, radio off
    "off": 0,
    "radio_off": 288000,
    "search": 50000000,
    "awake": 6000000,
    "connected": 50000000,
    "tx": 107000000,
    "idle": 434000,
    "psm": 3800,
}

URCS = STANDARD_URCS + (
    b"+Q",
    b"+IP:",
    b"+CFUN:",
    b"SEND ",
    b"CLOSE OK",
    b"CONNECT OK",
    b"UPDATE OK",
    b"+MIPL",
    b"+CIS ERROR",
    b"F1: ",
)
PAYLOADS = ((b"+QIRD:", qird_length),)
HEADERS = ((b'+QIURC: "recv",', 3, False),)  # viewmode 1

SEND_MAX = 512
QI_SEND = "sendex"
# What it sends of its own, as it may have been told in another life.
SETTINGS = (NITZ,) + (
    (b"AT+QNBIOTEVENT?", b"+QNBIOTEVENT", b"1,1", b"AT+QNBIOTEVENT=1,1"),
    (b'AT+QICFG="viewmode"', b"+QICFG", b'"viewmode",0', b'AT+QICFG="viewmode",0'),
)
SLEEP_OFF = b"AT+QSCLK=0"
SLEEP_ON = b"AT+QSCLK=1"
RELEASE = b"AT+QNBIOTRAI=1"
ICCID = (b"AT+QCCID", b"+QCCID")
REBOOT = b"AT+QRST=1"

SIGNAL = (
    b"AT+QENG=0",
    b"+QENG",
    (
        ("rsrp_dbm", 5),
        ("rsrq_db", 6),
        ("rssi_dbm", 7),
        ("sinr_db", 8),
        ("ce_level", 11),
    ),
)


def psm_event(line):
    """Quotes or none, by firmware."""
    if line.startswith(b"+QNBIOTEVENT:") and line.find(b"PSM") > 0:
        return line.find(b"ENTER") > 0
    return None


async def set_apn(modem, apn):
    """Set the APN of the attach bearer; it holds after a restart."""
    wanted = b'"IP","%s"' % apn
    now = await modem.ask(b"AT+QCGDEFCONT?", b"+QCGDEFCONT")
    if now and now.upper().startswith(wanted.upper()):
        return False
    await modem.channel.cmd(b"AT+QCGDEFCONT=" + wanted)
    return True
