"""AT+QICSGP, AT+QIACT…: contexts. Sources: TCP/IP notes of BG96, BG95, EC200U; a BG95 log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem


class ContextCommands:
    """Handlers bound to one modem. `active` are the contexts that QIACT has brought up."""

    def __init__(self, modem: QuectelModem) -> None:
        self._modem = modem
        self.settings: dict[int, tuple[str, ...]] = {}
        self.active: set[int] = set()
        self.last_error = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QICSGP": self._qicsgp, "+QIACT": self._qiact, "+QIDEACT": self._qideact, "+QIACTEX": self._qiactex,
            "+QIDEACTEX": self._qideactex,
        }  # fmt: skip

    def context_closed(self, number: int) -> None:
        """Nothing is left of context `number`."""

    def bearer_gone(self) -> None:
        """Detached: contexts are down, and the host is told to deactivate them (BG96 log)."""
        down, self.active = sorted(self.active), set()
        for number in down:
            self._modem.urc(f'+QIURC: "pdpdeact",{number}')

    # Contexts

    def _context(self, command: Command, index: int = 0) -> int:
        return command.integer(index, self._modem.first_context, self._modem.contexts)

    def _qicsgp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+QICSGP: (1-16),(1-3),<APN>,<username>,<password>,(0-3)'])
        number = self._context(command)
        if len(command.args) == 1:
            kind, apn, user, word, auth = self.settings.get(number, ("1", "", "", "", "0"))
            return Reply([f'+QICSGP: {kind},"{apn}","{user}","{word}",{auth}'])
        kind = str(command.integer(1, 1, 3))
        texts = [command.string(index, 127, default="") for index in (2, 3, 4)]
        self.settings[number] = (kind, *texts, str(command.integer(5, 0, 3, default=0)))
        return Reply()

    def _lines(self, name: str) -> list[str]:
        ip = self._modem.ue.grant.ip
        return [f'{name}: {number},1,1,"{ip}"' for number in sorted(self.active) if ip]

    def _qiact(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+QIACT: (1-16)"])
        if command.op == "read":
            return Reply(self._lines("+QIACT"))
        number, modem = self._context(command), self._modem
        if modem.faults.take("no_context") is not None or not modem.ue.registered or not modem.ue.grant.ip:
            self.last_error = 572 if modem.ue.registered else 561
            raise SyntaxFault  # plain ERROR, whatever CMEE says (log of a BG95)
        self.active.add(number)
        modem.later(0.3, modem.complete, Reply())
        return None

    def _qideact(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QIDEACT: (1-16)"])
        number = self._context(command)
        self.active.discard(number)
        self.context_closed(number)
        return Reply()

    def _qiactex(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply(self._lines("+QIACTEX"))
        number, view = self._context(command), command.integer(1, 0, 1, default=0)
        ok = self._modem.ue.registered
        if ok:
            self.active.add(number)
        address = f',1,"{self._modem.ue.grant.ip}"' if view and ok else ""
        text = f"+QIACTEX: {number},{0 if ok else 561}{address}"
        return Reply(after=lambda: self._modem.later(0.3, self._modem.urc, text))

    def _qideactex(self, command: Command) -> Reply:
        number = self._context(command)
        self._qideact(command)
        return Reply(after=lambda: self._modem.later(0.3, self._modem.urc, f"+QIDEACTEX: {number},0"))
