"""The short message service centre: what devices have sent, and what waits for a device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cellkit.bench.clock import Clock
from cellkit.bench.log import EventLog

_AGAIN_S = 2.0  # between tries to reach a device


@dataclass(frozen=True)
class Sms:
    """A message; `number` is the other party's."""

    number: str
    text: str


class SmsCentre:
    """One for a network. `submitted`: what devices have sent, in order; `send`: what they are to get."""

    def __init__(self, clock: Clock, log: EventLog) -> None:
        self.submitted: list[Sms] = []
        self._clock = clock
        self._log = log
        self._waiting: deque[Sms] = deque()
        self._device: Callable[[Sms, Callable[[bool], object]], object] | None = None
        self._trying = False

    def submit(self, sms: Sms) -> None:
        """A device has sent a message."""
        self._log.emit("net", "sms", way="up", characters=len(sms.text))
        self.submitted.append(sms)

    def send(self, number: str, text: str) -> None:
        """Have `number` send a message to the device; it waits until the device can be reached."""
        self._waiting.append(Sms(number, text))
        self._try()

    def attach(self, device: Callable[[Sms, Callable[[bool], object]], object]) -> None:
        """`device(sms, done)` tries to bring a message to the device, and says whether it has come."""
        self._device = device
        self._try()

    def _try(self) -> None:
        if self._trying or not self._waiting or self._device is None:
            return
        self._trying = True
        self._device(self._waiting[0], self._tried)

    def _tried(self, ok: bool) -> None:
        if ok:
            sms = self._waiting.popleft()
            self._log.emit("net", "sms", way="down", characters=len(sms.text))
        self._clock.call_later(0.0 if ok else _AGAIN_S, self._next)

    def _next(self) -> None:
        self._trying = False
        self._try()
