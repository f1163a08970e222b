"""Build the real MicroPython: mpy-cross, the unix program with our board, and the same with the firmware frozen in.

micropython.py [--micropy-dir DIR]      DIR: a checkout of MicroPython, 1.25.0 or newer; without it, Debian's source
package is fetched through apt, with signature and checksum verified. Outputs are in build/micropython/.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import tarfile
import time
from pathlib import Path

import apt_sources
from common import BUILD, ROOT, SetupError, clean_environment, main, run_logged, say

OLDEST = (1, 25, 0)
PACKAGE = "micropython"
VERSION = "1.25.0+ds-1"
SUITE = "trixie"
SHA256 = {
    "micropython_1.25.0+ds.orig.tar.xz": "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea",
    "micropython_1.25.0+ds-1.debian.tar.xz": "87cd89f7900c86b963885dabe25acf3e5348815993f1500278ad8f6464465af4",
}
TARBALL = "micropython_1.25.0+ds.orig.tar.xz"

OUT = BUILD / "micropython"
OBJECTS = OUT / "objects"
BOARD = ROOT / "boards" / "unix"

_TRIES = 3
_DELAY_S = 5.0
_APT_TIMEOUT_S = 600
_MAKE_TIMEOUT_S = 1200


# --- the source -------------------------------------------------------------------------------------------------------


def verify(path: Path, expected: str) -> None:
    """Raise SetupError unless the SHA-256 of `path` is `expected`."""
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    if got != expected:
        raise SetupError(
            f"checksum of {path.name} does not match\n    expected sha256 {expected}\n    got      sha256 {got}\n"
            f"  the file is damaged or not the release that was tested; delete {path} and try again,"
            f" or build from a checkout with MICROPY_DIR=/path/to/micropython"
        )


def fetch(folder: Path, archives: list[apt_sources.AptSource]) -> None:
    """Bring the source package's files into `folder`, from the first archive that has them."""
    if not archives:
        raise SetupError(
            "no Debian archive in this machine's apt configuration (/etc/apt/sources.list, sources.list.d); add one, "
            "or build from a checkout of MicroPython 1.25.0 or newer with MICROPY_DIR=/path/to/micropython"
        )
    for sub in ("lists/partial", "cache/archives/partial"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    sources_file = folder / "debian.sources"
    config_file = folder / "apt.conf"
    config_file.write_text(apt_sources.private_config(folder, sources_file))
    apt_get = ["apt-get", "-q", "-c", str(config_file)]
    env = clean_environment() | {"LC_ALL": "C"}
    errors: list[str] = []
    for archive in archives:
        sources_file.write_text(apt_sources.source_stanza(archive, SUITE))
        for attempt in range(1, _TRIES + 1):
            try:
                run_logged([*apt_get, "update"], "list of Debian source packages", "apt-lists.log", _APT_TIMEOUT_S, env)
                get = [*apt_get, "source", "--download-only", f"{PACKAGE}={VERSION}"]
                run_logged(get, f"source of {PACKAGE} {VERSION}", "apt-source.log", _APT_TIMEOUT_S, env, folder)
                return
            except SetupError as e:
                errors.append(str(e))
                if "NO_PUBKEY" in str(e):
                    raise SetupError(
                        f"{e}\n  the keys of Debian {SUITE} are missing here; install the newest debian-archive-keyring"
                    ) from e
                if attempt < _TRIES:
                    say(f"attempt {attempt} of {_TRIES} failed, next in {_DELAY_S * attempt:.0f} s")
                    time.sleep(_DELAY_S * attempt)
    raise SetupError(
        f"{errors[-1]}\n  the source package {PACKAGE} {VERSION} ({SUITE}) could not be fetched; check the network, or "
        "build from a checkout with MICROPY_DIR=/path/to/micropython"
    )


def debian_source() -> Path:
    """The unpacked tree of Debian's source package, fetched and verified on the first call."""
    folder = BUILD / "apt"
    tree = OUT / "source"
    if (tree / "ports" / "unix" / "Makefile").exists():
        return tree
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / name).exists() for name in SHA256):
        fetch(folder, apt_sources.debian_archives(apt_sources.read_machine(Path("/etc/apt"))))
    for name, expected in SHA256.items():
        verify(folder / name, expected)
    say(f"checksums of {PACKAGE} {VERSION} are right")
    part = OUT / "source.part"  # renamed when whole, so that an interrupted run is not taken for a tree
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with tarfile.open(folder / TARBALL, "r:xz") as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(part, filter="data")
        else:
            tar.extractall(part)
    (top,) = part.iterdir()
    shutil.rmtree(tree, ignore_errors=True)
    top.rename(tree)
    part.rmdir()
    return tree


