"""Quectel BC660K-GL. Sources: AT manual V1.4, hardware design, and a bench log of firmware BC660KGLAAR01A05."""

from cellular.modem.profiles.base import *

NAME = "BC660K-GL"
CAPABILITIES = {
    "udp": "qi",
    "coap": "qi",
    "tls": "qssl660",
    "mqtt": "qmt",
    "mqtt_tls": "qmt",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}

PWRKEY_MS = 700  # no figure for this module at hand; the sibling BC26 wants 500 ms
RESET_MS = 100  # ditto, 50 ms
BOOT_MS = 10000
BANNERS = (b"RDY",)

# Deep sleep: the AT that wakes it is lost; after 1.8 s a bare CR LF says that it is awake. Light sleep: it is lost, the
# next is answered.
WAKE_MS = 2500

# Mean currents in nA by Link.phase, for the device's ledger. Deep sleep, DRX of 2.56 s and transmission at 23 dBm are
# from table 31 of the hardware design V1.5; connected was measured by others (an ESP-IDF firmware's page on NB-IoT).
# (unverified): awake; search, which is taken for reception; radio off, the figure of the longest sleep with paging.
CURRENTS_NA = {
    "off": 0,
    "radio_off": 38000,
    "search": 15000000,
    "awake": 5000000,
    "connected": 15000000,
    "tx": 98000000,
    "idle": 110000,
    "psm": 800,
}
STAYS_AWAKE_MS = 2000  # after the last character, see BOOT_SETTINGS

URCS = STANDARD_URCS + (
    b"+Q",
    b"+IP:",
    b"+CFUN:",
    b"SEND ",
    b"CLOSE OK",
)
HEADERS = ((b"+QMTRECV: 0,", 4, True), (b'+QSSLURC: "recv",', 4, True))
PROMPT_GAP_MS = 500

CID = 0  # the attach bearer; other contexts get no address of their own
SOCKETS = 5
QI_SEND = "hex"  # payload in the command
QMT = {
    "version": 1,
    "publish": "hex",
    "receive": b'AT+QMTCFG="showrecvlen",0,1',
    "format": b'AT+QMTCFG="dataformat",0,1,0',
    "ssl": b'AT+QMTCFG="ssl",0,1,0,0',
}
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
SEND_MAX = 512  # bytes in the hex form of QISEND

# Read, compare, write only where it differs: these are kept in the modem's NVRAM. (read, prefix, wanted, write)
SETTINGS = ((b"AT+QNBIOTEVENT?", b"+QNBIOTEVENT", b"1,1", b"AT+QNBIOTEVENT=1,1"),)
# As SETTINGS, but in force after a restart: awake for 2 s after the last character and not for 10 s, at 5 mA each time.
BOOT_SETTINGS = (
    (b'AT+QCFG="slplocktimes"', b"+QCFG", b'"slplocktimes",2', b'AT+QCFG="slplocktimes",2'),
)
SLEEP_OFF = b"AT+QSCLK=0"
SLEEP_ON = b"AT+QSCLK=1"
RELEASE = b"AT+QNBIOTRAI=1"  # no more data expected; CNMPSD does nothing without Rel-14 and MacRAI, set and rebooted
ICCID = (b"AT+QCCID", b"+QCCID")
REBOOT = b"AT+QRST=1"


def psm_event(line):
    """True if `line` says that PSM is entered, False if left, else None. Some manuals have quotes there, others not."""
    if line.startswith(b"+QNBIOTEVENT:") and line.find(b"PSM") > 0:
        return line.find(b"ENTER") > 0
    return None


def tx_ms(payload_bytes):
    """How long a datagram of so many bytes is on the air, with about 60 bytes of headers and signalling: NB1, single
    tone of 15 kHz, 15.6 kbit/s, without repetitions."""
    return (payload_bytes + 60) * 8 * 10 // 156


async def set_apn(modem, apn):
    """Set the APN of the attach bearer. Returns True if the modem must restart for it."""
    wanted = b'"IP","%s"' % apn
    now = await modem.ask(b"AT+QCGDEFCONT?", b"+QCGDEFCONT")
    if now and now.upper().startswith(wanted.upper()):
        return False
    await modem.channel.cmd(b"AT+QCGDEFCONT=" + wanted)
    return True
