"""SIMCom A76xx (A7670, A7672, A7608), SIM7600, SIM7500 and SIM767x, Cat.1.

They differ in banner and in the order of some answers, which the dialects take either way. Sources: AT manuals V1.09,
V3.00 and V1.06, application notes, hardware design of A7670 V1.06, logs of A7670E and G, SIM7600E and G, SIM7670G.
"""

from cellular.modem.profiles.base import *

NAME = "SIMCom Cat.1"
CAPABILITIES = {
    "udp": "cip",
    "coap": "cip",
    "tcp": "cip",
    "tls": "cssl",
    "mqtt": "cmqtt",
    "mqtt_tls": "cmqtt",
    "sms": "",
    "gnss": "cgnss",
    "cell_location": "cgnss",
    "signal": "",
    "clock": "",
}

PWRKEY_MS = 500  # 50 ms is typical of A7670, 500 ms of SIM7600; 2.5 s would switch off
RESET_MS = 2500
BOOT_MS = 30000  # the UART of A7670 is ready after 11.1 s
BANNERS = (b"*ATREADY: 1", b"RDY")
START_TRIES = 3

URCS = STANDARD_URCS + (
    b"*ISIMAID:",
    b"+MSTK:",
    b"SMS DONE",
    b"PB DONE",
    b"+CIP",
    b"+IP",
    b"+CCH",
    b"+CMQTT",
    b"+HTTP",
    b"RECV FROM:",
    b"VOICE CALL:",
    b"MISSED_CALL:",
    b"+CLCC:",
    b"+SIMCARD:",
    b"QCRDY",
)
PAYLOADS = (
    (b"+CIPRXGET: 2,", 2),
    (b"+CCHRECV: DATA,", 2),
    (b"+CMQTTRXTOPIC:", 1),
    (b"+CMQTTRXPAYLOAD:", 1),
    (b"+HTTPREAD:", -1),
    (b"+IPD", 0),  # no colon: +IPD16
)
PROMPTS = (b">", b"DOWNLOAD")

SOCKETS = 10
SEND_MAX = 1400
SESSION = ()
SETTINGS = (NITZ,)
ICCID = (b"AT+CICCID", b"+ICCID")
IMEI = (b"AT+CGSN", b"")
REBOOT = b"AT+CRESET"

# RSRQ, RSRP, RSSI: where they have a sign they are dB; older chips print codes without one, which are no values here.
SIGNAL = (
    b"AT+CPSI?",
    b"+CPSI",
    (
        ("rsrq_db", 10),
        ("rsrp_dbm", 11),
        ("rssi_dbm", 12),
    ),
)


async def bearer(modem):
    """Have the IP service up."""
    await modem.dialect("tcp").bearer(modem)
