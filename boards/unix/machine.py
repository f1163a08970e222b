"""`machine` of the unix board: the hardware is played by a bench on the other side of a socket (see README.md).

Names and semantics are those of MicroPython's ports for real boards; an app or a driver cannot tell the difference.
The import works without a bench; the first use of the hardware then raises RuntimeError.
"""

import sys
import time

import _lockstep
from micropython import const
from umachine import idle  # noqa: F401  (u: the module built into the port)

if _lockstep.active():
    from _virtual import UART, link
else:
    from _wall import UART, link  # noqa: F401  (UART is one of machine's names)

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)

PIN_WAKE = const(2)
TIMER_WAKE = const(4)

IDLE = const(1)
SLEEP = const(2)
DEEPSLEEP = const(4)

_END_S = const(10)
_RTC_BYTES = const(2048)
_ADC_FULL_MV = const(3300)


# --- the chip ---------------------------------------------------------------------------------------------------------


def reset_cause():
    """One of the *_RESET constants."""
    return int(link.ask("CAUSE").split()[0])


def wake_reason():
    """PIN_WAKE or TIMER_WAKE after deep sleep, else 0."""
    return int(link.ask("CAUSE").split()[1])


def unique_id():
    """The bytes that no other chip has."""
    from binascii import unhexlify

    return unhexlify(link.ask("UID"))


def reset():
    """Restart the chip. Does not return; RTC memory is kept."""
    _end("RESET")


def deepsleep(time_ms=None):
    """Switch off until `time_ms` have passed or a wake pin asks. Does not return: the chip starts anew."""
    _end("DEEPSLEEP %d" % (-1 if time_ms is None else time_ms))


def lightsleep(time_ms=None):
    """Stop until `time_ms` have passed, an interrupt is pending or a byte came in on an open UART.

    The interrupt's handler runs when asyncio does again.
    """
    link.sleep(time_ms)


def _end(line):
    # The bench kills the VM, as a reset would: no `finally` of the firmware runs.
    link.ask(line)
    time.sleep(_END_S)
    sys.exit("the bench did not end the VM after " + line)


# --- pins -------------------------------------------------------------------------------------------------------------


class Pin:
    """A pin by its name in `board`. mode: IN, OUT or OPEN_DRAIN; pull: PULL_UP or PULL_DOWN or None."""

    IN = const(1)
    OUT = const(3)
    OPEN_DRAIN = const(7)
    PULL_DOWN = const(1)
    PULL_UP = const(2)
    IRQ_RISING = const(1)
    IRQ_FALLING = const(2)

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self._id = id
        if mode != -1 or pull != -1 or value is not None:
            self.init(mode, pull, value=value)

    def __repr__(self):
        return "Pin(%s)" % self._id

    def init(self, mode=-1, pull=-1, *, value=None):
        """Set mode, pull and, before the pin drives, its value; -1 leaves a setting as it is."""
        pull = 0 if pull is None else pull
        link.ask("MODE %s %d %d %d" % (self._id, mode, pull, -1 if value is None else bool(value)))

    def value(self, x=None):
        """Without `x` the level of the pin, 0 or 1; with it, drive the pin."""
        if x is None:
            return int(link.ask("GET " + self._id))
        link.ask("SET %s %d" % (self._id, bool(x)))

    def __call__(self, x=None):
        return self.value(x)

    def on(self):
        """Drive high."""
        self.value(1)

    def off(self):
        """Drive low."""
        self.value(0)

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, *, wake=None):
        """Call `handler(pin)` on the edges of `trigger`; `wake`: SLEEP, DEEPSLEEP or both, woken by the same edges.

        The handler runs between two steps of asyncio (a board's soft interrupt), so not while code blocks.
        """
        if handler:
            link.listen()
            link.handlers[self._id] = (self, handler)
        else:
            link.handlers.pop(self._id, None)
        armed = trigger if handler or wake else 0
        link.ask("IRQ %s %d %d" % (self._id, armed, wake or 0))


class ADC:
    """An analogue input; full scale is 3.3 V."""

    def __init__(self, pin):
        self._id = pin._id if isinstance(pin, Pin) else pin

    def read_uv(self):
        """Microvolts."""
        return 1000 * int(link.ask("ADC " + self._id))

    def read_u16(self):
        """0 to 65535 of full scale."""
        mv = self.read_uv() // 1000
        return max(0, min(65535, mv * 65535 // _ADC_FULL_MV))


class Counter:
    """A hardware counter of the pulses at `src` (a Pin), on their rising edge. It counts in every sleep, and goes on
    through a reset: without `src` it is taken as it is.
    """

    def __init__(self, id, *, src=None):
        self._id = id
        if src is not None:
            self.init(src=src)

    def init(self, *, src):
        """Begin at 0."""
        link.ask("COUNTER %s %s" % (self._id, src._id))

    def deinit(self):
        """Stop counting."""
        link.ask("COUNTEROFF %s" % self._id)

    def value(self, value=None):
        """The count; with `value`, go on from that. Raises OSError if the counter was never begun."""
        count = int(link.ask("COUNT %s" % self._id))
        if value is not None:
            link.ask("COUNTSET %s %d" % (self._id, value))
        return count


# --- clock and watchdog -----------------------------------------------------------------------------------------------


class RTC:
    """Clock and memory that outlive deep sleep and reset, but not the loss of power."""

    def __init__(self, id=0):
        pass

    def datetime(self, t=None):
        """Without `t` (year, month, day, weekday, hour, minute, second, 0) of now; with such a tuple, set the clock."""
        if t is None:
            now = time.gmtime()
            return (now[0], now[1], now[2], now[6], now[3], now[4], now[5], 0)
        link.ask("SETTIME %d" % time.mktime((t[0], t[1], t[2], t[4], t[5], t[6], 0, 0, 0)))

    def memory(self, data=None):
        """Without `data` what is kept, as bytes; with it (at most 2048 bytes), keep it."""
        from binascii import hexlify, unhexlify

        if data is None:
            return unhexlify(link.ask("RTC"))
        if len(data) > _RTC_BYTES:
            raise ValueError("RTC memory holds %d bytes, got %d" % (_RTC_BYTES, len(data)))
        link.ask("RTCSET =" + hexlify(data).decode())


class WDT:
    """Resets the chip unless fed every `timeout` milliseconds; cannot be stopped."""

    def __init__(self, id=0, timeout=5000):
        link.ask("WDT %d" % timeout)

    def feed(self):
        """Begin the time anew."""
        link.ask("FEED")
