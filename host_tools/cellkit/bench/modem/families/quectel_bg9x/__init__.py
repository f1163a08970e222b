"""Quectel BG96, BG95, BG77: Cat.M1 and NB-IoT. Sources: BG96 AT manual V2.2 and application notes, BG95 logs."""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench import timers
from cellkit.bench.modem.families._quectel.base import QuectelModem
from cellkit.bench.modem.families._quectel.coap import CoapCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.power import Mode
from cellkit.bench.modem.recipes import POWERS_DOWN
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, SyntaxFault

_RELEASE_ENTERS_S = 1.0  # (unverified) psm/enter: from RRC release to PSM
# Settings at the factory (BG96 AT manual V2.2); what is not here has one value, 0.
_QCFG = {
    "nwscanseq": "020301", "iotopmode": "0", "roamservice": "2", "servicedomain": "2", "nb1/bandprior": '""',
    "band": "0xf,0x400a0e189f,0xa0e189f", "apready": "0,0,500", "risignaltype": '"respective"',
    "urc/ri/ring": '"pulse",120,1000,5000,"off",1', "urc/ri/smsincoming": '"pulse",120,1', "airplanecontrol": "0,0",
    "urc/ri/other": '"pulse",120,1', "signaltype": '"respective"',
}  # fmt: skip
# Settings at the factory (BG96 AT manual V2.2); what is not here has one value, 0.
_QCFG = {
    "nwscanseq": "020301", "iotopmode": "0", "roamservice": "2", "servicedomain": "2", "nb1/bandprior": '""',
    "band": "0xf,0x400a0e189f,0xa0e189f", "apready": "0,0,500", "risignaltype": '"respective"',
    "urc/ri/ring": '"pulse",120,1000,5000,"off",1', "urc/ri/smsincoming": '"pulse",120,1', "airplanecontrol": "0,0",
    "urc/ri/other": '"pulse",120,1', "signaltype": '"respective"',
}  # fmt: skip


class _Standard(Standard):
    """Layouts: no modes 3 and 5 of CEREG, and no causes."""

    def registration_modes(self, name: str) -> str:
        return "(0-2,4)" if name == "CEREG" else "(0-2)"

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{ip or "0.0.0.0"}"', 0, 0, 0)


