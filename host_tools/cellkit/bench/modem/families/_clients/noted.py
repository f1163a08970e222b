"""Settings that a module only notes: test, read and set forms as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault, split_args

if TYPE_CHECKING:
    from cellkit.bench.modem.plain import PlainModem


@dataclass(frozen=True)
class Noted:
    """`value`: what the read form shows at the factory, None where there is none; `test`: ditto for the test form."""

    value: str | None = "0"
    test: str | None = None
    lasting: bool = True
    """In NVRAM; otherwise until a reset."""
    merges: bool = True
    """Parameters left out keep their values."""
    action: str | None = ""
    """What the form without parameters answers, None where that is an error."""


def noted_handlers(modem: PlainModem, table: Mapping[str, Noted]) -> dict[str, Handler]:
    """Handlers by name. The modem has a dictionary `noted` both in NVRAM and in RAM."""

    def made(name: str, noted: Noted) -> Handler:
        def handler(command: Command) -> Reply:
            settings = modem.settings
            store: dict[str, str] = (settings.nvram if noted.lasting else settings.ram)["noted"]
            if command.op == "test":
                return Reply([] if noted.test is None else [modem.standard.line(name, noted.test)])
            if command.op == "read":
                if noted.value is None:
                    raise SyntaxFault
                value = store.get(name, noted.value)
                return Reply([modem.standard.line(name, value)] if value else [])
            if command.op == "action":
                if noted.action is None:
                    raise SyntaxFault
                return Reply([modem.standard.line(name, noted.action)] if noted.action else [])
            store[name] = _merged(command, store.get(name, noted.value or "") if noted.merges else "")
            return Reply()

        return handler

    return {name: made(name, noted) for name, noted in table.items()}


def _merged(command: Command, before: str) -> str:
    given = [f'"{arg.text}"' if arg.quoted else arg.text for arg in command.args]
    kept = [f'"{arg.text}"' if arg.quoted else arg.text for arg in split_args(before)] if before else []
    merged = [value or (kept[at] if at < len(kept) else "") for at, value in enumerate(given)]
    return ",".join(merged + kept[len(given):])
