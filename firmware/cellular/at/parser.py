"""From bytes to AT events: no I/O, no clock, no object per byte.

The same bytes give the same events however they were cut into reads (only `DATA` comes in the pieces in which it
arrived). Grammar: ITU-T V.250 verbose result codes, lines ended by CR or LF in any mix, prompts without line end,
payload by length.
"""

from micropython import const

# Event kinds. Finals are all >= FINAL_OK.
LINE = const(1)
PROMPT = const(2)
DATA = const(3)
OVERFLOW = const(4)
FINAL_OK = const(8)
FINAL_ERROR = const(9)
FINAL_CME = const(10)
FINAL_CMS = const(11)
FINAL_NO_CARRIER = const(12)

# No module gives more in one go. A greater length is a damaged line: waiting for so much would deafen the channel.
DATA_MAX = const(4096)

_CR = const(13)
_LF = const(10)
_GT = const(62)
_PLUS = const(43)


class Parser:
    """`sink(kind, start, end)` is called for each event; the text stands in `buf[start:end]` only during that call.

    size: bytes of the one fixed buffer. Of a line longer than `size - 64` so much is reported as OVERFLOW, and the
    rest dropped.
    headers: (prefix, commas, quoted) of lines that carry raw payload inline: the length is the last field before
    the `commas`-th comma, the payload follows it (behind one quote if `quoted`). The header comes as LINE.
    """

    def __init__(self, sink, size=1280, headers=()):
        self.buf = bytearray(size)
        self.headers = headers
        self.overflows = 0
        self.prompt = 0  # what asks for data besides `>`, set by the owner while it may come; 0: nothing does
        self.inline_left = 0  # in the LINE of an inline header: bytes of payload behind it
        self._mv = memoryview(self.buf)
        self._size = size
        self._max_line = size - 64
        self._sink = sink
        self._end = 0
        self.drop()

    def drop(self):
        """Forget input that is not complete: half a line, or a payload whose rest will not come."""
        self._start = self._scan = self._end
        self._data_left = 0
        self._skip = False
        self._inline = False
        self._after_cr = False

    def room(self):
        """Where the next read goes: a writable memoryview of at least one byte."""
        return self._mv[self._end :]

    def note(self, text, count):
        """Leave `count` bytes of `text` in the buffer as sent traffic, where no partial input stands in the way."""
        at = self._end
        if self._start == at and self._size - at > count + 66:
            buf = self.buf
            buf[at] = _GT
            for i in range(count):
                buf[at + 1 + i] = text[i]
            buf[at + count + 1] = _LF
            self._start = self._scan = self._end = at + count + 2

    def expect_data(self, count):
        """Called by the sink on a LINE: the next `count` bytes behind its line end are payload. Ignored where it
        cannot be true (see DATA_MAX)."""
        if 0 < count <= DATA_MAX:
            self._data_left = count

    def feed(self, count):
        """Take the `count` bytes that were put into `room()`."""
        buf = self.buf
        pos = self._start
        scan = self._scan
        end = self._end + count
        while pos < end:
            if self._data_left:
                pos = scan = self._data(pos, end)
                continue
            if not self._skip and scan == pos:
                # Line start: blank lines, NULs and wake-up noise carry nothing.
                c = buf[pos]
                if c <= 32 or c > 126:
                    self._after_cr = c == _CR
                    pos += 1
                    scan = pos
                    continue
                if self.prompt and (c == self.prompt or c == _GT):
                    self.prompt = 0
                    pos += 1
                    self._sink(PROMPT, pos, pos)
                    scan = pos
                    continue
            if self.headers and not self._skip:
                payload = self._header(pos, end)
                if payload:
                    self.inline_left = self._data_left
                    self._sink(LINE, pos, payload)
                    self.inline_left = 0
                    self._inline = True
                    pos = scan = payload
                    continue
            stop = buf.find(b"\r", scan, end)
            lf = buf.find(b"\n", scan, end if stop < 0 else stop)
            if lf >= 0:
                stop = lf
            if stop < 0:
                scan = end
                if end - pos > self._max_line:
                    self._overflow(pos)
                    pos = end
                break
            self._after_cr = buf[stop] == _CR
            if self._skip:
                self._skip = False
            elif stop - pos > self._max_line:
                self._overflow(pos)
                self._skip = False
            else:
                self._sink(self._kind(pos, stop), pos, stop)
            pos = scan = stop + 1
        self._keep(pos, scan, end)

    def _keep(self, pos, scan, end):
        # Input wanders through the buffer, so that it holds the last traffic for the black box. A rest that is not
        # parsed yet is moved to the front when the room behind it gets small.
        if self._size - end < 64:
            if end > pos:
                self._mv[: end - pos] = self._mv[pos:end]
            scan -= pos
            end -= pos
            pos = 0
        self._start = pos
        self._scan = scan
        self._end = end

    def _overflow(self, pos):
        if not self._skip:
            self._skip = True
            self.overflows += 1
            self._sink(OVERFLOW, pos, pos + self._max_line)

    def _data(self, pos, end):
        if self._after_cr:
            # The line end in front of the payload is CR LF; only the CR was taken with the line.
            self._after_cr = False
            if self.buf[pos] == _LF:
                return pos + 1
        stop = min(end, pos + self._data_left)
        self._data_left -= stop - pos
        if self._inline and not self._data_left:
            # Behind an inline payload only a quote and the line end follow: nothing to tell.
            self._inline = False
            self._skip = True
        self._sink(DATA, pos, stop)
        return stop

    def _header(self, pos, end):
        """Index behind a complete inline header at `pos`, else 0."""
        buf = self.buf
        for prefix, commas, quoted in self.headers:
            if buf.startswith(prefix, pos):
                i = last = pos
                for _ in range(commas):
                    last = i
                    i = buf.find(b",", i, end) + 1
                    if not i:
                        return 0
                if i - pos > self._max_line or (quoted and i >= end):
                    return 0
                last = max(last, pos + len(prefix))
                if buf.find(b"\r", pos, i) >= 0 or buf.find(b"\n", pos, i) >= 0:
                    return 0
                try:
                    count = int(bytes(self._mv[last : i - 1]).strip().split(b" ")[0])  # "20 byte" is in the field
                except ValueError:
                    return 0
                if not 0 < count <= DATA_MAX:
                    return 0
                self._data_left = count
                self._after_cr = False
                return i + 1 if quoted else i
        return 0

    def black_box(self):
        """The last traffic as raw bytes, oldest first; what was sent begins with `>`."""
        return bytes(self._mv[self._end :]) + bytes(self._mv[: self._end])

    def _kind(self, pos, stop):
        buf = self.buf
        n = stop - pos
        c = buf[pos]
        if n == 2:
            if c == 79 and buf[pos + 1] == 75:
                return FINAL_OK
        elif c == _PLUS:
            if n > 10 and buf[pos + 1] == 67 and buf[pos + 2] == 77:
                if buf.startswith(b"+CME ERROR", pos):
                    return FINAL_CME
                if buf.startswith(b"+CMS ERROR", pos):
                    return FINAL_CMS
        elif n == 5:
            if c == 69 and buf.startswith(b"ERROR", pos):
                return FINAL_ERROR
        elif n == 10 and c == 78 and buf.startswith(b"NO CARRIER", pos):
            return FINAL_NO_CARRIER
        return LINE
