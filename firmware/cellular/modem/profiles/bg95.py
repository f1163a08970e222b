"""Quectel BG95, and with other names BG96, BG77 and BG600L. Sources: AT, TCP/IP and PSM manuals of BG96, TCP/IP note of
BG95 V1.1, hardware designs, logs of BG95-M3 and BG77."""

from cellular.at.fields import qird_length
from cellular.modem.profiles.base import *

NAME = "BG95"
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
    "psm": "",
    "edrx": "",
    "clock": "",
}

PWRKEY_MS = 600  # on from 500 ms, off from 650 ms
RESET_MS = 300  # BG96: 150 to 460 ms
BOOT_MS = 15000  # 5.8 s
BANNERS = (b"RDY",)
WAKE = "key"
WAKE_MS = 1000
PSM_OFF = True

# Hardware design of BG96: PSM, idle, NB1 at 23 dBm, sleep at CFUN=0, DRX of 1.28 s. (unverified): search, connected.
CURRENTS_NA = {
    "off": 8000,
    "radio_off": 800000,
    "search": 60000000,
    "awake": 16000000,
    "connected": 60000000,
    "tx": 171000000,
    "idle": 2300000,
    "psm": 10000,
}

URCS = STANDARD_URCS + (
    b"+Q",
    b"+CFUN:",
    b"APP RDY",
    b"PSM POWER DOWN",
    b"POWERED DOWN",
    b"NORMAL POWER DOWN",
    b"SEND ",
)
PAYLOADS = ((b"+QIRD:", qird_length), (b"+QSSLRECV:", 0), (b'+QIURC: "recv",', 2))
HEADERS = ((b"+QMTRECV: 0,", 4, True),)  # recv/mode
FINALS = (b"SEND OK", b"SEND FAIL")
PROMPTS = (b">", b"CONNECT")

EDRX_ACTS = (4, 5)
CEREG_N = 4
SOCKETS = 12
SEND_MAX = 1460
QI_SEND = "bytes"
QMT = {"version": 4, "publish": "fixed", "receive": b'AT+QMTCFG="recv/mode",0,0,1'}
TLS_CONTEXT = 1
SETUP = (b"AT+QCSCON=1",)
SESSION = ()
SETTINGS = (NITZ, (b'AT+QCFG="psm/urc"', b"+QCFG", b'"psm/urc",1', b'AT+QCFG="psm/urc",1'))
ICCID = (b"AT+QCCID", b"+QCCID")
IMEI = (b"AT+CGSN", b"")

# Received power, reference power, SINR in fifths from -20 dB, reference quality.
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


def psm_event(line):
    """It goes off; a boot ends it."""
    return True if line == b"PSM POWER DOWN" else None


def rrc_event(line):
    if line.startswith(b"+QCSCON:"):
        return line[8:].strip().endswith(b"1")  # <n>,<mode>
    return None


async def bearer(modem):
    """Have context 1 up."""
    from cellular.modem.dialects import qpdp

    await qpdp.bearer(modem)


async def set_apn(modem, apn):
    """Set the APN of context 1, of the network's side and of the IP layer's."""
    from cellular.modem.dialects import qpdp

    return await qpdp.set_apn(modem, apn)
