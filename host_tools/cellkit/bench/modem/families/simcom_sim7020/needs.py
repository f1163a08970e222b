"""Rules for playing logs of this family."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._simcom import lpwa_needs as shared
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_RESPONSE = bytes.fromhex("60457233c02105ff303234")


def _spelling(stage: Stage, match: re.Match[str]) -> None:
    """Firmware and manuals print prefixes of two kinds."""
    asked = re.match(r"AT\+(CEREG|CHTTPCREATE)\b", stage.command(), re.IGNORECASE)
    if asked:
        stage.modem.variant[asked[1].upper()] = match[1]  # type: ignore[attr-defined]


def _headers(stage: Stage, match: re.Match[str]) -> None:
    lines = [item.text for item in stage.exchange.items]
    shown = any(line.startswith("+CHTTPNMIH") for line in lines)
    stage.modem.variant["headers"] = "yes" if shown else "no"  # type: ignore[attr-defined]


def opened(stage: Stage, number: int, kind: int = 1) -> None:
    """Socket `number` is open, unless the log opens it."""
    sockets = stage.modem.sockets  # type: ignore[attr-defined]
    if stage.sets(r"AT\+CSOC=.*") or stage.modem.links.get(number) is not None:  # type: ignore[attr-defined]
        return
    while number not in sockets.taken:
        if "OK" not in stage.at(f"AT+CSOC=1,{kind},1"):
            return
    if not re.match(r"(?i)AT\+CSOCON", stage.ahead()[0]):
        stage.at(f'AT+CSOCON={number},7,"{shared.HOST}"', 30.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    sleeps = any("ENTER PSM" in item.text for item in stage.exchange.items)
    opened(stage, int(match[1]), 2 if sleeps else 1)  # an open TCP socket keeps it awake


def _heard(stage: Stage, match: re.Match[str]) -> None:
    if not stage.will_send(r"AT\+CSOC=.*"):
        opened(stage, int(match[1]), 2)


def _data(stage: Stage, match: re.Match[str]) -> None:
    if not stage.say(b"123"):
        opened(stage, int(match[1]), 2)
        link = stage.modem.links.get(int(match[1]))  # type: ignore[attr-defined]
        if link is not None:
            link.on_data(b"123")


def _waiting(stage: Stage, match: re.Match[str]) -> None:
    """As many bytes as the log reads later."""
    sizes = [re.match(r"\+CSORXGET: ?([234]),\d,(\d+)(?:,(\d+))?", line) for line in stage.ahead()]
    found = next((size for size in sizes if size), None)
    size = 10 if found is None else int(found[2]) + int(found[3] or 0)
    if not stage.say(b"data from the server".ljust(size, b".")[:size]):
        opened(stage, int(match[1]), 2)


def _tls(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(rf"AT\+CTLSCFG={match[1]},1,.*"):
        stage.at(f'AT+CTLSCFG={match[1]},1,"{shared.HOST}",2,443,3,0,4,0')
    if not stage.sets(r"AT\+CTLSCONN=.*") and not re.match(r"(?i)AT\+CTLSCONN", match[0]):
        stage.at(f"AT+CTLSCONN={match[1]},1", 30.0)


def _tls_answer(stage: Stage, match: re.Match[str]) -> None:
    stage.advance(5.0)


def _coap(stage: Stage, match: re.Match[str]) -> None:
    stage.say(_RESPONSE)


def _mqtt(stage: Stage, match: re.Match[str]) -> None:
    mqtt = stage.modem.mqtt  # type: ignore[attr-defined]
    if mqtt.used or stage.sets(r"AT\+CMQ(TTS)?NEW=.*"):
        return
    stage.at(f'AT+CMQNEW="{shared.HOST}","1883",12000,1024', 30.0)
    if match[1] != "CON" and not stage.sets(r"AT\+CMQCON=.*"):
        stage.at('AT+CMQCON=0,3,"client",600,1,0', 30.0)
        stage.wait(lambda: mqtt.client.state == "connected", 30.0)


def _settled(stage: Stage, match: re.Match[str]) -> None:
    """A person waits until a packet has been answered."""
    mqtt = stage.modem.mqtt  # type: ignore[attr-defined]
    stage.wait(lambda: not mqtt.waits, 20.0)


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    topic = re.match(r'"([^"]*)"', match[1])
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message((topic[1] if topic else "topic").encode(), b"1234")


def _http(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CHTTPCREATE=.*"):
        stage.at(f'AT+CHTTPCREATE="http://{shared.HOST}/"')
    if match[1].upper() != "CON" and not stage.sets(r"AT\+CHTTPCON=.*"):
        stage.at("AT+CHTTPCON=0", 30.0)


def _platform(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.platform.asks(match[1], match[2])  # type: ignore[attr-defined]


def _ati(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.variant["ready"] = "*MATREADY"  # type: ignore[attr-defined]


RULES = (
    *shared.RULES,
    Rule("setup", "RX", r"\+(CEREG|CGREG|CHTTPCREATE?): ?.*", _spelling),
    Rule("setup", "RX", r"\*MATREADY: 1", _ati),
    Rule("setup", "RX", r"\+CHTTPNMIC:.*", _headers),
    Rule("setup", "RX", r'\+CPSMSTATUS: "(?:ENTER|EXIT) PSM"', shared.psm_status),
    Rule("setup", "TX", r"(?i:AT\+CSO(?:SEND|CL|DSEND|CON)=(\d).*)", _used),
    Rule("setup", "RX", r"\+CSONMI: ?(\d),.*", _heard),
    Rule("setup", "TX", r"(?i:AT\+CTLS(?:CONN|SEND|RECV|CLOSE)=(\d).*)", _tls),
    Rule("setup", "TX", r"(?i:AT\+CMQ(CON|SUB|PUB|UNSUB|DISCON)=.*)", _mqtt),
    Rule("setup", "TX", r"(?i:AT\+CHTTP(CON|SEND|DISCON|DESTROY)=.*)", _http),
    Rule("before", "TX", r"(?i:AT\+CMQ.*)", _settled),
    Rule("before", "TX", r"(?i:AT\+CTLSRECV.*)", _tls_answer),
    Rule("cause", "RX", r"\+CSONMI: ?(\d),.*", _data),
    Rule("cause", "RX", r"\+CSORXGET: ?1,(\d)", _waiting),
    Rule("cause", "RX", r"\+CSOERR: ?\d,.*", shared.hang_up),
    Rule("cause", "RX", r"\+(CLM|MIPL)(READ|WRITE|EXECUTE|OBSERVE|PARAMETER|DISCOVER): ?.*", _platform),
    Rule("cause", "RX", r"\+CCOAPNMI: .*", _coap),
    Rule("cause", "RX", r"\+CMQPUB: ?0,(.*)", _message),
    Rule("cause", "RX", r"\+CMQDISCON: ?0", shared.hang_up),
    Rule("cause", "RX", r'\+CPSMSTATUS: "EXIT PSM"|\+CPIN: READY', shared.exit_psm),
)
