"""Sockets 1 to 6 that the command line numbers, as Telit has them and Sequans after it.

What the families share: the tables of settings, how a socket is opened and goes online, and its counters. How data are
sent, shown and told is their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cellkit.bench.modem.engines.links import Kind, Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import ClientsModem
from cellkit.bench.modem.family import Reply
from cellkit.bench.modem.v250 import Command, MeFault

FIRST, LAST, LONGEST = 1, 6, 1500
NOT_ALLOWED = 3
FACTORY = (1, 300, 90, 600, 50)

Table = dict[int, tuple[int, ...]]


class NumberedSockets:
    """`name`: what the commands begin with. Families inherit it."""

    name = ""

    def __init__(self, modem: ClientsModem) -> None:
        self._modem = modem
        self.config: Table = {}
        self.extended: Table = {}

    def _id(self, command: Command, at: int = 0) -> int:
        return command.integer(at, FIRST, LAST)

    def _link(self, number: int) -> Link:
        link = self._modem.links.get(number)
        if link is None or link.state == "opening":
            raise MeFault(NOT_ALLOWED)
        return link

    def _table(
        self, command: Command, name: str, table: Table, factory: tuple[int, ...], test: str, high: int = 65535
    ) -> Reply:
        """Settings of each socket; parameters that are left out are those of the factory."""
        if command.op == "test":
            return Reply([f"{name}: {test}"])
        if command.op == "read":
            rows = [(number, *table.get(number, factory)) for number in range(FIRST, LAST + 1)]
            return Reply([f"{name}: " + ",".join(map(str, row)) for row in rows])
        given = enumerate(factory, 1)
        table[self._id(command)] = tuple(command.integer(at, 0, high, default=value) for at, value in given)
        return Reply()

    def _open(
        self, number: int, kind: Kind, peer: tuple[str, int], local_port: int, online: bool,
        tls: TlsSettings | None = None,
    ) -> Link:  # fmt: skip
        """The answer comes by itself: OK, CONNECT where it goes `online`, or NO CARRIER."""
        modem = self._modem

        def opened(outcome: str) -> None:
            if outcome != "ok":
                link.close()
                modem.complete(Reply(final="NO CARRIER"))
            elif online:
                link.on_data = modem.output.raw
                modem.complete(Reply(final="CONNECT", after=lambda: modem.go_online(link.send)))
            else:
                modem.complete(Reply())

        link = modem.links.open(number, kind, *peer, opened, tls, local_port=local_port)
        return link

    def _sh(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"{self.name}H: ({FIRST}-{LAST})"])
        link = self._modem.links.get(self._id(command))
        if link is None:
            raise MeFault(NOT_ALLOWED)
        link.close()
        return Reply()

    def _so(self, command: Command) -> Reply:
        link = self._link(self._id(command))
        link.on_data = self._modem.output.raw
        return Reply(final="CONNECT", after=lambda: self._modem.go_online(link.send))

    def _sent(self, ok: bool) -> None:
        if ok:
            self._modem.complete(Reply())
        else:
            self._modem.fail(MeFault(NOT_ALLOWED))

    def _wanted(self, command: Command) -> Sequence[int]:
        """The sockets that a command is about: one, or all."""
        return [self._id(command)] if command.op == "set" else range(FIRST, LAST + 1)

    def _counters(self, command: Command, unacknowledged: Callable[[Link], int]) -> Reply:
        """Bytes sent, received, waiting, not acknowledged."""
        if command.op == "test":
            return Reply([f"{self.name}I: ({FIRST}-{LAST})"])
        lines = []
        for number in self._wanted(command):
            link = self._modem.links.get(number)
            counts = (link.sent, link.received, len(link.buffer), unacknowledged(link)) if link else (0, 0, 0, 0)
            lines.append(f"{self.name}I: {number}," + ",".join(map(str, counts)))
        return Reply(lines)
