"""What lines of Telit logs say of the state in which they were written: sockets, contexts, PSM."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._clients.needs import COMMON
from cellkit.bench.modem.families._clients.needs_numbered import NumberedRules
from cellkit.bench.modem.families.telit_me310 import Module
from cellkit.bench.modem.families.telit_me310.sockets import EXTENDED
from cellkit.transcripts.stage import Rule, Stage

_SOCKETS = NumberedRules("#S", "SRING", "udp", "SENDEXT|SEND|RECV|H|O|S|I", EXTENDED)


def _modem(stage: Stage) -> Module:
    assert isinstance(stage.modem, Module)
    return stage.modem


def _psm(stage: Stage, match: re.Match[str]) -> None:
    modem = _modem(stage)
    modem.settings.nvram["PSMURC"] = 1
    modem.settings.nvram["CPSMS"] = {"mode": 1, "t3412": "00000011", "t3324": "00000101"}
    modem.standard.request_changed()


def _context(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT#SGACT=.*"):
        stage.at("AT#SGACT=1,1")


RULES = (
    *COMMON,
    *_SOCKETS.setup,
    Rule("setup", "RX", r"#SGACT: \d,1", _context),
    _SOCKETS.before,
    _SOCKETS.cause,
    Rule("cause", "RX", r"#PSMURC: \d+,\d+", _psm),
)
