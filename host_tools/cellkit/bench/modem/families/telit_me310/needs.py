"""What lines of Telit logs say of the state in which they were written: sockets, contexts, PSM."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.bench.modem.families.telit_me310 import Module
from cellkit.transcripts.stage import Rule, Stage

_HOST = "198.51.100.7"


def _modem(stage: Stage) -> Module:
    assert isinstance(stage.modem, Module)
    return stage.modem


def _open(stage: Stage, number: int) -> None:
    opens = rf"AT#SD={number},.*"
    if _modem(stage).links.get(number) is not None or stage.sets(opens) or stage.will_send(opens):
        return
    kind = 0 if stage.exchange.context == "tcp" else 1
    stage.at(f'AT#SD={number},{kind},7,"{_HOST}",0,7,1', 20.0)
    if kind:
        stage.give(f"AT#SSENDEXT={number},1", b"x")  # so that the peer knows where to answer
    stage.advance(1.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    if not any(re.fullmatch(r"ERROR|\+CME ERROR.*", line) for line in stage.ahead()[1:2]):
        _open(stage, int(match[2]))


def _ring(stage: Stage, match: re.Match[str]) -> None:
    number = int(match[1])
    _open(stage, number)
    mode = 2 if match[3] else 1 if match[2] else 0
    _modem(stage).sockets_part.extended.setdefault(number, (mode, 0, 0, 0, 0))


def _say(stage: Stage, match: re.Match[str]) -> None:
    stage.say(b"x" * int(match[2] or 4))


def _waits(stage: Stage, match: re.Match[str]) -> None:
    link = _modem(stage).links.get(int(match[1]))
    if link is not None and not link.buffer:
        stage.say(b"x" * int(match[2]))
        stage.advance(2.0)


def _psm(stage: Stage, match: re.Match[str]) -> None:
    modem = _modem(stage)
    modem.settings.nvram["PSMURC"] = 1
    modem.settings.nvram["CPSMS"] = {"mode": 1, "t3412": "00000011", "t3324": "00000101"}
    modem.standard.request_changed()


def _context(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT#SGACT=.*"):
        stage.at("AT#SGACT=1,1")


RULES = (
    *COMMON,
    Rule("setup", "TX", r"(?i:AT#S(SENDEXT|SEND|RECV|H|O|S|I)=(\d)(?:,.*)?)", _used),
    Rule("setup", "RX", r"SRING: (\d)(?:,(\d+))?(,.*)?", _ring),
    Rule("setup", "RX", r"#SGACT: \d,1", _context),
    Rule("before", "RX", r"#SRECV: (\d),(\d+)", _waits),
    Rule("cause", "RX", r"SRING: (\d)(?:,(\d+))?(,.*)?", _say),
    Rule("cause", "RX", r"#PSMURC: \d+,\d+", _psm),
)
