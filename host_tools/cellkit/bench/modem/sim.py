"""The card in the slot: its identity and its PIN."""

from __future__ import annotations

from cellkit.bench.modem.config import SimConfig
from cellkit.bench.modem.v250 import MeFault

_NOT_INSERTED, _PIN_REQUIRED, _PUK_REQUIRED, _WRONG_PASSWORD, _NOT_ALLOWED = 10, 11, 12, 16, 3
_PIN_TRIES = 3


class Sim:
    """A USIM. Its PIN has to be entered after every power-up; wrong ones are counted on the card and outlive it."""

    def __init__(self, config: SimConfig) -> None:
        self._config = config
        self.present = config.present
        self.pin_tries = config.pin_tries
        self.puk_tries = config.puk_tries
        self._pin = config.pin
        self._verified = False

    def power_up(self) -> None:
        """The card is reset: its PIN is asked for again."""
        self._verified = False

    def lock(self, pin: str) -> None:
        """Turn the PIN on, as with another card in the slot; takes effect at the next power-up."""
        self._pin = pin

    @property
    def locks(self) -> bool:
        """Whether the card asks for a PIN after each power-up."""
        return self._pin is not None

    def set_lock(self, on: bool, pin: str) -> None:
        """Turn the PIN on (with `pin`, which a card without one takes for its own here) or off. Raises MeFault."""
        self.require_ready()
        if self._pin is not None and pin != self._pin:
            raise MeFault(_WRONG_PASSWORD)
        self._pin = pin if on else None
        self._verified = True

    @property
    def state(self) -> str:
        """Text of +CPIN. Raises MeFault(10) without a card."""
        if not self.present:
            raise MeFault(_NOT_INSERTED)
        if self._pin is None or self._verified:
            return "READY"
        return "SIM PIN" if self.pin_tries else "SIM PUK"

    @property
    def ready(self) -> bool:
        """Whether there is a card and it may be used."""
        return self.present and self.state == "READY"

    def require_ready(self) -> None:
        """Raises the fault that a command gets when the card is not usable."""
        state = self.state
        if state != "READY":
            raise MeFault(_PIN_REQUIRED if state == "SIM PIN" else _PUK_REQUIRED)

    @property
    def imsi(self) -> str:
        """The subscriber's identity. Raises MeFault while the card is locked or absent."""
        self.require_ready()
        return self._config.imsi

    @property
    def iccid(self) -> str:
        """The card's number, readable while locked. Raises MeFault without a card."""
        if not self.present:
            raise MeFault(_NOT_INSERTED)
        return self._config.iccid

    def enter(self, code: str, new_pin: str | None) -> None:
        """A PIN, or a PUK with a new PIN. Raises MeFault; a wrong one costs a try."""
        state = self.state
        if state == "READY":
            raise MeFault(_NOT_ALLOWED)
        if state == "SIM PIN":
            if code != self._pin:
                self.pin_tries -= 1
                raise MeFault(_WRONG_PASSWORD if self.pin_tries else _PUK_REQUIRED)
        else:
            if new_pin is None or not self.puk_tries:
                raise MeFault(_PUK_REQUIRED)
            if code != self._config.puk:
                self.puk_tries -= 1
                raise MeFault(_WRONG_PASSWORD)
            self._pin = new_pin
            self.puk_tries = self._config.puk_tries
        self.pin_tries = _PIN_TRIES
        self._verified = True
