"""Make `.venv` with the versions of requirements.lock and the editable package `cellkit`."""

from __future__ import annotations

import shutil
import sys

from common import ROOT, SetupError, clean_environment, main, run_logged, say
from system import check_python

VENV = ROOT / ".venv"
LOCK = ROOT / "host_tools" / "requirements.lock"
_VENV_TIMEOUT_S = 180
_PIP_TIMEOUT_S = 900


def _body() -> None:
    check_python()
    say(f"Python packages of {LOCK.relative_to(ROOT)} go to .venv")
    run_logged([sys.executable, "-m", "venv", "--clear", str(VENV)], "virtual environment", "venv.log", _VENV_TIMEOUT_S)
    env = clean_environment() | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--no-deps"]
    try:
        run_logged([*pip, "-r", str(LOCK)], "Python packages", "pip.log", _PIP_TIMEOUT_S, env)
        # Without isolation the build back-end is the locked one, and nothing more is fetched.
        package = [*pip, "--no-build-isolation", "-e", str(ROOT / "host_tools")]
        run_logged(package, "package cellkit", "pip-cellkit.log", _PIP_TIMEOUT_S, env)
    except SetupError:
        shutil.rmtree(VENV, ignore_errors=True)  # half an environment must not be taken for a whole one
        raise
    run_logged([str(VENV / "bin" / "python"), "-m", "pip", "check"], "dependencies agree", "pip-check.log", 60, env)


if __name__ == "__main__":
    main(_body)
