"""Nordic nRF91 with its two applications: Serial LTE Modem (nRF9160, SLM 2.5) and Serial Modem (nRF9151, v2).

They share the modem's own AT commands; the #X commands differ in syntax. Sources: nRF91 AT reference, documentation of
both applications, a driver's test traces (facts). It comes up at CFUN=0, and stores its settings at CFUN=0 only.
"""

from __future__ import annotations

from cellkit.bench import timers
from cellkit.bench.clock import Clock
from cellkit.bench.log import EventLog
from cellkit.bench.modem.cmux import Cmux
from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.families._clients import ClientsModem
from cellkit.bench.modem.families.nordic_nrf91.cloud import CloudCommands
from cellkit.bench.modem.families.nordic_nrf91.coap import CoapCommands
from cellkit.bench.modem.families.nordic_nrf91.front import DataInput, NordicFront
from cellkit.bench.modem.families.nordic_nrf91.generic import GenericCommands
from cellkit.bench.modem.families.nordic_nrf91.gnss import GnssCommands
from cellkit.bench.modem.families.nordic_nrf91.http import HttpCommands
from cellkit.bench.modem.families.nordic_nrf91.mfw import MfwCommands
from cellkit.bench.modem.families.nordic_nrf91.mqtt import MqttCommands
from cellkit.bench.modem.families.nordic_nrf91.serial_modem import SocketCommands
from cellkit.bench.modem.families.nordic_nrf91.slm import SlmCommands
from cellkit.bench.modem.families.nordic_nrf91.sockets import Sockets
from cellkit.bench.modem.families.nordic_nrf91.standard import NordicStandard
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.recipes import REACHABLE
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command
from cellkit.bench.network import Network

_STORED = ("CPSMS", "CEDRXS", "COPS", "CGDCONT", "XSYSTEMMODE", "XPTW", "RAI", "REL14FEAT")
_FORGOTTEN = ("E", "CMEE", "CREG", "CGREG", "CEREG", "CSCON", "CFUN", "XSIM", "XMODEMSLEEP", "MDMEV", "XTIME")


class _Cmux(Cmux):
    """The multiplexer of the applications."""

    def _cmux(self, command: Command) -> Reply:
        return Reply(["+CMUX: (0),(0)"]) if command.op == "test" else super()._cmux(command)


class Module(ClientsModem):
    """nRF9160 with SLM by default; `serial_modem` tells the other."""

    traits = Traits(banner=((0.0, "Ready"),), ready_lines=("INIT ERROR",))
    recipe = REACHABLE
    cid = 0
    lasting = {
        "E": 0, "CMEE": 0, "CFUN": 0, "XSYSTEMMODE": (1, 0, 0, 0), "XPTW": {}, "RAI": 0, "REL14FEAT": (0, 0, 0, 0, 0),
        "XSIM": 0, "XMODEMSLEEP": None, "MDMEV": 0, "XTIME": 0,
    }  # fmt: skip
    profiled = (*_STORED, *_FORGOTTEN)

    def __init__(
        self, clock: Clock, log: EventLog, network: Network, config: ModemConfig, tx: object
    ) -> None:
        super().__init__(clock, log, network, config, tx)  # type: ignore[arg-type]
        crlf = config.identity.more.get("line_end") == "crlf"
        self._front = NordicFront(config.limits.line_bytes, self._echo, self._line, crlf)

    def _make_dialect(self) -> Dialect:
        self._held_urcs: list[str] = []
        self.asleep = 0  # AT#XSLEEP
        self.sockets_part = Sockets(self)
        self.data_input = DataInput(self)
        self.mfw = MfwCommands(self)
        self.generic = GenericCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.http_part = HttpCommands(self)
        self.coap_part = CoapCommands(self)
        self.gnss_part = GnssCommands(self)
        self.cloud_part = CloudCommands(self)
        return super()._make_dialect()

    @property
    def serial_modem(self) -> bool:
        """Serial Modem v2, not SLM."""
        return self.config.identity.more.get("application") == "sm"

    @property
    def act(self) -> int:  # type: ignore[override]
        """By the system mode: NB-IoT where LTE-M is not allowed."""
        mode = self.settings.nvram["XSYSTEMMODE"]
        return 9 if mode[1] and not mode[0] else 7

    @property
    def edrx_act(self) -> int:  # type: ignore[override]
        """Ditto."""
        return 5 if self.act == 9 else 4

    def make_cmux(self) -> Cmux:
        """Basic option only, which is all that its test form says."""
        return _Cmux(self)

    def make_standard(self) -> Standard:
        """Layouts of the modem firmware."""
        return NordicStandard(self)

    def commands(self) -> dict[str, Handler]:
        """The modem's own, then the application's."""
        found = {
            **self.mfw.handlers(), **self.generic.handlers(), **self.mqtt_part.handlers(), **self.gnss_part.handlers(),
            **self.http_part.handlers(), **self.cloud_part.handlers(),
        }  # fmt: skip
        if self.serial_modem:
            return {**found, **SocketCommands(self).handlers(), **self.coap_part.handlers()}
        return {**found, **SlmCommands(self).handlers()}

    # The line

    def urc(self, text: str, blank_before: bool = False) -> None:
        """Held back in data mode and while the UART is off."""
        if self.asleep or (self.payload.online is not None):
            self._held_urcs.append(text)
        else:
            super().urc(text, blank_before)

    def release_urcs(self) -> None:
        """What was held back is said now."""
        held, self._held_urcs = self._held_urcs, []
        for text in held:
            self.urc(text)

    def rx(self, data: bytes) -> None:
        """Nobody hears while AT#XSLEEP holds."""
        if self.asleep:
            self.lost(data, "AT#XSLEEP")
            return
        super().rx(data)

    def pin(self, name: str, level: int) -> None:
        """DTR (SLM: power pin, wired as PSM_EINT) going low wakes from AT#XSLEEP."""
        super().pin(name, level)
        if name in ("DTR", "PSM_EINT", "PWRKEY") and level == 0 and self.asleep:
            slept, self.asleep = self.asleep, 0
            if slept == 1:
                self.reset("wake")
            else:
                self.release_urcs()

    def lost_memory(self) -> None:
        """A reset: sockets and services are gone, and what was not stored at CFUN=0."""
        self.asleep = 0
        self._held_urcs.clear()
        for forget in (self.sockets_part.forget, self.mqtt_part.forget, self.http_part.forget):
            forget()
        for forget in (self.coap_part.forget, self.gnss_part.forget, self.cloud_part.forget):
            forget()
        super().lost_memory()

    # What happens

    def sleep_lock_s(self) -> float:
        """Its processor sleeps between two characters."""
        return 0.5

    def address_assigned(self) -> None:
        """+CGEV where it is asked for."""
        if self.settings.ram["CGEREP"][0]:
            self.urc(f"+CGEV: ME PDN ACT {self.cid}")
        self.cloud_part.bearer(True)

    def psm_changed(self) -> None:
        """%XMODEMSLEEP: in PSM for so many milliseconds, which 32 bits may not hold; 0 when it wakes."""
        if self.settings.nvram["XMODEMSLEEP"] is not None:
            tau = timers.decode_t3412(self.ue.grant.t3412) if self.ue.grant.t3412 else None
            left_ms = round((tau or 0) * 1000) - 1 if self.ue.psm and tau else 0
            self.urc(f"%XMODEMSLEEP: 1,{left_ms}")

    def time_came(self) -> None:
        """%XTIME, besides the clock."""
        super().time_came()
        if self.settings.nvram["XTIME"]:
            self.urc(self.mfw.time_line())
