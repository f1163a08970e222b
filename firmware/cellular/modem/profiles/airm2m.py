"""Luat (AirM2M) Air780E, Air780EP and their relatives, Cat.1bis. Sources: AT manual of the maker, its guides with logs
of 780E and 780EP, the boot log of a 780EP."""

from cellular.modem.profiles.base import *

NAME = "Air780"
CAPABILITIES = {
    "udp": "lcip",
    "coap": "lcip",
    "tcp": "lcip",
    "tls": "lcip",
    "mqtt": "lmqtt",
    "mqtt_tls": "lmqtt",
    "sms": "",
    "cell_location": "lloc",
    "signal": "",
    "clock": "",
}

PWRKEY_MS = 1500
RESET_MS = 600  # a hard off
BOOT_MS = 15000
BANNERS = (b"RDY",)  # printed twice by some: what is sent between them is lost
START_TRIES = 3

URCS = STANDARD_URCS + (
    b"^boot.rom",
    b"^MODE:",
    b"+E_UTRAN Service",
    b"+NO Service",
    b"+NITZ:",
    b"+PDP",
    b"+CIPRXGET: 1,",
    b"+MSUB:",
    b"CLOSED",
    b"CONNECT",
    b"STATE:",
    b"PUBACK",
    b"SUBACK",
    b"UNSUBACK",
    b"CONNACK",
    b"+CTTS:",
    b"+SAPBR 1:",
    b"+HTTPACTION:",
)
PAYLOADS = ((b"+CIPRXGET: 2,", 2), (b"+HTTPREAD:", 0))
HEADERS = ((b'+MSUB: "', 2, False),)  # topic, "20 byte", then the message
FINALS = (b"SEND OK", b"SEND FAIL", b"DATA ACCEPT", b"SHUT OK", b"CLOSE OK")  # behind the link's number, too
PROMPTS = (b">", b"DOWNLOAD")
NO_FINAL = (b"AT+CIFSR",)

SOCKETS = 6
SEND_MAX = 1460
SESSION = ()
TLS_MQTT = 88  # the SSL context of the MQTT client
SLEEP_OFF = b"AT+CSCLK=0"
SLEEP_ON = b"AT+CSCLK=2"
ICCID = (b"AT+ICCID", b"+ICCID")
IMEI = (b"AT+CGSN", b"")
REBOOT = b"AT+RESET"


async def bearer(modem):
    """Have the IP service up."""
    await modem.dialect("tcp").bearer(modem)
