"""What a profile states only where its module differs: the names that every profile has, with the usual value.

A profile begins with `from cellular.modem.profiles.base import *`. docs/profiles.md has each name and its meaning.
"""

from cellular.at.fields import is_read_answer

NAME = "unknown"
CAPABILITIES = {}  # name -> dialect in cellular.modem.dialects, "" = functions of the profile

# Power. Times in ms.
PWRKEY_MS = 1000  # long enough to switch on and to wake, too short to switch off
RESET_MS = 300
BOOT_MS = 10000
BOOT_QUIET_MS = None  # how long nothing is asked after a start; None: BOOT_MS, or until the banner
BANNERS = ()  # whole lines by which a restart is known; some come only at a fixed baud rate
START_TRIES = 1  # before the power key is pressed
WAKE_TRIES = 3
WAKE_MS = 2500
WAKE_AGAIN_MS = 300
WAKE = "uart"  # what wakes from PSM; "key": the power key, "pin": the board's wake pin, or the key where it has none
WAKE_PIN_MS = 100
PSM_OFF = False  # in PSM the module is off: it wakes by a boot, and has forgotten what it is told in each session
FUNCTION_MS = 30000  # CFUN may have to tell the network first
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
LINE_END = b"\r"
STANDARD_URCS = (
    b"+CREG:",
    b"+CGREG:",
    b"+CEREG:",
    b"+CSCON:",
    b"+CPIN:",
    b"+CEDRXP:",
    b"+CTZ",
    b"+CGEV:",
    b"+CMT",
    b"+CDS",
    b"+CRTDCP:",
    b"+CNEC",
    b"+CUSD:",
    b"+CRING:",
    b"RING",
)
URCS = STANDARD_URCS
AMBIGUOUS = {b"+CREG": is_read_answer, b"+CGREG": is_read_answer, b"+CEREG": is_read_answer, b"+CSCON": is_read_answer}
PAYLOADS = ()  # (prefix, index of the length) of lines behind which raw payload comes
HEADERS = ()  # (prefix, commas, quoted) of lines that carry raw payload themselves
FINALS = ()  # beginnings of lines that some commands have in place of OK
PROMPTS = (b">",)
PROMPT_GAP_MS = 0
NO_FINAL = ()  # commands that are answered without any final result
BARE = None  # the command that makes data come without anything before them
BOOT_BEGINS = None  # a line behind which, until the banner, what nobody knows is noise

# Network.
CID = 1
EDRX_ACTS = (5,)  # AcT-types of CEDRXS: 5 E-UTRAN NB-S1, 4 WB-S1
CEREG_N = 5  # highest mode of +CEREG
CEREG_EXTRA = None  # index, behind <n>, of a field of +CEREG that TS 27.007 does not have, where all others are given
FIRST_SOCKET = 0
SOCKETS = 5
SEND_MAX = 512
SETTINGS = ()  # (read, prefix, wanted, write): kept by the module, written where they differ
NITZ = (b"AT+CTZU?", b"+CTZU", b"1", b"AT+CTZU=1")  # a setting: the network's time sets the clock
BOOT_SETTINGS = ()  # the same, in force after a restart
SETUP = ()  # sent after each restart
PSM_AT_BOOT = False  # the times of PSM hold only after a restart
PSM_BEFORE = ()  # sent before they are written, where others would not be told to the network
SESSION = (b"AT+CSCON=1",)  # sent in each session: what sleep or restart forgets
SLEEP_OFF = None
SLEEP_ON = None
RELEASE = None  # while connected: no more data are expected
RAI_LAST = None  # before the last datagram of a session: one answer is expected, and then nothing
UDP_POLL_MS = 10000  # data are asked for so often; the line that tells of them may get lost, and some have none
DNS = None  # (command for a name, beginning of the line with its address), where sockets want addresses
ICCID = (b"AT+CCID", b"+CCID")
IMEI = (b"AT+CGSN=1", b"+CGSN")
REBOOT = b"AT+CFUN=1,1"


def psm_event(line):
    """True if `line` says that PSM is entered, False if left, else None."""
    return None


def rrc_event(line):
    """True if `line` says that the radio is connected, False if released, else None."""
    if line.startswith(b"+CSCON:"):
        return line[7:].strip()[:1] == b"1"
    return None


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
    wanted = b'%d,"IP","%s"' % (modem.profile.CID, apn)
    await modem.ask(b"AT+CGDCONT?", b"+CGDCONT")
    for line in modem.channel.lines:
        if line.upper().startswith(wanted.upper()):
            return False
    await modem.channel.cmd(b"AT+CGDCONT=" + wanted)
    await modem.radio_off()  # it holds for the next attach
    return False
