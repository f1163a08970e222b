"""The Quectel BC660K-GL: its commands put together, its boot banner, and what it says when something happens.

Source: AT Commands Manual V1.4 (2024-01-26), TCP/IP Application Note V1.2, Hardware Design V1.5, and real logs.
"""

from __future__ import annotations

from cellkit.bench.modem.core27007 import CORE_NVRAM, Core27007
from cellkit.bench.modem.families._quectel.base import QuectelModem
from cellkit.bench.modem.families.quectel_bc660k.bearer import Bearer
from cellkit.bench.modem.families.quectel_bc660k.further import FURTHER_NVRAM, FURTHER_RAM, Further
from cellkit.bench.modem.families.quectel_bc660k.names import NAMES_RAM, Names
from cellkit.bench.modem.families.quectel_bc660k.queries import Queries
from cellkit.bench.modem.families.quectel_bc660k.services import Http, Mqtt, Tls
from cellkit.bench.modem.families.quectel_bc660k.settings import SETTINGS_NVRAM, SETTINGS_RAM, ModuleSettings
from cellkit.bench.modem.families.quectel_bc660k.sockets import SOCKET_NVRAM, Sockets
from cellkit.bench.modem.family import Dialect, Traits
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command

# Real log: AT+CEREG=4 took 103 ms, AT+QNBIOTEVENT=1,1 and AT+QCFG="dsevent",1 no longer than a query.
_SLOW_WRITES = frozenset({
    "+CEREG", "+CSCON", "+CMEE", "+CPSMS", "+CEDRXS", "+QPSMS", "+QEDRXCFG", "+QCGDEFCONT", "+CTZR", "+IPR", "+QICFG",
})  # fmt: skip

# AT manual, table 5; those that this model raises.
_ERROR_TEXTS = {
    3: "Operation not allowed",
    4: "Operation not supported",
    10: "USIM not inserted",
    11: "USIM PIN required",
    12: "USIM PUK required",
    16: "Incorrect password",
    30: "No network service",
    171: "Last PDN disconnection not allowed",
    602: "No RRC connection",
}


