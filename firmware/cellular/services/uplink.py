"""The task that moves records from the outbox to the server, fire first, and never gives up.

`submit` writes a record to the outbox and returns at once; `run` does the rest: link up, socket, one CoAP POST a
record, the record removed after a 2.xx and only then, link released when nothing waits. A failure of any kind keeps the
record, counts, and waits as `Backoff` says. A fire interrupts an exchange of lower priority, and any such wait; an
alarm shortens the wait. A record that the server refuses (4.xx) stays and goes after the others, so it holds none back.

Every request carries the record's number as Uri-Query `seq=<number>`: a record whose acknowledgement was lost comes
again, and the server knows it by that number.
"""

import asyncio
import time

from cellular.errors import CellularError, ModemReset, ServerRefused
from cellular.services import coap
from cellular.services.backoff import ALARM_S
from cellular.services.outbox import ALARM, FIRE, ROUTINE
from cellular.trace import trace
from cellular.waiter import Waiter
from micropython import const

_REFUSALS = const(2)  # in a row: then it is the server, not the record
_REFUSED_KEPT = const(64)


class Config:
    """Where and how to send: `uri` as `coap://host:port/path` (ValueError if it is not), `backoff` a `Backoff`."""

    def __init__(self, uri, backoff, content_format=112, params=coap.NB_IOT):
        self.host, self.port, self.path, query = coap.parse_uri(uri)
        self.query = tuple(part for part in query.split("&") if part)
        self.backoff = backoff
        self.content_format = content_format
        self.params = params


class OutboxUnreadable(CellularError):
    """Records wait, but the file system cannot be read."""

    def __init__(self, waiting):
        super().__init__("%d records wait, none can be read; check the flash and its file system" % waiting)


