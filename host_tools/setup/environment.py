"""Make `.venv` with the versions of requirements.lock and the editable package `cellkit`.

environment.py          does that
environment.py lock     writes requirements.lock anew, with the newest versions that pyproject.toml allows
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from common import BUILD, ROOT, SetupError, clean_environment, main, run_logged, say
from system import check_python

VENV = ROOT / ".venv"
LOCK = ROOT / "host_tools" / "requirements.lock"
LOCK_HEADER = "# Every Python package that set-up installs, with all that they need. Renew it with `make lock`.\n"
_VENV_TIMEOUT_S = 180
_PIP_TIMEOUT_S = 900


def _environment(folder: Path) -> tuple[list[str], dict[str, str]]:
    """A new virtual environment in `folder`: its pip, and the environment to run that in."""
    argv = [sys.executable, "-m", "venv", "--clear", str(folder)]
    run_logged(argv, "virtual environment", "venv.log", _VENV_TIMEOUT_S)
    env = clean_environment() | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    return [str(folder / "bin" / "python"), "-m", "pip"], env


def install() -> None:
    """Make `.venv`. Raises SetupError."""
    say(f"Python packages of {LOCK.relative_to(ROOT)} go to .venv")
    pip, env = _environment(VENV)
    install_only = [*pip, "install", "--no-deps"]
    try:
        run_logged([*install_only, "-r", str(LOCK)], "Python packages", "pip.log", _PIP_TIMEOUT_S, env)
        # Without isolation the build back-end is the locked one, and nothing more is fetched.
        package = [*install_only, "--no-build-isolation", "-e", str(ROOT / "host_tools")]
        run_logged(package, "package cellkit", "pip-cellkit.log", _PIP_TIMEOUT_S, env)
    except SetupError:
        shutil.rmtree(VENV, ignore_errors=True)  # half an environment must not be taken for a whole one
        raise
    run_logged([*pip, "check"], "dependencies agree", "pip-check.log", 60, env)


def lock() -> None:
    """Write requirements.lock from what pip resolves for pyproject.toml today. Raises SetupError."""
    import tomllib  # here, so that a Python without it is told that it is too old

    folder = BUILD / "lock"
    pip, env = _environment(folder)
    project = tomllib.loads((ROOT / "host_tools" / "pyproject.toml").read_text(encoding="utf-8"))
    needs = project["build-system"]["requires"] + project["project"]["dependencies"]
    needs += project["project"]["optional-dependencies"]["dev"]
    run_logged([*pip, "install", *needs], "newest Python packages", "pip-lock.log", _PIP_TIMEOUT_S, env)
    listed = [*pip, "list", "--format=freeze", "--exclude", "pip"]
    pins = [line for line in run_logged(listed, "their versions", "pip-list.log", 60, env).splitlines() if "==" in line]
    part = LOCK.with_name(LOCK.name + ".part")
    part.write_text(LOCK_HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    part.replace(LOCK)
    shutil.rmtree(folder)
    say(f"{LOCK.relative_to(ROOT)} is renewed; `make test` shows whether all works with it")


def _body() -> None:
    check_python()
    if sys.argv[1:] not in ([], ["lock"]):
        raise SetupError(f"environment.py takes `lock` or nothing, got {sys.argv[1:]}")
    if sys.argv[1:]:
        lock()
    else:
        install()


if __name__ == "__main__":
    main(_body)