class VirtualModem(QuectelModem):
    """A Quectel BC660K-GL. Bytes from the host go into `rx`, bytes for it come through `tx`."""

    mqtt_versions = (0, 1)
    traits = Traits(prompt="\r\n>", banner=((0.0, "RDY"), (0.15, "+CFUN: 1"), (0.3, "+CPIN: READY")))

    def _make_dialect(self) -> Dialect:
        self.core = self._core = Core27007(self)
        self.standard = self.make_standard()  # for the form of lines
        self._own = ModuleSettings(self, self._core)
        further, self.messages = Further(self), SmsCommands(self)
        self.messages.indication = (2, 2)  # no store: +CMT (manual, chapter 13)
        self._idle_since_s: float | None = None
        self.neighbours: list[str] = []  # EARFCN, PCI, RSRP and RSRQ of other cells that are heard
        names = Names(self)
        self._sockets = self.own_sockets = Sockets(self, names)
        self.names = names
        self.tls_part, self.mqtt_part, self.http_part = Tls(self), Mqtt(self), Http(self)
        self._reported: dict[str, str] = {}
        lock_s = self.config.timing.sleep_lock_factory_s.value
        parts = (self._core, Bearer(self), self._own, Queries(self), self._sockets, names, further)
        messages = {name: self.messages.handlers()[name] for name in ("+CMGF", "+CSCA", "+CMGS")}
        services = (self.tls_part, self.mqtt_part, self.http_part)
        qcfg = self._own.handlers()["+QCFG"]
        return Dialect(
            handlers={
                **{name: handler for part in (*parts, *services) for name, handler in part.handlers().items()},
                **messages,
                "+QCFG": lambda command: further.gpio(command) if _is_gpio(command) else qcfg(command),
            },  # fmt: skip
            whole=frozenset({"+QISEND", "+QMTPUB"}),
            delay_s=self._delay_s,
            error_texts=_ERROR_TEXTS,
            nvram={**CORE_NVRAM, **SETTINGS_NVRAM, **SOCKET_NVRAM, **FURTHER_NVRAM, "slplocktimes": round(lock_s)},
            ram={**SETTINGS_RAM, **NAMES_RAM, **FURTHER_RAM},
        )

    def _delay_s(self, command: Command) -> float:
        timing = self.config.timing
        if command.op == "set" and command.name in _SLOW_WRITES:
            return timing.nvram_write_s.value
        return (timing.engineering_s if command.name == "+QENG" else timing.answer_s).value

    # Start and sleep

    def booted(self, cause: str) -> None:
        """RDY, then +CFUN: 1 and +CPIN: READY, each a step later; the radio starts with the card."""
        nvram, step_s = self.settings.nvram, self.config.timing.banner_step_s.value
        self._reported.clear()
        self.messages.connect()
        self.booted_s = self.clock.now()
        self.ue.may_camp = self._own.may_camp
        self.ue.search_pauses_s = self.config.search_pauses_s[nvram["OOSScheme"]]
        self.sim.power_up()
        self.urc("RDY")
        if nvram["CFUN"] == 1:
            self.later(step_s, self.urc, "+CFUN: 1")
            self.later(2 * step_s, self._core.switch_on, False)

    def lost_power(self) -> None:
        """Everything volatile is gone, sockets too."""
        self._sockets.forget()
        super().lost_power()

    def sleep_lock_s(self) -> float:
        """QCFG="slplocktimes", in force since the last boot."""
        return max(float(self.settings.at_boot["slplocktimes"]), self.config.timing.sleep_lock_min_s.value)

    def sleep_mode(self) -> int:
        """QSCLK."""
        return int(self.settings.ram["QSCLK"])

    def wakes_on_uart(self) -> bool:
        """QCFG="wakeupRXD", in force since the last boot."""
        return bool(self.settings.at_boot["wakeupRXD"])

    def falls_asleep(self) -> None:
        """Says so if `dsevent` asks for it."""
        if self.settings.at_boot["dsevent"]:
            self._event("ENTER DEEPSLEEP")
        if not self.config.sockets_survive_deep_sleep:
            self._sockets.forget()

    def switched_off(self) -> None:
        """Only by cutting VBAT, when nothing can be said."""

    def woke(self, how: str) -> None:
        """After a wake by RXD only a bare CR LF comes: the command that woke the module is not done (real log)."""
        if how == "uart":
            self.later(self.config.timing.answer_s.value, self.output.raw, b"\r\n")
        if self.settings.at_boot["dsevent"]:
            self._event("EXIT DEEPSLEEP")

    # What happens

    def _event(self, text: str) -> None:
        self.urc(f'+QNBIOTEVENT: "{text}"')

    def registration_changed(self) -> None:
        """+CEREG, unless it would say what was said last; an AT+CGATT that waits may end."""
        if not self.ue.on:
            self._sockets.lose_bearer()
        self._core.attach_progressed()
        for name in ("CREG", "CEREG"):
            if self.settings.nvram[name]:
                line = self._core.registration_line(name, unsolicited=True)
                if line != self._reported.get(name):
                    self._reported[name] = line
                    self.urc(line)

    def rrc_changed(self) -> None:
        """+CSCON. The periodic timer runs while there is no connection."""
        self._idle_since_s = None if self.ue.connected else self.clock.now()
        if self.settings.nvram["CSCON"]:
            self.urc(f"+CSCON: {int(self.ue.connected)}")

    def t3412_left_s(self) -> float | None:
        """Seconds of the periodic update's timer; None: it does not run."""
        period_s = self.ue.grant.t3412_s
        if period_s is None or self._idle_since_s is None or not self.ue.registered:
            return None
        return max(0.0, period_s - (self.clock.now() - self._idle_since_s))

    def psm_changed(self) -> None:
        """+QNBIOTEVENT."""
        if self.settings.nvram["QNBIOTEVENT"]:
            self._event("ENTER PSM" if self.ue.psm else "EXIT PSM")

    def address_assigned(self) -> None:
        """+IP."""
        self.urc(f"+IP: {self.ue.grant.ip}")

    def edrx_changed(self) -> None:
        """+CEDRXP, with CEDRXS mode 2 only."""
        if self.settings.nvram["CEDRXS"]["mode"] == 2:
            self.urc(f"+CEDRXP: {self._core.edrx_fields()}")

    def time_came(self) -> None:
        """The clock follows the network; +CTZV, +CTZE or +CTZEU. A real one: `+CTZEU: "+8",1,"2026/10/02,23:50:20"`."""
        zone, utc = self.network.config.policy.utc_offset_quarters, self.network.utc()
        self._own.set_clock(utc, zone)
        shown = self._own.local_time() if self.settings.nvram["CTZR"] == 2 else utc
        lines = {
            1: f'+CTZV: "{zone:+d}"',
            2: f'+CTZE: "{zone:+d}",0,"{shown:%Y/%m/%d,%H:%M:%S}"',
            3: f'+CTZEU: "{zone:+d}",0,"{shown:%Y/%m/%d,%H:%M:%S}"',
        }
        if self.settings.nvram["CTZR"] in lines:
            self.urc(lines[self.settings.nvram["CTZR"]])

    def downlink_came(self, flow: int, data: bytes) -> None:
        """To the socket it belongs to."""
        self._sockets.came(flow, data)


def _is_gpio(command: Command) -> bool:
    return command.op == "set" and bool(command.args) and command.args[0].text.upper() == "GPIO"
