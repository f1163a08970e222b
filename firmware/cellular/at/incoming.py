"""What comes from the modem: the reader task, and which line belongs to whom."""

import asyncio
from asyncio import core, sleep_ms
from time import ticks_diff, ticks_ms

from cellular.at import parser as _p
from cellular.at.blackbox import readable, shown
from cellular.at.fields import number, split, text
from cellular.trace import trace
from cellular.waiter import run_now
from micropython import const

_PORT_GONE_MS = const(100)
_NOISE = const(3)  # shorter lines that nobody waits for
_LINES = const(32)  # of one answer: a modem gone mad must not fill the heap


def _report(ev, error):
    try:
        trace(ev, error=repr(error))
    except Exception:
        pass  # no memory even for that


def _behind_link(buf, a, b):
    """Where the text begins behind the number of a link, as in `0, SEND OK`; `a` where none stands in front."""
    if b - a > 3 and buf[a + 1] == 44 and 48 <= buf[a] <= 57:
        return a + (3 if buf[a + 2] == 32 else 2)
    return a


class Incoming:
    """The half of a `Channel` (see there) that listens."""

    def __init__(self, uart, on_urc, on_reset, size):
        self.on_urc = on_urc
        self.on_reset = on_reset
        self.on_cut = None
        self.on_payload = None
        self.urcs = ()
        self.banners = ()
        self.ambiguous = {}
        self.payloads = ()
        self.finals = ()
        self.prompts = ()
        self.boot_begins = None
        self.bare = None
        self.lines = []
        self.payload = None
        self.final_line = None
        self.unknown = 0
        self.parser = _p.Parser(self._event, size)
        self._uart = uart
        self._task = None
        self._waiter = None  # the task that a command sleeps in
        self._rx_wakes = False  # any byte is what is waited for
        self._rx_seen = False
        self._rx_said = False  # a line or result was among it
        self._stale = False  # an answer of the past may still come
        self._unanswered = 0  # results that the modem still owes
        self._lag_ms = 0  # the longest that one of them took
        self._mark_ms = 0  # since then the next one is waited for
        self._owed = None  # begin of the late line of a command that was given up
        self._unsent = 0  # bytes of payload that a data mode may still want
        self._booting = self._is_bare = False
        self._at_prompt = False  # a prompt is what is waited for
        self._cmd = None  # what runs, and what has come of it
        self._prefix = None
        self._then = None
        self._late = None
        self._echoed = 0
        self._final = 0
        self._final_text = None
        self._restarted = False
        self._done = None  # a line that begins so ends the command instead of OK
        self._body = None  # payload that is on its way, its header, and whether it is an answer's
        self._body_left = 0
        self._body_line = None
        self._body_answer = False
        self._belonging = 0  # lines to come that belong to the URC before them

    def start(self):
        """Start the reader task."""
        if self._task is None:
            self._task = asyncio.create_task(self._read())

    def stop(self):
        """Stop the reader task."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # A generator, not `async def`: it yields to the poller itself and makes no object per read but the slice.
    def _read(self):
        uart = self._uart
        parser = self.parser
        empty = 0
        while True:
            yield core._io_queue.queue_read(uart)
            try:
                n = uart.readinto(parser.room())
                if n:
                    empty = 0
                    self._rx_seen = True
                    parser.feed(n)
                    if self._rx_wakes:
                        self._wake()
                    continue
            except OSError:
                pass  # the port
            except Exception as e:  # out of memory: this input is lost, not the reader
                self._drop()
                _report("reader_failed", e)
            # Spurious wakes happen (None, 0); a port that is gone must not take the CPU.
            empty += 1
            if empty > 10:
                yield from sleep_ms(_PORT_GONE_MS)

    def _drop(self):
        """Forget what is not complete."""
        self.parser.drop()
        self._body_left = self._belonging = 0

    def black_box(self):
        """The last traffic as text, oldest first; lines that were sent begin with `>`, their parameters left out."""
        return readable(self.parser.black_box())

    # --- events ---------------------------------------------------------------------------------------------------

    def _event(self, kind, a, b):
        self._rx_said = True
        if kind >= _p.FINAL_OK:
            self._result(kind, a, b)
        elif kind == _p.LINE:
            self._line(a, b)
        elif kind == _p.PROMPT:
            self._at_prompt = False
            self._wake()
        elif kind == _p.DATA:
            if self._body_left:
                self._piece(a, b)
        else:
            trace("line_too_long", count=self.parser.overflows)
            if self.on_cut and self._is_urc(a):
                self._call(self.on_cut, self._bytes(a, b))

    def _result(self, kind, a, b):
        waits = not (self._cmd is None or self._final or self._restarted)
        if waits and kind == _p.FINAL_OK and self._at_prompt:
            if b"OK" in self.prompts:
                self._at_prompt = False
                self._wake()
            return  # some firmwares say OK, then prompt
        if self._unanswered:
            now = ticks_ms()
            self._unanswered -= 1
            self._lag_ms = max(self._lag_ms, ticks_diff(now, self._mark_ms))
            self._mark_ms = now
        elif not self._restarted:
            self._stale = True  # one more than was asked for: whose is the next?
        if waits:
            if kind != _p.FINAL_OK:
                self._final_text = text(self._bytes(a, b))
            self._final = kind
        else:
            self.unknown += 1
        self._wake()

    def _line(self, a, b):
        buf = self.parser.buf
        if self._belonging:
            self._belonging -= 1
            self._urc(a, b)
            return
        if self._cmd is not None:
            if self._is_echo(buf, a, b):
                return
            if self._then and self._late is None and buf.startswith(self._then, a):
                self._late = self._bytes(a, b)
                self._wake()
                return
            if not self._final and self._ends_here(buf, a, b):
                return
            prefix = self._prefix
            if prefix and not self._final and buf.startswith(prefix, a):
                is_answer = self.ambiguous.get(prefix)
                if is_answer is None or is_answer(buf, a, b):
                    self._expect(a, b, True)
                    a += len(prefix)
                    while a < b and (buf[a] == 58 or buf[a] == 32):  # ": ", ":" and " :" are all in the field
                        a += 1
                    self._answer(a, b)
                    return
        for banner in self.banners:
            if b - a == len(banner) and buf.startswith(banner, a):
                self._restart()
                return
        if self._owed is not None and buf.startswith(self._owed, a):
            self._owed = None
            self._wake()
            return
        if self._expect(a, b, False):
            return
        if self._is_own(buf, a, b):
            self._answer(a, b)
            return
        if self._is_urc(a):
            if buf.startswith(b"+CMT:", a):
                self._belonging = 1  # its text, which may look like anything (TS 27.005)
            if self.boot_begins is not None and buf.startswith(self.boot_begins, a):
                self._booting = True
            self._urc(a, b)
            return
        if self._prefix == b"" and self._cmd is not None and not self._final:
            self._answer(a, b)
            return
        if b - a < _NOISE or buf.startswith(b"AT", a):
            return  # what a wrong rate or a wake leaves, or the echo of a command that was given up
        if self._booting:
            return
        for i in range(a, b):
            if buf[i] < 32:
                return  # no text: noise, or another protocol
        if not self._is_bare:
            self.unknown += 1
        self._urc(a, b)

    def _ends_here(self, buf, a, b):
        """A prompt that is a line of its own, or a line that some command has instead of OK."""
        n = b - a
        if self._at_prompt:
            for prompt in self.prompts:
                if n == len(prompt) and buf.startswith(prompt, a):
                    self._at_prompt = False
                    self._wake()
                    return True
        done = self._done
        if done is not None and buf.startswith(done, a) and (done or not self._is_urc(a)):
            self._answer(a, b)
            self._result(_p.FINAL_OK, a, b)
            return True
        at = _behind_link(buf, a, b)
        for final in self.finals:
            if buf.startswith(final, at):
                self.final_line = self._bytes(a, b)
                self._result(_p.FINAL_OK, a, b)
                return True
        return False

    # --- payload by length ------------------------------------------------------------------------------------------

    def _expect(self, a, b, answer):
        """Where the line is a header of `payloads`, or of the parser's own: its payload comes next, and with the last
        piece of it the line is told. Returns whether it is one."""
        count = self._inline_left()
        if not count:
            count = self._length_in(a, b)
            if not count:
                return False
            self.parser.expect_data(count)
        self._body = bytearray()
        self._body_left = count
        self._body_line = self._bytes(a, b)
        self._body_answer = answer
        return not answer

    def _inline_left(self):
        parser = self.parser
        return parser.inline_left if parser.headers else 0

    def _length_in(self, a, b):
        buf = self.parser.buf
        for prefix, index in self.payloads:
            if buf.startswith(prefix, a):
                fields = split(self._bytes(a, b)[prefix.find(b":") + 1 or len(prefix) :])
                if callable(index):
                    count = index(fields) or 0
                else:
                    count = number(fields, index if index >= 0 else len(fields) + index) or 0
                return count if count <= _p.DATA_MAX else 0
        return 0

    def _piece(self, a, b):
        self._body.extend(memoryview(self.parser.buf)[a:b])
        self._body_left -= b - a
        if self._body_left > 0:
            return
        body = bytes(self._body)
        self._body = None
        if self._body_answer:
            self.payload = body
        elif self.on_payload:
            self._call(self.on_payload, self._body_line, body)

    def _is_own(self, buf, a, b):
        """Whether a command that takes any line is what the line is named after."""
        command = self._cmd
        if self._prefix != b"" or command is None or self._final:
            return False
        n = 0
        while 2 + n < len(command) and a + n < b and command[2 + n] not in b"=?" and command[2 + n] == buf[a + n]:
            n += 1
        return n > 1 and a + n < b and buf[a + n] == 58 and (2 + n == len(command) or command[2 + n] in b"=?")

    def _is_urc(self, a):
        buf = self.parser.buf
        at = _behind_link(buf, a, a + 4)
        for prefix in self.urcs:
            if buf.startswith(prefix, a) or at != a and buf.startswith(prefix, at):
                return True
        return False

    def _is_echo(self, buf, a, b):
        command = self._cmd
        done = self._echoed
        if done == 0 and buf[a] != command[0]:
            return False
        n = b - a
        if done + n > len(command):
            return False
        for i in range(n):
            if buf[a + i] != command[done + i]:
                return False
        self._echoed = done + n  # a URC may split the echo: its rest comes as a line of its own
        for i in range(max(0, shown(command) - done), n):
            buf[a + i] = 42  # the black box shows no parameter
        return True

    def _answer(self, a, b):
        if len(self.lines) < _LINES:
            self.lines.append(self._bytes(a, b))
        else:
            self.unknown += 1

    def _bytes(self, a, b):
        return bytes(memoryview(self.parser.buf)[a:b])

    def _urc(self, a, b):
        if self.on_urc:
            self._call(self.on_urc, self._bytes(a, b))

    def _call(self, handler, *args):
        try:
            handler(*args)
        except Exception as e:  # a handler's fault must not end the reader
            _report("urc_handler_failed", e)

    def forget(self):
        """The modem starts anew: what was sent before is answered no more."""
        self._stale = self._booting = self._is_bare = False
        self._unanswered = 0
        self._body_left = 0
        self._owed = None
        self._unsent = 0

    def _restart(self):
        self.forget()
        self._restarted = True
        if self.on_reset:
            self._call(self.on_reset)
        self._wake()

    def _wake(self):
        task = self._waiter
        if task is not None:
            self._waiter = None
            run_now(task)
