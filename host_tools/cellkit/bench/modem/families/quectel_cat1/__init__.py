"""Quectel Cat.1: EC200U, EC800M, EG800K, EG915U and the EC2x line.

Sources: TCP/IP note of EC200U, EG800Q AT manual V1.1, reports on an EG800K with their logs, EC25 logs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.families._quectel.base import QuectelModem
from cellkit.bench.modem.families.quectel_cat1.forms import Forms, Messages
from cellkit.bench.modem.families.quectel_cat1.ftp import FtpCommands
from cellkit.bench.modem.families.quectel_cat1.location import GNSS_TEXTS, LocationCommands
from cellkit.bench.modem.families.quectel_cat1.services import FILE_TEXTS, Http, Own, Sockets, Tls
from cellkit.bench.modem.families.quectel_cat1.voice import VoiceCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.recipes import ALWAYS_AWAKE
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command, MeFault

_NOTED = {
    "+QINDCFG": Noted(None, '"all",(0,1),(0,1)'), "+QSIMDET": Noted("0,0", "(0,1),(0,1)"),
    "+QSIMSTAT": Noted("0,1", "(0,1)"), "+QAUGDCNT": Noted("0", "(0,30-65535)"), "+QSCLKEX": Noted("0,5,30"),
    "+CPOL": Noted("", "(1-8),(0-2)"), "+CPBS": Noted('"SM",0,250', '("SM","DC","FD","LD","MC","ME","RC","EN","ON")'),
    "+CPBR": Noted(None, "(1-250),40,16"), "+CPBF": Noted(None), "+CPBW": Noted(None, "(1-250),40,(129,145),16"),
    "+CNUM": Noted(None), "+CSMP": Noted("17,167,0,0"), "+CMMS": Noted("0", "(0-2)"),
    "+CSCB": Noted('0,"",""', "(0,1)"),
    "+CGQREQ": Noted(""), "+CGQMIN": Noted(""), "+CGEQREQ": Noted(""), "+CGSMS": Noted("1", "(0-3)"),
    "+QICSGPEX": Noted(None), "+QLEDMODE": Noted("0", "(0,1)"), "+QRIR": Noted(None), "+QNITZ": Noted("0"),
    "+QPRTPARA": Noted("0"), "+ICF": Noted("3,3", "(3),(0-3)"), "+CGAUTH": Noted(""), "+QMBNCFG": Noted(None),
    "+QPPPDROP": Noted(None),
}  # fmt: skip


class Module(QuectelModem):
    """The EC200U by default."""

    traits = Traits(
        banner=((0.0, "RDY"), (1.0, "+CFUN: 1"), (2.0, "+CPIN: READY"), (2.2, "+QUSIM: 1"), (3.4, "+QIND: SMS DONE"),
                (4.3, "+QIND: PB DONE")),
        urc_port=True,
    )  # fmt: skip
    act = 7
    edrx_act = 4
    state_port = "usbmodem"
    publish_answer = "+QMTPUBEX"
    lasting = {"urcport": "uart1", "noted": {}}
    volatile = {"QSCLK": 0, "drift": None, "noted": {}}
    recipe = replace(ALWAYS_AWAKE, light=True, key_off_s=2.0)  # PWRKEY toggles (EC200U log)
    error_texts = {3: "operation not allowed", **GNSS_TEXTS, **FILE_TEXTS}
    whole = frozenset({"+QMTPUBEX", "+QMTPUB"})

    def make_standard(self) -> Standard:
        """Registration modes, contexts, clock."""
        return Forms(self)

    def make_messages(self) -> SmsCommands:
        """Long ones too."""
        return Messages(self)

    def sleep_mode(self) -> int:
        """QSCLK=1 with DTR high."""
        return 2 if self.settings.ram["QSCLK"] and self.power.level("DTR") else 0

    def _make_dialect(self) -> Any:
        self.tls_own = Tls(self)
        return super()._make_dialect()

    def commands(self) -> dict[str, Handler]:
        """Parts of this line in place of those that all Quectel modules share, and its own."""
        self.sockets_part, self.http_part = Sockets(self), Http(self)
        self.tls_part, self.file_part = self.tls_own, Own(self)
        self.ftp, self.voice, self.location = FtpCommands(self), VoiceCommands(self), LocationCommands(self)
        return {
            **super().commands(), **noted_handlers(self, _NOTED), **self.ftp.handlers(), **self.voice.handlers(),
            **self.location.handlers(),
            "+CMUX": self._cmux, "+QNTP": self._qntp, "+QPINC": self._qpinc, "+QADC": self._qadc, "&W": self._stores,
            "+CSCON": None, "+CEDRXRDP": None,  # type: ignore[dict-item]
        }  # fmt: skip

    def urcs_here(self) -> bool:
        """`urcport`: this port is the UART; the factory's `usbat` of an EG800K is another."""
        return bool(self.settings.nvram["urcport"] == "uart1")

    def banner_line(self, text: str) -> None:
        """The card's lines come where there is a card."""
        if text.startswith(("+QUSIM", "+QIND")) and not self.sim.ready:
            return
        super().banner_line(text)

    def card_unlocked(self) -> None:
        """Behind +CPIN: READY."""
        self.later(0.2, self.urc, "+QUSIM: 1")
        self.later(0.8, self.urc, "+QIND: SMS DONE")

    def lost_memory(self) -> None:
        """The echo is on again after each start, unless AT&W has stored it."""
        stored = self.settings.nvram.get("stored echo", self.config.nvram.get("E", 1))
        self.settings.nvram["E"] = stored
        super().lost_memory()

    def supply(self, on: bool) -> None:
        """Without supply what has worn out gets as new; a reset does not help."""
        if not on:
            self.tls_own.power_cut()
        super().supply(on)

    def ring(self) -> None:
        """Somebody calls."""
        self.voice.ring()

    def drift(self, cid: int = 9) -> None:
        """The network has moved the bearer to a context of its own; QIACT still claims the old one."""
        self.settings.ram["drift"] = cid

    def _stores(self, command: Command) -> Reply:
        self.settings.nvram["stored echo"] = self.settings.nvram["E"]
        return Reply()

    def _cmux(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMUX: (0),(0-2),(1-8),(1-32768),(1-255),(0-100),(2-255),(1-255),(1-7)"])
        raise MeFault(3)  # as on the USB port

    def _qntp(self, command: Command) -> Reply:
        """The time is UTC, though the zone stands behind it (log of an EG800K)."""
        if command.op == "test":
            return Reply(["+QNTP: (1-16),<server>,(1-65535),(0,1)"])
        if command.op == "read":
            return Reply()
        if not self.ue.registered:
            raise MeFault(3)

        def answered() -> None:
            utc, zone = self.network.utc(), self.network.config.policy.utc_offset_quarters
            self.standard.set_clock(utc, zone)
            self.urc(f'+QNTP: 0,"{utc:%Y/%m/%d,%H:%M:%S}{zone:+03}"')

        return Reply(after=lambda: self.later(0.5, answered))

    def _qpinc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+QPINC: ("SC","P2")'])
        kinds = [command.string(0, 2).upper()] if command.op == "set" else ["SC", "P2"]
        return Reply([f'+QPINC: "{kind}",{self.sim.pin_tries},{self.sim.puk_tries}' for kind in kinds])

    def _qadc(self, command: Command) -> Reply:
        return Reply(["+QADC: (0,1)" if command.op == "test" else "+QADC: 1,900"])
