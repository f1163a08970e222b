"""The system packages that set-up needs: present, installed (as root), or named with the command that installs them.

system.py build | test      `test` adds what only the tests use
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from common import SetupError, clean_environment, main, run_logged, say

OLDEST_PYTHON = (3, 11)
_APT_TIMEOUT_S = 600


@dataclass(frozen=True)
class Need:
    """`package`: Debian's name; `what`: for a reader on another system; `present()` tells whether it is there."""

    package: str
    what: str
    present: Callable[[], bool]


def _compiles() -> bool:
    """True if the C compiler finds the C library's headers (Debian's gcc only recommends them)."""
    try:
        done = subprocess.run(
            ["gcc", "-E", "-x", "c", "-"],
            input=b"#include <stdio.h>\n#include <termios.h>\n",
            capture_output=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _daemon(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is not None


def _has_ensurepip() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


NEEDS_BUILD = (
    Need("gcc", "a C compiler (gcc)", _command("gcc")),
    Need("libc6-dev", "the C library's headers", _compiles),
    Need("make", "GNU make", _command("make")),
    Need("python3-venv", "Python's venv and ensurepip modules", _has_ensurepip),
)
NEEDS_TEST = (
    Need("libcoap3-bin", "coap-server of libcoap", _command("coap-server-openssl")),
    Need("mosquitto", "the MQTT broker mosquitto", _daemon("mosquitto")),
)


def missing(needs: tuple[Need, ...]) -> list[Need]:
    """Those of `needs` that are not there."""
    return [need for need in needs if not need.present()]


def check_python() -> None:
    """Raise SetupError if this Python is too old."""
    if sys.version_info < OLDEST_PYTHON:
        have = ".".join(str(n) for n in sys.version_info[:3])
        raise SetupError(
            f"Python 3.11 or newer is needed, {sys.executable} is {have}; name another: `make PYTHON=python3.11 ...`"
        )


def provide(needs: tuple[Need, ...], root: bool, apt_get: str | None) -> None:
    """Install what is missing when `root`, else raise SetupError with the command to type."""
    lacking = missing(needs)
    if not lacking:
        return
    what = ", ".join(need.what for need in lacking)
    packages = [need.package for need in lacking]
    if apt_get is None:
        raise SetupError(f"missing: {what}; this system has no apt-get, install them with its own package manager")
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if not root:
        raise SetupError(f"missing: {what}; install with\n    sudo {command}\n  then run the same make command again")
    say(f"missing: {what}; installing {' '.join(packages)}")
    env = clean_environment() | {"DEBIAN_FRONTEND": "noninteractive"}
    options = ["-q", "-y", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"]
    run_logged([apt_get, *options, "update"], "system package lists", "apt-update.log", _APT_TIMEOUT_S, env)
    install = [apt_get, *options, "install", "--no-install-recommends", *packages]
    run_logged(install, "system packages", "apt-install.log", _APT_TIMEOUT_S, env)
    importlib.invalidate_caches()
    still = missing(needs)
    if still:
        names = ", ".join(need.what for need in still)
        raise SetupError(f"still missing after `{command}`: {names}; is another {sys.executable} than Debian's in use?")


def _body() -> None:
    scope = sys.argv[1] if len(sys.argv) == 2 else ""
    if scope not in ("build", "test"):
        raise SetupError(f"system.py takes `build` or `test`, got {sys.argv[1:]}")
    check_python()
    needs = NEEDS_BUILD if scope == "build" else NEEDS_BUILD + NEEDS_TEST
    provide(needs, os.geteuid() == 0, shutil.which("apt-get"))


if __name__ == "__main__":
    main(_body)
