"""China Mobile M5311 (MT2625). Sources: AT command interface specification v2.4, MQTT guide v1.3 of the module."""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench import timers
from cellkit.bench.modem.families._clients import ClientsModem, done, shown
from cellkit.bench.modem.families._clients.standard import ClientsStandard
from cellkit.bench.modem.families.chinamobile_m5311.clients import ClientCommands
from cellkit.bench.modem.families.chinamobile_m5311.onenet import OnenetCommands
from cellkit.bench.modem.families.chinamobile_m5311.sockets import SocketCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.recipes import PIN_WAKES
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

_NOT_ALLOWED = 3


class _Standard(ClientsStandard):
    """<rac> behind AcT, an unquoted clock, CESQ with a first field, a reset parameter of CFUN that does nothing."""

    clock_quoted = False
    function_modes = "(0,1,4),(0-2)"

    def _cfun(self, command: Command) -> Reply | None:
        if command.op == "set" and command.given(1):
            command.integer(1, 0, 2)
            return super()._cfun(Command("+CFUN", "set", command.args[0].text, command.args[:1]))
        return super()._cfun(command)

    def cell_fields(self, name: str) -> list[object]:
        fields = super().cell_fields(name)
        return [*fields, '"00"'] if name == "CEREG" else fields

    def _cesq(self, command: Command) -> Reply:
        lines = super()._cesq(command).lines
        if command.op == "test" or not self.modem.ue.covered or not self.modem.ue.on:
            return Reply(lines)
        step = min(max(self.modem.network.config.cell.rssi_dbm + 111, 0), 63)
        return Reply([line.replace("+CESQ: 99,", f"+CESQ: {step},", 1) for line in lines])

    def ati(self, command: Command) -> Reply:
        identity = self.modem.config.identity
        told = [identity.manufacturer, identity.model, identity.revision]
        return Reply(self.modem.faults.identity or told)


