"""What lines of ML307 logs say of the state in which they were written."""

from __future__ import annotations

import re

from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_HOST = "198.51.100.7"


def _opened(stage: Stage, number: int, kind: str = "TCP", encoding: bool = False) -> None:
    if stage.sets(rf"AT\+MIPOPEN={number},.*") or stage.modem.links.get(number) is not None:  # type: ignore[attr-defined]
        return
    stage.at(f'AT+MIPOPEN={number},"{kind}","{_HOST}",7')
    stage.wait(lambda: (link := stage.modem.links.get(number)) is not None and link.state == "open", 20.0)  # type: ignore[attr-defined]
    if encoding:
        stage.at(f'AT+MIPCFG="encoding",{number},1,1')
    stage.advance(1.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    _opened(stage, int(match[1]))


def _pushed(stage: Stage, match: re.Match[str]) -> None:
    size, text = int(match[2]), match[3]
    _opened(stage, int(match[1]), encoding=len(text) == 2 * size)


def _push(stage: Stage, match: re.Match[str]) -> None:
    data = b"x" * int(match[2])
    link = stage.modem.links.get(int(match[1]))  # type: ignore[attr-defined]
    if link is not None and (link.kind == "udp" or not stage.say(data)):  # nothing was sent: no flow to answer by
        link.on_data(data)


def _ends(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _refuses_inline(stage: Stage, match: re.Match[str]) -> None:
    """Firmware that takes payload behind a prompt only."""
    if re.match(r"AT\+MIPSEND=\d,\d+,", stage.command(), re.IGNORECASE):
        stage.config.identity.more["inline"] = "no"


def _connected(stage: Stage, match: re.Match[str]) -> None:
    index = int(match[1])
    client = stage.modem.mqtt_part.client(index)  # type: ignore[attr-defined]
    if client.state != "closed" or stage.sets(rf"AT\+MQTTCONN={index},.*"):
        return
    stage.at(f'AT+MQTTCONN={index},"{_HOST}",1883,"client","",""')
    stage.wait(lambda: client.state == "connected", 20.0)
    stage.advance(1.0)


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    topic = re.search(r'"([^"]*)",\d+,\d+', match[0])
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message((topic[1] if topic else "hello").encode(), b"hello world")


def _keepalive(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+MIPTKA=.*"):
        stage.at(f"AT+MIPTKA={match[1]},{match[2]}")


def _six(stage: Stage, match: re.Match[str]) -> None:
    stage.network.config.dns_ipv6 = "2001:db8::7"


RULES = (
    Rule("config", "RX", r"\+CME ERROR: 50", _refuses_inline),
    Rule("setup", "TX", r"(?i:AT\+MIP(?:SEND|RD|STATE|CLOSE)=(\d).*)", _used),
    Rule("setup", "RX", r'\+MIPURC: "r(?:tcp|udp)",(\d),(\d+),(.*)', _pushed),
    Rule("setup", "TX", r"(?i:AT\+MQTT(?:SUB|UNSUB|PUB|DISC|READ|STATE)=(\d).*)", _connected),
    Rule("setup", "RX", r'\+MQTTU[RT][TC]C?: "(?:publish|pubnmi)",(\d),.*', _connected),
    Rule("setup", "RX", r"\+MIPTKA: (\d),(1.*)", _keepalive),
    Rule("setup", "RX", r'\+MDNSGIP: ?"[^"]*","[^"]*",".*', _six),
    Rule("cause", "RX", r'\+MIPURC: "r(?:tcp|udp)",(\d),(\d+),(.*)', _push),
    Rule("setup", "RX", r'\+MIPURC: "disconn",(\d),\d', _used),
    Rule("cause", "RX", r'\+MIPURC: "disconn",\d,\d', _ends),
    Rule("cause", "RX", r'\+MQTTU[RT][TC]C?: "(?:publish|pubnmi)",(\d),.*', _message),
)
