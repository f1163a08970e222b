"""What reports in Quectel logs say of settings and of the network when they were written."""

from __future__ import annotations

import re

from cellkit.transcripts.stage import Rule, Stage

_POWER_DOWN_S = 120.0


def _unasked(stage: Stage, name: str) -> bool:
    """Whether the line at this place is a report, and the log has not asked for such reports."""
    return f"+{name}" not in stage.command().upper() and not stage.sets(rf"AT.*\+{name}=.*")


def _connection_report(stage: Stage, match: re.Match[str]) -> None:
    name = match[1].upper()
    if _unasked(stage, name):
        stage.at(f"AT+{name}=1")


def _registration_report(stage: Stage, match: re.Match[str]) -> None:
    name, fields = match[1].upper(), match[2]
    if _unasked(stage, name):
        count, timed = fields.count(","), '"' in fields.rpartition(",")[2]
        stage.at(f"AT+{name}={1 if not count else 2 if count <= 3 else 4 if timed else 3}")


def _timers_granted(stage: Stage, match: re.Match[str]) -> None:
    """+CEREG shows timers: they were asked for."""
    if not stage.sets(r"AT\+(CPSMS|QPSMS)=.*"):
        stage.at(f'AT+CPSMS=1,,,"{match[2]}","{match[1]}"')
        stage.advance(15.0)


def _edrx_granted(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CEDRXS=.*"):
        stage.at(f'AT+CEDRXS=1,{match[1]},"{match[2]}"')
    stage.advance(15.0)


def _attaches(stage: Stage, match: re.Match[str]) -> None:
    """An address comes: where nothing in the log makes the module attach, it is just doing so."""
    if not stage.sets(r"AT\+(CFUN|QRST|QBAND|CGATT|COPS|QLOCKF).*"):
        stage.modem.ue.stop()
        stage.advance(0.5)


def _begins(stage: Stage, match: re.Match[str]) -> None:
    ue = stage.modem.ue
    if not ue.on and stage.modem.settings.nvram["CFUN"] == 1:
        heard = stage.heard()
        ue.start()
        if not match[0].startswith("+CEREG"):  # the log begins when the search is over
            stage.forget()
            stage._heard += heard


def _out_of_service(stage: Stage, match: re.Match[str]) -> None:
    stage.register(2)


def _powers_down(stage: Stage, match: re.Match[str]) -> None:
    ue = stage.modem.ue
    if not ue.grant.t3324:
        stage.at('AT+CPSMS=1,,,"01000001","00000001"')
    stage.wait(lambda: ue.psm, _POWER_DOWN_S)


def _event_unquoted(stage: Stage, match: re.Match[str]) -> None:
    stage.config.identity.more = {**stage.config.identity.more, "event_quotes": "no"}


def _enters(stage: Stage, match: re.Match[str]) -> None:
    if stage.modem.settings.nvram.get("QNBIOTEVENT") == 0 and not stage.sets(r"AT\+QNBIOTEVENT=.*"):
        stage.at("AT+QNBIOTEVENT=1,1")
    if not stage.modem.ue.grant.t3324:
        stage.at('AT+CPSMS=1,,,"01000001","00000001"')


def _download(stage: Stage, match: re.Match[str]) -> None:
    """How many steps of an update are told depends on its size."""
    said = [re.match(r'\+QIND: "FOTA","([A-Z]+)", ?\d+%', line) for line in stage.ahead()]
    names = [found[1] for found in said if found]
    stage.modem.file_part.steps = {name: names.count(name) for name in dict.fromkeys(names)}  # type: ignore[attr-defined]


def _has_address(stage: Stage, match: re.Match[str]) -> None:
    stage.attach()
    stage.advance(2.0)


REPORT_RULES = (
    Rule("before", "RX", r'\+CGPADDR: ?\d+,"?[\d.]+"?', _has_address),
    Rule("config", "RX", r"\+QNBIOTEVENT: ?[A-Z ]+", _event_unquoted),
    Rule("setup", "RX", r"\+(Q?CSCON) ?: ?[01](?:,[01])?", _connection_report),
    Rule("setup", "RX", r"\+(C(?:G|E)?REG) ?: ?\d((?:,[\"0-9A-F]*)*)", _registration_report),
    Rule("setup", "RX", r'\+CEREG: ?(?:[45],)?[15],.*,,,?"([01]{8})","([01]{8})"', _timers_granted),
    Rule("setup", "RX", r'\+CEDRX(?:RDP|P): ?([45]),"([01]{4})",.*', _edrx_granted),
    Rule("setup", "RX", r"\+IP: ?.*", _attaches),
    Rule("before", "RX", r'\+QCSQ: ?"NOSERVICE"', _out_of_service),
    Rule("before", "TX", r"(?i:AT\+QFOTADL=.*)", _download),
    Rule("cause", "RX", r"\+CSCON ?: ?1|\+CEREG ?: ?[125](?:,.*)?|\+IP: ?.*", _begins),
    Rule("cause", "RX", r"PSM POWER DOWN", _powers_down),
    Rule("cause", "RX", r'\+QNBIOTEVENT: ?"?ENTER PSM"?', _enters),
)  # fmt: skip
