"""The attach bearer and further contexts of the BC660K-GL: cid 0 is the attach bearer, set with QCGDEFCONT only.

Source: AT Commands Manual V1.4, CGDCONT and CGPADDR, and a real log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.modem import Modem


class Bearer:
    """Handlers bound to one modem."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+CGPADDR": self._cgpaddr, "+CGDCONT": self._cgdcont}

    def _cgpaddr(self, command: Command) -> Reply:
        defined = [0, *sorted(self._modem.settings.nvram["CGDCONT"])]
        if command.op == "test":
            return Reply([f"+CGPADDR: ({','.join(map(str, defined))})"])
        wanted = [command.integer(0, 0, 10)] if command.op == "set" else defined
        ip = self._modem.ue.grant.ip
        return Reply([f'+CGPADDR: {cid},"{ip}"' if cid == 0 and ip else f"+CGPADDR: {cid}" for cid in wanted])

    def _cgdcont(self, command: Command) -> Reply:
        nvram, ue = self._modem.settings.nvram, self._modem.ue
        if command.op == "read":
            apn = self._modem.settings.at_boot["QCGDEFCONT"][1] or self._modem.network.config.apn
            bearer = f'"IP","{apn}","{ue.grant.ip}"' if ue.grant.ip else '"IP",""'
            lines = [f"+CGDCONT: 0,{bearer}"]
            for cid, (kind, apn) in sorted(nvram["CGDCONT"].items()):
                lines.append(f'+CGDCONT: {cid},"{kind}","{apn.upper()}"')
            return Reply(lines)
        if command.op != "set":
            raise SyntaxFault
        cid = command.integer(0, 1, 10)  # cid 0 is set with QCGDEFCONT only
        if len(command.args) == 1:
            nvram["CGDCONT"].pop(cid, None)
        else:
            kind = command.string(1, 6)
            if kind.upper() not in ("IP", "IPV6", "IPV4V6", "NON-IP"):
                raise SyntaxFault
            nvram["CGDCONT"][cid] = (kind, command.string(2, 99, default=""))
        return Reply()
