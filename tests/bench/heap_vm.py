"""Runs in MicroPython on the virtual bench, with all firmware frozen: bytes alive after each step, as one JSON line.

micropython heap_vm.py board | app

`board` opens the hardware that the app opens, and nothing else: what the unix board's Python modules take, which are C
on a real board. `app` imports and runs the smoke app until it has registered, reported and released the modem.
"""

import asyncio
import gc
import sys

LIBRARY = ("link.link", "modem.profiles.bc660k", "services.senml", "services.uplink")


def alive():
    gc.collect()
    return gc.mem_alloc()


figures = {"start": alive()}


def tell():
    import json

    print("=" + json.dumps(figures))
    sys.exit()


async def board_alone():
    import board
    import machine
    from machine import ADC, UART, WDT, Pin

    outputs = (board.SIREN, board.LED_RED, board.LED_GREEN, board.LED_YELLOW, board.PWRKEY, board.RESET)
    kept = [Pin(pin, Pin.OUT, value=0) for pin in outputs]
    kept += [ADC(board.BATTERY_ADC), ADC(board.SMOKE_ADC), WDT(timeout=20000), machine.unique_id()]
    for pin in (board.SMOKE_INT, board.TAMPER, board.BUTTON):
        kept.append(Pin(pin, Pin.IN))
        kept[-1].irq(print, Pin.IRQ_FALLING, wake=machine.SLEEP)
    kept.append(UART(board.MODEM_UART, board.MODEM_BAUD))
    await asyncio.sleep_ms(50)
    figures["hardware"] = alive()


async def app_registered():
    from apps.smoke.app import SmokeApp

    figures["app_imported"] = alive()
    app = SmokeApp()
    asyncio.create_task(app.run())
    link = None
    while link is None or link.state != "released" or link.granted is None:
        await asyncio.sleep_ms(50)
        comms = app._comms
        link = comms and comms._link
    figures["registered"] = alive()


if sys.argv[1] == "board":
    asyncio.run(board_alone())
else:
    for name in LIBRARY:
        __import__("cellular." + name)
    figures["library_imported"] = alive()
    asyncio.run(app_registered())
tell()
