"""The virtual MCU's hardware as a register model: pins, ADC, RTC memory, and the control lines that reach it.

No I/O and no clock: what a line of the unix board's `machine` asks is answered here; what it means for the process is
the owner's business (`bench.mcu`). The lines are documented in boards/unix/README.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

# Constants of `machine` on the other side of the line.
_OUT = 3
_OPEN_DRAIN = 7
_PULL_UP = 2
_RISING = 1
_FALLING = 2
_WAKE_DEEPSLEEP = 4
RTC_BYTES = 2048
_RTC_START_S = 946684800  # 2000-01-01: what the clock of a chip shows after power-on, until somebody sets it


class ResetCause(IntEnum):
    """machine.reset_cause()"""

    POWER_ON = 1
    HARD = 2
    WDT = 3
    DEEPSLEEP = 4


class WakeReason(IntEnum):
    """machine.wake_reason()"""

    NONE = 0
    PIN = 2
    TIMER = 4


class ChipError(Exception):
    """A control line that makes no sense; the text goes back to the firmware."""


class Owner(Protocol):
    """What the chip asks of the one that runs the process."""

    def pin_driven(self, name: str, value: int) -> None:
        """An output changed its level."""

    def uart_opened(self, uart: str, baud: int, frame: str) -> str:
        """Returns the path of the tty."""

    def uart_closed(self, uart: str) -> None:
        """The UART is switched off."""

    def send_irq(self, name: str, value: int) -> None:
        """An armed edge came."""

    def watchdog(self, timeout_s: float | None) -> None:
        """Started with a time, fed with None."""

    def asleep(self, on: bool) -> None:
        """Light sleep begins or ends."""

    def reset_wanted(self) -> None:
        """machine.reset()"""

    def deepsleep_wanted(self, duration_s: float | None) -> None:
        """machine.deepsleep(); None: without end."""

    def wake_wanted(self) -> None:
        """An edge that may end deep sleep."""


@dataclass
class _Pin:
    mode: int = 0
    pull: int = 0
    driven: int = 0
    outside: int | None = None
    trigger: int = 0
    wake: int = 0

    def level(self) -> int:
        if self.mode == _OUT or (self.mode == _OPEN_DRAIN and not self.driven):
            return self.driven
        if self.outside is not None:
            return self.outside
        return 1 if self.pull == _PULL_UP else 0

    def output(self) -> int:
        """What the pin does to the outside: only a pushing output makes it high."""
        return self.driven if self.mode == _OUT else 0


@dataclass
class _Counter:
    pin: str
    offset: int  # value less pulses of the pin so far


class Chip:
    """The hardware of one MCU. `unique_id`: hexadecimal; `now`: the bench's time in seconds; `rtc_drift_ppm`: how much
    the crystal of its RTC runs fast (negative: slow).
    """

    def __init__(self, owner: Owner, unique_id: str, now: Callable[[], float], rtc_drift_ppm: float = 0.0) -> None:
        self._owner = owner
        self._unique_id = unique_id
        self._now = now
        self._rtc_rate = 1 + rtc_drift_ppm * 1e-6
        self._rtc_set_s = float(_RTC_START_S)
        self._rtc_since_s = now()
        self._pins: dict[str, _Pin] = {}
        self._adc_mv: dict[str, int] = {}
        self._counters: dict[str, _Counter] = {}
        self._edges: dict[str, int] = {}  # rising, by pin
        self._flows: dict[str, Callable[[], int]] = {}  # pulses that come without an edge of their own
        self._wake_pins: set[str] = set()
        self.rtc_memory = b""
        self.cause = ResetCause.POWER_ON
        self.reason = WakeReason.NONE
        self._commands: dict[str, tuple[int, Callable[..., object]]] = {
            "CAUSE": (0, lambda: f"{self.cause:d} {self.reason:d}"),
            "UID": (0, lambda: self._unique_id),
            "MODE": (4, self._mode),
            "GET": (1, lambda name: self._pin(name).level()),
            "SET": (2, self._set),
            "IRQ": (3, self._irq),
            "ADC": (1, lambda name: self._adc_mv.get(name, 0)),
            "COUNTER": (2, self._counter_on),
            "COUNTEROFF": (1, self._counter_off),
            "COUNT": (1, self._count),
            "COUNTSET": (2, self._count_set),
            "RTC": (0, lambda: self.rtc_memory.hex()),
            "RTCSET": (1, self._rtc_set),
            "TIME": (0, lambda: int(self.rtc_s())),
            "SETTIME": (1, lambda seconds: self._set_time(int(seconds))),
            "WDT": (1, lambda ms: owner.watchdog(int(ms) / 1000)),
            "FEED": (0, lambda: owner.watchdog(None)),
            "LIGHTSLEEP": (0, lambda: owner.asleep(True)),
            "AWAKE": (0, lambda: owner.asleep(False)),
            "RESET": (0, owner.reset_wanted),
            "DEEPSLEEP": (1, lambda ms: owner.deepsleep_wanted(int(ms) / 1000 if int(ms) >= 0 else None)),
            "UART": (3, lambda uart, baud, frame: owner.uart_opened(uart, int(baud), frame)),
            "UARTOFF": (1, owner.uart_closed),
        }

    # --- the firmware's side ------------------------------------------------------------------------------------------

    def answer(self, line: str) -> str:
        """The answer to one control line, without line end."""
        word, *args = line.split()
        count, command = self._commands.get(word, (-1, None))
        if command is None:
            return f"ERR no command {word}; known are {' '.join(sorted(self._commands))}"
        if len(args) != count:
            return f"ERR {word} takes {count} arguments, got {len(args)}"
        try:
            result = command(*args)
        except (ChipError, ValueError) as e:
            return f"ERR {e}"
        return "OK" if result is None else f"OK {result}"

    def _pin(self, name: str) -> _Pin:
        return self._pins.setdefault(name, _Pin())

    def _mode(self, name: str, mode: str, pull: str, value: str) -> None:
        pin = self._pin(name)
        before = pin.output()
        if int(mode) != -1:
            pin.mode = int(mode)
        if int(pull) != -1:
            pin.pull = int(pull)
        if int(value) != -1:
            pin.driven = int(value)
        self._tell(name, pin, before)

    def _set(self, name: str, value: str) -> None:
        pin = self._pin(name)
        if pin.mode not in (_OUT, _OPEN_DRAIN):
            raise ChipError(f"pin {name} is not an output; expected Pin({name!r}, Pin.OUT)")
        before = pin.output()
        pin.driven = int(value)
        self._tell(name, pin, before)

    def _tell(self, name: str, pin: _Pin, before: int) -> None:
        if pin.output() != before:
            self._owner.pin_driven(name, pin.output())

    def _irq(self, name: str, trigger: str, wake: str) -> None:
        pin = self._pin(name)
        pin.trigger, pin.wake = int(trigger), int(wake)

    def _pulses(self, pin: str) -> int:
        flow = self._flows.get(pin)
        return self._edges.get(pin, 0) + (flow() if flow is not None else 0)

    def _counter_on(self, counter: str, pin: str) -> None:
        self._counters[counter] = _Counter(pin, -self._pulses(pin))

    def _counter_off(self, counter: str) -> None:
        self._counters.pop(counter, None)

    def _count(self, counter: str) -> int:
        entry = self._counters.get(counter)
        if entry is None:
            raise ChipError(f"counter {counter} counts nothing; expected Counter({counter}, src=Pin(...))")
        return self._pulses(entry.pin) + entry.offset

    def _count_set(self, counter: str, value: str) -> None:
        change = int(value) - self._count(counter)
        self._counters[counter].offset += change

    def _rtc_set(self, text: str) -> None:
        data = bytes.fromhex(text.removeprefix("="))
        if len(data) > RTC_BYTES:
            raise ChipError(f"RTC memory holds {RTC_BYTES} bytes, got {len(data)}")
        self.rtc_memory = data

    def rtc_s(self) -> float:
        """What the RTC shows, in seconds since 1970."""
        return self._rtc_set_s + (self._now() - self._rtc_since_s) * self._rtc_rate

    def _set_time(self, seconds: int) -> None:
        self._rtc_set_s, self._rtc_since_s = float(seconds), self._now()

    # --- the world's side ---------------------------------------------------------------------------------------------

    def set_pin(self, name: str, value: int | None) -> None:
        """Drive pin `name` from outside: 0, 1, or None to let go. An armed edge interrupts or wakes."""
        pin = self._pin(name)
        before = pin.level()
        pin.outside = value
        after = pin.level()
        if after > before:
            self._edges[name] = self._edges.get(name, 0) + 1
        if after == before or not pin.trigger & (_RISING if after else _FALLING):
            return
        if name in self._wake_pins:
            self._owner.wake_wanted()
        else:
            self._owner.send_irq(name, after)

    def set_flow(self, name: str, pulses: Callable[[], int]) -> None:
        """`pulses()` have come at pin `name` up to now beside its edges: only a counter sees them."""
        self._flows[name] = pulses

    def set_adc_mv(self, name: str, level_mv: int) -> None:
        """The voltage at analogue input `name`."""
        self._adc_mv[name] = level_mv

    def output(self, name: str) -> int:
        """The level that the firmware drives on `name`; 0 when it does not."""
        return self._pin(name).output()

    def fall_asleep(self) -> None:
        """Deep sleep: outputs are let go, pins armed for it stay armed."""
        self._wake_pins = {name for name, pin in self._pins.items() if pin.wake & _WAKE_DEEPSLEEP}
        self._let_go(keep_armed=True)

    def restart(self, cause: ResetCause, reason: WakeReason = WakeReason.NONE) -> None:
        """A new start of the CPU: all pins are inputs again, RTC memory is lost only at power-on."""
        self.cause, self.reason = cause, reason
        self._wake_pins = set()
        self._let_go(keep_armed=False)
        if cause == ResetCause.POWER_ON:
            self.rtc_memory = b""
            self._counters.clear()
            self._set_time(_RTC_START_S)

    def _let_go(self, keep_armed: bool) -> None:
        for name, pin in self._pins.items():
            before = pin.output()
            pin.mode = pin.driven = 0
            if not keep_armed:
                pin.pull = pin.trigger = pin.wake = 0
            self._tell(name, pin, before)
