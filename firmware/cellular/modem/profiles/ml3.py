"""China Mobile ML307, ML305 and ML302 (A, R, C, ...), Cat.1bis. Sources: user manuals of TCP/IP V5.1.5, MQTT, HTTP and
SSL, notes on ML307R."""

from cellular.modem.profiles.base import *

NAME = "ML307"
CAPABILITIES = {
    "udp": "cmip",
    "coap": "cmip",
    "tcp": "cmip",
    "tls": "cmip",
    "mqtt": "cmmqtt",
    "mqtt_tls": "cmmqtt",
    "sms": "",
    "signal": "",
    "clock": "",
}

PWRKEY_MS = 2000  # no figure at hand
BOOT_MS = 15000
BANNERS = (b"+MATREADY",)  # not at automatic baud rate
START_TRIES = 3

URCS = STANDARD_URCS + (
    b"+MIPURC:",
    b"+MIPOPEN:",
    b"+MIPCLOSE:",
    b"+MIPCALL:",
    b"+MQTTURC:",
    b"+MQTTUTC:",
    b"+MHTTPURC:",
    b"+MDNSGIP:",
    b"+MPING:",
    b"+MNTP:",
    b"+MLPMENTER",
    b"+MLPMEXIT",
)
HEADERS = ((b"+MIPRD:", 3, False), (b'+MIPURC: "rudp",', 3, False), (b'+MQTTURC: "publish",', 6, False))
PROMPTS = (b">",)

SOCKETS = 6
SEND_MAX = 1460
SESSION = ()
SETTINGS = (NITZ,)
ICCID = (b"AT+MCCID", b"+MCCID")
IMEI = (b"AT+CGSN=1", b"+CGSN")
REBOOT = b"AT+MREBOOT=0"


async def bearer(modem):
    """Have the IP service up."""
    await modem.dialect("tcp").bearer(modem)
