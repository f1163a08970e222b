"""What lines of Quectel logs say of the state in which they were written: contexts, sockets, MQTT, HTTP."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._quectel.needs_reports import REPORT_RULES
from cellkit.bench.modem.families._quectel.needs_services import HOST, SERVICE_RULES, bring_up
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.shape import split
from cellkit.transcripts.stage import Rule, Stage

_PAYLOAD = b"test data of the peer, as long as is needed"


def _context(stage: Stage, match: re.Match[str]) -> None:
    bring_up(stage)


def opened(stage: Stage, number: int, access: int | None = None, kind: str = "TCP") -> None:
    """Socket `number` is open, unless the log opens it itself."""
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    context = stage.modem.first_context  # type: ignore[attr-defined]
    taken = any(re.match(rf'\+QIURC: "incoming",{number},', item.text) for item in stage.exchange.items)
    if number in part.open or taken or stage.sets(rf"AT\+QIOPEN=\d+,{number},.*"):
        return
    mode = "" if access is None else f",0,{access}"
    bring_up(stage)
    stage.at(f'AT+QIOPEN={context},{number},"{kind}","{HOST}",7{mode}')
    stage.wait(lambda: number in part.open and part.open[number].state == 2, 20.0)
    stage.advance(1.0)


def _used(stage: Stage, match: re.Match[str]) -> None:
    access = None if stage.modem.qi_send == "inline" and "SEND" in match[1] else 0  # type: ignore[attr-defined]
    if int(match[2]) < 11:
        opened(stage, int(match[2]), access)


def _pushed(stage: Stage, match: re.Match[str]) -> None:
    opened(stage, int(match[1]), 1)


def _one_line(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r'AT\+QICFG="viewmode",.*'):
        stage.at('AT+QICFG="viewmode",1')


def _buffered(stage: Stage, match: re.Match[str]) -> None:
    opened(stage, int(match[1]), 0)


def _say(stage: Stage, number: int, size: int) -> None:
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    socket = part.open.get(number)
    if socket is None:
        return
    data = (_PAYLOAD * (size // len(_PAYLOAD) + 1))[:size]
    if socket.link is None:  # a connection that a listener has taken
        part._store(number, socket, data)
    elif socket.access == 0 and not socket.announced and (socket.buffer or socket.datagrams):
        socket.announced = True
        stage.modem.urc(f'+QIURC: "recv",{number}')
    elif not stage.say(data):
        socket.link.on_data(data)


def _recv(stage: Stage, match: re.Match[str]) -> None:
    ahead = " ".join(stage.ahead()[:5])
    size = re.search(r"\+QIRD: ?(\d+)", ahead)
    shown = match[2] and match[2].strip(",").split(",")[0]
    showlength = re.search(r"\+QIRD: ?(\d+),(\d+)", ahead)
    if shown and shown.isdigit():
        _say(stage, int(match[1]), int(shown))
    elif showlength:
        _say(stage, int(match[1]), int(showlength[1]) + int(showlength[2]))
    else:
        _say(stage, int(match[1]), int(size[1]) if size and int(size[1]) else 5)


def _full(stage: Stage, match: re.Match[str]) -> None:
    limit = stage.config.limits.receive_buffer_bytes
    for _ in range(limit // 1000 + 2):
        stage.say(b"x" * 1000)
        stage.advance(0.5)


def _waits(stage: Stage, match: re.Match[str]) -> None:
    """A read that finds so much: it has come before, where no URC of the log says so."""
    asked = re.match(r"AT\+QIRD=(\d+)", stage.command(), re.IGNORECASE)
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    socket = part.open.get(int(asked[1])) if asked else None
    if asked is None or socket is None or stage.command().endswith(",0"):
        return
    wanted, left = int(match[1]), int(match[2] or 0)
    total = wanted + left
    if wanted and not socket.buffer and not socket.datagrams:
        if socket.kind == "UDP SERVICE" or socket.link is None:
            part._store(int(asked[1]), socket, b"x" * total)
        else:
            socket.buffer += b"x" * total
            socket.announced = True
    elif not wanted:
        socket.buffer.clear()
        socket.datagrams.clear()


def _closed(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _listener(stage: Stage, match: re.Match[str]) -> None:
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    number = int(match[2])
    if number not in part.open and not stage.sets(rf"AT\+QIOPEN=\d+,{number},.*"):
        _context(stage, match)
        stage.at(f'AT+QIOPEN=1,{number},"TCP LISTENER","127.0.0.1",0,2020,0')
        stage.advance(1.0)


def _incoming(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.sockets_part.incoming(int(match[2]), "172.31.242.222", 54091)  # type: ignore[attr-defined]


# Contexts and what else there is


def _bearer_up(stage: Stage, match: re.Match[str]) -> None:
    if re.match(r"AT\+QIACT=", stage.command(), re.IGNORECASE):
        stage.register(1)


def _bearer_refused(stage: Stage, match: re.Match[str]) -> None:
    if re.match(r"AT\+QIACT=", stage.command(), re.IGNORECASE):
        stage.modem.faults.no_context()


def _active(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+QIACT(EX)?=.*"):
        stage.at("AT+QIACT=1")


def _setting(stage: Stage, match: re.Match[str]) -> None:
    """+QCFG "name",values: the values of the log are those that the module has."""
    queries = stage.modem.queries  # type: ignore[attr-defined]
    own = queries.qcfg.get(match[1].lower(), "0")
    same = len(split(own)) == len(split(match[2]))  # values, never a field that the module lacks
    if same and not stage.sets(rf'AT\+QCFG="{re.escape(match[1])}",.*'):
        queries.qcfg[match[1].lower()] = match[2]


def _position(stage: Stage, match: re.Match[str]) -> None:
    gnss = stage.modem.gnss  # type: ignore[attr-defined]
    if not gnss.on and not stage.will_send(r"AT\+QGPS=1.*"):
        gnss.start()
    if gnss.on:
        stage.wait(lambda: gnss.fix() is not None, 120.0)
    stage.modem.queries.pseudo_fix = match[1] == "1"  # type: ignore[attr-defined]


def _transfer(stage: Stage, match: re.Match[str]) -> None:
    """Only who is in the middle of a transfer escapes from it."""
    stage.modem.go_online(lambda data: None)


def _psm_asked(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+(CPSMS|QPSMS)=.*"):
        stage.at('AT+CPSMS=1,,,"00111000","00101010"')
        stage.advance(30.0)


def _psm(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.ue.connect(lambda ok: None)


def _state(stage: Stage, match: re.Match[str]) -> None:
    """A socket is listed: it is open."""
    if match[2] in ("TCP", "UDP"):
        opened(stage, int(match[1]), None, match[2])


def _lives(stage: Stage, match: re.Match[str]) -> None:
    opened(stage, int(match[1]))


def _send_fails(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.faults.send_fail()


def _down(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.sockets_part.bearer_gone()  # type: ignore[attr-defined]


def _no_place(stage: Stage, match: re.Match[str]) -> None:
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    if not part.open:
        bring_up(stage)
        stage.at('AT+QIOPEN=1,1,"TCP LISTENER","127.0.0.1",0,2020,0')
        stage.advance(1.0)
    listener = next(iter(part.open))
    while part.incoming(listener, "172.31.242.222", 54091) >= 0:
        stage.forget()


def _addresses(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.names_part.addresses = int(match[1])  # type: ignore[attr-defined]


RULES = (
    Rule("setup", "TX", r"(?i:AT\+(?:QIOPEN|QMTOPEN|QSSLOPEN|QHTTPGET|QHTTPPOST|QPING|QIDNSGIP|QNTP|QFTPOPEN)=.*)",
         _context),
    Rule("setup", "TX", r"(?i:AT\+(QISEND|QISENDEX|QIRD|QISTATE=1)[=,](\d+)(?:,.*)?)", _used),
    Rule("setup", "RX", r'\+QIURC: "recv",(\d+),\d+(?:,(?!"buff).+)?', _pushed),
    Rule("setup", "RX", r'\+QIURC: "recv",\d+,\d+,[^"].*', _one_line),
    Rule("setup", "RX", r'\+QIURC: "recv",(\d+)(?:,"buff full")?', _buffered),
    Rule("setup", "RX", r'\+QIURC: "incoming",(\d+),(\d+),.*', _listener),
    Rule("setup", "RX", r"\+QIACT(?:EX)?: ?\d+,\d.*", _active),
    Rule("setup", "RX", r'\+QCFG: ?"([^"]*)",(.*)', _setting),
    Rule("before", "RX", r"\+QGPSLOC: (?:[^,]*,){5}(\d),.*", _position),
    Rule("setup", "RX", r"\+QPSMTIMER: .*", _psm_asked),
    Rule("before", "TX", r"\+\+\+", _transfer),
    Rule("before", "RX", r"\+QIRD: ?(\d+)(?:,(\d+))?(?:,.*)?", _waits),
    Rule("before", "RX", r"OK", _bearer_up),
    Rule("before", "RX", r"ERROR", _bearer_refused),
    Rule("cause", "RX", r'\+QIURC: "recv",(\d+)(,[^"].*)?', _recv),
    Rule("cause", "RX", r'\+QIURC: "recv",\d+,"buff full"', _full),
    Rule("cause", "RX", r'\+QIURC: "closed",(\d+)', _closed),
    Rule("cause", "RX", r'\+QIURC: "incoming",(\d+),(\d+),.*', _incoming),
    Rule("cause", "RX", r"\+QPSMTIMER: .*", _psm),
    Rule("before", "RX", r'\+QISTATE: ?(\d+),"([A-Z ]+)",.*', _state),
    Rule("setup", "RX", r'\+QIURC: "closed",(\d+)', _lives),
    Rule("setup", "RX", r'\+QIURC: "pdpdeact",\d+', _active),
    Rule("before", "RX", r'\+QIURC: ?"dnsgip",0,(\d+),\d+', _addresses),
    Rule("before", "RX", r"SEND FAIL", _send_fails),
    Rule("cause", "RX", r'\+QIURC: "pdpdeact",\d+', _down),
    Rule("cause", "RX", r'\+QIURC: "incoming full"', _no_place),
    *SERVICE_RULES,
    *REPORT_RULES,
)  # fmt: skip
