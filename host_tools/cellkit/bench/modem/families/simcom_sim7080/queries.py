"""Signal, cells, power saving, clock and ping: commands that ask. Source: AT manuals V1.05 and V1.06."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench import timers
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_GROUPS = ("SYS", "SIMCARD", "SMS", "NETWORK", "TCPIP")


class QueryCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._server = ("", "0", "0", "0")

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        modem = self._modem
        return {
            "+CPSI": self._cpsi, "+CPSMRDP": self._cpsmrdp, "+CPSMCFG": self._cpsmcfg, "+CPSMSTATUS": self._cpsmstatus,
            "+CURCCFG": self._curccfg,
            "+CNTP": self._cntp, "+SNPING4": self._ping, "+CDNSGIP": self._dns, "+CBANDCFG": self._bands,
            "+CBC": lambda command: modem.standard.told(command, f"+CBC: 0,85,{modem.config.supply_mv}"),
            "+CGSN": lambda command: modem.standard.told(command, modem.config.identity.imei),
            "+SIMEI": lambda command: modem.standard.told(command, f"+SIMEI: {modem.config.identity.imei}"),
            "+CNSMOD": lambda command: modem.standard.told(command, f"+CNSMOD: 0,{9 if modem.ue.registered else 0}"),
            "+CSMINS": lambda command: Reply([f"+CSMINS: 0,{int(modem.sim.present)}"]),
            "+CGMM": lambda command: modem.standard.told(command, modem.config.identity.model),
            "+CADC": lambda command: modem.standard.told(command, "+CADC: 1,2810"),
        }  # fmt: skip

    def _cpsi(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply()
        if modem.settings.nvram["CFUN"] != 1:
            return Reply(["+CPSI: NO SERVICE,Offline"])
        if not modem.ue.registered:
            return Reply(["+CPSI: NO SERVICE,Online"])
        cell = modem.network.config.cell
        return Reply([
            f"+CPSI: LTE NB-IOT,Online,{cell.plmn[:3]}-{cell.plmn[3:]},0x{cell.tac},{int(cell.ci, 16)},{cell.pci},"
            f"EUTRAN-BAND{cell.band},{cell.earfcn},0,0,{cell.rsrq_db:.0f},{cell.rsrp_dbm},{cell.rssi_dbm},"
            f"{(cell.sinr_db + 20) // 2}"
        ])  # fmt: skip

    def _cpsmrdp(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply()
        psm, grant = modem.settings.nvram["CPSMS"], modem.ue.grant
        asked = [timers.decode_t3324(psm["t3324"]) or 0, timers.decode_t3412(psm["t3412"]) or 0]
        active = timers.decode_t3324(grant.t3324) if grant.t3324 else 0
        tau = timers.decode_t3412(grant.t3412) if grant.t3412 else 0
        shown = ",".join(f"{value or 0:.0f}" for value in (*asked, active, tau))
        return Reply([f"+CPSMRDP: {psm['mode']},{shown},3240"])

    def _cpsmcfg(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        low = 60 if self._modem.old else 20
        if command.op == "test":
            return Reply([f"+CPSMCFG: ({low}-86400),(0-15)"])
        if command.op == "read":
            threshold, mask = nvram["CPSMCFG"]
            return Reply([f"+CPSMCFG: {max(threshold, low)},{mask}"])
        nvram["CPSMCFG"] = (command.integer(0, low, 86400), command.integer(1, 0, 15, default=15))
        return Reply()

    def _cpsmstatus(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["+CPSMSTATUS: (0-1)"])
        if command.op == "read":
            return Reply([f"+CPSMSTATUS: {nvram['CPSMSTATUS']}"])
        nvram["CPSMSTATUS"] = command.integer(0, 0, 1)
        return Reply()

    def _curccfg(self, command: Command) -> Reply:
        muted: list[str] = self._modem.settings.nvram["muted"]
        if command.op == "test":
            return Reply([f'+CURCCFG: ({",".join(f"{chr(34)}{name}{chr(34)}" for name in _GROUPS)}),(0,1)'])
        if command.op == "read":
            return Reply([f'+CURCCFG: "{name}",{int(name not in muted)}' for name in _GROUPS])
        name = command.string(0, 10).upper()
        if name not in _GROUPS:
            raise MeFault(_NOT_ALLOWED)
        wanted = [each for each in muted if each != name] + ([] if command.integer(1, 0, 1) else [name])
        self._modem.settings.nvram["muted"] = wanted
        return Reply()

    def _cntp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CNTP: <server>,(-47-48),(0-3),(0-2)"])
        if command.op == "read":
            host, *rest = self._server
            return Reply([f'+CNTP: "{host}",{",".join(rest)}'])
        if command.op == "set":
            more = [command.args[at].text if command.given(at) else "0" for at in (1, 2, 3)]
            self._server = (command.string(0, 250), more[0], more[1], more[2])
            return Reply()
        modem = self._modem

        def answered(local: str | None) -> None:
            if local is None:
                modem.urc("+CNTP: 61")
            else:
                modem.urc("+CNTP: 1" if modem.old else f'+CNTP: 1,"{local}"')

        if not modem.bearer.active:
            return Reply(after=modem.told(0.2, "+CNTP: 61"))
        return Reply(after=lambda: modem.ntp(answered))

    def _ping(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+SNPING4: <host>,(1-500),(1-1400),(1-60000)"])
        modem = self._modem
        host, count = command.string(0, 250), command.integer(1, 1, 500)
        if not modem.bearer.active:
            raise MeFault(_NOT_ALLOWED)

        def found(ip: str | None) -> None:
            lost = ip is None or modem.faults.ping_lost
            lines = [f"+SNPING4: {number},{ip or '0.0.0.0'},{3000 if lost else 110 + number}"
                     for number in range(1, count + 1)]  # fmt: skip
            modem.later(0.2 * count, modem.complete, Reply(lines))

        modem.links.lookup(host, found)
        return None

    def _dns(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CDNSGIP: <domain>,(0-9),(1000-100000)"])
        name, modem = command.string(0, 250), self._modem

        def found(ip: str | None) -> None:
            modem.urc("+CDNSGIP: 0,8" if ip is None else f'+CDNSGIP: 1,"{name}","{ip}"')

        return Reply(after=lambda: modem.links.lookup(name, found))

    def _bands(self, command: Command) -> Reply:
        cat_m = "1,2,3,4,5,8,12,13,14,18,19,20,25,26,27,28,66,85"
        nb = "1,2,3,4,5,8,12,13,18,19,20,25,26,28,66,71,85"
        if command.op == "test":
            return Reply(['+CBANDCFG: ("CAT-M","NB-IOT"),(1-85)'])
        return Reply([f'+CBANDCFG: "CAT-M",{cat_m}', f'+CBANDCFG: "NB-IOT",{nb}'] if command.op == "read" else [])
