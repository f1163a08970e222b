"""Heap that each profile of a module takes over the plain core, and its lines of code.

Each is measured in a VM of its own with pointers of 64 bits (a board has 32), read from source, and frozen as in the
image of a board. The core speaks to a modem that has not said yet who it is by the profile `base`, which is therefore
part of it. Prints a table and writes build/bench/profiles.json. A missed aim is printed and does not fail the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build/micropython"
FOLDER = ROOT / "firmware/cellular/modem/profiles"
OUT = ROOT / "build/bench/profiles.json"
AIM_BYTES = 6 * 1024
AIM_LINES = 150
WAIT_S = 60


def names() -> list[str]:
    """All profiles; those that are another one under a second name too."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "base"))


def measure(name: str) -> dict[str, Any]:
    """Figures of one profile: `lines` of its file, and bytes over the plain core."""
    source = _alive(name, "micropython", f".frozen:{ROOT / 'firmware'}")
    frozen = _alive(name, "micropython-app", ".frozen")
    if source is None:
        raise SystemExit(f"profile {name} does not load in MicroPython")
    return {
        "lines": len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()),
        "core_bytes": source["core"],
        "profile_bytes": source["profile"] - source["core"],
        "udp_dialect_bytes": source["udp"] - source["profile"],
        "frozen_profile_bytes": frozen and frozen["profile"] - frozen["core"],
    }


def _alive(name: str, program: str, path: str) -> dict[str, int] | None:
    """None, and why on stderr, where that program cannot load it, as an image that is older than the profile."""
    done = subprocess.run(
        [str(BUILT / program), str(ROOT / "tests/bench/profiles_vm.py"), name],
        env=dict(os.environ, MICROPYPATH=path),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    if done.returncode:
        print(f"profile {name} does not load in {program}:\n{done.stdout}{done.stderr}", file=sys.stderr)
        return None
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def main() -> int:
    print("Heap of each profile over the plain core (MicroPython unix port, 64 bit) ...", flush=True)
    found = {name: measure(name) for name in names()}
    first = next(iter(found.values()))
    print(f"  the plain core takes {first['core_bytes']} B")
    print(f"  {'profile':<10} {'lines':>5} {'heap':>8} {'frozen':>8} {'its UDP dialect':>16}")
    for name, got in found.items():
        missed = got["profile_bytes"] >= AIM_BYTES or got["lines"] >= AIM_LINES
        print(
            f"  {name:<10} {got['lines']:>5} {got['profile_bytes']:>6} B {got['frozen_profile_bytes'] or '?':>6} B"
            f" {got['udp_dialect_bytes']:>14} B" + ("   MISSED" if missed else "")
        )
    most = max(found, key=lambda name: int(found[name]["profile_bytes"]))
    longest = max(found, key=lambda name: int(found[name]["lines"]))
    heap, lines = found[most]["profile_bytes"], found[longest]["lines"]
    print(f"  most heap: {most}, {heap} B, aim below {AIM_BYTES} B: {_verdict(heap < AIM_BYTES)}")
    print(f"  longest: {longest}, {lines} lines, aim below {AIM_LINES}: {_verdict(lines < AIM_LINES)}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n")
    print(f"written to {OUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
