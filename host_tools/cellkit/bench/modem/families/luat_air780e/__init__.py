"""Luat Air780E and Air780EP, Cat.1. Sources: LuatOS AT manual and guides with their logs, logs of an Air780EP."""

from __future__ import annotations

from datetime import timedelta

from cellkit.bench.modem.engines.gnss import Gnss
from cellkit.bench.modem.engines.http import HttpClient
from cellkit.bench.modem.engines.links import Links
from cellkit.bench.modem.engines.tls import Files
from cellkit.bench.modem.families.luat_air780e.files import FileCommands
from cellkit.bench.modem.families.luat_air780e.http import HttpCommands
from cellkit.bench.modem.families.luat_air780e.mqtt import MqttCommands
from cellkit.bench.modem.families.luat_air780e.sockets import SocketCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, SyntaxFault


class _Standard(Standard):
    """Identity with prefix and quotes; registration modes; URCs without the space behind the colon for CREG."""

    def ati(self, command: Command) -> Reply:
        return Reply(self.modem.faults.identity or [self.modem.config.identity.revision])

    def registration_modes(self, name: str) -> str:
        return "(0,1,2,3,4,5)" if name == "CEREG" else "(0,1,2,3)"

    def cereg(self, command: Command) -> Reply:
        """With all three reports on it may be the line of another that comes (log of an Air780EP)."""
        if command.op == "read" and self.modem.settings.ram["interleaved"]:
            return Reply([self.registration_line("CGREG")])
        return super().cereg(command)

    def card_ready(self) -> None:
        """Nothing is said of the card after CFUN=1 or PIN."""

    def _cfun(self, command: Command) -> Reply | None:
        before = self.modem.settings.nvram["CFUN"]
        reply = super()._cfun(command)
        if command.op == "set" and self.modem.settings.nvram["CFUN"] != before:
            if self.modem.settings.nvram["CFUN"] == 1:
                self.modem.later(0.14, self._service)
            else:
                self.modem.later(0.8, self.modem.urc, "+CGEV: ME DETACH")
        return reply

    def _service(self) -> None:
        """The card may have come with a change of the slot."""