class Module(ClientsModem):
    """M5311."""

    traits = Traits(
        banner=((0.0, "*ATREADY: 1"), (0.3, "+CFUN: 1"), (0.6, "+CPIN: READY")),
        ready_lines=(r"REBOOTING\.\.",),
    )  # fmt: skip
    recipe = replace(PIN_WAKES)
    lasting = {"CMEE": 0, "SM": 0, "SLEEP": 0, "MATWAKEUP": 0, "WAKETIME": 10, "IPR": 0}
    profiled = ("E", "CMEE", "CREG", "CGREG", "CEREG", "CSCON")

    def _make_dialect(self) -> Dialect:
        self.sockets_part = SocketCommands(self)
        self.clients_part = ClientCommands(self)
        self.onenet_part = OnenetCommands(self)
        self._locked = False
        self.rai = 0
        return super()._make_dialect()

    def make_standard(self) -> Standard:
        """Layouts of its own."""
        return _Standard(self)

    def commands(self) -> dict[str, Handler]:
        """Its own commands begin with + and *."""
        iccid: Handler = lambda command: Reply([f"+ICCID: {self.sim.iccid}"])  # noqa: E731
        return {
            **self.sockets_part.handlers(), **self.clients_part.handlers(), **self.onenet_part.handlers(),
            "+SWVER": lambda command: Reply([self.config.identity.revision]), "+ICCID": iccid, "&W": self.stores,
            "+CMRB": self._reboots("REBOOTING.."), "+COLDRB": self._reboots("COLD REBOOTING.."), "+CPOF": self._cpof,
            "+SM": self._sm, "*SLEEP": self._flag("SLEEP"), "*MATWAKEUP": self._flag("MATWAKEUP"),
            "*WAKETIME": self._waketime, "*ENTERSLEEP": self._entersleep, "*NBIOTRAI": self._rai,
            "*EDRXCFG": self._edrxcfg, "*ENGINFO": self._enginfo, "+TAUAC": self._tauac, "+EGACT": self._egact,
            "+CMNTP": self._cmntp, "+CMDNS": self._cmdns, "+PING": self._ping, "+CMVERSION": shown("V2.4"),
            "+CMSYSCTRL": done, "*CMBAND": done, "*BAND": done, "*FSCH": done, "+NSET": done, "*MICCID": iccid,
        }  # fmt: skip

    # Sleep

    def sleep_mode(self) -> int:
        """Never while it is locked."""
        return 0 if self._locked or self.settings.nvram["SM"] else super().sleep_mode()

    def sleep_lock_s(self) -> float:
        """Each AT command keeps it awake for 10 s."""
        return 10.0

    def wake_lock_s(self) -> float:
        """After WAKEUP_IN: as AT*WAKETIME says."""
        return float(self.settings.nvram["WAKETIME"])

    def falls_asleep(self) -> None:
        """It says so, and forgets the release assistance."""
        self.rai = 0
        if self.settings.nvram["SLEEP"]:
            self.urc("*GOTOSLEEP")

    def woke(self, how: str) -> None:
        """Without *ATREADY."""
        if self.settings.nvram["MATWAKEUP"]:
            self.urc("*MATWAKEUP")

    def lost_memory(self) -> None:
        """A restart."""
        self._locked, self.rai = False, 0
        self.sockets_part.forget()
        self.clients_part.forget()
        self.onenet_part.created = False
        super().lost_memory()

    def _sm(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SM: (LOCK,UNLOCK,LOCK_FOREVER,UNLOCK_FOREVER)"])
        if command.op == "read":
            return Reply([f"+SM: {'LOCK' if self._locked or self.settings.nvram['SM'] else 'UNLOCK'}"])
        word = command.string(0, 16).upper()
        if word not in ("LOCK", "UNLOCK", "LOCK_FOREVER", "UNLOCK_FOREVER"):
            raise SyntaxFault
        self._locked = word == "LOCK"
        if word.endswith("_FOREVER"):
            self.settings.nvram["SM"] = int(word == "LOCK_FOREVER")
        return Reply()

    def _flag(self, key: str) -> Handler:
        def handler(command: Command) -> Reply:
            if command.op == "test":
                return Reply([f"*{key}: (0,1)"])
            if command.op == "read":
                return Reply([f"*{key}: {self.settings.nvram[key]}"])
            self.settings.nvram[key] = command.integer(0, 0, 1)
            return Reply()

        return handler

    def _waketime(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["*WAKETIME: (1-300)"])
        if command.op == "read":
            return Reply([f"*WAKETIME: {nvram['WAKETIME']}"])
        nvram["WAKETIME"] = command.integer(0, 1, 300)
        return Reply()

    def _entersleep(self, command: Command) -> Reply:
        return Reply(after=lambda: self.later(0.05, self.power.let_sleep))

    def _rai(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["*NBIOTRAI: (0-2)"])
        if command.op == "read":
            return Reply([f"*NBIOTRAI: {self.rai}"])
        self.rai = command.integer(0, 0, 2)
        return Reply()

    def take_rai(self) -> int:
        """For the next packet only."""
        rai, self.rai = self.rai, 0
        return rai

    # Power

    def _reboots(self, text: str) -> Handler:
        def restart() -> None:
            self.urc(text)
            self.later(0.1, self.reset, "AT+CMRB")

        return lambda command: Reply(after=restart)

    def _cpof(self, command: Command) -> Reply:
        def off() -> None:
            self.urc("POWER OFF")
            self.later(0.1, self.power.shut_down)

        return Reply(after=off)

    # Network

    def _edrxcfg(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(['*ERDRXCFG: (0-3),(5),("0000"-"1111"),("0000"-"1111")'])
        if command.op == "read":
            edrx = nvram["CEDRXS"]
            return Reply([f'*ERDRXCFG: {edrx["mode"]},5,"{edrx["cycle"]}","0011"'])
        self.standard.set_edrx(command.integer(0, 0, 3), command.bits(2, 4))
        return Reply(after=self.standard.request_changed)

    def _tauac(self, command: Command) -> Reply:
        tau = timers.decode_t3412(self.ue.grant.t3412) if self.ue.grant.t3412 else 0
        return Reply([f"+TAUAC: {tau or 0}"] if command.op == "read" else [])

    def _enginfo(self, command: Command) -> Reply:
        cell = self.network.config.cell
        if command.op == "test":
            return Reply(["*ENGINFO: (0,1)"])
        if not self.ue.registered:
            raise MeFault(_NOT_ALLOWED)
        level = f"{cell.rsrp_dbm},{round(cell.rsrq_db)},{cell.rssi_dbm},{cell.sinr_db}"
        where = f'{cell.earfcn},{cell.earfcn_offset},{cell.pci},"{cell.ci}",{level},{cell.band},"{cell.tac}"'
        return Reply([f"*ENGINFOSC:{where},{cell.ecl},{cell.tx_power_dbm},{cell.operation_mode}"])

    def _egact(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+EGACT: (0,1),(1,2)"])
        if command.op == "read":
            return Reply([f"+EGACT:1,1,1,{int(self.ue.registered)}"])
        action, kind = command.integer(0, 0, 1), command.integer(1, 1, 3, default=1)
        if action == 0:
            return Reply(after=lambda: self.later(0.3, self.urc, f"+EGACT:0,{kind},1,1"))

        def look(left: int) -> None:
            if self.ue.grant.ip:
                self.urc(f"+IP: {self.ue.grant.ip}")
                self.urc(f"+EGACT:1,{kind},1,1")
            elif left:
                self.later(1.0, look, left - 1)
            else:
                self.urc(f"+EGACT:1,{kind},1,0")

        return Reply(after=lambda: self.later(0.3, look, 60))

    def _cmntp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()

        def told(text: str | None) -> None:
            self.urc(f'+CMNTP: 0,"{text}"' if text else "+CMNTP: 1")

        return Reply(after=lambda: self.ntp(told))

    def _cmdns(self, command: Command) -> Reply | None:
        name = command.string(0, 128)

        def found(ip: str | None) -> None:
            if ip is None:
                self.fail(MeFault(_NOT_ALLOWED))
            else:
                self.complete(Reply([f"+CMDNS: {ip}"]))

        self.links.lookup(name, found)
        return None

    def _ping(self, command: Command) -> Reply:
        host, count = command.string(0, 128), command.integer(1, 1, 10, default=4)

        def found(ip: str | None) -> None:
            for index in range(count if ip else 0):
                self.later(1.0 * index + 0.4, self.urc, f"+PING: {ip},{index + 1},{400 + index},54")

        return Reply(after=lambda: self.links.lookup(host, found))
