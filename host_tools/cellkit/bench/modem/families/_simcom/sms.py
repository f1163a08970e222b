"""Short messages as SIMCom prints them. Sources: A76XX SMS application note V3.00, SIM7080 AT manual V1.05."""

from __future__ import annotations

from datetime import timedelta

from cellkit.bench.modem.engines.sms import STATES, Message
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.standard_sms import SmsCommands
from cellkit.bench.modem.v250 import Command, SyntaxFault

_NO_MESSAGE = "+CMS ERROR: 321"


class SimcomSms(SmsCommands):
    """With drafts, reading that deletes, and details of the vendor's own order."""

    scts_first = False
    """+CMGR with details has the time before the name (A76xx note)."""

    def handlers(self) -> dict[str, Handler]:
        """Those of the standard and a few more."""
        return {
            **super().handlers(), "+CMSS": self._cmss, "+CMGW": self._cmgw, "+CMGRD": self._cmgrd, "+CMGD": self._cmgd_,
            "+CSMP": self._csmp, "+CMGDA": self._cmgda,
        }  # fmt: skip

    def _stamp(self, message: Message) -> str:
        local = message.time + timedelta(minutes=15 * message.quarters)
        return f'"{local:%y/%m/%d,%H:%M:%S}{message.quarters:+03}"'

    def _shown(self, name: str, message: Message, *before: object) -> list[str]:
        if not self.text_mode or not self.details:
            return super()._shown(name, message, *before)
        state, number = f'"{message.state}"', f'"{message.number}"'
        received = message.state.startswith("REC")
        stamp = self._stamp(message) if received else None
        if name == "+CMGL":
            fields: list[object] = [number, None, stamp, 145, len(message.text)]
        elif self.scts_first:
            fields = [number, stamp, None, 129, len(message.text)] if received else [number, None, 145, 17, 0, 0, 167]
        else:
            return super()._shown(name, message, *before)
        return [self.line(name, *before, state, *fields), message.text]

    def _cmss(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        message = self.store.messages.get(command.integer(0, 0, 255))
        if message is None:
            return Reply(final=_NO_MESSAGE)
        number = command.string(1, 24, default=message.number)
        self.store.submit(number, message.text, self._stored_sent)
        return None

    def _stored_sent(self, reference: int | None) -> None:
        done = Reply(final="+CMS ERROR: 500") if reference is None else Reply([self.line("+CMSS", reference)])
        self._modem.complete(done)

    def _cmgw(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        number = command.string(0, 24, default="")

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            index = self.store.write(number, data.decode("latin-1"))
            self._modem.complete(
                Reply(final="+CMS ERROR: 322") if index is None else Reply([self.line("+CMGW", index)])
            )

        return Reply(prompt=DataMode(None, 1600, typed))

    def _cmgrd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        index = command.integer(0, 0, 255)
        message = self.store.messages.pop(index, None)
        return Reply(final=_NO_MESSAGE) if message is None else Reply(self._shown("+CMGRD", message))

    def _cmgd_(self, command: Command) -> Reply:
        if command.op == "test":
            used = ",".join(str(index) for index in sorted(self.store.messages))
            return Reply([self.line("+CMGD", f"({used})", "(0-4)")])
        index, how = command.integer(0, 0, 255), command.integer(1, 0, 4, default=0)
        if how == 0:
            self.store.messages.pop(index, None)
            return Reply()
        kept = {1: ("REC UNREAD", "STO UNSENT", "STO SENT"), 2: ("REC UNREAD", "STO UNSENT"), 3: ("REC UNREAD",), 4: ()}
        for at, message in list(self.store.messages.items()):
            if message.state not in kept[how]:
                del self.store.messages[at]
        return Reply()

    def _cmgda(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CMGDA: ("DEL READ","DEL UNREAD","DEL SENT","DEL UNSENT","DEL INBOX","DEL ALL")'])
        what = command.string(0, 12)
        states = {"READ": STATES[1:2], "UNREAD": STATES[:1], "SENT": STATES[3:], "UNSENT": STATES[2:3],
                  "INBOX": STATES[:2], "ALL": STATES}.get(what.removeprefix("DEL "))  # fmt: skip
        if states is None:
            raise SyntaxFault
        for at, message in list(self.store.messages.items()):
            if message.state in states:
                del self.store.messages[at]
        return Reply()

    def _csmp(self, command: Command) -> Reply:
        return Reply([self.line("+CSMP", 17, 167, 0, 0)]) if command.op == "read" else Reply()
