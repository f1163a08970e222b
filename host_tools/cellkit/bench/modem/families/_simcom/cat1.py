"""What A76xx and SIM7600 have in common: parts put together, identity, registration forms, power."""

from __future__ import annotations

from collections.abc import Mapping

from cellkit.bench.modem.cmux import Cmux
from cellkit.bench.modem.families._simcom.base import SimcomModem
from cellkit.bench.modem.families._simcom.cip import CipCommands
from cellkit.bench.modem.families._simcom.cmqtt import MqttCommands
from cellkit.bench.modem.families._simcom.http import HttpCommands
from cellkit.bench.modem.families._simcom.services import ServiceCommands
from cellkit.bench.modem.families._simcom.sms import SimcomSms
from cellkit.bench.modem.families._simcom.tls import TlsCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command, SyntaxFault


class Cat1Standard(Standard):
    """LTE: registration modes 0 to 2 without AcT, identity with prefixes."""

    context_end = ",,,,"

    def registration_modes(self, name: str) -> str:
        """n of 0 to 2."""
        return "(0-2)"

    def cell_fields(self, name: str) -> list[object]:
        """TAC and cell identity only (AT manual)."""
        return super().cell_fields(name)[:2]

    def address_line(self, cid: int) -> str:
        """The address without quotes."""
        return super().address_line(cid).replace('"', "")

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        """Four more fields, which this module leaves empty."""
        return super().context_line(cid, kind, apn, ip) + self.context_end

    def ati(self, command: Command) -> Reply:
        """ATI with the IMEI and the capabilities."""
        identity = self.modem.config.identity
        lines = [
            f"Manufacturer: {identity.manufacturer}", f"Model: {identity.model}", f"Revision: {identity.revision}",
            f"IMEI: {identity.imei}", "+GCAP: +CGSM,+FCLASS,+DS",
        ]  # fmt: skip
        return Reply(self.modem.faults.identity or lines)


