"""Pins of the unix board. A pin's id is its name; what is connected to it is the bench's business."""

import _lockstep

MODEM_UART = 1
MODEM_BAUD = 115200
PWRKEY = "PWRKEY"  # high: the transistor pulls the module's PWRKEY low
RESET = "RESET"  # high: the transistor pulls the module's RESET_N low

SIREN = "SIREN"
LED_RED = "LED_RED"
LED_GREEN = "LED_GREEN"  # high: the front end flashes it, 10 ms every 40 s, without the MCU
LED_YELLOW = "LED_YELLOW"
BUTTON = "BUTTON"  # low while pressed, needs PULL_UP
TAMPER = "TAMPER"  # low while taken off its base, needs PULL_UP

SMOKE_INT = "SMOKE_INT"  # high while the front end, which samples the chamber by itself, sees smoke
SMOKE_ADC = "SMOKE_ADC"
BATTERY_ADC = "BATTERY_ADC"
BATTERY_DIVIDER = 2  # battery voltage / voltage at BATTERY_ADC

FLASH = "."  # the VM is started in the device's own folder
if _lockstep.active():
    from _flash import mount

    FLASH = mount()
