"""What lines of Quectel logs say of MQTT, HTTP and TLS when they were written."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._quectel.coap import message
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

HOST = "198.51.100.7"
_TLS = 100  # numbers of TLS sockets in a module's table


def bring_up(stage: Stage) -> None:
    """Something needs a context that the log has not brought up."""
    if "+QIACT" in stage.modem.dialect.handlers and not stage.sets(r"AT\+QIACT(EX)?=.*"):
        stage.at("AT+QIACT=1")


def _mqtt_open(stage: Stage, match: re.Match[str]) -> None:
    index = int(match[2])
    part = stage.modem.mqtt_part  # type: ignore[attr-defined]
    if stage.sets(rf"AT\+QMTOPEN={index},.*") or part.client(index).state != "closed":
        return
    bring_up(stage)
    stage.at(f'AT+QMTOPEN={index},"{HOST}",1883')
    stage.wait(lambda: part.client(index).state == "open", 20.0)
    if match[1] != "CONN" and not stage.sets(rf"AT\+QMTCONN={index},.*"):
        stage.at(f'AT+QMTCONN={index},"client"')
        stage.wait(lambda: part.client(index).state == "connected", 20.0)
    stage.advance(0.5)


def _topic(stage: Stage, match: re.Match[str]) -> None:
    topic = re.match(r' ?"([^"]*)"', match[3])
    published = any(item.text.upper().startswith("AT+QMTPUB") for item in stage.exchange.items)
    if topic and not stage.sets(r"AT\+QMTSUB=.*") and published:
        stage.at(f'AT+QMTSUB={match[1]},1,"{topic[1]}",1')
        stage.advance(3.0)


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    topic = re.match(r' ?"([^"]*)"', match[3])
    if isinstance(live, PeerPipe) and live.broker is not None:
        said = match[3][topic.end():].lstrip(",") if topic else "payload"
        said = re.sub(r'^\d+,(?=")', "", said)  # its length, where that is shown
        payload = said.strip('"').encode("latin-1", "replace") or b"payload"
        live.broker.message((topic[1] if topic else "topic").encode(), payload, 1 if match[2] != "0" else 0)


def _url(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+QHTTPURL=.*"):
        bring_up(stage)
        stage.give("AT+QHTTPURL=23,80", b"http://www.example.com/")


def _body(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status = int(match[1])
    part = stage.modem.http_part  # type: ignore[attr-defined]
    part.three_fields = match[2] is not None


def _stale(stage: Stage, match: re.Match[str]) -> None:
    """QMTOPEN says that the number is in use: by a session from before."""
    part = stage.modem.mqtt_part  # type: ignore[attr-defined]
    if part.client(int(match[1])).state == "closed":
        bring_up(stage)
        stage.at(f'AT+QMTOPEN={match[1]},"{HOST}",1883')
        stage.wait(lambda: part.client(int(match[1])).state == "open", 20.0)


def _mqtt_lives(stage: Stage, match: re.Match[str]) -> None:
    part = stage.modem.mqtt_part  # type: ignore[attr-defined]
    if not stage.sets(rf"AT\+QMTOPEN={match[1]},.*") and part.client(int(match[1])).state == "closed":
        bring_up(stage)
        stage.at(f'AT+QMTOPEN={match[1]},"{HOST}",1883')
        stage.wait(lambda: part.client(int(match[1])).state == "open", 20.0)
        stage.at(f'AT+QMTCONN={match[1]},"client"')
        stage.wait(lambda: part.client(int(match[1])).state == "connected", 20.0)
        stage.advance(0.5)


def _ends(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _fetched(stage: Stage, match: re.Match[str]) -> None:
    """An answer is read that the log has not asked for: it had been asked for before."""
    part = stage.modem.http_part  # type: ignore[attr-defined]
    if re.match(r"(?i)AT\+QHTTPREAD", stage.command()) and not part.has_answer and not stage.sets(r"AT\+QHTTPGET.*"):
        bring_up(stage)
        stage.give("AT+QHTTPURL=23,80", b"http://www.example.com/")
        stage.at("AT+QHTTPGET=80")
        stage.wait(lambda: part.has_answer, 30.0)
        stage.advance(0.5)


def _tls_open(stage: Stage, number: int, access: int) -> None:
    links = stage.modem.links  # type: ignore[attr-defined]
    if links.get(_TLS + number) is not None or stage.sets(rf"AT\+QSSLOPEN=\d+,\d+,{number},.*"):
        return
    bring_up(stage)
    stage.at(f'AT+QSSLOPEN=1,1,{number},"{HOST}",443,{access}')
    stage.wait(lambda: links.get(_TLS + number) is not None and links.get(_TLS + number).state == "open", 30.0)
    stage.advance(1.0)


def _tls_used(stage: Stage, match: re.Match[str]) -> None:
    _tls_open(stage, int(match[1]), 0)


def _tls_pushed(stage: Stage, match: re.Match[str]) -> None:
    _tls_open(stage, int(match[1]), 1)


def _tls_busy(stage: Stage, match: re.Match[str]) -> None:
    number = int(match[1])
    links = stage.modem.links  # type: ignore[attr-defined]
    if links.get(_TLS + number) is None:
        links.open(_TLS + number, "tcp", HOST, 443, lambda outcome: None)


def _tls_says(stage: Stage, match: re.Match[str]) -> None:
    size = re.search(r"\+QSSLRECV: ?(\d+)", " ".join(stage.ahead()[:5]))
    stage.say(b"x" * int(match[2] or (size[1] if size else 5)))


def _coap_used(stage: Stage, match: re.Match[str]) -> None:
    if stage.sets(r"AT\+QCOAP(CREATE|OPEN)=.*"):
        return
    if "+QCOAPOPEN" in stage.modem.dialect.handlers:
        bring_up(stage)
        stage.at(f'AT+QCOAPOPEN={match[2]},"{HOST}",5683')
        stage.advance(2.0)
    else:
        stage.at("AT+QCOAPCREATE=56830")


def _coap_answers(stage: Stage, match: re.Match[str]) -> None:
    """The server acknowledges, with the code and as much payload as the log shows."""
    shown = re.search(r'"rsp",\d,(\d)\.(\d\d),\d+(?:,(\d+))?', match[0])
    code = int(shown[1]) << 5 | int(shown[2]) if shown else 0
    size = int(shown[3] or 0) if shown else 0
    stage.say(message(2, code, stage.modem.coap.number, b"", [], b"x" * size))  # type: ignore[attr-defined]


SERVICE_RULES = (
    Rule("setup", "TX", r"(?i:AT\+QMT(CONN|SUB|UNS|PUB|PUBEX|DISC|CLOSE)=(\d).*)", _mqtt_open),
    Rule("setup", "RX", r"\+QMTRECV: ?(\d),(\d+),(.*)", _topic),
    Rule("setup", "TX", r"(?i:AT\+QHTTP(?:GET|GETEX|POST|PUT)=.*)", _url),
    Rule("before", "RX", r"\+QHTTP(?:GET|POST): ?0, ?(\d+)(, ?\d+)?.*", _body),
    Rule("cause", "RX", r"\+QMTRECV: ?(\d),(\d+),(.*)", _message),
    Rule("setup", "RX", r"\+QMTSTAT: ?(\d),\d", _mqtt_lives),
    Rule("setup", "TX", r"(?i:AT\+(?:QSSLSEND|QSSLRECV)=(\d+).*)", _tls_used),
    Rule("setup", "RX", r'\+QSSLURC: ?"recv",(\d+)', _tls_used),
    Rule("setup", "RX", r'\+QSSLURC: ?"recv",(\d+),\d+', _tls_pushed),
    Rule("setup", "RX", r'\+QSSLURC: ?"closed",(\d+)', _tls_used),
    Rule("before", "RX", r"\+QMTOPEN: ?(\d),2", _stale),
    Rule("before", "RX", r"\+QSSLOPEN: ?(\d+),(?:563|550)", _tls_busy),
    Rule("before", "RX", r"CONNECT|OK|\+Q?HTTPREAD: ?\d+,.*", _fetched),
    Rule("cause", "RX", r"\+QMTSTAT: ?(\d),\d", _ends),
    Rule("cause", "RX", r'\+QSSLURC: ?"closed",\d+', _ends),
    Rule("cause", "RX", r'\+QSSLURC: ?"recv",(\d+)(?:,(\d+))?', _tls_says),
    Rule("setup", "TX", r"(?i:AT\+QCOAP(SEND|DEL|CLOSE)=?(\d*).*)", _coap_used),
    Rule("cause", "RX", r"\+QCOAP(?:SEND|ACK|URC): ?.*", _coap_answers),
)  # fmt: skip
