"""Quectel Cat.1: EC200U, EC800M, EG800K, EG915U and the EC2x line. Sources: TCP/IP note of EC200U, EG800Q AT manual,
reports on an EG800K with their logs, EC25 logs."""

from __future__ import annotations

from cellkit.bench.modem.families._quectel.base import QuectelModem
from cellkit.bench.modem.families.quectel_cat1.ftp import FtpCommands
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.recipes import ALWAYS_AWAKE
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

_NOT_NOW = 100


class _Standard(Standard):
    """Registration modes 0 to 2 only; contexts and drift."""

    def registration_modes(self, name: str) -> str:
        return "(0-2)"

    def cgact(self, command: Command) -> Reply:
        drift = self.modem.settings.ram["drift"]
        if drift is None:
            return super().cgact(command)
        if command.op == "read":
            return Reply([self.line("+CGACT", self.modem.cid, 0), self.line("+CGACT", drift, 1)])
        if command.op == "set" and command.integer(0, 0, 1) and command.integer(1, 0, 16, default=1) != drift:
            raise MeFault(_NOT_NOW)  # the network allows one bearer
        self.modem.settings.ram["drift"] = None
        return Reply()


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
    lasting = {"urcport": "uart1"}
    volatile = {"QSCLK": 0, "drift": None}
    recipe = ALWAYS_AWAKE
    error_texts = {3: "operation not allowed", 516: "DSAT_CME_GNSS_NO_FIX"}
    whole = frozenset({"+QMTPUBEX", "+QMTPUB"})

    def make_standard(self) -> Standard:
        """Registration modes and clock."""
        return _Standard(self)

    def commands(self) -> dict[str, Handler]:
        """Voice, speech, FTP and what is EC2x only."""
        self.ftp = FtpCommands(self)
        return {
            **super().commands(), **self.ftp.handlers(),
            "D": self._dial, "A": lambda command: Reply(after=lambda: self._call(4)), "H": self._hang_up,
            "O": lambda command: Reply(final="NO CARRIER"), "+CPAS": self._cpas, "+CMUX": self._cmux,
            "+QWTTS": self._speech, "+QTTS": self._speech, "+QTTSETUP": self._qttsetup, "+QGPSDEL": self._qgpsdel,
            "+CTZU": self._ctzu, "+CLIP": lambda command: Reply(), "+CRC": lambda command: Reply(),
            "+CSCON": None, "+CEDRXRDP": None,  # type: ignore[dict-item]
        }  # fmt: skip

    def urcs_here(self) -> bool:
        """`urcport`: this port is the UART; the factory's `usbat` is another."""
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

    # Voice

    def _call(self, state: int) -> None:
        self.settings.ram["call"] = state

    def ring(self, number: str = "+15550001111") -> None:
        """Somebody calls."""
        self._call(3)
        self.urc("+CRING: VOICE")
        self.urc(f'+CLIP: "{number}",145,"",0,,0')

    def _dial(self, command: Command) -> Reply | None:
        if not self.ue.registered:
            raise SyntaxFault
        number = command.raw.rstrip(";")
        self._call(4)
        self.later(3.6, self.complete, Reply(after=lambda: self.urc(f'+COLP: "{number}",129,,,')))
        return None

    def _hang_up(self, command: Command) -> Reply:
        self._call(0)
        return Reply()

    def _cpas(self, command: Command) -> Reply:
        return Reply([f"+CPAS: {self.settings.ram.get('call', 0)}"])

    def _cmux(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMUX: (0),(0-2),(1-8),(1-32768),(1-255),(0-100),(2-255),(1-255),(1-7)"])
        raise MeFault(3)  # as on the USB port

    # Speech

    def _speech(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"{command.name}: (0-2),<text>"])
        if command.op == "read":
            return Reply([f"{command.name}: 0"])
        if len(command.args) < 2:
            return Reply()
        text = command.args[-1].text
        return Reply(after=lambda: self.later(0.5 + 0.1 * len(text), self.urc, f"{command.name}: 0"))

    def _qttsetup(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QTTSETUP: (1,2),(1,2),(-32768~32767)"])
        return Reply()

    # The rest

    def _qgpsdel(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QGPSDEL: (0-2)"])
        return Reply(final="+CME ERROR: DSAT_CME_GNSS_INVALID_PARA")  # every value fails (log of an EG800K)

    def _ctzu(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTZU: (0,1,3)"])
        return self.standard.number(command, "CTZU", 0, 3)

    def drift(self, cid: int = 9) -> None:
        """The network has moved the bearer to a context of its own; QIACT still claims the old one."""
        self.settings.ram["drift"] = cid
