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


RULES = (
    Rule("config", "RX", r"RDY|\*MATREADY: 1|\+CFUN: 1|SMS Ready", _fixed_rate),
    Rule("before", "TX", r"(?i:AT.*)", _wakes),
    Rule("before", "RX", r"\+CEDRXRDP: ?[45],.*", edrx_granted),
    Rule("before", "RX", r"\+CEDRXRDP: ?0", edrx_none),
)
