"""What lines of Nordic logs say of the state in which they were written: events on, sockets, data mode, services."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.bench.modem.families.nordic_nrf91 import Module
from cellkit.bench.modem.families.nordic_nrf91.sockets import Socket
from cellkit.transcripts.peer import PeerFlow, PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_HOST = "198.51.100.7"


def _modem(stage: Stage) -> Module:
    assert isinstance(stage.modem, Module)
    return stage.modem


def _line_end(stage: Stage, match: re.Match[str]) -> None:
    """Logs do not show how lines ended; they are typed with CR here."""
    stage.config.identity.more["line_end"] = "cr"


def _event_on(key: str, value: object) -> object:
    def rule(stage: Stage, match: re.Match[str]) -> None:
        stage.modem.settings.nvram[key] = value

    return rule


def _events(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.settings.ram["CGEREP"] = (1, 0)


def _reporting(stage: Stage, match: re.Match[str]) -> None:
    if not stage.modem.settings.nvram["CEREG"]:
        stage.modem.settings.nvram["CEREG"] = 1


def _off(stage: Stage, match: re.Match[str]) -> None:
    """System mode and certificates are changed with the modem off."""
    if not stage.sets(r"AT\+CFUN=[04].*"):
        stage.at("AT+CFUN=0", 10.0)


def _mode(stage: Stage, match: re.Match[str]) -> None:
    """The system mode of the log's cell: AcT 9 is NB-IoT."""
    if match[1] == "9":
        stage.modem.settings.nvram["XSYSTEMMODE"] = (0, 1, 0, 0)


def _gnss(stage: Stage, match: re.Match[str]) -> None:
    mode = stage.modem.settings.nvram["XSYSTEMMODE"]
    if not stage.sets(r"AT%XSYSTEMMODE=.*"):
        stage.modem.settings.nvram["XSYSTEMMODE"] = (*mode[:2], 1, 0)
    _modem(stage).gnss_part.active = True
    stopping = re.match(r"AT#XG(?:NS|P)S=0", match[0], re.IGNORECASE)
    if stopping and not stage.sets(r"AT#XG(?:NS|P)S=1.*"):
        stage.at("AT#XGNSS=1,0,1")


def _fix(stage: Stage, match: re.Match[str]) -> None:
    stage.wait(lambda: stage.modem.gnss.fix() is not None, 300.0)  # type: ignore[attr-defined]


# Sockets


def _secure_line(stage: Stage) -> bool:
    return any(re.match(r"AT#XSSOCKET=[12],.*", item.text) for item in stage.exchange.items)


def _opened_here(stage: Stage) -> bool:
    return stage.sets(r"AT#XS?SOCKET=[123],.*") or _opens_later(stage)


def _opens_later(stage: Stage) -> bool:
    return stage.will_send(r"AT#XS?SOCKET=[123],.*")


def _open(stage: Stage, number: int, kind: int, connected: bool = True) -> None:
    """Socket `number` is there, unless the log makes one itself."""
    modem = _modem(stage)
    if number in modem.sockets_part.open or _opened_here(stage):
        return
    while number not in modem.sockets_part.open:
        stage.at(f"AT#XSOCKET=1,{kind},0")
    if connected:
        handle = f"{number}," if modem.serial_modem else ""
        stage.at(f'AT#XCONNECT={handle}"{_HOST}",7', 20.0)
        if kind == 2:  # so that the peer knows where to answer
            stage.at(f'AT#XSEND={number},0,0,"x"' if modem.serial_modem else 'AT#XSEND="x"')
    stage.advance(0.5)


def _handle(stage: Stage, match: re.Match[str]) -> None:
    name, number = match[1].upper(), int(match[2])
    if name == "SSOCKETOPT" and not _opened_here(stage):
        stage.at("AT#XSSOCKET=1,1,0,1")
    elif _modem(stage).serial_modem:
        datagrams = name in ("SENDTO", "RECVFROM") or name.startswith("COAP")
        connected = name not in ("SENDTO", "CONNECT", "BIND", "RECVFROM", "SOCKETOPT", "SSOCKETOPT")
        _open(stage, number, 2 if datagrams else 1, connected)
        if name in ("HTTPCDATA", "HTTPCCANCEL") and not stage.sets(r"AT#XHTTPCREQ=.*"):
            _modem(stage).http_part.begin(_modem(stage).sockets_part.open[number], "GET", False, False)


def _selected(stage: Stage, match: re.Match[str]) -> None:
    if not _modem(stage).serial_modem:
        name = match[1].upper()
        tcp = name == "SEND" and stage.exchange.context == "tcp"
        _open(stage, 0, 1 if tcp else 2, connected=name not in ("SENDTO", "RECVFROM", "CONNECT"))


