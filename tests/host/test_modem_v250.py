"""The front end of the virtual modem: echo, lines, concatenation, errors, identity, baud rate."""

from __future__ import annotations

import pytest
from cellkit.bench.modem.v250 import Command, SyntaxFault, parse_line, split_args
from modem_rig import ModemRig


def booted(*commands: str, **modem: object) -> ModemRig:
    rig = ModemRig({"coverage_gaps": [{"start_s": 0, "duration_s": 1e6}]}, **modem)
    rig.boot(*commands)
    rig.advance(3.0)
    return rig


# Lines


def test_echo_is_on_from_the_factory_and_saved() -> None:
    rig = ModemRig()
    rig.modem.supply(True)
    rig.advance(2.0)
    rig.modem.rx(b"AT\r\n")
    assert rig.advance(0.1) == "AT\r\r\nOK\r\n"
    rig.modem.rx(b"ATE0\r")
    assert rig.advance(0.1) == "ATE0\r\r\nOK\r\n"
    rig.modem.supply(False)
    rig.modem.supply(True)
    rig.advance(2.0)
    rig.modem.rx(b"AT\r")
    assert rig.advance(0.1) == "\r\nOK\r\n"


def test_bytes_may_come_one_by_one() -> None:
    rig = booted()
    for byte in b"AT+CMEE?\r":
        rig.modem.rx(bytes([byte]))
        rig.advance(0.001)
    assert rig.lines(0.1) == ["+CMEE: 1", "OK"]


@pytest.mark.parametrize("command", ["at+cgmm", "AT+CGMM", "AT +CGMM", "AT+CGMM ", "\x00\xffAT+CGMM", "\n\nAT+CGMM"])
def test_case_spaces_and_noise_before_at(command: str) -> None:
    assert booted().ok(command) == ["Quectel_BC660K-GL"]


def test_backspace_deletes() -> None:
    assert booted().ok("ATX\b+CGMX\bM") == ["Quectel_BC660K-GL"]


@pytest.mark.parametrize("line", ["", "   ", "hello", "A", "T"])
def test_what_is_no_command_is_not_answered(line: str) -> None:
    assert booted().at(line) == []


def test_at_without_command_is_ok() -> None:
    assert booted().at("AT") == ["OK"]


def test_concatenation_gives_one_ok() -> None:
    rig = booted()
    assert rig.at("AT+CMEE=2;+CMEE?;+CGMM") == ["+CMEE: 2", "Quectel_BC660K-GL", "OK"]
    assert rig.at("ATE0;+CMEE=1") == ["OK"]
    assert rig.at("ATE0I+CGMM")[-1] == "OK"


def test_an_error_ends_the_line_but_what_came_before_is_done() -> None:
    rig = booted()
    assert rig.at("AT+CMEE=2;+NOSUCH;+CMEE=0") == ["ERROR"]
    assert rig.ok("AT+CMEE?") == ["+CMEE: 2"]


def test_a_second_line_waits_until_the_first_is_answered() -> None:
    rig = booted()
    rig.modem.rx(b"AT+CGMM\rAT+CMEE?\r")
    assert rig.lines(0.5) == ["Quectel_BC660K-GL", "OK", "+CMEE: 1", "OK"]


def test_too_long_a_line_is_an_error_and_nothing_is_done() -> None:
    rig = booted()
    assert rig.at("AT+CMEE=2;" + "+CMEE=2;" * 600) == ["ERROR"]
    assert rig.ok("AT+CMEE?") == ["+CMEE: 1"]


def test_more_than_the_buffer_holds_is_lost_and_logged() -> None:
    rig = booted()
    rig.modem.rx(b"AT+COPS=?\r")
    rig.modem.rx(b"x" * 3000)
    assert rig.events("modem", "lost")[-1]["why"] == "buffer full"
    assert len(rig.events("modem", "lost")[-1]["data"]) == 3000 - 2048


# Errors


def test_cmee_decides_the_form_except_for_syntax() -> None:
    rig = booted(sim={"present": False})
    assert rig.at("AT+CIMI") == ["+CME ERROR: 10"]
    assert rig.at("AT+CMEE=9") == ["ERROR"]
    rig.ok("AT+CMEE=2")
    assert rig.at("AT+CIMI") == ["+CME ERROR: USIM not inserted"]
    rig.ok("AT+CMEE=0")
    assert rig.at("AT+CIMI") == ["ERROR"]


