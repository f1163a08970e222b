"""The multiplexer of TS 27.010 in front of a virtual module's commands."""

from __future__ import annotations

from cellkit.bench.modem.cmux import Cmux, fcs, frame
from twin_rig import TwinRig


def test_frames_are_those_of_real_logs() -> None:
    assert fcs(bytes([0x03, 0x3F, 0x01])) == 0x1C
    assert frame(0x07, 0x73).hex(" ") == "f9 07 73 01 15 f9"
    assert frame(0x07, 0xEF, b"\r\nQCRDY\r\n").hex(" ") == "f9 07 ef 13 0d 0a 51 43 52 44 59 0d 0a c8 f9"
    assert frame(0x01, 0xEF, bytes.fromhex("e305070d")).hex(" ") == "f9 01 ef 09 e3 05 07 0d 9a f9"


class Chatty(Cmux):
    answers = 2
    greeting = b"\r\nQCRDY\r\n"
    sends_msc = False


def test_commands_in_frames() -> None:
    rig = TwinRig()
    rig.boot()
    assert rig.at("AT+CMUX=0") == ["OK"]
    rig.modem.rx(frame(0x03, 0x3F)[:3])
    rig.modem.rx(frame(0x03, 0x3F)[3:] + frame(0x07, 0x3F))
    assert rig.advance(0.1).encode("latin-1") == frame(3, 0x73) + frame(7, 0x73) + frame(1, 0xEF, b"\xe3\x05\x07\x0d")
    rig.modem.rx(frame(0x07, 0xEF, b"AT+CGMM\r"))
    said = rig.advance(0.3).encode("latin-1")
    assert b"".join(said[at + 4:at + 4 + (said[at + 3] >> 1)] for at in starts(said)) == b"\r\ngeneric\r\n\r\nOK\r\n"
    broken = bytearray(frame(0x07, 0xEF, b"AT\r"))
    broken[-2] ^= 1
    rig.modem.rx(bytes(broken))
    rig.modem.rx(b"AT\r")
    assert rig.advance(0.3) == ""
    rig.modem.rx(frame(0x07, 0x53))
    assert rig.advance(0.1).encode("latin-1") == frame(7, 0x73)
    rig.modem.urc("+LOST: 1")
    assert rig.advance(0.1) == ""
    rig.modem.rx(frame(0x03, 0xEF, b"\xc3\x01"))  # multiplexer close down
    rig.advance(0.1)
    assert rig.ok("AT") == []


def starts(said: bytes) -> list[int]:
    found, at = [], 0
    while at < len(said):
        found.append(at)
        at += 6 + (said[at + 3] >> 1)
    return found


def test_a_family_with_a_multiplexer_of_its_own() -> None:
    rig = TwinRig(make_cmux=lambda modem: Chatty(modem))
    rig.boot("AT+CMUX=0")
    rig.modem.rx(frame(0x07, 0x3F))
    assert rig.advance(0.1).encode("latin-1") == frame(7, 0x73) * 2 + frame(7, 0xEF, b"\r\nQCRDY\r\n")
    rig.modem.reset("test")
    rig.advance(3.0)
    assert rig.ok("ATE0") is not None
