"""Rules for playing logs of this family."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._simcom.needs import RULES as SHARED
from cellkit.transcripts.stage import Rule, Stage


def _line_767(stage: Stage, match: re.Match[str]) -> None:
    """Of this family's logs some are of a SIM767X, as their heads say."""
    if "SIM767" in stage.exchange.module:
        stage.config.identity.more["line"] = "767x"


RULES = (Rule("config", "TX", r"[\s\S]*", _line_767), Rule("config", "RX", r"[\s\S]*", _line_767), *SHARED)

__all__ = ["RULES"]
