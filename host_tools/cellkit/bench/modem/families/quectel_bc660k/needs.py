"""Rules for playing logs of this family: sockets, TLS and events; reports, MQTT and HTTP as other Quectel modules."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._quectel.needs_reports import REPORT_RULES
from cellkit.bench.modem.families._quectel.needs_services import HOST, SERVICE_RULES
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_TLS = 100  # number of the TLS socket in the module's table


def _open(stage: Stage, number: int, kind: str, access: int = 1) -> None:
    """A socket is open, unless the log opens it itself."""
    sockets = stage.modem.own_sockets  # type: ignore[attr-defined]
    if number not in sockets.numbers and not stage.sets(rf"AT\+QIOPEN=0,{number},.*"):
        stage.at(f'AT+QIOPEN=0,{number},"{kind}","{HOST}",7,0,{access}')
        stage.advance(3.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    _open(stage, int(match[2]), "UDP", 0 if "RD" in match[1].upper() else 1)


def _heard(stage: Stage, match: re.Match[str]) -> None:
    _open(stage, int(match[1]), "UDP", 0 if match[2] is None else 1)


def _lives(stage: Stage, match: re.Match[str]) -> None:
    _open(stage, int(match[1]), "TCP")


def _says(stage: Stage, match: re.Match[str]) -> None:
    size = int(match[2]) if match[2] else 5
    if not stage.say(b"x" * size):
        stage.modem.own_sockets.say(int(match[1]), b"x" * size)  # type: ignore[attr-defined]


def _shows_peer(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r'AT\+QICFG="showRA",.*'):
        stage.at('AT+QICFG="showRA",1')


def _ends(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _refused(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.faults.open_error(int(match[1]))


def _addresses(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.names.addresses = int(match[1])  # type: ignore[attr-defined]


def _unknown(stage: Stage, match: re.Match[str]) -> None:
    stage.network.resolve = lambda name: None  # type: ignore[method-assign]


def _secure(stage: Stage, match: re.Match[str]) -> None:
    links = stage.modem.links  # type: ignore[attr-defined]
    if links.get(_TLS) is None and not stage.sets(r"AT\+QSSLOPEN=.*"):
        stage.at(f'AT+QSSLOPEN=0,0,"{HOST}",443,0')
        stage.wait(lambda: links.get(_TLS) is not None and links.get(_TLS).state == "open", 60.0)
        stage.advance(1.0)


def _secure_says(stage: Stage, match: re.Match[str]) -> None:
    stage.say(b"x" * int(match[1]))


def _time(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.time_came()


def _deep_events(stage: Stage, match: re.Match[str]) -> None:
    stage.config.nvram = {**stage.config.nvram, "dsevent": 1}


def _sleeps(stage: Stage, match: re.Match[str]) -> None:
    if match[1] == "ENTER":
        stage.sleep()
    else:
        stage.sleep()
        stage.modem.pin("PSM_EINT", 0)
        stage.advance(0.05)
        stage.modem.pin("PSM_EINT", 1)


def _idle(stage: Stage, match: re.Match[str]) -> None:
    stage.wait(lambda: not stage.modem.ue.connected, 120.0)


def _neighbour(stage: Stage, match: re.Match[str]) -> None:
    """Which other cells are heard depends on the place."""
    stage.modem.neighbours.append(match[1])  # type: ignore[attr-defined]


def _short_name(stage: Stage, match: re.Match[str]) -> None:
    stage.config.identity.more = {**stage.config.identity.more, "httpread": "+HTTPREAD"}


def _no_card(stage: Stage, match: re.Match[str]) -> None:
    stage.config.sim.present = False


def _card_awake(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+QSIMSLEEP=.*"):
        stage.at("AT+QSIMSLEEP=0")


RULES = (
    Rule("config", "RX", r"\+HTTPREAD: .*", _short_name),
    Rule("config", "RX", r"\+CME ERROR: ?USIM not inserted", _no_card),
    Rule("before", "RX", r"\+QENG: 1,(.*)", _neighbour),
    Rule("config", "RX", r'\+QNBIOTEVENT: "(?:ENTER|EXIT) DEEPSLEEP"', _deep_events),
    Rule("setup", "TX", r"(?i:AT\+(QISEND|QIRD)=(\d).*)", _used),
    Rule("setup", "RX", r'\+QIURC: "recv",\d,\d+,"[\d.]+",\d+,.*', _shows_peer),
    Rule("setup", "RX", r'\+QIURC: "recv",(\d)(?:,(\d+),.*)?', _heard),
    Rule("setup", "RX", r'\+QIURC: "closed",(\d)', _lives),
    Rule("setup", "TX", r"(?i:AT\+QSSL(?:SEND|CLOSE)=.*)", _secure),
    Rule("setup", "RX", r"\+QSSLURC: .*", _secure),
    Rule("setup", "TX", r"(?i:AT\+CSIM=.*)", _card_awake),
    Rule("before", "RX", r"\+QIDNSGIP: ?0,(\d+),\d+", _addresses),
    Rule("before", "RX", r"\+QIDNSGIP: ?565|\+QHTTP(?:GET|POST): ?714", _unknown),
    Rule("before", "RX", r"\+QIOPEN: ?\d,([1-9]\d*)", _refused),
    Rule("before", "RX", r"\+QEMMTIMER: ?2,0,\d+", _idle),
    Rule("cause", "RX", r'\+QIURC: "recv",(\d)(?:,(\d+),.*)?', _says),
    Rule("cause", "RX", r'\+QIURC: "closed",\d|\+QSSLURC: "closed",.*', _ends),
    Rule("cause", "RX", r'\+QSSLURC: ?"recv",0,0,(\d+),.*', _secure_says),
    Rule("cause", "RX", r"\+CTZ(?:V|E|EU): ?.*", _time),
    Rule("cause", "RX", r'\+QNBIOTEVENT: "(ENTER|EXIT) DEEPSLEEP"', _sleeps),
    *(rule for rule in SERVICE_RULES if "QSSL" not in rule.pattern),
    *REPORT_RULES,
)