class Uplink:
    """Records of `outbox` over `link` (`await up(urgent)`, `await udp(host, port)`, `await release()`) to the server
    of `config`.

    `on_downlink`, if set, is called with the payload (bytes) of each 2.xx answer that has one, after the record is
    removed: so a command that restarts the device is not fetched again by the record that fetched it.
    """

    def __init__(self, link, outbox, config):
        self.on_downlink = None
        self._link = link
        self._outbox = outbox
        self._config = config
        self._work = asyncio.Event()  # a record was submitted
        self._waiter = Waiter()  # of a pause
        self._fire = False  # a fire was submitted since the last session began
        self._alarm = False  # an alarm was submitted since the pause began
        self.unsent_fire = None  # number of the newest fire, until it is sent for the first time
        self._refused = []  # numbers of records that the server has refused
        self._step = None  # the task of lower priority that a fire may cancel
        self._preempted = False
        self._sock = None
        self._client = None
        self._current = FIRE  # priority of what is being done; decides the class of back-off
        self._tries = [(0, 0), (0, 0), (0, 0)]  # (seq, attempts) of the record at the head of each priority
        self._reset_excused = False  # a modem reset was retried at once since the last success

    def submit(self, priority, payload):
        """Put a record into the outbox and wake the task; return its number, or None as `Outbox.put` does.

        Synchronous and independent of the modem. Call it from a task, not from an interrupt handler.
        """
        seq = self._outbox.put(priority, payload)
        if seq is None:
            return None
        self._work.set()
        self._alarm = self._alarm or priority == ALARM
        if priority == FIRE:
            self._fire = True
            self.unsent_fire = seq
            step = self._step
            # A fire out of `on_downlink` is submitted by the step itself, whose record is done.
            if step is not None and not self._preempted and step is not asyncio.current_task():
                self._preempted = True
                step.cancel()
        self._waiter.wake()
        return seq

    def hurry(self):
        """Try what waits now, as if a fire had been submitted: one that waits already speaks for it."""
        self._fire = True
        self._waiter.wake()

    async def run(self):
        """Forever: wait for work, send it, wait after a failure. Only cancelling it ends it."""
        if not self._outbox.pending(FIRE):
            await self._pause(self._config.backoff.restart_s())
        while True:
            while not len(self._outbox):
                self._work.clear()
                await self._work.wait()
            self._fire = False
            try:
                await self._session()
                retry_s = 0
            except Exception as e:  # whatever it is, the next record must still go
                retry_s = self._failed(e)
            await self._close()
            await self._pause(retry_s)

    async def _pause(self, seconds):
        """Wait; a fire that is submitted meanwhile ends it, an alarm makes it as short as ALARM_S."""
        self._alarm = False
        began = time.ticks_ms()
        while not self._fire:
            wait_s = min(seconds, ALARM_S) if self._alarm else seconds
            left_ms = wait_s * 1000 - time.ticks_diff(time.ticks_ms(), began)
            if left_ms <= 0:
                return
            await self._waiter.wait(left_ms)

    async def _session(self):
        """Send all that waits, last what was refused before. Raises what the next attempt has to wait for."""
        refused = []  # in this session
        skip = list(self._refused)
        error = None
        in_row = 0
        while True:
            self._current = FIRE if self._outbox.pending(FIRE) else ROUTINE
            record = self._outbox.peek(skip)
            if record is None:
                if skip is not refused:
                    skip = refused
                    continue
                if error is not None:
                    raise error
                if len(self._outbox):
                    raise OutboxUnreadable(len(self._outbox))
                return
            try:
                if await self._deliver(record):
                    in_row = 0
            except ServerRefused as e:
                if e.code[0] != 4:
                    raise
                error = e
                in_row += 1
                self._note_refusal(record, e.code)
                if in_row == _REFUSALS:
                    raise
                refused.append(record[0])
                if skip is not refused:
                    skip.append(record[0])

    def _note_refusal(self, record, code):
        seq, priority, _ = record
        trace("uplink_refused", seq=seq, prio=priority, code="%d.%02d" % code)
        if priority != FIRE and seq not in self._refused:  # a fire comes first every time
            self._refused = self._refused[1 - _REFUSED_KEPT :] + [seq]

    async def _deliver(self, record):
        """Send one record. False if a fire cut in: then the record is simply begun anew, after the fire."""
        if record[1] == FIRE:
            await self._send(record)
            return True
        self._step = asyncio.create_task(self._send(record))
        try:
            await self._step
        except asyncio.CancelledError:
            if not self._preempted:
                raise
            trace("uplink_preempted", seq=record[0], prio=record[1])
            return False
        finally:
            self._step = None
            self._preempted = False
        return True

    async def _send(self, record):
        seq, priority, payload = record
        config = self._config
        await self._connect(priority == FIRE)
        attempt = self._tries[priority][1] + 1 if self._tries[priority][0] == seq else 1
        self._tries[priority] = (seq, attempt)
        if seq == self.unsent_fire:
            self.unsent_fire = None
        trace("uplink_sent", seq=seq, prio=priority, attempt=attempt)
        self._sock.last = len(self._outbox) == 1
        began = time.ticks_ms()
        query = config.query + ("seq=%d" % seq,)
        code, answer = await self._client.request("POST", config.path, payload, config.content_format, query)
        latency_ms = time.ticks_diff(time.ticks_ms(), began)
        self._outbox.ack(seq)
        if seq in self._refused:
            self._refused.remove(seq)
        self._reset_excused = False
        config.backoff.succeeded()
        trace("uplink_ack", seq=seq, prio=priority, latency_ms=latency_ms, code="%d.%02d" % code)
        if answer and self.on_downlink:
            try:
                self.on_downlink(answer)
            except Exception as e:
                trace("downlink_failed", error=str(e), what=type(e).__name__)

    async def _connect(self, urgent):
        if self._sock is not None:
            return
        config = self._config
        await self._link.up(urgent)
        self._sock = await self._link.udp(config.host, config.port)
        self._client = coap.Client(self._sock, config.params, config.host)

    async def _close(self):
        """Socket and link are let go whatever state they are in; a failure here has no record to hold back."""
        sock = self._sock
        self._sock = self._client = None
        try:
            if sock is not None:
                await sock.close()
        except Exception as e:
            trace("uplink_close_failed", error=str(e), what=type(e).__name__)
        try:
            await self._link.release()
        except Exception as e:
            trace("uplink_release_failed", error=str(e), what=type(e).__name__)

    def _failed(self, error):
        """Count a failure and return the delay until the next attempt in seconds."""
        backoff = self._config.backoff
        urgent = self._current == FIRE
        retry_s = backoff.failed(urgent, getattr(error, "permanent", False))
        if isinstance(error, ModemReset) and not self._reset_excused:
            # The modem starts anew with no memory of what went wrong: worth one attempt without delay, not two.
            self._reset_excused = True
            retry_s = 0
        trace("uplink_failed", error=str(error), what=type(error).__name__, count=backoff.count, retry_s=retry_s)
        return retry_s