def _listed(stage: Stage, match: re.Match[str]) -> None:
    """AT#XSOCKET? shows sockets that the log has not opened."""
    if not re.match(r"AT#XS?SOCKET\?", stage.command(), re.IGNORECASE) or _opened_here(stage):
        return
    number, family, role, kind, last = (int(match[index]) for index in range(2, 7))
    secure = match[1] == "#XSSOCKET"
    opened = _modem(stage).sockets_part.open
    opened[number] = Socket(number, family, kind, role, 0 if secure else last, last if secure else None, 2)


def _datagram_or_stream(stage: Stage, data: bytes) -> None:
    live = stage.live()
    if live is not None:
        live.say(data)


def _received(stage: Stage, match: re.Match[str]) -> None:
    """A read that finds so much: it has come before or comes now."""
    numbers = [int(text) for text in re.findall(r"\d+", match[1])]
    if not numbers or not re.match(r"AT#XRECV", stage.command(), re.IGNORECASE):
        return
    socket = next(iter(_modem(stage).sockets_part.open.values()), None)
    size = numbers[2] if _modem(stage).serial_modem and len(numbers) > 2 else numbers[0]
    if socket is not None and not socket.filled:
        if socket.link is None:
            _modem(stage).sockets_part.bound(socket)
            stage.advance(0.2)
        if socket.kind == 1:
            socket.stream += b"x" * size
        else:
            socket.datagrams.append((b"x" * size, _HOST, 7))


def _pushed(stage: Stage, match: re.Match[str]) -> None:
    size = int(match[1])
    _datagram_or_stream(stage, b"x" * size)


def _echoed(stage: Stage, match: re.Match[str]) -> None:
    """In data mode the peer's bytes come as they are."""
    if stage.modem.payload.online is not None:
        _datagram_or_stream(stage, match[0].encode("latin-1") + b"\r\n")


def _data_mode(stage: Stage, match: re.Match[str]) -> None:
    following = [item.text for item in stage.exchange.items[stage.position + 1:stage.position + 4]]
    if len(following) == 3 and following[1] == following[2]:
        stage.at(f"AT#XRECVCFG={match[1]},2,0")


def _poll_event(stage: Stage, match: re.Match[str]) -> None:
    bits = int(match[2])
    if bits & 1:
        _datagram_or_stream(stage, b"x" * 4)
    if bits & 16:
        live = stage.live()
        if isinstance(live, PeerPipe):
            live.hang_up()


# Services


def _broker(stage: Stage, match: re.Match[str]) -> None:
    client = _modem(stage).mqtt_part.client
    if stage.sets(r"AT#XMQTTCON=[12],.*") or client.state != "closed":
        return
    stage.at(f'AT#XMQTTCON=1,"","","{_HOST}",1883')
    stage.wait(lambda: client.state == "connected", 20.0)
    stage.advance(1.0)


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    qos = 2 if any(item.text == "#XMQTTEVT: 5,0" for item in stage.exchange.items) else 0
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message(b"x" * int(match[1]), b"x" * int(match[2]), qos)


def _short_message(stage: Stage, match: re.Match[str]) -> None:
    stage.network.sms.send("+15550001111", "hello")


