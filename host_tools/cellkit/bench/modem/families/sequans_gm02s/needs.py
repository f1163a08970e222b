"""What lines of GM02S logs say of the state in which they were written: sockets, MQTT, HTTP."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.bench.modem.families.sequans_gm02s import Module
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_HOST = "198.51.100.7"


def _modem(stage: Stage) -> Module:
    assert isinstance(stage.modem, Module)
    return stage.modem


def _open(stage: Stage, number: int) -> None:
    opens = rf"AT\+SQNSD={number},.*"
    if _modem(stage).links.get(number) is not None or stage.sets(opens) or stage.will_send(opens):
        return
    kind = 1 if stage.exchange.context == "udp" else 0
    stage.at(f'AT+SQNSD={number},{kind},7,"{_HOST}",0,7,1', 20.0)
    if kind:
        stage.give(f"AT+SQNSSENDEXT={number},1", b"x")  # so that the peer knows where to answer
    stage.advance(1.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    if not any(re.fullmatch(r"ERROR|\+CME ERROR.*", line) for line in stage.ahead()[1:2]):
        _open(stage, int(match[2]))


def _ring_mode(stage: Stage, match: re.Match[str]) -> None:
    number = int(match[1])
    _open(stage, number)
    extended = _modem(stage).sockets_part.extended
    extended.setdefault(number, (2 if match[3] else 1 if match[2] else 0, 0, 0, 0, 0, 0))


def _say(stage: Stage, match: re.Match[str]) -> None:
    stage.say(b"x" * int(match[2] or 4))


def _waits(stage: Stage, match: re.Match[str]) -> None:
    link = _modem(stage).links.get(int(match[1]))
    if link is not None and not link.buffer:
        stage.say(b"x" * int(match[2]))
        stage.advance(2.0)


def _closed(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _broker(stage: Stage, match: re.Match[str]) -> None:
    client = _modem(stage).mqtt_part.client
    if stage.sets(r"AT\+SQNSMQTTCONNECT=.*") or client.state != "closed":
        return
    stage.at(f'AT+SQNSMQTTCONNECT=0,"{_HOST}",1883,60')
    stage.wait(lambda: client.state == "connected", 20.0)
    stage.advance(1.0)


def _came_back(stage: Stage, match: re.Match[str]) -> None:
    """Unasked: the connection was lost, and the module has made a new one."""
    live = stage.live()
    if isinstance(live, PeerPipe) and not stage.sets(r"AT\+SQNSMQTTCONNECT=.*"):
        live.hang_up()


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if match[4]:  # the number by which the log fetches it
        _modem(stage).mqtt_part.number = int(match[4]) - 1
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message(match[1].encode(), b"x" * int(match[2]), int(match[3]))


def _profile(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(rf"AT\+SQNHTTPCFG={match[1]}.*"):
        stage.at(f'AT+SQNHTTPCFG={match[1]},"{_HOST}",80')


def _body(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status = int(match[1])


RULES = (
    *COMMON,
    Rule("setup", "TX", r"(?i:AT\+SQNS(SENDEXT|SEND|RECV|H|O|S)=(\d)(?:,.*)?)", _used),
    Rule("setup", "RX", r"\+SQNSRING: (\d)(?:,(\d+))?(,.*)?", _ring_mode),
    Rule("setup", "RX", r"\+SQNSMQTTON(?:MESSAGE|CONNECT):.*", _broker),
    Rule("setup", "TX", r"(?i:AT\+SQNSMQTT(?:PUBLISH|SUBSCRIBE|UNSUBSCRIBE|DISCONNECT)=.*)", _broker),
    Rule("setup", "TX", r"(?i:AT\+SQNHTTP(?:QRY|SND|CONNECT)=(\d).*)", _profile),
    Rule("before", "RX", r"\+SQNSRECV: (\d),(\d+)", _waits),
    Rule("before", "RX", r"\+SQNHTTPRING: \d,(\d{3}),.*", _body),
    Rule("cause", "RX", r"\+SQNSRING: (\d)(?:,(\d+))?(,.*)?", _say),
    Rule("cause", "RX", r"\+SQNSH: \d", _closed),
    Rule("cause", "RX", r"\+SQNSMQTTONCONNECT:0,0", _came_back),
    Rule("cause", "RX", r'\+SQNSMQTTONMESSAGE:0,"([^"]*)",(\d+),(\d)(?:,(\d+))?', _message),
)
