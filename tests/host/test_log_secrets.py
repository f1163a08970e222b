"""What must not stand in any event log: PINs, passwords, private keys."""

from __future__ import annotations

import pytest
from cellkit.bench.clock import VirtualClock
from cellkit.bench.log import EventLog

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIsecret\nmoresecret\n-----END EC PRIVATE KEY-----"


def logged(*pieces: str) -> list[str]:
    log = EventLog(None, VirtualClock())
    for piece in pieces:
        log.emit("uart", "to_modem", data=piece)
        log.emit("uart", "to_mcu", data="\r\nOK\r\n")
    return [event["data"] for event in log.each("uart", "to_modem")]


@pytest.mark.parametrize(
    "command",
    [
        'AT+CPIN="1234secret"', 'AT+CGAUTH=1,2,"me","secret"', 'AT+QICSGP=1,1,"apn","me","secret",1',
        'AT+QMTCONN=0,"id","me","secret"', 'AT+CMQTTCONNECT=0,"tcp://h:1",60,1,"me","secret"',
        'AT+SMCONF="PASSWORD","secret"', "AT+SMCONF = \"PASSWORD\" , \"secret\"", 'AT+UMQTT=4,"me","secret"',
        "AT+MCONFIG=id,me,secret", 'AT%CMNG=0,7,2,"secret"', 'at+mqttcfg="password","secret"',
        'AT+CMEE=1;+CPIN="secret"',
    ],
)  # fmt: skip
def test_commands(command: str) -> None:
    (text,) = logged(command + "\r")
    assert "secret" not in text and text.endswith("***\r")


@pytest.mark.parametrize("command", ["AT+CPIN?", "AT+QMTCONN=?", 'AT+SMCONF="URL","h",1', 'AT+QISEND=0,5,"hello"'])
def test_what_may_be_read(command: str) -> None:
    assert logged(command + "\r") == [command + "\r"]


@pytest.mark.parametrize("size", [20, 29, 40, 45, 60, 200])
def test_keys_in_pieces(size: int) -> None:
    text = "".join(logged(*[KEY[start : start + size] for start in range(0, len(KEY), size)], "after"))
    assert "secret" not in text and "MHc" not in text and text.endswith("after")


def test_certificates_are_no_secrets() -> None:
    text = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"
    assert logged(text, "more") == [text, "more"]
