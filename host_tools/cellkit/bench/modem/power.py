"""Supply, keys, boot, sleep and wake of a module, and so its current.

How a family sleeps and wakes is a `Recipe` (recipes.py). Sleep of the BC660K-GL: AT manual V1.4, QSCLK and
QCFG="slplocktimes"; hardware design, page 21.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from cellkit.bench.clock import Clock, Handle
from cellkit.bench.energy import ChargeMeter
from cellkit.bench.log import EventLog
from cellkit.bench.modem.config import Timing
from cellkit.bench.modem.ue import UserEquipment

PINS = ("PWRKEY", "RESET", "PSM_EINT", "DTR")


class Mode(Enum):
    """What the module's processor does."""

    OFF = "off"
    BOOT = "boot"
    RUN = "run"
    LIGHT_SLEEP = "light_sleep"
    DEEP_SLEEP = "deep_sleep"
    WAKING = "waking"


class Owner(Protocol):
    """What power needs of the module around it."""

    def booted(self, cause: str) -> None:
        """The module runs: print the banner, switch the radio on."""

    def lost_power(self) -> None:
        """Everything volatile is gone."""

    def falls_asleep(self) -> None:
        """Deep sleep begins; the serial port still works for this call."""

    def lost_memory(self) -> None:
        """Everything volatile is gone, but for the radio's registration."""

    def woke(self, how: str) -> None:
        """Deep sleep is over; `how` is `uart`, `pin`, `key` or `radio`."""

    def sleep_lock_s(self) -> float:
        """How long the module stays awake after the last character on the serial port."""

    def sleep_mode(self) -> int:
        """QSCLK: 0 none, 1 light and deep, 2 light only."""

    def wakes_on_uart(self) -> bool:
        """Whether a falling edge on RXD wakes from deep sleep."""

    def wakes_on_pin(self) -> bool:
        """Whether PSM_EINT wakes from deep sleep."""

    def wake_loses(self) -> int | None:
        """How many characters a wake-up by RXD costs; None: all that come before the module is awake."""

    def wake_lock_s(self) -> float:
        """How long the module stays awake after a wake-up without any character on the serial port."""

    def psm_is_off(self) -> bool:
        """Whether deep sleep is power-down: a wake-up is then a boot, with the registration kept."""

    def psm_deaf_s(self) -> float:
        """For so long after deep sleep has begun a wake-up by key or pin is not seen."""

    def wakes_on_key(self) -> bool:
        """Whether PWRKEY wakes from deep sleep."""

    def key_off_s(self) -> float | None:
        """How long PWRKEY is held to switch a running module off; None where it does not."""

    def key_reset_s(self) -> float | None:
        """How long PWRKEY is held for a reset; None where it does not."""

    def off_s(self) -> float:
        """From the last words to where the module is off and can be switched on again."""

    def switched_off(self) -> None:
        """The power key was held to switch off: the last words."""

    def busy(self) -> bool:
        """Whether a command runs or data are awaited."""


