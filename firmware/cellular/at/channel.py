"""One AT command at a time over a UART, on asyncio.

A reader task feeds the parser; `cmd()` waits with its own deadline, which fires on a silent modem too. Lines that are
not the answer of the running command go to `on_urc`, at whatever position they come. A command that was given up
(deadline, cancellation) leaves the channel stale: before the next command an `AT` is exchanged, and as many results are
waited for as commands were written, so no command ever takes the answer of another, however late the modem is. Nothing
runs here while the modem is silent and nobody asks.
"""

import asyncio
from asyncio import core, sleep_ms
from time import ticks_add, ticks_diff, ticks_ms

from cellular.at import parser as _p
from cellular.at.blackbox import name_of, shown
from cellular.at.incoming import Incoming
from cellular.errors import ATError, ModemReset, ModemSilent, PromptMissing
from micropython import const

# A module may need two seconds to wake, and loses what it hears meanwhile; one that is late hears it all. Hence the
# waits for each `AT` of a resync: 400 ms, thrice, then ever longer.
_SYNC_TRIES = const(6)
_SYNC_MS = const(400)
_SYNC_TOTAL_MS = const(6800)
_LATE_MS = const(5000)  # the longest that a result which is owed is waited for
_LINE_MS = const(20)  # a line that has begun is complete
_QUIET_MS = const(100)
_QUIET_ROUNDS = const(20)  # a modem that never stops talking must not hold the next command for ever
_OWED_MS = const(2000)
_WRITE_STEP_MS = const(5)
_GT = const(62)
_AT_SIGN = const(64)
_ESC = b"\x1b"
_FILLER = b"\r" * 32


