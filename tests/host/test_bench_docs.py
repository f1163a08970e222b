"""The snippets of docs/bench.md do what the page says, as they are written there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cellkit.bench.modem.faults import Faults
from cellkit.bench.netconfig import NetworkConfig

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
WAIT_S = 300


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(2))
def test_python(number: int, tmp_path: Path) -> None:
    script = tmp_path / "snippet.py"
    script.write_text(snippets("python")[number], encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr
    assert number or "fire acknowledged" in done.stdout


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    (text,) = snippets("toml")
    path.write_text(text, encoding="utf-8")
    config = NetworkConfig.load(path)
    assert config.hosts == {"coap.example.org": "127.0.0.1"}
    assert config.coverage_gaps[0].duration_s == 20


def test_the_table_of_faults_is_complete() -> None:
    names = {name for name in vars(Faults) if not name.startswith("_")} - {"clear", "take", "on_change"}
    table = PAGE[PAGE.index("| fault |"):PAGE.index("Besides:")]
    assert {name for name in names if f"`{name}" not in table} == set()
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) <= names
