"""Floor 4: what stands between an app and its server. Records wait in the outbox; the uplink carries them over CoAP."""


def random_bytes(count):
    """`count` bytes that differ from restart to restart, for message ids and tokens; not for keys.

    Hardware randomness where the port has it. Ports without it mix the microseconds since start into the generator
    of `random`, which alone would begin with the same numbers after every restart.
    """
    import os

    try:
        return os.urandom(count)
    except (AttributeError, OSError):
        import random
        import time

        return bytes((random.getrandbits(8) ^ time.ticks_us()) & 0xFF for _ in range(count))
