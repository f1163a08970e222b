"""Sequans GM02SP (Monarch 2): ids from 1, port before host, prompts without line end, 0xFF on each wake.

Sources: driver libraries (Walter, AVR-IoT Cellular, TinyGSM), bench notes on LR8.2.1.0-61488, a user's log.
"""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench.modem.families._clients import ClientsModem, done, shown
from cellkit.bench.modem.families._clients.standard import ClientsStandard
from cellkit.bench.modem.families.sequans_gm02s.coap import CoapCommands
from cellkit.bench.modem.families.sequans_gm02s.gnss import GnssCommands
from cellkit.bench.modem.families.sequans_gm02s.mqtt import MqttCommands
from cellkit.bench.modem.families.sequans_gm02s.sockets import SocketCommands
from cellkit.bench.modem.families.sequans_gm02s.web import WebCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.recipes import REACHABLE
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

_NOT_SUPPORTED = 4
_OPERATOR = "cellkit"


class _Standard(ClientsStandard):
    """Layouts of GM02S."""

    function_levels = (0, 1, 4, 5)
    function_modes = "(0,1,4,5),(0,1)"

    def cgsn(self, command: Command) -> Reply:
        if command.op == "action":
            return Reply([self.modem.config.identity.imei])
        return super().cgsn(command)

    def ati(self, command: Command) -> Reply:
        """ATI1 the firmware, ATI3 the hardware, ATI the product."""
        if self.modem.faults.identity:
            return Reply(self.modem.faults.identity)
        identity, which = self.modem.config.identity, command.args[0].text if command.args else ""
        if which == "1":
            return Reply([identity.more["software"], identity.revision])
        if which == "3":
            return Reply([identity.more["hardware"]])
        return Reply([identity.manufacturer, identity.model, f"Revision: {identity.revision}"])

    def card_ready(self) -> None:
        """Nothing is said of the card."""

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        shown_ip = ip if cid == self.modem.cid else ""
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown_ip}"', 0, 0, 0, 0, 0, 0)

    def cgcontrdp(self, command: Command) -> Reply:
        ue = self.modem.ue
        if command.op == "test" or not ue.grant.ip:
            return Reply()
        apn, dns = f'"{self.modem.network.config.apn}"', ('"10.0.0.1"', '"8.8.8.8"', '"8.8.4.4"')
        return Reply([self.line("+CGCONTRDP", self.modem.cid, 5, apn, f'"{ue.grant.ip}.255.255.255.0"', *dns)])

    def _cedrxs(self, command: Command) -> Reply:
        other = command.op == "set" and command.given(1) and command.integer(1, 2, 5) != self.edrx_act
        return Reply() if other else super()._cedrxs(command)


