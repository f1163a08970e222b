"""Benchmarks of floor 1 and of the whole device's heap. Prints a table and writes build/bench/at.json.

Aims stand beside each figure; a missed aim is printed as such and does not fail the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import at_peer
import heap

ROOT = Path(__file__).resolve().parents[2]
MICROPYTHON = ROOT / "build/micropython/micropython"
OUT = ROOT / "build/bench/at.json"


def at_figures() -> dict[str, Any]:
    """Latency, heap per command and parser throughput, measured inside the VM over a pty."""
    master, slave, path = at_peer.open_pty()
    at_peer.serve(master)
    try:
        run = subprocess.run(
            [str(MICROPYTHON), str(ROOT / "tests/bench/at_vm.py"), path],
            env=dict(os.environ, MICROPYPATH=f".frozen:{ROOT / 'firmware'}"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(slave)
        os.close(master)
    if run.returncode:
        raise SystemExit(f"at_vm.py failed in MicroPython:\n{run.stdout}{run.stderr}")
    figures: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return figures


def row(name: str, value: str, aim: str, met: bool | None) -> None:
    verdict = "" if met is None else "met" if met else "MISSED"
    print(f"  {name:<46} {value:>16}   {aim:<24} {verdict}")


def heap_rows(figures: dict[str, Any]) -> None:
    for bits in (64, 32):
        found = figures[f"bits_{bits}"]
        if found is None:
            print(f"  heap, {bits} bit: not measured; gcc-multilib is missing (apt-get install gcc-multilib)")
            continue
        for name, value in found.items():
            title = f"heap, {bits} bit: {name.removesuffix('_bytes').replace('_', ' ')}"
            if isinstance(value, bool):
                row(title, "yes" if value else "no", "yes", value)
            elif name == "registered_bytes":
                row(title, f"{value} B", "64 KB in all", value <= heap.AIM_BYTES)
            else:
                row(title, f"{value} B", "", None)


def main() -> int:
    print("AT channel over a pty (MicroPython unix port, 64 bit) ...", flush=True)
    at = at_figures()
    print("Heap of the smoke app, registered on the virtual bench ...", flush=True)
    at["heap"] = heap.figures()
    print()
    row("AT/OK round trip", f"{at['at_ok_us']:.0f} us", "", None)
    row("floor: bare asyncio write and readline", f"{at['floor_us']:.0f} us", "", None)
    row("ratio", f"{at['ratio']:.2f}", "within 2", at["ratio"] <= 2)
    row("heap per AT/OK", f"{at['heap_per_at_ok_bytes']:.0f} B", "400 B", at["heap_per_at_ok_bytes"] <= 400)
    row("heap per CEREG answer", f"{at['heap_per_cereg_bytes']:.0f} B", "800 B", at["heap_per_cereg_bytes"] <= 800)
    for size, rate in sorted(at["parser_bytes_per_s"].items(), key=lambda item: int(item[0])):
        row(f"parser, 20 KB of URCs in reads of {size}", f"{rate / 1000:.0f} kB/s", "", None)
    heap_rows(at["heap"])
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(at, indent=2) + "\n")
    print(f"\nwritten to {OUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
