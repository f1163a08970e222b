"""#XNRFCLOUD and #XNRFCLOUDPOS: nRF Cloud as far as it shows on the line; #XPPP. Source: Serial Modem documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.gnss import Fix
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_TAG = 16842753
_CONNECT_S = 2.0
_SINGLE_CELL, _MULTI_CELL, _WIFI = 0, 1, 2


class CloudCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """Reset."""
        self.connected = False
        self._location = 0
        self._ppp: int | None = None  # its context, while started
        self._running = False

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"#XNRFCLOUD": self._cloud, "#XNRFCLOUDPOS": self._position, "#XPPP": self._xppp}

    # Cloud

    def _told(self) -> None:
        self._modem.urc(f"#XNRFCLOUD: {int(self.connected)},{self._location}")

    def switched_off(self) -> None:
        """AT+CFUN=0 ends the connection."""
        if self.connected:
            self.connected = False
            self._told()

    def _cloud(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XNRFCLOUD: (0,1,2),<send_location>"])
        if command.op == "read":
            state = f"{int(self.connected)},{self._location},{_TAG}"
            return Reply([f'#XNRFCLOUD: {state},"nrf-{self._modem.config.identity.imei}"'])
        op = command.integer(0, 0, 2)
        if op == 1:
            if self.connected or not self._modem.ue.registered:
                raise SyntaxFault
            self._location = command.integer(1, 0, 1, default=0)
        elif not self.connected:
            raise SyntaxFault
        if op == 2:
            return Reply(after=lambda: self._modem.data_input.enter(lambda data: None, whole=True))

        def change() -> None:
            self.connected = op == 1
            self._told()

        return Reply(after=lambda: self._modem.later(_CONNECT_S, change))

    def _position(self, command: Command) -> Reply:
        cells, wifi = command.integer(0, 0, 15), command.integer(1, 0, 1)
        if not self.connected or (wifi and len(command.args) < 4) or not (cells or wifi):
            raise SyntaxFault
        kind = _WIFI if wifi else _MULTI_CELL if cells > 1 else _SINGLE_CELL

        def found(fix: Fix | None) -> None:
            where = f"0,{kind},{fix.latitude:.6f},{fix.longitude:.6f},{fix.accuracy_m:.0f}" if fix is not None else "-1"
            self._modem.urc(f"#XNRFCLOUDPOS: {where}")

        return Reply(after=lambda: self._modem.gnss.cell(found))

    # PPP

    def _state(self, peer: int = 0) -> str:
        return f"#XPPP: {int(self._running)},{peer},{self._ppp or 0}"

    def bearer(self, up: bool) -> None:
        """The bearer has come or gone: PPP runs with it."""
        if self._ppp is not None and up != self._running:
            self._running = up
            self._modem.urc(self._state())

    def peer(self, connected: int) -> None:
        """Somebody at the other end of PPP."""
        self._modem.urc(self._state(connected))

    def _xppp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XPPP: (0,1),<cid>"])
        if command.op == "read":
            return Reply([self._state()])
        if command.integer(0, 0, 1):
            self._ppp = command.integer(1, 0, 10, default=0)
            return Reply(after=lambda: self.bearer(bool(self._modem.ue.grant.ip)))
        was, self._running, self._ppp = self._running, False, None
        return Reply(after=lambda: self._modem.urc(self._state()) if was else None)
