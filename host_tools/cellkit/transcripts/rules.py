"""Rules that hold for every family: what a standard line of a log says of the state in which it was written."""

from __future__ import annotations

import re
from typing import Any, cast

from cellkit.bench.modem.engines.sms import Message
from cellkit.bench.modem.radio import Stat
from cellkit.transcripts.shape import split
from cellkit.transcripts.stage import Rule, Stage

_REGISTRATION = r"\+C(?:G|E|5G)?REG ?: ?"
# Read commands whose answer is no setting that could be written back before the log begins.
_NO_SETTING = frozenset({
    "CPIN", "CREG", "CGREG", "CEREG", "CSCON", "COPS", "CGATT", "CGACT", "CFUN", "CMEE", "CPMS", "IPR", "CLCC", "CIMI",
    "CSQ", "CESQ", "CGPADDR", "CPSMS", "CMUX",
})  # fmt: skip
_PIN = "1234"


# The card, before the module is made


def _locked(stage: Stage, match: re.Match[str]) -> None:
    entered = [re.fullmatch(r'AT\+CPIN="?(\d{4,8})"?', line, re.IGNORECASE) for line in stage.ahead()]
    if not stage.sets(r"AT\+C(PIN|LCK)=.*"):
        stage.config.sim.pin = next((found[1] for found in entered if found), _PIN)


