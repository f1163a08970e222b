"""Rules for playing logs of this family."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._simcom.needs import RULES as SHARED
from cellkit.transcripts.stage import Rule, Stage


def _line_767(stage: Stage, match: re.Match[str]) -> None:
    """Only a SIM767X says this."""
    stage.config.identity.more["line"] = "767x"


RULES = (Rule("config", "RX", r"[\s\S]*QCRDY[\s\S]*|&F: .*", _line_767), *SHARED)

__all__ = ["RULES"]
