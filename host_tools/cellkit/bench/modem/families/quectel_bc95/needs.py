"""What lines of Boudica's logs say of the state in which they were written."""

from __future__ import annotations

import re
from collections.abc import Callable

from cellkit.transcripts.stage import Rule, Stage

_PSM = 'AT+CPSMS=1,,,"01000001","00000001"'


def _quiet_rom(stage: Stage, match: re.Match[str]) -> None:
    """Whether the log shows what the boot ROM says at its own rate: many adapters and authors leave it out."""
    texts = [item.text for item in stage.exchange.items[:stage.position] if item.way == "RX" and item.text.strip()]
    noisy = len(texts) - 1 - texts.index("REBOOTING") if "REBOOTING" in texts else len(texts)
    noise = "\r\n".join(["\xc3\xe2F\xf8"] * noisy)
    stage.config.identity.more = {**stage.config.identity.more, "noise": noise}


def _cold_cause(stage: Stage, match: re.Match[str]) -> None:
    stage.config.identity.more = {**stage.config.identity.more, "cold_cause": match[1]}


def _band(stage: Stage, match: re.Match[str]) -> None:
    stage.config.identity.more = {**stage.config.identity.more, "band_shown": "yes"}


def _asked(setting: str) -> Callable[[Stage, re.Match[str]], None]:
    """A report is seen: it was asked for, in the log or before."""

    def do(stage: Stage, match: re.Match[str]) -> None:
        name = setting.partition("=")[0]
        if not stage.sets(rf"AT.*{re.escape(name)}=.*"):
            stage.at(f"AT{setting}")

    return do


def _registration_report(stage: Stage, match: re.Match[str]) -> None:
    if stage.command().upper() == "AT+CEREG?" or stage.sets(r"AT.*\+CEREG=.*"):
        return
    fields = match[1].count(",")
    stage.at(f"AT+CEREG={0 if fields == 0 and not match[1] else 1 if not fields else 2 if fields <= 3 else 3}")


def _flags(stage: Stage, match: re.Match[str]) -> None:
    """Which settings there are depends on the firmware."""
    lines = [re.fullmatch(r"\+NCONFIG:(\w+),(\w+)", line) for line in stage.ahead()[1:]]
    stage.modem.settings.nvram["NCONFIG"] = {line[1]: line[2] for line in lines if line}


