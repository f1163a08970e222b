"""Compile every .py of the given folders with mpy-cross: what CPython's tools accept, MicroPython may not."""

from __future__ import annotations

import subprocess
import sys

from common import BUILD, ROOT, SetupError, main

_TIMEOUT_S = 30


def _body() -> None:
    cross = BUILD / "micropython" / "mpy-cross"
    files = sorted(path for folder in sys.argv[1:] for path in (ROOT / folder).rglob("*.py"))
    bad = []
    for path in files:
        argv = [str(cross), "-o", "/dev/null", "-s", str(path.relative_to(ROOT)), str(path)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S)
        if done.returncode:
            bad.append(done.stderr.strip() or f"{path}: mpy-cross ended with status {done.returncode}")
    if bad:
        raise SetupError("these do not compile:\n" + "\n".join(bad))
    print(f"{len(files)} files compile")


if __name__ == "__main__":
    main(_body)
