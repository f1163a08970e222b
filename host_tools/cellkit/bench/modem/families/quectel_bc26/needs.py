"""Rules for playing logs of this family."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._quectel.needs import RULES as SHARED
from cellkit.transcripts.shape import split
from cellkit.transcripts.stage import Rule, Stage


def _platform(stage: Stage, match: re.Match[str]) -> None:
    """The platform writes; whether the module keeps it or tells it is set where the log does not set it."""
    platforms = stage.modem.platforms  # type: ignore[attr-defined]
    size = int(match[2])
    if match[1] == "QLWDATARECV":
        platforms.buffered = match[3] is None
        platforms.downlink(b"\xaa" * size)
    else:
        if not stage.sets(r"AT\+MIPLCONFIG=1,.*"):
            platforms.buffered = match[3] is None
        platforms.write(b"hello world"[:size])


def _kept(stage: Stage, match: re.Match[str]) -> None:
    """Something is read that came before, and that no line tells of."""
    platforms = stage.modem.platforms  # type: ignore[attr-defined]
    if not platforms.buffer:
        platforms.buffer.append(b"\xaa" * (int(match[1]) + int(match[2])))


def _asks(stage: Stage, match: re.Match[str]) -> None:
    fields = split(match[2])
    argument = fields[-1].strip('"') if match[1] in ("EXECUTE", "PARAMETER") and len(fields) > 5 else ""
    stage.modem.platforms.ask(match[1], "5850", argument)  # type: ignore[attr-defined]


def _wakes(stage: Stage, match: re.Match[str]) -> None:
    stage.sleep()
    stage.modem.pin("PSM_EINT", 0)
    stage.advance(0.1)
    stage.modem.pin("PSM_EINT", 1)


RULES = (
    *SHARED,
    Rule("before", "RX", r"\+(?:QLWRD|MIPLRD): ?([1-9]\d*),(\d+)", _kept),
    Rule("cause", "RX", r"\+MIPL(READ|EXECUTE|PARAMETER|OBSERVE|DISCOVER): ?(.*)", _asks),
    Rule("cause", "RX", r"\+(QLWDATARECV): 19,\d,\d,(\d+)(,[0-9A-F]+)?", _platform),
    Rule("cause", "RX", r"\+(MIPLWRITE): 0,\d+,\d+,\d+,\d+,\d,(\d+)(,[0-9A-F]{2,})?,0,0", _platform),
    Rule("cause", "RX", r"\+QATWAKEUP", _wakes),
)
