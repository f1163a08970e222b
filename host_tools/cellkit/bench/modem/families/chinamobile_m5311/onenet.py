"""AT+MIPL…: the OneNET client, as far as it shows on the line. Source: AT command interface specification v2.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import done
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.chinamobile_m5311 import Module

_NOT_ALLOWED = 3
_STEPS = ((0.2, 1), (1.0, 2), (2.0, 4), (4.0, 6))  # bootstrap begins, ends, connected, registered
_CLOSED, _UPDATED = 15, 11


class OnenetCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.created = False

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        answers = ("READRSP", "WRITERSP", "EXECUTERSP", "OBSERVERSP", "DISCOVERRSP", "PARAMETERRSP", "NOTIFY", "CFG")
        return {
            **{f"+MIPL{name}": done for name in (*answers, "ADDOBJ", "DELOBJ")},
            "+MIPLCREATE": self._create, "+MIPLDELETE": self._delete, "+MIPLOPEN": self._open,
            "+MIPLCLOSE": self._close, "+MIPLUPDATE": self._update,
            "+MIPLVER": lambda command: Reply(["+MIPLVER: 2.3.0"]),
        }  # fmt: skip

    def _event(self, number: int) -> None:
        self._modem.urc(f"+MIPLEVENT: 0,{number}")

    def _create(self, command: Command) -> Reply:
        if self.created:
            raise MeFault(_NOT_ALLOWED)
        self.created = True
        return Reply(["+MIPLCREATE: 0"])

    def _need(self) -> None:
        if not self.created:
            raise MeFault(_NOT_ALLOWED)

    def _delete(self, command: Command) -> Reply:
        self._need()
        self.created = False
        return Reply()

    def _open(self, command: Command) -> Reply:
        self._need()
        if not self._modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)

        def begin() -> None:
            for delay_s, number in _STEPS:
                self._modem.later(delay_s, self._event, number)

        return Reply(after=begin)

    def _close(self, command: Command) -> Reply:
        self._need()
        return Reply(after=lambda: self._modem.later(0.5, self._event, _CLOSED))

    def _update(self, command: Command) -> Reply:
        self._need()
        return Reply(after=lambda: self._modem.later(0.5, self._event, _UPDATED))
