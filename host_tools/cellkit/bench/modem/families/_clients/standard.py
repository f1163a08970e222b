"""AT+CFUN of the families with these clients: levels that reset."""

from __future__ import annotations

from cellkit.bench.modem.family import Reply
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command


class ClientsStandard(Standard):
    """A family states the levels."""

    reset_levels: tuple[int, ...] = ()
    """Levels of AT+CFUN that restart the module."""
    reset_s = 0.1
    """From the OK to the restart."""

    def _cfun(self, command: Command) -> Reply | None:
        level = command.integer(0, 0, 129) if command.op == "set" else -1
        if level in self.reset_levels or (level in self.function_levels and command.integer(1, 0, 1, default=0)):
            return Reply(after=lambda: self.modem.later(self.reset_s, self.modem.reset, "AT+CFUN"))
        return super()._cfun(command)
