"""Runs the meter: a board's main.py says `import apps.meter.__main__`; on a rig, `micropython -m apps.meter`."""

import asyncio

from apps.meter.app import MeterApp

asyncio.run(MeterApp().run())
