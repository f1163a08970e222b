"""LwM2M and OneNET of BC26 and BC66: what the module says on the way; the platforms themselves are not there.

Sources: BC26 LwM2M manual V1.0, OneNET manual V1.0, a log of a BC66 with the newer set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc26 import Module

_REGISTERED = (1, 2, 4, 6)  # OneNET events: bootstrap start, success, connected, registered


class Platforms:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._message = 25994
        self._objects: dict[int, str] = {}
        self.config: tuple[str, ...] = ()
        self.buffer: list[bytes] = []
        self.buffered = False

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        fine: Handler = lambda command: Reply()  # noqa: E731
        return {
            "+MIPLCONFIG": self._miplconfig, "+MIPLCREATE": lambda command: Reply(["+MIPLCREATE: 0"]),
            "+MIPLADDOBJ": self._mipladdobj, "+MIPLDELOBJ": fine, "+MIPLDELETE": fine, "+MIPLOPEN": self._miplopen,
            "+MIPLCLOSE": self._miplclose, "+MIPLOBSERVERSP": self._observed, "+MIPLDISCOVERRSP": fine,
            "+MIPLREADRSP": fine, "+MIPLWRITERSP": fine, "+MIPLEXECUTERSP": fine, "+MIPLPARAMETERRSP": fine,
            "+MIPLNOTIFY": fine, "+MIPLVER": self._miplver, "+MIPLRD": self._miplrd,
            "+MIPLUPDATE": lambda command: self._event(command, 11),
            "+QLWSERV": fine, "+QLWCONF": fine, "+QLWADDOBJ": fine, "+QLWDEL": fine, "+QLWCFG": fine,
            "+QLWOPEN": self._qlwopen, "+QLWDATASEND": self._qlwdatasend, "+QLWRD": self._qlwrd,
            "+QLWUPDATE": lambda command: self._later("UPDATE OK"),
            "+QLWCLOSE": lambda command: self._later("CLOSE OK"),
            "+QLWCONFIG": self._qlwconfig, "+QLWREG": self._qlwreg,
        }  # fmt: skip

    def _later(self, *lines: str) -> Reply:
        modem = self._modem

        def begin() -> None:
            for number, line in enumerate(lines):
                modem.later(0.5 + 0.5 * number, modem.urc, line)

        return Reply(after=begin)

    # OneNET

    def _miplconfig(self, command: Command) -> Reply:
        if len(command.args) == 2 and command.integer(0, 0, 1) == 1:
            self.buffered = bool(command.integer(1, 0, 1))
        return Reply()

    def _miplver(self, command: Command) -> Reply:
        return Reply(["+MIPLVER: 2.2"])

    def _mipladdobj(self, command: Command) -> Reply:
        self._objects[command.integer(1, 0, 65535)] = command.string(3, 50, default="1")
        return Reply()

    def _event(self, command: Command, *events: int) -> Reply:
        ref = command.integer(0, 0, 0, default=0)
        return self._later(*(f"+MIPLEVENT: {ref},{event}" for event in events))

    def _miplopen(self, command: Command) -> Reply:
        self._message += 1
        observe = [f"+MIPLOBSERVE: 0,{self._message},1,{number},0,-1" for number in list(self._objects)[:1]]
        return self._later(*(f"+MIPLEVENT: 0,{event}" for event in _REGISTERED), *observe)

    def _observed(self, command: Command) -> Reply:
        self._message += 1
        return self._later(*(f"+MIPLDISCOVER: 0,{self._message},{number}" for number in list(self._objects)[:1]))

    def _miplclose(self, command: Command) -> Reply:
        return self._event(command, 15)

    def write(self, data: bytes) -> None:
        """The platform writes a resource."""
        self._message += 1
        number = next(iter(self._objects), 3311)
        if self.buffered:
            self.buffer.append(data)
            self._modem.urc(f"+MIPLWRITE: 0,{self._message},{number},0,5706,2,{len(data)},0,0")
        else:
            value = data.hex().upper()
            self._modem.urc(f"+MIPLWRITE: 0,{self._message},{number},0,5706,2,{len(data)},{value},0,0")

    def ask(self, what: str, resource: str = "5850", argument: str = "") -> None:
        """The platform sends READ, EXECUTE, PARAMETER, OBSERVE or DISCOVER; the host has to answer each."""
        self._message += 1
        number = next(iter(self._objects), 3311)
        place = {"OBSERVE": f"1,{number},0,-1", "DISCOVER": f"{number}"}.get(what, f"{number},0,{resource}")
        more = f',{len(argument)},"{argument}"' if argument else ""
        self._modem.urc(f"+MIPL{what}: 0,{self._message},{place}{more}")

    def _miplrd(self, command: Command) -> Reply:
        return self._taken("+MIPLRD", command.integer(0, 1, 1024), as_hex=False)

    def _taken(self, name: str, size: int, as_hex: bool) -> Reply:
        if not self.buffer:
            return Reply([f"{name}: 0"])
        data = self.buffer[0][:size]
        self.buffer[0] = self.buffer[0][size:]
        left = len(self.buffer[0])
        if not left:
            self.buffer.pop(0)
        return Reply([f"{name}: {len(data)},{left}", data.hex().upper() if as_hex else data.decode("latin-1")])

    # LwM2M

    def _qlwopen(self, command: Command) -> Reply:
        self.buffered = bool(command.integer(0, 0, 1))
        return self._later("CONNECT OK", "+QLWOBSERVE: 0,19,0,0")

    def _qlwdatasend(self, command: Command) -> Reply:
        confirmable = command.string(5, 6, default="0x0000").lower() == "0x0100"
        return self._later("SEND OK") if confirmable else Reply()

    def downlink(self, data: bytes) -> None:
        """The platform writes to object 19."""
        if self.buffered:
            self.buffer.append(data)
            self._modem.urc(f"+QLWDATARECV: 19,1,0,{len(data)}")
        else:
            self._modem.urc(f"+QLWDATARECV: 19,1,0,{len(data)},{data.hex().upper()}")

    def _qlwrd(self, command: Command) -> Reply:
        return self._taken("+QLWRD", command.integer(0, 1, 1024), as_hex=True)

    def _qlwconfig(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply(["+QLWCONFIG:" + ",".join(self.config)])
        if len(command.args) < 5:
            raise SyntaxFault
        texts = [arg.text for arg in command.args]
        self.config = (*texts[:3], f'"{texts[3]}"', *texts[4:])
        return Reply()

    def _qlwreg(self, command: Command) -> Reply:
        return self._later("+QLWURC: reg,0", "+QLWOBSERVE: 0,19,0,0")
