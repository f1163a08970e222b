"""Read the machine's own apt configuration and write a private one for Debian's source packages.

The mirror and the keyring are the machine's, so this works behind a company mirror as well; lists, cache and sources
are our own, so the system's stay as they are. Formats: sources.list(5), one line and deb822.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_DEBIAN_SUITES = frozenset(
    ("stable", "oldstable", "testing", "unstable", "sid", "bullseye", "bookworm", "trixie", "forky", "duke")
)
_ONE_LINE = re.compile(
    r"^(deb|deb-src)\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<rest>[^#]*)"
)


@dataclass(frozen=True)
class AptSource:
    """One source: `signed_by` is a path, several paths, a key block, or None for the system's trusted keys."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str | None = None


def parse_one_line(text: str) -> list[AptSource]:
    """Sources of a `sources.list` file."""
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.strip())
        if not match:
            continue
        options = dict(option.split("=", 1) for option in (match["options"] or "").split() if "=" in option)
        signed_by = options.get("signed-by")
        found.append(
            AptSource(
                (match["uri"],),
                (match["suite"],),
                tuple(match["rest"].split()),
                signed_by.replace(",", " ") if signed_by else None,
            )
        )
    return found


def _stanzas(text: str) -> Iterable[dict[str, str]]:
    """Fields of each stanza, names in lower case; the lines of a folded value are joined with newlines."""
    fields: dict[str, str] = {}
    last = None
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, None
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line.strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            last = name.strip().lower()
            fields[last] = value.strip()


def parse_deb822(text: str) -> list[AptSource]:
    """Sources of a `*.sources` file; those with `Enabled: no` are left out."""
    found = []
    for fields in _stanzas(text):
        if fields.get("enabled", "yes").lower() in ("no", "false", "0", "off", "without", "disable"):
            continue
        if not fields.get("types") or not fields.get("uris"):
            continue
        found.append(
            AptSource(
                tuple(fields["uris"].split()),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by") or None,
            )
        )
    return found


def read_machine(etc_apt: Path) -> list[AptSource]:
    """All sources of an /etc/apt folder, in apt's order of files."""
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    found: list[AptSource] = []
    for path in files:
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if path.suffix == ".list":
            found += parse_one_line(text)
        elif path.suffix == ".sources":
            found += parse_deb822(text)
    return found


def debian_archives(sources: Iterable[AptSource]) -> list[AptSource]:
    """The sources that are the Debian archive itself, most likely first, one for each URI.

    Security and third-party archives are passed over: by suite, by component, and those whose path does not end in
    `debian` come last.
    """
    found: dict[str, AptSource] = {}
    for source in sources:
        if "main" not in source.components or not _DEBIAN_SUITES.intersection(source.suites):
            continue
        for uri in source.uris:
            if not uri.startswith("cdrom:"):
                found.setdefault(uri.rstrip("/"), AptSource((uri,), source.suites, source.components, source.signed_by))
    return [found[uri] for uri in sorted(found, key=lambda uri: not uri.endswith("debian"))]


def source_stanza(archive: AptSource, suite: str) -> str:
    """The deb822 text that offers the source packages of `suite` from `archive`, trusted by the same keys."""
    lines = ["Types: deb-src", f"URIs: {' '.join(archive.uris)}", f"Suites: {suite}", "Components: main"]
    if archive.signed_by:
        key_lines = archive.signed_by.splitlines()
        lines.append(f"Signed-By: {key_lines[0]}".rstrip())
        lines += [f" {line}" for line in key_lines[1:]]
    return "\n".join(lines) + "\n"


def private_config(folder: Path, sources_file: Path) -> str:
    """The apt.conf text that keeps lists, cache and hooks of the system out of it; all state is in `folder`."""
    options: Mapping[str, str] = {
        "Dir::Etc::sourcelist": str(sources_file),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": str(folder / "lists"),
        "Dir::Cache": str(folder / "cache"),
        # The folder may be closed to the user _apt, and apt drops to it only when run as root.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        # Without this a list that could not be fetched is a warning, and what is told is that there are no sources.
        "APT::Update::Error-Mode": "any",
        "Acquire::http::Timeout": "60",
        "Acquire::https::Timeout": "60",
    }
    hooks = (
        "#clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
    )
    return hooks + "".join(f'{name} "{value}";\n' for name, value in options.items())