class Channel(Incoming):
    """`uart`: a stream with `readinto` and `write` that `select.poll` accepts, such as machine.UART.

    on_urc(line), on_reset(), on_payload(line, payload), on_cut(line) are called from the reader task and must not
    block. on_cut gets the beginning of a URC that is longer than the buffer.
    Data of the modem's profile, set by the modem layer (and `parser.headers`, for payload behind a comma):
    urcs: prefixes of unsolicited lines; banners: lines that say the modem has restarted;
    ambiguous: {answer prefix: fn(buf, start, end) -> True for an answer, False for a URC with the same prefix};
    payloads: (prefix, index) of lines behind which raw payload comes: field `index` behind the colon is its length, or
        what the function `index` makes of the fields;
    finals: beginnings of lines that end a command in place of OK, such as b"SEND "; `final_line` is the whole line;
    prompts: what asks for payload besides `>`: b"@" or whole lines such as b"CONNECT"; b"OK" where OK is the prompt;
    boot_begins: from a line that begins so until a banner, what nobody knows is noise of another baud rate;
    bare: the command that makes data come without anything before them, until it is given with another value;
    prompt_gap_ms: rest between the prompt and the payload; line_end: what ends a command.
    The payload of an answer stands in `payload` until the next command (None: there was none); that of any other line
    goes with it to on_payload(line, payload).
    """

    def __init__(self, uart, on_urc=None, on_reset=None, size=1344):
        super().__init__(uart, on_urc, on_reset, size)
        self.prompt_gap_ms = 0
        self.line_end = b"\r"
        self._lock = asyncio.Lock()
        self._owed_until = 0
        self._timeout_ms = 0
        self._deadline = 0

    async def cmd(self, command, prefix=None, timeout_ms=5000, then=None, then_ms=0, data=None, end=None, done=None):
        """Send `command` (bytes, no line end) and wait for its final result. Returns the last answer line or None.

        prefix: answer lines begin with it (`b"+CSQ"`); b"" takes any line that is no URC; None: no answer lines.
            The returned line lacks `prefix: `. All lines of the answer stand in `lines` until the next command.
        then, then_ms: the command is complete only when a line that begins with `then` has come as well (before or
            after OK), e.g. b"SEND "; that line is returned whole.
        data: payload written after the `>` prompt; `end` (b"\\x1a") follows it where the dialect wants it.
        done: where this command has no OK: a line that begins so, and is no URC, ends it and is its answer.
        Raises ATError, ModemSilent (deadline in ms, counted for OK and `then` apart), PromptMissing, ModemReset.
        """
        if self._lock.state:
            await self._lock.acquire()
        else:
            self._lock.state = 1
        try:
            if self._stale:
                await self._sync()
            self._begin(command, prefix, then, timeout_ms)
            self._done = done
            written = self._uart.write(command)
            if written != len(command):
                await self._write(command, written or 0)
            self._uart.write(self.line_end)
            if data is not None:
                await self._send_data(data, end)
            while not self._final:
                await sleep_ms(self._left())
            self._stale = False
            if self._final != _p.FINAL_OK:
                self._then = None
                raise self._error()
            if then is None:
                return self.lines[-1] if self.lines else None
            self._wait_for(then_ms)
            while self._late is None:
                await sleep_ms(self._left())
            return self._late
        finally:
            self._leave()

    async def poke(self, timeout_ms, again_ms):
        """Write an `AT` that a sleeping modem may lose, one more after `again_ms`, and wait until any byte comes.

        Returns False if none came within `timeout_ms`. Light sleep loses the first and answers the second; deep sleep
        loses both and says when it is awake, by a bare line end.
        """
        await self._lock.acquire()
        try:
            self._rx_seen = self._rx_said = False
            self._rx_wakes = True
            for part_ms in (again_ms, timeout_ms - again_ms):
                self._begin(b"AT", None, None, part_ms)
                self._uart.write(b"AT" + self.line_end)
                try:
                    while not self._rx_seen:
                        await sleep_ms(self._left())
                    break
                except ModemSilent:
                    pass
            else:
                return False
            self._rx_wakes = False
            if not self._rx_said:
                await sleep_ms(_LINE_MS)
                if not self._rx_said:
                    self._unanswered = 0  # it has slept: what it was told is lost, and not late
            return True
        finally:
            self._rx_wakes = False
            self._leave()

    async def sync(self):
        """Exchange an `AT` and wait for silence: then nothing of the past can come. Raises ModemSilent, ModemReset."""
        await self._lock.acquire()
        try:
            await self._sync()
        finally:
            self._leave()

    async def _sync(self):
        for attempt in range(_SYNC_TRIES):
            if attempt and self._unsent:
                # Still in data mode, where ESC counts as payload if a length was given. CRs fill that up, and are no
                # command if it is over.
                self._uart.write(_ESC)
                for _ in range(self._unsent // len(_FILLER) + 1):
                    self._uart.write(_FILLER)
            self._begin(b"AT", None, None, _SYNC_MS << max(0, attempt - 2))
            self._uart.write(b"AT" + self.line_end)
            try:
                while not self._final:
                    await sleep_ms(self._left())
                break
            except ModemSilent:
                self._drop()
        else:
            raise ModemSilent("AT", _SYNC_TOTAL_MS)
        await self._take_results()
        # A line may still be on its way, as the one behind a late OK.
        for _ in range(_QUIET_ROUNDS):
            self._rx_seen = False
            await sleep_ms(_QUIET_MS)
            if not self._rx_seen:
                break
        while self._owed is not None:
            left = ticks_diff(self._owed_until, ticks_ms())
            if left <= 0:
                break
            self._waiter = core.cur_task
            await sleep_ms(left)
        self._owed = None
        self._unsent = 0
        self._stale = False

    async def _take_results(self):
        """Wait for what is owed to all that was written before: each result as long as the slowest so far has taken.
        What does not come then was lost."""
        while self._unanswered:
            owed = self._unanswered
            self._wait_for(min(max(self._lag_ms, 0) * 5 // 4 + _QUIET_MS, _LATE_MS))
            try:
                while self._unanswered == owed:
                    await sleep_ms(self._left())
            except ModemSilent:
                self._unanswered = 0

    def _begin(self, command, prefix, then, timeout_ms):
        """From here on what comes belongs to `command`, and until its end the channel is stale."""
        self._cmd = command
        self._prefix = prefix
        self._then = then
        self._echoed = 0
        self._final = 0
        self._final_text = None
        self._late = None
        self._restarted = self._booting = False
        self._done = None
        self.payload = self.final_line = None
        self._stale = True
        if not self._unanswered:
            self._mark_ms = ticks_ms()
            self._lag_ms = 0
        self._unanswered += 1
        self.lines.clear()
        bare = self.bare
        if bare is not None and command[: bare.find(b"=") + 1].upper() == bare[: bare.find(b"=") + 1]:
            self._is_bare = command.upper().startswith(bare)
        self.parser.note(command, shown(command))
        self._wait_for(timeout_ms)

    def _leave(self):
        if self._then is not None and self._late is None and not self._restarted:
            self._stale = True
            self._owed = self._then
            now = ticks_ms()
            self._owed_until = ticks_add(now, min(_OWED_MS, ticks_diff(self._deadline, now)))
        self._waiter = None
        self._cmd = None
        self._then = None
        self.parser.prompt = 0
        self._lock.release()

    def _left(self):
        """Milliseconds to the deadline; the caller sleeps so long unless an event wakes it."""
        if self._restarted:
            raise ModemReset(name_of(self._cmd))
        left = ticks_diff(self._deadline, ticks_ms())
        if left <= 0:
            raise ModemSilent(name_of(self._cmd), self._timeout_ms)
        self._waiter = core.cur_task
        return left

    def _wait_for(self, timeout_ms):
        self._timeout_ms = timeout_ms
        self._deadline = ticks_add(ticks_ms(), timeout_ms)

    async def _write(self, data, done):
        """Write `data` from `done` on as the driver takes it; a line that is stuck ends at the command's deadline."""
        view = memoryview(data)
        while True:
            done += self._uart.write(view[done:]) or 0
            if done >= len(view):
                return
            await sleep_ms(min(self._left(), _WRITE_STEP_MS))

    async def _send_data(self, data, end):
        """The payload behind its prompt. Whatever prevents it, the modem must not stay in data mode, where it would
        take the next command for payload."""
        timeout_ms = self._timeout_ms
        self._unsent = len(data) + 1
        self._at_prompt = True
        self.parser.prompt = _AT_SIGN if b"@" in self.prompts else _GT
        try:
            while self._at_prompt and not self._final:
                await sleep_ms(self._left())
            self._wait_for(timeout_ms + self.prompt_gap_ms)
            while not self._final and self._left() > timeout_ms:
                await sleep_ms(self._left() - timeout_ms)
            if not self._final:
                await self._write(data, 0)
                if end:
                    self._uart.write(end)
            self._unsent = 0
            self._wait_for(timeout_ms)
        except ModemSilent as e:
            if self._at_prompt:
                raise PromptMissing(e.command, e.timeout_ms)
            raise
        finally:
            self._at_prompt = False
            if self._unsent:
                self._uart.write(_ESC)

    def _error(self):
        answer = self._final_text
        code = None
        if self._final == _p.FINAL_CME or self._final == _p.FINAL_CMS:
            try:
                code = int(answer[answer.find(":") + 1 :])
            except ValueError:
                pass  # verbose text (CMEE=2)
        return ATError(name_of(self._cmd), answer, code, self._late)
