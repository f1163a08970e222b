"""What lines of L610 logs say of the state in which they were written."""

from __future__ import annotations

import re

from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage


def _called(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+MIPCALL=1.*"):
        stage.at("AT+MIPCALL=1")
        stage.advance(1.0)


def _opened(stage: Stage, match: re.Match[str]) -> None:
    number = int(match[1])
    links = stage.modem.links  # type: ignore[attr-defined]
    if links.get(number) is None and not stage.sets(rf"AT\+MIPOPEN={number},.*"):
        _called(stage, match)
        stage.at(f'AT+MIPOPEN={number},,"198.51.100.7",7,0')
        stage.wait(lambda: links.get(number) is not None and links.get(number).state == "open", 20.0)
        stage.advance(1.0)


def _format(stage: Stage, match: re.Match[str]) -> None:
    """What comes is shown as the log has it."""
    if not stage.sets(r'AT\+GTSET="IPRFMT",.*'):
        stage.at('AT+GTSET="IPRFMT",5' if match[0].startswith("+MIPREAD") else 'AT+GTSET="IPRFMT",0')


def _comes(stage: Stage, match: re.Match[str]) -> None:
    size = int(match[2]) if match[0].startswith("+MIPREAD") else 5
    data = b"x" * size
    if not stage.say(data):
        stage.modem.links.get(int(match[1])).on_data(data)  # type: ignore[attr-defined]


def _ends(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _refused(stage: Stage, match: re.Match[str]) -> None:
    if re.match(r"(?i)AT\+MIPOPEN", stage.command()):
        stage.modem.faults.open_error(1)


RULES = (
    Rule("setup", "TX", r"(?i:AT\+MIPOPEN=.*)", _called),
    Rule("setup", "TX", r"(?i:AT\+MIP(?:SEND|READ|CLOSE)=(\d).*)", _opened),
    Rule("setup", "RX", r"\+MIP(?:RTCP|READ): ?(\d),.*", _opened),
    Rule("setup", "RX", r"\+MIP(?:RTCP|READ): ?(\d),.*", _format),
    Rule("before", "RX", r"\+MIPSTAT: ?\d,\d", _refused),
    Rule("cause", "RX", r"\+MIP(?:RTCP|READ): ?(\d),(\d+).*", _comes),
    Rule("cause", "RX", r"\+MIPSTAT: ?\d,\d", _ends),
)
