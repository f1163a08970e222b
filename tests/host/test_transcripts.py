"""Logs of real modems: every family's virtual module reproduces them, and the firmware's parser knows every line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.modem import families
from cellkit.transcripts.exchange import Exchange, Item, TranscriptError, load
from cellkit.transcripts.masks import masked
from cellkit.transcripts.parse import parse_exchanges
from cellkit.transcripts.player import Player
from cellkit.transcripts.record import Recorder, read_script
from cellkit.transcripts.score import COUNTED, percentage, play, rules_of, score_file, variant_of
from cellkit.transcripts.shape import same, shape_of
from cellkit.transcripts.stage import Stage
from cellkit.transcripts.table import document, rows

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
LOGS = [path for path in sorted(DATA.glob("*.jsonl")) if path.stem in families.names()]
# Logs without an answer line of bare numbers that counts and that could be changed.
FEW_NUMBERS = ("generic", "nordic-nrf91", "quectel-bc95", "sequans-gm02s", "telit-me310", "ublox-sara-n2")
CELLKIT = [sys.executable, "-m", "cellkit.cli"]


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_the_virtual_module_says_what_the_log_has(path: Path) -> None:
    scores = list(score_file(path.stem, path))
    differences = [f"{score.number}: {score.difference}" for score in scores if not score.match]
    assert percentage(scores) >= 95.0, "\n".join(differences)


@pytest.mark.parametrize("path", [path for path in LOGS if path.stem != "generic"], ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_firmware_knows_every_line(path: Path, seed: int) -> None:
    exchanges = list(load(path))
    for exchange, found in zip(exchanges, parse_exchanges(path.stem, exchanges, seed), strict=True):
        assert not found["unknown"], f"exchange {exchange.number}: {found['unknown']}"
        assert found["final"] == final_of(exchange), f"exchange {exchange.number}: {found}"


def final_of(exchange: Exchange) -> str:
    """The final result of the last command, read by eye's rules: the last line that is one."""
    # Frames of a multiplexer are no commands, and neither is an echo without a listed command.
    typed = [part for part in exchange.segments() if part.sent is None or not (part.sent.binary or part.sent.inferred)]
    answers = [item.text.strip() for item in typed[-1].answers]
    final = "none"
    for line in (part for text in answers for part in re.split(r"[\r\n]+", text)):
        if line in ("OK", "SEND OK", "SEND FAIL", "SHUT OK", "CLOSE OK") or line.startswith("DATA ACCEPT"):
            final = "ok" if not (line == "SEND OK" and final == "error") else final
        elif line in ("ERROR", "NO CARRIER") or re.match(r"\+CM[ES] ERROR", line):
            final = "error"
        elif line == "CONNECT":
            final = "connect"
        elif line in (">", "@"):
            final = "prompt"
    return final


def exchange(*pairs: tuple[str, str], **more: Any) -> Exchange:
    items = tuple(Item(way, text, text) for way, text in pairs)  # type: ignore[arg-type]
    fields = {"module": "", "family": "", "evidence": "wire", "context": "query", "note": "", "raw": False} | more
    return Exchange(number=1, items=items, **fields)


# --- what is a difference -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "difference"),
    [
        ([("TX", "AT+CSQ"), ("RX", "+CSQ: 22,0"), ("RX", "OK")], ""),
        ([("TX", "AT+CSQ"), ("RX", "+CSQ:22,0"), ("RX", "OK")], ""),  # spaces are no shape
        ([("TX", "AT+CSQ"), ("RX", "+CSQ: 22"), ("RX", "OK")], "+CSQ: 22"),
        ([("TX", "AT+CSQ"), ("RX", '+CSQ: "22",0'), ("RX", "OK")], '"22"'),
        ([("TX", "AT+CSQ"), ("RX", "+CSQ: ,0"), ("RX", "OK")], "+CSQ: ,0"),
        ([("TX", "AT+CSQ"), ("RX", "+CSQX: 22,0"), ("RX", "OK")], "+CSQX"),
        ([("TX", "AT+CSQ"), ("RX", "OK"), ("RX", "+CSQ: 22,0")], "OK"),
        ([("TX", "AT+CSQ"), ("RX", "+CSQ: 22,0"), ("RX", "ERROR")], "ERROR"),
        ([("TX", "AT+CSQ"), ("RX", "+CSQ: 22,0")], "unexpected 'OK'"),
        ([("TX", "AT+CSQ"), ("RX", "+CSQ: 22,0"), ("RX", "OK"), ("RX", "+CSCON: 1")], "+CSCON: 1"),
        ([("TX", "AT+CPIN?"), ("RX", "+CME ERROR: 10")], ""),  # without a card, which the log implies
        ([("TX", "AT+CPIN?"), ("RX", "+CME ERROR: SIM not inserted")], ""),
        ([("TX", "AT+CPIN?"), ("RX", "+CME ERROR: 17")], "+CME ERROR: 17"),
    ],
)
def test_a_difference_is_found(pairs: list[tuple[str, str]], difference: str) -> None:
    score = play("generic", exchange(*pairs), rules_of("generic"))
    assert difference in score.difference and bool(difference) == bool(score.difference), score.difference


