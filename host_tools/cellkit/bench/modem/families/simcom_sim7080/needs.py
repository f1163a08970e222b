"""Rules for playing logs of this family."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._simcom import lpwa_needs as shared
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_NOT_FOUND = bytes.fromhex("6084 0001".replace(" ", "")) + b"\xffNot Found"


def bearer(stage: Stage) -> None:
    """The application's bearer is up, unless the log brings it up."""
    part = stage.modem.bearer  # type: ignore[attr-defined]
    if not part.active and not stage.sets(r"AT\+CNACT=.*1.*"):
        stage.at('AT+CNACT=1,"apn"' if stage.modem.old else "AT+CNACT=0,1")  # type: ignore[attr-defined]
        stage.advance(2.0)


def _bearer(stage: Stage, match: re.Match[str]) -> None:
    bearer(stage)


def _no_bearer(stage: Stage, match: re.Match[str]) -> None:
    """A command for which there is no bearer fails as one does that is not allowed."""
    if re.match(r"AT\+(SHCONN|CAOPEN|SMCONN|CACID|SNPING4)", stage.command(), re.IGNORECASE):
        stage.modem.bearer.active.clear()  # type: ignore[attr-defined]


def opened(stage: Stage, number: int, pushes: bool = False) -> None:
    """Socket `number` is open, unless the log opens it."""
    if stage.modem.links.get(number) is not None or stage.sets(rf"AT\+CA(OPEN|SERVER)={number}.*"):  # type: ignore[attr-defined]
        return
    bearer(stage)
    stage.at(f'AT+CAOPEN={number},0,"TCP","{shared.HOST}",7,{int(pushes)}', 30.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    opened(stage, int(match[1]))


def _told(stage: Stage, match: re.Match[str]) -> None:
    if not stage.will_send(rf"AT\+CA(OPEN|SERVER)={match[1]}.*"):
        opened(stage, int(match[1]))


def _pushed(stage: Stage, match: re.Match[str]) -> None:
    if not stage.will_send(rf"AT\+CA(OPEN|SERVER)={match[1]}.*"):
        opened(stage, int(match[1]), pushes=True)


def _say(stage: Stage, match: re.Match[str]) -> None:
    link = stage.modem.links.get(int(match[1]))  # type: ignore[attr-defined]
    if link is None:
        return
    if not link.buffer and not stage.say(b"GET / HTTP"):
        link.on_data(b"GET / HTTP")
    elif link.buffer:
        stage.modem.urc(f"+CADATAIND: {match[1]}")


def _waits(stage: Stage, match: re.Match[str]) -> None:
    """A read that finds data of which the log does not tell, or finds none."""
    asked = re.match(r"AT\+CARECV=(\d+)", stage.command(), re.IGNORECASE)
    link = stage.modem.links.get(int(asked[1])) if asked else None  # type: ignore[attr-defined]
    if link is None:
        return
    if match[1] == "0":
        link.buffer.clear()
    elif not link.buffer:
        link.buffer.extend((match[2] or "").encode("latin-1", "replace")[:int(match[1])].ljust(int(match[1]), b"x"))


def _quiet_card(stage: Stage, match: re.Match[str]) -> None:
    """Where a log shows CFUN and nothing of the card, these URCs are off."""
    if not any(re.match(r"\+CPIN: |AT\+CURCCFG|RDY", item.text) for item in stage.exchange.items):
        stage.at('AT+CURCCFG="SIMCARD",0')
        stage.at('AT+CURCCFG="SMS",0')


def _quiet_wake(stage: Stage, match: re.Match[str]) -> None:
    if not any(item.text == "RDY" for item in stage.exchange.items):
        stage.modem.variant["psm banner"] = False  # type: ignore[attr-defined]


def _connects(stage: Stage, match: re.Match[str]) -> None:
    """A peer connects to a server."""
    if match[1] != match[2]:
        stage.modem.sockets.incoming(int(match[1]), match[3], int(match[4]))  # type: ignore[attr-defined]


def _sends(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.variant["casend"] = True  # type: ignore[attr-defined]


def _cid_first(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.variant["carecv cid"] = True  # type: ignore[attr-defined]


def _fails_first(stage: Stage, match: re.Match[str]) -> None:
    """A module that has only just begun to run."""
    if stage.command().upper() == "AT":
        stage.modem.first_fails = True  # type: ignore[attr-defined]


def _contexts(stage: Stage, match: re.Match[str]) -> None:
    """The contexts that are shown have been defined."""
    stage.modem.variant["four zeros"] = match[4].count(",") >= 4  # type: ignore[attr-defined]
    if not stage.sets(rf"AT\+CGDCONT={match[1]},.*"):
        stage.at(f'AT+CGDCONT={match[1]},"{match[2]}","{match[3]}"')


def _acked(stage: Stage, match: re.Match[str]) -> None:
    stage.advance(3.0)


def _coap(stage: Stage, match: re.Match[str]) -> None:
    stage.say(_NOT_FOUND)


def _mqtt(stage: Stage, match: re.Match[str]) -> None:
    client = stage.modem.mqtt.client  # type: ignore[attr-defined]
    bearer(stage)
    if match[1].upper() == "CONN":
        if not stage.sets(r'AT\+SMCONF="URL".*'):
            stage.at(f'AT+SMCONF="URL","{shared.HOST}",1883')
    elif client.state == "closed" and not stage.sets(r"AT\+SMCONN"):
        stage.at(f'AT+SMCONF="URL","{shared.HOST}",1883')
        stage.at('AT+SMCONF="CLIENTID","client"')
        stage.at("AT+SMCONN", 30.0)


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message(match[1].encode(), b"hello")


def _topic(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+SMCONN") and not stage.will_send(r"AT\+SM(CONN|SUB).*"):
        bearer(stage)
        stage.at(f'AT+SMCONF="URL","{shared.HOST}",1883')
        stage.at("AT+SMCONN", 30.0)
        stage.at(f'AT+SMSUB="{match[1]}",0')


def _files(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CFSINIT"):
        stage.at("AT+CFSINIT")
    name = re.match(r'\d,"([^"]*)"', match[2])
    if name and match[1].upper() in ("RFILE", "GFIS", "DFILE", "REN") and not stage.sets(r"AT\+CFSWFILE=.*"):
        stage.give(f'AT+CFSWFILE={match[2][0]},"{name[1]}",0,10,1000', b"0123456789")


def _converts(stage: Stage, match: re.Match[str]) -> None:
    """Certificates that are converted have been stored, by the log or before."""
    files = stage.modem.files  # type: ignore[attr-defined]
    for name in re.findall(r'"([^"]+)"', match[1]):
        if files.read(f"3/{name}") is None:
            files.write(f"3/{name}", b"placeholder")


def _http(stage: Stage, match: re.Match[str]) -> None:
    http = stage.modem.http  # type: ignore[attr-defined]
    bearer(stage)
    if not http.settings["URL"] and not stage.sets(r'AT\+SHCONF="URL".*'):
        stage.at(f'AT+SHCONF="URL","http://{shared.HOST}"')
    if match[1].upper() != "CONN" and not stage.sets(r"AT\+SHCONN") and not stage.will_send(r"AT\+SHCONN"):
        stage.at("AT+SHCONN", 30.0)


def _status(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status = int(match[1])


def _shut(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CFSINIT"):
        stage.at("AT+CFSINIT")


def _fix(stage: Stage, match: re.Match[str]) -> None:
    gnss = stage.modem.gnss  # type: ignore[attr-defined]
    if re.match(r"AT\+CGNSINF", stage.command(), re.IGNORECASE):
        gnss.start()
        stage.wait(lambda: gnss.fix() is not None, 120.0)


def _gnss_on(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CGNSPWR=.*"):
        stage.modem.gnss.start()  # type: ignore[attr-defined]


def _classic(stage: Stage, match: re.Match[str]) -> None:
    """The older sockets need their own bearer."""
    steps = ('AT+CSTT="apn"', "AT+CIICR", "AT+CIFSR")
    reached = next((at for at, step in enumerate(steps) if match[1].upper() == step[4:8].upper()), len(steps))
    for at, step in enumerate(steps[:reached]):
        if not stage.sets(rf"AT\+{('CSTT', 'CIICR', 'CIFSR')[at]}.*"):
            stage.at(step, 3.0)
    if match[1].upper() in ("CIPSEND", "CIPCLOSE") and not stage.sets(r"AT\+CIPSTART.*"):
        stage.at(f'AT+CIPSTART="TCP","{shared.HOST}","7"')
        stage.advance(5.0)


RULES = (
    *shared.RULES,
    Rule("setup", "TX", r"(?i:AT\+(?:CAOPEN|CASERVER|SHCONN|SMCONN|CNTP|SNPING4|CCOAPACTION|CDNSGIP|CLBS)(?:=.*)?)",
         _bearer),
    Rule("setup", "RX", r"\+APP PDP: (?:\d,)?DEACTIVE", _bearer),
    Rule("setup", "RX", r'\+CPSMSTATUS: "(?:ENTER|EXIT) PSM"', shared.psm_status),
    Rule("setup", "TX", r"(?i:AT\+CA(?:SEND|RECV|ACK|CLOSE)=(\d+).*)", _used),
    Rule("setup", "RX", r"\+CA(?:DATAIND|STATE): (\d+).*", _told),
    Rule("setup", "RX", r'\+CAURC: "recv",(\d+),.*', _pushed),
    Rule("setup", "TX", r"(?i:AT\+CFUN=[01].*)", _quiet_card),
    Rule("setup", "RX", r'\+CPSMSTATUS: "EXIT PSM"', _quiet_wake),
    Rule("setup", "RX", r"\+CASEND: ?\d+,\d,\d+", _sends),
    Rule("setup", "RX", r"\+CARECV: ?([0-9]|1[0-2]),\d{1,4}", _cid_first),
    Rule("setup", "RX", r'\+CGDCONT: ?(\d+),"([^"]*)","([^"]*)","[^"]*"(.*)', _contexts),
    Rule("setup", "TX", r"(?i:AT\+SM(CONN|SUB|PUB|UNSUB|DISC)(?:=.*)?)", _mqtt),
    Rule("setup", "RX", r'\+SMSUB: "([^"]*)",.*', _topic),
    Rule("setup", "TX", r"(?i:AT\+CFS(WFILE|RFILE|GFIS|DFILE|GFRS|REN)[=?](.*))", _files),
    Rule("setup", "TX", r"(?i:AT\+CFSTERM)", _shut),
    Rule("setup", "TX", r"(?i:AT\+SH(CONN|REQ|READ|DISC|BOD|BODEXT|AHEAD)(?:=.*)?)", _http),
    Rule("setup", "TX", r"(?i:AT\+CGNSINF|AT\+CGNSPWR\?)", _gnss_on),
    Rule("setup", "TX", r"(?i:AT\+(CIICR|CIFSR|CIPSTART|CIPSEND|CIPCLOSE)(?:=.*)?)", _classic),
    Rule("before", "TX", r'(?i:AT\+CSSLCFG="CONVERT",(.*))', _converts),
    Rule("before", "RX", r"\+CARECV: ?(\d+)(?:,(.*))?", _waits),
    Rule("before", "RX", r"\+CAACK: .*", _acked),
    Rule("before", "RX", r"ERROR", _fails_first),
    Rule("before", "RX", r"\+CME ERROR: ?(?:operation not allowed|3)", _no_bearer),
    Rule("before", "RX", r'\+SHREQ: ?"[A-Z]+",(\d{3}),\d+', _status),
    Rule("before", "RX", r"\+CGNSINF: ?1,1,.*", _fix),
    Rule("cause", "RX", r"\+CANEW: ?(\d+),(\d+),([0-9.]+),(\d+)", _connects),
    Rule("cause", "RX", r"\+CADATAIND: ?(\d+)", _say),
    Rule("cause", "RX", r'\+CAURC: "recv",(\d+),.*', _say),
    Rule("cause", "RX", r"\+CASTATE: ?\d+,0|\+SMSTATE: ?0", shared.hang_up),
    Rule("cause", "RX", r'\+SMSUB: "([^"]*)",.*', _message),
    Rule("cause", "RX", r"\+CCOAPRECV: .*", _coap),
    Rule("cause", "RX", r'\+CPSMSTATUS: "EXIT PSM"', shared.exit_psm),
)  # fmt: skip
