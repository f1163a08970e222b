"""The unix board in wall time: control lines over TCP, the UART as a tty (see README.md)."""

import io
import os
import select
import socket
import sys
import termios

from micropython import const

_ANSWER_S = const(10)
_GET_FILENO = const(10)
_EINVAL = const(-22)
_TX_CHUNK = const(64)
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


class Link:
    """The control connection: one line asked, one line answered."""

    def __init__(self):
        self.handlers = {}  # of armed pins: name to (pin, handler)
        self.awake = []  # files whose input ends light sleep
        self._socket = None
        self._events = None

    def ask(self, line):
        """Send `line`, return what follows OK. Raises OSError when the bench refuses or is gone."""
        if self._socket is None:
            self._socket = _connect()
        return _exchange(self._socket, line)

    def listen(self):
        """Open the second connection, on which interrupts come, and start the task that delivers them."""
        if self._events is None:
            import asyncio

            events = _connect()
            _exchange(events, "EVENTS")
            self._events = events
            asyncio.create_task(self._deliver(events))

    # A generator: it yields to asyncio's poller itself.
    def _deliver(self, events):
        from asyncio import core

        while True:
            yield core._io_queue.queue_read(events)
            line = events.readline()
            if not line:
                return  # the bench is gone, and we with it
            name = line.decode().split()[1]
            pin, handler = self.handlers.get(name, (None, None))
            if handler:
                try:
                    handler(pin)
                except Exception as e:  # as on a board: a handler's fault does not stop the others
                    sys.print_exception(e)

    def sleep(self, time_ms):
        """Light sleep: wait for the time, an interrupt or a byte on a UART."""
        self.ask("LIGHTSLEEP")
        try:
            poll = select.poll()
            for f in self.awake:
                poll.register(f, select.POLLIN)
            if self._events is not None:
                poll.register(self._events, select.POLLIN)
            poll.poll(-1 if time_ms is None else time_ms)
        finally:
            self.ask("AWAKE")


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


link = Link()


class UART(io.IOBase):
    """A serial port. Reads return what is there at once; None when there is nothing and `timeout` ms have passed.

    rxbuf: taken and not needed, the host's buffer is larger.
    """

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, *, timeout=0, rxbuf=0):
        self._id = id
        self._f = None
        self.init(baudrate, bits, parity, stop, timeout=timeout)

    def init(self, baudrate=9600, bits=8, parity=None, stop=1, *, timeout=0):
        """Open or re-configure; bytes that were waiting are lost. parity: None, 0 (even) or 1 (odd)."""
        speed = _SPEEDS.get(baudrate)
        if speed is None:
            raise ValueError("baudrate %s; known are %s" % (baudrate, sorted(_SPEEDS)))
        frame = "%d%s%d" % (bits, "N" if parity is None else "EO"[parity], stop)
        path = link.ask("UART %s %d %s" % (self._id, baudrate, frame))
        if self._f is None:
            self._f = open(path, "r+b")
            self._fd = self._f.fileno()
            self._room = select.poll()
            self._room.register(self._f, select.POLLOUT)
            self._data = select.poll()
            self._data.register(self._f, select.POLLIN)
            link.awake.append(self._f)
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
            link.awake.remove(self._f)
            self._f.close()
            self._f = None
            link.ask("UARTOFF %s" % self._id)

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