def test_a_log_is_never_known_by_its_number() -> None:
    """Rules see lines only: the same exchange under another number and module has the same verdict."""
    path = DATA / "quectel-bg9x.jsonl"
    for known in list(load(path))[:8]:
        other = replace(known, number=999)
        verdicts = {
            play(variant_of("quectel-bg9x", entry), entry, rules_of("quectel-bg9x")).match for entry in (known, other)
        }
        assert len(verdicts) == 1


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_changed_log_is_told(path: Path) -> None:
    """The examiner is examined: of answers with one field more than the log has, none may count as reproduced."""
    changed = 0
    for known in load(path):
        lines = [item for item in known.items if item.way == "RX" and re.fullmatch(r"\+[A-Z]+: [^\"]*\d", item.text)]
        if known.evidence not in COUNTED or known.raw or known.edited or not lines:
            continue
        wrong = tuple(
            Item("RX", item.text + ',"x",1', item.published) if item is lines[-1] else item for item in known.items
        )
        entry = Exchange(1, known.module, known.family, "wire", known.context, known.note, False, wrong)
        if play(variant_of(path.stem, known), known, rules_of(path.stem)).match:
            changed += 1
            assert not play(variant_of(path.stem, entry), entry, rules_of(path.stem)).match, lines[-1].text
    assert changed or path.stem in FEW_NUMBERS


def test_shapes() -> None:
    assert str(shape_of('+QMTRECV: 0,1,"a,b","{"x":1}"')) .startswith("+QMTRECV: …,…")
    assert same("SEND OK", "SEND OK") and not same("SEND OK", "SEND FAIL")
    assert same("+CEREG: (0-5)", "+CEREG: (0-3)") and not same("+CEREG: (0-5),1", "+CEREG: (0-3)")
    assert same("+COPS: (2,\"a\",\"\",\"1\",9),(1,\"b\",\"\",\"2\",9),,(0-4)", "+COPS: (1,\"\",\"\",\"3\",9),,(0-4)")


def test_a_stage_is_a_module_of_its_own() -> None:
    first, second = (Stage("generic", exchange(("TX", "AT"), ("RX", "OK"))) for _ in range(2))
    first.boot()
    first.at("AT+CMEE=2")
    second.boot()
    assert second.modem.settings.nvram["CMEE"] != 2
    assert Player(second, ()).play().match


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "line 2"), ("[]", '"exchange"'), ('{"exchange": []}', '"exchange"'), ('{"exchange": [["UP", "AT"]]}', "TX")],
)
def test_a_broken_file_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"exchange": [["TX", "AT"], ["RX", "OK"]]}\n' + line + "\n")
    with pytest.raises(TranscriptError, match=re.escape(says)):
        list(load(path))


def test_what_authors_do_to_their_logs_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    pairs = [
        ["TX", "AT+QMTCONN=0,\u201cme\u201d"], ["RX", "OK"], ["TX", "AT+QISEND=0,4"], ["RX", "> "], ["TX", "<4 bytes>"],
        ["RX", "+CME ERROR\uff1a 3"], ["TX", ">data<CTRL-Z>"], ["RX", "+CGEV"], ["RX", ": ME PDN ACT 1"],
        ["TX", "AT+CGSN=1"], ["RX", "+CGSN: 86***********77"],
    ]  # fmt: skip
    path.write_text(json.dumps({"exchange": pairs}) + "\n")
    texts = [item.text for item in next(load(path)).items]
    assert texts[0] == 'AT+QMTCONN=0,"me"' and texts[4] == "xxxx" and texts[5] == "+CME ERROR: 3"
    assert texts[6:9] == ["> ", "data\x1a", "+CGEV: ME PDN ACT 1"] and texts[-1] == "+CGSN: 860000000000077"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CELLKIT, *arguments], capture_output=True, text=True, timeout=120)


def test_commands(tmp_path: Path) -> None:
    log = str(DATA / "quectel-bc660k.jsonl")
    scored = run("twin", "score", "--module", "bc660k-gl", log, "--json")
    lines = [json.loads(line) for line in scored.stdout.splitlines()]
    assert scored.returncode == 0 and lines[-1]["percent"] >= 95.0
    assert {"match", "difference", "evidence"} <= set(lines[0])
    parsed = run("at", "parse", "--module", "quectel-bc660k", log)
    first = json.loads(parsed.stdout.splitlines()[0])
    assert parsed.returncode == 0 and {"final", "error", "response", "urcs", "data", "unknown"} <= set(first)
    for command in (("twin", "score"), ("at", "parse")):
        unknown = run(*command, "--module", "bc999", log)
        assert unknown.returncode == 2 and "bc660k-gl" in unknown.stderr
        assert run(*command, "--module", "bc660k-gl", str(tmp_path / "none.jsonl")).returncode == 2
    strange = tmp_path / "strange.jsonl"
    strange.write_text('{"exchange": [["TX", "AT"], ["RX", "OK"], ["RX", "+NEVER: 1"]]}\n')
    told = run("at", "parse", "--module", "bc660k-gl", str(strange))
    assert told.returncode == 1 and json.loads(told.stdout)["unknown"] == ["+NEVER: 1"]


