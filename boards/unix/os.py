"""`os` of the unix board: the port's own, and in lock step randomness from the bench's seed."""

import _lockstep
from uos import *  # noqa: F403

if _lockstep.active():

    def urandom(n):
        """`n` bytes of the generator that the bench has seeded: one seed, one history."""
        import random

        return bytes(random.getrandbits(8) for _ in range(n))
