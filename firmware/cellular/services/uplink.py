"""The task that moves records from the outbox to the server, fire first, and never gives up.

`submit` writes a record to the outbox and returns at once; `run` does the rest: link up, socket, one CoAP POST a
record, the record removed after a 2.xx and only then, link released when nothing waits. A failure of any kind keeps the
record, counts, and waits as `Backoff` says. A fire interrupts an exchange of lower priority, and any such wait.

Every request carries the record's number as Uri-Query `seq=<number>`: a record whose acknowledgement was lost comes
again, and the server knows it by that number.
"""

import asyncio
import time

from cellular.errors import CellularError, ModemReset
from cellular.services import coap
from cellular.services.outbox import FIRE, ROUTINE
from cellular.trace import trace


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
        self._fire = asyncio.Event()  # a fire was submitted
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
        if priority == FIRE:
            self._fire.set()
            step = self._step
            # A fire out of `on_downlink` is submitted by the step itself, whose record is done.
            if step is not None and not self._preempted and step is not asyncio.current_task():
                self._preempted = True
                step.cancel()
        return seq

    async def run(self):
        """Forever: wait for work, send it, wait after a failure. Only cancelling it ends it."""
        if not self._outbox.pending(FIRE):
            await self._pause(self._config.backoff.restart_s())
        while True:
            while not len(self._outbox):
                self._work.clear()
                await self._work.wait()
            self._fire.clear()
            try:
                await self._session()
                retry_s = 0
            except Exception as e:  # whatever it is, the next record must still go
                retry_s = self._failed(e)
            await self._close()
            await self._pause(retry_s)

    async def _pause(self, seconds):
        """Wait; a fire that is submitted meanwhile ends it."""
        began = time.ticks_ms()
        while not self._fire.is_set():
            left_ms = seconds * 1000 - time.ticks_diff(time.ticks_ms(), began)
            if left_ms <= 0:
                return
            try:
                await asyncio.wait_for_ms(self._fire.wait(), left_ms)
            except asyncio.TimeoutError:
                pass

    async def _session(self):
        """Send all that waits. A step that a fire cancelled is simply begun anew, now for the fire."""
        while True:
            self._current = FIRE if self._outbox.pending(FIRE) else ROUTINE
            record = self._outbox.peek()
            if record is None:
                if len(self._outbox):
                    raise OutboxUnreadable(len(self._outbox))
                return
            if record[1] == FIRE:
                await self._send(record)
                continue
            self._step = asyncio.create_task(self._send(record))
            try:
                await self._step
            except asyncio.CancelledError:
                if not self._preempted:
                    raise
                trace("uplink_preempted", seq=record[0], prio=record[1])
            finally:
                self._step = None
                self._preempted = False

    async def _send(self, record):
        seq, priority, payload = record
        config = self._config
        await self._connect(priority == FIRE)
        attempt = self._tries[priority][1] + 1 if self._tries[priority][0] == seq else 1
        self._tries[priority] = (seq, attempt)
        trace("uplink_sent", seq=seq, prio=priority, attempt=attempt)
        began = time.ticks_ms()
        query = config.query + ("seq=%d" % seq,)
        code, answer = await self._client.request("POST", config.path, payload, config.content_format, query)
        latency_ms = time.ticks_diff(time.ticks_ms(), began)
        self._outbox.ack(seq)
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
