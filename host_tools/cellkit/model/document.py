"""docs/parameters.md from the data files: `python -m cellkit.model.document docs/parameters.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cellkit.model import figures
from cellkit.model.figures import MODULE_STATES, UNVERIFIED

_HEADINGS = {"module": "Modules", "mcu": "Microcontrollers", "app": "Apps", "battery": "Batteries"}
_INTRO = """# Parameters of the energy model

Made from `host_tools/cellkit/model/data/` by `python -m cellkit.model.document docs/parameters.md`; a test keeps it so.
How to use them: [battery.md](battery.md).

Each figure says where it comes from: *standard*, *datasheet*, *measured* or *derived* (the sum is given).
**(unverified)** marks a plausible value for which no source was found: {unverified} of {total} figures. No figure
was fitted to a result that `cellkit validate energy` compares with.

Any of them can be replaced for one plan with `--set`, by the kind and the name in the tables:
`cellkit plan --set radio.connected.inactivity_s=20 --set module.current.deep_sleep=3.5`, and in a list of cases
under `[case.set.radio]` and so on. The unit is the end of the name; currents of states are in µA, or in a list of
cases in mW as `{{ mw = 90 }}`.
"""


def render() -> str:
    """The whole document."""
    sections = list(_sections())
    rows = [row for _, _, table in sections for row in table]
    unverified = sum(1 for _, _, source in rows if UNVERIFIED in source)
    parts = [_INTRO.format(unverified=unverified, total=len(rows)), "## States of a module\n"]
    parts.append(_markdown(("state", "meaning"), [(f"`{state}`", text) for state, text in MODULE_STATES.items()]))
    heading = ""
    for kind, name, table in sections:
        title = "NB-IoT radio" if kind == "radio" else _HEADINGS[kind]
        if title != heading:
            parts.append(f"\n## {title}: `{kind}.…`\n")
            heading = title
        if name:
            parts.append(f"\n### {name}\n")
        parts.append(_markdown(("name", "value", "source"), [(f"`{path}`", value, src) for path, value, src in table]))
    return "\n".join(parts) + "\n"


def _sections() -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    yield "radio", "", _rows(figures.read("radio"))
    for kind in _HEADINGS:
        for name in figures.names(kind):
            table = figures.read(kind, name)
            yield kind, f"{name}: {table['title']}", _rows(table)


def _rows(table: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(path, _value(figure), figure["source"]) for path, figure in figures.paths(table)]


def _value(figure: Mapping[str, Any]) -> str:
    if "table" in figure:
        return "; ".join(_entry(row) for row in figure["table"])
    for key, unit in (("value", ""), ("ua", " µA"), ("mw", " mW")):
        if key in figure:
            return f"{figure[key]:.10g}{unit}"
    return ""


def _entry(row: Any) -> str:
    if not isinstance(row, list):
        return str(row)
    if len(row) == 2:
        return f"{row[0]:g}: {row[1]:g}"
    return " ".join(str(cell) for cell in row)


def _markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
