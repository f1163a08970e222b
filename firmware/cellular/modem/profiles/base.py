"""What a profile states only where its module differs: the names that every profile has, with the usual value.

A profile begins with `from cellular.modem.profiles.base import *`. docs/profiles.md has each name and its meaning.
"""

from cellular.at.fields import is_read_answer

NAME = "unknown"
CAPABILITIES = {}  # name -> dialect in cellular.modem.dialects, "" = functions of the profile

# Power. Times in ms.
PWRKEY_MS = 1000
RESET_MS = 300
BOOT_MS = 10000
BANNERS = ()  # whole lines by which a restart is known
START_TRIES = 1  # before the power key is pressed
WAKE_TRIES = 3
WAKE_MS = 2500
WAKE_AGAIN_MS = 300
WAKE_KEY = False  # the power key wakes from PSM; the UART does not
CURRENTS_NA = {
    "off": 0,
    "radio_off": 1000000,
    "search": 50000000,
    "awake": 6000000,
    "connected": 30000000,
    "tx": 120000000,
    "idle": 1000000,
    "psm": 5000,
}
STAYS_AWAKE_MS = 10000  # after the last character

# Lines.
STANDARD_URCS = (b"+CREG:", b"+CGREG:", b"+CEREG:", b"+CSCON:", b"+CPIN:", b"+CEDRXP:", b"+CTZ", b"+CGEV:", b"+CMT", b"+CDS")
URCS = STANDARD_URCS
AMBIGUOUS = {b"+CREG": is_read_answer, b"+CGREG": is_read_answer, b"+CEREG": is_read_answer, b"+CSCON": is_read_answer}
PAYLOADS = ()  # (prefix, index of the length) of lines behind which raw payload comes
HEADERS = ()  # (prefix, commas, quoted) of lines that carry raw payload themselves
FINALS = ()  # beginnings of lines that some commands have in place of OK
PROMPTS = (b">",)
PROMPT_GAP_MS = 0
NO_FINAL = ()  # commands that are answered without any final result
BODIES = ()  # (prefix, lines) of lines with so many more behind them that belong to them

# Network.
CID = 1
ACT_NB = 5  # AcT-type of CEDRXS: 5 E-UTRAN NB-S1, 4 WB-S1
FIRST_SOCKET = 0
SOCKETS = 5
SEND_MAX = 512
SETTINGS = ()  # (read, prefix, wanted, write): kept by the module, written where they differ
BOOT_SETTINGS = ()  # the same, in force after a restart
SESSION = (b"AT+CSCON=1",)  # sent in each session: what sleep or restart forgets
SLEEP_OFF = None
SLEEP_ON = None
RELEASE = None
ICCID = (b"AT+CCID", b"+CCID")
IMEI = (b"AT+CGSN=1", b"+CGSN")
REBOOT = b"AT+CFUN=1,1"


def psm_event(line):
    """True if `line` says that PSM is entered, False if left, else None."""
    return None


def registration_fields(fields):
    """The fields of +CEREG behind <n> in the order of TS 27.007, where a module has others between them."""
    return fields


def tx_ms(payload_bytes):
    """How long a datagram is on the air, with about 60 bytes of headers and signalling: NB1, single tone of 15 kHz,
    15.6 kbit/s, without repetitions."""
    return (payload_bytes + 60) * 8 * 10 // 156


async def identified(modem):
    """The module is known now: what its make has to be told or asked once after a start."""


async def bearer(modem):
    """Have the data context up; nothing to do where the attach bearer is used."""


async def set_apn(modem, apn):
    """Set the APN of the attach bearer. Returns True if the modem must restart for it."""
    wanted = b'%d,"IP","%s"' % (CID, apn)
    await modem.ask(b"AT+CGDCONT?", b"+CGDCONT")
    for line in modem.channel.lines:
        if line.upper().startswith(wanted.upper()):
            return False
    await modem.channel.cmd(b"AT+CGDCONT=" + wanted)
    return False
