"""u-blox SARA-R4. Sources: AT manual UBX-17003787, integration manual, constants of the maker's library, logs of
R412M and R422M8S; SARA-R5 is in sara_r5.py."""

from cellular.modem.profiles.base import *

NAME = "SARA-R4"
CAPABILITIES = {
    "udp": "uso",
    "coap": "uso",
    "tcp": "uso",
    "tls": "uso",
    "sms": "",
    "signal": "",
    "psm": "",
    "edrx": "",
    "clock": "",
}

PWRKEY_MS = 500  # on from 300 ms, off from 1.5 s
RESET_MS = 16500
BOOT_QUIET_MS = 5000  # there is no banner
BOOT_MS = 20000
START_TRIES = 3
WAKE = "key"
WAKE_MS = 1000
PSM_OFF = True

URCS = STANDARD_URCS + (
    b"+UU",
    b"+USOST:",
    b"+UCPSMS:",
    b"+CIEV:",
    b"+UF",
    b"+UREG:",
)
HEADERS = ((b"+USORD: ", 2, True), (b"+USORF: ", 4, True))
PROMPTS = (b"@", b">")
PROMPT_GAP_MS = 60  # 50 ms

EDRX_ACTS = (4, 5)
CEREG_N = 4
CEREG_EXTRA = 2  # between tac and ci, R41x-02B
FIRST_SOCKET = 0
SOCKETS = 7
SEND_MAX = 1024
DNS = (b'AT+UDNSRN=0,"%s"', b"+UDNSRN")
PSM_AT_BOOT = True
PSM_BEFORE = (b"AT+CFUN=0",)
SETUP = (b"AT+CSCON=1", b"AT+UPSMR=1", b"AT+UDCONF=1,0")  # the last: binary data
SESSION = ()
SETTINGS = (NITZ,)
ICCID = (b"AT+CCID", b"+CCID")
IMEI = (b"AT+CGSN", b"")
REBOOT = b"AT+CFUN=15"


def psm_event(line):
    if line.startswith(b"+UUPSMR:"):
        return {b"1": True, b"0": False}.get(line[8:].strip()[:1])
    return None
