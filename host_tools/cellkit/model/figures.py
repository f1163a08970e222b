"""One figure with its source, and how files of figures are read, overridden and listed."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

UNVERIFIED = "(unverified)"
KINDS = ("radio", "module", "mcu", "app", "battery")
_FOLDERS = {"module": "modules", "mcu": "mcus", "app": "apps", "battery": "batteries"}


class ModelError(ValueError):
    """A wrong name, key or value; the text says what was expected, what came, and what to do."""


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Strict):
    """A number and where it comes from; its unit is the end of its key."""

    value: float
    source: str


class Draw(Strict):
    """What a state draws: `ua` in µA, or `mw` in mW at the supply voltage of its file; and where that comes from."""

    ua: float | None = None
    mw: float | None = None
    source: str

    def current_ua(self, supply_mv: float) -> float:
        """µA at `supply_mv`."""
        if self.ua is not None:
            return self.ua
        return (self.mw or 0.0) * 1e6 / supply_mv

    def model_post_init(self, context: Any, /) -> None:
        if (self.ua is None) == (self.mw is None):
            raise ValueError("expected either ua or mw, not both")
        if (self.ua or self.mw or 0.0) < 0:
            raise ValueError("expected a current or power of 0 or more")


def data_folder() -> Traversable:
    """Where the data files are."""
    return resources.files("cellkit.model").joinpath("data")


def names(kind: str) -> list[str]:
    """Names of the modules, MCUs, apps or batteries that have a file."""
    folder = data_folder().joinpath(_FOLDERS[kind])
    return sorted(file.name[:-5].replace("_", "-") for file in folder.iterdir() if file.name.endswith(".toml"))


def read(kind: str, name: str = "nb") -> dict[str, Any]:
    """The tables of a data file. Raises ModelError for an unknown name."""
    if kind == "radio":
        file = data_folder().joinpath(f"radio_{name}.toml")
    else:
        wanted = name.lower().replace("_", "-")
        if wanted not in names(kind):
            raise ModelError(f"unknown {kind} {name!r}; there are {', '.join(names(kind))}{guess(wanted, names(kind))}")
        file = data_folder().joinpath(_FOLDERS[kind], wanted.replace("-", "_") + ".toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return {key: value for key, value in table.items() if key != "bench"} if kind == "module" else table


def read_bench(name: str) -> dict[str, Any]:
    """What only the virtual module needs of the file of the module `name`. Raises ModelError if it has none."""
    file = data_folder().joinpath(_FOLDERS["module"], name.lower().replace("-", "_") + ".toml")
    table = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if "bench" not in table:
        raise ModelError(f"there is no virtual module {name!r}; expected {' or '.join(_on_the_bench())}")
    bench: dict[str, Any] = table["bench"]
    return bench


def _on_the_bench() -> list[str]:
    folder = data_folder().joinpath(_FOLDERS["module"])
    return [
        name for name in names("module")
        if "bench" in tomllib.loads(folder.joinpath(name.replace("-", "_") + ".toml").read_text(encoding="utf-8"))
    ]  # fmt: skip


def guess(word: str, known: list[str]) -> str:
    """`; did you mean …?`, or nothing."""
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"; did you mean {close[0]}?" if close else ""


def paths(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, figure) of every figure in a table; a figure is a table with a source."""
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and "source" in value:
            yield path, value
        elif isinstance(value, Mapping):
            yield from paths(value, path + ".")
        elif isinstance(value, list):
            for number, row in enumerate(value):
                if isinstance(row, Mapping) and "source" in row:
                    yield f"{path}.{row.get('name', number)}", row


