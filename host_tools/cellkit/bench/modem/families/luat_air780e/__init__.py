"""Luat Air780E and Air780EP, Cat.1. Sources: LuatOS AT manual and guides with their logs, logs of an Air780EP."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from cellkit.bench.modem.engines.http import HttpClient
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import ClientsModem
from cellkit.bench.modem.families.luat_air780e.files import FileCommands
from cellkit.bench.modem.families.luat_air780e.forms import Forms, Messages
from cellkit.bench.modem.families.luat_air780e.ftp import FtpCommands
from cellkit.bench.modem.families.luat_air780e.http import HttpCommands
from cellkit.bench.modem.families.luat_air780e.mqtt import MqttCommands
from cellkit.bench.modem.families.luat_air780e.queries import QueryCommands
from cellkit.bench.modem.families.luat_air780e.sockets import SocketCommands
from cellkit.bench.modem.families.luat_air780e.tcpip import TcpipCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.recipes import ALWAYS_AWAKE
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command

_SECOND_READY_S = 0.74
_CARD_LIMIT_S = 30.0
_LF = 10
_SENDS = re.compile(rb"AT\+CIPSEND *(?:=[ \d,]*)?\r\Z", re.IGNORECASE)
_LONGEST_SEND = 32


class Module(ClientsModem):
    """The Air780E. `identity.more` of the data: `nitz` (long, short, new), `ready_twice`, `context`, `card`, `port`."""

    traits = Traits(banner=((0.0, "RDY"),), ready_lines=(r"\^boot\.rom.*",), prompt="\r\n> ")
    act = 7
    edrx_act = 4
    lasting = {"CMEE": 1, "WAKETIM": 1, "POWERMODE": "CLOSE", "slot": 0, "noted": {}}
    volatile = {"noted": {}}
    recipe = replace(ALWAYS_AWAKE, light=True)
    whole = frozenset({"+MPUB"})

    def make_standard(self) -> Standard:
        """Forms of the LuatOS AT firmware."""
        return Forms(self)

    def make_messages(self) -> SmsCommands:
        """Ditto."""
        return Messages(self)

    def commands(self) -> dict[str, Handler | None]:
        """Parts, and what stands alone."""
        self.told_service = self._untold_card = False
        self._typed = bytearray()
        self.tcpip = TcpipCommands(self)
        self.sockets_part = SocketCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.http_part = HttpCommands(self)
        self.ftp_part = FtpCommands(self)
        self.file_part = FileCommands(self)
        self.queries = QueryCommands(self)
        return {
            **self.tcpip.handlers(), **self.sockets_part.handlers(), **self.mqtt_part.handlers(),
            **self.http_part.handlers(), **self.ftp_part.handlers(), **self.file_part.handlers(),
            **self.queries.handlers(),
            "+ICCID": lambda command: Reply([f"+ICCID: {self.sim.iccid}"]),
            "+RESET": self._reset, "+CPOWD": self._cpowd, "+SIMCROSS": self._simcross,
            "D": lambda command: Reply(), "A": lambda command: Reply(), "H": lambda command: Reply(),
            "+CHUP": lambda command: Reply(),
            "+CCID": None, "+CSCON": None, "+CEDRXRDP": None, "+CPSMS": None, "+CEDRXS": None, "+CMUX": None,
        }  # fmt: skip

    @property
    def http(self) -> HttpClient:
        """The HTTP client."""
        return self.http_client()

    def tls(self, context: int) -> TlsSettings:
        """What an SSL context means."""
        return self.tcpip.tls(context)

    def rx(self, data: bytes) -> None:
        """A line feed behind the CR of AT+CIPSEND is taken for its line end, not for payload (AT manual)."""
        kept = bytearray()
        for byte in data:
            if byte == _LF and _SENDS.search(self._typed):
                self._typed.clear()
                continue
            self._typed.append(byte)
            del self._typed[:-_LONGEST_SEND]
            kept.append(byte)
        super().rx(bytes(kept))

    # What happens

    def booted(self, cause: str) -> None:
        """RDY may come twice; what is sent before the second is lost (log of an Air780EP)."""
        self.told_service = False
        super().booted(cause)
        if self.config.identity.more.get("ready_twice") == "yes":
            self.deaf_lines = max(self.deaf_lines, 1)
            self.later(_SECOND_READY_S, self._ready_again)

    def _ready_again(self) -> None:
        self.deaf_lines = 0
        self.urc("RDY")

    def banner_line(self, text: str) -> None:
        """At the USB port, which is made anew at each start, the first lines are not seen."""
        if self.config.identity.more.get("port") != "usb":
            super().banner_line(text)

    def registration_changed(self) -> None:
        """Besides +CREG: the service by lines of its own."""
        if self.ue.registered and not self.told_service:
            self._service()
        elif not self.ue.registered and self.told_service and not self.ue.on:
            self.told_service = False
        self.sockets_part.bearer_changed()
        super().registration_changed()

    def _service(self) -> None:
        self.told_service = True
        self.urc("^MODE: 17,17")
        self.urc("+E_UTRAN Service")

    def _no_service(self) -> None:
        self.told_service = False
        for text in ("^MODE: 0,0", "+NO Service", "+CGEV: NW PDN DEACT 1"):
            self.urc(text)

    def address_assigned(self) -> None:
        """The context of the attach."""
        more = ",0" if self.config.identity.more.get("context") == "two" else ""
        self.urc(f"+CGEV: ME PDN ACT 1{more}")

    def time_came(self) -> None:
        """+NITZ, in the form of the model; the clock follows."""
        self.later(0.4, self._nitz)

    def _nitz(self) -> None:
        zone, more = self.network.config.policy.utc_offset_quarters, self.config.identity.more
        utc = self.network.utc()
        self.standard.set_clock(utc, zone)
        year = "%Y" if more.get("nitz") == "long" else "%y"
        last = "0" if more.get("nitz") == "new" else " "
        local = utc + timedelta(minutes=15 * zone)
        self.later(0.5, self._card_told)
        self.urc(f"+NITZ: {local.strftime(year + '/%m/%d,%H:%M:%S')}{zone:+d},{last}")

    # Power and card

    def sleep_mode(self) -> int:
        """CSCLK (1 with DTR high) or POWERMODE; never with USB. What wakes it by RXD is lost."""
        nvram = self.settings.nvram
        clock = str(nvram["noted"].get("+CSCLK", "0"))
        wanted = clock in ("2", "3") or (clock == "1" and self.power.level("DTR")) or nvram["POWERMODE"] != "CLOSE"
        return 2 if wanted and self.config.identity.more.get("port") != "usb" else 0

    def sleep_lock_s(self) -> float:
        """WAKETIM."""
        return float(self.settings.nvram["WAKETIM"])

    def _reset(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if self.config.identity.more.get("port") == "usb" and self.ue.registered:
            self.later(0.05, self.urc, "+CGEV: ME DETACH")
        return Reply(after=lambda: self.later(0.1, self.reset, "AT+RESET"))

    def _cpowd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CPOWD: (0,1)"])
        self.settings.ram["quiet_off"] = command.integer(0, 0, 1) == 0
        return Reply(final="", after=lambda: self.later(0.2, self.power.shut_down))

    def switched_off(self) -> None:
        """The last words."""
        if not self.settings.ram.get("quiet_off"):
            self.urc("NORMAL POWER DOWN")

    def flight(self) -> None:
        """Off line; the processor sleeps."""
        self._no_service()
        self.ue.stop()

    def _simcross(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "set":
            nvram["slot"] = command.integer(0, 0, 2)
            self.sim.present = True  # the card is in the other slot
        return Reply([f"+SIMCROSS:{nvram['slot']}"])

    def card_removed(self) -> None:
        """Somebody takes the card out; seen with CSDT=1."""
        if self.config.identity.more.get("card") != "quiet":
            self._no_service()
            self.urc("+CGEV: ME DETACH")
        self.sim.present = False
        self.ue.stop()
        self.later(0.8, self.urc, "+CPIN: SIM REMOVED 0")

    def card_inserted(self) -> None:
        """And in again."""
        if self.config.identity.more.get("card") != "quiet":
            self.urc("+CGEV: ME DETACH")
        self.sim.present = True
        self.told_service = self.config.identity.more.get("card") == "quiet"
        self._untold_card = True
        self.standard.switch_on(from_minimum=True)
        self.later(1.7 if self.told_service else _CARD_LIMIT_S, self._card_told)

    def _card_told(self) -> None:
        """Behind the lines of the network, where these come."""
        if self._untold_card:
            self._untold_card = False
            self.urc("+CPIN: READY 0")
