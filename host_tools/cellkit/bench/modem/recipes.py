"""How modules sleep, wake and are switched off: the ways that there are, as data for a family to choose from.

A family states `recipe = replace(POWERS_DOWN, key_off_s=0.65)` and overrides hooks of `Family` only where a setting
decides (QSCLK, UPSV). Pulse lengths that switch on and reset are in the module's data (`timing`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Times in seconds; None where there is no such thing."""

    light: bool = False
    """Light sleep by itself once the sleep lock is over."""
    deep: bool = False
    """Deep sleep by itself in PSM."""
    wakes_on_uart: bool = False
    """RXD wakes from deep sleep; from light sleep it always does."""
    wakes_on_key: bool = False
    """PWRKEY wakes from deep sleep."""
    wakes_on_pin: bool = False
    """A falling edge at PSM_EINT (RTC_EINT, PON_TRIG) wakes from deep sleep."""
    wake_loses: int | None = None
    """Characters that a wake-up by RXD costs; None: all that come before the module is awake."""
    wake_lock_s: float | None = None
    """After a wake-up by key or pin it sleeps again so soon if nothing comes; None: the usual sleep lock."""
    powers_down: bool = False
    """Deep sleep is power-down: memory is lost, and a wake-up is a boot; the registration is kept."""
    boot_banner: bool = True
    """Such a boot shows the banner."""
    deaf_s: float = 0.0
    """So long after it has fallen into deep sleep no key wakes it."""
    key_off_s: float | None = None
    """PWRKEY held so long switches a running module off."""
    key_reset_s: float | None = None
    """PWRKEY held so long resets it."""
    off_s: float = 0.0
    """From the command or key to where it is off, and can be switched on again."""


ALWAYS_AWAKE = Recipe()
"""No sleep by itself: Cat.1 modules until a command allows it."""
UART_WAKES = Recipe(light=True, deep=True, wakes_on_uart=True, wakes_on_pin=True)
"""RXD wakes; what wakes it is lost to its end: BC660K-GL, M5311."""
FIRST_CHARACTER_LOST = Recipe(light=True, deep=True, wakes_on_uart=True, wake_loses=1)
"""RXD wakes at the cost of one character: BC95, SARA-N2; light sleep of SARA-R with UPSV=1."""
PIN_WAKES = Recipe(light=True, deep=True, wakes_on_key=True, wakes_on_pin=True)
"""In deep sleep the UART is dead: PSM_EINT, PWRKEY or T3412: BC26."""
FALLS_BACK = Recipe(light=True, deep=True, wakes_on_key=True, wakes_on_pin=True, wake_lock_s=5.0)
"""As PIN_WAKES, and asleep again after 5 s without a command: SIM7020 (low-power note)."""
POWERS_DOWN = Recipe(deep=True, wakes_on_key=True, powers_down=True)
"""PSM is power-down; PWRKEY or T3412 boots it: SIM7080, BG95, SARA-R, ME310."""
REACHABLE = Recipe(deep=True, wakes_on_uart=True, wake_loses=0)
"""Its processor sleeps as it likes, and hears every character: nRF91, GM02S."""

__all__ = [
    "ALWAYS_AWAKE", "FALLS_BACK", "FIRST_CHARACTER_LOST", "PIN_WAKES", "POWERS_DOWN", "REACHABLE", "UART_WAKES",
    "Recipe",
]  # fmt: skip
