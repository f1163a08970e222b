"""`machine` of the unix board: the hardware is played by a bench on the other side of a socket (see README.md).

Names and semantics are those of MicroPython's ports for real boards; an app or a driver cannot tell the difference.
The import works without a bench; the first use of the hardware then raises RuntimeError.
"""

import io
import os
import select
import socket
import sys
import termios
import time

from micropython import const
from umachine import idle  # noqa: F401  (u: the module built into the port)

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

_ANSWER_S = const(10)
_GET_FILENO = const(10)
_EINVAL = const(-22)
_TX_CHUNK = const(64)
_RTC_BYTES = const(2048)
_ADC_FULL_MV = const(3300)
# Speeds of Linux's termios (asm-generic/termbits.h): only a real serial port cares.
_SPEEDS = {
    4800: 12,
    9600: 13,
    19200: 14,
    38400: 15,
    57600: 4097,
    115200: 4098,
    230400: 4099,
    460800: 4100,
    921600: 4103,
}


def _connect():
    where = os.getenv("CELLKIT_BENCH")
    if not where:
        raise RuntimeError("no hardware: expected a bench at CELLKIT_BENCH=host:port; run this through `cellkit`")
    host, port = where.rsplit(":", 1)
    s = socket.socket()
    s.settimeout(_ANSWER_S)
    s.connect(socket.getaddrinfo(host, int(port))[0][-1])
    s.setsockopt(6, 1, 1)  # TCP_NODELAY
    return s


class _Link:
    """The control connection: one line asked, one line answered."""

    def __init__(self):
        self._socket = None
        self.events = None

    def ask(self, line):
        """Send `line`, return what follows OK. Raises OSError when the bench refuses or is gone."""
        if self._socket is None:
            self._socket = _connect()
        return _exchange(self._socket, line)

    def listen(self):
        """Open the second connection, on which interrupts come, and start the task that delivers them."""
        if self.events is None:
            import asyncio

            events = _connect()
            _exchange(events, "EVENTS")
            self.events = events
            asyncio.create_task(_deliver(events))


def _exchange(s, line):
    try:
        s.write(line + "\n")
        answer = s.readline()
    except OSError as e:
        raise OSError(e.errno, "bench did not answer %s within %d s" % (line.split(" ", 1)[0], _ANSWER_S))
    if not answer:
        raise OSError(5, "bench closed the connection after %s" % line.split(" ", 1)[0])
    answer = answer.decode().rstrip()
    if answer[:2] != "OK":
        raise OSError(22, "bench refused %s: %s" % (line, answer))
    return answer[3:]


def _deliver(events):
    from asyncio import core

    while True:
        yield core._io_queue.queue_read(events)
        line = events.readline()
        if not line:
            return  # the bench is gone, and we with it
        name = line.decode().split()[1]
        pin, handler = _handlers.get(name, (None, None))
        if handler:
            try:
                handler(pin)
            except Exception as e:  # as on a board: a handler's fault does not stop the others
                sys.print_exception(e)


_link = _Link()
_handlers = {}


# --- the chip ---------------------------------------------------------------------------------------------------------


def reset_cause():
    """One of the *_RESET constants."""
    return int(_link.ask("CAUSE").split()[0])


def wake_reason():
    """PIN_WAKE or TIMER_WAKE after deep sleep, else 0."""
    return int(_link.ask("CAUSE").split()[1])


def unique_id():
    """The bytes that no other chip has."""
    from binascii import unhexlify

    return unhexlify(_link.ask("UID"))


def reset():
    """Restart the chip. Does not return; RTC memory is kept."""
    _end("RESET")


def deepsleep(time_ms=None):
    """Switch off until `time_ms` have passed or a wake pin asks. Does not return: the chip starts anew."""
    _end("DEEPSLEEP %d" % (-1 if time_ms is None else time_ms))


def lightsleep(time_ms=None):
    """Stop until `time_ms` have passed or an interrupt is pending; its handler runs when asyncio does again."""
    _link.ask("LIGHTSLEEP")
    try:
        if _link.events is None:
            time.sleep_ms(time_ms if time_ms is not None else 0)
        else:
            poll = select.poll()
            poll.register(_link.events, select.POLLIN)
            poll.poll(-1 if time_ms is None else time_ms)
    finally:
        _link.ask("AWAKE")


def _end(line):
    # The bench kills the VM, as a reset would: no `finally` of the firmware runs.
    _link.ask(line)
    time.sleep(_ANSWER_S)
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
        _link.ask("MODE %s %d %d %d" % (self._id, mode, pull, -1 if value is None else bool(value)))

    def value(self, x=None):
        """Without `x` the level of the pin, 0 or 1; with it, drive the pin."""
        if x is None:
            return int(_link.ask("GET " + self._id))
        _link.ask("SET %s %d" % (self._id, bool(x)))

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
            _link.listen()
            _handlers[self._id] = (self, handler)
        else:
            _handlers.pop(self._id, None)
        armed = trigger if handler or wake else 0
        _link.ask("IRQ %s %d %d" % (self._id, armed, wake or 0))


