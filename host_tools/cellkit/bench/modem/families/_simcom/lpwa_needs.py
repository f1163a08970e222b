"""What lines of SIMCom logs say of the state in which they were written, in all four families."""

from __future__ import annotations

import re

from cellkit.bench.modem.power import Mode
from cellkit.transcripts.peer import PeerPipe
from cellkit.transcripts.stage import Rule, Stage

HOST = "198.51.100.7"


def _fixed_rate(stage: Stage, match: re.Match[str]) -> None:
    """A banner is only seen at a fixed rate."""
    if "IPR" not in stage.config.nvram:
        stage.config.nvram = {**stage.config.nvram, "IPR": 115200}


def _wakes(stage: Stage, match: re.Match[str]) -> None:
    """Who talks to a module in deep sleep has woken it by its key."""
    if stage.modem.power.mode is Mode.DEEP_SLEEP:
        wake(stage)
        stage.advance(2.0)
        stage.forget()


def wake(stage: Stage) -> None:
    """A pulse at the power key."""
    modem = stage.modem
    modem.pin("PWRKEY", 0)
    stage.advance(stage.config.timing.pwrkey_low_s.value + 0.05)
    modem.pin("PWRKEY", 1)
    stage.wait(lambda: modem.power.running, 30.0)


def hang_up(stage: Stage, match: re.Match[str]) -> None:
    """The peer closes."""
    live = stage.live()
    if isinstance(live, PeerPipe):
        live.hang_up()


def psm_status(stage: Stage, match: re.Match[str]) -> None:
    """+CPSMSTATUS is said only where it was asked for, and by a module with timers."""
    stage.at("AT+CPSMSTATUS=1")
    if not stage.sets(r"AT\+CPSMS=1.*") and not stage.will_send(r"AT\+CPSMS=1.*"):
        stage.at('AT+CPSMS=1,,,"01011111","00100001"')


def exit_psm(stage: Stage, match: re.Match[str]) -> None:
    """Somebody presses the key."""
    if stage.modem.power.mode is not Mode.DEEP_SLEEP:
        stage.wait(lambda: stage.modem.power.mode is Mode.DEEP_SLEEP, 180.0)
    wake(stage)


def edrx_granted(stage: Stage, match: re.Match[str]) -> None:
    """The network has granted what was asked for."""
    grant = stage.modem.ue.grant
    if grant.edrx is None:
        if not stage.sets(r"AT(\+CEDRXS|\*MEDRXCFG)=[12].*"):
            stage.at('AT+CEDRXS=1,5,"0010"')
        stage.wait(lambda: stage.modem.ue.grant.edrx is not None, 60.0)


def edrx_none(stage: Stage, match: re.Match[str]) -> None:
    """The network has been told that none is wanted."""
    stage.wait(lambda: stage.modem.ue.grant.edrx is None, 60.0)


def _attached(stage: Stage, match: re.Match[str]) -> None:
    """What the network has given is shown by a module that is attached."""
    if not stage.modem.ue.grant.ip and not stage.sets(r"AT\+CGATT=0"):
        stage.attach()


def _classic_data(stage: Stage, match: re.Match[str]) -> None:
    """The peer of an older socket says something, which is printed as it is or with a header."""
    classic = stage.modem.classic  # type: ignore[attr-defined]
    if not any(link.number >= classic.first for link in stage.modem.links.all()):  # type: ignore[attr-defined]
        return
    head = re.match(r"(?:\+RECEIVE,\d+,(\d+):|\+IPD,(\d+):|RECV FROM:)", match[0])
    if head is None:
        stage.say(match[0].encode("latin-1", "replace") + b"\r\n")  # as a person types
    else:
        size = int(head[1] or head[2] or 10)
        stage.say(b"data from the server".ljust(size, b"x")[:size - 2] + b"\r\n")


def _no_service(stage: Stage, match: re.Match[str]) -> None:
    """No cell has been found."""
    stage.register(2)


def _typed(stage: Stage, match: re.Match[str]) -> None:
    """The data that a log does not show were typed."""
    if stage.modem.in_data_mode:
        stage.type_payload()


def refused(stage: Stage, match: re.Match[str]) -> None:
    """Where a connection fails, the peer has refused it."""
    opening = r"(?i)AT\+(CSOCON|CMQNEW|CMQTTSNEW|CHTTPCON|CTLSCONN|CAOPEN|SMCONN|SHCONN)"
    if re.match(opening, stage.command()):
        stage.peer.refuses = True


RULES = (
    Rule("config", "RX", r'RDY|\*MATREADY: 1|\+CFUN: 1|SMS Ready|\+CPSMSTATUS: "EXIT PSM"', _fixed_rate),
    Rule("before", "TX", r"(?i:AT.*)", _wakes),
    Rule("before", "RX", r"\+CEDRXRDP: ?[45],.*", edrx_granted),
    Rule("before", "RX", r"\+CEDRXRDP: ?0", edrx_none),
    Rule("before", "RX", r'\+(?:CGCONTRDP: ?\d,\d|CGPADDR: ?\d,"?[1-9]|CNACT: ?\d,(?:1|"[1-9]))(?:.*)', _attached),
    Rule("before", "RX", r"ERROR", refused),
    Rule("before", "RX", r"\+CPSI: ?NO SERVICE.*", _no_service),
    Rule("cause", "RX", r"OK", _typed),
    Rule("cause", "RX", r"\+RECEIVE,.*|\+IPD,.*|RECV FROM:.*|(?!CLOSED|OK|ERROR|\d, ?C)[^+*].*", _classic_data),
    Rule("cause", "RX", r"CLOSED|\d, ?CLOSED", hang_up),
)