def test_parse_of_data_errors_and_prompts() -> None:
    entries = [
        exchange(("TX", "AT+QIRD=0,1500"), ("RX", "+QIRD: 4"), ("RX", "test"), ("RX", "OK")),
        exchange(("TX", "AT+CPIN?"), ("RX", "+CME ERROR: 10")),
        exchange(("TX", "AT+CPIN?"), ("RX", "+CME ERROR: SIM not inserted")),
        exchange(("TX", "AT+QISEND=0,4"), ("RX", "> ")),
        exchange(("TX", 'AT+QFUPL="a",4'), ("RX", "CONNECT")),
        exchange(("RX", "+QIURC: \"closed\",0")),
    ]  # fmt: skip
    entries = [replace(entry, number=n) for n, entry in enumerate(entries, 1)]
    data, numeric, verbose, prompt, connect, urc = parse_exchanges("bg95-m3", entries, 1)
    assert bytes.fromhex(data["data"]) == b"test" and data["final"] == "ok"
    assert numeric["error"] == {"type": "CME", "code": 10, "text": None}
    assert verbose["error"] == {"type": "CME", "code": None, "text": "SIM not inserted"}
    assert (prompt["final"], connect["final"], urc["final"]) == ("prompt", "connect", "none")
    assert urc["urcs"] == ['+QIURC: "closed",0']


# --- recording ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("+CGSN: 490154203237518", "490154203237518"), ("490154203237518", "490154203237518"),
        ("+QCCID: 89860025128306012474", "89860025128306012474"), ('+CNUM: ,"+491711234567",145', "+491711234567"),
        ('AT+CMGS="+491711234567"', "+491711234567"), ('AT+CPIN="1234"', "1234"), ("AT+CPIN=1234", "1234"),
        ('AT+QMTCONN=0,"me","user","secret"', "secret"), ('AT+QICSGP=1,1,"apn","user","secret",1', "secret"),
        ('AT%CMNG=0,16842753,4,"deadbeef"', "deadbeef"), ("+QGPSLOC: 52.12345,13.98765", "12345"),
        ("x 0123456789abcdef0123456789abcdef y", "0123456789abcdef"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "abc"),
    ],
)  # fmt: skip
def test_identities_and_secrets_are_masked(line: str, hidden: str) -> None:
    assert hidden not in masked(line) and len(masked(line)) == len(line)


def test_what_is_no_secret_stays() -> None:
    harmless = ('+CEREG: 4,1,"0001","0000ABCD",9', "+CCLK: 20/11/03,06:25:06+32", "AT+CSQ", '+QIACT: 1,1,1,"10.7.1.2"')
    for line in harmless:
        assert masked(line) == line


class Wire:
    """A modem that answers from a table."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers, self._out = answers, bytearray()

    @property
    def in_waiting(self) -> int:
        return len(self._out)

    def write(self, data: bytes) -> int:
        self._out += self._answers.get(data, b"")
        return len(data)

    def read(self, size: int) -> bytes:
        data, self._out = bytes(self._out[:size]), self._out[size:]
        return data


def test_a_recording_has_the_format_of_transcripts(tmp_path: Path) -> None:
    wire = Wire({
        b"AT+CGSN=1\r": b"\r\n+CGSN: 490154203237518\r\n\r\nOK\r\n",
        b"AT+QISEND=0,2\r": b"\r\n> ",
        b"hi": b"\r\nSEND OK\r\n",
    })  # fmt: skip
    script = ["# query", "AT+CGSN=1", "", "# udp", "AT+QISEND=0,2", "> hi"]
    entries = list(Recorder(wire, "test", "X", limit_s=2.0, quiet_s=0.05).record(read_script(script)))
    assert [entry["context"] for entry in entries] == ["query", "udp"]
    assert entries[0]["exchange"] == [["TX", "AT+CGSN=1"], ["RX", "+CGSN: ***************"], ["RX", "OK"]]
    assert entries[1]["exchange"] == [["TX", "AT+QISEND=0,2"], ["RX", "> "], ["TX", "hi"], ["RX", "SEND OK"]]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert [found.context for found in load(path)] == ["query", "udp"]


# --- the table ------------------------------------------------------------------------------------------------------


def test_the_table_in_the_docs_is_what_passes_now() -> None:
    page = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
    assert page == document(rows()), "run `cellkit twin table --write docs/modules.md`"