def checkout(path: Path) -> Path:
    """A user's own MicroPython tree, checked for what is needed. Raises SetupError."""
    header = path / "py" / "mpconfig.h"
    if not header.exists() or not (path / "ports" / "unix" / "Makefile").exists():
        raise SetupError(f"MICROPY_DIR={path} is no MicroPython tree: expected py/mpconfig.h and ports/unix/Makefile")
    text = header.read_text()
    numbers = [re.search(rf"#define MICROPY_VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR", "MICRO")]
    version = tuple(int(m[1]) for m in numbers if m)
    if len(version) != 3 or version < OLDEST:
        have = ".".join(str(n) for n in version) or "of unknown version"
        raise SetupError(f"MICROPY_DIR={path} is MicroPython {have}, 1.25.0 or newer is needed")
    return path


# --- the build --------------------------------------------------------------------------------------------------------


def build(tree: Path, debian: bool) -> None:
    """Compile mpy-cross and the two programs; nothing is written into `tree`."""
    OBJECTS.mkdir(parents=True, exist_ok=True)
    env = clean_environment()
    if debian:
        # Without this the version would be taken from the git repository around build/.
        env |= {"MICROPY_GIT_TAG": "v1.25.0", "MICROPY_GIT_HASH": f"Debian {VERSION}"}
    make = ["make", f"-j{os.cpu_count() or 1}", f"PYTHON={sys.executable}"]
    cross = OBJECTS / "mpy-cross"
    argv = [*make, "-C", str(tree / "mpy-cross"), f"BUILD={cross}"]
    run_logged(argv, "mpy-cross", "mpy-cross.log", _MAKE_TIMEOUT_S, env)
    _install(cross / "mpy-cross", OUT / "mpy-cross")
    env["MICROPY_MPYCROSS"] = str(OUT / "mpy-cross")
    for name, manifest in (("micropython", "manifest.py"), ("micropython-app", "manifest_app.py")):
        objects = OBJECTS / "unix"
        (objects / "frozen_content.c").unlink(missing_ok=True)  # both programs share the objects, but not this one
        argv = [*make, "-C", str(tree / "ports" / "unix"), f"BUILD={objects}", f"VARIANT_DIR={BOARD}"]
        argv += [f"MPY_LIB_DIR={_library_folder(tree)}", f"FROZEN_MANIFEST={BOARD / manifest}"]
        run_logged(argv, name, f"{name}.log", _MAKE_TIMEOUT_S, env)
        _install(objects / "micropython", OUT / name)


def features() -> str:
    """A digest of the files that say what is in the program: make does not see that their settings have changed."""
    files = sorted(path for path in BOARD.rglob("*") if path.suffix in (".h", ".mk", ".c"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _library_folder(tree: Path) -> Path:
    """micropython-lib if the tree has it; else a folder that only has the README.md that the build looks for."""
    folder = tree / "lib" / "micropython-lib"
    if not (folder / "README.md").exists():
        folder = OUT / "micropython-lib"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text("Empty: no package of micropython-lib is used.\n")
    return folder


def _install(built: Path, target: Path) -> None:
    # By rename: a program that is running keeps its old file.
    part = target.with_suffix(".part")
    shutil.copy2(built, part)
    part.replace(target)


def _body() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micropy-dir", type=Path, help="a checkout of MicroPython instead of Debian's source package")
    own = parser.parse_args().micropy_dir
    marker = OUT / "tree.txt"
    tree = checkout(own.resolve()) if own else debian_source()
    built_from = f"{tree} {features()}"
    if marker.exists() and marker.read_text() != built_from:
        shutil.rmtree(OBJECTS, ignore_errors=True)  # objects of another tree, or with other features
    OUT.mkdir(parents=True, exist_ok=True)
    marker.write_text(built_from)
    build(tree, debian=own is None)


if __name__ == "__main__":
    main(_body)