class Module(PlainModem):
    """The Air780E."""

    traits = Traits(banner=((0.0, "RDY"),), ready_lines=(r"\^boot\.rom.*",), prompt="\r\n> ")
    act = 7
    edrx_act = 4
    lasting = {"CMEE": 1, "CSCLK": 0, "WAKETIM": 1, "slot": 0}
    volatile = {"interleaved": False}
    whole = frozenset({"+MPUB"})

    def make_standard(self) -> Standard:
        """Forms of the LuatOS AT firmware."""
        return _Standard(self)

    def commands(self) -> dict[str, Handler]:
        """Parts, and what stands alone."""
        self.files = Files()
        self.ssl: dict[tuple[str, int], str] = {}
        self._late: dict[str, object] = {}
        self.told_service = False
        self.sockets_part = SocketCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.http_part = HttpCommands(self)
        self.file_part = FileCommands(self)
        identity = self.config.identity
        fine: Handler = lambda command: Reply()  # noqa: E731
        return {
            **self.sockets_part.handlers(), **self.mqtt_part.handlers(), **self.http_part.handlers(),
            **self.file_part.handlers(),
            "+CGMI": lambda command: self.standard.told(command, f'+CGMI: "{identity.manufacturer}"'),
            "+CGMM": lambda command: self.standard.told(command, f'+CGMM: "{identity.model}"'),
            "+CGMR": lambda command: self.standard.told(command, f'+CGMR: "{identity.revision}"'),
            "+ICCID": lambda command: Reply([f"+ICCID: {self.sim.iccid}"]), "+CCID": None,  # type: ignore[dict-item]
            "+RESET": lambda command: Reply(after=lambda: self.later(0.1, self.reset, "AT+RESET")),
            "+CPOWD": self._cpowd, "+CSCLK": lambda command: self.standard.number(command, "CSCLK", 0, 3),
            "+WAKETIM": self._waketim, "*RTIME": fine, "+POWERMODE": self._powermode, "*SIMAUTO": fine,
            "+ECSIMCFG": self._ecsimcfg, "+SIMCROSS": self._simcross, "+CTTS": self._ctts, "+CTTSPARAM": fine,
            "D": fine, "+CHUP": fine, "+CSMS": self._csms, "+CNTP": self._cntp, "+CIPGSMLOC": self._gsmloc,
            "+WIFILOC": self._wifiloc,
            "+CGNSPWR": self._cgnspwr, "+CGNSAID": fine, "+CGNSINF": self._cgnsinf, "+CGNSTST": fine,
            "+IFC": self._ifc, "+CFGRI": fine, "+UPGRADE": fine, "+CSCON": None, "+CEDRXRDP": None,  # type: ignore[dict-item]
            "+CPSMS": None, "+CEDRXS": None,  # type: ignore[dict-item]
        }  # fmt: skip

    def _once(self, name: str, make: object) -> object:
        if name not in self._late:
            self._late[name] = make(self)  # type: ignore[operator]
        return self._late[name]

    @property
    def links(self) -> Links:
        """Made at their first use: the radio is not there before."""
        links = self._once("links", Links)
        assert isinstance(links, Links)
        return links

    @property
    def http(self) -> HttpClient:
        """The HTTP client."""
        client = self._once("http", lambda modem: HttpClient(self.links))
        assert isinstance(client, HttpClient)
        return client

    @property
    def gnss(self) -> Gnss:
        """The receiver of the models that have one."""
        gnss = self._once("gnss", Gnss)
        assert isinstance(gnss, Gnss)
        return gnss

    # What happens

    def booted(self, cause: str) -> None:
        """RDY may come twice; what is sent before the second is lost (log of an Air780EP)."""
        self.told_service = False
        super().booted(cause)
        if self.config.identity.more.get("ready_twice") == "yes":
            self.deaf_lines = max(self.deaf_lines, 1)
            self.later(0.74, self._ready_again)

    def _ready_again(self) -> None:
        self.deaf_lines = 0
        self.urc("RDY")

    def registration_changed(self) -> None:
        """Besides +CREG: the service by lines of its own."""
        if self.ue.registered and not self.told_service:
            self.told_service = True
            self.urc("^MODE: 17,17")
            self.urc("+E_UTRAN Service")
        elif not self.ue.registered and self.settings.nvram["CFUN"] != 1:
            self.told_service = False
        self.sockets_part.bearer_changed()
        super().registration_changed()

    def address_assigned(self) -> None:
        """The context of the attach."""
        more = ",0" if self.config.identity.more.get("context") == "two" else ""
        self.urc(f"+CGEV: ME PDN ACT 1{more}")

    def time_came(self) -> None:
        """+NITZ, in the form of the model; the clock follows."""
        self.later(0.4, self._nitz)

    def _nitz(self) -> None:
        zone = self.network.config.policy.utc_offset_quarters
        utc = self.network.utc()
        self.standard.set_clock(utc, zone)
        year = "%Y" if self.config.identity.more.get("nitz") == "long" else "%y"
        last = "0" if self.config.identity.more.get("nitz") == "new" else " "
        local = utc + timedelta(minutes=15 * zone)
        self.urc(f"+NITZ: {local.strftime(year + '/%m/%d,%H:%M:%S')}{zone:+d},{last}")

    # Power

    def _cpowd(self, command: Command) -> Reply:
        self.settings.ram["quiet_off"] = command.integer(0, 0, 1) == 0
        return Reply(final="", after=lambda: self.later(0.2, self.power.shut_down))

    def switched_off(self) -> None:
        """The last words."""
        if not self.settings.ram.get("quiet_off"):
            self.urc("NORMAL POWER DOWN")

    def _waketim(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+WAKETIM:{self.settings.nvram['WAKETIM']}"])
        self.settings.nvram["WAKETIM"] = command.integer(0, 1, 120)
        return Reply()

    def _powermode(self, command: Command) -> Reply:
        mode = command.string(0, 8).upper()
        tau = command.integer(2, 0, 1 << 20, default=0)
        if mode == "PSM+" and tau:
            return Reply(after=lambda: self.later(1.0, self._flight))
        return Reply()

    def _flight(self) -> None:
        """Off line; the processor sleeps."""
        self.urc("^MODE: 0,0")
        self.urc("+NO Service")
        self.urc("+CGEV: NW PDN DEACT 1")
        self.told_service = False
        self.ue.stop()

    # Card

    def _ecsimcfg(self, command: Command) -> Reply:
        values = (("SimSimulator", 0), ("SimPowerSave", 1), ("SimPresenceDetect", 0), ("SimSlot", 0), ("SoftSim", 0))
        return Reply([f'+ECSIMCFG: "{name}",{value}' for name, value in values]) if command.op == "read" else Reply()

    def _simcross(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "set":
            nvram["slot"] = command.integer(0, 0, 2)
            self.sim.present = True  # the card is in the other slot
        return Reply([f"+SIMCROSS:{nvram['slot']}"])

    def _csms(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+CSMS: {self.messages.service},1,1,1"])
        self.messages.service = command.integer(0, 0, 1)
        return Reply()

    # Speech, clock, position

    def _ctts(self, command: Command) -> Reply:
        text = command.raw.partition(",")[2]
        return Reply(after=lambda: self.later(0.1 * len(text), self.urc, "+CTTS:0"))

    def _cntp(self, command: Command) -> Reply:
        if command.op == "set":
            return Reply()
        return Reply(after=lambda: self.later(0.5, self._synchronised))

    def _synchronised(self) -> None:
        self.standard.set_clock(self.network.utc(), self.network.config.policy.utc_offset_quarters)
        self.urc("+CNTP:1")

    def _place(self, name: str) -> str:
        place = self.network.config.position
        local = self.network.utc() + timedelta(minutes=15 * self.network.config.policy.utc_offset_quarters)
        return f"{name}: 0,{place.latitude:.7f},{place.longitude:.7f},{local:%Y/%m/%d,%H:%M:%S}"

    def _gsmloc(self, command: Command) -> Reply | None:
        if not self.ue.registered:
            return Reply(["+CIPGSMLOC: 1"])
        self.later(0.23, lambda: self.complete(Reply([self._place("+CIPGSMLOC")])))
        return None

    def _wifiloc(self, command: Command) -> Reply | None:
        self.later(25.0, lambda: self.complete(Reply([self._place("+WIFILOC")])))
        return None

    def _cgnspwr(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+CGNSPWR: {int(self.gnss.on)}"])
        if command.integer(0, 0, 1):
            self.gnss.start()
        else:
            self.gnss.stop()
        return Reply()

    def _cgnsinf(self, command: Command) -> Reply:
        fix = self.gnss.fix()
        if fix is None:
            return Reply(["+CGNSINF: ", f"{int(self.gnss.on)},0" + "," * 20])
        return Reply([
            "+CGNSINF: ",
            f"1,1,{fix.utc:%Y%m%d%H%M%S},{fix.latitude:.6f},{fix.longitude:.6f},{fix.altitude_m:.3f},"
            f"{fix.speed_kmh:.2f},{fix.course_deg:.2f},3,,{fix.hdop:.2f},0.89,4.00,,{fix.satellites},{fix.satellites},,,"
            "34,,",
        ])  # fmt: skip

    def _ifc(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["+IFC: (0,2), (0,2)"])
        if command.op == "read":
            return Reply(["+IFC: {}, {}".format(*nvram["IFC"])])
        if command.op != "set":
            raise SyntaxFault
        nvram["IFC"] = (command.integer(0, 0, 2), command.integer(1, 0, 2))
        return Reply()
