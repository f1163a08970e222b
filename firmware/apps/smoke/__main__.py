"""Runs the smoke alarm: a board's main.py says `import apps.smoke.__main__`; on a rig, `micropython -m apps.smoke`."""

import gc

# Modules that stay are loaded beside much that does not: collected often, the garbage leaves no holes between them.
gc.threshold(2048)


def main():
    import asyncio

    from apps.smoke.app import SmokeApp

    asyncio.run(SmokeApp().run())


main()
