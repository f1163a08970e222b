"""The set-up scripts: apt's configuration, checksums, system packages. Addresses are placeholders."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "host_tools" / "setup"))

import apt_sources  # noqa: E402
import common  # noqa: E402
import micropython  # noqa: E402
import system  # noqa: E402

ONE_LINE = """
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # with a remark
deb [arch=amd64 signed-by=/keys/a.gpg,/keys/b.gpg] https://mirror2.example/debian/ bookworm-updates main
deb-src [signed-by=/keys/c.gpg] http://mirror3.example/debian trixie main
deb cdrom:[Debian 12]/ bookworm main
"""

DEB822 = """\
# The mirror of this site
Types: deb
URIs: http://mirror.example/debian http://second.example/debian
Suites: bookworm bookworm-updates
# a remark inside
Components: main
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /keys/debian.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://vendor.example/apt
Suites: stable
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abcd
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://other.example/node
Suites: nodistro
Components: main
"""


# --- apt configuration ------------------------------------------------------------------------------------------------


def test_one_line_sources() -> None:
    sources = apt_sources.parse_one_line(ONE_LINE)
    assert sources[0] == apt_sources.AptSource(
        ("http://mirror.example/debian",), ("bookworm",), ("main", "contrib"), None
    )
    assert sources[1].signed_by == "/keys/a.gpg /keys/b.gpg"
    assert sources[2].suites == ("trixie",)
    assert all("commented" not in source.uris[0] for source in sources)


def test_deb822_sources() -> None:
    sources = apt_sources.parse_deb822(DEB822)
    assert [source.uris[0] for source in sources] == [
        "http://mirror.example/debian",
        "http://security.example/debian-security",
        "http://vendor.example/apt",
        "http://other.example/node",
    ]
    assert sources[0].suites == ("bookworm", "bookworm-updates")
    assert sources[0].components == ("main",)
    assert sources[0].signed_by == "/keys/debian.gpg"
    assert sources[2].signed_by is not None
    assert sources[2].signed_by.splitlines()[1:3] == ["-----BEGIN PGP PUBLIC KEY BLOCK-----", "."]


def test_archive_is_debian_itself_before_others() -> None:
    found = apt_sources.debian_archives(apt_sources.parse_deb822(DEB822))
    assert [source.uris for source in found] == [
        ("http://mirror.example/debian",),
        ("http://second.example/debian",),
        ("http://vendor.example/apt",),
    ]
    found = apt_sources.debian_archives(apt_sources.parse_one_line(ONE_LINE))
    assert [source.uris[0] for source in found] == ["http://mirror.example/debian", "http://mirror3.example/debian"]


def test_machine_without_debian_is_named(tmp_path: Path) -> None:
    with pytest.raises(common.SetupError, match=r"no Debian archive.*MICROPY_DIR"):
        micropython.fetch(tmp_path, apt_sources.debian_archives(apt_sources.read_machine(tmp_path)))


def test_files_are_read_in_both_formats(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.example/debian bookworm main\n")
    (parts / "debian.sources").write_text(DEB822)
    (parts / "old.list.disabled").write_text("deb http://disabled.example/debian bookworm main\n")
    (parts / "more.list").write_text("deb http://more.example/debian bookworm main\n")
    uris = [source.uris[0] for source in apt_sources.read_machine(tmp_path)]
    assert uris[0] == "http://one.example/debian"
    assert "http://more.example/debian" in uris
    assert "http://mirror.example/debian" in uris
    assert not any("disabled" in uri for uri in uris)


@pytest.mark.parametrize("signed_by", ["/keys/debian.gpg", None, "\n-----BEGIN\n.\nabcd\n-----END"])
def test_stanza_keeps_mirror_and_keys(signed_by: str | None) -> None:
    archive = apt_sources.AptSource(("http://mirror.example/debian",), ("bookworm",), ("main",), signed_by)
    text = apt_sources.source_stanza(archive, "trixie")
    (again,) = apt_sources.parse_deb822(text)
    assert text.startswith("Types: deb-src\n")
    assert again == apt_sources.AptSource(archive.uris, ("trixie",), ("main",), signed_by)


def test_private_configuration_leaves_the_system_alone(tmp_path: Path) -> None:
    config = tmp_path / "apt.conf"
    config.write_text(apt_sources.private_config(tmp_path, tmp_path / "debian.sources"))
    system_config = tmp_path / "system.conf"
    system_config.write_text('APT::Update::Post-Invoke { "a hook"; };\n')
    dump = subprocess.run(
        ["apt-config", "-c", str(config), "dump"],
        env={"APT_CONFIG": str(system_config), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert dump.returncode == 0, dump.stderr
    assert f'Dir::State::lists "{tmp_path}/lists";' in dump.stdout
    assert f'Dir::Cache "{tmp_path}/cache";' in dump.stdout
    assert f'Dir::Etc::sourcelist "{tmp_path}/debian.sources";' in dump.stdout
    assert 'Dir::Etc::sourceparts "/dev/null";' in dump.stdout
    hooks = [line for line in dump.stdout.splitlines() if line.startswith(("APT::Update::Post", "APT::Update::Pre"))]
    assert [line for line in hooks if not line.endswith('"";')] == []


def test_no_address_is_written_down() -> None:
    files = [ROOT / "Makefile", ROOT / ".ci" / "run", *(ROOT / "host_tools" / "setup").glob("*.py")]
    files += [ROOT / "host_tools" / "requirements.lock", ROOT / "host_tools" / "pyproject.toml"]
    for path in files:
        assert "://" not in path.read_text(), f"{path.name} holds an address"


def test_lock_is_exact_and_covers_what_is_needed() -> None:
    import tomllib

    lines = (ROOT / "host_tools" / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(line.count("==") == 1 and " " not in line for line in pins)
    locked = {line.split("==")[0].lower().replace("_", "-") for line in pins}
    project = tomllib.loads((ROOT / "host_tools" / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {line.split(">=")[0] for line in wanted} <= locked


# --- the source -------------------------------------------------------------------------------------------------------


def test_checksum(tmp_path: Path) -> None:
    path = tmp_path / "x.orig.tar.xz"
    path.write_bytes(b"not the release")
    got = hashlib.sha256(b"not the release").hexdigest()
    micropython.verify(path, got)
    expected = "0" * 64
    with pytest.raises(common.SetupError) as raised:
        micropython.verify(path, expected)
    text = str(raised.value)
    assert expected in text
    assert got in text
    assert f"delete {path}" in text


def make_tree(folder: Path, minor: int) -> Path:
    (folder / "py").mkdir(parents=True)
    (folder / "ports" / "unix").mkdir(parents=True)
    (folder / "ports" / "unix" / "Makefile").touch()
    numbers = {"MAJOR": 1, "MINOR": minor, "MICRO": 0}
    text = "".join(f"#define MICROPY_VERSION_{name} {value}\n" for name, value in numbers.items())
    (folder / "py" / "mpconfig.h").write_text(text)
    return folder


def test_checkout_is_checked(tmp_path: Path) -> None:
    assert micropython.checkout(make_tree(tmp_path / "new", 25)) == tmp_path / "new"
    with pytest.raises(common.SetupError, match=r"is MicroPython 1\.24\.0, 1\.25\.0 or newer is needed"):
        micropython.checkout(make_tree(tmp_path / "old", 24))
    with pytest.raises(common.SetupError, match="is no MicroPython tree"):
        micropython.checkout(tmp_path)


# --- system packages --------------------------------------------------------------------------------------------------


def need(present: bool) -> system.Need:
    return system.Need("some-package", "some thing", lambda: present)


def test_nothing_is_installed_when_all_is_there() -> None:
    system.provide((need(True),), root=True, apt_get="/no/such/apt-get")


def test_without_root_the_command_is_named() -> None:
    with pytest.raises(common.SetupError, match=r"some thing.*\n.*sudo apt-get install .*some-package"):
        system.provide((need(True), need(False)), root=False, apt_get="apt-get")


def test_without_apt_the_thing_is_named() -> None:
    with pytest.raises(common.SetupError, match="some thing; this system has no apt-get"):
        system.provide((need(False),), root=True, apt_get=None)


def test_root_installs_and_checks_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    fake = tmp_path / "apt-get"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    fake.chmod(0o755)
    there = system.Need("some-package", "some thing", lambda: calls.exists() and "install" in calls.read_text())
    system.provide((there,), root=True, apt_get=str(fake))
    update, install = calls.read_text().splitlines()
    assert update.endswith("update")
    assert "--no-install-recommends some-package" in install
    with pytest.raises(common.SetupError, match="still missing"):
        system.provide((need(False),), root=True, apt_get=str(fake))


# --- long commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(common, "LOGS", tmp_path)
    return tmp_path


def test_failure_shows_the_end_of_the_output(logs: Path) -> None:
    with pytest.raises(common.SetupError) as raised:
        common.run_logged(["sh", "-c", "echo the reason; exit 3"], "a step", "step.log", 30)
    assert "a step" in str(raised.value)
    assert "status 3" in str(raised.value)
    assert "the reason" in str(raised.value)
    assert str(logs / "step.log") in str(raised.value)


def test_deadline_ends_the_command(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "_PIPE_EVERY_S", 0.1)
    with pytest.raises(common.SetupError, match="took longer than 0 s"):
        common.run_logged(["sleep", "60"], "a step", "step.log", 0.3)


def test_long_command_shows_progress(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(common, "_PIPE_EVERY_S", 0.1)
    assert common.run_logged(["sh", "-c", "echo one; sleep 1"], "a step", "step.log", 30) == "one\n"
    assert "a step ... 0 s, 1 lines" in capsys.readouterr().out


def test_an_outer_make_does_not_change_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-n")
    assert "MAKEFLAGS" not in common.clean_environment()
    assert "PATH" in common.clean_environment()


def test_folder_with_a_space_is_named_before_anything_is_built(tmp_path: Path) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    makefile = Path(__file__).resolve().parents[2] / "Makefile"
    done = subprocess.run(["make", "-f", makefile, "demo"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and f"no space, got '{folder}'" in done.stderr
    assert list(folder.iterdir()) == []
