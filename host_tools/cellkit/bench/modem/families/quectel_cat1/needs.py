"""Rules for playing logs of this family."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._quectel.needs import RULES as SHARED
from cellkit.transcripts.stage import Rule, Stage


def _drifted(stage: Stage, match: re.Match[str]) -> None:
    """The bearer is on another context than the IP layer says."""
    if re.match(r"AT\+CGACT", stage.command(), re.IGNORECASE) or not stage.command():
        stage.modem.drift()  # type: ignore[attr-defined]


def _file(stage: Stage, match: re.Match[str]) -> None:
    """What is renamed, or is said to have a size, is on the server, unless the log says that it is not."""
    ftp = stage.modem.ftp  # type: ignore[attr-defined]
    answer = " ".join(stage.ahead()[1:2])
    if "627" not in answer:
        if not ftp.is_open:
            stage.at('AT+QFTPOPEN="ftp.example.com",21')
            stage.advance(2.0)
        if match[1] == "RENAME":
            ftp.files.setdefault(match[2], 20)


RULES = (
    *SHARED,
    Rule("before", "RX", r"\+CME ERROR: 100", _drifted),
    Rule("setup", "RX", r"\+CGACT: 9,1", _drifted),
    Rule("setup", "TX", r'(?i:AT\+QFTP(RENAME|SIZE|DEL)="([^"]*)".*)', _file),
)