class Power:
    """The power side of a module. Pin levels are those at the module: 0 is low, keys rest at 1."""

    def __init__(
        self, clock: Clock, log: EventLog, timing: Timing, meter: ChargeMeter, owner: Owner, starts_with_supply: bool
    ) -> None:
        self._clock = clock
        self._log = log
        self._timing = timing
        self._meter = meter
        self._owner = owner
        self._starts_with_supply = starts_with_supply
        self._ue: UserEquipment | None = None
        self._levels = dict.fromkeys(PINS, 1)
        self._supplied = False
        self._held = False  # RESET is low
        self._step: Handle | None = None
        self._key: Handle | None = None
        self._lock: Handle | None = None
        self._long: Handle | None = None  # a key that is held very long
        self._awake_until_s = 0.0
        self._slept_s = 0.0
        self.mode = Mode.OFF

    def attach_radio(self, ue: UserEquipment) -> None:
        """Let the radio's state count for the current."""
        self._ue = ue

    # Supply and keys

    def supply(self, on: bool) -> None:
        """VBAT on or off. The module starts with it or, where it has a PWRKEY, once that is low for long enough."""
        if on == self._supplied:
            return
        self._supplied = on
        self._log.emit("modem", "power", on=on)
        if on and self._levels["RESET"] == 0:
            self._held = True
        elif on and self._starts_with_supply:
            self._start("supply")
        elif on:
            self._pwrkey()
        else:
            self._off()

    def pin(self, name: str, level: int) -> None:
        """A level at PWRKEY (where there is one), RESET or PSM_EINT. Raises KeyError for another name."""
        if name not in self._levels:
            raise KeyError(f"no pin {name!r} at this module; there are {PINS}")
        before, self._levels[name] = self._levels[name], level
        if before == level:
            return
        if name == "PWRKEY":
            self._pwrkey()
        elif name == "RESET":
            self._reset_key()
        elif level == 0 and name == "PSM_EINT" and self._wakes_now() and self._owner.wakes_on_pin():
            self._wake("pin", self._timing.wake_psm_eint_s.value)
        elif name == "DTR" and level == 0 and self.mode is Mode.LIGHT_SLEEP:
            self._wake("light", self._timing.wake_light_s.value)
        elif name == "DTR":
            self.consider()

    def level(self, name: str) -> int:
        """The level at a pin."""
        return self._levels[name]

    def _wakes_now(self) -> bool:
        return self.mode is Mode.DEEP_SLEEP and self._clock.now() - self._slept_s >= self._owner.psm_deaf_s()

    def _pwrkey(self) -> None:
        for handle in (self._key, self._long):
            if handle is not None:
                handle.cancel()
        self._key = self._long = None
        if not self._supplied or self._levels["PWRKEY"] != 0:
            return
        off_s, reset_s = self._owner.key_off_s(), self._owner.key_reset_s()
        if self.mode is Mode.OFF and not self._starts_with_supply:
            self._key = self._clock.call_later(self._timing.pwrkey_low_s.value, self._start, "power key")
        elif self._wakes_now() and self._owner.wakes_on_key():
            self._key = self._clock.call_later(self._timing.pwrkey_low_s.value, self._key_wakes)
        elif self.running and off_s is not None:
            self._key = self._clock.call_later(off_s, self.shut_down)
        if self.running and reset_s is not None:
            self._long = self._clock.call_later(reset_s, self.restart, "power key")

    def _key_wakes(self) -> None:
        if self.mode is Mode.DEEP_SLEEP:
            self._wake("key", self._timing.boot_s.value)

    def shut_down(self) -> None:
        """Off by key or command, after the last words; PWRKEY or the supply starts it again."""
        if not self.running:
            return
        self._owner.switched_off()
        off_s = self._owner.off_s()
        if off_s:
            self._cancel()
            self._step = self._clock.call_later(off_s, self._off)
        else:
            self._off()

    @property
    def running(self) -> bool:
        """Whether the module's processor works and its serial port is open."""
        return self.mode in (Mode.RUN, Mode.LIGHT_SLEEP)

    def _reset_key(self) -> None:
        if self._key is not None:
            self._key.cancel()
            self._key = None
        if not self._supplied or (self.mode is Mode.OFF and not self._held):
            return
        if self._levels["RESET"] == 0:
            self._key = self._clock.call_later(self._timing.reset_low_s.value, self._hold)
        elif self._held:
            self.restart("reset pin")

    def _hold(self) -> None:
        self._off()
        self._held = True

    def _off(self) -> None:
        self._cancel()
        self._held = False
        self._owner.lost_power()
        self._enter(Mode.OFF)

    def _start(self, cause: str) -> None:
        self._cancel()
        self._held = False
        self._enter(Mode.BOOT)
        self._step = self._clock.call_later(self._timing.boot_s.value, self._boot_done, cause)

    def restart(self, cause: str) -> None:
        """Reset: everything volatile is lost, then the module boots. Does nothing without supply."""
        if not self._supplied:
            return
        self._log.emit("modem", "reset", cause=cause)
        self._owner.lost_power()
        self._start(cause)

    def _boot_done(self, cause: str) -> None:
        self._log.emit("modem", "boot", cause=cause)
        self.stay_awake()
        self._enter(Mode.RUN)
        self._owner.booted(cause)

    def _cancel(self) -> None:
        for handle in (self._step, self._key, self._lock):
            if handle is not None:
                handle.cancel()
        self._step = self._key = self._lock = None

    # Sleep

    def stay_awake(self, lock_s: float | None = None) -> None:
        """A character came, or a command ended: the sleep lock starts anew, for its usual time or `lock_s` seconds."""
        self._awake_until_s = self._clock.now() + (self._owner.sleep_lock_s() if lock_s is None else lock_s)
        self.consider()

    def let_sleep(self) -> None:
        """The sleep lock is given up."""
        self.stay_awake(0.0)

    def consider(self) -> None:
        """Fall asleep if nothing speaks against it; wake if the radio works; account for the current."""
        ue = self._ue
        if ue is None or self.mode in (Mode.OFF, Mode.BOOT, Mode.WAKING):
            self.account()
            return
        working = ue.working
        if working and self.mode is Mode.DEEP_SLEEP and self._owner.psm_is_off():
            self._wake("radio", self._timing.boot_s.value)
        elif working and self.mode is Mode.DEEP_SLEEP:
            self._enter(Mode.RUN)
            self._owner.woke("radio")
        elif working:
            self._enter(Mode.RUN)
        elif self._may_sleep():
            deep = self._owner.sleep_mode() == 1 and ue.psm
            if deep and self.mode is not Mode.DEEP_SLEEP:
                self._owner.falls_asleep()
                self._slept_s = self._clock.now()
                self._enter(Mode.DEEP_SLEEP)
                if self._owner.psm_is_off():
                    self._owner.lost_memory()
            elif not deep:
                self._enter(Mode.LIGHT_SLEEP)
        self.account()

    def _may_sleep(self) -> bool:
        if self.mode is Mode.DEEP_SLEEP:
            return True
        if self._owner.sleep_mode() == 0 or self._owner.busy():
            return False
        left_s = self._awake_until_s - self._clock.now()
        if self.mode is Mode.LIGHT_SLEEP or left_s <= 0:
            return True
        if self._lock is not None:
            self._lock.cancel()
        self._lock = self._clock.call_later(left_s, self.consider)
        return False

    def heard(self, count: int = 1) -> tuple[int, str]:
        """`count` characters come to RXD: how many of them are lost, and why. Wakes the module if it sleeps."""
        if self.mode is Mode.RUN:
            return 0, ""
        why = str(self.mode.value).replace("_", " ")
        if self.mode is Mode.LIGHT_SLEEP:
            return self._rxd_wakes("light", self._timing.wake_light_s.value, count), why
        if self.mode is Mode.DEEP_SLEEP and self._owner.wakes_on_uart():
            return self._rxd_wakes("uart", self._timing.wake_uart_s.value, count), why
        return count, why

    def _rxd_wakes(self, how: str, after_s: float, count: int) -> int:
        loses = self._owner.wake_loses()
        if loses is None:
            self._wake(how, after_s)
            return count
        self._woken(how)
        return min(loses, count)

    def _wake(self, how: str, after_s: float) -> None:
        self._enter(Mode.WAKING)
        self._step = self._clock.call_later(after_s, self._woken, how)

    def _woken(self, how: str) -> None:
        self._enter(Mode.RUN)
        if how != "light":
            self._owner.woke(how)
        self.stay_awake(self._owner.wake_lock_s() if how in ("pin", "key") else None)

    # Current

    def _enter(self, mode: Mode) -> None:
        self.mode = mode
        self.account()

    def account(self) -> None:
        """Bring the charge meter in line with what the module does."""
        shares = self._shares()
        if isinstance(shares, str):
            self._meter.set(shares)
        else:
            self._meter.mix(shares)

    def _shares(self) -> str | Mapping[str, float]:
        """The state, or the share of each state in a pattern that repeats, such as listening to paging."""
        ue = self._ue
        if self.mode in (Mode.OFF, Mode.BOOT):
            return str(self.mode.value)
        if ue is not None and ue.working:
            return ue.activity()
        if self.mode is Mode.LIGHT_SLEEP:
            return ue.paging() if ue is not None and ue.registered and not ue.psm else "light_sleep"
        return {Mode.DEEP_SLEEP: "deep_sleep", Mode.WAKING: "waking"}.get(self.mode, "awake")
