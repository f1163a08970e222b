"""What lines of A76xx and SIM7600 logs say of MQTT, HTTP, TLS, position and calls."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._simcom.parts_needs import HOST, data, module
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_CLIENT = r"(?i:AT\+(CMQTT(?:WILLTOPIC|WILLMSG|CONNECT|TOPIC|PAYLOAD|SUBTOPIC))=(\d).*)"


# MQTT


def _mqtt_started(stage: Stage, match: re.Match[str]) -> None:
    if not module(stage).mqtt_part.started and not stage.sets(r"AT\+CMQTTSTART"):
        stage.at("AT+CMQTTSTART")
        stage.advance(0.5)


def _mqtt_acquired(stage: Stage, match: re.Match[str]) -> None:
    _mqtt_started(stage, match)
    index = int(match[2])
    if index not in module(stage).mqtt_part.sessions and not stage.sets(rf"AT\+CMQTTACCQ={index},.*"):
        stage.at(f'AT+CMQTTACCQ={index},"client"')


def _mqtt_used(stage: Stage, match: re.Match[str]) -> None:
    """The client of a session before the host's restart."""
    stage.at("AT+CMQTTSTART")
    stage.advance(0.5)
    stage.at(f'AT+CMQTTACCQ={match[1]},"client"')


def _mqtt_connected(stage: Stage, match: re.Match[str]) -> None:
    _mqtt_acquired(stage, match)
    if re.match(r"\+CMQTT[A-Z]+: ?\d,[1-9]", "".join(stage.ahead()[1:2])):
        return  # it fails, since there is no connection
    index = int(match[2])
    client = module(stage).mqtt_part.client(index)
    if client.state == "closed" and not stage.sets(rf"AT\+CMQTTCONNECT={index},.*"):
        stage.at(f'AT+CMQTTCONNECT={index},"tcp://{HOST}:1883",60,1', 30.0)
        stage.advance(1.0)


def _mqtt_topic(stage: Stage, match: re.Match[str]) -> None:
    """A publish of nothing that the log has given: topic and payload were."""
    index = int(match[1])
    if not stage.sets(rf"AT\+CMQTTTOPIC={index},.*") and '"' not in match[0]:
        stage.give(f"AT+CMQTTTOPIC={index},5", b"topic")
        stage.give(f"AT+CMQTTPAYLOAD={index},5", b"hello")


def _mqtt_filter(stage: Stage, match: re.Match[str]) -> None:
    """SUB without a topic: it was given before."""
    if not stage.sets(r"AT\+CMQTTSUBTOPIC=.*"):
        stage.give(f"AT+CMQTTSUBTOPIC={match[1]},5,1", b"topic")


def _mqtt_message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message(data(int(match[1])), data(int(match[2])))


def _mqtt_was_left(stage: Stage, match: re.Match[str]) -> None:
    """The service still runs from before the host's restart."""
    part = module(stage).mqtt_part
    if not part.started and stage.command().upper() == "AT+CMQTTSTART":
        stage.at("AT+CMQTTSTART")
        stage.advance(0.5)


def _late_failure(stage: Stage, match: re.Match[str]) -> None:
    """OK stands before a result that tells of a failure."""
    items = stage.exchange.items
    at = stage.position
    part = module(stage).mqtt_part if match[1] == "CMQTTCONNECT" else module(stage).cip_part
    part.fails_after_ok = at > 0 and items[at - 1].text == "OK" and items[at - 1].way == "RX"


def _connack(stage: Stage, match: re.Match[str]) -> None:
    code = int(match[1])
    stage.peer.mqtt_code = code - 26 if 27 <= code <= 31 else 0
    stage.peer.refuses = code > 0 and not stage.peer.mqtt_code


# HTTP, TLS sockets and the rest


def _http_open(stage: Stage, match: re.Match[str]) -> None:
    part = module(stage).http_part
    if not part.open and not stage.sets(r"AT\+HTTPINIT"):
        stage.at("AT+HTTPINIT")
        stage.at('AT+HTTPPARA="URL","http://www.example.com/"')


def _http_status(stage: Stage, match: re.Match[str]) -> None:
    status = int(match[1])
    if 100 <= status < 600:
        stage.peer.http_status = status
        stage.peer.http_body = b"x" * int(match[2] or 0)
    else:
        stage.peer.refuses = True


def _http_read(stage: Stage, match: re.Match[str]) -> None:
    part = module(stage).http_part
    if not part._got and not stage.sets(r"AT\+HTTPACTION=.*"):
        stage.peer.http_body = b"x" * 500
        stage.at("AT+HTTPACTION=0")
        stage.advance(5.0)


def _tls_started(stage: Stage, match: re.Match[str]) -> None:
    part = module(stage).tls_part
    if not part.started and not stage.sets(r"AT\+CCHSTART"):
        stage.at("AT+CCHSTART")
        stage.advance(0.5)


