"""Dialling by V.250: no voice, and a packet data call at whose other end nobody speaks PPP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command

if TYPE_CHECKING:
    from cellkit.bench.modem.plain import PlainModem

_PACKET = re.compile(r"\*(98|99)(\*[^#]*)?#")  # TS 27.007 10.2.1.2


class DialCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: PlainModem) -> None:
        self._modem = modem
        self._call = False
        modem.at_reset.append(self._hang_up)

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"D": self._dial, "H": self._ends, "O": self._back, "A": lambda command: Reply(final="NO CARRIER")}

    def _hang_up(self) -> None:
        self._call = False

    def _online(self) -> Reply:
        return Reply(final="CONNECT", after=lambda: self._modem.go_online(lambda data: None))

    def _dial(self, command: Command) -> Reply:
        if not _PACKET.fullmatch(command.raw.strip()) or not self._modem.ue.registered:
            return Reply(final="NO CARRIER")
        self._call = True
        return self._online()

    def _back(self, command: Command) -> Reply:
        return self._online() if self._call else Reply(final="NO CARRIER")

    def _ends(self, command: Command) -> Reply:
        self._hang_up()
        return Reply()
