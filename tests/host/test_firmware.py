"""Every test function of tests/firmware as a test of its own, run in the real MicroPython, once per module."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "firmware"
MICROPYTHON = ROOT / "build" / "micropython" / "micropython"
TIMEOUT_S = 300

_FUNCTION = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
_MARK = re.compile(r"^=(RUN|PASS|FAIL) (\S+)$")


def functions(path: Path) -> list[str]:
    """Names of the test functions in a module, in order."""
    return _FUNCTION.findall(path.read_text())


def run_module(path: Path, timeout_s: float = TIMEOUT_S) -> tuple[dict[str, tuple[bool, str]], str]:
    """Run all tests of a module. Returns {function: (passed, what it printed)} and the output outside of tests."""
    search = [path.parent, FOLDER, ROOT / "boards" / "unix", ROOT / "firmware"]
    env = {"MICROPYPATH": ":".join([*map(str, search), ".frozen"]), "PATH": os.environ.get("PATH", "")}
    argv = [str(MICROPYTHON), "-X", "heapsize=4M", str(FOLDER / "runner.py"), path.stem]
    try:
        with tempfile.TemporaryDirectory() as flash:
            done = subprocess.run(
                argv,
                env=env,
                cwd=flash,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
            )
        output, end = done.stdout, f"VM ended with status {done.returncode}"
    except subprocess.TimeoutExpired as e:
        output, end = e.stdout or b"", f"no end within {timeout_s:.0f} s"
    return _read(output.decode(errors="replace").splitlines(), end)


def _read(lines: list[str], end: str) -> tuple[dict[str, tuple[bool, str]], str]:
    results: dict[str, tuple[bool, str]] = {}
    outside: list[str] = []
    inside: list[str] = []
    running = None
    for line in lines:
        mark = _MARK.match(line)
        if mark is None:
            (inside if running else outside).append(line)
        elif mark[1] == "RUN":
            running, inside = mark[2], []
        else:
            results[mark[2]] = (mark[1] == "PASS", "\n".join(inside))
            running = None
    if running:
        results[running] = (False, "\n".join([*inside, end]))
    return results, "\n".join([*outside, end])


@functools.cache
def _results(module: str) -> tuple[dict[str, tuple[bool, str]], str]:
    return run_module(FOLDER / f"{module}.py")


CASES = [(path.stem, name) for path in sorted(FOLDER.glob("test_*.py")) for name in functions(path)]


@pytest.mark.parametrize(("module", "function"), CASES, ids=[f"{module}:{name}" for module, name in CASES])
def test_in_micropython(module: str, function: str) -> None:
    results, outside = _results(module)
    passed, output = results.get(function, (False, f"did not run:\n{outside}"))
    if not passed:
        pytest.fail(output, pytrace=False)


# --- the harness itself -----------------------------------------------------------------------------------------------


def test_harness_reports_each_outcome(tmp_path: Path) -> None:
    path = tmp_path / "test_sample.py"
    path.write_text(
        "import asyncio\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2, 'one is not two'\n"
        "async def test_async_bad():\n    await asyncio.sleep_ms(1)\n    raise ValueError('late')\n"
        "def test_exits():\n    import sys\n    sys.exit(0)\n"
        "def helper(): pass\n"
    )
    assert functions(path) == ["test_good", "test_bad", "test_async_bad", "test_exits"]
    results, _ = run_module(path)
    assert results["test_good"] == (True, "")
    assert not results["test_bad"][0]
    assert "one is not two" in results["test_bad"][1]
    assert not results["test_async_bad"][0]
    assert "ValueError: late" in results["test_async_bad"][1]
    assert not results["test_exits"][0]
    assert set(results) == {"test_good", "test_bad", "test_async_bad", "test_exits"}


def test_harness_reports_a_hang_and_what_never_ran(tmp_path: Path) -> None:
    path = tmp_path / "test_hang.py"
    path.write_text("def test_a_hangs():\n    while True: pass\ndef test_b_never(): pass\n")
    results, outside = run_module(path, timeout_s=2)
    assert results == {"test_a_hangs": (False, "no end within 2 s")}
    assert "no end within 2 s" in outside


def test_harness_reports_a_module_that_does_not_load(tmp_path: Path) -> None:
    path = tmp_path / "test_broken.py"
    path.write_text("import no_such_module\ndef test_a(): pass\n")
    results, outside = run_module(path)
    assert results == {}
    assert "no_such_module" in outside