@pytest.mark.parametrize(
    "command",
    [
        "AT+QTEMP", "AT+QPOWD=1", "AT+CREG=4", 'AT+QMTOPEN=5,"h",1883', 'AT+QNTP=0,"h"', "AT+CMGR=1", "AT&W", "ATZ",
        "AT+QLWOPEN=0", "AT+QENG=1", 'AT+QCFG="statisr",5', 'AT+QCFG="GPIO",1', 'AT+CGDCONT=0,"IP","x"', "AT+=", "AT%",
        "AT+CEREG=6", "AT+CEREG=", 'AT+CEREG="1"', "AT+CEREG", 'AT+CPSMS=1,,,"0101"', "AT+CPSMS=1,,,00000000",
        "AT+QISEND=0,5", "AT+CFUN=2", "AT+IPR=1200", "AT+IPR=115201", 'AT+CCLK="26/13/01,00:00:00+00"', "AT+QRST=0",
        "AT+QRST", "AT+CGSN=4", 'AT+CEDRXS=1,4,"0010"', "AT+QBAND=2,8", "AT+QBAND=1,9", 'AT+QCGDEFCONT="PPP"',
    ],
)  # fmt: skip
def test_what_the_module_or_the_model_has_not_is_an_error(command: str) -> None:
    assert booted().at(command) == ["ERROR"]


# Identity


def test_identity() -> None:
    rig = booted()
    assert rig.ok("AT+CGMI") == ["Quectel_Ltd", "Quectel_BC660K-GL", "Revision: QCX212"]
    assert rig.ok("AT+CGMR") == ["Revision: BC660KGLAAR01A05"]
    assert rig.ok("AT+CGSN") == ["MPY20000000000000"]
    assert rig.ok("AT+CGSN=0") == ["MPY20000000000000"]
    assert rig.ok("AT+CGSN=1") == ["+CGSN: 001010000000001"]
    assert rig.ok("AT+CGSN=2") == ["+CGSN: 0010100000000001"]
    assert rig.ok("AT+CGSN=3") == ["+CGSN: 03"]
    assert rig.ok("AT+CGSN=?") == ["+CGSN: (0-3)"]
    for name in ("CGMI", "CGMM", "CGMR", "CIMI", "CPIN", "CBC"):
        assert rig.ok(f"AT+{name}=?") == []


# Baud rate


def test_another_rate_makes_both_sides_hear_garbage() -> None:
    rig = booted()
    rig.modem.baud(9600)
    assert rig.at("AT") == []
    rig.modem.urc("+CEREG: 1")
    said = rig.advance(0.1)
    assert said and not any(32 <= ord(char) < 127 for char in said)
    rig.modem.baud(115200)
    assert rig.at("") == []  # the CR ends the garbage before it
    assert rig.ok("AT") == []


def test_ipr_answers_at_the_old_rate_and_stays() -> None:
    rig = booted()
    rig.modem.baud(115200)
    assert rig.ok("AT+IPR=?") == ["+IPR: (2400,4800,9600,19200,38400,57600,115200,230400,460800)"]
    assert rig.at("AT+IPR=460800") == ["OK"]
    assert rig.at("AT") == []
    rig.modem.baud(460800)
    rig.at("")
    assert rig.ok("AT+IPR?") == ["+IPR: 460800"]
    rig.modem.supply(False)
    rig.modem.supply(True)
    assert rig.lines(2.0)[0] == "RDY"


# The parser by itself


def test_parse_line() -> None:
    assert parse_line('E1I+CGSN=1;+CEREG?;+CFUN=?;+X="a;b",,"c"') == [
        Command("E", "action", "1", split_args("1")),
        Command("I", "action"),
        Command("+CGSN", "set", "1", split_args("1")),
        Command("+CEREG", "read"),
        Command("+CFUN", "test"),
        Command("+X", "set", '"a;b",,"c"', split_args('"a;b",,"c"')),
    ]
    assert parse_line("S3?S0=2") == [Command("S3", "read"), Command("S0", "set", "2", split_args("2"))]
    assert parse_line('+QISEND=0,3,a;"', frozenset({"+QISEND"})) == [Command("+QISEND", "set", '0,3,a;"')]
    assert parse_line("+CMEE=1;?;+CMEE=2")[1:] == [None]


@pytest.mark.parametrize("raw", ['"open', 'a"b', '"a"b"', '"a"b'])
def test_quotes_that_do_not_match(raw: str) -> None:
    with pytest.raises(SyntaxFault):
        split_args(raw)
