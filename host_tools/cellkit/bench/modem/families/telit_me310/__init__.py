"""Telit ME310G1 (ME910, ML865 of the same chipset). Sources: AT reference guides 80617ST10991A and 80529ST10815A,
driver tests (facts). Ids from 1, port before host, URCs without a sign before their name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from cellkit.bench import timers
from cellkit.bench.modem.families._clients import ClientsModem, done, shown
from cellkit.bench.modem.families._clients.standard import ClientsStandard
from cellkit.bench.modem.families.telit_me310.services import ServiceCommands
from cellkit.bench.modem.families.telit_me310.sockets import SocketCommands
from cellkit.bench.modem.families.telit_me310.tls import TlsCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.recipes import POWERS_DOWN
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, SyntaxFault

_PSM_THRESHOLD_S = 540
_PACKAGE = ("17.00.xx4-B006", "M0M.030004", "P0M.010001", "A0M.020001")


class _Standard(ClientsStandard):
    """Layouts: CGREG with <rac>, addresses of CGCONTRDP without masks, CPSMS also in decimal."""

    clock_factory = datetime(2000, 1, 1, tzinfo=UTC)

    def ati(self, command: Command) -> Reply:
        identity = self.modem.config.identity
        return Reply(self.modem.faults.identity or [f"{identity.manufacturer} {identity.model}"])

    def registration_fields(self, name: str, n: int, unsolicited: bool) -> list[object]:
        if name == "CGREG" and n in (2, 4) and self.modem.ue.registered:
            cell, grant = self.modem.network.config.cell, self.modem.ue.grant
            fields: list[object] = [f'"{cell.tac}"', f'"{cell.ci}"', self.modem.act, '"01"']
            if n == 4 and grant.t3324:
                fields += [None, None, f'"{grant.t3324}"', f'"{grant.t3412}"']
            return fields
        return super().registration_fields(name, n, unsolicited)

    def registration_modes(self, name: str) -> str:
        return "(0-5)" if name == "CEREG" else "(0-2,4)" if name == "CGREG" else "(0-2)"

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        shown_ip = ip if cid == self.modem.cid else ""
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown_ip}"', 0, 0, 0, 0)

    def cgcontrdp(self, command: Command) -> Reply:
        ip = self.modem.ue.grant.ip
        if command.op == "test" or not ip:
            return Reply()
        apn = f'"{self.modem.network.config.apn}"'
        more = (f'"{ip}"', '"10.0.0.254"', '"8.8.8.8"', '"8.8.4.4"')
        return Reply([self.line("+CGCONTRDP", self.modem.cid, 5, apn, *more)])

    def card_ready(self) -> None:
        """Nothing is said of the card."""

    def _cpsms(self, command: Command) -> Reply:
        if command.op == "set":
            for arg in command.args[3:5]:  # the octet as a decimal number
                if not arg.quoted and arg.text.isdigit() and int(arg.text) < 256:
                    arg.text, arg.quoted = f"{int(arg.text):08b}", True
            if not command.given(0):
                command.args[0].text = "2"
        return super()._cpsms(command)

    def _cedrxs(self, command: Command) -> Reply:
        other = command.op == "set" and command.given(1) and command.integer(1, 2, 5) != self.edrx_act
        return Reply() if other else super()._cedrxs(command)


class Module(ClientsModem):
    """ME310G1-W1."""

    traits = Traits()
    recipe = replace(POWERS_DOWN, boot_banner=False, key_off_s=2.5, off_s=10.0)
    edrx_act = 4
    lasting = {"CMEE": 0, "WS46": 2, "PSMURC": 0, "PSMVERSION": 4, "THRESHOLD": _PSM_THRESHOLD_S, "QSS": 0}
    profiled = ("E", "CMEE", "CREG", "CGREG", "CEREG", "CSCON", "PSMURC", "QSS")

    def _make_dialect(self) -> Dialect:
        self._contexts: set[int] = set()
        self.sockets_part = SocketCommands(self)
        self.tls_part = TlsCommands(self)
        self.services_part = ServiceCommands(self)
        return super()._make_dialect()

    def make_standard(self) -> Standard:
        """Layouts of its own."""
        return _Standard(self)

    @property
    def act(self) -> int:  # type: ignore[override]
        """NB-IoT where LTE-M is not allowed."""
        return 9 if self.settings.at_boot["WS46"] == 1 else 7

    def commands(self) -> dict[str, Handler]:
        """AT#…"""
        identity = self.config.identity
        return {
            **self.sockets_part.handlers(), **self.tls_part.handlers(), **self.services_part.handlers(),
            "#CGMI": shown(f"#CGMI: {identity.manufacturer}"), "#CGMM": shown(f"#CGMM: {identity.model}"),
            "#CGMR": shown(f"#CGMR: {identity.revision}"), "#CGSN": shown(f"#CGSN: {identity.imei}"),
            "#SWPKGV": shown(*_PACKAGE), "#CCID": lambda command: Reply([f"#CCID: {self.sim.iccid}"]),
            "#CIMI": lambda command: Reply([f"#CIMI: {self.sim.imsi}"]), "#QSS": self._qss, "#CPSMS": self._seconds,
            "#PSMURC": self._psmurc, "#WS46": self._ws46, "#SHDN": self._shdn, "#REBOOT": self._reboot,
            "#SGACT": self._sgact, "#CGPADDR": self._cgpaddr, "#RFSTS": self._rfsts, "#MONI": self._moni,
            "#PING": self._ping, "#QDNS": self._qdns, "#NTP": self._ntp, "#BND": self._bnd, "&W": self.stores,
            "#SIMDET": done, "#PORTCFG": done,
            "#SLED": done, "#GPIO": done, "#E2ESC": done, "&K": done, "&P": done, "\\Q": done, "#CFLO": done,
            "#FWSWITCH": shown("#FWSWITCH: 40,0"), "#TEMPMON": done, "#CBC": shown("#CBC: 380,0"), "#USBCFG": done,
        }  # fmt: skip

    # Sleep and power

    def sleep_mode(self) -> int:
        """A PSM shorter than the threshold is skipped."""
        tau = timers.decode_t3412(self.ue.grant.t3412) if self.ue.grant.t3412 else None
        active = timers.decode_t3324(self.ue.grant.t3324) if self.ue.grant.t3324 else None
        long_enough = (tau or 0) - (active or 0) >= self.settings.nvram["THRESHOLD"]
        return 1 if self.ue.psm and long_enough else 0

    def rrc_changed(self) -> None:
        """#PSMURC at the release tells what is to come."""
        super().rrc_changed()
        grant = self.ue.grant
        if not self.ue.connected and self.settings.nvram["PSMURC"] and grant.t3324 and grant.t3412:
            active, tau = timers.decode_t3324(grant.t3324) or 0, timers.decode_t3412(grant.t3412) or 0
            self.urc(f"#PSMURC: {active:.0f},{tau:.0f}")

    def lost_memory(self) -> None:
        """A restart, or PSM."""
        self._contexts.clear()
        self.sockets_part.forget()
        self.tls_part.forget()
        self.services_part.forget()
        super().lost_memory()

    def card_unlocked(self) -> None:
        """#QSS where it is asked for."""
        if self.settings.nvram["QSS"]:
            self.urc("#QSS: 1")

    def _shdn(self, command: Command) -> Reply:
        return Reply(after=lambda: self.later(1.0, self.power.shut_down))

    def _reboot(self, command: Command) -> Reply:
        return Reply(after=lambda: self.later(0.5, self.reset, "AT#REBOOT"))

    # Settings

    def _number(self, command: Command, key: str, high: int, more: str = "") -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply([f"#{key}: (0-{high})"])
        if command.op == "read":
            return Reply([f"#{key}: {nvram[key]}{more}"])
        nvram[key] = command.integer(0, 0, high)
        return Reply()

    def _qss(self, command: Command) -> Reply:
        status = 0 if not self.sim.present else 3 if self.sim.ready else 2
        return self._number(command, "QSS", 2, f",{status}")

    def _psmurc(self, command: Command) -> Reply:
        return self._number(command, "PSMURC", 1)

    def _ws46(self, command: Command) -> Reply:
        return self._number(command, "WS46", 3, ",0")

    def _seconds(self, command: Command) -> Reply:
        """AT#CPSMS: the same as CPSMS, in seconds."""
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["#CPSMS: (0-2),(0-35712000),(0-11160),(0-35712000),(0-11160),(0-15),(60-86400)"])
        psm = nvram["CPSMS"]
        if command.op == "read":
            tau, active = timers.decode_t3412(psm["t3412"]) or 0, timers.decode_t3324(psm["t3324"]) or 0
            version, threshold = nvram["PSMVERSION"], nvram["THRESHOLD"]
            return Reply([f"#CPSMS: {psm['mode']},{tau:.0f},{active:.0f},{version},{threshold},{int(self.ue.psm)}"])
        mode = command.integer(0, 0, 2, default=1)
        tau_s = command.integer(3, 0, 35712000, default=timers.decode_t3412(psm["t3412"]) or 0)
        active_s = command.integer(4, 0, 11160, default=timers.decode_t3324(psm["t3324"]) or 0)
        nvram["CPSMS"] = {
            "mode": int(mode == 1), "t3412": timers.encode_t3412(tau_s), "t3324": timers.encode_t3324(active_s),
        }  # fmt: skip
        nvram["PSMVERSION"] = command.integer(5, 0, 15, default=4)
        nvram["THRESHOLD"] = command.integer(6, 60, 86400, default=_PSM_THRESHOLD_S)
        return Reply(after=self.standard.request_changed)

    def _bnd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#BND: (0-5),(0-11),(1-185473183),(0-1048578),(1-185473183)"])
        return Reply(["#BND: 5,0,524420,0,524420"] if command.op == "read" else [])

    # Network

    def bearer_up(self) -> bool:
        """The attach bearer serves without activation too."""
        return bool(self.ue.registered and self.ue.grant.ip)

    def _sgact(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#SGACT: (1-6),(0,1)"])
        if command.op == "read":
            return Reply([f"#SGACT: {cid},1" for cid in sorted(self._contexts)])
        cid, on = command.integer(0, 1, 6), command.integer(1, 0, 1)
        if not on:
            self._contexts.discard(cid)
            return Reply()
        if not self.bearer_up() or cid in self._contexts:
            raise SyntaxFault
        self._contexts.add(cid)
        return Reply([f"#SGACT: {self.ue.grant.ip}"])

    def _cgpaddr(self, command: Command) -> Reply:
        cid = command.integer(0, 1, 6, default=self.cid)
        return Reply([f'#CGPADDR: {cid},"{self.ue.grant.ip}"'])

    def _rfsts(self, command: Command) -> Reply:
        cell = self.network.config.cell
        if not self.ue.registered:
            return Reply(['#RFSTS: "",,,,,,,,,,,,'])
        plmn = f'"{cell.plmn[:3]} {cell.plmn[3:]}"'
        level = f"{cell.earfcn},{cell.rsrp_dbm},{cell.rssi_dbm},{cell.rsrq_db:.1f}"
        where = f'{cell.tac},255,{cell.tx_power_dbm},128,19,0,{cell.ci},"{self.sim.imsi}","",2,{cell.band}'
        return Reply([f"#RFSTS: {plmn},{level},{where}"])

    def _moni(self, command: Command) -> Reply:
        cell = self.network.config.cell
        level = f"RSRP:{cell.rsrp_dbm} RSRQ:{round(cell.rsrq_db)} TAC:{cell.tac} Id:{cell.ci} EARFCN:{cell.earfcn}"
        return Reply([f"#MONI: {self.standard.operator_name()} {level} PWR:{cell.rssi_dbm}dbm DRX:128"])

    def _ntp(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()

        def told(text: str | None) -> None:
            self.complete(Reply([f"#NTP: {text}"]) if text else Reply(final="ERROR"))

        self.ntp(told)
        return None

    def _ping(self, command: Command) -> Reply | None:
        host, count = command.string(0, 128), command.integer(1, 1, 64, default=4)

        def found(ip: str | None) -> None:
            times = "600,255" if ip is None or self.faults.ping_lost else "2,54"
            lines = [f'#PING: {index + 1:02},"{ip or ""}",{times}' for index in range(count)]
            self.later(1.0 * count, self.complete, Reply(lines))

        self.links.lookup(host, found)
        return None

    def _qdns(self, command: Command) -> Reply | None:
        name = command.string(0, 128)

        def found(ip: str | None) -> None:
            text = f'"{ip}"' if ip else "NOT SOLVED"
            self.complete(Reply([f'#QDNS: "{name}",{text}']))

        self.links.lookup(name, found)
        return None
