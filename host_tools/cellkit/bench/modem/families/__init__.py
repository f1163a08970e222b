"""The families of virtual modules: which there are, and how one is made. A family is imported when it is used.

A family is a package here: `__init__.py` with its class `Module` (a `Modem`), `data/<module>.toml` a module, and
`needs.py` with `RULES` for playing logs (docs/twins.md). Its name is that of its transcripts with `_` for `-`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellkit.model.figures import ModelError, guess

if TYPE_CHECKING:
    from cellkit.bench.clock import Clock
    from cellkit.bench.log import EventLog
    from cellkit.bench.modem.config import ModemConfig
    from cellkit.bench.modem.modem import Modem
    from cellkit.bench.network import Network

# Family -> its modules, the one that stands for it first.
FAMILIES: dict[str, tuple[str, ...]] = {
    "quectel-bc26": ("bc26", "bc66"),
    "quectel-bc95": ("bc95-g", "bc28", "bc68"),
    "quectel-bc660k": ("bc660k-gl",),
    "quectel-bg9x": ("bg95-m3", "bg96", "bg77"),
    "quectel-cat1": ("ec200u", "ec800m", "eg800k", "eg915u", "ec21", "ec25"),
    "simcom-sim7020": ("sim7020e",),
    "simcom-sim7080": ("sim7080g", "sim7070g", "sim7000g"),
    "simcom-a76xx": ("a7670e", "a7672e"),
    "simcom-sim7600": ("sim7600e",),
    "ublox-sara-r": ("sara-r410m", "sara-r422", "sara-r510s"),
    "ublox-sara-n2": ("sara-n210",),
    "nordic-nrf91": ("nrf9160-slm", "nrf9151-sm"),
    "sequans-gm02s": ("gm02sp",),
    "luat-air780e": ("air780e", "air780ep"),
    "chinamobile-m5311": ("m5311",),
    "chinamobile-ml307": ("ml307r",),
    "fibocom-l610": ("l610",),
    "telit-me310": ("me310g1",),
    "generic": ("generic",),
}
_HERE = Path(__file__).parent


def names() -> list[str]:
    """All families and modules that there are, as `--module` takes them."""
    there = [family for family in FAMILIES if _is_there(family)]
    return [*there, *(module for family in there for module in FAMILIES[family] if module != family)]


def family_of(name: str) -> str:
    """The family of a module or family. Raises ModelError."""
    wanted = name.lower().replace("_", "-")
    for family, modules_ in FAMILIES.items():
        if wanted in (family, *modules_) and _is_there(family):
            return family
    raise ModelError(f"unknown module {name!r}; there are {', '.join(names())}{guess(wanted, names())}")


def modules(name: str) -> tuple[str, ...]:
    """The modules of the family that `name` is, or is of."""
    return FAMILIES[family_of(name)]


def module_of(name: str) -> str:
    """The module that `name` stands for: itself, or the first of a family. Raises ModelError."""
    wanted, family = name.lower().replace("_", "-"), family_of(name)
    return FAMILIES[family][0] if wanted == family else wanted


def load(name: str) -> tuple[type[Modem], ModemConfig]:
    """The class of a module or family, and the module as it lies on the bench. Raises ModelError."""
    found = config(name)
    package: Any = import_module(f"{__name__}.{family_of(name).replace('-', '_')}")
    return package.Module, found


def config(name: str, **changes: Any) -> ModemConfig:
    """Only the configuration. Raises ModelError."""
    from cellkit.bench.modem.config import ModemConfig

    return ModemConfig.load(module_of(name), **changes)


def make(
    clock: Clock, log: EventLog, network: Network, modem_config: ModemConfig, tx: Callable[[bytes], object]
) -> Modem:
    """A module of the family that its configuration names; `tx` takes what it says."""
    family, _ = load(modem_config.name)
    return family(clock, log, network, modem_config, tx)


def data(module: str) -> dict[str, Any] | None:
    """The tables of a module's own file, None if it has none here."""
    for family, modules_ in FAMILIES.items():
        file = _package(family) / "data" / f"{module.replace('-', '_')}.toml"
        if module in modules_ and file.is_file():
            return tomllib.loads(file.read_text(encoding="utf-8"))
    return None


def needs(name: str) -> Sequence[Any]:
    """Rules for playing logs of a family (cellkit.transcripts.stage.Rule), none where it has no `needs.py`."""
    path = f"{__name__}.{family_of(name).replace('-', '_')}.needs"
    if find_spec(path) is None:
        return ()
    found: Any = import_module(path)
    rules: Sequence[Any] = found.RULES
    return rules


def _is_there(family: str) -> bool:
    return _package(family).joinpath("__init__.py").is_file()


def _package(family: str) -> Path:
    return _HERE / family.replace("-", "_")
