"""What the meter must still know after a restart: in RTC memory at each step, on flash at each upload and alarm."""

import struct

from apps.meter.machine import ALARMS
from micropython import const

BYTES = const(62)

_FORMAT = "<BqqqqIIIqqB"
_VERSION = const(1)
_NEVER = const(-1)


class State:
    """`total`, `back`, `seen`, `seen_reverse`: of PulseRegister. `readings_sent`, `freezes_sent`: numbers of the next
    reading and freeze to send; `readings_kept`: number of the next reading when this was stored. `slot_s`: of the last
    upload, None for never; `uploads`: count; `active`: alarms. `known` is False until one of these was loaded.
    """

    def __init__(self):
        self.known = False
        self.total = self.back = self.seen = self.seen_reverse = 0
        self.readings_sent = self.freezes_sent = self.readings_kept = 0
        self.slot_s = None
        self.uploads = 0
        self.active = []

    def pack_into(self, buf):
        """Write into BYTES of `buf`."""
        active = sum(1 << i for i, name in enumerate(ALARMS) if name in self.active)
        struct.pack_into(
            _FORMAT, buf, 0, _VERSION, self.total, self.back, self.seen, self.seen_reverse, self.readings_sent,
            self.freezes_sent, self.readings_kept, _NEVER if self.slot_s is None else self.slot_s, self.uploads, active,
        )  # fmt: skip

    def unpack(self, buf):
        """Take what `pack_into` has written; False if it is something else, as the zeros of an empty memory."""
        if buf is None or len(buf) != BYTES or buf[0] != _VERSION:
            return False
        values = struct.unpack(_FORMAT, buf)
        self.total, self.back, self.seen, self.seen_reverse = values[1:5]
        self.readings_sent, self.freezes_sent, self.readings_kept = values[5:8]
        self.slot_s = None if values[8] == _NEVER else values[8]
        self.uploads = values[9]
        self.active = [name for i, name in enumerate(ALARMS) if values[10] >> i & 1]
        self.known = True
        return True
