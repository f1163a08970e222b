"""Standard commands as this line has them. Sources: EG800Q AT manual V1.1, reports on an EG800K."""

from __future__ import annotations

from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

_NOT_NOW = 100
_PROFILE = (
    "&C: 1", "&D: 2", "&F: 0", "E: 1", "Q: 0", "V: 1", "X: 4", "Z: 0", "S0: 0", "S3: 13", "S4: 10", "S5: 8", "S6: 2",
    "S7: 0", "S8: 2", "S10: 15",
)  # fmt: skip
_LONGEST = 1600


class Forms(Standard):
    """Registration modes 0 to 2; contexts, and a bearer that has moved away."""

    function_levels = (0, 1, 4)

    def handlers(self) -> dict[str, Handler]:
        """With the list of settings."""
        return {
            **super().handlers(),
            "&V": self._profile, "+CTZU": self._ctzu,
        }  # fmt: skip

    def _profile(self, command: Command) -> Reply:
        echo = f"E: {self.modem.settings.nvram['E']}"
        return Reply([echo if line.startswith("E:") else line for line in _PROFILE])

    def registration_modes(self, name: str) -> str:
        """No causes, no timers."""
        return "(0-2)"

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        """With the four numbers behind the address."""
        shown = ip if cid == self.modem.cid and ip else "0.0.0.0"
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown}"', 0, 0, 0, 0)

    def cgact(self, command: Command) -> Reply:
        """The network allows one bearer: another is refused while it is elsewhere."""
        drift = self.modem.settings.ram["drift"]
        if drift is None:
            return super().cgact(command)
        if command.op == "read":
            return Reply([self.line("+CGACT", self.modem.cid, 0), self.line("+CGACT", drift, 1)])
        if command.op == "set" and command.integer(0, 0, 1) and command.integer(1, 0, 16, default=1) != drift:
            raise MeFault(_NOT_NOW)
        self.modem.settings.ram["drift"] = None
        return Reply()

    def _ctzu(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTZU: (0,1,3)"])
        return self.number(command, "CTZU", 0, 3)


class Messages(SmsCommands):
    """QCMGS and QCMGR for messages in parts; CSMP and CMMS are kept."""

    def handlers(self) -> dict[str, Handler]:
        """With those."""
        return {**super().handlers(), "+QCMGS": self._qcmgs, "+QCMGR": self._qcmgr}

    def _qcmgs(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QCMGS: (0-255),(0-255),(0-255)"])
        number = command.string(0, 24)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
            else:
                self.store.submit(number, data.decode("latin-1"), lambda reference: self._sent(reference, "+QCMGS"))

        return Reply(prompt=DataMode(None, _LONGEST, typed))

    def _qcmgr(self, command: Command) -> Reply:
        message = self.store.messages.get(command.integer(0, 0, 255))
        if message is None:
            raise SyntaxFault
        lines = self._shown("+QCMGR", message)
        message.state = "REC READ" if message.state == "REC UNREAD" else message.state
        return Reply([lines[0] + ",120,1,2", *lines[1:]] if self.text_mode else lines)
