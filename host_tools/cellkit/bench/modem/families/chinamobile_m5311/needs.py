"""What lines of M5311 logs say of the state in which they were written: sockets, sleep, MQTT, HTTP."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.bench.modem.families.chinamobile_m5311 import Module
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_HOST = "198.51.100.7"


def _modem(stage: Stage) -> Module:
    assert isinstance(stage.modem, Module)
    return stage.modem


def _open(stage: Stage, number: int, kind: str = "TCP") -> None:
    links = _modem(stage).links
    started = rf"(?i:AT\+IPSTART={number},.*)"
    if links.get(number) is None and not stage.will_send(started) and not stage.sets(started):
        stage.at(f'AT+IPSTART={number},"{kind}","{_HOST}",2008')
        stage.wait(lambda: (link := links.get(number)) is not None and link.state == "open", 20.0)
        if kind == "UDP":
            stage.at(f"AT+IPSEND={number},0,x")  # so that the peer knows where to answer
        stage.advance(0.5)


def _used(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(rf"AT\+IPCLOSE={match[2]}"):
        _open(stage, int(match[2]), stage.exchange.context.upper() if stage.exchange.context == "udp" else "TCP")


def _receives(stage: Stage, match: re.Match[str]) -> None:
    _open(stage, int(match[1]))


def _say(stage: Stage, match: re.Match[str]) -> None:
    """What the log shows of the payload, or as much."""
    sizes = list(re.finditer(r",(\d+)(?=,|$)", match[0]))
    for found in sizes:
        text = match[0][found.end() + 1:]
        if len(text) == int(found[1]):
            stage.say(text.encode("latin-1"))
            return
    if sizes:
        stage.say(b"x" * int(sizes[-1][1]))


def _bare(stage: Stage, match: re.Match[str]) -> None:
    """Data without any header: the form that AT+IPRCFG=1,1 has chosen."""
    if _modem(stage).sockets_part.reading[:2] == (1, 1):
        stage.say(match[0].encode("latin-1"))


def _sleeps(stage: Stage, match: re.Match[str]) -> None:
    modem = _modem(stage)
    modem.settings.nvram["CPSMS"] = {"mode": 1, "t3412": "01000001", "t3324": "00000001"}
    modem.standard.request_changed()


def _wakes(stage: Stage, match: re.Match[str]) -> None:
    modem = _modem(stage)
    modem.pin("PSM_EINT", 0)
    stage.advance(0.1)
    modem.pin("PSM_EINT", 1)


def _configured(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+MQTTCFG=.*"):
        stage.at(f'AT+MQTTCFG="{_HOST}",1883,"id",60,"user","word",1')


def _broker(stage: Stage, match: re.Match[str]) -> None:
    client = _modem(stage).clients_part.client
    if stage.sets(r"AT\+MQTTOPEN=.*") or client.state != "closed":
        return
    _configured(stage, match)
    stage.at('AT+MQTTOPEN=1,1,0,0,0,"",""')
    stage.wait(lambda: client.state == "connected", 20.0)
    stage.advance(1.0)


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message(b"topic", b"payload", 0)


def _created(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+HTTPCREATE=.*"):
        stage.at(f'AT+HTTPCREATE="http://{_HOST}/"')


def _status(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status = int(match[1])


def _onenet(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+MIPLCREATE.*"):
        stage.at("AT+MIPLCREATE")


RULES = (
    *COMMON,
    Rule("setup", "TX", r"(?i:AT\+IP(SEND|RD|STATUS|SACK|CLOSE)=(\d)(?:,.*)?)", _used),
    Rule("setup", "RX", r"\+IP(?:RD|NMI): (\d),.*", _receives),
    Rule("setup", "TX", r"(?i:AT\+MQTTOPEN=.*)", _configured),
    Rule("setup", "TX", r"(?i:AT\+MQTT(?:SUB|UNSUB|PUB|DISC)(?:=.*)?)", _broker),
    Rule("setup", "TX", r"(?i:AT\+HTTP(?:SEND|HEADER|CONTENT|CLOSE)=.*)", _created),
    Rule("setup", "TX", r"(?i:AT\+MIPL(?:DELETE|OPEN|CLOSE|UPDATE)=.*)", _onenet),
    Rule("before", "RX", r"\+HTTPNMIH:\d,(\d+),.*", _status),
    Rule("cause", "RX", r"\+IP(?:RD|NMI): \d,.*", _say),
    Rule("cause", "RX", r"\*GOTOSLEEP", _sleeps),
    Rule("cause", "RX", r"\*(?:MAT)?WAKEUP", _wakes),
    Rule("cause", "RX", r"\+MQTTPUBLISH:.*", _message),
    Rule("cause", "RX", r"(?![+*])(?!OK$|ERROR$|CONNECT).+", _bare),
)
