"""What lines of Luat logs say of the state in which they were written."""

from __future__ import annotations

import re

from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

# The firmware and the port, before the module is made


def _more(stage: Stage, key: str, value: str) -> None:
    stage.config.identity.more[key] = value


def _slot(stage: Stage, match: re.Match[str]) -> None:
    """The card is in the other slot."""
    if stage.will_send(r"AT\+SIMCROSS=.*"):
        stage.config.sim.present = False


def _nitz(stage: Stage, match: re.Match[str]) -> None:
    _more(stage, "nitz", "long" if len(match[1]) == 4 else "new" if match[2].strip() == "0" else "short")


def _context(stage: Stage, match: re.Match[str]) -> None:
    _more(stage, "context", "two" if match[1] else "one")


def _ready_once(stage: Stage, match: re.Match[str]) -> None:
    count = sum(item.text == "RDY" for item in stage.exchange.items)
    _more(stage, "ready_twice", "yes" if count > 1 else "no")


def _usb(stage: Stage, match: re.Match[str]) -> None:
    """A restart of which the log shows the detach and no RDY: it was taken at the USB port."""
    ready = any(item.text == "RDY" for item in stage.exchange.items)
    if stage.command().upper() == "AT+RESET" and not ready:
        _more(stage, "port", "usb")


def _padded(stage: Stage, match: re.Match[str]) -> None:
    _more(stage, "address", "padded")


def _quiet_card(stage: Stage, match: re.Match[str]) -> None:
    if not any(item.text.startswith("^MODE") for item in stage.exchange.items):
        _more(stage, "card", "quiet")


# Before the log begins


def _no_suback(stage: Stage, match: re.Match[str]) -> None:
    """This firmware (or the page's author) shows no SUBACK."""
    if not any(item.text == "SUBACK" for item in stage.exchange.items):
        stage.modem.settings.ram["suback"] = False


