"""What lines of A76xx and SIM7600 logs say of the state in which they were written."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._simcom.clients_needs import CLIENT_RULES
from cellkit.bench.modem.families._simcom.parts_needs import HOST, data, module
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

_BANNER_S = 9.0


def _size(stage: Stage, pattern: str, usual: int) -> int:
    """How many bytes came, as a line further down says."""
    found = re.search(pattern, "\n".join(stage.ahead()[:8]))
    size = next((int(group) for group in found.groups() if group), 0) if found else 0
    return size or usual


# Boot


# What the network tells of contexts, and other lines of a start, in the forms that the family has.
_EVENT = (
    r"\+CGEV: (?:(?:EPS|ME|NW) PDN (?:ACT|DEACT) \d(?:,\d)?|(?:ME|NW) DETACH)|SMS DONE|PB DONE|"
    r'\*ISIMAID: "[0-9A-F]+"'
)


def _fixed_rate(stage: Stage, match: re.Match[str]) -> None:
    stage.config.nvram = {**stage.config.nvram, "IPR": 115200}


def _toolkit(stage: Stage, match: re.Match[str]) -> None:
    module(stage).toolkit.append(match[1])


def _late_event(stage: Stage, match: re.Match[str]) -> None:
    """An event that the log has between a command and its echo."""
    ahead = stage.ahead()
    if stage.echo and stage.command() in ahead[:3]:
        stage.modem.faults.urc_at("before_echo", match[0])


def _event(stage: Stage, match: re.Match[str]) -> None:
    if stage.clock.now() - stage.modem.booted_s > _BANNER_S:  # else it comes by itself
        stage.modem.urc(match[0])


def _in_service(stage: Stage, match: re.Match[str]) -> None:
    """What needs the network is asked for when it is there."""
    if not stage.modem.ue.registered and stage.network.covered():
        stage.attach()


def _numbers(stage: Stage, match: re.Match[str]) -> None:
    """Errors as numbers, from the start on."""
    if not stage.sets(r"AT\+CMEE=.*"):
        stage.config.nvram = {**stage.config.nvram, "CMEE": 1}


def _banner_order(stage: Stage, match: re.Match[str]) -> None:
    """The lines of a start come in an order that card and network decide; some do not come at all."""
    said = [item.text for item in stage.exchange.items if item.way == "RX"]
    times = dict((text, at_s) for at_s, text in stage.modem.traits.banner)
    shown = [text for text in said if text in times]
    if stage.exchange.items[0].text not in times or len(shown) < 2:
        return
    due = sorted(times[text] for text in shown)
    lost = [text for text, at_s in times.items() if text not in shown and at_s < due[-1]]
    module(stage).starts = [*zip(due, shown, strict=True), *((times[text], text) for text in times
                            if text not in shown and text not in lost)]  # fmt: skip


def _card_ready(stage: Stage, match: re.Match[str]) -> None:
    """AT+CPIN? was asked again when the card was there."""
    before = stage.exchange.items[stage.position - 1]
    modem = stage.modem
    if stage.position and before.text.upper().startswith("AT+CPIN?"):
        stage.wait(lambda: stage.clock.now() - modem.booted_s > modem.traits.sim_error_s, 10.0)


# Bearer and sockets


def _netopen(stage: Stage, match: re.Match[str] | None) -> None:
    cip = module(stage).cip_part
    if not cip.opened and not stage.sets(r"AT\+NETOPEN"):
        stage.at("AT+NETOPEN")
        stage.wait(lambda: bool(cip.opened), 5.0)
        stage.advance(0.5)


def _was_open(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+NETOPEN"):
        _netopen(stage, match)


def opened(stage: Stage, number: int, kind: str = "TCP") -> None:
    """Link `number` is open, unless the log opens it itself."""
    if stage.sets(rf"AT\+CIPOPEN={number},.*") or stage.modem.links.get(number) is not None:  # type: ignore[attr-defined]
        return
    if any(re.match(rf"\+CLIENT: {number},", item.text) for item in stage.exchange.items):
        return
    _netopen(stage, None)
    target = ",,,5000" if kind == "UDP" else f',"{HOST}",7'
    stage.at(f'AT+CIPOPEN={number},"{kind}"{target}')
    stage.advance(1.0)


def _link_used(stage: Stage, match: re.Match[str]) -> None:
    if match[1] == "CIPRXGET" and not stage.sets(r"AT\+CIPRXGET=[01]"):
        stage.at("AT+CIPRXGET=1")
    udp = match[1] == "CIPSEND" and match[0].count(",") > 2
    nothing = re.match(r"\+IP ERROR: No data|\+CIPERROR|ERROR", "".join(stage.ahead()[1:2]))
    if not nothing:
        opened(stage, int(match[2]), "UDP" if udp else "TCP")


def _closes(stage: Stage, match: re.Match[str]) -> None:
    """CIPCLOSE whose result comes before its OK is of a UDP link."""
    ahead = stage.ahead()[1:2]
    if ahead and not ahead[0].startswith("ERROR") and not ahead[0].endswith(",4"):
        opened(stage, int(match[1]), "UDP" if ahead[0].startswith("+CIPCLOSE") else "TCP")


def _links_listed(stage: Stage, match: re.Match[str]) -> None:
    for number, used in enumerate(match[1].split(",")):
        if used.strip() == "1":
            opened(stage, number)


def _refused(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+NETOPEN") and match[1] != "2":
        _netopen(stage, match)
    module(stage).faults.open_error(int(match[1]))


def _peer_says(stage: Stage, match: re.Match[str]) -> None:
    stage.say(data(_size(stage, r"\+IPD ?(\d+)|\+CIPRXGET: ?4,\d,(\d+)", 16)))


def _data_waits(stage: Stage, match: re.Match[str]) -> None:
    asked = re.match(r"AT\+CIPRXGET=([234]),(\d)", stage.command(), re.IGNORECASE)
    link = stage.modem.links.get(int(asked[2])) if asked else None  # type: ignore[attr-defined]
    if link is not None and not link.buffer and int(match[1]):
        link.buffer += data(int(match[1]) + int(match[2] or 0))


def _hang_up(stage: Stage, match: re.Match[str]) -> None:
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def _bearer_lost(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.ue.stop()  # the network has detached it


def _incoming(stage: Stage, match: re.Match[str]) -> None:
    module(stage).cip_part.incoming(int(match[1]), int(match[2]), match[3], int(match[4]))


def _opened_before(stage: Stage, match: re.Match[str]) -> None:
    if stage.command().upper() == "AT+NETOPEN" and not module(stage).cip_part.opened:
        stage.at("AT+NETOPEN")
        stage.advance(1.0)


def _unknown_name(stage: Stage, match: re.Match[str]) -> None:
    stage.network.resolve = lambda name: None  # type: ignore[method-assign]


def _ping_lost(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.faults.ping_lost = True


def _bare_connect(stage: Stage, match: re.Match[str]) -> None:
    stage.at("ATX0")


def _ims_on(stage: Stage, match: re.Match[str]) -> None:
    if stage.command().upper().startswith("AT+CUSD="):
        stage.at('AT*IMSRCFG="switch",1')


def _no_service(stage: Stage, match: re.Match[str]) -> None:
    if "Low Power" in match[0]:
        stage.at("AT+CFUN=0", 30.0)
    else:
        stage.register(2)


def _data_only(stage: Stage, match: re.Match[str]) -> None:
    """A variant without short messages (A7670E-LNXY-UBL) refuses their first setting."""
    if re.match(r"AT\+CMGF=[01]", stage.command(), re.IGNORECASE):
        module(stage).without_messages()


def _address_text(stage: Stage, match: re.Match[str]) -> None:
    module(stage).cip_part.ipaddr_prefix = match[1]


_SOCKET = r"(?i:AT\+(CIPSEND|CIPRXGET(?==[234],)|CIPACK)=(?:(?<=GET=)[234],)?(\d)(?:,.*)?)"

RULES = (
    Rule("config", "RX", r"RDY|\+CFUN: 1", _fixed_rate),
    Rule("config", "RX", r"\+CME ERROR: ?\d+", _numbers),
    Rule("setup", "RX", r"\*ATREADY: 1|RDY", _banner_order),
    Rule("before", "RX", r"\+CPIN: ?READY", _card_ready),
    Rule("setup", "RX", r"CONNECT", _bare_connect),
    Rule("setup", "RX", r"\+CIPEVENT: .*", _netopen),
    Rule("before", "RX", r"\+IP ERROR: Network is already opened", _opened_before),
    Rule("before", "RX", r"\+CDNSGIP: ?0,\d+|\+CPING: ?3,0,0,.*|\+HTTPACTION: ?\d,(?:603|713),.*", _unknown_name),
    Rule("before", "RX", r"\+CPING: ?2", _ping_lost),
    Rule("before", "RX", r"ERROR", _ims_on),
    Rule("before", "RX", r"ERROR", _data_only),
    Rule("before", "RX", r"\+CPSI: ?NO SERVICE.*", _no_service),
    Rule("setup", "RX", r'\+MSTK: (\d+(?:, "[0-9A-Fa-f]+")?)', _toolkit),
    Rule("before", "RX", _EVENT, _late_event),
    Rule("cause", "RX", _EVENT, _event),
    Rule("before", "TX", r"(?i:AT\+(?:NETOPEN|CMQTTSTART|CCHSTART|CNTP|HTTPACTION=.*|CLBS=.*))|ATD.*", _in_service),
    Rule("setup", "TX", r"(?i:AT\+(?:CIPOPEN|NETCLOSE|SERVERSTART|CIPCLOSE).*)", _was_open),
    Rule("setup", "RX", r"\+IPADDR: ?\d.*", _was_open),
    Rule("setup", "RX", r"(\+IPADDR|\+IP ERROR): Network not opened", _address_text),
    Rule("setup", "TX", _SOCKET, _link_used),
    Rule("before", "TX", r"(?i:AT\+CIPCLOSE=(\d))", _closes),
    Rule("setup", "RX", r"\+CIPCLOSE: ?((?:\d,){9}\d)", _links_listed),
    Rule("before", "RX", r"\+CIPOPEN: ?\d,([1-9]\d?)", _refused),
    Rule("before", "RX", r"\+CIPRXGET: ?[23],\d,(\d+)(?:,(\d+))?", _data_waits),
    Rule("cause", "RX", r"RECV FROM:.*|\+IPD ?\d+|\+CIPRXGET: ?1,\d", _peer_says),
    Rule("cause", "RX", r"\+IPCLOSE: ?\d,\d|CLOSED|\+HTTP_PEER_CLOSED|\+CCH_PEER_CLOSED: ?\d|\+CMQTTCONNLOST: ?\d,\d",
         _hang_up),
    Rule("cause", "RX", r"\+CIPEVENT: .*|\+CMQTTNONET|\+HTTP_NONET_EVENT", _bearer_lost),
    Rule("cause", "RX", r"\+CLIENT: ?(\d),(\d),([\d.]+):(\d+)", _incoming),
    *CLIENT_RULES,
)  # fmt: skip
