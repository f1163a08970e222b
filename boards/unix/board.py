"""Pins of the unix board. A pin's id is its name; what is connected to it is the bench's business."""

import _lockstep

MODEM_UART = 1
MODEM_BAUD = 115200
PWRKEY = "PWRKEY"  # high: the transistor pulls the module's PWRKEY low
MODEM_WAKE = "MODEM_WAKE"  # high: the transistor pulls the module's wake pin low (PSM_EINT, WAKEUP_IN)
RESET = "RESET"  # high: the transistor pulls the module's RESET_N low

SIREN = "SIREN"
LED_RED = "LED_RED"
LED_GREEN = "LED_GREEN"  # high: the front end flashes it, 10 ms every 40 s, without the MCU
LED_YELLOW = "LED_YELLOW"
BUTTON = "BUTTON"  # low while pressed, needs PULL_UP
TAMPER = "TAMPER"  # low while taken off its base, needs PULL_UP

PULSE = "PULSE"  # reed contact of a meter to ground, needs PULL_UP
PULSE_COUNTER = 1  # hardware counter of that pin, which counts in every sleep and through a reset; None: interrupts
PULSE_DIRECTION = None  # high while a meter with one pulse line runs backwards; only without a counter
PULSE_REVERSE = "PULSE_REVERSE"  # second contact, which closes when it runs backwards
PULSE_REVERSE_COUNTER = 2

SMOKE_INT = "SMOKE_INT"  # high while the front end, which samples the chamber by itself, sees smoke
SMOKE_ADC = "SMOKE_ADC"
BATTERY_ADC = "BATTERY_ADC"
BATTERY_DIVIDER = 2  # battery voltage / voltage at BATTERY_ADC

# Mean currents in nA, for the device's own ledger: those of an STM32L4 (run at 80 MHz, Stop 2 with RTC), of what an app
# has on all the time, and of the siren.
CURRENTS_NA = {
    "run": 8000000,
    "wait": 2400000,
    "sleep": 1400,
    "pulse_input": 1000,
    "front_end": 4000,
    "siren": 70000000,
}

FLASH = "."  # the VM is started in the device's own folder
if _lockstep.active():
    from _flash import mount

    FLASH = mount()