def _unlocks(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+C(PIN|LCK)=.*") and "," not in match[1]:
        stage.config.sim.pin = match[1].strip('"')


def _card_missing(stage: Stage, match: re.Match[str]) -> None:
    if re.match(r"AT\+C(PIN|IMI|CID)", stage.command(), re.IGNORECASE):
        stage.config.sim.present = False


# Before the log begins


def _error_style(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CMEE=\d"):
        stage.at("AT+CMEE=1" if match[1].strip().isdigit() else "AT+CMEE=2")


def _plain_error(stage: Stage, match: re.Match[str]) -> None:
    styled = any(re.match(r"\+CM[ES] ERROR|AT\+CMEE", item.text) for item in stage.exchange.items)
    if not styled:
        stage.at("AT+CMEE=0")


def _reporting(stage: Stage, match: re.Match[str]) -> None:
    name = match[1].upper()
    if stage.command().upper() == f"AT+{name}?" and not stage.sets(rf"AT\+{name}=\d.*"):
        stage.at(f"AT+{name}={match[2]}")


def _told_by_itself(stage: Stage, match: re.Match[str]) -> None:
    """A registration line with <stat> alone comes by itself: it is asked for."""
    if not stage.sets(rf"AT\+{match[1]}=\d.*"):
        stage.at(f"AT+{match[1]}=1")


def _written_back(stage: Stage, match: re.Match[str]) -> None:
    name, value = match[1].upper(), match[2].strip()
    if name in _NO_SETTING or stage.command().upper() != f"AT+{name}?" or stage.sets(rf"AT\+{name}=.*"):
        return
    if not value or not re.fullmatch(r'(?:-?\d+|"[^"]*")(?: ?, ?(?:-?\d+|"[^"]*"))*', value):
        return
    own = [line.partition(":")[2] for line in stage.at(f"AT+{name}?") if line.startswith(f"+{name}")]
    if len(own) == 1 and len(split(own[0])) >= len(split(value)):  # a value, never a field that the module lacks
        stage.at(f"AT+{name}={value}")


def _timers(stage: Stage, match: re.Match[str]) -> None:
    if stage.command().upper() != "AT+CPSMS?" or stage.sets(r"AT\+CPSMS=.*"):
        return
    bits = re.findall(r"[01]{8}", match[2])
    quoted = [f'"{value}"' for value in bits[-2:]]
    stage.at(f"AT+CPSMS={match[1]}" + (f",,,{quoted[0]},{quoted[1]}" if len(quoted) == 2 and match[1] == "1" else ""))


def _function(stage: Stage, match: re.Match[str]) -> None:
    if stage.command().upper() == "AT+CFUN?" and not stage.sets(r"AT\+CFUN=.*"):
        stage.at(f"AT+CFUN={match[1]}", 30.0)


def _was_off(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+C(FUN|OPS).*") and "+CPIN" in " ".join(stage.ahead()[:4]):
        stage.at("AT+CFUN=0", 30.0)


# Just before a command, or while its lines are waited for


def _registered(stage: Stage, match: re.Match[str]) -> None:
    stage.register(int(match[1]))


def _registration_told(stage: Stage, match: re.Match[str]) -> None:
    stat, ue = int(match[1]), stage.modem.ue
    if int(ue.stat) == stat:
        told = getattr(stage.modem, "reported", None)
        if told is not None:
            told.clear()  # as for one that has just come back
        stage.modem.registration_changed()
    elif stat == 0 or (int(ue.stat) == 0 and ue.grant.ip):
        ue._set(Stat(stat))  # lost and found without a search: the bearer stays
    else:
        stage.register(stat)


def _not_registered(stage: Stage, match: re.Match[str]) -> None:
    stage.register(2)


def _no_signal(stage: Stage, match: re.Match[str]) -> None:
    stage.signal_unknown()


def _attached(stage: Stage, match: re.Match[str]) -> None:
    if stage.command().upper() == "AT+CGATT?":
        stage.register(int(match[1]))


def _connected(stage: Stage, match: re.Match[str]) -> None:
    if match[1] == "1":
        stage.modem.ue.connect(lambda ok: None)
    else:
        stage.wait(lambda: not stage.modem.ue.connected, 120.0)


def _text_mode(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CMGF=\d"):
        stage.at("AT+CMGF=1")
    usual = 4 if match[1].startswith(('"REC', '"STO')) else 3
    if len(split(match[1])) > usual and not stage.sets(r"AT\+CSDH=\d"):
        stage.at("AT+CSDH=1")


def _by_number(stage: Stage, match: re.Match[str]) -> None:
    """A message whose number is in the command is text."""
    if not stage.sets(r"AT\+CMGF=\d"):
        stage.at("AT+CMGF=1")


def _stored(stage: Stage, match: re.Match[str]) -> None:
    """A message is read that came before: it is there."""
    messages = getattr(stage.modem, "messages", None)
    index = int(match[1])
    if re.match(r"\+CMS ERROR|ERROR", "".join(stage.ahead()[1:2])):
        return
    if messages is not None and index not in messages.store.messages:
        state = re.search(r"REC UNREAD|REC READ|STO UNSENT|STO SENT", " ".join(stage.ahead()[:3]))
        messages.store.messages[index] = Message(
            cast(Any, state[0] if state else "REC UNREAD"), "+15550001111", "hello", stage.network.utc()
        )


def _listed(stage: Stage, match: re.Match[str]) -> None:
    found = re.search(r"\+CMGL: ?(\d+)", " ".join(stage.ahead()[:4]))
    if found:
        number = re.fullmatch(r"(\d+)", found[1])
        if number:
            _stored(stage, number)


def _rings(stage: Stage, match: re.Match[str]) -> None:
    ring = getattr(stage.modem, "ring", None)
    if ring is not None:
        ring()


def _message(stage: Stage, match: re.Match[str]) -> None:
    messages = getattr(stage.modem, "messages", None)
    if messages is not None:
        assert messages.store is not None  # it is made at its first use, and takes what the centre has from then on
    stage.network.sms.send("+15550001111", "hello")


def _framed(stage: Stage, match: re.Match[str]) -> None:
    """A frame of the multiplexer: AT+CMUX has been sent, in the log or before it."""
    mux = stage.modem.mux
    if mux is not None and not mux.active:
        mux.start()


def _no_answer(stage: Stage, match: re.Match[str]) -> None:
    stage.peer.refuses = True


RULES: tuple[Rule, ...] = (
    Rule("config", "RX", r"\+CPIN: ?SIM PIN", _locked),
    Rule("config", "TX", r'(?i:AT\+CPIN)=("?\d{4,8}"?)', _unlocks),
    Rule("config", "RX", r"\+CME ERROR: ?(?:10|SIM not inserted)", _card_missing),
    Rule("setup", "RX", r"\+CM[ES] ERROR: ?(.*)", _error_style),
    Rule("setup", "RX", r"ERROR", _plain_error),
    Rule("setup", "RX", r"\+(C(?:G|E|5G)?REG|CSCON) ?: ?([0-5]),\d.*", _reporting),
    Rule("setup", "RX", r"\+(C(?:G|E)?REG) ?: ?\d", _told_by_itself),
    Rule("setup", "RX", r"\+CPSMS ?: ?([012])(.*)", _timers),
    Rule("setup", "RX", r"\+CFUN ?: ?(\d)", _function),
    Rule("setup", "RX", r"\+([A-Z0-9]+) ?: ?(.*)", _written_back),
    Rule("setup", "TX", r"(?i:AT\+CFUN=1)", _was_off),
    Rule("before", "RX", r"\+COPS: ?[0-4]", _not_registered),
    Rule("before", "TX", r"\xf9[\s\S]*\xf9", _framed),
    Rule("before", "RX", _REGISTRATION + r"[0-5],(\d{1,2})(?:,.*)?", _registered),
    Rule("before", "RX", r"\+CSQ ?: ?99, ?99", _no_signal),
    Rule("before", "RX", r"\+CGATT ?: ?([01])", _attached),
    Rule("cause", "RX", _REGISTRATION + r"(\d{1,2})(?:,[\"0-9A-Fa-f].*)?", _registration_told),
    Rule("cause", "RX", r"\+Q?CSCON ?: ?([01])(?:,\d)?", _connected),
    Rule("setup", "RX", r'\+CM(?:T|GRD?): ?(".*)', _text_mode),
    Rule("setup", "RX", r'\+CMGL: ?\d+,(".*)', _text_mode),
    Rule("setup", "TX", r'(?i:AT\+CMG[SW]="?\+?\d{5,}.*)', _by_number),
    Rule("before", "TX", r"(?i:AT\+(?:CMGRD?|CMSS|CMGD)=(\d+).*)", _stored),
    Rule("setup", "TX", r"(?i:AT\+CMGL.*)", _listed),
    Rule("cause", "RX", r"\+CMTI?: .*", _message),
    Rule("cause", "RX", r"RING|\+CRING: .*", _rings),
)
