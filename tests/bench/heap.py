"""Heap of the whole device: the frozen firmware with its smoke app, registered on the virtual bench (see heap_vm.py).

The virtual MCU has pointers of 64 bits, a board has 32, and nearly all of MicroPython's heap is pointers. So the same
sources are built for 32 bits as well and measured there, where the compiler can (`apt-get install gcc-multilib`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from cellkit.bench.mcucore import REPOSITORY, McuConfig
from cellkit.bench.rig import Bench, BenchConfig
from cellkit.server import AlarmServer

SCRIPT = Path(__file__).with_name("heap_vm.py")
BUILT = REPOSITORY / "build" / "micropython"
BUILT_32 = BUILT / "objects" / "unix32"
BOARD = REPOSITORY / "boards" / "unix"
TIMEOUT_S = 60.0
BUILD_TIMEOUT_S = 600.0
AIM_BYTES = 64 * 1024


def figures() -> dict[str, Any]:
    """Bytes alive after each step, with pointers of 64 bits and, where possible, of 32; None where not."""
    return {"bits_64": _measure(BUILT / "micropython-app"), "bits_32": _of_32_bits()}


def _of_32_bits() -> dict[str, Any] | None:
    program = _build_32()
    if program is None:
        return None
    found = _measure(program)
    found["runs_in_64_kb"] = "registered" in asyncio.run(_run(program, "app", AIM_BYTES))
    return found


def _measure(program: Path) -> dict[str, Any]:
    board = _figures_of(asyncio.run(_run(program, "board", 1024 * 1024)))
    app = _figures_of(asyncio.run(_run(program, "app", 1024 * 1024)))
    return {
        "library_imported_bytes": app["library_imported"],
        "app_imported_bytes": app["app_imported"],
        "registered_bytes": app["registered"],
        "of_which_unix_board_bytes": board["hardware"] - board["start"],
    }


def _figures_of(text: str) -> dict[str, int]:
    for line in text.splitlines():
        if line.startswith("={"):
            found: dict[str, int] = json.loads(line[1:])
            return found
    raise SystemExit(f"the device did not come so far on the bench; its console:\n{text}")


async def _run(program: Path, what: str, heap_bytes: int) -> str:
    """Console of `heap_vm.py` in a VM with that heap."""
    config = BenchConfig(mcu=McuConfig(program="app", heap_bytes=heap_bytes))
    with tempfile.TemporaryDirectory() as folder:
        async with Bench(config, Path(folder)) as bench, AlarmServer(bench.log) as server:
            bench.flash.mkdir(exist_ok=True)
            uri = f"coap://{server.host}:{server.port}/alarm"
            settings = {"server": uri, "t3324_s": 10, "t3412_s": 86400, "edrx_s": 20}
            (bench.flash / "config.json").write_text(json.dumps(settings), encoding="utf-8")
            with mock.patch.object(bench.mcu, "_program", return_value=program), contextlib.suppress(TimeoutError):
                await bench.run_script([str(SCRIPT), what], TIMEOUT_S)
            # Its console says how far it came.
            return "\n".join(event["text"] for event in bench.log.each("mcu", "console"))


# --- the build for 32 bits --------------------------------------------------------------------------------------------


def _build_32() -> Path | None:
    """The program with the firmware frozen in, built for 32 bits; None where the compiler has no libraries for that."""
    flags = {name: os.environ.get(name, "") for name in ("CFLAGS_EXTRA", "LDFLAGS_EXTRA")}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n")
        argv = ["gcc", "-m32", *flags["CFLAGS_EXTRA"].split(), str(source), "-o", f"{folder}/probe"]
        if shutil.which("gcc") is None or subprocess.run(
            [*argv, *flags["LDFLAGS_EXTRA"].split()], capture_output=True, timeout=60
        ).returncode:
            return None
    tree = (BUILT / "tree.txt").read_text().rsplit(" ", 1)[0]
    argv = ["make", f"-j{os.cpu_count() or 1}", "-C", f"{tree}/ports/unix", f"BUILD={BUILT_32}", f"VARIANT_DIR={BOARD}"]
    argv += ["MICROPY_FORCE_32BIT=1", f"FROZEN_MANIFEST={BOARD / 'manifest_app.py'}"]
    library = Path(tree) / "lib" / "micropython-lib"
    argv += [f"MPY_LIB_DIR={library if (library / 'README.md').exists() else BUILT / 'micropython-lib'}"]
    argv += [f"{name}={value}" for name, value in flags.items() if value]
    env = os.environ | {"MICROPY_MPYCROSS": str(BUILT / "mpy-cross")}
    env |= {"MICROPY_GIT_TAG": "v1.25.0", "MICROPY_GIT_HASH": "for 32 bits"}  # the repository around build/ has others
    (BUILT_32 / "frozen_content.c").unlink(missing_ok=True)
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    if done.returncode:
        raise SystemExit(f"the build for 32 bits failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return BUILT_32 / "micropython"
