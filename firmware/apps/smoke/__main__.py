"""Runs the smoke alarm: a board's main.py says `import apps.smoke.__main__`; on a rig, `micropython -m apps.smoke`."""

import asyncio

from apps.smoke.app import SmokeApp

asyncio.run(SmokeApp().run())
