"""What lines of u-blox logs say of the state in which they were written: sockets, bearer, PSM, MQTT, HTTP."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.bench.modem.families.ublox_sara_r import Module
from cellkit.bench.modem.power import Mode
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_HOST = "198.51.100.7"
_ERROR = re.compile(r"ERROR|\+CME ERROR.*")


def _modem(stage: Stage) -> Module:
    assert isinstance(stage.modem, Module)
    return stage.modem


def _fails(stage: Stage) -> bool:
    """Whether the command at hand is answered with an error."""
    following = stage.ahead()[1:3]
    return any(_ERROR.fullmatch(line) for line in following)


def _bearer(stage: Stage) -> None:
    if not _modem(stage).r4 and not stage.sets(r"AT\+UPSDA=0,3") and not stage.will_send(r"AT\+UPSDA=0,3"):
        stage.at("AT+UPSDA=0,3")
        stage.advance(1.0)


def _needs_bearer(stage: Stage, match: re.Match[str]) -> None:
    if not _fails(stage):
        _bearer(stage)


def _open(stage: Stage, number: int, tcp: bool, connected: bool) -> None:
    """Socket `number` is there, unless the log makes sockets itself."""
    part = _modem(stage).sockets_part
    if number in part.open or stage.sets(r"AT\+USOCR=.*") or stage.will_send(r"AT\+USOCR=.*"):
        return
    _bearer(stage)
    while number not in part.open:
        stage.at(f"AT+USOCR={6 if tcp else 17}")
    if connected and not stage.will_send(rf"AT\+USOCO={number},.*"):
        stage.at(f'AT+USOCO={number},"{_HOST}",7', 20.0)
    elif not tcp:
        stage.at(f'AT+USOST={number},"{_HOST}",7,1,"{"00" if stage.modem.settings.nvram["UDCONF1"] else "x"}"')
    stage.advance(0.5)


def _used(stage: Stage, match: re.Match[str]) -> None:
    name = match[1].upper()
    if not _fails(stage):
        stream = name in ("WR", "RD", "CTL", "DL")
        _open(stage, int(match[2]), tcp=stream or name in ("LI", "CO"), connected=stream)


def _told(stage: Stage, match: re.Match[str]) -> None:
    _open(stage, int(match[2]), tcp=match[1] == "D", connected=match[1] == "D")


def _waits(stage: Stage, match: re.Match[str]) -> None:
    """A read that finds so much: it has come before, where no URC of the log says so."""
    asked = re.match(r"AT\+USOR[DF]=(\d),(\d+)", stage.command(), re.IGNORECASE)
    socket = _modem(stage).sockets_part.open.get(int(match[1]))
    if asked is None or socket is None or socket.link is None:
        return
    found = re.search(r",(\d+)(?:,\"|$)", match[0])
    size = int(found[1]) if found else 0
    if size and not socket.waits:
        if socket.tcp:
            socket.link.buffer += b"x" * size
        else:
            socket.datagrams.append((b"x" * size, _HOST, 7))
    elif not size:
        socket.link.buffer.clear()
        socket.datagrams.clear()


def _say(stage: Stage, match: re.Match[str]) -> None:
    stage.say(b"x" * int(match[2]))


def _closed(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _sent_urc(stage: Stage, match: re.Match[str]) -> None:
    stage.config.identity.more["sent_urc"] = match[1]


def _sends(stage: Stage, match: re.Match[str]) -> None:
    number, modem = int(match[2]), _modem(stage)
    _open(stage, number, tcp=False, connected=False)
    stage.advance(2.0)
    stage.at(f'AT+USOST={number},"{_HOST}",7,1,"{"00" if modem.settings.nvram["UDCONF1"] else "x"}"')


def _numbered(stage: Stage, match: re.Match[str]) -> None:
    """The lowest number is given out: those below were in use."""
    part, wanted = _modem(stage).sockets_part, int(match[1])
    made = sum(bool(re.match(r"\+USOCR: ", item.text)) for item in stage.exchange.items[:stage.position])
    while not made and len(part.open) < wanted:
        stage.at("AT+USOCR=17")


def _indicator(stage: Stage, match: re.Match[str]) -> None:
    """+CIEV comes when it likes, also between a command and its prompt."""
    if stage.ahead()[1:2] == ["@"]:
        stage.modem.faults.urc_at("before_prompt", match[0])


def _indicated(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.urc(match[0])


def _running(stage: Stage, match: re.Match[str]) -> None:
    """Who polls gets an answer once the module runs."""
    stage.wait(lambda: stage.modem.power.running, 30.0)


def _reporting(stage: Stage, match: re.Match[str]) -> None:
    """Rows of a manual's example are not one session: a read shows the mode that it shows."""
    stage.modem.settings.nvram[match[1]] = int(match[2])


def _psm(stage: Stage, match: re.Match[str]) -> None:
    modem = _modem(stage)
    modem.settings.nvram["CPSMS"] = {"mode": 1, "t3412": "01000011", "t3324": "00000011"}
    if not modem.ue.psm and modem.ue.grant.t3324 is None:
        modem.standard.request_changed()
        stage.wait(lambda: modem.ue.grant.t3324 is not None, 60.0)