def _connected(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+(SSL)?MIPSTART=.*"):
        client = stage.modem.mqtt_part.client  # type: ignore[attr-defined]
        stage.at("AT+MCONFIG=client")
        stage.at('AT+MIPSTART="198.51.100.7","1883"')
        stage.wait(lambda: client.state == "open", 20.0)
        stage.at("AT+MCONNECT=1,60")
        stage.wait(lambda: client.state == "connected", 20.0)
        stage.advance(1.0)


def _cache(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+MQTTMSGSET=.*"):
        stage.at("AT+MQTTMSGSET=1")


def _bearer(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+SAPBR=1,1"):
        stage.at("AT+SAPBR=1,1")


def _http(stage: Stage, match: re.Match[str]) -> None:
    _bearer(stage, match)
    if not stage.sets(r"AT\+HTTPINIT"):
        stage.at("AT+HTTPINIT")
        stage.at('AT+HTTPPARA="URL","http://198.51.100.7/"')


def _address(stage: Stage, match: re.Match[str]) -> None:
    """Several links: the bearer is up before."""
    sockets = stage.modem.sockets_part  # type: ignore[attr-defined]
    if sockets.state == "IP INITIAL" and not stage.sets(r"AT\+CIFSR|AT\+CSTT.*"):
        for command in ("AT+CSTT", "AT+CIICR", "AT+CIFSR"):
            stage.at(command)


def _link(stage: Stage, match: re.Match[str]) -> None:
    """Something is sent, or comes, on a link that the log does not open."""
    if not stage.sets(r"AT\+CIPSTART=.*") and not stage.sets(r"AT\+CIPMUX=1"):
        links = stage.modem.links  # type: ignore[attr-defined]
        if links.get(0) is None and not stage.will_send(r"AT\+CIPSTART=.*"):
            stage.at('AT+CIPSTART="TCP","198.51.100.7",7500')
            stage.wait(lambda: links.get(0) is not None and links.get(0).state == "open", 20.0)
            stage.advance(1.0)


def _ftp_file(stage: Stage, match: re.Match[str]) -> None:
    """What is fetched is on the server."""
    ftp = stage.modem.ftp_part  # type: ignore[attr-defined]
    for folder in ("", "/"):
        ftp.files.setdefault(folder + match[1].strip('"'), b"1234567890asdfghjklz" * 200)


def _opened(stage: Stage, match: re.Match[str]) -> None:
    """Something was open that closes now."""
    if not stage.sets(r"AT\+(CIPSTART|MIPSTART)=.*"):
        _connected(stage, match)


# Just before, and while a line is waited for


def _body(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status, stage.peer.http_body = int(match[1]), b"x" * int(match[2])


def _fixed(stage: Stage, match: re.Match[str]) -> None:
    gnss = stage.modem.gnss  # type: ignore[attr-defined]
    stage.wait(lambda: gnss.fix() is not None, 120.0)


def _interleaved(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.settings.ram["interleaved"] = stage.command().upper() == "AT+CEREG?"


def _loses_bearer(stage: Stage, match: re.Match[str]) -> None:
    """It is lost while the request that was just made is under way."""
    http = stage.modem.http_part  # type: ignore[attr-defined]
    stage.clock.call_later(0.15, http.deactivated)


def _pdp_lost(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.sockets_part.deactivated()  # type: ignore[attr-defined]


def _push(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe) and live.broker is not None:
        topic = re.search(r'"([^"]*)"', match[0])
        live.broker.message((topic[1] if topic else "topic").encode(), b"data from tcp server")
    else:
        stage.say(b"AAAAA")


def _spoken(stage: Stage, match: re.Match[str]) -> None:
    """Words of the peer: a line that no module says."""
    stage.say(match[0].encode("latin-1"))


def _closed(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _goes(stage: Stage, match: re.Match[str]) -> None:
    """The card is taken out where the log watches it; else the module goes off line."""
    if stage.sets(r"AT\+CSDT=1.*"):
        stage.modem.card_removed()  # type: ignore[attr-defined]
    else:
        stage.modem.flight()  # type: ignore[attr-defined]


def _returns(stage: Stage, match: re.Match[str]) -> None:
    if not stage.modem.sim.present:
        stage.modem.card_inserted()  # type: ignore[attr-defined]


RULES = (
    Rule("config", "RX", r"\+CME ERROR: 10", _slot),
    Rule("config", "RX", r"\+NITZ: ?(\d+)/\d\d/\d\d,.*,(.*)", _nitz),
    Rule("config", "RX", r"\+CGEV: ME PDN ACT \d(,\d)?", _context),
    Rule("config", "RX", r"RDY", _ready_once),
    Rule("config", "RX", r"\+CGEV: ME DETACH", _usb),
    Rule("config", "RX", r"\+SAPBR: ?1,1,\d.*", _padded),
    Rule("config", "RX", r"\+CPIN: SIM REMOVED 0", _quiet_card),
    Rule("setup", "TX", r"(?i:AT\+MSUB=.*)", _no_suback),
    Rule("setup", "TX", r"(?i:AT\+(?:MSUB|MPUB|MPUBEX)=.*)", _connected),
    Rule("setup", "RX", r"\+MSUB: ?\d", _cache),
    Rule("setup", "RX", r"CLOSED", _opened),
    Rule("setup", "TX", r"(?i:AT\+(?:CIPGSMLOC|WIFILOC|FTPGET)=.*|AT\+SAPBR=0,1)", _bearer),
    Rule("setup", "TX", r"(?i:AT\+(?:HTTPACTION|HTTPEXACTION|HTTPGETTOFS)=.*)", _http),
    Rule("setup", "TX", r"(?i:AT\+CIPSTART=\d,.*)", _address),
    Rule("setup", "TX", r"(?i:AT\+(?:CIPSEND(?:=\d+)?|CIPACK|CIPCLOSE|CIPHEAD=1))", _link),
    Rule("setup", "TX", r"(?i:AT\+FTPGETNAME)=(.*)", _ftp_file),
    Rule("before", "RX", r"\+HTTP(?:ACTION|GETTOFS): ?(?:\d,)?(\d\d\d),(\d+)", _body),
    Rule("before", "TX", r"(?i:AT\+CGNSINF)", _fixed),
    Rule("before", "RX", r"\+CGREG: \d,\d,.*", _interleaved),
    Rule("before", "RX", r"\+SAPBR 1: DEACT", _loses_bearer),
    Rule("cause", "RX", r"\+PDP:? DEACT", _pdp_lost),
    Rule("cause", "RX", r"\+MSUB: .*|\+CIPRXGET: 1(?:,\d)?|\+RECEIVE,.*|\+IPD,.*|RECV FROM.*", _push),
    Rule("cause", "RX", r"[a-z0-9]{2,}|TEST", _spoken),
    Rule("cause", "RX", r"(?:\d, ?)?CLOSED", _closed),
    Rule("cause", "RX", r"\^MODE: 0,0|\+CPIN: SIM REMOVED 0", _goes),
    Rule("cause", "RX", r"\^MODE: 17,17|\+CPIN: READY 0|\+CGEV: ME DETACH", _returns),
)
