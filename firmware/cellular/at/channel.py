"""One AT command at a time over a UART, on asyncio.

A reader task feeds the parser; `cmd()` waits with its own deadline, which fires on a silent modem too. Lines that are
not the answer of the running command go to `on_urc`, at whatever position they come. A command that was given up
(deadline, cancellation) leaves the channel stale: before the next command an `AT` is exchanged and late answers are
thrown away, so no command ever takes the answer of another.
"""

import asyncio
from asyncio import core, sleep_ms
from time import ticks_add, ticks_diff, ticks_ms

from cellular.at import parser as _p
from cellular.errors import ATError, ModemReset, ModemSilent, PromptMissing
from micropython import const

_SYNC_TRIES = const(5)
_SYNC_MS = const(400)
_QUIET_MS = const(100)
_PORT_GONE_MS = const(100)


def _shown(command):
    # Parameters may be a PIN or a key: they never reach an error or the black box.
    i = command.find(b"=")
    return len(command) if i < 0 or command.startswith(b"=?", i) else i + 1


def name_of(command):
    """The command up to its parameters, as text that is safe to print."""
    return command[: _shown(command)].decode()


class Channel:
    """`uart`: a stream with `readinto` and `write` that `select.poll` accepts, such as machine.UART.

    on_urc(line), on_reset(), on_data(piece) are called from the reader task and must not block.
    Data of the modem's profile, set by the modem layer:
    urcs: prefixes of unsolicited lines; banners: lines that say the modem has restarted;
    ambiguous: {answer prefix: fn(buf, start, end) -> True for an answer, False for a URC with the same prefix};
    prompt_gap_ms: rest between the prompt and the payload.
    """

    def __init__(self, uart, on_urc=None, on_reset=None, size=1280, headers=()):
        self.on_urc = on_urc
        self.on_reset = on_reset
        self.on_data = None
        self.urcs = ()
        self.banners = ()
        self.ambiguous = {}
        self.prompt_gap_ms = 0
        self.lines = []
        self.unknown = 0
        self.rx_seen = False
        self.parser = _p.Parser(self._event, size, headers)
        self._uart = uart
        self._idle = asyncio.Event()
        self._task = None
        self._waiter = None
        self._busy = False
        self._stale = False
        self._restarted = False
        self._begin(None, None, None, 0)

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
            n = uart.readinto(parser.room())
            if n:
                empty = 0
                self.rx_seen = True
                parser.feed(n)
            else:
                # Spurious wakes happen (None, 0); a port that is gone must not take the CPU.
                empty += 1
                if empty > 10:
                    yield from sleep_ms(_PORT_GONE_MS)

    # --- commands -------------------------------------------------------------------------------------------------

    async def cmd(self, command, prefix=None, timeout_ms=5000, then=None, then_ms=0, data=None, end=None):
        """Send `command` (bytes, no line end) and wait for its final result. Returns the last answer line or None.

        prefix: answer lines begin with it (`b"+CSQ"`); b"" takes any line that is no URC; None: no answer lines.
            The returned line lacks `prefix: `. All lines of the answer stand in `lines` until the next command.
        then, then_ms: the command is complete only when a line that begins with `then` has come as well (before or
            after OK), e.g. b"SEND "; that line is returned whole.
        data: payload written after the `>` prompt; `end` (b"\\x1a") follows it where the dialect wants it.
        Raises ATError, ModemSilent (deadline in ms, counted for OK and `then` apart), PromptMissing, ModemReset.
        """
        if self._busy or self._stale:
            await self._enter()
        self._busy = self._stale = True
        try:
            self._begin(command, prefix, then, timeout_ms)
            if data is not None:
                await self._send_data(data, end)
            while not self._final:
                await sleep_ms(self._left())
            self._stale = False
            if self._final != _p.FINAL_OK:
                raise self._error()
            if then is None:
                return self.lines[-1] if self.lines else None
            self._wait_for(then_ms)
            while self._late is None:
                await sleep_ms(self._left())
            return self._late
        finally:
            self._leave()

    async def poke(self, timeout_ms):
        """Write one `AT` that the modem may lose and wait until any byte comes. Returns True if one came."""
        self.rx_seen = False
        self._stale = True
        self._uart.write(b"AT\r")
        deadline = ticks_add(ticks_ms(), timeout_ms)
        while not self.rx_seen:
            if ticks_diff(deadline, ticks_ms()) <= 0:
                return False
            await sleep_ms(20)
        return True

    async def _enter(self):
        while self._busy:
            self._idle.clear()
            await self._idle.wait()
        if not self._stale:
            return
        self._busy = True
        try:
            for _ in range(_SYNC_TRIES):
                self._begin(b"AT", None, None, _SYNC_MS)
                try:
                    while not self._final:
                        await sleep_ms(self._left())
                except ModemSilent:
                    continue
                # A late answer to the former command may still be on its way: wait for silence.
                self.rx_seen = True
                while self.rx_seen:
                    self.rx_seen = False
                    await sleep_ms(_QUIET_MS)
                return
            raise ModemSilent("AT", _SYNC_TRIES * _SYNC_MS)
        finally:
            self._leave()

    def _begin(self, command, prefix, then, timeout_ms):
        self._cmd = command
        self._prefix = prefix
        self._then = then
        self._echoed = 0
        self._final = 0
        self._final_text = None
        self._late = None
        self._prompted = False
        self._restarted = False
        self.lines.clear()
        if command is not None:
            self.parser.note(command, _shown(command))
            self._uart.write(command)
            self._uart.write(b"\r")
            self._wait_for(timeout_ms)

    def _leave(self):
        self._waiter = None
        self._cmd = None
        self._then = None
        self.parser.prompt = False
        self._busy = False
        self._idle.set()

    def _left(self):
        """Milliseconds to the deadline; the caller sleeps so long unless an event wakes it."""
        if self._restarted:
            self._stale = False
            raise ModemReset(name_of(self._cmd))
        left = ticks_diff(self._deadline, ticks_ms())
        if left <= 0:
            raise ModemSilent(name_of(self._cmd), self._timeout_ms)
        self._waiter = core.cur_task
        return left

    def _wait_for(self, timeout_ms):
        self._timeout_ms = timeout_ms
        self._deadline = ticks_add(ticks_ms(), timeout_ms)

    async def _send_data(self, data, end):
        parser = self.parser
        parser.prompt = True
        while not self._prompted:
            if self._final:
                return  # refused
            try:
                await sleep_ms(self._left())
            except ModemSilent as e:
                self._uart.write(b"\x1b")  # ESC: a data mode that began unseen must not eat the next command
                raise PromptMissing(e.command, e.timeout_ms)
        if self.prompt_gap_ms:
            await sleep_ms(self.prompt_gap_ms)
        self._uart.write(data)
        if end:
            self._uart.write(end)
        self._wait_for(self._timeout_ms)

    def _error(self):
        text = self._final_text
        code = None
        if self._final == _p.FINAL_CME or self._final == _p.FINAL_CMS:
            try:
                code = int(text[text.find(":") + 1 :])
            except ValueError:
                pass  # verbose text (CMEE=2)
        return ATError(name_of(self._cmd), text, code)

    # --- events ---------------------------------------------------------------------------------------------------

    def _event(self, kind, a, b):
        if kind >= _p.FINAL_OK:
            if self._cmd is None or self._final:
                self.unknown += 1
            elif kind == _p.FINAL_OK:
                if not self.parser.prompt:  # some firmwares say OK, then prompt
                    self._final = kind
                    self._wake()
            else:
                self._final_text = self._text(a, b).decode()
                self._final = kind
                self._wake()
        elif kind == _p.LINE:
            self._line(a, b)
        elif kind == _p.PROMPT:
            self._prompted = True
            self._wake()
        elif kind == _p.DATA and self.on_data:
            self.on_data(memoryview(self.parser.buf)[a:b])

    def _line(self, a, b):
        buf = self.parser.buf
        if self._cmd is not None:
            if self._is_echo(buf, a, b):
                return
            if self._then and self._late is None and buf.startswith(self._then, a):
                self._late = self._text(a, b)
                self._wake()
                return
            prefix = self._prefix
            if prefix and not self._final and buf.startswith(prefix, a):
                is_answer = self.ambiguous.get(prefix)
                if is_answer is None or is_answer(buf, a, b):
                    a += len(prefix)
                    while a < b and (buf[a] == 58 or buf[a] == 32):  # ": ", ":" and " :" are all in the field
                        a += 1
                    self.lines.append(self._text(a, b))
                    return
        for banner in self.banners:
            if b - a == len(banner) and buf.startswith(banner, a):
                self._restart()
                return
        for prefix in self.urcs:
            if buf.startswith(prefix, a):
                self._urc(a, b)
                return
        if self._prefix == b"" and self._cmd is not None and not self._final:
            self.lines.append(self._text(a, b))
            return
        self.unknown += 1
        self._urc(a, b)

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
        return True

    def _text(self, a, b):
        return bytes(memoryview(self.parser.buf)[a:b])

    def _urc(self, a, b):
        if self.on_urc:
            try:
                self.on_urc(self._text(a, b))
            except Exception as e:  # a handler's fault must not end the reader
                from cellular.trace import trace

                trace("urc_handler_failed", error=repr(e))

    def _restart(self):
        self._stale = False
        self._restarted = True
        if self.on_reset:
            self.on_reset()
        self._wake()

    def _wake(self):
        task = self._waiter
        if task is not None:
            self._waiter = None
            core._task_queue.remove(task)
            core._task_queue.push(task)

    def black_box(self):
        """The last traffic as text, oldest first; lines that were sent begin with `>`, their parameters left out."""
        out = []
        for line in self.parser.black_box().replace(b"\r", b"\n").split(b"\n"):
            if line[:2].upper() == b"AT":  # an echo shows parameters
                line = line[: _shown(line)]
            line = line.replace(b"\0", b"")
            if line:
                out.append("".join(chr(c) if 32 <= c < 127 else "." for c in line))
        return "\n".join(out)
