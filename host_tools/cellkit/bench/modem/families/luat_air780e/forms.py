"""Layouts of standard commands in the LuatOS AT firmware. Source: its manual: Base, Network service, GPRS, SMS."""

from __future__ import annotations

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command, SyntaxFault

_EMPTY = 12  # fields behind the address in +CGDCONT


class Forms(Standard):
    """Identity, registration, contexts, clock."""

    def handlers(self) -> dict[str, Handler]:
        """Identity has prefixes and quotes; CGSN and GSN have not."""
        identity = self.modem.config.identity
        return {
            **super().handlers(),
            "+CGMI": lambda command: self.told(command, f'+CGMI: "{identity.manufacturer}"'),
            "+CGMM": lambda command: self.told(command, f'+CGMM: "{identity.model}"'),
            "+CGMR": lambda command: self.told(command, f'+CGMR: "{identity.revision}"'),
            "+VER": lambda command: self.told(command, identity.revision),
            "^HVER": lambda command: self.told(command, f"^HVER: {identity.more.get('chip', 'EC618')}"),
            "+CTZR": self._ctzr, "+CPWD": self._cpwd, "+IFC": self.ifc,
        }  # fmt: skip

    def ati(self, command: Command) -> Reply:
        """The revision alone."""
        return Reply(self.modem.faults.identity or [self.modem.config.identity.revision])

    def registration_modes(self, name: str) -> str:
        """CEREG has six."""
        return "(0,1,2,3,4,5)" if name == "CEREG" else "(0,1,2,3)"

    def registration_line(self, name: str = "CEREG", unsolicited: bool = False) -> str:
        """As in a log of an Air780EP the answer to CEREG may carry the prefix of CGREG, where a fault says so."""
        line = super().registration_line(name, unsolicited)
        if name == "CEREG" and not unsolicited and self.modem.settings.ram.get("interleaved"):
            return line.replace("+CEREG", "+CGREG", 1)
        if name == "CREG" and unsolicited:
            return line.replace(": ", ":", 1) if line.count(",") == 0 else line
        return line

    def card_ready(self) -> None:
        """Nothing is said of the card after CFUN=1 or PIN."""

    def _cfun(self, command: Command) -> Reply | None:
        before = self.modem.settings.nvram["CFUN"]
        reply = super()._cfun(command)
        if command.op == "set" and self.modem.settings.nvram["CFUN"] not in (before, 1):
            self.modem.later(0.8, self.modem.urc, "+CGEV: ME DETACH")
        return reply

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        """+CGDCONT with the optional fields of TS 27.007, all empty."""
        shown = ip if cid == self.modem.cid else ""
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown}"', *[None] * _EMPTY)

    def cgcontrdp(self, command: Command) -> Reply:
        """With name servers, without mask and gateway."""
        ue = self.modem.ue
        if command.op == "test":
            return Reply([self.line("+CGCONTRDP", f"({self.modem.cid})")])
        if not ue.registered or not ue.grant.ip:
            return Reply()
        apn, dns = f'"{self.modem.network.config.apn}"', ('"211.138.180.4"', '"211.138.180.5"')
        return Reply([self.line("+CGCONTRDP", self.modem.cid, 5, apn, f'"{ue.grant.ip}"', '""', None, *dns)])

    def _ctzr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTZR: (0,1)"])
        if command.op != "read":
            raise SyntaxFault  # it can only be read
        return Reply(["+CTZR: 1"])

    def _cpwd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CPWD: ("SC",8)'])
        if command.string(0, 2).upper() != "SC":
            raise SyntaxFault
        sim, old, new = self.modem.sim, command.string(1, 8), command.string(2, 8)
        sim.set_lock(True, old)  # proves the old one
        sim.lock(new)
        return Reply()

    def ifc(self, command: Command) -> Reply:
        """Fields behind a comma and a space."""
        nvram = self.modem.settings.nvram
        if command.op == "test":
            return Reply(["+IFC: (0,2), (0,2)"])
        if command.op == "read":
            return Reply(["+IFC: {}, {}".format(*nvram["IFC"])])
        nvram["IFC"] = (command.integer(0, 0, 2), command.integer(1, 0, 2, default=0))
        return Reply()


class Messages(SmsCommands):
    """Test forms, and CSMS=, which is answered by OK alone."""

    parameters = "17,167,0,0"

    def _csmp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CSMP: (17,21,33,37,49,53),(0-255),(0),(0,4,8)"])
        if command.op == "read":
            return Reply([f"+CSMP: {self.parameters}"])
        kept = self.parameters.split(",")
        given = [arg.text or kept[at] for at, arg in enumerate(command.args[:4])]
        self.parameters = ",".join(given + kept[len(given):])
        return Reply()

    def handlers(self) -> dict[str, Handler]:
        """With what differs."""
        shared = super().handlers()

        def tested(name: str, *lines: str) -> Handler:
            return lambda command: Reply([*lines]) if command.op == "test" else shared[name](command)

        def csms(command: Command) -> Reply | None:
            reply = shared["+CSMS"](command)
            return Reply() if command.op == "set" else reply

        def cmgl(command: Command) -> Reply | None:
            if command.op == "test":
                states = '"REC UNREAD","REC READ","STO UNSENT","STO SENT","ALL"' if self.text_mode else "(0-4)"
                return Reply([f"+CMGL: {states}"])
            return shared["+CMGL"](command)

        return {
            **shared, "+CSMS": csms, "+CMGL": cmgl,
            "+CSMP": self._csmp,
            "+CNMI": tested("+CNMI", "+CNMI: (0-3),(0-3),(0-3),(0-1),(0-1)"), "+CSCA": tested("+CSCA"),
        }  # fmt: skip
