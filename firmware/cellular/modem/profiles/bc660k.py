"""Quectel BC660K-GL. Sources: AT manual V1.4, hardware design, and a bench log of firmware BC660KGLAAR01A05."""

from binascii import unhexlify

from cellular.at.fields import is_read_answer, text
from cellular.errors import UnexpectedAnswer

NAME = "BC660K-GL"
IDENTITY = b"BC660K"  # in the answer to ATI
BAUD = 115200  # fixed rate, no auto-baud

PWRKEY_MS = 700  # no figure for this module at hand; the sibling BC26 wants 500 ms
RESET_MS = 100  # ditto, 50 ms
BOOT_MS = 10000
BANNERS = (b"RDY",)

# Deep sleep: the AT that wakes it is lost; after 1.8 s a bare CR LF says that it is awake. Light sleep: it is lost, the
# next is answered.
WAKE_TRIES = 3
WAKE_MS = 2500
WAKE_AGAIN_MS = 300

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

URCS = (
    b"+CEREG:",
    b"+CSCON:",
    b"+QNBIOTEVENT:",
    b"+QIURC:",
    b"+QIOPEN:",
    b"+IP:",
    b"+CPIN:",
    b"+CFUN:",
    b"+CEDRXP:",
    b"+CTZ",
    b"SEND ",
    b"CLOSE OK",
    b"+QIDNSGIP:",
    b"+QPING:",
)
AMBIGUOUS = {b"+CEREG": is_read_answer}
PROMPT_GAP_MS = 500

CID = 0  # the attach bearer; other contexts get no address of their own
ACT_NB = 5  # AcT-type of CEDRXS: E-UTRAN NB-S1
SOCKETS = 5
SEND_MAX = 512  # bytes in the hex form of QISEND

# Read, compare, write only where it differs: these are kept in the modem's NVRAM. (read, prefix, wanted, write)
SETTINGS = ((b"AT+QNBIOTEVENT?", b"+QNBIOTEVENT", b"1,1", b"AT+QNBIOTEVENT=1,1"),)
# As SETTINGS, but in force after a restart: awake for 2 s after the last character and not for 10 s, at 5 mA each time.
BOOT_SETTINGS = (
    (b'AT+QCFG="slplocktimes"', b"+QCFG", b'"slplocktimes",2', b'AT+QCFG="slplocktimes",2'),
)
# Not kept over a restart.
SESSION = (b"AT+CSCON=1",)
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


async def udp_open(modem, sid, host, port):
    """Open socket `sid` to host:port. Returns the module's error number, 0 = open."""
    ch = modem.channel
    await modem.ask(b'AT+QICFG="dataformat",1,1')
    line = await ch.cmd(
        b'AT+QIOPEN=%d,%d,"UDP","%s",%d,0,1' % (CID, sid, host, port),
        then=b"+QIOPEN: %d," % sid,
        then_ms=60000,
    )
    try:
        return int(line[line.rfind(b",") + 1 :])
    except ValueError:
        raise UnexpectedAnswer("AT+QIOPEN", text(line))


async def udp_send(modem, sid, hexdata):
    """Send a datagram given in hex. True if the module took it."""
    line = await modem.channel.cmd(
        b"AT+QISEND=%d,%d,%s" % (sid, len(hexdata) // 2, hexdata), then=b"SEND ", then_ms=60000
    )
    return line == b"SEND OK"


async def udp_close(modem, sid):
    """Close socket `sid`; an ERROR means it was not open."""
    await modem.channel.cmd(b"AT+QICLOSE=%d" % sid, then=b"CLOSE OK", then_ms=5000)


def udp_received(line, cut=False):
    """(sid, bytes) for a datagram, (sid, None) for one that is closed, else None. Raises ValueError if damaged.

    cut: `line` lacks its end, and the datagram then too.
    """
    if line.startswith(b'+QIURC: "recv",'):
        sid, length, data = line[15:].split(b",", 2)
        data = data.strip(b'"')
        if cut:
            data = data[: len(data) & ~1]
        elif len(data) != 2 * int(length):
            raise ValueError("datagram says %s bytes and has %d" % (length, len(data) // 2))
        return int(sid), unhexlify(data)
    if line.startswith(b'+QIURC: "closed",'):
        return int(line[17:]), None
    return None
