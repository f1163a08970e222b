"""AT%…: the modem firmware's own commands. Source: nRF91 AT reference; examples of a driver's traces."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import done, shown
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_NOT_ALLOWED_ACTIVE, _NOT_FOUND, _NO_ACCESS = 518, 513, 514
_LONGEST_PEM = 8192


class MfwCommands:
    """Handlers bound to one modem. Certificates lie in its file store by security tag and type."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        more = self._modem.config.identity.more
        return {
            "%HWVERSION": shown(f"%HWVERSION: {more['hardware']}"),
            "%SHORTSWVER": shown(f"%SHORTSWVER: {more['short']}"),
            "%XMODEMUUID": shown("%XMODEMUUID: 25c95751-efa4-40d4-8b4a-1dcaab81fac9"), "%XICCID": self._iccid,
            "%XSYSTEMMODE": self._system_mode, "%XMONITOR": self._monitor, "%CONEVAL": self._coneval,
            "%XCBAND": self._band, "%XSNRSQ": self._snr, "%XVBAT": shown("%XVBAT: 3600"), "%XTEMP": self._temperature,
            "%XMODEMSLEEP": self._modem_sleep, "%XSIM": self._xsim, "%MDMEV": self._flag("MDMEV"),
            "%XTIME": self._flag("XTIME"), "%RAI": self._rai, "%XRAI": self._rai, "%REL14FEAT": self._rel14,
            "%XPTW": self._ptw, "%CMNG": self._cmng, "%XEPCO": done, "%XMAGPIO": done, "%XCOEX0": done, "%XEMPR": done,
            "%XBANDLOCK": self._bandlock, "%XDATAPRFL": done, "%PERIODICSEARCHCONF": done, "%XPOFWARN": done,
            "%NCELLMEAS": self._neighbours, "%XFACTORYRESET": done, "%FEACONF": done, "%XCONNSTAT": done,
            "%XVBATLVL": done, "%XVBATLOWLVL": done, "%XTEMPHIGHLVL": done, "%XSUDO": done, "%XAPNSTATUS": done,
            "%XCOUNTRYDATA": done, "%XDEEPSEARCH": done, "%DUALIPCONF": done, "%LOCATION": done, "%CSCON": done,
        }  # fmt: skip

    def _flag(self, key: str) -> Handler:
        def handler(command: Command) -> Reply:
            if command.op == "read":
                return Reply([f"%{key}: {self._modem.settings.nvram[key]}"])
            self._modem.settings.nvram[key] = command.integer(0, 0, 2)
            return Reply()

        return handler

    def _offline(self) -> None:
        if self._modem.settings.nvram["CFUN"] not in (0, 4):
            raise MeFault(_NOT_ALLOWED_ACTIVE)

    def _iccid(self, command: Command) -> Reply:
        if self._modem.settings.nvram["CFUN"] != 1:
            raise SyntaxFault
        return Reply([f"%XICCID: {self._modem.sim.iccid}"])

    def _system_mode(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["%XSYSTEMMODE: (0,1),(0,1),(0,1),(0-4)"])
        if command.op == "read":
            return Reply(["%XSYSTEMMODE: " + ",".join(map(str, nvram["XSYSTEMMODE"]))])
        wanted = tuple(command.integer(index, 0, 4 if index == 3 else 1, default=0) for index in range(4))
        self._offline()
        nvram["XSYSTEMMODE"] = wanted
        return Reply()

    # The cell

    def _monitor(self, command: Command) -> Reply:
        modem, cell, grant = self._modem, self._modem.network.config.cell, self._modem.ue.grant
        stat = int(modem.ue.stat)
        if not modem.ue.registered:
            return Reply([f"%XMONITOR: {stat}"])
        edrx = f'"{grant.edrx}"' if grant.edrx else '""'
        names = f'"{cell.plmn}","{cell.plmn}","{cell.plmn}"'
        timers = [grant.t3324 or "11100000", grant.t3412 or "11100000"]
        level = f"{cell.pci},{cell.earfcn},{cell.rsrp_dbm + 140},{cell.sinr_db + 24}"
        where = f'"{cell.tac}",{modem.act},{cell.band},"{cell.ci}"'
        return Reply([f'%XMONITOR: {stat},{names},{where},{level},{edrx},"{timers[0]}","{timers[1]}","00111111"'])

    def _coneval(self, command: Command) -> Reply:
        modem, cell = self._modem, self._modem.network.config.cell
        if not modem.ue.registered:
            return Reply(["%CONEVAL: 1"])
        rsrq = int((cell.rsrq_db + 20) * 2)
        level = f"{cell.rsrp_dbm + 140},{rsrq},{cell.sinr_db + 24}"
        where = f'"{cell.ci}","{cell.plmn}",{cell.pci},{cell.earfcn},{cell.band}'
        cost = f"0,{cell.ecl},{cell.tx_power_dbm},1,1,{-cell.rsrp_dbm - 20}"
        return Reply([f"%CONEVAL: 0,{int(modem.ue.connected)},7,{level},{where},{cost}"])

    def _band(self, command: Command) -> Reply:
        cell = self._modem.network.config.cell
        if command.op == "test":
            return Reply(["%XCBAND: (1,2,3,4,5,8,12,13,17,18,19,20,25,26,28,66)"])
        return Reply([f"%XCBAND: {cell.band if self._modem.ue.registered else 0}"])

    def _snr(self, command: Command) -> Reply:
        cell = self._modem.network.config.cell
        rsrq = int((cell.rsrq_db + 20) * 2)
        return Reply([f"%XSNRSQ: {cell.sinr_db + 24},{rsrq},{cell.rsrp_dbm + 140}"])

    def _temperature(self, command: Command) -> Reply:
        return Reply(["%XTEMP: 27"] if command.op != "read" else ["%XTEMP: 0"])

    def _bandlock(self, command: Command) -> Reply:
        return Reply(['%XBANDLOCK: ""'] if command.op == "read" else [])

    def _neighbours(self, command: Command) -> Reply:
        modem, cell = self._modem, self._modem.network.config.cell
        rsrq = int((cell.rsrq_db + 20) * 2)
        where = f'"{cell.ci}","{cell.plmn}","{cell.tac}",65535,{cell.earfcn},{cell.pci}'
        line = f"%NCELLMEAS: 0,{where},{cell.rsrp_dbm + 140},{rsrq},{round(modem.clock.now() * 1000)}"
        return Reply(after=lambda: modem.later(2.0, modem.urc, line if modem.ue.registered else "%NCELLMEAS: 1"))

    def time_line(self) -> str:
        """%XTIME: zone, time as in TS 24.008 (digits swapped), daylight saving."""
        modem = self._modem
        zone = modem.network.config.policy.utc_offset_quarters
        local = modem.network.utc() + timedelta(minutes=15 * zone)
        digits = f"{local:%y%m%d%H%M%S}{abs(zone):02}"
        swapped = "".join(digits[index + 1] + digits[index] for index in range(0, len(digits), 2))
        return f'%XTIME: "{swapped[-2:]}","{swapped}","00"'

    # Sleep and release

    def _modem_sleep(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["%XMODEMSLEEP: (0,1),(0-600000),(0-2147483647)"])
        if command.op == "read":
            wanted = nvram["XMODEMSLEEP"]
            return Reply(["%XMODEMSLEEP: 0" if wanted is None else "%XMODEMSLEEP: 1," + ",".join(map(str, wanted))])
        on = command.integer(0, 0, 1)
        times = (command.integer(1, 0, 600000, default=0), command.integer(2, 0, 2147483647, default=0))
        nvram["XMODEMSLEEP"] = times if on else None
        return Reply()

    def _xsim(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["%XSIM: (0,1)"])
        if command.op == "read":
            return Reply([f"%XSIM: {int(self._modem.sim.present and nvram['CFUN'] == 1)}"])
        nvram["XSIM"] = command.integer(0, 0, 1)
        return Reply()

    def _rai(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply([f"{command.name}: (0-2)"])
        if command.op == "read":
            return Reply([f"{command.name}: {nvram['RAI']}"])
        nvram["RAI"] = command.integer(0, 0, 4)
        return Reply()

    def _rel14(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["%REL14FEAT: (0,1),(0,1),(0,1),(0,1),(0,1)"])
        if command.op == "read":
            return Reply(["%REL14FEAT: " + ",".join(map(str, nvram["REL14FEAT"]))])
        wanted = tuple(command.integer(index, 0, 1, default=0) for index in range(5))
        if nvram["CFUN"] == 1:
            raise MeFault(_NOT_ALLOWED_ACTIVE)
        nvram["REL14FEAT"] = wanted
        return Reply()

    def _ptw(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "read":
            return Reply([f'%XPTW: {act},"{bits}"' for act, bits in sorted(nvram["XPTW"].items())])
        nvram["XPTW"] = {**nvram["XPTW"], command.integer(0, 4, 5): command.bits(1, 4) or "0000"}
        return Reply()

    # Certificates

    def stored(self, tag: int, kind: int) -> bytes:
        """0 CA, 1 certificate, 2 key; empty where there is none."""
        return self._modem.files.read(f"{tag}/{kind}") or b""

    def _cmng(self, command: Command) -> Reply:
        files = self._modem.files
        if command.op == "test":
            return Reply(["%CMNG: (0-4,6),(0-2147483648),(0-8)"])
        op = command.integer(0, 0, 6)
        if op == 1:
            found = sorted(tuple(map(int, name.split("/"))) for name in files.names() if "/" in name)
            tag = command.integer(1, 0, 2147483647) if command.given(1) else None
            kind = command.integer(2, 0, 8) if command.given(2) else None
            wanted = [pair for pair in found if tag in (None, pair[0]) and kind in (None, pair[1])]
            return Reply([f'%CMNG: {pair[0]},{pair[1]},"{"0" * 63}{pair[1]}"' for pair in wanted])
        tag, kind = command.integer(1, 0, 2147483647), command.integer(2, 0, 8)
        name = f"{tag}/{kind}"
        if op == 0:
            content = command.string(3, _LONGEST_PEM)
            self._offline()
            files.write(name, content.encode("latin-1"))
            return Reply()
        self._offline()
        if op == 3:
            if not files.delete(name):
                raise MeFault(_NOT_FOUND)
            return Reply()
        data = files.read(name)
        if data is None:
            raise MeFault(_NOT_FOUND)
        if kind == 2:
            raise MeFault(_NO_ACCESS)
        return Reply([f'%CMNG: {tag},{kind},"{"0" * 64}","{data.decode("latin-1")}"'])