class ADC:
    """An analogue input; full scale is 3.3 V."""

    def __init__(self, pin):
        self._id = pin._id if isinstance(pin, Pin) else pin

    def read_uv(self):
        """Microvolts."""
        return 1000 * int(_link.ask("ADC " + self._id))

    def read_u16(self):
        """0 to 65535 of full scale."""
        mv = self.read_uv() // 1000
        return max(0, min(65535, mv * 65535 // _ADC_FULL_MV))


# --- clock and watchdog -----------------------------------------------------------------------------------------------


class RTC:
    """Memory that outlives deep sleep and reset, but not the loss of power."""

    def __init__(self, id=0):
        pass

    def memory(self, data=None):
        """Without `data` what is kept, as bytes; with it (at most 2048 bytes), keep it."""
        from binascii import hexlify, unhexlify

        if data is None:
            return unhexlify(_link.ask("RTC"))
        if len(data) > _RTC_BYTES:
            raise ValueError("RTC memory holds %d bytes, got %d" % (_RTC_BYTES, len(data)))
        _link.ask("RTCSET =" + hexlify(data).decode())


class WDT:
    """Resets the chip unless fed every `timeout` milliseconds; cannot be stopped."""

    def __init__(self, id=0, timeout=5000):
        _link.ask("WDT %d" % timeout)

    def feed(self):
        """Begin the time anew."""
        _link.ask("FEED")


# --- UART -------------------------------------------------------------------------------------------------------------


class UART(io.IOBase):
    """A serial port. Reads return what is there at once; None when there is nothing and `timeout` ms have passed."""

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, *, timeout=0):
        self._id = id
        self._f = None
        self.init(baudrate, bits, parity, stop, timeout=timeout)

    def init(self, baudrate=9600, bits=8, parity=None, stop=1, *, timeout=0):
        """Open or re-configure; bytes that were waiting are lost. parity: None, 0 (even) or 1 (odd)."""
        speed = _SPEEDS.get(baudrate)
        if speed is None:
            raise ValueError("baudrate %s; known are %s" % (baudrate, sorted(_SPEEDS)))
        frame = "%d%s%d" % (bits, "N" if parity is None else "EO"[parity], stop)
        path = _link.ask("UART %s %d %s" % (self._id, baudrate, frame))
        if self._f is None:
            self._f = open(path, "r+b")
            self._fd = self._f.fileno()
            self._room = select.poll()
            self._room.register(self._f, select.POLLOUT)
            self._data = select.poll()
            self._data.register(self._f, select.POLLIN)
        self._timeout = timeout
        # The longest that 64 bytes may take, thrice, and the scheduling of the host.
        self._tx_ms = 3 * _TX_CHUNK * 11 * 1000 // baudrate + 200
        termios.setraw(self._fd)
        attr = termios.tcgetattr(self._fd)
        cflag = attr[2] & ~0x80000370 | 0x880  # no CRTSCTS, CSIZE, PARENB, PARODD or CSTOPB; CREAD, CLOCAL
        cflag |= (0x30 if bits == 8 else 0x20) | (0x40 if stop == 2 else 0)
        attr[2] = cflag | (0 if parity is None else 0x300 if parity else 0x100)
        attr[4] = attr[5] = speed
        attr[6][5] = attr[6][6] = 0  # VTIME, VMIN: a read never waits
        termios.tcsetattr(self._fd, 0, attr)

    def deinit(self):
        """Close; init() opens again."""
        if self._f is not None:
            self._f.close()
            self._f = None
            _link.ask("UARTOFF %s" % self._id)

    def any(self):
        """0, or 1 when at least one byte can be read."""
        return 1 if self._data.poll(0) else 0

    def _wait(self):
        if self._timeout:
            self._data.poll(self._timeout)

    def readinto(self, buf, nbytes=-1):
        """Fill `buf` with what is there. Returns the count or None."""
        if self._timeout:
            self._wait()
        f = self._f
        return (f.readinto(buf) if nbytes < 0 else f.readinto(buf, nbytes)) or None

    def read(self, nbytes=-1):
        """At most `nbytes` bytes, all that are there without it. Returns bytes or None."""
        self._wait()
        return self._f.read(nbytes) or None

    def readline(self):
        """Up to and with a newline, or what is there of the line. Returns bytes or None."""
        self._wait()
        return self._f.readline() or None

    def write(self, buf):
        """Returns the count written: all, fewer when the line is stuck, None when nothing went."""
        f = self._f
        n = len(buf)
        if n <= _TX_CHUNK:
            return f.write(buf) if self._room.poll(self._tx_ms) else None
        view = memoryview(buf)
        done = 0
        while done < n and self._room.poll(self._tx_ms):
            done += f.write(view[done : done + _TX_CHUNK])
        return done or None

    def flush(self):
        """All that was written is with the host's driver already."""

    def txdone(self):
        """True when nothing waits to be sent."""
        return True

    def ioctl(self, request, arg):
        # With the descriptor select.poll() waits in poll(2); without it, it would ask every millisecond.
        return self._fd if request == _GET_FILENO else _EINVAL
