"""Short messages of a module: its memory, sending, and what comes in.

    store = SmsStore(modem, places=25)
    store.on_message = lambda message: ...        # +CMTI after store.add(message), or +CMT; False: no room, try later
    store.submit("+441632960000", "hello", lambda reference: ...)      # None: could not be sent
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cellkit.bench.modem.engines import smspdu
from cellkit.bench.modem.engines.host import Host
from cellkit.bench.sms import Sms

State = Literal["REC UNREAD", "REC READ", "STO UNSENT", "STO SENT"]
STATES: tuple[State, ...] = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT")
"""In the order of <stat> in PDU mode, TS 27.005."""

_BYTES = 180  # over the air, with the signalling around it (unverified)
CENTRE = "+441632960999"
"""The service centre's number (a number for fiction)."""


@dataclass
class Message:
    """One message in the memory, or on its way to it."""

    state: State
    number: str
    text: str
    time: datetime
    """UTC."""
    quarters: int = 0

    def pdu(self) -> tuple[bytes, int]:
        """As it is in PDU mode, with the service centre's address, and the length without that."""
        if self.state.startswith("STO"):
            return smspdu.encode_submit(self.number, self.text)
        return smspdu.encode_deliver(CENTRE, self.number, self.text, self.time, self.quarters)


class SmsStore:
    """Messages by index from `first`. They outlive resets, as on the card."""

    def __init__(self, modem: Host, places: int = 25, first: int = 0) -> None:
        self._modem = modem
        self.places = places
        self.first = first
        self.messages: dict[int, Message] = {}
        self.centre = CENTRE
        self._reference = 0
        self.on_message: Callable[[Message], bool] = lambda message: self.add(message) is not None
        """A message has come; returns whether it was taken, else it comes again later."""
        modem.network.sms.attach(self._deliver)

    def add(self, message: Message) -> int | None:
        """Store a message at the lowest free index; None if the memory is full."""
        for index in range(self.first, self.first + self.places):
            if index not in self.messages:
                self.messages[index] = message
                return index
        return None

    def write(self, number: str, text: str) -> int | None:
        """Store a message to be sent later (+CMGW)."""
        return self.add(Message("STO UNSENT", number, text, self._modem.network.utc()))

    def read(self, index: int) -> Message | None:
        """The message, which counts as read afterwards: look at `state` through `messages` first if it matters."""
        message = self.messages.get(index)
        if message is not None and message.state == "REC UNREAD":
            self.messages[index] = Message("REC READ", message.number, message.text, message.time, message.quarters)
        return message

    def listed(self, state: str = "ALL") -> list[tuple[int, Message]]:
        """Messages in a state, or all, by index; unread ones count as read afterwards, those returned do not."""
        found = [item for item in sorted(self.messages.items()) if state in ("ALL", item[1].state)]
        for index, _ in found:
            self.read(index)
        return found

    def delete(self, index: int) -> bool:
        """Remove a message; False if there is none."""
        return self.messages.pop(index, None) is not None

    def submit(self, number: str, text: str, done: Callable[[int | None], object]) -> None:
        """Send a message: `done(reference)` when the centre has it, `done(None)` if it cannot be reached."""

        def sent(ok: bool) -> None:
            if not ok or self._modem.network.blocked() is not None:
                done(None)
                return
            self._reference = (self._reference + 1) % 256
            self._modem.network.sms.submit(Sms(number, text))
            self._modem.later(self._modem.network.radio.network.core_s.value, done, self._reference)

        if self._modem.ue.registered:
            self._modem.ue.transmit(_BYTES, sent)
        else:
            self._modem.later(0.0, done, None)

    def submit_pdu(self, pdu: bytes, done: Callable[[int | None], object]) -> None:
        """As `submit`, of a PDU behind its service centre's address. Raises smspdu.PduError."""
        number, text = smspdu.decode_submit(pdu)
        self.submit(number, text, done)

    def _deliver(self, sms: Sms, done: Callable[[bool], object]) -> None:
        ue, network = self._modem.ue, self._modem.network

        def received(ok: bool) -> None:
            zone = network.config.policy.utc_offset_quarters
            message = Message("REC UNREAD", sms.number, sms.text, network.utc(), zone)
            done(ok and self.on_message(message))

        if ue.registered and not ue.psm and ue.covered:
            ue.connect(lambda ok: ue.receive(_BYTES, received) if ok else done(False))
        else:
            done(False)
