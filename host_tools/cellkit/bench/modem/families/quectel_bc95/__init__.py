"""Quectel BC95-G, BC28 and BC68 (HiSilicon Boudica): AT+N… commands, no space behind the colon.

Sources: BC95 AT manual V1.3; logs of BC95-G, BC28-CNV (BC28CNVBAR02A03), BC68 (BC68JAR01A08) and of the bare Hi2115.
"""

from __future__ import annotations

from cellkit.bench.modem.engines.links import Links
from cellkit.bench.modem.families._quectel.coap import CoapCommands
from cellkit.bench.modem.families.quectel_bc95.layouts import Layouts
from cellkit.bench.modem.families.quectel_bc95.platform import PlatformCommands
from cellkit.bench.modem.families.quectel_bc95.queries import FLAGS, QueryCommands
from cellkit.bench.modem.families.quectel_bc95.sockets import SocketCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.power import Mode
from cellkit.bench.modem.recipes import FIRST_CHARACTER_LOST
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command

_CAUSE = "REBOOT_CAUSE_"
_BOOT = (
    "Boot: Unsigned", "Security B.. Verified", "Protocol A.. Verified", "Apps A...... Verified", "", _CAUSE, "Neul ",
    "OK",
)  # fmt: skip
_NOISE = b"\xc3\xe2F\xf8"  # what the boot ROM says at its own rate
_NOT_THERE = ("+CREG", "+CGREG", "+CGEREP", "+CCID", "+GSN", "+CBC", "+IPR", "+IFC", "+CMUX")


class Module(PlainModem):
    """BC95-G by default; the others differ by identity and a few lines."""

    traits = Traits(
        prompt="\r\n>", banner=tuple((0.03 * number, line) for number, line in enumerate(_BOOT)),
        ready_lines=(r"REBOOT_CAUSE_\w+", "Neul"), one_ok_per_command=True,
    )  # fmt: skip
    recipe = FIRST_CHARACTER_LOST
    cid = 0
    lasting = {
        "E": 0, "CMEE": 0, "NPSMR": 0, "CPSMS": {"mode": 1, "t3412": "01000001", "t3324": "00000101"}, "CTZR": 0,
        "NCONFIG": dict(FLAGS), "NBAND": (5, 8, 3, 28, 20, 1), "NCDP": ("", 5683), "QREGSWT": 1, "PTW": "0000",
        "NEARFCN": "",
    }  # fmt: skip
    volatile = {"NSONMI": 1, "NSMI": 0, "NNMI": 0, "hold": False}

    def _make_dialect(self) -> Dialect:
        self._links: Links | None = None
        self.noise = self.config.identity.more.get("noise", _NOISE.decode("latin-1")).encode("latin-1")
        self.cause = ""
        self.sockets_part = SocketCommands(self)
        self.platform = PlatformCommands(self)
        self.queries = QueryCommands(self)
        self.coap = CoapCommands(self, lambda: self.links, several=False, space="")
        return super()._make_dialect()

    @property
    def links(self) -> Links:
        """Made at their first use: the radio is not there before."""
        if self._links is None:
            self._links = Links(self)
        return self._links

    def make_standard(self) -> Standard:
        """Boudica's forms."""
        self.layouts = Layouts(self)
        return self.layouts

    def commands(self) -> dict[str, Handler | None]:
        """N… commands over the standard's, without what it lacks."""
        return {
            **dict.fromkeys(_NOT_THERE), **self.sockets_part.handlers(), **self.platform.handlers(),
            **self.queries.handlers(), **self.coap.handlers(), "+NRB": self._nrb,
        }  # fmt: skip

    # Start and sleep

    def booted(self, cause: str) -> None:
        """The boot ROM at its own rate, then the text that ends in OK."""
        self.cause = {
            "AT+NRB": "APPLICATION_AT", "fault": "APPLICATION_WATCHDOG",
        }.get(cause, self.config.identity.more.get("cold_cause", "SECURITY_RESET_PIN"))  # fmt: skip
        nvram = self.settings.nvram
        nvram["CFUN"] = int(nvram["NCONFIG"]["AUTOCONNECT"] == "TRUE")
        if self.noise:
            self.output.raw(self.noise)
        super().booted(cause)
        self.platform.restarted()

    def banner_line(self, text: str) -> None:
        """None depends on anything; one tells the cause."""
        if text == "":
            return
        self.urc(text + self.cause if text == _CAUSE else text)

    def wake_loses(self) -> int:
        """Nothing from a nap; of deep sleep one character (BC28)."""
        return 1 if self.power.mode is Mode.DEEP_SLEEP else 0

    def _nrb(self, command: Command) -> Reply:
        return Reply(["REBOOTING"], final="", after=lambda: self.reset("AT+NRB"))

    # What happens

    def psm_changed(self) -> None:
        """+NPSMR."""
        if self.settings.nvram["NPSMR"]:
            self.urc(f"+NPSMR:{int(self.ue.psm)}")

    def registration_changed(self) -> None:
        """+CEREG; platform and sockets depend on it too."""
        super().registration_changed()
        if not self.ue.registered:
            self.platform.lost()

    def address_assigned(self) -> None:
        """The platform's client begins by itself where it is set up so."""
        self.platform.attached()

    def time_came(self) -> None:
        """The clock follows the network."""
        zone = self.network.config.policy.utc_offset_quarters
        self.standard.set_clock(self.network.utc(), zone)
        if self.settings.nvram["CTZR"]:
            self.urc(f"+CTZV:{zone:+03}")