def _psm_told(stage: Stage, match: re.Match[str]) -> None:
    _psm(stage, match)
    modem = _modem(stage)
    modem.settings.nvram["UPSMR"] = 1
    stage.wait(lambda: modem.power.mode is Mode.DEEP_SLEEP, 120.0)
    if match[1] == "0":
        modem.pin("PWRKEY", 0)
        stage.advance(stage.config.timing.pwrkey_low_s.value + 0.05)
        modem.pin("PWRKEY", 1)


def _edrx(stage: Stage, match: re.Match[str]) -> None:
    stage.at(f'AT+CEDRXS=2,{stage.modem.edrx_act},"0101"')  # type: ignore[attr-defined]


def _login(stage: Stage, match: re.Match[str]) -> None:
    part = _modem(stage).mqtt_part
    if _fails(stage) or part.client.state != "closed" or stage.sets(r"AT\+UMQTTC=1") or match[1] in "167":
        return
    _bearer(stage)
    stage.at(f'AT+UMQTT=2,"{_HOST}",1883')
    stage.at("AT+UMQTTC=1")
    stage.wait(lambda: part.client.state == "connected", 20.0)
    stage.advance(1.0)


def _broker(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+UMQTT=[23],.*"):
        _bearer(stage)
        stage.at(f'AT+UMQTT=2,"{_HOST}",1883')


def _message(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe) and live.broker is not None:
        live.broker.message(b"topic", b"payload", 0)


def _unread(stage: Stage, match: re.Match[str]) -> None:
    _modem(stage).mqtt_part.messages.append((b"topic", b"payload", 0))


def _host(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+UHTTP=\d,[01],.*"):
        _bearer(stage)
        stage.at(f'AT+UHTTP={match[1]},1,"{_HOST}"')


def _file(stage: Stage, match: re.Match[str]) -> None:
    files = _modem(stage).files
    if not _fails(stage) and files.read(match[1]) is None and not stage.sets(r"AT\+U(DWNFILE|HTTPC)=.*"):
        files.write(match[1], b"x" * 32)


def _certificate(stage: Stage, match: re.Match[str]) -> None:
    kind = ("CA", "CC", "PK")[int(match[1])]
    if not _fails(stage) and not stage.sets(r"AT\+USECMNG=[01],.*"):
        _modem(stage).files.write(f"sec/{kind}/{match[2]}", b"x" * 32)


def _receiver(stage: Stage, match: re.Match[str]) -> None:
    if not _fails(stage) and int(match[1]) == _modem(stage).location_part._power[0]:
        stage.at(f"AT+UGPS={1 - int(match[1])}")


def _radio_off(stage: Stage, match: re.Match[str]) -> None:
    """Profile and RAT are changed with the radio off."""
    if not _fails(stage) and not stage.sets(r"AT\+(CFUN=[04].*|COPS=2)"):
        stage.at("AT+CFUN=0", 20.0)


_IP_COMMANDS = r"(?i:AT\+(?:USOCO|USOST|UDNSRN|UPING|UMQTTC=1|UHTTPC)=?.*)"
RULES = (
    *COMMON,
    Rule("config", "RX", r"(\+U?USOST): \d,\d+,[01]", _sent_urc),
    Rule("setup", "TX", _IP_COMMANDS, _needs_bearer),
    Rule("setup", "TX", r"(?i:AT\+USO(WR|ST|RD|RF|CL|CTL|SO|GO|LI|DL|CO|SEC)=(\d).*)", _used),
    Rule("setup", "RX", r"\+UUSOR([DF]): (\d),\d+", _told),
    Rule("setup", "TX", r"(?i:AT\+UMQTTC=(\d).*)", _login),
    Rule("setup", "TX", r"(?i:AT\+UMQTTC=1)", _broker),
    Rule("setup", "TX", r"(?i:AT\+UHTTPC=(\d),.*)", _host),
    Rule("setup", "TX", r'(?i:AT\+(?:URDFILE|URDBLOCK|UDELFILE|ULSTFILE=2,)=?"([^"]+)".*)', _file),
    Rule("setup", "TX", r'(?i:AT\+USECMNG=[24]),([012]),"([^"]+)".*', _certificate),
    Rule("setup", "TX", r"(?i:AT\+UGPS=([01]).*)", _receiver),
    Rule("setup", "TX", r"(?i:AT\+(?:UMNOPROF|URAT|UBANDMASK)=\d.*)", _radio_off),
    Rule("setup", "RX", r"\+UCPSMS: 1,.*", _psm),
    Rule("setup", "RX", r"\+USOCR: (\d)", _numbered),
    Rule("before", "RX", r"\+CIEV: \d+,\d+", _indicator),
    Rule("before", "RX", r"OK", _running),
    Rule("before", "RX", r"\+(C[GE]?REG): ([0-5]),\d(?:,.*)?", _reporting),
    Rule("before", "RX", r"\+USOR[DF]: (\d).*", _waits),
    Rule("before", "RX", r"\+UMQTTC: 6,\d,.*", _unread),
    Rule("cause", "RX", r"\+UUSOR([DF]): \d,(\d+)", _say),
    Rule("cause", "RX", r"\+CIEV: \d+,\d+", _indicated),
    Rule("cause", "RX", r"\+UUSOCL: \d", _closed),
    Rule("cause", "RX", r"(\+U?USOST): (\d),\d+,[01]", _sends),
    Rule("cause", "RX", r"\+UUPSMR: ([01]).*", _psm_told),
    Rule("cause", "RX", r"\+CEDRXP: \d.*", _edrx),
    Rule("cause", "RX", r"\+UUMQTTCM?: 6,\d+.*", _message),
)
