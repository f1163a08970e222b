"""What lines of A76xx and SIM7600 logs say of the state in which they were written."""

from __future__ import annotations

import re
from typing import Any

from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

HOST = "198.51.100.7"
PAYLOAD = b"data from server"
_BANNER_S = 9.0


def module(stage: Stage) -> Any:
    """The virtual module with its family's parts."""
    return stage.modem


def _size(stage: Stage, pattern: str, usual: int) -> int:
    """How many bytes came, as a line further down says."""
    found = re.search(pattern, "\n".join(stage.ahead()[:8]))
    size = next((int(group) for group in found.groups() if group), 0) if found else 0
    return size or usual


def data(size: int) -> bytes:
    """Something that a peer says."""
    return (PAYLOAD * (size // len(PAYLOAD) + 1))[:size]


# Boot


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


def _address_text(stage: Stage, match: re.Match[str]) -> None:
    module(stage).cip_part.ipaddr_prefix = match[1]


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


def _dialled(stage: Stage, match: re.Match[str]) -> None:
    """Steps of a call that the log does not show the dialling of."""
    state = int(match[1] or 0)
    if state == 6:
        _far_end_hangs_up(stage, match)
    elif not stage.sets(r"AT[AD].*"):
        module(stage).services.call_step("+15550001111", state)


_SOCKET = r"(?i:AT\+(CIPSEND|CIPRXGET(?==[234],)|CIPACK)=(?:(?<=GET=)[234],)?(\d)(?:,.*)?)"
_CLIENT = r"(?i:AT\+(CMQTT(?:ACCQ|WILLTOPIC|WILLMSG|CONNECT|TOPIC|PAYLOAD|SUBTOPIC))=(\d).*)"

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
    Rule("setup", "RX", r"\+MSTK: (.*)", _toolkit),
    Rule("before", "RX", r"\+CGEV: .*|SMS DONE|PB DONE|\*ISIMAID: .*", _late_event),
    Rule("cause", "RX", r"\+CGEV: .*|SMS DONE|PB DONE|\*ISIMAID: .*", _event),
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
    Rule("setup", "TX", r"(?i:AT\+(CMQTT(?:ACCQ|REL|SSLCFG|STOP)).*)", _mqtt_started),
    Rule("setup", "TX", _CLIENT, _mqtt_acquired),
    Rule("setup", "TX", r"(?i:AT\+(CMQTT(?:SUB|UNSUB|PUB|DISC))=(\d).*)", _mqtt_connected),
    Rule("setup", "RX", r"\+(CMQTT(?:RXSTART|RXTOPIC|RXPAYLOAD|CONNLOST)): ?(\d),.*", _mqtt_connected),
    Rule("before", "TX", r"(?i:AT\+CMQTTSUB=(\d))", _mqtt_filter),
    Rule("setup", "TX", r"(?i:AT\+CMQTTPUB=(\d),.*)", _mqtt_topic),
    Rule("setup", "RX", r"\+(CMQTTSTART): ?23", _mqtt_was_left),
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

__all__ = ["RULES"]
