"""Shared by all host tests. The tests of firmware/ are MicroPython: host/test_firmware.py runs them in the real VM."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

collect_ignore = ["firmware", "bench"]


def pytest_sessionstart() -> None:
    """Say at once what is missing, instead of failing in every test."""
    program = ROOT / "build" / "micropython" / "micropython"
    if not program.exists():
        raise pytest.UsageError(f"expected the real MicroPython at {program}; run `make setup` first")