def _off(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+CFUN=.*"):
        stage.at("AT+CFUN=0", 30.0)


def _by_hand(stage: Stage, match: re.Match[str]) -> None:
    """Who attaches or chooses the operator by hand has switched the module's own way off."""
    stage.modem.settings.nvram["NCONFIG"]["AUTOCONNECT"] = "FALSE"


def _operator(stage: Stage, match: re.Match[str]) -> None:
    stage.network.config.cell.plmn = match[1]


def _in_psm(stage: Stage, match: re.Match[str]) -> None:
    if "+NPSMR:1" in [item.text for item in stage.exchange.items[:stage.position]]:
        return
    stage.at(_PSM)
    stage.wait(lambda: stage.modem.ue.psm, 120.0)


def _wakes(stage: Stage, match: re.Match[str]) -> None:
    """As everybody learns: the first character that wakes it is lost."""
    if stage.modem.power.mode.value == "deep_sleep" and not re.fullmatch(r"(?i)AT", match[0]):
        kept = stage.heard()
        stage.send("AT")
        stage.advance(0.3)
        stage.forget()
        stage._heard += kept


def _releases(stage: Stage, match: re.Match[str]) -> None:
    texts = [item.text for item in stage.exchange.items[:stage.position] if item.way == "RX"]
    if "+CSCON:1" not in texts and not stage.sets(r"(?i)AT\+CSCON\?"):
        stage.modem.ue.connect(lambda ok: None)
        stage.wait(lambda: stage.modem.ue.connected, 20.0)


def _number(stage: Stage, match: re.Match[str]) -> None:
    """NSOCR gave this number: lower ones were taken."""
    if stage.command().upper().startswith("AT+NSOCR"):
        part = stage.modem.sockets_part  # type: ignore[attr-defined]
        part.reserved = set(range(int(match[1]))) - set(part.open)


def _open(stage: Stage, number: int, stream: bool) -> None:
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    if number in part.open:
        return
    part.reserved = set(range(number))
    stage.at(f"AT+NSOCR={'STREAM,6' if stream else 'DGRAM,17'},{20000 + number},1")
    if stream and not stage.will_send(rf"AT\+NSOCO={number},.*"):
        stage.at(f"AT+NSOCO={number},198.51.100.7,80")
        stage.wait(lambda: part.open[number].link.state == "open", 60.0)
        stage.advance(0.5)


def _used(stage: Stage, match: re.Match[str]) -> None:
    """A socket is used that the log has not opened, and no error comes of it."""
    answers = []
    for item in stage.exchange.items[stage.position + 1:]:
        if item.way == "TX":
            break
        answers.append(item.text)
    made = [item.text.strip() for item in stage.exchange.items[:stage.position] if item.way == "RX"]
    created = stage.sets(r"AT\+NSOCR=.*") and match[2] in made
    if not created and not any("ERROR" in text for text in answers):
        _open(stage, int(match[2]), match[1].upper() in ("NSOCO", "NSOSD"))


def _say(stage: Stage, match: re.Match[str]) -> None:
    """The peer sends as much as the URC tells."""
    number, size = int(match[1]), int(match[2])
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    _open(stage, number, False)
    if not stage.say(b"9" * size):
        part.open[number].link.sender = ("198.51.100.7", 7)
        part._came(number, part.open[number], b"9" * size)


def _waits(stage: Stage, match: re.Match[str]) -> None:
    """NSORF found something that no line before tells of."""
    asked = re.fullmatch(r"AT\+NSORF=(\d),\d+", stage.command(), re.IGNORECASE)
    if asked is None:
        return
    number = int(asked[1])
    part = stage.modem.sockets_part  # type: ignore[attr-defined]
    _open(stage, number, False)
    if not part.open[number].messages:
        part.open[number].messages.append((match[2], int(match[3]), b"9" * (int(match[4]) + int(match[5]))))


def _closed(stage: Stage, match: re.Match[str]) -> None:
    number = int(match[1])
    _open(stage, number, True)
    stage.modem.sockets_part._ended(number)  # type: ignore[attr-defined]


def _lives(stage: Stage, match: re.Match[str]) -> None:
    _open(stage, int(match[1]), True)


def _event(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.platform.event(int(match[1]))  # type: ignore[attr-defined]


def _platform_ready(stage: Stage, match: re.Match[str]) -> None:
    if re.match(r"(?i)AT\+(QLWULDATA|NMGS)", stage.command()):
        stage.modem.platform.state = "MO_DATA_ENABLED"  # type: ignore[attr-defined]


def _platform_state(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.platform.state = match[1]  # type: ignore[attr-defined]


def _platform_says(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.platform.downlink(b"\xa0" * int(match[1]))  # type: ignore[attr-defined]


def _kept(stage: Stage, match: re.Match[str]) -> None:
    if stage.command().upper() == "AT+NMGR":
        stage.modem.settings.ram["NNMI"] = 0
        stage.modem.platform.downlink(b"\xa0" * int(match[1]))  # type: ignore[attr-defined]


def _server(stage: Stage, match: re.Match[str]) -> None:
    if not stage.sets(r"AT\+NCDP=.*"):
        stage.at(f"AT+NCDP={match[1]},{match[2]}")


def _no_cell(stage: Stage, match: re.Match[str]) -> None:
    stage.signal_unknown()


def _lost_ping(stage: Stage, match: re.Match[str]) -> None:
    stage.modem.faults.ping_lost = True


def _noise(stage: Stage, match: re.Match[str]) -> None:
    """AT alone is an error only if something stood before it on the line."""
    if stage.command().upper() == "AT":
        stage.raw(b"AT#")


def _unattached(stage: Stage, match: re.Match[str]) -> None:
    if re.match(r"(?i)AT\+NSOCR", stage.command()):
        stage.register(2)


RULES = (
    Rule("config", "RX", r"Boot: Unsigned", _quiet_rom),
    Rule("config", "RX", r"REBOOT_CAUSE_(SECURITY_\w+)", _cold_cause),
    Rule("config", "RX", r"CURRENT BAND:\d+", _band),
    Rule("setup", "RX", r"\+NPSMR:[01]", _asked("+NPSMR=1")),
    Rule("setup", "RX", r"\+CSCON:[01]", _asked("+CSCON=1")),
    Rule("setup", "RX", r"\+NSMI:.*", _asked("+NSMI=1")),
    Rule("setup", "RX", r"\+NNMI:.*", _asked("+NNMI=1")),
    Rule("setup", "RX", r"\+NSONMI:\d,[\d.]+,\d+,\d+,.*", _asked("+NSONMI=2")),
    Rule("setup", "RX", r"\+CEREG:\d((?:,[0-9A-F]*)*)", _registration_report),
    Rule("setup", "RX", r"\+NCDP:([\w.]+),(\d+)", _server),
    Rule("setup", "TX", r"(?i:AT\+(?:CGATT=1|COPS=1,.*))", _by_hand),
    Rule("setup", "TX", r"(?i:AT\+CFUN=1)", _off),
    Rule("setup", "TX", r"(?i:AT\+NCONFIG\?)", _flags),
    Rule("setup", "RX", r"\+NPSMR:0", _in_psm),
    Rule("setup", "TX", r"(?i:AT\+(NSOST|NSOSTF|NSOCO|NSOSD|NSORF|NSOCL)=(\d).*)", _used),
    Rule("setup", "RX", r"\+NSOCLI: ?(\d)", _lives),
    Rule("setup", "RX", r"\+CSCON:0", _releases),
    Rule("before", "TX", r".*", _wakes),
    Rule("before", "TX", r'(?i:AT\+COPS=1,2,"?(\d+)"?.*)', _operator),
    Rule("before", "RX", r"(\d)", _number),
    Rule("before", "RX", r"(\d),([\d.]+),(\d+),(\d+),[0-9A-Fa-f]*,(\d+)", _waits),
    Rule("before", "RX", r"OK", _platform_ready),
    Rule("before", "RX", r"ERROR", _unattached),
    Rule("before", "RX", r"ERROR", _noise),
    Rule("before", "RX", r"(\d+),[0-9A-F]+", _kept),
    Rule("before", "RX", r"\+NMSTATUS:(\w+)", _platform_state),
    Rule("before", "RX", r"Signal power:-32768", _no_cell),
    Rule("before", "RX", r"\+NPINGERR:\d", _lost_ping),
    Rule("cause", "RX", r"\+NSONMI:(\d),(\d+)", _say),
    Rule("cause", "RX", r"\+NSONMI:(\d),[\d.]+,\d+,(\d+),.*", _say),
    Rule("cause", "RX", r"\+NSOCLI: ?(\d)", _closed),
    Rule("cause", "RX", r"\+QLWEVTIND: ?(\d)", _event),
    Rule("cause", "RX", r"\+NNMI:(\d+),[0-9A-F]+", _platform_says),
)
