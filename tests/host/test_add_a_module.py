"""docs/add-a-module.md works as it is written there; docs/profiles.md has every name that a profile may state."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from cellkit.bench import mcucore
from cellkit.bench.modem import families
from cellkit.transcripts import parse
from cellkit.transcripts.exchange import load
from cellkit.transcripts.score import score_file

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "add-a-module.md").read_text(encoding="utf-8")
BASE = ROOT / "firmware" / "cellular" / "modem" / "profiles" / "base.py"
LISTINGS = dict(re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
FAMILIES = "host_tools/cellkit/bench/modem/families"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with the page's files in it, as far as the tools look: firmware, the virtual modules, the build."""
    for name in ("build", "boards"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "firmware").mkdir()
    for path in (ROOT / "firmware").iterdir():
        (tmp_path / "firmware" / path.name).symlink_to(path)
    for name, text in LISTINGS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (row,) = re.findall(r'^    "(neoway-n58)": \("(n58)",\),$', PAGE, re.MULTILINE)
    monkeypatch.setattr(families, "FAMILIES", {row[0]: (row[1],)})
    monkeypatch.setattr(families, "_HERE", tmp_path / FAMILIES)
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path / FAMILIES)])
    monkeypatch.setattr(parse, "_ROOT", tmp_path)
    monkeypatch.setattr(mcucore, "REPOSITORY", tmp_path)
    yield tmp_path


def test_the_page_has_all_its_files() -> None:
    assert sorted(Path(name).name for name in LISTINGS) == sorted(
        ["neoway-n58.jsonl", "n58.toml", "modem_n58.py", "__init__.py", "needs.py", "smoke_n58.py"]
    )
    assert len(LISTINGS["firmware/modem_n58.py"].splitlines()) < 150


def test_the_firmware_reads_the_record(tree: Path) -> None:
    found = list(parse.parse_exchanges("n58", list(load(tree / "tests/data/neoway-n58.jsonl")), 1))
    assert [one["final"] for one in found] == ["ok", "ok"] and not any(one["unknown"] for one in found)
    assert bytes.fromhex(found[1]["data"]) == b"pong"


def test_the_virtual_module_does_as_the_record(tree: Path) -> None:
    scores = list(score_file("n58", tree / "tests/data/neoway-n58.jsonl"))
    assert [score.difference for score in scores] == ["", ""]


def test_the_smoke_alarm_reaches_its_server(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(tree / "smoke_n58.py"))
    said = capsys.readouterr().out
    for what in ("'modem_ready', 'model': 'N58'", "'registered'", "'uplink_ack'", "{'name': 'fire', 'value': True}"):
        assert what in said, said


def test_each_name_of_a_profile_is_explained() -> None:
    page = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    source = BASE.read_text(encoding="utf-8")
    names = set(re.findall(r"^([A-Z_]+) = |^(?:async )?def (\w+)\(", source, re.MULTILINE))
    missing = {name for pair in names for name in pair if name and not re.search(rf"`{name}\b", page)}
    assert len(names) > 50 and missing == set()
