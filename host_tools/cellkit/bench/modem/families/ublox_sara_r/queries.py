"""Settings and queries of SARA-R: RAT, profile, bands, cell, indicators, pins. Source: SARA-R4 AT manual R22."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients import done, shown
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.ublox_sara_r import Module

_NOT_ALLOWED = 3
_RATS = (7, 8, 9)


class QueryCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._pins: dict[int, int] = {}
        self._gpio: dict[int, int] = {}
        self._cged = 0
        self._cmer = "0,0,0,0,0"

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+UMNOPROF": self._umnoprof, "+URAT": self._urat, "+UBANDMASK": self._ubandmask, "+UCGED": self._ucged,
            "+UGPIOC": self._ugpioc, "+UGPIOR": self._ugpior, "+UGPIOW": done, "+UDCONF": self._udconf,
            "+CIND": self._cind, "+CMER": self._cmer_command, "+UCIND": done, "+UAUTHREQ": done, "+UDOPN": self._udopn,
            "+UTEST": shown("+UTEST: 0"), "+UFWUPD": self._ufwupd, "+UFWINSTALL": self._ufwinstall,
            "+USIMSTAT": done, "+UUICC": shown("+UUICC: 0"), "+UTEMP": shown("+UTEMP: 273"), "+CGMUX": done,
            "+CBC": shown("+CBC: 0,100"),
            "+CSGT": shown('+CSGT: "",0'), "+UCELLINFO": done, "+UCFSCAN": done, "+UCGOPS": done,
        }  # fmt: skip

    def _radio_off(self) -> None:
        if self._modem.settings.nvram["CFUN"] not in (0, 4) and self._modem.settings.nvram["COPS"]["mode"] != 2:
            raise MeFault(_NOT_ALLOWED)

    def _umnoprof(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["+UMNOPROF: (0-5,8,20,21,28,31,39,43-46,90,100)"])
        if command.op == "read":
            return Reply([f"+UMNOPROF: {nvram['UMNOPROF']}"])
        wanted = command.integer(0, 0, 201)
        self._radio_off()
        nvram["UMNOPROF"] = wanted
        return Reply()

    def _urat(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["+URAT: (7,8)" if self._modem.r410 else "+URAT: (7,8,9)"])
        if command.op == "read":
            return Reply([f"+URAT: {nvram['URAT']}"])
        rats = [command.integer(index, 0, 9) for index in range(len(command.args))]
        if not rats or any(rat not in _RATS for rat in rats):
            raise SyntaxFault
        self._radio_off()
        nvram["URAT"] = ",".join(map(str, rats))
        return Reply()

    def _ubandmask(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UBANDMASK: (0,1),(1-185473183),(0-168761503)"])
        if command.op == "read":
            return Reply(["+UBANDMASK: 0,185473183,1,185473183"])
        self._radio_off()
        return Reply()

    def _ucged(self, command: Command) -> Reply:
        modem, cell = self._modem, self._modem.network.config.cell
        if command.op == "test":
            return Reply(["+UCGED: (0,2,5)" if modem.r410 else "+UCGED: (0,2)"])
        if command.op == "set":
            self._cged = command.integer(0, 0, 5)
            return Reply()
        if self._cged == 5:
            where = f"{cell.pci},{cell.earfcn}"
            return Reply([f'+RSRP: {where},"{cell.rsrp_dbm:.2f}",', f'+RSRQ: {where},"{cell.rsrq_db:.2f}",'])
        if self._cged == 0 or not modem.ue.registered:
            return Reply([f"+UCGED: {self._cged}"])
        plain = "-R422" in modem.config.identity.model
        rsrp = cell.rsrp_dbm if plain else cell.rsrp_dbm + 141
        rsrq = round(cell.rsrq_db) if plain else int((cell.rsrq_db + 20) * 2)
        sinr = cell.sinr_db * 5 if plain else f"{cell.sinr_db:.2f}"
        rat = 6 if modem.act == 7 else 7
        return Reply([
            "+UCGED: 2", f"{rat},4,{cell.plmn[:3]},{cell.plmn[3:]}",
            f"{cell.earfcn},{cell.band},50,50,{cell.tac.lower()},{cell.ci.lower()},{cell.pci},00000000,ffff,ff,{rsrp},{rsrq},"
            f"{sinr},{int(modem.ue.connected)},1,8,{rsrp},255,255,0,255,255,0,0",
        ])  # fmt: skip

    def _ugpioc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UGPIOC: (16,23,24,25,42),(0-18,255)"])
        if command.op == "read":
            return Reply(["+UGPIOC:", *(f"{pin},{mode}" for pin, mode in sorted({16: 255, **self._pins}.items()))])
        self._pins[command.integer(0, 0, 255)] = command.integer(1, 0, 255)
        return Reply()

    def _ugpior(self, command: Command) -> Reply:
        pin = command.integer(0, 0, 255)
        return Reply([f"+UGPIOR: {pin},{self._gpio.get(pin, 0)}"])

    def _udconf(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["+UDCONF: (0,1,2,5,6,7,8,9),(0-1)"])
        what = command.integer(0, 0, 9)
        if len(command.args) == 1:
            return Reply([f"+UDCONF: {what},{nvram['UDCONF1'] if what == 1 else 0}"])
        if what == 1:
            nvram["UDCONF1"] = command.integer(1, 0, 1)
        return Reply()

    def _cind(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            names = ["battchg", "signal", "service", "sounder", "message", "call", "roam", "smsfull", "gprs"]
            names += ["callsetup", "callheld", "simind"]
            return Reply(["+CIND: " + ",".join(f'("{name}",(0-5))' for name in names)])
        registered = int(modem.ue.registered)
        return Reply([f"+CIND: 5,{4 if registered else 0},{registered},0,0,0,{int(modem.ue.grant.roaming)},0,2,0,0,1"])

    def _cmer_command(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMER: (0-3),(0),(0),(0-2),(0,1)"])
        if command.op == "read":
            return Reply([f"+CMER: {self._cmer}"])
        self._cmer = ",".join(str(command.integer(index, 0, 3, default=0)) for index in range(5))
        return Reply()

    def _udopn(self, command: Command) -> Reply:
        kind, plmn = command.integer(0, 0, 12), self._modem.network.config.cell.plmn
        name = f"{plmn[:3]} {plmn[3:]}" if kind == 0 else self._modem.standard.operator_name()
        return Reply([f'+UDOPN: {kind},"{name}"'])

    def _ufwupd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UFWUPD: (0-3),(115200,921600)"])
        return Reply(["+UFWUPD: ONGOING"], final="")

    def _ufwinstall(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UFWINSTALL: (0-1),(115200)"])
        return Reply(after=lambda: self._modem.later(5.0, self._modem.reset, "AT+UFWINSTALL"))
