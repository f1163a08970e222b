"""The import rules of docs/architecture.md, read from the source with `ast`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
HOST = ROOT / "host_tools" / "cellkit"

# --- what a module imports --------------------------------------------------------------------------------------------


def imports(source: str, module: str, is_package: bool) -> Iterator[str]:
    """Full names of all that `source` imports, also inside functions; names after `from` are added to their module."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            parts = [*base, *(node.module.split(".") if node.module else [])]
            yield from (".".join([*parts, alias.name]) for alias in node.names)


def modules(folder: Path, package: str = "") -> Iterator[tuple[str, list[str]]]:
    """(name, imports) of every module under `folder`; `package` is the folder's own name as a package."""
    for path in sorted(folder.rglob("*.py")):
        if path.name.startswith("manifest"):
            continue  # not imported by anyone: the build runs it
        parts = [*([package] if package else []), *path.relative_to(folder).with_suffix("").parts]
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        yield name, list(imports(path.read_text(), name, is_package))


# --- firmware ---------------------------------------------------------------------------------------------------------

FLOORS = {"cellular.at": 1, "cellular.modem": 2, "cellular.link": 3, "cellular.services": 4, "apps": 5}
COMMON = {
    "cellular.calendar", "cellular.errors", "cellular.idle", "cellular.trace", "cellular.uptime", "cellular.waiter",
}  # fmt: skip
BOARD = {"board", "machine"}
MICROPYTHON = {
    "array", "asyncio", "binascii", "collections", "deflate", "errno", "gc", "hashlib", "io", "json", "math",
    "micropython", "os", "platform", "random", "re", "select", "struct", "sys", "time", "vfs",
}  # fmt: skip


def floor(name: str) -> int | None:
    """The floor that a module is on, None if it is on none."""
    for prefix, number in FLOORS.items():
        if name == prefix or name.startswith(prefix + "."):
            return number
    return None


def firmware_violations(folder: Path) -> list[str]:
    """Every import under `folder` that goes up, sideways out of the library, or to what a board does not have."""
    bad = []
    for name, wanted in modules(folder):
        own = 0 if name in COMMON or name == "cellular" else floor(name)
        if own is None:
            bad.append(f"{name} is on no floor; floors are {', '.join(FLOORS)}")
            continue
        for target in wanted:
            top = target.split(".")[0]
            if top in ("cellular", "apps"):
                if any(target == common or target.startswith(common + ".") for common in COMMON):
                    continue
                there = floor(target)
                if there is None or there > own:
                    bad.append(f"{name} (floor {own}) imports {target} (floor {there})")
                elif there == own == 5 and target.split(".")[1] not in (name.split(".")[1], "common"):
                    bad.append(f"{name} imports another app: {target}")
            elif top not in MICROPYTHON and top not in BOARD:
                bad.append(f"{name} imports {target}, which a board does not have")
    return bad


def test_firmware_imports_only_go_down() -> None:
    assert firmware_violations(FIRMWARE) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("cellular/at/x.py", "from cellular.modem import modem", "floor 1) imports cellular.modem"),
        ("cellular/link/x.py", "def f():\n    import cellular.services.outbox", "floor 3) imports cellular.services"),
        ("cellular/services/x.py", "from ..link import x\nimport apps.smoke", "floor 4) imports apps.smoke"),
        ("cellular/trace.py", "import cellular.at.parser", "floor 0) imports cellular.at.parser"),
        ("cellular/modem/x.py", "import pathlib", "which a board does not have"),
        ("apps/smoke/x.py", "from apps.meter import y", "another app"),
        ("apps/common/x.py", "from apps.smoke import y", "another app"),
        ("loose.py", "import time", "on no floor"),
    ],
)
def test_firmware_rule_catches(tmp_path: Path, path: str, source: str, complaint: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    assert [complaint in line for line in firmware_violations(tmp_path)] == [True]


# --- host -------------------------------------------------------------------------------------------------------------

# A module imports its own rank and those below. A package stands for all its modules.
RANKS = (
    ("cellkit.model",),
    ("cellkit.bench.clock",),
    ("cellkit.bench.log",),
    ("cellkit.inbox",),
    ("cellkit.bench.energy", "cellkit.bench.flow", "cellkit.bench.timers", "cellkit.bench.world"),
    (
        "cellkit.bench.netconfig", "cellkit.bench.gateway", "cellkit.bench.gateways", "cellkit.bench.network",
        "cellkit.bench.sms", "cellkit.bench.streams",
    ),  # fmt: skip
    ("cellkit.bench.modem", "cellkit.bench.serial", "cellkit.bench.chip"),
    ("cellkit.bench.mcucore",),
    ("cellkit.bench.mcu", "cellkit.bench.lockstep"),
    ("cellkit.bench.rig", "cellkit.bench.vrig"),
    ("cellkit.report", "cellkit.server", "cellkit.story", "cellkit.summary", "cellkit.terminal"),
    ("cellkit.plan",),
    ("cellkit.validate",),
    ("cellkit.simmodem",),
    ("cellkit.transcripts",),
    ("cellkit.sim",),
    ("cellkit.demo",),
    ("cellkit.cli",),
)


# What a family's logs say of the state in which they were written: loaded by the player, which hands them a stage.
FAMILY_RULES = re.compile(r"cellkit\.bench\.modem\.families\.\w+\.\w*needs(_\w+)?(\.\w+)?")


def rank(name: str) -> int | None:
    """The rank of a host module, None if it has none. The (empty) packages themselves are below all."""
    if name in ("cellkit", "cellkit.bench"):
        return -1
    if FAMILY_RULES.fullmatch(name):
        name = "cellkit.transcripts"
    for number, members in enumerate(RANKS):
        if any(name == member or name.startswith(member + ".") for member in members):
            return number
    return None


# Scripts that the host hands to MicroPython, with the firmware on its path.
ON_THE_TARGET = {"cellkit.transcripts.target"}


def host_violations(folder: Path) -> list[str]:
    """Every import inside the package cellkit that goes up."""
    bad = []
    for name, wanted in modules(folder, "cellkit"):
        if name in ON_THE_TARGET:
            continue
        own = rank(name)
        if own is None:
            bad.append(f"{name} has no rank; give it one in RANKS and in docs/architecture.md")
            continue
        for target in wanted:
            if target.split(".")[0] in ("cellular", "apps"):
                bad.append(f"{name} imports firmware: {target}")
            elif target.split(".")[0] == "cellkit":
                there = rank(target)
                if there is None or there > own:
                    bad.append(f"{name} (rank {own}) imports {target} (rank {there})")
    return bad


def test_host_imports_only_go_down() -> None:
    assert host_violations(HOST) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("bench/network.py", "from cellkit.bench.modem import x", "imports cellkit.bench.modem"),
        ("bench/modem/x.py", "import cellular.modem.profiles.bc660k", "imports firmware"),
        ("bench/rig.py", "def f():\n    from cellkit import demo", "imports cellkit.demo"),
        ("report/x.py", "from .. import cli", "imports cellkit.cli"),
        ("news.py", "import time", "has no rank"),
    ],
)
def test_host_rule_catches(tmp_path: Path, path: str, source: str, complaint: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    assert [complaint in line for line in host_violations(tmp_path)] == [True]


def test_the_examiner_does_not_read_the_drivers_profile() -> None:
    for path in sorted((HOST / "bench").rglob("*.py")):
        if path.name == "mcucore.py":  # starts the VM on the firmware's folder
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                assert "firmware/" not in node.value, f"{path.name} names a path of the firmware: {node.value!r}"
                assert "profiles" not in node.value, f"{path.name} names the driver's profiles: {node.value!r}"
