"""Short messages by TS 27.005: text mode and PDU mode over the engine's store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.sms import STATES, Message, SmsStore
from cellkit.bench.modem.engines.smspdu import PduError
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.plain import PlainModem

_LONGEST = 1600
_NO_INDEX, _FULL = "+CMS ERROR: 321", "+CMS ERROR: 322"
# TS 27.005, CMGD: read; read and sent; read, sent and unsent; all.
_DELETED: dict[int, tuple[str, ...]] = {
    1: ("REC READ",), 2: ("REC READ", "STO SENT"), 3: ("REC READ", "STO SENT", "STO UNSENT"), 4: STATES,
}  # fmt: skip


class SmsCommands:
    """Handlers bound to one modem. `settings` are in RAM, as most modules have them until AT&W."""

    def __init__(self, modem: PlainModem) -> None:
        self._modem = modem
        self._store: SmsStore | None = None
        self.text_mode = False
        self.details = False
        self.service = 0
        self.unacknowledged = False  # a +CMT of service 1 waits for +CNMA
        self.indication = (2, 1)

    @property
    def store(self) -> SmsStore:
        """Made at its first use: the modem is not complete before."""
        if self._store is None:
            self._store = SmsStore(self._modem)
            self._store.on_message = self.came
        return self._store

    def connect(self) -> None:
        """From now on the network's messages come to this module."""
        _ = self.store

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CMGF": self._cmgf, "+CSCS": self._cscs, "+CNMI": self._cnmi, "+CMGS": self._cmgs, "+CMGR": self._cmgr,
            "+CMGL": self._cmgl, "+CMGD": self._cmgd, "+CPMS": self._cpms, "+CSCA": self._csca, "+CSMS": self._csms,
            "+CMGW": self._cmgw, "+CMSS": self._cmss,
            "+CSDH": self._csdh, "+CNMA": self._cnma, "+CSMP": lambda command: Reply(),
        }  # fmt: skip

    def line(self, name: str, *fields: object) -> str:
        """In the family's form."""
        return self._modem.standard.line(name, *fields)

    def _cmgf(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CMGF", "(0,1)")])
        if command.op == "read":
            return Reply([self.line("+CMGF", int(self.text_mode))])
        self.text_mode = bool(command.integer(0, 0, 1))
        return Reply()

    def _cscs(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CSCS", '("GSM","IRA","UCS2")')])
        return Reply([self.line("+CSCS", '"IRA"')]) if command.op == "read" else Reply()

    def _cnmi(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CNMI", "(0-3)", "(0-3)", "(0,2)", "(0,1)", "(0,1)")])
        if command.op == "read":
            return Reply([self.line("+CNMI", *self.indication, 0, 0, 0)])
        self.indication = (command.integer(0, 0, 3, default=0), command.integer(1, 0, 3, default=0))
        return Reply()

    def _csdh(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([self.line("+CSDH", int(self.details))])
        self.details = bool(command.integer(0, 0, 1))
        return Reply()

    def _csms(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([self.line("+CSMS", self.service, 1, 1, 1)])
        self.service = command.integer(0, 0, 1)
        return Reply([self.line("+CSMS", 1, 1, 1)])

    def _cnma(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CNMA", "(0-2)")])
        if not self.unacknowledged:
            return Reply(final="+CMS ERROR: 340")
        self.unacknowledged = False
        return Reply()

    def _csca(self, command: Command) -> Reply:
        return Reply([self.line("+CSCA", f'"{self.store.centre}"', 145)]) if command.op == "read" else Reply()

    def _cpms(self, command: Command) -> Reply:
        used, places = len(self.store.messages), self.store.places
        if command.op == "test":
            return Reply([self.line("+CPMS", '("SM","ME")', '("SM","ME")', '("SM","ME")')])
        if command.op == "read":
            return Reply([self.line("+CPMS", *(item for _ in range(3) for item in ('"SM"', used, places)))])
        return Reply([self.line("+CPMS", *(item for _ in range(3) for item in (used, places)))])

    def _cmgs(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op != "set" or not command.args:
            raise SyntaxFault
        self._modem.sim.require_ready()
        number = command.string(0, 24)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            text = data.decode("latin-1")
            if self.text_mode:
                self.store.submit(number, text, self._sent)
            else:
                self._typed_pdu(text)

        return Reply(prompt=DataMode(None, _LONGEST, typed))

    def _cmgw(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        number = command.string(0, 24, default="")

        def typed(data: bytes | None) -> None:
            index = None if data is None else self.store.write(number, data.decode("latin-1"))
            if data is None:
                self._modem.complete(Reply())
            elif index is None:
                self._modem.complete(Reply(final=_FULL))
            else:
                self._modem.complete(Reply([self.line("+CMGW", index)]))

        return Reply(prompt=DataMode(None, _LONGEST, typed))

    def _cmss(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        message = self.store.messages.get(command.integer(0, 0, 255))
        if message is None or not message.state.startswith("STO"):
            return Reply(final=_NO_INDEX)

        def sent(reference: int | None) -> None:
            if reference is not None:
                message.state = "STO SENT"
            self._sent(reference, "+CMSS")

        self.store.submit(command.string(1, 24, default=message.number), message.text, sent)
        return None

    def _typed_pdu(self, text: str) -> None:
        try:
            self.store.submit_pdu(bytes.fromhex(text.strip()), self._sent)
        except (ValueError, PduError):
            self._modem.complete(Reply(final="+CMS ERROR: 304"))  # TS 27.005: invalid PDU mode parameter

    def _sent(self, reference: int | None, name: str = "+CMGS") -> None:
        if reference is None:
            self._modem.complete(Reply(final="+CMS ERROR: 500"))
        else:
            self._modem.complete(Reply([self.line(name, reference)]))

    def _header(self, message: Message) -> list[object]:
        local = message.time + timedelta(minutes=15 * message.quarters)
        stamp = f'"{local:%y/%m/%d,%H:%M:%S}{message.quarters:+03}"'
        more = [145, 4, 0, 0, f'"{self.store.centre}"', 145, len(message.text)] if self.details else []
        number = f'"{message.number}"'
        return [number, None, stamp, *more] if message.state.startswith("REC") else [number, None, None, *more]

    def _shown(self, name: str, message: Message, *before: object) -> list[str]:
        if self.text_mode:
            return [self.line(name, *before, f'"{message.state}"', *self._header(message)), message.text]
        pdu, length = message.pdu()
        return [self.line(name, *before, STATES.index(message.state), None, length), pdu.hex().upper()]

    def _cmgr(self, command: Command) -> Reply:
        message = self.store.messages.get(command.integer(0, 0, 255))
        if message is None:
            return Reply(final=_NO_INDEX)
        lines = self._shown("+CMGR", message)
        if message.state == "REC UNREAD":
            message.state = "REC READ"
        return Reply(lines)

    def _cmgl(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        wanted = command.string(0, 12, default="ALL").upper() if self.text_mode else str(command.integer(0, 0, 4))
        lines: list[str] = []
        for index, message in sorted(self.store.messages.items()):
            if wanted in ("ALL", "4", message.state, str(STATES.index(message.state))):
                lines += self._shown("+CMGL", message, index)
        return Reply(lines)

    def _cmgd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([self.line("+CMGD", f"(0-{self.store.places})", "(0-4)")])
        index, how = command.integer(0, 0, 255), command.integer(1, 0, 4, default=0)
        doomed = _DELETED[how] if how else ()
        for at in [at for at, message in self.store.messages.items() if message.state in doomed]:
            self.store.delete(at)
        if how == 0:
            self.store.delete(index)
        return Reply()

    def came(self, message: Message) -> bool:
        """A message has come: stored and told of, or shown at once, as CNMI says."""
        if self.indication[1] == 2:
            self.unacknowledged = self.service == 1
            header = self._header(message)
            if self.text_mode:
                self._modem.urc("\r\n".join([self.line("+CMT", *header), message.text]))
            else:
                pdu, length = message.pdu()
                self._modem.urc("\r\n".join([self.line("+CMT", None, length), pdu.hex().upper()]))
            return True
        index = self.store.add(message)
        if index is None:
            return False
        if self.indication[1] == 1:
            self._modem.urc(self.line("+CMTI", '"SM"', index))
        return True
