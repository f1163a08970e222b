"""What lines of SARA-N2 logs say of the state in which they were written."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.transcripts.stage import Rule, Stage

_HOST = "198.51.100.7"


def _network(stage: Stage, match: re.Match[str]) -> None:
    """The operator that is chosen by hand is the one there; the log's own AT+CFUN=1 switches the radio on."""
    stage.network.config.cell.plmn = match[1]
    if re.search(r"(?i)CFUN=1", match[0]):
        stage.at("AT+CFUN=0", 30.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    number, links = int(match[2]), stage.modem.links  # type: ignore[attr-defined]
    if links.get(number) is None and not stage.sets(r"AT\+NSOCR=.*"):
        while links.get(number) is None:
            stage.at('AT+NSOCR="DGRAM",17,0,1')
        stage.at(f'AT+NSOST={number},"{_HOST}",7,1,"00"')
        stage.advance(1.0)


def _told(stage: Stage, match: re.Match[str]) -> None:
    stage.say(b"x" * int(match[1]))


def _waits(stage: Stage, match: re.Match[str]) -> None:
    modem = stage.modem
    asked = re.match(r"AT\+NSORF=(\d)", stage.command(), re.IGNORECASE)
    if asked and not modem.sockets_part._queue(modem.links.get(int(asked[1]))):  # type: ignore[attr-defined]
        stage.say(b"x" * (int(match[1]) + int(match[2])))
        stage.advance(1.0)


def _psm(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.settings.nvram["NPSMR"] = 1
    if match[1] == "1":
        stage.at('AT+CPSMS=1,,,"01000001","00000001"')
    else:
        stage.modem.ue.connect(lambda ok: None)


RULES = (
    *COMMON,
    Rule("setup", "TX", r'(?i:AT.*\+COPS=1,2,"(\d{5,6})".*)', _network),
    Rule("setup", "TX", r"(?i:AT\+NSO(ST|STF|RF|CL)=(\d).*)", _used),
    Rule("before", "RX", r'\d,"[^"]*",\d+,(\d+),"[^"]*",(\d+)', _waits),
    Rule("cause", "RX", r"\+NSONMI: \d,(\d+)", _told),
    Rule("cause", "RX", r"\+NPSMR: ([01])", _psm),
)
