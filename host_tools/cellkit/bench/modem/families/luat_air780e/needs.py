"""What lines of Luat logs say of the state in which they were written."""

from __future__ import annotations

import re

from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage


def _slot(stage: Stage, match: re.Match[str]) -> None:
    """The card is in the other slot."""
    if stage.will_send(r"AT\+SIMCROSS=.*"):
        stage.config.sim.present = False


def _nitz(stage: Stage, match: re.Match[str]) -> None:
    long, rest = match[1], match[2]
    stage.config.identity.more["nitz"] = "long" if len(long) == 4 else "new" if rest.strip() == "0" else "short"


def _context(stage: Stage, match: re.Match[str]) -> None:
    stage.config.identity.more["context"] = "two" if match[1] else "one"


def _ready_once(stage: Stage, match: re.Match[str]) -> None:
    count = sum(item.text == "RDY" for item in stage.exchange.items)
    stage.config.identity.more["ready_twice"] = "yes" if count > 1 else "no"


def _no_suback(stage: Stage, match: re.Match[str]) -> None:
    """This firmware (or the page's author) shows no SUBACK."""
    if not any(item.text == "SUBACK" for item in stage.exchange.items):
        stage.modem.settings.ram["suback"] = False


def _push(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe) and live.broker is not None:
        topic = re.search(r'"([^"]*)"', match[0])
        live.broker.message((topic[1] if topic else "topic").encode(), b"data from tcp server")
    else:
        stage.say(b"AAAAA")


def _connected(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+(SSL)?MIPSTART=.*"):
        client = stage.modem.mqtt_part.client  # type: ignore[attr-defined]
        stage.at("AT+MCONFIG=client")
        stage.at('AT+MIPSTART="198.51.100.7","1883"')
        stage.wait(lambda: client.state == "open", 20.0)
        stage.at("AT+MCONNECT=1,60")
        stage.wait(lambda: client.state == "connected", 20.0)
        stage.advance(1.0)


def _bearer(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+SAPBR=1,1"):
        stage.at("AT+SAPBR=1,1")


def _body(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status, stage.peer.http_body = int(match[1]), b"x" * int(match[2])


def _closed(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _opened(stage: Stage, match: re.Match[str]) -> None:
    """Something was open that closes now."""
    if not stage.sets(r"AT\+(CIPSTART|MIPSTART)=.*"):
        _connected(stage, match)


def _fixed(stage: Stage, match: re.Match[str]) -> None:
    gnss = stage.modem.gnss  # type: ignore[attr-defined]
    stage.wait(lambda: gnss.fix() is not None, 120.0)


def _interleaved(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.settings.ram["interleaved"] = stage.command().upper() == "AT+CEREG?"


def _flies(stage: Stage, match: re.Match[str]) -> None:
    stage.modem._flight()  # type: ignore[attr-defined]


RULES = (
    Rule("config", "RX", r"\+CME ERROR: 10", _slot),
    Rule("config", "RX", r"\+NITZ: ?(\d+)/\d\d/\d\d,.*,(.*)", _nitz),
    Rule("config", "RX", r"\+CGEV: ME PDN ACT \d(,\d)?", _context),
    Rule("config", "RX", r"RDY", _ready_once),
    Rule("setup", "TX", r"(?i:AT\+MSUB=.*)", _no_suback),
    Rule("setup", "TX", r"(?i:AT\+(?:MSUB|MPUB|MPUBEX)=.*)", _connected),
    Rule("setup", "RX", r"CLOSED", _opened),
    Rule("setup", "TX", r"(?i:AT\+(?:HTTPACTION|CIPGSMLOC|WIFILOC)=.*)", _bearer),
    Rule("before", "RX", r"\+HTTPACTION: ?\d,(\d+),(\d+)", _body),
    Rule("before", "TX", r"(?i:AT\+CGNSINF)", _fixed),
    Rule("before", "RX", r"\+CGREG: \d,\d,.*", _interleaved),
    Rule("cause", "RX", r"\+MSUB: .*|\+CIPRXGET: 1(?:,\d)?", _push),
    Rule("cause", "RX", r"CLOSED", _closed),
    Rule("cause", "RX", r"\^MODE: 0,0", _flies),
)
