"""The virtual modem against real logs and the vendor's examples: every exchange of tests/data/quectel-bc660k.jsonl.

Numbers may differ (another cell, another supply voltage); words, punctuation, quotes, the number of fields and, where a
log is byte-exact, CR and LF may not. Every line of the file is named below, so that a new one needs a decision.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from modem_rig import ModemRig

FILE = Path(__file__).resolve().parents[1] / "data" / "quectel-bc660k.jsonl"
ENTRIES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]

SCAN = re.compile(r'\+COPS: (\(\d,"[^"]*","[^"]*","\d+",9\),?)+,,\(0-4\),\(0-2\)')
# These need a broker and a server: played by `cellkit twin score`.
NEEDS_A_PEER = ("AT+QMTPUB", "AT+QHTTPURL")
# The example shows a network that refused a session, and a scan of four operators: other situations, tested elsewhere.
OTHER_SITUATION = {"+QESMC: 1,0,26": "+QESMC: 0,0,0"}


def first_command(entry: dict[str, Any]) -> str:
    return str(entry["exchange"][0][1])


def shape(text: str) -> str:
    """`text` with every number, and every quoted string of four or eight digits, reduced to its kind."""
    text = re.sub(r'"[0-9A-F]{8}"', '"eight"', text)
    text = re.sub(r'"[0-9A-F]{4}"', '"four"', text)
    return re.sub(r"-?\d+", "n", text)


def rig_for(entry: dict[str, Any]) -> ModemRig:
    """A modem in the situation of the log: registered as a roamer, timers and PSM as requested there."""
    policy = {"roaming": True, "t3324_allowed_s": [], "t3412_allowed_s": [], "edrx": "refused"}
    rig = ModemRig({"policy": policy}, nvram={"E": 0, "COPS": {"mode": 1, "oper": "23415"}})
    rig.modem.settings.nvram["CPSMS"] = {"mode": 1, "t3412": "01000001", "t3324": "00100011"}
    rig.attach()
    if entry["module"] == "BC660K-GL" and "wakes the module" in entry.get("note", ""):
        rig.advance(400.0)
    elif "RRC connected" not in entry.get("note", ""):
        rig.advance(30.0)
        rig.at("AT")  # out of light sleep; it is lost
    return rig


ALONE = [entry for entry in ENTRIES if not first_command(entry).startswith(NEEDS_A_PEER)]


@pytest.mark.parametrize("entry", ALONE, ids=[f"{first_command(entry)[:24]}-{n}" for n, entry in enumerate(ALONE)])
def test_exchange(entry: dict[str, Any]) -> None:
    rig = rig_for(entry)
    steps = entry["exchange"]
    for index, (direction, text) in enumerate(steps):
        if direction != "TX":
            continue
        wanted = [line for kind, line in steps[index + 1:next_tx(steps, index)] if kind == "RX"]
        rig.modem.rx(text.encode() + b"\r")
        got = rig.advance(wait_for(text))
        if entry.get("raw"):
            assert shape(got) == shape("".join(wanted))
        else:
            lines = [line for line in got.split("\r\n") if line]
            wanted = [OTHER_SITUATION.get(line, line) for line in wanted]
            if text == "AT+COPS=?":
                assert SCAN.fullmatch(wanted[0]) and SCAN.fullmatch(lines[0])
                lines, wanted = lines[1:], wanted[1:]
            assert [shape(line) for line in lines[:len(wanted)]] == [shape(line) for line in wanted]


def next_tx(steps: list[list[str]], index: int) -> int:
    return next((n for n in range(index + 1, len(steps)) if steps[n][0] == "TX"), len(steps))


def wait_for(command: str) -> float:
    return {"AT+COPS=?": 40.0, "AT+CFUN=0,1": 4.0, "AT+QICLOSE=0": 0.2}.get(command, 2.0)


def test_timing_of_the_real_log() -> None:
    """1817 ms to the bare CR LF, 22 ms to OK; CEREG=4 103 ms; QENG 42 ms; CLOSE OK 50 ms after OK."""
    rig = rig_for(ENTRIES[3])
    assert "wakes the module" in ENTRIES[3]["note"]
    assert delays_ms(rig, "AT", 3.0) == [pytest.approx(1817, abs=10)]
    assert delays_ms(rig, "AT") == [22]
    assert delays_ms(rig, "AT+CEREG=4") == [103]
    assert delays_ms(rig, "AT+QENG=0") == [42, 42]
    assert delays_ms(rig, "AT+QICLOSE=0") == [22, 72]


def delays_ms(rig: ModemRig, command: str, wait_s: float = 0.5) -> list[int]:
    began_s, begun = rig.clock.now(), len(rig.said_at)
    rig.at(command, wait_s)
    return [round(1000 * (at_s - began_s)) for at_s, _ in rig.said_at[begun:]]


def test_cell_of_the_real_log_to_the_letter() -> None:
    """The default cell is the one of the log, so the whole line has to be equal."""
    rig = rig_for(next(entry for entry in ENTRIES if "RRC connected" in entry.get("note", "")))
    assert rig.ok("AT+QENG=0") == ['+QENG: 0,6254,12,299,"0000ABCD",-102,-8,-94,5,20,"0001",0,21,2']
    rig.advance(30.0)
    rig.at("AT")
    assert rig.ok("AT+QENG=0") == ['+QENG: 0,6254,12,299,"0000ABCD",-102,-8,-94,5,20,"0001",0,-128,2']
    rig.ok("AT+CEREG=4")
    assert rig.ok("AT+CEREG?") == ['+CEREG: 4,5,"0001","0000ABCD",9,,,"00100011","00101010"']
    assert rig.ok("AT+COPS?") == ['+COPS: 1,2,"23415",9']
