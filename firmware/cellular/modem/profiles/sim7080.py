"""SIMCom SIM7080, SIM7070 and SIM7090 (Cat-M, NB-IoT). Sources: AT manual V1.05, notes on low power and TCP/UDP,
compatible design V1.00; SIM7000 is in sim7000.py."""

from cellular.modem.profiles.base import *

NAME = "SIM7080"
CAPABILITIES = {
    "udp": "ca",
    "coap": "ca",
    "tcp": "ca",
    "tls": "ca",
    "mqtt": "smqtt",
    "mqtt_tls": "smqtt",
    "sms": "",
    "gnss": "cgns",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}

PWRKEY_MS = 1100  # on from 1 s, off from 1.2 s, reset from 12 s
RESET_MS = 300
BOOT_QUIET_MS = 4000  # with automatic rate it says nothing
BOOT_MS = 20000
BANNERS = (b"RDY",)
START_TRIES = 3  # the first AT of some is answered by ERROR
WAKE = "key"
WAKE_MS = 1000
PSM_OFF = True

CURRENTS_NA = {  # low-power note; (unverified): search, connected, transmission
    "off": 7000,
    "radio_off": 600000,
    "search": 60000000,
    "awake": 10000000,
    "connected": 60000000,
    "tx": 160000000,
    "idle": 1200000,
    "psm": 3500,
}

URCS = STANDARD_URCS + (
    b"+C",
    b"+S",
    b"SMS Ready",
    b"+APP PDP:",
    b"+PDP",
    b"+HTTP",
    b"+FTP",
    b"+UGNSINF:",
    b"CONNECT ",
    b"CLOSED",
    b"NORMAL POWER",
    b"UNDER-",
    b"OVER-",
    b"*PS",
    b"DST:",
)
HEADERS = ((b"+CARECV: ", 1, False),)
PAYLOADS = ((b'+CAURC: "recv",', 2),)
FINALS = (b"SEND OK", b"SHUT OK")
PROMPTS = (b">", b"DOWNLOAD")

EDRX_ACTS = (4, 5)
CEREG_N = 4
CA_PDP = b"0,"
SOCKETS = 13
SEND_MAX = 1460
SETUP = (b"AT+CPSMSTATUS=1",)
SESSION = ()
SETTINGS = (NITZ,)
RAI_LAST = b"AT+CRAI=2"
ICCID = (b"AT+CCID", b"")
IMEI = (b"AT+GSN", b"")
REBOOT = b"AT+CREBOOT"

SIGNAL = (
    b"AT+CPSI?",
    b"+CPSI",
    (
        ("rsrq_db", 10),
        ("rsrp_dbm", 11),
        ("rssi_dbm", 12),
        ("sinr_db", 13, 2, -20),
    ),
)


def psm_event(line):
    if line.startswith(b"+CPSMSTATUS:"):
        return line.find(b"ENTER") > 0
    return None


async def bearer(modem):
    """Have the application context up."""
    await modem.dialect("tcp").bearer(modem)


async def set_apn(modem, apn):
    """Set the APN of the attach and of the application context."""
    return await modem.dialect("tcp").set_apn(modem, apn)