def _tls_opened(stage: Stage, match: re.Match[str]) -> None:
    _tls_started(stage, match)
    number = int(match[1])
    if not stage.sets(rf"AT\+CCHOPEN={number},.*") and "".join(stage.ahead()[1:2]) != "ERROR":
        stage.at(f'AT+CCHOPEN={number},"{HOST}",443,2', 30.0)
        stage.advance(0.5)


def _tls_report(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CCHSET=.*"):
        stage.at("AT+CCHSET=1")


def _tls_says(stage: Stage, match: re.Match[str]) -> None:
    stage.say(data(int(match[1])))


def _gnss(stage: Stage, match: re.Match[str]) -> None:
    if not module(stage).services.gnss_ready and not stage.sets(r"AT\+CG(NSSPWR|PS)=.*"):
        stage.at("AT+CGNSSPWR=1")
        stage.advance(10.0)
    if match[1].strip(" ,"):
        stage.wait(lambda: stage.modem.gnss.fix() is not None, 120.0)  # type: ignore[attr-defined]


def _certificate(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CCERTDOWN=.*"):
        stage.give(f'AT+CCERTDOWN="{match[1]}",5', b"-----")


def _call(stage: Stage, match: re.Match[str]) -> None:
    services = module(stage).services
    if services.call is None and not stage.sets(r"ATA"):
        services.call_step("+15550001111", 0)


def _far_end_hangs_up(stage: Stage, match: re.Match[str]) -> None:
    services = module(stage).services
    if services.call is not None or services.ringing:
        services.hang_up()


def _given_up(stage: Stage, match: re.Match[str]) -> None:
    services = module(stage).services
    if not services.ringing:
        services.ring()
    services.hang_up()


def _dialled(stage: Stage, match: re.Match[str]) -> None:
    """Steps of a call that the log does not show the dialling of."""
    state, services = int(match[1] or 0), module(stage).services
    if state == 6:
        _far_end_hangs_up(stage, match)
    elif state in (4, 5):
        services.ring()
    elif not stage.sets(r"AT[AD].*"):
        services.call_step("+15550001111", state)


CLIENT_RULES = (
    Rule("cause", "RX", r"MISSED_CALL: .*", _given_up),
    Rule("setup", "TX", r"(?i:AT\+(CMQTT(?:ACCQ|REL|SSLCFG|STOP)).*)", _mqtt_started),
    Rule("setup", "TX", _CLIENT, _mqtt_acquired),
    Rule("setup", "TX", r"(?i:AT\+(CMQTT(?:SUB|UNSUB|PUB|DISC))=(\d).*)", _mqtt_connected),
    Rule("setup", "RX", r"\+(CMQTT(?:RXSTART|RXTOPIC|RXPAYLOAD|CONNLOST)): ?(\d),.*", _mqtt_connected),
    Rule("before", "TX", r"(?i:AT\+CMQTTSUB=(\d))", _mqtt_filter),
    Rule("setup", "TX", r"(?i:AT\+CMQTTPUB=(\d),.*)", _mqtt_topic),
    Rule("setup", "RX", r"\+(CMQTTSTART): ?23", _mqtt_was_left),
    Rule("setup", "RX", r"\+CMQTTACCQ: ?(\d),19", _mqtt_used),
    Rule("setup", "RX", r"\+(CMQTTCONNECT|CIPOPEN): ?\d,[1-9]\d?", _late_failure),
    Rule("before", "RX", r"\+CMQTTCONNECT: ?\d,(\d+)", _connack),
    Rule("cause", "RX", r"\+CMQTTRXSTART: ?\d,(\d+),(\d+)", _mqtt_message),
    Rule("setup", "TX", r"(?i:AT\+HTTP(?:PARA|DATA|ACTION|HEAD|READ|TERM).*)", _http_open),
    Rule("setup", "TX", r"(?i:AT\+HTTP(?:READ|HEAD).*)", _http_read),
    Rule("before", "RX", r"\+HTTPACTION: ?\d,(\d+),(\d+)", _http_status),
    Rule("setup", "TX", r"(?i:AT\+(?:CCHOPEN|CCHSTOP|CCHADDR).*)", _tls_started),
    Rule("setup", "TX", r"(?i:AT\+CCH(?:SEND|CLOSE|RECV)=(\d).*)", _tls_opened),
    Rule("setup", "RX", r"\+CCHSEND: ?\d,\d", _tls_report),
    Rule("cause", "RX", r"\+CCHRECV: ?DATA,\d,(\d+)", _tls_says),
    Rule("before", "RX", r"\+CG(?:NSS|PS)INFO: ?(.*)", _gnss),
    Rule("setup", "RX", r'\+CCERTLIST: ?"([^"]+)"', _certificate),
    Rule("before", "TX", r"(?i:AT\+CHUP|ATH)", _call),
    Rule("cause", "RX", r"VOICE CALL: END:.*", _far_end_hangs_up),
    Rule("cause", "RX", r"\+CLCC: ?\d,\d,(\d),.*|VOICE CALL: BEGIN", _dialled),
)  # fmt: skip
