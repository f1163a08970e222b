"""What surrounds the device: button, cover, smoke, flow and battery, wired to its pins as a board.toml says."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from cellkit.bench.clock import Clock
from cellkit.bench.flow import Flow
from cellkit.bench.log import EventLog


class Mcu(Protocol):
    """The pins that the world drives."""

    def set_pin(self, name: str, value: int | None) -> None: ...

    def set_adc_mv(self, name: str, level_mv: int) -> None: ...

    def set_flow(self, name: str, pulses: Callable[[], int]) -> None: ...


class Modem(Protocol):
    """The module's lines."""

    def pin(self, name: str, level: int) -> None: ...

    def voltage(self, supply_mv: int) -> None: ...


class World:
    """Stimuli for one device; each stands in the log as `stimulus`."""

    def __init__(self, clock: Clock, log: EventLog, board_file: Path) -> None:
        self._clock = clock
        self._log = log
        self.board: dict[str, Any] = tomllib.loads(board_file.read_text(encoding="utf-8"))
        self._lines = {entry["pin"]: (name, entry["inverted"]) for name, entry in self.board["outputs"].items()}
        self._flows = {line: Flow(clock.now) for line in self.board["pulses"]}
        self._trains: dict[str, int] = {}  # of pulses as edges: which one is the present, by line
        self._mcu: Mcu | None = None
        self._modem: Modem | None = None

    def connect(self, mcu: Mcu, modem: Modem, smoke_mv: int, battery_mv: int) -> None:
        """Wire the board: lines at rest, contacts open, voltages as given."""
        self._mcu, self._modem = mcu, modem
        for line, inverted in self._lines.values():
            modem.pin(line.upper(), 1 if inverted else 0)
        for contact in self.board["inputs"]:
            self._contact(contact, False)
        for line, flow in self._flows.items():
            mcu.set_pin(self.board["pulses"][line]["pin"], 1)
            mcu.set_flow(self.board["pulses"][line]["pin"], flow.pulses)
        self._voltage("smoke", smoke_mv)
        self.battery(battery_mv)

    def press_button(self, hold_s: float = 0.2) -> None:
        """Press, and let go after `hold_s` seconds."""
        self._stimulus("button", hold_s=hold_s)
        self._contact("button", True)
        self._clock.call_later(hold_s, self._contact, "button", False)

    def tamper(self, on: bool) -> None:
        """Take the device off its base (True) or put it back."""
        self._stimulus("tamper", on=on)
        self._contact("tamper", on)

    def pulse(self, line: str = "forward", closed_s: float = 0.1) -> None:
        """One pulse of a meter: the contact of `line` (forward, reverse) closes for `closed_s` seconds."""
        self._stimulus("pulse", line=line)
        self._close(line, closed_s)

    def pulses(self, rate_per_hour: float, line: str = "forward", edges: bool = False) -> None:
        """From now on so many pulses an hour. They are a function of time that only a hardware counter of the MCU sees;
        with `edges` each is a contact that closes, for a board that counts them by interrupt.
        """
        self._stimulus("pulses", line=line, rate_per_hour=rate_per_hour, edges=edges)
        self._trains[line] = self._trains.get(line, 0) + 1
        self._flows[line].rate(0.0 if edges else rate_per_hour)
        if edges and rate_per_hour:
            self._clock.call_later(3600 / rate_per_hour, self._train, line, 3600 / rate_per_hour, self._trains[line])

    def flow_profile(self, rates_per_hour: Sequence[float], line: str = "forward") -> None:
        """From now on pulses as `rates_per_hour` says, an hour each, over and over: as `pulses` without `edges`."""
        self._stimulus("flow_profile", line=line, rates_per_hour=list(rates_per_hour))
        self._trains[line] = self._trains.get(line, 0) + 1
        self._flows[line].profile(rates_per_hour)

    def flowed(self, line: str = "forward") -> int:
        """Pulses of `pulses` without `edges` and of `flow_profile` up to now: what a counter must have seen."""
        return self._flows[line].pulses()

    def smoke(self, level_mv: int) -> None:
        """Signal of the smoke chamber in millivolts; the front end raises its line at the board's threshold."""
        self._stimulus("smoke", level_mv=level_mv)
        self._voltage("smoke", level_mv)

    def battery(self, level_mv: int) -> None:
        """Voltage of the battery, which feeds the modem too: that is off below its minimum."""
        assert self._modem is not None
        self._stimulus("battery", level_mv=level_mv)
        self._voltage("battery", level_mv)
        self._modem.voltage(level_mv)

    def battery_voltage(self, level_mv: int) -> None:
        """What the MCU's ADC sees of the battery from now on; no stimulus, it falls by itself."""
        self._voltage("battery", level_mv)

    def pin_driven(self, pin: str, value: int) -> None:
        """The MCU drives `pin`: some pins are the module's keys."""
        line = self._lines.get(pin)
        if line is not None and self._modem is not None:
            name, inverted = line
            self._modem.pin(name.upper(), int(bool(value) != inverted))

    def _stimulus(self, what: str, **fields: Any) -> None:
        self._log.emit("bench", "stimulus", what=what, **fields)

    def _contact(self, name: str, active: bool) -> None:
        assert self._mcu is not None
        entry = self.board["inputs"][name]
        self._mcu.set_pin(entry["pin"], int(active != entry["inverted"]))

    def _train(self, line: str, period_s: float, number: int) -> None:
        if number == self._trains[line]:
            self._close(line, min(0.1, period_s / 2))
            self._clock.call_later(period_s, self._train, line, period_s, number)

    def _close(self, line: str, closed_s: float) -> None:
        assert self._mcu is not None
        pin = self.board["pulses"][line]["pin"]
        self._mcu.set_pin(pin, 0)
        self._clock.call_later(closed_s, self._mcu.set_pin, pin, 1)

    def _voltage(self, name: str, level_mv: int) -> None:
        assert self._mcu is not None
        entry = self.board["analogue"][name]
        self._mcu.set_adc_mv(entry["pin"], round(level_mv / entry["divider"]))
        front_end = self.board["front_end"]
        if front_end["source"] == name:
            self._mcu.set_pin(front_end["pin"], int(level_mv >= front_end["threshold_mv"]))
