"""What lines of GM02S logs say of the state in which they were written: sockets, MQTT, HTTP."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.bench.modem.families._clients.needs_numbered import HOST, NumberedRules
from cellkit.bench.modem.families.sequans_gm02s import Module
from cellkit.bench.modem.families.sequans_gm02s.sockets import EXTENDED
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_SOCKETS = NumberedRules("+SQNS", "+SQNSRING", "tcp", "SENDEXT|SEND|RECV|H|O|S", EXTENDED)


def _modem(stage: Stage) -> Module:
    assert isinstance(stage.modem, Module)
    return stage.modem


def _closed(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _broker(stage: Stage, match: re.Match[str]) -> None:
    client = _modem(stage).mqtt_part.client
    if stage.sets(r"AT\+SQNSMQTTCONNECT=.*") or client.state != "closed":
        return
    stage.at(f'AT+SQNSMQTTCONNECT=0,"{HOST}",1883,60')
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
        stage.at(f'AT+SQNHTTPCFG={match[1]},"{HOST}",80')


def _body(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status = int(match[1])


RULES = (
    *COMMON,
    *_SOCKETS.setup,
    Rule("setup", "RX", r"\+SQNSMQTTON(?:MESSAGE|CONNECT):.*", _broker),
    Rule("setup", "TX", r"(?i:AT\+SQNSMQTT(?:PUBLISH|SUBSCRIBE|UNSUBSCRIBE|DISCONNECT)=.*)", _broker),
    Rule("setup", "TX", r"(?i:AT\+SQNHTTP(?:QRY|SND|CONNECT)=(\d).*)", _profile),
    _SOCKETS.before,
    Rule("before", "RX", r"\+SQNHTTPRING: \d,(\d{3}),.*", _body),
    _SOCKETS.cause,
    Rule("cause", "RX", r"\+SQNSH: \d", _closed),
    Rule("cause", "RX", r"\+SQNSMQTTONCONNECT:0,0", _came_back),
    Rule("cause", "RX", r'\+SQNSMQTTONMESSAGE:0,"([^"]*)",(\d+),(\d)(?:,(\d+))?', _message),
)
