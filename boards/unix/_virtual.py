"""The unix board in lock step with the bench: control packets instead of TCP, and time only passes while we wait.

Packets (README.md, "Lock step"): the first byte is the kind. To the bench: 1 ask, 2 tell, 3 UART bytes, 4 wait, 5 light
sleep; all else is console. From it: `R` time and answer, `U` UART bytes, `I` interrupt, `G` measure the heap.
"""

import io
import sys

import _lockstep
from micropython import const

_ASK = const(1)
_TELL = const(2)
_TX = const(3)
_WAIT = const(4)
_SLEEP = const(5)
_ANSWER = const(0x52)
_UART = const(0x55)
_IRQ = const(0x49)
_ANSWER_AT = const(9)  # behind the kind and 8 bytes of time

_PACKET = const(2080)
_TX_CHUNK = const(512)
_RX_BYTES = const(1024)
_EINVAL = const(-22)
_POLL = const(3)
_POLLIN = const(1)
_POLLOUT = const(4)

_in = bytearray(_PACKET)
_out = bytearray(_TX_CHUNK + 2)
_deadline = bytearray(9)
uarts = {}  # by number, the open ones


class Link:
    """The control line: asked and answered at one moment of virtual time."""

    def __init__(self):
        self.handlers = {}  # of armed pins: name to (pin, handler)
        self.interrupted = False
        self._pending = []  # names of pins whose edges came, in order
        self._listening = False

    def ask(self, line):
        """Send `line`, return what follows OK. Raises OSError when the bench refuses."""
        packet = b"\x01" + line.encode()
        _lockstep.send(packet, len(packet))
        n = self._receive()
        answer = str(memoryview(_in)[_ANSWER_AT:n], "utf-8")
        if answer[:2] != "OK":
            raise OSError(22, "bench refused %s: %s" % (line, answer))
        return answer[3:]

    def tell(self, line):
        """Send `line`; nothing is answered."""
        packet = b"\x02" + line.encode()
        _lockstep.send(packet, len(packet))

    def listen(self):
        """Interrupts come without asking; a task that waits for them keeps asyncio running, as in wall time."""
        if not self._listening:
            import asyncio

            self._listening = True
            asyncio.create_task(_never())

    def sleep(self, time_ms):
        """Light sleep: wait for the time, an interrupt or a byte on a UART."""
        self._pass(_SLEEP, -1 if time_ms is None else time_ms * 1000)

    def wait_us(self, time_us):
        """Let `time_us` (-1: no end) pass, or less if a byte or an interrupt comes."""
        self._pass(_WAIT, time_us)

    def _pass(self, kind, time_us):
        _deadline[0] = kind
        due = 0xFFFFFFFFFFFFFFFF if time_us < 0 else _lockstep.now_us() + time_us
        _deadline[1:9] = due.to_bytes(8, "little")
        _lockstep.send(_deadline, 9)
        self._receive()
        while self._pending:  # behind the answer, since a handler may ask
            self._interrupt(self._pending.pop(0))

    def _receive(self):
        # Up to the answer, behind which nothing is on its way.
        while True:
            n = _lockstep.recv(_in)
            kind = _in[0]
            if kind == _ANSWER:
                return n
            if kind == _UART:
                port = uarts.get(_in[1])
                if port is not None:
                    port.arrived(n)
            elif kind == _IRQ:
                self._pending.append(str(memoryview(_in)[1:n], "utf-8"))
            else:
                self._measure()

    def _interrupt(self, name):
        self.interrupted = True
        pin, handler = self.handlers.get(name, (None, None))
        if handler:
            try:
                handler(pin)
            except Exception as e:  # as on a board: a handler's fault does not stop the others
                sys.print_exception(e)

    def _measure(self):
        import gc

        most = gc.mem_alloc()
        gc.collect()
        self.tell("HEAP %d %d" % (most, gc.mem_alloc()))


