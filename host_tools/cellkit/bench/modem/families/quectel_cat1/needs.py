"""Rules for playing logs of this family."""

from __future__ import annotations

import re

from cellkit.bench.modem.families._quectel.needs import RULES as SHARED
from cellkit.bench.modem.families._quectel.needs_services import bring_up
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
        if not ftp.is_open and not stage.sets(r"AT\+QFTPOPEN=.*"):
            stage.at('AT+QFTPOPEN="ftp.example.com",21')
            stage.advance(2.0)
        if match[1] == "RENAME":
            ftp.files.setdefault(match[2], 20)


def _bring_up(stage: Stage, match: re.Match[str]) -> None:
    bring_up(stage)


def _port(stage: Stage, match: re.Match[str]) -> None:
    """A log is written where URCs are seen: they were sent to this port before."""
    stage.config.nvram = {**stage.config.nvram, "urcport": "uart1"}


def _session(stage: Stage, match: re.Match[str]) -> None:
    """FTP: the session that the log uses is open, and the file that it fetches is there."""
    ftp = stage.modem.ftp  # type: ignore[attr-defined]
    if not ftp.is_open and not stage.sets(r"AT\+QFTPOPEN=.*"):
        stage.at('AT+QFTPOPEN="ftp.example.com",21')
        stage.advance(2.0)
    if match[1].upper() in ("GET", "MDTM") and match[2]:
        ftp.files.setdefault(match[2], 379)


def _unreachable(stage: Stage, match: re.Match[str]) -> None:
    if re.match(r"(?i)AT\+QHTTPGET", stage.command()):
        stage.modem.http_part.unreachable = True  # type: ignore[attr-defined]


def _gnss_urc(stage: Stage, match: re.Match[str]) -> None:
    stage.config.identity.more = {**stage.config.identity.more, "gnss_urc": "yes"}


def _gnss_on(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+QGPS=1.*") and not stage.modem.gnss.on:  # type: ignore[attr-defined]
        stage.modem.gnss.start()  # type: ignore[attr-defined]


def _located(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.location.places = match[1]  # type: ignore[attr-defined]


def _no_server(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.sockets_part.active.clear()  # type: ignore[attr-defined]


def _uploaded(stage: Stage, match: re.Match[str]) -> None:
    """A file that is listed, or that is said to exist, was uploaded before."""
    name = match[1].removeprefix("UFS:")
    if not stage.sets(r"AT\+QFUPL=.*"):
        stage.modem.files.write(name, b"x" * int(match[2]))  # type: ignore[attr-defined]


def _calls(stage: Stage, match: re.Match[str]) -> None:
    voice = stage.modem.voice  # type: ignore[attr-defined]
    if not stage.sets(r"ATD.*|ATA"):
        voice.ring()
        stage.forget()


def _key(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.voice.detected(int(match[1]))  # type: ignore[attr-defined]


RULES = (
    *SHARED,
    Rule("before", "RX", r"\+CME ERROR: 100", _drifted),
    Rule("setup", "RX", r"\+CGACT: 9,1", _drifted),
    Rule("config", "RX", r".*", _port),
    Rule("config", "RX", r'\+QGPS: ?"firmware",.*', _gnss_urc),
    Rule("setup", "TX", r'(?i:AT\+QFTP(RENAME|SIZE|DEL)="([^"]*)".*)', _file),
    Rule("setup", "TX", r'(?i:AT\+QFTP(PWD|CWD|LIST|NLST|GET|PUT|MDTM|CLOSE)(?:="([^"]*)".*)?)', _session),
    Rule("setup", "RX", r'\+QFLST: ?"([^"]*)",(\d+)', _uploaded),
    Rule("setup", "RX", r"\+CLCC: ?\d,\d,\d,0,.*", _calls),
    Rule("setup", "RX", r"\+QLBS: ?10002", _bring_up),
    Rule("before", "RX", r"\+QLBS: ?702", _no_server),
    Rule("before", "RX", r"\+QLBS: ?0,(.*)", _located),
    Rule("before", "TX", r"(?i:AT\+(?:QGPSGNMEA=.*|QGPSEND|QGPSLOC=.*))", _gnss_on),
    Rule("before", "RX", r"\+CME ERROR: ?(?:716|702)", _unreachable),
    Rule("cause", "RX", r"\+QTONEDET: ?(\d+)", _key),
)
