"""SIMCom SIM7020 (MT2625). Sources: AT manual V1.05, its application notes, hardware design V1.02."""

from cellular.modem.profiles.base import *

NAME = "SIM7020"
CAPABILITIES = {
    "udp": "cso",
    "coap": "cso",
    "tcp": "cso",
    "mqtt": "cmq",
    "mqtt_tls": "cmq",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}

PWRKEY_MS = 500  # on from 215 ms, off from 800 ms
RESET_MS = 100  # 48 ms
BOOT_QUIET_MS = 2500  # the UART is ready after 2 s; with automatic rate it says nothing
BOOT_MS = 15000
BANNERS = (b"RDY", b"*MATREADY: 1")
START_TRIES = 2
WAKE = "key"
WAKE_MS = 1000
PSM_OFF = True

CURRENTS_NA = {  # hardware design; (unverified): search, connected
    "off": 0,
    "radio_off": 236000,
    "search": 50000000,
    "awake": 5600000,
    "connected": 50000000,
    "tx": 134000000,
    "idle": 454000,
    "psm": 3400,
}
STAYS_AWAKE_MS = 5000

URCS = STANDARD_URCS + (
    b"+C",
    b"SMS Ready",
    b"SEND: ",
    b"CONNECT ",
    b"CLOSED",
    b"+RECEIVE,",
    b"+PDP",
    b"+MIPL",
    b"+TLS ERROR",
    b"+NIDD:",
    b"NORMAL POWER",
    b"UNDER-",
    b"OVER-",
)
FINALS = (b"SEND OK", b"DATA ACCEPT:")

CEREG_EXTRA = 4  # a routing area code behind AcT
SOCKETS = 5
SEND_MAX = 512
DNS = (b'AT+CDNSGIP="%s"', b"+CDNSGIP:")
PSM_BEFORE = (b"AT+CPSMS=0",)  # a second CPSMS=1 sends nothing
SETUP = (b"AT+CSCON=1", b"AT+CPSMSTATUS=1")
SESSION = ()
SETTINGS = (NITZ,) + ((b"AT+CSORCVFLAG?", b"+CSORCVFLAG", b"0", b"AT+CSORCVFLAG=0"),)  # hex
RAI_LAST = b"AT+CNBIOTRAI=2"
ICCID = (b"AT+CCID", b"")
REBOOT = b"AT+CRESET"

SIGNAL = (
    b"AT+CENG=0;+CENG?",
    b"+CENG",
    (
        ("rsrp_dbm", 4),
        ("rsrq_db", 5),
        ("rssi_dbm", 6),
        ("sinr_db", 7),
        ("ce_level", 10),
    ),
)


def psm_event(line):
    if line.startswith(b"+CPSMSTATUS:"):
        return line.find(b"ENTER") > 0
    return None


async def set_apn(modem, apn):
    """Set the APN of the default bearer, which the radio has to be off for."""
    wanted = b'"IP","%s"' % apn
    now = await modem.try_command(b"AT*MCGDEFCONT?", b"*MCGDEFCONT")
    if not now or not now.upper().startswith(wanted.upper()):
        await modem.radio_off()
        await modem.channel.cmd(b"AT*MCGDEFCONT=" + wanted)
    return False