class Mux(Cmux):
    """Basic mode; parameters beyond the first are not looked at."""

    shown: tuple[int, ...] = (0, 0, 5, 1500, 0, 0, 600)

    def handlers(self) -> dict[str, Handler]:
        """AT+CMUX."""
        return {"+CMUX": self._command}

    def _command(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMUX: (0),(0),(1-8),(1-1500),(0),(0),(2-1000)"])
        if command.op == "read":
            return Reply(["+CMUX: " + ",".join(map(str, self.shown))])
        command.integer(0, 0, 0)
        return Reply(after=self.start)


class Cat1Modem(SimcomModem):
    """Handlers of both families; each states its quirks."""

    act = 7
    edrx_act = 4
    lasting = {"CMEE": 2}
    volatile = {"CVHU": 1, "CSCLK": 0}

    def _make_dialect(self) -> Dialect:
        self.tls_part = TlsCommands(self)
        self.cip_part = CipCommands(self)
        self.mqtt_part = MqttCommands(self, self.tls_part)
        self.http_part = HttpCommands(self, self.tls_part)
        self.services = ServiceCommands(self)
        self.toolkit: list[str] = []
        """Commands of a card with a toolkit menu, which speak at start, as they are printed."""
        self.make_quirks()
        return super()._make_dialect()

    def make_quirks(self) -> None:
        """What the parts do otherwise in a family."""

    def make_standard(self) -> Standard:
        """LTE's forms."""
        return Cat1Standard(self)

    def make_cmux(self) -> Cmux:
        """With the forms of SIMCom."""
        return Mux(self)

    def make_messages(self) -> SmsCommands:
        """SIMCom's forms of short messages."""
        messages = SimcomSms(self)
        messages.scts_first = True
        return messages

    def banner_line(self, text: str) -> None:
        """Lines of card and bearer only where there are; a toolkit's first command comes before the card is ready."""
        ready = self.sim.ready and self.settings.nvram["CFUN"] == 1
        if text.startswith("+CPIN"):
            self._toolkit(self.toolkit[:1])
            super().banner_line(text)
            self._toolkit(self.toolkit[1:])
        elif text.startswith("+CGEV"):
            if ready and self.ue.covered:
                self.urc(text)
        elif text in ("SMS DONE", "PB DONE"):
            if ready:
                self.urc(text)
        else:
            super().banner_line(text)

    def _toolkit(self, commands: list[str]) -> None:
        for command in commands:
            self.urc(f"+MSTK: {command}")

    def without_messages(self) -> None:
        """As the data-only variant: no short messages at all."""
        for name in self.messages.handlers():
            del self.dialect.handlers[name]

    def forget_settings(self) -> None:
        """Sessions and their settings are in RAM."""
        for part in (self.tls_part, self.cip_part, self.mqtt_part, self.http_part, self.services):
            part.forget()

    def ring(self) -> None:
        """Somebody calls."""
        self.services.ring()

    def commands(self) -> Mapping[str, Handler | None]:
        """All parts."""
        found: dict[str, Handler] = {}
        for part in (self.cip_part, self.tls_part, self.mqtt_part, self.http_part, self.services):
            found.update(part.handlers())
        missing = dict.fromkeys(("+CSCON", "+CEDRXS", "+CEDRXRDP", "+CPSMS", "+CCID"))
        return {
            **found, **missing,
            "+SIMCOMATI": self._simcomati, "+CGMR": self._cgmr, "+CICCID": self._ciccid, "+CPSI": self._cpsi,
            "+CPOF": lambda command: Reply(after=lambda: self.later(1.0, self.power.shut_down)),
            "+CRESET": self._creset, "+CSCLK": self.noted("CSCLK", high=2), "+CFGRI": self.noted("CFGRI"),
            "+CNMP": self._cnmp, "+IPREX": self._iprex, "+CSUB": lambda command: Reply(["+CSUB: B02V04"]),
            "+CPMVT": self._cpmvt, "+CNSMOD": self._cnsmod, "+CSPN": self._cspn,
            "+CPMUTEMP": lambda command: Reply(["+CPMUTEMP: 29"]), "+CSQ": self._csq, "+CGDATA": self._cgdata,
            "X": self._x,
        }  # fmt: skip

    # Identity and cell

    def _simcomati(self, command: Command) -> Reply:
        identity = self.config.identity
        more = identity.more
        return Reply([
            f"Manufacturer: {identity.manufacturer}", f"Model: {identity.model}", f"Revision: {more['full']}",
            more["build"], "QCN:", f"IMEI: {identity.imei}", "MEID:", "DeviceInfo:",
        ])  # fmt: skip

    def _cgmr(self, command: Command) -> Reply:
        return self.standard.told(command, f"+CGMR: {self.config.identity.cgmi_revision}")

    def _ciccid(self, command: Command) -> Reply:
        return self.standard.told(command, f"+ICCID: {self.sim.iccid}")

    def _csq(self, command: Command) -> Reply:
        reply = self.standard.handlers()["+CSQ"](command) or Reply()
        return Reply([line.removesuffix(",0") + ",99" if line.endswith(",0") else line for line in reply.lines])

    def _cpsi(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CPSI: (0-255)"])
        if command.op == "set":
            command.integer(0, 0, 255)
            return Reply()
        if command.op != "read":
            raise SyntaxFault
        if not self.ue.registered:
            return Reply([f"+CPSI: NO SERVICE, {'Online' if self.ue.on else 'Low Power Mode'}"])
        cell = self.network.config.cell
        plmn = f"{cell.plmn[:3]}-{cell.plmn[3:]}"
        return Reply([
            f"+CPSI: LTE,Online,{plmn},0x{cell.tac},{int(cell.ci, 16)},{cell.pci},EUTRAN-BAND{cell.band},{cell.earfcn},"
            f"5,0,{self.cell_figures()}"
        ])  # fmt: skip

    def cell_figures(self) -> str:
        """RSRQ, RSRP, RSSI and SINR as positive numbers."""
        cell = self.network.config.cell
        return f"{-cell.rsrq_db:.0f},{max(cell.rsrp_dbm + 141, 0)},{max(cell.rssi_dbm + 111, 0)},{max(cell.sinr_db, 0)}"

    def _cspn(self, command: Command) -> Reply:
        return Reply(['+CSPN: "Test",0'])

    def _cnmp(self, command: Command) -> Reply:
        ram = self.settings.ram
        if command.op == "test":
            return Reply(["+CNMP: (2,13,38)"])
        if command.op == "read":
            return Reply([f"+CNMP: {ram.get('CNMP', 2)}"])
        ram["CNMP"] = command.integer(0, 2, 54)
        return Reply()

    def _cnsmod(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CNSMOD: (0,1)"])
        return Reply([f"+CNSMOD: 0,{8 if self.ue.registered else 0}"]) if command.op == "read" else Reply()

    # Line and power

    def _creset(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply(after=lambda: self.later(0.5, self.reset, "AT+CRESET"))

    def _iprex(self, command: Command) -> Reply:
        reply = self.standard.ipr(command)
        return Reply([line.replace("+IPR:", "+IPREX:") for line in reply.lines], reply.after)

    def _cpmvt(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CPMVT: (0-1),(3200-4300),(3200-4300)"])
        return Reply(["+CPMVT: 1,3200,4300"]) if command.op == "read" else Reply()

    def _cgdata(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CGDATA: "PPP"'])
        return Reply(final=self.connected_text(), after=lambda: self.go_online(lambda data: None))

    # What happens

    def sleep_mode(self) -> int:
        """CSCLK=1 with DTR high, or 2."""
        mode = int(self.settings.ram["CSCLK"])
        return 2 if mode == 2 or (mode == 1 and self.power.level("DTR")) else 0

    def sleep_lock_s(self) -> float:
        """It takes 10 to 20 s to fall asleep."""
        return 15.0

    def registration_changed(self) -> None:
        """Without registration there is no bearer."""
        if not self.ue.registered:
            self.cip_part.bearer_lost()
        super().registration_changed()
