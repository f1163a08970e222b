"""AT+CLM…, AT+MIPL… and AT+CM2MCLI…: platforms, as shapes. Sources: AT manual V1.05, LwM2M note V1.02."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7020 import Module

_QUIET = (
    "+CLMCONF", "+CLMADDOBJ", "+CLMDELOBJ", "+CLMREADRSP", "+CLMWRITERSP", "+CLMEXECUTERSP", "+CLMOBSERVERSP",
    "+CLMPARAMRSP", "+CLMPARAMETERRSP", "+CLMNOTIFY", "+CLMUPDATE", "+MIPLDELETE", "+MIPLADDOBJ", "+MIPLDELOBJ",
    "+MIPLDISCOVERRSP", "+MIPLREADRSP", "+MIPLWRITERSP", "+MIPLEXECUTERSP", "+MIPLOBSERVERSP", "+MIPLPARAMETERRSP",
    "+MIPLNOTIFY", "+MIPLUPDATE", "+MIPLCONF", "+CM2MCLISEND", "+CM2MCLICFG", "+CM2MCLIGETRIP",
)  # fmt: skip
# What a platform asks: reference, message, then object, instance, resource and the like.
_ASKED = {
    "READ": "3303,0,5700", "WRITE": "3311,0,5850,5,1,1,0,0", "EXECUTE": '3303,0,5605,0,""', "OBSERVE": "1,3303,0,5700",
    "PARAMETER": '3303,0,-1,24,"pmin=0,pmax=60"', "DISCOVER": "3303", "NOTIFY": "0",
}  # fmt: skip


class PlatformCommands:
    """Handlers bound to one modem; the platform takes everything."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._message = 14592

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **dict.fromkeys(_QUIET, self._quiet), "+MIPLCREATE": self._create, "+MIPLOPEN": self._open,
            "+MIPLCLOSE": lambda command: self._late(command, "+MIPLEVENT: 0,15"), "+CLMREG": self._register,
            "+CLMDEREG": lambda command: self._late(command, "+CLMDEREG: 0"),
            "+MIPLVER": lambda command: Reply(["+MIPLVER: 2.1.0"]),
            "+CM2MCLINEW": lambda command: self._late(command, "+CM2MCLI: 1"),
            "+CM2MCLIDEL": lambda command: self._late(command, "+CM2MCLI: 11"),
        }  # fmt: skip

    def asks(self, platform: str, what: str) -> None:
        """A request of the platform (`CLM` LwM2M, `MIPL` OneNET): READ, WRITE, EXECUTE, OBSERVE and so on."""
        self._message += 1
        self._modem.urc(f"+{platform}{what}: 0,{self._message},{_ASKED[what]}")

    def _quiet(self, command: Command) -> Reply:
        return Reply()

    def _late(self, command: Command, text: str) -> Reply:
        return Reply() if command.op == "test" else Reply(after=self._modem.told(1.0, text))

    def _create(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply(["+MIPLCREATE: 0"])

    def _open(self, command: Command) -> Reply:
        def begin() -> None:
            for at, event in enumerate((1, 2, 6)):
                self._modem.later(1.0 + at, self._modem.urc, f"+MIPLEVENT: 0,{event}")

        return Reply() if command.op == "test" else Reply(after=begin)

    def _register(self, command: Command) -> Reply:
        return self._late(command, "+CLMREG: 0")
