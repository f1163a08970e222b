"""Quectel Cat.1: EC2x, and with other names EC6x, EC8x, EG2x, EG8x, EG9x (one command set, three makers of chips).

Sources: TCP/IP application note of EC200U and EG915U, AT manual of EG800Q and EG91xQ V1.1, logs of EG800K, EC200U and
EC25.
"""

from cellular.at.fields import qird_length
from cellular.modem.profiles.base import *

NAME = "Quectel Cat.1"
CAPABILITIES = {
    "udp": "qi",
    "coap": "qi",
    "tcp": "qtcp",
    "tls": "qssl",
    "mqtt": "qmt",
    "mqtt_tls": "qmt",
    "sms": "",
    "gnss": "qgps",
    "signal": "",
    "clock": "",
}

PWRKEY_MS = 2000
RESET_MS = 300
BOOT_MS = 35000  # RDY after 3.3 to 5.5 s; the whole list of lines takes up to 30 s
BANNERS = (b"RDY",)
START_TRIES = 3

URCS = STANDARD_URCS + (
    b"+Q",  # whatever is of the maker's own and not the answer to what was asked
    b"+CFUN:",
    b"+CGACT:",
    b"+CRING:",
    b"+CLIP:",
    b"+COLP:",
    b"POWERED DOWN",
    b"NORMAL POWER DOWN",
)
PAYLOADS = ((b"+QIRD:", qird_length), (b"+QSSLRECV:", 0), (b'+QIURC: "recv",', 2))
HEADERS = ((b"+QMTRECV: 0,", 4, True),)  # id, message, topic, length, then the message in quotes that are not escaped
FINALS = (b"SEND OK", b"SEND FAIL")
PROMPTS = (b">", b"CONNECT")

SOCKETS = 12
SEND_MAX = 1460
QI_SEND = "bytes"
QMT = {"version": 4, "publish": "ex", "receive": b'AT+QMTCFG="recv/mode",0,0,1'}
TLS_CONTEXT = 1
SESSION = ()

# By default lines that nobody has asked for go to the USB port, and the network's time does not set the clock.
SETTINGS = (
    (b'AT+QURCCFG="urcport"', b"+QURCCFG", b'"urcport","uart1"', b'AT+QURCCFG="urcport","uart1"'),
    NITZ,
)
SLEEP_OFF = b"AT+QSCLK=0"
SLEEP_ON = b"AT+QSCLK=1"
ICCID = (b"AT+QCCID", b"+QCCID")
IMEI = (b"AT+CGSN", b"")

# Received power, reference power, SINR in fifths from -20 dB, reference quality; some print a positive power.
SIGNAL = (
    b"AT+QCSQ",
    b"+QCSQ",
    (
        ("rssi_dbm", 1),
        ("rsrp_dbm", 2),
        ("sinr_db", 3, 0.2, -20),
        ("rsrq_db", 4),
    ),
)


async def bearer(modem):
    """Have context 1 up."""
    from cellular.modem.dialects import qpdp

    await qpdp.bearer(modem)


async def set_apn(modem, apn):
    """Set the APN of context 1, of the network's side and of the IP layer's."""
    from cellular.modem.dialects import qpdp

    return await qpdp.set_apn(modem, apn)
