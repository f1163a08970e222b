"""u-blox SARA-N210 (HiSilicon Boudica): 9600 baud, one OK per command, +N… sockets without prefixes.

Sources: terminal guide of a SARA-N210 board (log), SARA-N2 manuals UBX-16014887 and UBX-17005143, Boudica walk-through.
"""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench.modem.families._clients import ClientsModem, done
from cellkit.bench.modem.families._clients.standard import ClientsStandard
from cellkit.bench.modem.families.ublox_sara_n2.sockets import SocketCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.recipes import FIRST_CHARACTER_LOST
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

_NO_SERVICE = 30
_CGACT_LIMIT_S, _LOOK_S = 60.0, 0.5
_CAUSES = {
    "AT+NRB": "APPLICATION_AT", "reset pin": "SECURITY_RESET_PIN", "supply": "SECURITY_PMU_POWER_ON_RESET",
    "fault": "APPLICATION_WATCHDOG",
}  # fmt: skip
_CONFIG = {
    "AUTOCONNECT": "TRUE", "CR_0354_0338_SCRAMBLING": "TRUE", "CR_0859_SI_AVOID": "TRUE", "COMBINE_ATTACH": "FALSE",
    "CELL_RESELECTION": "TRUE", "ENABLE_BIP": "FALSE", "NAS_SIM_POWER_SAVING_ENABLE": "TRUE",
}  # fmt: skip


class _Standard(ClientsStandard):
    """Layouts of N2."""

    function_levels = (0, 1)
    function_modes = "(0,1),(0)"

    def cgsn(self, command: Command) -> Reply:
        if command.op == "set" and command.integer(0, 0, 3) == 1:
            return Reply([self.line("+CGSN", self.modem.config.identity.imei)])
        return super().cgsn(command)

    def _csq(self, command: Command) -> Reply:
        lines = super()._csq(command).lines
        return Reply([line.rpartition(",")[0] + ",99" if command.op != "test" else line for line in lines])

    def ati(self, command: Command) -> Reply:
        identity = self.modem.config.identity
        told = [identity.manufacturer, identity.model, f"Revision: {identity.revision}"]
        return Reply(self.modem.faults.identity or told)

    def cgact(self, command: Command) -> Reply | None:  # type: ignore[override]
        """AT+CGACT=1 waits until the device is attached."""
        modem = self.modem
        if command.op != "set" or command.integer(0, 0, 1) == 0 or modem.ue.registered:
            return super().cgact(command)

        def look(left_s: float) -> None:
            if modem.ue.registered:
                modem.complete(Reply())
            elif left_s <= 0:
                modem.fail(MeFault(_NO_SERVICE))
            else:
                modem.later(_LOOK_S, look, left_s - _LOOK_S)

        look(_CGACT_LIMIT_S)
        return None

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', None, 0, 0)

    def card_ready(self) -> None:
        """Nothing is said of the card."""


