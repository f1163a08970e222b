"""Calls, speech and sound. Sources: EC25 logs, EC2x AT manual chapter 12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.standard_dial import DialCommands
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_cat1 import Module

_ANSWERED_S = 3.6  # log of an EC25: ATD is blocked until the other side answers
_TEST_TONE = 49
_NOTED = {
    "+CLIP": Noted("0,1", "(0,1)"), "+CRC": Noted("0", "(0,1)"), "+COLP": Noted("0,0", "(0,1)"),
    "+CLIR": Noted("0,4"),
    "+CLVL": Noted("3", "(0-5)"), "+CMUT": Noted("0", "(0,1)"), "+CRSL": Noted("3", "(0-7)"),
    "+CVHU": Noted("0", "(0,1)"),
    "+CCWA": Noted("0", "(0,1)"), "+CCFC": Noted(None), "+CSTA": Noted("129"), "+CUSD": Noted("0", "(0-2)"),
    "+QDAI": Noted("1,0,0,4,0,0,1,1"), "+QMIC": Noted("57344,57344"),
    "+QRXGAIN": Noted("20577"), "+QSIDET": Noted("80"),
    "+QAUDMOD": Noted("0", "(0-3)"), "+QAUDLOOP": Noted("0", "(0,1)"), "+QTONEDET": Noted("0", "(0,1)"),
    "+QLDTMF": Noted(None), "+VTS": Noted(None, "(0-9,A-D,*,#),(1-255)"), "+VTD": Noted("3", "(0-255)"),
    "+QTTSETUP": Noted(None, "(1,2),(1,2),(-32768~32767)"), }  # fmt: skip


class VoiceCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._dial = DialCommands(modem)
        self._state = 0
        self._number = ""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **noted_handlers(self._modem, _NOTED),
            "D": self._dials, "A": self._answer, "H": self._hang_up, "+CHUP": self._hang_up, "O": self._back,
            "+CPAS": lambda command: Reply(["+CPAS: (0,3,4)" if command.op == "test" else f"+CPAS: {self._state}"]),
            "+CLCC": self._clcc, "+QWTTS": self._speech, "+QTTS": self._speech, "+QPSND": self._sound,
            "+QAUDPLAY": self._sound, "+QAUDSTOP": lambda command: Reply(), "+QAUDRD": self._record,
        }  # fmt: skip

    def ring(self, number: str = "+15550001111") -> None:
        """Somebody calls."""
        self._state, self._number = 3, number
        self._modem.urc("+CRING: VOICE")
        self._modem.urc(f'+CLIP: "{number}",145,"",0,,0')

    def detected(self, code: int = _TEST_TONE) -> None:
        """The far end has pressed a key."""
        self._modem.urc(f"+QTONEDET: {code}")

    def _dials(self, command: Command) -> Reply | None:
        """`ims` 0 on a network with LTE alone: ERROR at once (log)."""
        modem = self._modem
        if not command.raw.endswith(";"):
            return self._dial.handlers()["D"](command)
        if not modem.ue.registered or modem.queries.qcfg.get("ims", "").startswith("0,0"):
            raise SyntaxFault
        self._state, self._number = 4, command.raw.rstrip(";")
        told = f'+COLP: "{self._number}",129,,,'
        modem.later(_ANSWERED_S, modem.complete, Reply(after=lambda: modem.urc(told)))
        return None

    def _answer(self, command: Command) -> Reply:
        if self._state != 3:
            return Reply(final="NO CARRIER")
        self._state = 4
        return Reply()

    def _hang_up(self, command: Command) -> Reply | None:
        self._state = 0
        return self._dial.handlers()["H"](command) if command.name == "H" else Reply()

    def _back(self, command: Command) -> Reply | None:
        reply = self._modem.sockets_part.back()
        return reply if reply.final == "CONNECT" else self._dial.handlers()["O"](command)

    def _clcc(self, command: Command) -> Reply:
        """Contexts are calls of mode 1."""
        lines = ['+CLCC: 1,0,0,1,0,"",128'] if self._modem.ue.grant.ip else []
        if self._state:
            way, state = (1, 4) if self._state == 3 else (0, 0)
            lines.append(f'+CLCC: {len(lines) + 1},{way},{state},0,0,"{self._number}",129')
        return Reply(lines) if command.op == "action" else Reply()

    def _speech(self, command: Command) -> Reply:
        name, modem = command.name, self._modem
        if command.op == "test":
            return Reply([f"{name}: (0-2),<text>"])
        if command.op == "read":
            return Reply([f"{name}: 0"])
        if len(command.args) < 2:
            return Reply()
        text = command.args[-1].text
        return Reply(after=lambda: modem.later(0.5 + 0.1 * len(text), modem.urc, f"{name}: 0"))

    def _sound(self, command: Command) -> Reply:
        """A file: the end is told."""
        if command.op != "set":
            return Reply([f"{command.name}: (0,1),<file>,(0,1)"] if command.op == "test" else [])
        told = "+QAUDPIND: 0,0" if command.name == "+QAUDPLAY" else f"{command.name}: 0"
        starts = command.args[0].text != "0"
        return Reply(after=lambda: self._modem.later(2.0, self._modem.urc, told) if starts else None)

    def _record(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply(["+QAUDRD: 0"])
        if command.op == "test":
            return Reply(["+QAUDRD: (0,1),<file>,(3,13,14),(0,1)"])
        ends = command.integer(0, 0, 1) == 0
        return Reply(after=lambda: self._modem.later(0.2, self._modem.urc, "+QAUDRIND: 0,1024") if ends else None)
