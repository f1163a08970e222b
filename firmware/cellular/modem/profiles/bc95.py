"""Quectel BC95-G, and with other names BC28, BC35-G, BC68 and M5310-A (HiSilicon Hi2110, Hi2115; `AT+N…`). Sources: AT
manual V1.3, compatible design V1.1, logs of BC28, BC68, BC95-G."""

from cellular.modem.profiles.base import *

NAME = "BC95-G"
CAPABILITIES = {
    "udp": "nso",
    "coap": "nso",
    "tcp": "nso",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}

# It starts with its supply; there is no power key.
RESET_MS = 150  # 100 ms
BOOT_MS = 10000  # 4 s
BANNERS = (b"Neul ", b"Neul")  # an OK follows
BOOT_BEGINS = b"REBOOTING"  # what its boot ROM says at another rate comes as garbage
START_TRIES = 4
WAKE_MS = 1500  # the first character may be lost
FUNCTION_MS = 90000

URCS = STANDARD_URCS + (
    b"+N",
    b"+Q",
    b"+MIPL",
    b"+UFOTAS:",
    b"FIRMWARE",
    b"REBOOT",
    b"Boot: ",
    b"Security",
    b"Protocol",
    b"Apps ",
)
CID = 0
SOCKETS = 5  # of seven
SEND_MAX = 512
NSO_QUOTE = b""
DNS = (b"AT+QDNS=0,%s", b"+QDNS:")
CEREG_N = 5
SETUP = (b"AT+NPSMR=1", b"AT+CSCON=1")
SESSION = ()
ICCID = (b"AT+NCCID", b"+NCCID")
REBOOT = b"AT+NRB"

# Tenths of dBm and dB.
SIGNAL = (
    b"AT+NUESTATS",
    b"",
    (
        ("rsrp_dbm", b"Signal power", 0.1, 0),
        ("rssi_dbm", b"Total power", 0.1, 0),
        ("rsrq_db", b"RSRQ", 0.1, 0),
        ("sinr_db", b"SNR", 0.1, 0),
        ("ce_level", b"ECL"),
    ),
)


def psm_event(line):
    if line.startswith(b"+NPSMR:"):
        return line[7:].strip() == b"1"
    return None