def _cloud(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT#XNRFCLOUD=1.*") and not stage.will_send(r"AT#XNRFCLOUD=1.*"):
        stage.at("AT#XNRFCLOUD=1")
        stage.wait(lambda: _modem(stage).cloud_part.connected, 20.0)


def _ppp_first(stage: Stage, match: re.Match[str]) -> None:
    """PPP is asked for before the radio is switched on."""
    if stage.will_send(r"AT\+CFUN=1"):
        stage.at("AT+CFUN=4", 10.0)


def _ppp_peer(stage: Stage, match: re.Match[str]) -> None:
    _modem(stage).cloud_part.peer(int(match[1]))


def _keep_alive(stage: Stage, match: re.Match[str]) -> None:
    _modem(stage).mqtt_part._event(9, 0)


def _status(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.http_status = int(match[1])


def _coap(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if not isinstance(live, PeerFlow) or not live.sent:
        return
    request = live.sent[-1]
    status = re.search(r"#XCOAPC(?:STAT|HEAD): \d,(\d+)", " ".join(stage.ahead()[:4]))
    size = int(match[2]) if match[1] in ("DATA", "HEAD") else 0
    code = int(status[1]) if status else 69
    token = request[4:4 + (request[0] & 15)]
    answer = bytes([0x50 | len(token), code]) + request[2:4] + token
    live.say(answer + (b"\xff" + b"x" * size if size else b""))


def _sleeps(stage: Stage, match: re.Match[str]) -> None:
    modem = _modem(stage)
    if match[1] == "1" and match[2] not in ("0", None) and modem.ue.grant.t3324 is None:
        stage.at('AT+CPSMS=1,"","","00111000","00000001"')
    elif match[1] == "1":
        modem.ue.connect(lambda ok: None)


def _wakes(stage: Stage, match: re.Match[str]) -> None:
    """%XMODEMSLEEP: 1,0 behind a command: it slept when that was sent."""
    modem = _modem(stage)
    modem.settings.nvram["XMODEMSLEEP"] = (500, 10240)


def _search_status(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.urc("%MDMEV: SEARCH STATUS 2")


def _cause(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.ue.cause = int(match[1])


_SOCKET = r"SEND|SENDTO|RECV|RECVFROM|CONNECT|BIND|SOCKETOPT|SSOCKETOPT"
RULES = (
    *COMMON,
    Rule("config", "TX", r"[\s\S]*", _line_end),
    Rule("config", "RX", r"[\s\S]*", _line_end),
    Rule("setup", "RX", r"%XMODEMSLEEP: .*", _event_on("XMODEMSLEEP", (500, 10240))),  # type: ignore[arg-type]
    Rule("setup", "RX", r"%XSIM: [01]", _event_on("XSIM", 1)),  # type: ignore[arg-type]
    Rule("setup", "RX", r"\+CSCON: [01]", _event_on("CSCON", 1)),  # type: ignore[arg-type]
    Rule("setup", "RX", r"\+CEREG: \d", _reporting),
    Rule("setup", "RX", r"\+CGEV: .*", _events),
    Rule("setup", "RX", r'\+COPS: \d,2,"\d+",(\d)', _mode),
    Rule("setup", "TX", r"(?i:AT%XSYSTEMMODE=\d.*)", _off),
    Rule("setup", "TX", r"(?i:AT%CMNG=[0-3],[\s\S]*)", _off),
    Rule("setup", "TX", r"(?i:AT#XG(?:NS|P)S[=?].*)", _gnss),
    Rule("setup", "TX", rf"(?i:AT#X({_SOCKET}|CLOSE|(?:HTTP|COAP)C(?:REQ|DATA|CANCEL))=(\d)(?:,.*)?)", _handle),
    Rule("setup", "TX", rf"(?i:AT#X({_SOCKET}|SOCKET)(?:=(?:\"|[01],\d\d|\d+$|0$).*)?)", _selected),
    Rule("setup", "RX", r"(#XS?SOCKET): (\d),(\d),(\d),(\d),(\d+)(?:,\d+)?", _listed),
    Rule("setup", "TX", r"(?i:AT#XSEND=(\d),2,\d+)", _data_mode),
    Rule("setup", "TX", r"(?i:AT#XMQTT(?:SUB|UNSUB|PUB)=.*|AT#XMQTTCON=0)", _broker),
    Rule("setup", "TX", r"(?i:AT#XNRFCLOUD(?:POS=.*|=[02]))", _cloud),
    Rule("setup", "RX", r"#XMQTTCON: 1,.*", _broker),
    Rule("setup", "RX", r"#XNRFCLOUD: 1,\d,\d+,.*", _cloud),
    Rule("setup", "TX", r"(?i:AT#XPPP=1.*)", _ppp_first),
    Rule("cause", "RX", r"#XPPP: 1,([01]),\d", _ppp_peer),
    Rule("before", "RX", r"#XRECV(?:FROM)?: (.*)", _received),
    Rule("before", "RX", r"#XHTTPCHEAD: \d,(\d+),-?\d+", _status),
    Rule("before", "RX", r"\+CEREG: 5,\d,[^,]*,[^,]*,\d,0,(\d+),.*", _cause),
    Rule("cause", "RX", r"#X(?:TCP|UDP)DATA: (\d+).*", _pushed),
    Rule("cause", "RX", r"#XRECV(?:FROM)?: \d,\d,(\d+).*", _pushed),
    Rule("cause", "RX", r"#XAPOLL: (\d),(\d+)", _poll_event),
    Rule("cause", "RX", r"#XMQTTMSG: (\d+),(\d+)", _message),
    Rule("cause", "RX", r"#XMQTTEVT: 9,0", _keep_alive),
    Rule("cause", "RX", r'#XSMS: ".*', _short_message),
    Rule("cause", "RX", r"#XCOAPC(DATA|HEAD|STAT): \d,-?\d+,(\d+)", _coap),
    Rule("cause", "RX", r"%XMODEMSLEEP: (\d)(?:,(\d+))?", _sleeps),
    Rule("cause", "RX", r"%MDMEV: SEARCH STATUS 2", _search_status),
    Rule("cause", "RX", r"#XGNSSPOS: .*", _fix),
    Rule("cause", "RX", r"(?![#+%])(?!OK$|ERROR$)[\s\S]+", _echoed),
)  # fmt: skip
