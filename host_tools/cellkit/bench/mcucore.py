"""What a virtual MCU is in wall time and in lock step alike: chip, watchdog, console, and how it is started."""

from __future__ import annotations

import ctypes
import json
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cellkit.bench.chip import Chip, Owner, ResetCause
from cellkit.bench.clock import Clock, Handle
from cellkit.bench.log import EventLog

REPOSITORY = Path(__file__).resolve().parents[3]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class McuError(Exception):
    """The virtual MCU cannot do what was asked; the message says what to do."""


class McuConfig(BaseModel):
    """program: `board` (asyncio and the board are frozen, firmware is read from firmware/) or `app` (all is frozen).

    heap_bytes: of the VM; unique_id: hexadecimal; boot_s: from reset to the first line of Python, without the VM's own
    start; rtc_drift_ppm: how much its RTC runs fast; extra_path: folders to import from before the firmware;
    environment: more variables for the VM.
    """

    model_config = ConfigDict(extra="forbid")

    program: Literal["board", "app"] = "board"
    heap_bytes: int = Field(default=2 * 1024 * 1024, ge=32 * 1024)
    unique_id: str = Field(default="a1b2c3d4e5f6", pattern=r"^([0-9a-f]{2})+$")
    boot_s: float = Field(default=0.05, ge=0)
    rtc_drift_ppm: float = Field(default=0.0, ge=-500, le=500)
    extra_path: tuple[Path, ...] = ()
    environment: dict[str, str] = {}


def die_with_parent() -> None:
    """Between fork and exec: if the bench itself is killed, the kernel ends the VM."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def log_console_line(log: EventLog, line: bytes) -> None:
    """A line of the console: the device's own event if it is one, else text."""
    text = line.rstrip(b"\r").decode(errors="replace")
    if text.startswith("@{"):
        try:
            log.emit("mcu", "trace", data=json.loads(text[1:]))
            return
        except ValueError:
            pass  # torn by a reset: show what came
    log.emit("mcu", "console", text=text)


class McuCore(Owner, ABC):
    """The part of a chip's owner that does not depend on how the VM is run; `restart` is the subclass's."""

    def __init__(
        self,
        clock: Clock,
        log: EventLog,
        config: McuConfig,
        on_pin: Callable[[str, int], None] | None,
        on_baud: Callable[[int], None] | None,
    ) -> None:
        self._clock = clock
        self._log = log
        self._config = config
        self._on_pin = on_pin
        self._on_baud = on_baud
        self._chip = Chip(self, config.unique_id, clock.now, config.rtc_drift_ppm)
        self._wdt: Handle | None = None
        self._wdt_s = 0.0

    @abstractmethod
    def restart(self, cause: ResetCause = ResetCause.HARD) -> None:
        """A reset from outside; RTC memory is kept."""

    def set_pin(self, name: str, value: int | None) -> None:
        """Drive pin `name` from outside: 0, 1, or None to let go."""
        self._chip.set_pin(name, value)

    def set_flow(self, name: str, pulses: Callable[[], int]) -> None:
        """`pulses()` have come at pin `name` up to now beside its edges: only a counter sees them."""
        self._chip.set_flow(name, pulses)

    def set_adc_mv(self, name: str, level_mv: int) -> None:
        """The voltage at analogue input `name`, in millivolts."""
        self._chip.set_adc_mv(name, level_mv)

    def output(self, name: str) -> int:
        """The level that the firmware drives on pin `name`."""
        return self._chip.output(name)

    # --- for the subclass ---------------------------------------------------------------------------------------------

    def _program(self) -> Path:
        """The VM. Raises McuError if it is not built."""
        name = "micropython" if self._config.program == "board" else "micropython-app"
        program = REPOSITORY / "build" / "micropython" / name
        if not program.exists():
            raise McuError(f"no virtual MCU: expected {program}; run `make setup`")
        return program

    def _argv(self, script: list[str]) -> list[str]:
        return [str(self._program()), "-X", f"heapsize={self._config.heap_bytes}", *script]

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        # Nothing of the bench's own environment: a device does not know it.
        path = [str(folder.resolve()) for folder in self._config.extra_path]
        if self._config.program == "board":
            path += [str(REPOSITORY / "boards" / "unix"), str(REPOSITORY / "firmware")]
        return self._config.environment | {"MICROPYPATH": ":".join([*path, ".frozen"]), "TZ": "UTC"} | more

    def _stop_watchdog(self) -> None:
        if self._wdt is not None:
            self._wdt.cancel()
            self._wdt = None
        self._wdt_s = 0.0

    # --- what the chip asks (chip.Owner) ------------------------------------------------------------------------------

    def pin_driven(self, name: str, value: int) -> None:
        self._log.emit("mcu", "pin", pin=name, value=value)
        if self._on_pin is not None:
            self._on_pin(name, value)

    def _tell_uart(self, baud: int, frame: str) -> None:
        self._log.emit("mcu", "uart", baud=baud, frame=frame)
        if self._on_baud is not None:
            self._on_baud(baud)

    def watchdog(self, timeout_s: float | None) -> None:
        if timeout_s is not None:
            self._wdt_s = timeout_s
        if self._wdt is not None:
            self._wdt.cancel()
        if self._wdt_s:
            self._wdt = self._clock.call_later(self._wdt_s, self._bite)

    def _bite(self) -> None:
        self._log.emit("mcu", "wdt")
        self.restart(ResetCause.WDT)

    def asleep(self, on: bool) -> None:
        # The watchdog stands still in light sleep, as on chips that can serve a sleeping application at all.
        self._log.emit("mcu", "lightsleep", on=on)
        if on and self._wdt is not None:
            self._wdt.cancel()
            self._wdt = None
        elif not on:
            self.watchdog(None)

    def reset_wanted(self) -> None:
        self.restart()
