"""China Mobile M5311 (MT2625). Sources: AT command interface specification V2.4, MQTT guide V1.3."""

from cellular.modem.profiles.base import *

NAME = "M5311"
CAPABILITIES = {
    "udp": "ip53",
    "coap": "ip53",
    "tcp": "ip53",
    "signal": "",
    "psm": "",
    "edrx": "",
    "rai": "",
    "clock": "",
}

PWRKEY_MS = 1000  # (unverified)
BOOT_QUIET_MS = 3000
BOOT_MS = 15000
BANNERS = (b"*ATREADY: 1",)  # not after deep sleep
START_TRIES = 3
WAKE = "pin"  # WAKEUP_IN
WAKE_MS = 1000
FUNCTION_MS = 95000  # CFUN=0 takes up to 90 s

URCS = STANDARD_URCS + (
    b"+C",
    b"+IP",
    b"+EGACT:",
    b"CONNECT ",
    b"*",
    b"+MQTT",
    b"+HTTP",
    b"+TLS",
    b"+MIPL",
    b"+COAP",
    b"+PING",
    b"REBOOTING",
    b"COLD REBOOTING",
    b"POWER OFF",
)
BARE = b"AT+IPRCFG=1,1"
CEREG_EXTRA = 4  # a routing area code behind AcT
SOCKETS = 6
SEND_MAX = 512
SETUP = (b"AT+CSCON=1", b"AT*SLEEP=1", b"AT*MATWAKEUP=1")
SESSION = ()
SETTINGS = (NITZ,)
SLEEP_OFF = b"AT+SM=LOCK"
SLEEP_ON = b"AT+SM=UNLOCK"
RAI_LAST = b"AT*NBIOTRAI=2"
ICCID = (b"AT+ICCID", b"+ICCID")
REBOOT = b"AT+CMRB"


def psm_event(line):
    if line == b"*GOTOSLEEP":
        return True
    return False if line in (b"*MATWAKEUP", b"*WAKEUP") else None
