"""SenML packs in CBOR (RFC 8428 section 6; CoAP content format 112), built without garbage in a given buffer."""

from cellular.services.cbor import Writer
from micropython import const

CONTENT_FORMAT = 112

# Labels of RFC 8428 table 4.
_BASE_NAME = -2
_BASE_TIME = -3
_BASE_VALUE = -5
_NAME = const(0)
_UNIT = const(1)
_VALUE = const(2)
_STRING = const(3)
_BOOL = const(4)
_TIME = const(6)

MAX_RECORDS = 255  # the array's head then is two bytes at most, which `end()` fills in
_HEAD_BYTES = const(2)


class Pack:
    """One pack: `begin()`, then a call for each record, then `end()`. `cbor.CborOverflow` says that the record does not
    fit into `buf`; the pack then is as before, and can be ended.

    A record's name is appended to the base name to give the global name, so the base name should end in `:` or `/`.
    Times are seconds: values from 2**28 on are Unix time, smaller ones are relative to now (RFC 8428 section 4.5.3).
    """

    def __init__(self, buf):
        self._w = Writer(buf)
        self._count = 0
        self._base_name = None
        self._base_time_s = None
        self._base_value = None

    def begin(self, base_name, base_time_s=None):
        """Forget what was in the buffer. The base fields go out with the first record and hold for all."""
        self._w.pos = _HEAD_BYTES
        self._count = 0
        self._base_name = base_name
        self._base_time_s = base_time_s
        self._base_value = None

    def base_value(self, value):
        """Have `value` added to every number that follows: so a run of large numbers is short. Goes out with the next
        record."""
        self._base_value = value

    def text(self, name, s, time_s=None):
        self._record(name, None, time_s, _STRING, self._w.text, s)

    def number(self, name, value, unit=None, time_s=None):
        """`unit` is a symbol of the SenML units registry, as `Cel`, `V` or `%EL` (battery left)."""
        self._record(name, unit, time_s, _VALUE, self._w.number, value)

    def flag(self, name, value, time_s=None):
        self._record(name, None, time_s, _BOOL, self._w.bool, value)

    def end(self):
        """The finished pack as a memoryview on the buffer; it holds until the next `begin()`."""
        if self._count == 0:
            raise ValueError("a SenML pack needs at least one record")
        buf = self._w.buf
        short = self._count < 24
        buf[1] = 0x80 | self._count if short else self._count
        buf[0] = 0x98
        return memoryview(buf)[short : self._w.pos]

    def _record(self, name, unit, time_s, label, write, value):
        if self._count == MAX_RECORDS:
            raise ValueError("a pack has at most %d records; begin another" % MAX_RECORDS)
        w = self._w
        start = w.pos
        base = ((_BASE_NAME, self._base_name), (_BASE_TIME, self._base_time_s), (_BASE_VALUE, self._base_value))
        fields = 2 + (unit is not None) + (time_s is not None)
        try:
            w.map(fields + sum(1 for _, field in base if field is not None))
            for base_label, field in base:
                if field is not None:
                    w.int(base_label)
                    (w.text if base_label == _BASE_NAME else w.number)(field)
            w.int(_NAME)
            w.text(name)
            if unit is not None:
                w.int(_UNIT)
                w.text(unit)
            if time_s is not None:
                w.int(_TIME)
                w.number(time_s)
            w.int(label)
            write(value)
        except ValueError:
            w.pos = start
            raise
        self._count += 1
        self._base_name = self._base_time_s = self._base_value = None
