"""What a transcript must not tell of its author: identities, numbers, positions and keys become asterisks.

The length stays, so that the shape of a line does. What is masked is what the standards say an identity looks like
(IMEI 15 digits, IMSI 14 or 15, ICCID 18 to 20: TS 23.003, E.118; phone numbers: E.164), whatever field it is in, and
what certain commands take as a secret.
"""

from __future__ import annotations

import re

_IDENTITY = re.compile(r"(?<![0-9A-Fa-f])\d{14,20}F?(?![0-9A-Fa-f])")
_PHONE = re.compile(r'(?<=")\+\d{6,15}(?=")|(?<=[ ,;D])\+\d{6,15}\b')
_KEY = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,}(?![0-9A-Za-z])")
_PEM = re.compile(r"-----BEGIN.*?(?:-----END[^-]*-----|\Z)", re.DOTALL)
_POSITION = re.compile(r"(?<![\d.])-?\d{1,3}\.\d{4,}")
_NMEA = re.compile(r"\d{4,5}\.\d+[NSEW]")
# Commands whose quoted parameters behind the first are names and passwords.
_SECRET = re.compile(
    r"(?i)(AT\+(?:CSTT|QMTCONN|CMQTTCONNECT|SMCONF|MQTTCONN|MQTTOPEN|MCONFIG|UMQTT|"
    r"CMQCON|QCGDEFCONT|MCGDEFCONT|GTSSLFILE|USECMNG|CNCFG|QMTCFG|SAPBR|QFTPCFG|SQNSMQTTCFG|MQTTUSER|"
    r"MQTTCFG)=|AT%CMNG=|AT\*MCGDEFCONT=|AT#XMQTTCON=)(.*)"
)
_CODE = re.compile(r"(?i)(AT\+CPIN=)(.*)")
# Names and passwords whose place differs from module to module: nothing quoted is left.
_LOGIN = re.compile(r"(?i)([+;#](?:CGAUTH|XCGAUTH|UAUTHREQ|UPSD|QICSGP|CPIN|CPWD|CLCK)[=:])(.*)")


def _stars(match: re.Match[str]) -> str:
    return re.sub(r"[0-9A-Za-z+]", "*", match[0])


def _hidden(match: re.Match[str]) -> str:
    return '"' + "*" * len(match[1]) + '"'


def _secrets(match: re.Match[str]) -> str:
    kept = 1 if "CMNG" in match[1].upper() else 0  # of a key nothing is left

    def quoted(found: re.Match[str]) -> str:
        nonlocal kept
        kept += 1
        # Of a named setting ("CLIENTID", "aliauth") or a bearer's type the first text is no secret.
        return found[0] if kept == 1 else '"' + "*" * len(found[1]) + '"'

    return match[1] + re.sub(r'"([^"]*)"', quoted, match[2])


def masked(text: str) -> str:
    """`text`, a line or the bytes of one read as text, without what tells who or where its author is."""
    text = _PEM.sub(lambda match: "*" * len(match[0]), text)
    text = _CODE.sub(lambda match: match[1] + re.sub(r"\d", "*", match[2]), text)
    text = _SECRET.sub(_secrets, text)
    text = _LOGIN.sub(lambda match: match[1] + re.sub(r'"([^"]*)"', _hidden, match[2]), text)
    for pattern in (_IDENTITY, _KEY, _PHONE, _NMEA):
        text = pattern.sub(_stars, text)
    return _POSITION.sub(lambda match: match[0].split(".")[0] + "." + "*" * len(match[0].split(".")[1]), text)
