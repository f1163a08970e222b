"""Ten years of each app in virtual time: how long they take, where the time goes, and whether anything was lost.

Prints a table and writes build/bench/sim.json. `sim.py [YEARS]`; aims are for ten years.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from cellkit.sim.run import Job, Runner
from cellkit.sim.scenario import YEAR_S, Scenario
from cellkit.sim.summary import summarize

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build/bench/sim.json"
AIMS_S = {"smoke": 60, "meter": 300}


def cpu_s() -> tuple[float, float]:
    """CPU seconds of this process, and of the VMs that have ended."""
    own, vms = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, vms.ru_utime + vms.ru_stime


def measure(app: str, years: float) -> dict[str, Any]:
    """One run of `app`."""
    with tempfile.TemporaryDirectory(prefix="cellkit-bench-") as folder:
        runner = Runner(Job(app, "bc660k-gl", years * YEAR_S, 1, Path(folder)))
        before = cpu_s()
        runner.run()
        after = cpu_s()
        log_bytes = (Path(folder) / "events.jsonl").stat().st_size
    summary = summarize(runner)
    keys = (
        "simulated_s wall_s speedup records_created records_lost records_waiting wakes turns starts "
        "heap_second_day_bytes heap_last_day_bytes heap_most_by_year_bytes heap_peak_bytes flash_erases_max "
        "mean_current_ua forecast_years"
    )
    figures = {key: summary[key] for key in keys.split()}
    return figures | {"bench_cpu_s": after[0] - before[0], "vm_cpu_s": after[1] - before[1], "log_bytes": log_bytes}


def main() -> int:
    years = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    results = {}
    for app in Scenario.names():
        print(f"{years:g} years of the {app} app ...", flush=True)
        got = results[app] = measure(app, years)
        aim_s = AIMS_S[app] * years / 10
        met = "met" if got["wall_s"] <= aim_s else "MISSED"
        print(f"  wall time            {got['wall_s']:8.1f} s   aim {aim_s:g} s: {met}")
        print(f"  speed-up             {got['speedup']:8,}")
        print(f"  of it in the bench   {got['bench_cpu_s']:8.1f} s of CPU")
        print(f"  of it in the VM      {got['vm_cpu_s']:8.1f} s of CPU, {got['wakes']:,} wakes, {got['turns']:,} turns")
        print(f"  records              {got['records_created']:8,} created, {got['records_lost']} lost")
        same = "same" if got["heap_second_day_bytes"] == got["heap_last_day_bytes"] else "DIFFERENT"
        print(f"  heap, 2nd/last day   {got['heap_second_day_bytes']} / {got['heap_last_day_bytes']} B: {same}")
        first, *later = got["heap_most_by_year_bytes"]
        print(f"  heap, most of a year {first} B in the first, {max(later, default=0)} B in the worst later one")
        print(f"  flash                {got['flash_erases_max']:8,} erases of the most worn block")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written to {OUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