class Module(ClientsModem):
    """GM02SP."""

    traits = Traits(banner=((0.0, "+SYSSTART"),))
    recipe = replace(REACHABLE)
    edrx_act = 4
    lasting = {"CFUN": 0, "CMEE": 2, "SQNMODEACTIVE": 1, "SQNIPSCFG": (0, 5000), "SQNBANDSEL": "standard"}
    profiled = ("E", "CMEE", "CREG", "CGREG", "CEREG", "CSCON", "CFUN")

    def _make_dialect(self) -> Dialect:
        self._fresh = False  # woken, and nothing said since
        self.sockets_part = SocketCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.web_part = WebCommands(self)
        self.gnss_part = GnssCommands(self)
        self.coap_part = CoapCommands(self)
        return super()._make_dialect()

    def make_standard(self) -> Standard:
        """Layouts of its own."""
        return _Standard(self)

    @property
    def act(self) -> int:  # type: ignore[override]
        """LTE-M or NB-IoT, as chosen."""
        return 9 if self.settings.at_boot["SQNMODEACTIVE"] == 2 else 7

    def commands(self) -> dict[str, Handler]:
        """AT+SQN…"""
        parts = (self.sockets_part.handlers(), self.mqtt_part.handlers(), self.web_part.handlers())
        found: dict[str, Handler] = {}
        for part in (*parts, self.gnss_part.handlers(), self.coap_part.handlers()):
            found |= part
        return {
            **found, "^RESET": self._reset, "+SQNSSHDN": self._shutdown, "+SQNMODEACTIVE": self._mode,
            "+SQNBANDSEL": self._bands, "+SQNMONI": self._moni, "+SQNCCID": self._ccid, "+SQNEDRX": self._edrx,
            "+SQNIPSCFG": self._ips, "+SQNHWCFG": self._hardware, "+SQNRICFG": done, "+SQNNTP": self._sqnntp,
            "+SQNSUPGRADE": self._upgrade, "+SQNAUTOCONNECT": done, "+SQNAUTOINTERNET": done, "+SQNCTM": self._ctm,
            "+SQNDNSLKUP": self._lookup, "+SQNPING": self._ping, "+SQNVMON": shown("+SQNVMON: 0,3600"),
            "+SQNPMPOFF": done, "+SQNPSCFG": done, "+SQNRMON": done, "+CGAUTH": done, "+SQNTMON": done,
            "&W": self.stores, "+SQNIBRCFG": done, "+SQNINS": self._ins, "+SQNPLTFCFG": done, "+SQNDUALMODE": done,
        }  # fmt: skip

    # Commands that it does not know

    def _execute(self, command: Command | None) -> None:
        if command is not None and command.name[0] in "+^" and command.name not in self.dialect.handlers:
            self.fail(MeFault(_NOT_SUPPORTED))
            return
        super()._execute(command)

    # Start and sleep

    def banner_line(self, text: str) -> None:
        """At any function level."""
        self.urc(text)

    def sleep_lock_s(self) -> float:
        """After the last byte, as SQNIPSCFG says."""
        return float(self.settings.nvram["SQNIPSCFG"][1]) / 1000

    def woke(self, how: str) -> None:
        """One stray byte comes before the first line."""
        self.output.raw(b"\xff")
        self._fresh = how == "uart"

    def _line(self, line: str | None) -> None:
        """The line end that has woken it draws an OK, as the bench has seen."""
        fresh, self._fresh = self._fresh, False
        if fresh and line == "":
            self.output.block(["OK"])
            return
        super()._line(line)

    def lost_memory(self) -> None:
        """A restart."""
        self.sockets_part.forget()
        self.mqtt_part.forget()
        self.web_part.forget()
        self.coap_part.forget()
        super().lost_memory()

    def switched_off(self) -> None:
        """The last words."""
        self.urc("+SHUTDOWN")

    def _reset(self, command: Command) -> Reply:
        return Reply(after=lambda: self.later(0.2, self.reset, "AT^RESET"))

    def _shutdown(self, command: Command) -> Reply:
        return Reply(after=lambda: self.later(1.0, self.power.shut_down))

    # Radio

    def _mode(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["+SQNMODEACTIVE: (1,2)"])
        if command.op == "read":
            return Reply([f"+SQNMODEACTIVE: {nvram['SQNMODEACTIVE']}"])
        nvram["SQNMODEACTIVE"] = command.integer(0, 1, 2)
        return Reply()

    def _bands(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply(['+SQNBANDSEL: 0,"standard","1,2,3,4,5,8,12,13,14,17,18,19,20,25,26,28,66,85"',
                          '+SQNBANDSEL: 1,"standard","1,2,3,4,5,8,12,13,17,18,19,20,25,26,28,66,85"'])  # fmt: skip
        return Reply()

    def _moni(self, command: Command) -> Reply:
        cell = self.network.config.cell
        if command.op == "test":
            return Reply(["+SQNMONI: (0-9)"])
        if not self.ue.registered:
            return Reply(["+SQNMONI: "])
        plmn = f"Cc:{cell.plmn[:3]} Nc:{cell.plmn[3:]}"
        level = f"RSRP:{cell.rsrp_dbm:.2f} CINR:{cell.sinr_db:.2f} RSRQ:{cell.rsrq_db:.2f}"
        where = f"TAC:{int(cell.tac, 16)} Id:{cell.pci} EARFCN:{cell.earfcn} PWR:{cell.rssi_dbm:.2f} PAGING:128"
        rest = f"CID:{cell.ci} BAND:{cell.band} BW:1080 CE:{cell.ecl}"
        return Reply([f"+SQNMONI: {_OPERATOR} {plmn} {level} {where} {rest}"])

    def _ccid(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply([f'+SQNCCID: "{self.sim.iccid}",""'])

    def _edrx(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(['+SQNEDRX: (0-3),(4,5),("0000"-"1111"),("0000"-"1111")'])
        if command.op == "read":
            edrx = nvram["CEDRXS"]
            return Reply([f'+SQNEDRX: {edrx["mode"]},{self.edrx_act},"{edrx["cycle"]}","0000"'])
        command.bits(3, 4)
        self.standard.set_edrx(command.integer(0, 0, 3), command.bits(2, 4))
        return Reply(after=self.standard.request_changed)

    # Sleep, hardware, service

    def _ips(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["+SQNIPSCFG: (0-2),(100-10000)"])
        if command.op == "read":
            return Reply([f"+SQNIPSCFG: {nvram['SQNIPSCFG'][0]},{nvram['SQNIPSCFG'][1]}"])
        nvram["SQNIPSCFG"] = (command.integer(0, 0, 2), command.integer(1, 100, 10000, default=5000))
        return Reply()

    def _hardware(self, command: Command) -> Reply:
        if command.op != "set":
            raise SyntaxFault
        if len(command.args) == 1:
            return Reply([f'+SQNHWCFG: "{command.args[0].text}","enable"'])
        return Reply()

    def _ctm(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply(["+SQNCTM: standard"])
        return Reply()

    def _ins(self, command: Command) -> Reply:
        return Reply(["+SQNINS: 0"] if command.op == "read" else [])

    def _sqnntp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        server = command.string(1, 128, default="")
        return Reply(after=lambda: self.ntp(lambda text: self.urc(f'+SQNNTP: {0 if text else 1},"{server}"')))

    def _upgrade(self, command: Command) -> Reply:
        command.string(0, 500)
        return Reply(after=lambda: self.later(2.0, self.urc, '+SQNSUPGRADE: "idle"'))

    def _lookup(self, command: Command) -> Reply | None:
        name = command.string(0, 128)

        def found(ip: str | None) -> None:
            if ip is None:
                self.fail(MeFault(_NOT_SUPPORTED))
            else:
                self.complete(Reply([f'+SQNDNSLKUP: "{name}","{ip}"']))

        self.links.lookup(name, found)
        return None

    def _ping(self, command: Command) -> Reply:
        host, count = command.string(0, 128), command.integer(1, 1, 64, default=4)

        def found(ip: str | None) -> None:
            for index in range(count if ip else 0):
                self.later(1.0 * index + 0.3, self.urc, f"+SQNPING: {index + 1},{ip},{60 + index},54")

        return Reply(after=lambda: self.links.lookup(host, found))