class _Never(io.IOBase):
    def ioctl(self, request, arg):
        return 0 if request == _POLL else _EINVAL


def _never():
    from asyncio import core

    while True:
        yield core._io_queue.queue_read(_Never())


link = Link()


class UART(io.IOBase):
    """A serial port with a receive buffer of `rxbuf` bytes; what does not fit is lost, and counted by the bench."""

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, *, timeout=0, rxbuf=_RX_BYTES):
        self._id = id
        self._rx = bytearray(rxbuf)
        self.init(baudrate, bits, parity, stop, timeout=timeout)

    def init(self, baudrate=9600, bits=8, parity=None, stop=1, *, timeout=0):
        """Open or re-configure; bytes that were waiting are lost. parity: None, 0 (even) or 1 (odd)."""
        frame = "%d%s%d" % (bits, "N" if parity is None else "EO"[parity], stop)
        link.ask("UART %s %d %s" % (self._id, baudrate, frame))
        self._timeout = timeout
        self._from = self._to = 0
        uarts[self._id] = self

    def deinit(self):
        """Close; init() opens again."""
        if uarts.pop(self._id, None):
            link.ask("UARTOFF %s" % self._id)

    def arrived(self, n):
        """Take the bytes of the packet of length `n`: called on the way to an answer."""
        n -= 2
        room = len(self._rx) - self._to
        if room < n and self._from:
            kept = self._to - self._from
            self._rx[:kept] = memoryview(self._rx)[self._from : self._to]
            self._from = 0
            self._to = kept
            room = len(self._rx) - kept
        if room < n:
            link.tell("OVERRUN %s %d" % (self._id, n - room))
            n = room
        self._rx[self._to : self._to + n] = memoryview(_in)[2 : 2 + n]
        self._to += n

    def any(self):
        """How many bytes can be read."""
        return self._to - self._from

    def _wait(self):
        left_us = self._timeout * 1000
        while left_us > 0 and self._from == self._to:
            began = _lockstep.now_us()
            link.wait_us(left_us)
            left_us -= _lockstep.now_us() - began

    def readinto(self, buf, nbytes=-1):
        """Fill `buf` with what is there. Returns the count or None."""
        self._wait()
        n = min(self._to - self._from, len(buf) if nbytes < 0 else nbytes)
        if not n:
            return None
        buf[:n] = memoryview(self._rx)[self._from : self._from + n]
        self._from += n
        if self._from == self._to:
            self._from = self._to = 0
        return n

    def read(self, nbytes=-1):
        """At most `nbytes` bytes, all that are there without it. Returns bytes or None."""
        self._wait()
        n = self.any()
        if nbytes >= 0:
            n = min(n, nbytes)
        out = bytes(memoryview(self._rx)[self._from : self._from + n])
        self._from += n
        return out or None

    def readline(self):
        """Up to and with a newline, or what is there of the line. Returns bytes or None."""
        self._wait()
        i = self._rx.find(b"\n", self._from, self._to)
        return self.read(-1 if i < 0 else i + 1 - self._from)

    def write(self, buf):
        """Returns the count written: all."""
        n = len(buf)
        view = memoryview(buf)
        _out[0] = _TX
        _out[1] = self._id
        done = 0
        while done < n:
            k = min(n - done, _TX_CHUNK)
            _out[2 : 2 + k] = view[done : done + k]
            _lockstep.send(_out, 2 + k)
            done += k
        return n

    def flush(self):
        """Wait until all that was written is on the line."""
        left_us = int(link.ask("TXLEFT %s" % self._id))
        while left_us > 0:
            began = _lockstep.now_us()
            link.wait_us(left_us)
            left_us -= _lockstep.now_us() - began

    def txdone(self):
        """True when nothing waits to be sent."""
        return link.ask("TXLEFT %s" % self._id) == "0"

    def ioctl(self, request, arg):
        if request != _POLL:
            return _EINVAL
        return arg & (_POLLOUT | (_POLLIN if self._to > self._from else 0))
