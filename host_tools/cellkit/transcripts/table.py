"""The table of module families in docs/modules.md: each cell says by what a feature is shown.

`wire`: a log of a real module that the virtual one reproduces; `doc`: an example of its manual, ditto; `twin`: the
firmware has it, and no log does: the virtual module alone, in the tests. In brackets: shown by a log, but the firmware
makes no use of it. `-`: neither.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cellkit.bench.modem import families
from cellkit.transcripts.exchange import Exchange, load
from cellkit.transcripts.score import COUNTED, percentage, play, rules_of, variant_of

_ROOT = Path(__file__).resolve().parents[3]
_DATA = _ROOT / "tests" / "data"
_LIMIT_S = 60

# Feature -> capability of the firmware ("" = every family has it), and what a log of it has sent or received.
FEATURES: dict[str, tuple[str, str]] = {
    "start and identity": ("", r"RDY|\*ATREADY.*|\+MATREADY|ATI|AT\+CGM[IMR]|Neul ?|F1: .*|AT\+G(MR|SV).*|\+SYSSTART"),
    "registration": ("", r"AT\+C(E|G)?REG.*|AT\+COPS.*|AT\+CGATT.*"),
    "signal": ("signal", r"AT\+(CSQ|CESQ|QENG.*|QCSQ|CPSI\?|NUESTATS|CENG.*|UCGED.*)|AT%(CONEVAL|XMONITOR)"),
    "PSM": ("psm", r"AT\+CPSMS.*|AT\+QPSMS.*|AT#CPSMS.*|\+NPSMR:\d|AT\+UPSMR.*|\*GOTOSLEEP"),
    "eDRX": ("edrx", r"AT\+CEDRX.*|AT\+NPTWEDRXS.*|AT\*MEDRXCFG.*|\+CEDRXP.*"),
    "RAI": ("rai", r"AT\+(QNBIOTRAI|CNBIOTRAI|NSOSTF|CRAI).*|AT#XSOCKETOPT=1,5[0-2]"),
    "UDP": ("udp", r'.*"UDP.*|AT\+NSO.*DGRAM.*|AT\+CSOC=1,2.*|AT#XUDP.*|AT#XSOCKET=1,2.*|\+UUSORF.*|\+CSONMI.*'),
    "TCP": ("tcp", r'.*"TCP".*|AT\+CSOC=1,1.*|AT#XTCP.*|\+USOWR.*|AT\+CASEND.*|\+MIPURC: "rtcp".*'),
    "TLS": ("tls", r"AT\+(QSSL|CSSLCFG|CCERTDOWN|CTLS|CCH|SQNSPCFG|USEC|MSSL|GTSSL).*|AT%CMNG.*"),
    "MQTT": ("mqtt", r"AT\+(QMT|CMQ|SM(CONN|PUB|SUB)|MQTT|MPUB|MCONNECT|UMQTT|SQNSMQTT).*|AT#XMQTT.*"),
    "HTTP": ("http", r"AT\+(QHTTP|HTTP|CHTTP|SH|MHTTP|UHTTP|SQNHTTP).*|AT#XHTTP.*"),
    "CoAP": ("coap", r"AT\+(CCOAP|QCOAP|NMGS|COAP).*|AT#XCOAP.*"),
    "clock": ("clock", r"AT\+(CCLK|CTZ|QLTS|QNTP|CNTP|CMNTP).*|\+NITZ.*"),
    "SMS": ("sms", r"AT\+(CMG|CNMI|CMSS).*|\+CMT.*"),
    "GNSS": ("gnss", r"AT\+(QGPS|CGNS|SGNS|LPGNSS).*|AT#XGNSS.*|\+QGPSLOC.*"),
    "location by cell": ("cell_location", r"AT\+(CLBS|CIPGSMLOC|WIFILOC|QCELLLOC).*|AT#XNRFCLOUD.*"),
}
_ORDER = ("wire", "doc")
_OVER = {"mqtt": "tcp", "http": "tcp"}  # what the firmware's own client over a stream does where the module has none

# Family and exchange -> why the virtual module does not reproduce it.
_REASONS = {
    ("quectel-cat1", 3): "the log has results of commands that it leaves out",
    ("luat-air780e", 5): "after the PIN other logs have ^MODE before +NITZ, this one has not",
}


@dataclass
class Row:
    """One family."""

    family: str
    percent: float
    counted: int
    missing: list[str] = field(default_factory=list)
    """Exchanges that are not reproduced, with the difference."""
    cells: dict[str, str] = field(default_factory=dict)


def rows(data: Path = _DATA) -> list[Row]:
    """All families that have a virtual module. Raises what playing raises, and OSError."""
    return [_row(family, data) for family in families.FAMILIES if family in families.names()]


def _row(family: str, data: Path) -> Row:
    path = data / f"{family}.jsonl"
    exchanges = list(load(path)) if path.is_file() else []
    rules = rules_of(family)
    scores = [play(variant_of(family, exchange), exchange, rules) for exchange in exchanges]
    row = Row(family, percentage(scores), sum(score.evidence in COUNTED for score in scores))
    row.missing = [
        f"{score.number} ({score.evidence}, {score.context}): {score.difference}. "
        f"Reason: {_REASONS.get((family, score.number), 'not known yet')}"
        for score in scores if not score.match and score.evidence in COUNTED
    ]  # fmt: skip
    shown = [exchange for exchange, score in zip(exchanges, scores, strict=True) if score.match]
    able = capabilities(family)
    for feature, (capability, pattern) in FEATURES.items():
        found = {exchange.evidence for exchange in shown if _has(exchange, pattern)}
        best = next((evidence for evidence in _ORDER if evidence in found), None)
        there = able is not None and (capability == "" or capability in able or _OVER.get(capability) in able)
        row.cells[feature] = (best or "twin") if there else f"({best})" if best else "-"
    return row


def _has(exchange: Exchange, pattern: str) -> bool:
    return any(re.fullmatch(pattern, item.text.strip(), re.IGNORECASE) for item in exchange.items)


def capabilities(family: str) -> Sequence[str] | None:
    """What the firmware can do with the family's modules, as it says itself; None where it has no profile for it."""
    identity = families.config(family).identity
    said = " ".join([identity.manufacturer, identity.model, identity.revision])
    program = (
        f"from cellular.modem import loader; import json; p = loader.find({said.encode()!r}); "
        "print(json.dumps(p and list(p.CAPABILITIES)))"
    )
    vm = _ROOT / "build" / "micropython" / "micropython"
    env = {**os.environ, "MICROPYPATH": f".frozen:{_ROOT / 'firmware'}"}
    done = subprocess.run([str(vm), "-c", program], env=env, capture_output=True, text=True, timeout=_LIMIT_S)
    if done.returncode:
        raise RuntimeError(f"the firmware's profile for {family} does not load: {done.stdout}{done.stderr}")
    found: Sequence[str] | None = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def document(table: Sequence[Row]) -> str:
    """docs/modules.md."""
    head = "| | " + " | ".join(FEATURES) + " |"
    lines = [
        "# Modules", "",
        "Which modules cellkit speaks to, and what shows it. Made by `cellkit twin table --write docs/modules.md`.", "",
        "- **wire**: a log of a real module, which the virtual one reproduces line by line (shape of each line, see "
        "[twins.md](twins.md))",
        "- **doc**: an example of the module's manual, ditto",
        "- **twin**: no log at hand; the firmware does it against the virtual module alone",
        "- (wire), (doc): the virtual module has it, shown so, but the firmware makes no use of it",
        "- **-**: neither; the firmware says `NotSupported` and what to do instead", "",
        "MQTT and HTTP count as there where the firmware speaks them itself over the module's TCP, see",
        "[capabilities.md](capabilities.md).", "",
        head, "|---|" + "---|" * len(FEATURES),
    ]  # fmt: skip
    for row in table:
        cells = [f"**{cell}**" if cell == "wire" else cell for cell in row.cells.values()]
        names = ", ".join(families.FAMILIES[row.family])
        lines.append(f"| {row.family}: {names} | " + " | ".join(cells) + " |")
    lines += ["", "## How much of the logs is reproduced", ""]
    lines += ["| family | exchanges that count | reproduced |", "|---|---|---|"]
    for row in table:
        reproduced = f"{row.percent:.1f} %" if row.counted else "no log"
        lines.append(f"| {row.family} | {row.counted} | {reproduced} |")
    missing = [(row.family, text) for row in table for text in row.missing]
    if missing:
        lines += ["", "Not reproduced:", ""]
        lines += [f"- {family}, exchange {text}" for family, text in missing]
    return "\n".join(lines) + "\n"