class Module(QuectelModem):
    """BG95-M3 by default; `banner` and identity differ by module."""

    traits = Traits(
        banner=((0.0, "RDY"), (0.3, "APP RDY"), (0.5, "+CFUN: 1"), (0.7, "+CPIN: READY"), (1.0, "+QUSIM: 1"),
                (2.0, "+QIND: SMS DONE"), (2.4, "+QIND: PB DONE")),
    )  # fmt: skip
    # 650 ms is the BG96's; a wake-up pulse soon after PSM POWER DOWN is ignored (a field report).
    recipe = replace(POWERS_DOWN, key_off_s=0.65, deaf_s=1.0)
    act = 8
    state_port = "uart1"
    publish_answer = "+QMTPUB"
    lasting = {"urcport": "uart1", "QCSCON": 0, "QPSMCFG": "60,5", "QPSMEXTCFG": "15,2,120,5,120,15", "edrx": 4}
    volatile = {"QSCLK": 0}

    def make_standard(self) -> Standard:
        """CEREG without causes."""
        return _Standard(self)

    @property
    def mqtt_recv(self) -> str:  # type: ignore[override]
        """BG96 does not quote a payload that comes (MQTT note V1.0), BG95 does (log)."""
        return str(self.config.identity.more.get("mqtt_recv", "quoted"))

    @property
    def edrx_act(self) -> int:  # type: ignore[override]
        """AcT-type of the eDRX that was asked for last: 4 Cat.M1, 5 NB-IoT."""
        return int(self.settings.nvram["edrx"])

    def commands(self) -> dict[str, Handler]:
        """What BG9x has of its own."""
        self.coap = CoapCommands(self, lambda: self.links, several=True)
        self.queries.qcfg = dict(_QCFG)
        return {
            **super().commands(), **self.coap.handlers(),
            "+QCSCON": self._qcscon, "+QPSMS": self._qpsms, "+QPSMCFG": self._qpsmcfg, "+QPSMEXTCFG": self._qpsmext,
            "+QCFGEXT": self._qcfgext, "+CFUN": self._cfun, "+CEDRXS": self._cedrxs, "+QCSQ": self._qcsq,
            "+QLWM2M": lambda command: Reply(), "+CSCON": None,  # type: ignore[dict-item]
        }  # fmt: skip

    def banner_line(self, text: str) -> None:
        """BG96 has no APP RDY; the card's lines come where there is a card."""
        if text == "APP RDY" and self.config.identity.more.get("app_ready") == "no":
            return
        if text.startswith(("+QUSIM", "+QIND")) and not self.sim.ready:
            return
        super().banner_line(text)

    def card_unlocked(self) -> None:
        """Behind +CPIN: READY."""
        self.later(0.2, self.urc, "+QUSIM: 1")
        self.later(0.8, self.urc, "+QIND: SMS DONE")

    # Power

    def falls_asleep(self) -> None:
        """The processor goes off with its sockets; the network still knows the device."""
        self.urc("PSM POWER DOWN")
        self.links.forget()
        self.sockets_part.open.clear()

    def rrc_changed(self) -> None:
        """+QCSCON, and +QPSMTIMER at the release."""
        nvram, grant = self.settings.nvram, self.ue.grant
        if nvram["QCSCON"]:
            self.urc(f"+QCSCON: 1,{int(self.ue.connected)}")
        timed = not self.ue.connected and bool(grant.t3324 and grant.t3412)
        if timed and self.queries.qcfg.get("psm/enter") == "1":
            # At once, and +QPSMTIMER is not told (BG96 PSM note).
            self.later(_RELEASE_ENTERS_S, self._enter_now)
        elif timed and grant.t3324 and grant.t3412 and self.queries.qcfg.get("psm/urc") == "1":
            tau, active = timers.decode_t3412(grant.t3412) or 0, timers.decode_t3324(grant.t3324) or 0
            self.urc(f"+QPSMTIMER: {tau:.0f},{active:.0f}")

    def _enter_now(self) -> None:
        if not self.ue.connected and not self.ue.psm and self.ue.registered and self.ue.grant.t3324:
            self.ue._enter_psm()

    # Commands

    def _cfun(self, command: Command) -> Reply | None:
        if command.op == "set" and command.integer(1, 0, 1, default=0):
            return Reply(after=self._restart)
        return self.standard._cfun(command)

    def _restart(self) -> None:
        """POWERED DOWN, contexts, and RDY seconds later (BG96 log)."""
        self.urc(self.powered_down)
        self.sockets_part.bearer_gone()
        self.later(0.5, self.reset, "AT+CFUN")

    def _cedrxs(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CEDRXS: (0-3),(4,5),("0000"-"1111")'])
        if command.op == "set" and command.given(1):
            self.settings.nvram["edrx"] = command.integer(1, 4, 5)
        return self.standard._cedrxs(command)

    def _qcsq(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+QCSQ: "NOSERVICE","GSM","eMTC","NBIoT"'])
        return self.queries._qcsq(command)

    def _qcscon(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+QCSCON: {self.settings.nvram['QCSCON']},{int(self.ue.connected)}"])
        return self.standard.number(command, "QCSCON", 0, 1)

    def _qpsms(self, command: Command) -> Reply:
        nvram, grant = self.settings.nvram, self.ue.grant
        if command.op == "read":
            if grant.t3324 and grant.t3412:
                tau, active = timers.decode_t3412(grant.t3412) or 0, timers.decode_t3324(grant.t3324) or 0
            else:
                psm = nvram["CPSMS"]
                tau, active = timers.decode_t3412(psm["t3412"]) or 0, timers.decode_t3324(psm["t3324"]) or 0
            return Reply([f'+QPSMS: {nvram["CPSMS"]["mode"]},,,"{tau:.0f}","{active:.0f}"'])
        if command.op == "test":
            return Reply(['+QPSMS: (0-2),,,("00000000"-"11111111"),("00000000"-"11111111")'])
        reply = self.standard.handlers()["+CPSMS"](command)
        return reply or Reply()

    def _qpsmcfg(self, command: Command) -> Reply:
        return self._kept(command, "(20-4294967295),(0-15)")

    def _qpsmext(self, command: Command) -> Reply:
        return self._kept(command, "(0-255),(0-2),(1-65535),(0-255),(1-65535),(0-255)")

    def _kept(self, command: Command, form: str) -> Reply:
        """Numbers; those that are not given stay as they are."""
        nvram, key = self.settings.nvram, command.name.lstrip("+")
        if command.op == "test":
            return Reply([f"{command.name}: {form}"])
        if command.op == "read":
            return Reply([f"{command.name}: {nvram[key]}"])
        before = nvram[key].split(",")
        new = [str(command.integer(at, 0, 4294967295)) for at in range(len(command.args))]
        if not new or len(new) > len(before):
            raise SyntaxFault
        nvram[key] = ",".join([*new, *before[len(new):]])
        return Reply()

    def _qcfgext(self, command: Command) -> Reply:
        key = command.string(0, 12).lower()
        if key == "nipds":
            data = command.string(2, 1400, default="")
            return Reply(after=lambda: self.later(1.0, self._nip_came, data))
        if key == "nipdr":
            size = command.integer(1, 0, 1358)
            held = self.settings.ram.setdefault("nip", "")
            if size == 0:
                return Reply([f'+QCFGEXT: "nipdr",{len(held)},0,{len(held)}'])
            return Reply([f'+QCFGEXT: "nipdr",{min(size, len(held))},"{held[:size]}"'])
        if key == "nipd":
            opened = command.integer(1, 0, 1)
            return Reply(after=lambda: self.later(0.5, self.urc, f'+QIND: "nipd","{"open" if opened else "close"}",0'))
        raise SyntaxFault

    def _nip_came(self, data: str) -> None:
        self.settings.ram["nip"] = data
        self.urc('+QIND: "nipd","recv"')

    def shut(self) -> None:
        """Off by command."""
        if self.power.mode is not Mode.OFF:
            self.power.shut_down()