class Module(ClientsModem):
    """Nothing but AT+NCONFIG and AT+NBAND outlives a restart."""

    traits = Traits(one_ok_per_command=True, ready_lines=(r"REBOOT_CAUSE_[A-Z_]+", r"u-blox ?", "OK"))
    recipe = replace(FIRST_CHARACTER_LOST)
    cid = 1
    lasting = {
        "IPR": 9600, "CMEE": 0, "NPSMR": 0, "NSONMI": 1, "NCONFIG": _CONFIG, "NBAND": (8, 20), "NSMI": 0, "NNMI": 0,
    }
    profiled = (
        "E", "CMEE", "CEREG", "CREG", "CGREG", "CSCON", "NPSMR", "NSONMI", "CPSMS", "CEDRXS", "COPS", "CGDCONT", "CFUN",
    )  # fmt: skip

    def _make_dialect(self) -> Dialect:
        self.sockets_part = SocketCommands(self)
        self._cause = "supply"
        return super()._make_dialect()

    def make_standard(self) -> Standard:
        """Layouts of its own."""
        return _Standard(self)

    def commands(self) -> dict[str, Handler]:
        """AT+N…"""
        return {
            **self.sockets_part.handlers(), "+NRB": self._nrb, "+NCONFIG": self._nconfig, "+NPSMR": self._npsmr,
            "+NBAND": self._nband, "+NUESTATS": self._nuestats, "+NCCID": self._nccid, "+CMEE": self._cmee,
            "+NEARFCN": done, "+NPIN": self._npin, "+NFWUPD": done, "+NCPSR": done, "+NPOWERCLASS": self._npowerclass,
            "+NPTWEDRXS": done, "+NCSEARFCN": done, "+NMGS": done, "+NMSTATUS": done, "+NATSPEED": self._natspeed,
        }  # fmt: skip

    # Start and sleep

    def booted(self, cause: str) -> None:
        """The reason of the start, the maker, and an OK that answers nothing."""
        self._cause = cause
        auto = self.settings.nvram["NCONFIG"]["AUTOCONNECT"] == "TRUE"
        self.settings.nvram["CFUN"] = int(auto)
        super().booted(cause)

    def say_banner(self) -> float:
        """Depends on why it has started."""
        self.urc(f"REBOOT_CAUSE_{_CAUSES.get(self._cause, 'UNKNOWN')}")
        self.output.block(["u-blox "])
        self.output.block(["OK"])
        return 0.05

    def psm_changed(self) -> None:
        """+NPSMR where it is asked for."""
        if self.settings.nvram["NPSMR"]:
            self.urc(f"+NPSMR: {int(self.ue.psm)}")

    # Commands

    def _nrb(self, command: Command) -> Reply:
        return Reply(final="", after=lambda: self.later(0.1, self.reset, "AT+NRB"))

    def _cmee(self, command: Command) -> Reply:
        return self.standard.number(command, "CMEE", 0, 1)

    def _nconfig(self, command: Command) -> Reply:
        config = self.settings.nvram["NCONFIG"]
        if command.op == "test":
            return Reply(["+NCONFIG: " + ",".join(f'("{name}",("FALSE","TRUE"))' for name in _CONFIG)])
        if command.op == "read":
            return Reply([f'+NCONFIG: "{name}","{value}"' for name, value in config.items()])
        name, value = command.string(0, 40).upper(), command.string(1, 5).upper()
        if name not in config or value not in ("TRUE", "FALSE"):
            raise SyntaxFault
        self.settings.nvram["NCONFIG"] = {**config, name: value}
        return Reply()

    def _npsmr(self, command: Command) -> Reply:
        if command.op == "read":
            n = self.settings.nvram["NPSMR"]
            return Reply([f"+NPSMR: {n},{int(self.ue.psm)}" if n else "+NPSMR: 0"])
        return self.standard.number(command, "NPSMR", 0, 1)

    def _nband(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["+NBAND: (8,20)"])
        if command.op == "read":
            return Reply(["+NBAND: " + ",".join(map(str, nvram["NBAND"]))])
        nvram["NBAND"] = tuple(command.integer(index, 1, 85) for index in range(len(command.args)))
        return Reply()

    def _nccid(self, command: Command) -> Reply:
        return Reply([] if command.op == "test" else [f"+NCCID: {self.sim.iccid}"])

    def _npin(self, command: Command) -> Reply:
        """AT+NPIN=0,"1234": the answer comes behind the OK."""
        if command.integer(0, 0, 4) == 0:
            self.sim.enter(command.string(1, 8), None)

        def unlocked() -> None:
            self.later(0.2, self.urc, '+NPIN: "OK"')
            self.standard.switch_on(False)

        return Reply(after=unlocked)

    def _npowerclass(self, command: Command) -> Reply:
        bands = self.settings.nvram["NBAND"] if command.op == "read" else ()
        return Reply([f"+NPOWERCLASS: {band},3" for band in bands])

    def _natspeed(self, command: Command) -> Reply:
        return Reply(["+NATSPEED: 9600,0,2,1,0,0,0"] if command.op == "read" else [])

    def _nuestats(self, command: Command) -> Reply:
        """One figure a line, in tenths; nothing of a cell where there is none."""
        cell, covered = self.network.config.cell, self.ue.covered and self.ue.on
        values: list[tuple[str, object]] = [
            ("Signal power", cell.rsrp_dbm * 10 if covered else -32768),
            ("Total power", cell.rssi_dbm * 10 if covered else -32768), ("TX power", cell.tx_power_dbm * 10),
            ("TX time", 0), ("RX time", 0), ("Cell ID", int(cell.ci, 16) if covered else 4294967295),
            ("ECL", cell.ecl if covered else 255), ("SNR", cell.sinr_db * 10 if covered else -32768),
            ("EARFCN", cell.earfcn if covered else 4294967295), ("PCI", cell.pci if covered else 65535),
            ("RSRQ", round(cell.rsrq_db * 10) if covered else -32768),
        ]  # fmt: skip
        if command.op == "test":
            return Reply(['+NUESTATS: ("RADIO","CELL","BLER","THP","APPSMEM","ALL")'])
        kind = command.string(0, 8, default="").upper()
        if kind == "CELL":
            levels = (cell.rsrp_dbm, cell.rsrq_db, cell.rssi_dbm, cell.sinr_db)
            row = (cell.earfcn, cell.pci, 1, *(round(level * 10) for level in levels))
            return Reply(['NUESTATS: "CELL",' + ",".join(map(str, row))])
        if kind:
            return Reply([f'NUESTATS: "{kind}","{name}",{value}' for name, value in values])
        return Reply([f"{name}:{value}" for name, value in values])