def override(table: dict[str, Any], changes: Mapping[str, Any], kind: str, source: str) -> None:
    """Replace figures in place: `changes` maps dotted keys (or nested tables) to numbers, or to `{ua=…}` or `{mw=…}`.

    A state of a module or MCU that its file lacks may be added, and one set to False is taken away. Raises ModelError
    for any other unknown key.
    """
    for path, new in _leaves(changes):
        *parents, last = path.split(".")
        here: Any = table
        for part in parents:
            here = here.get(part) if isinstance(here, dict) else None
        drawn = parents == ["current"] and kind in ("module", "mcu", "app")
        if not isinstance(here, dict) or (last not in here and not (drawn and _is_state(last, kind))):
            known = [key for key, _ in paths(table)]
            raise ModelError(f"unknown {kind} parameter {path!r}; see docs/parameters.md{guess(path, known)}")
        if last in here and not (isinstance(here[last], Mapping) and "source" in here[last]):
            raise ModelError(f"{kind}.{path} is no figure: expected one of {', '.join(_figures_near(table, path))}")
        if new is False and drawn:
            here.pop(last, None)
            continue
        here[last] = _replaced(here.get(last), new, drawn, source, f"{kind}.{path}")


def _figures_near(table: Mapping[str, Any], path: str) -> list[str]:
    known = [key for key, _ in paths(table)]
    return [key for key in known if key.startswith(path + ".")] or known[:5]


def _leaves(changes: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in changes.items():
        if isinstance(value, Mapping) and not {"ua", "mw", "value"} & set(value):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _is_state(name: str, kind: str) -> bool:
    return kind != "module" or name in MODULE_STATES


def _replaced(old: Any, new: Any, drawn: bool, source: str, path: str) -> Any:
    if isinstance(old, Mapping) and "table" in old:
        if isinstance(new, list):
            return {**old, "table": new, "source": source}
        raise ModelError(f"{path}: expected a list of pairs, got {new!r}")
    told = {key: value for key, value in new.items() if key != "source"} if isinstance(new, Mapping) else {"": new}
    numbers = [value for value in told.values() if isinstance(value, int | float) and not isinstance(value, bool)]
    if not numbers or len(numbers) < len(told):
        raise ModelError(f"{path}: expected a number, got {new!r}")
    if not all(math.isfinite(number) for number in numbers):
        raise ModelError(f"{path}: expected a finite number, got {new!r}")
    if min(numbers) < 0 and not path.endswith("_dbm"):
        raise ModelError(f"{path}: expected 0 or more, got {new!r}")
    if isinstance(new, Mapping):
        return {"source": source, **new}
    return {"ua" if drawn else "value": new, "source": source}


# States of a module, the same names as on the bench. A mean state stands for a whole pattern (paging, C-DRX); where it
# is missing, the pattern is made of its parts: rx, and a sleep.
MODULE_STATES: dict[str, str] = {
    "off": "supply cut or shut down",
    "boot": "from power key to ready",
    "deep_sleep": "PSM",
    "waking": "from the wake pulse to ready",
    "awake": "processor runs, radio idle",
    "light_sleep": "asleep between pages, radio idle",
    "idle_drx_1s28": "mean of listening to paging each 1.28 s",
    "idle_drx_2s56": "mean of listening to paging each 2.56 s",
    "idle_edrx": "mean of listening in extended DRX",
    "search": "looking for a cell",
    "connected": "mean of being RRC connected without traffic",
    "connected_sleep": "between two on-durations of C-DRX, and between grant and block",
    "rx": "receiving",
    "tx": "transmitting at full power",
}


def above_zero(table: Strict, *names: str) -> None:
    """Refuse a figure of `table` that would be divided by and is 0. Raises ValueError."""
    for name in names:
        if getattr(table, name).value <= 0:
            raise ValueError(f"{name}: expected more than 0")


def problem(error: ValidationError, what: str) -> ModelError:
    """A pydantic error as one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    if isinstance(first.get("input"), Mapping):  # a whole table, far too long to be of use
        return ModelError(f"{what}: {where + ': ' if where else ''}{said}")
    return ModelError(f"{what}: {where or 'file'}: {said} (got {first.get('input')!r})")
