"""Floor 3: a registered, sleeping or awake connection to the network, and how to get it back.

A restart of the modem is an event in every state: what was believed is forgotten, and the link brings the modem back
to its timers even if nobody wants to send.
"""

import asyncio

from cellular.at.fields import split
from cellular.errors import (
    ATError,
    CellularError,
    ModemReset,
    ModemSilent,
    NoCoverage,
    RegistrationDenied,
    UnexpectedAnswer,
)
from cellular.link import timers
from cellular.link.causes import explain
from cellular.link.power import PowerSaving
from cellular.link.recovery import Recovery
from cellular.link.registration import DENIED, ROAMING, Registration
from cellular.link.timers import Timers
from cellular.trace import trace
from cellular.uptime import seconds

# States, for logs and tests.
OFF = "off"
STARTING = "starting"
SEARCHING = "searching"
AWAKE = "awake"
RELEASED = "released"

_SETTLE_DENIED_MS = 2000  # a URC with the cause may follow the bare "denied"
_POLL_MS = 10000  # a registration URC may get lost
_KEEP_TRIES = 3
_KEEP_DELAY_S = 60


class Link:
    """config keys: apn, pin (secret), t3324_s, t3412_s, edrx_s (None = leave as it is), search_s, folder."""

    def __init__(self, modem, config):
        self.modem = modem
        self.state = OFF
        self.registration = Registration()
        self.power = PowerSaving(
            Timers(config.get("t3324_s"), config.get("t3412_s"), config.get("edrx_s"))
        )
        self.resets_seen = 0
        self._apn = config.get("apn")
        self._pin = config.get("pin")
        self._search_s = config.get("search_s", 180)
        self._recovery = Recovery(config.get("folder", "."))
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self._lost = asyncio.Event()
        self._ready = False
        self._in_session = False
        modem.on_urc = self._urc
        modem.on_reset = self._modem_reset

    @property
    def requested(self):
        return self.power.requested

    @property
    def granted(self):
        return self.power.granted

    @property
    def observed(self):
        return self.power.observed

    @property
    def busy(self):
        """A session or a bring-up is under way: the modem's answers are awaited."""
        return self._in_session or self._lock.locked()

    # --- for the services -----------------------------------------------------------------------------------------

    async def up(self, urgent=False):
        """Awake and registered when it returns. Raises CellularError; the caller delays before it tries again.

        urgent: an alarm may reset a hung modem sooner than once an hour.
        """
        async with self._lock:
            await self._up(urgent)
            self._in_session = True

    async def udp(self, host, port):
        """A UDP socket of this session; gone after `release`."""
        return await self.modem.udp_open(host, port)

    async def release(self):
        """Nothing more to send: give the radio back early and let the modem sleep."""
        async with self._lock:
            self._in_session = False
            if self.state == AWAKE:
                await self._let_sleep()

    async def run(self):
        """Keep the modem set up while nobody sends: after a restart of its own it must get back to PSM. Endless."""
        while True:
            await self._lost.wait()
            for attempt in range(_KEEP_TRIES):
                self._lost.clear()
                try:
                    async with self._lock:
                        if not self._ready:
                            await self._up(False)
                            if not self._in_session:
                                await self._let_sleep()
                    break
                except CellularError as e:
                    trace("link_keep_failed", error=str(e), attempt=attempt + 1)
                    await asyncio.sleep(_KEEP_DELAY_S << attempt)

    async def _let_sleep(self):
        try:
            await self.modem.let_sleep()
        except CellularError as e:
            # It may be awake for ever now, at a thousand times the sleep current: set it up anew.
            trace("release_failed", error=str(e))
            self._ready = False
            self._lost.set()
        self.power.use(False)
        self._enter(RELEASED)

    # --- bring-up -------------------------------------------------------------------------------------------------

    async def _up(self, urgent):
        try:
            await self._awake()
        except ModemReset:
            await self._awake()  # it restarted while we woke it: once more, on the new life
        except ModemSilent as e:
            if not self._recovery.allowed(urgent):
                raise
            await self._recover(e)
        if not self.registration.registered:
            await self._register()
        self._enter(AWAKE)

    async def _awake(self):
        self.power.use(True)
        if self.state == OFF:
            self._enter(STARTING)
            await self.modem.start()
            trace("modem_ready", model=self.modem.model, revision=self.modem.revision)
        elif self.state != AWAKE or not self._ready:
            trace("wake", ms=await self.modem.wake(), psm=self.power.asleep)
        if not self._ready:
            await self._set_up()
        elif self.state != AWAKE:
            await self.modem.hold_awake()
            await self._read_registration()

    async def _recover(self, error):
        self._recovery.count()
        trace("modem_recovery", reason=str(error), resets=self._recovery.resets)
        self._forget()
        try:
            await self.modem.restart()
        except ModemSilent:
            # No life after a reset: it may be off. `start` presses the power key.
            self._enter(OFF)
        await self._awake()

    async def _set_up(self):
        modem = self.modem
        await modem.ask(b"ATE0")
        await modem.ask(b"AT+CMEE=1")
        await modem.unlock_sim(self._pin)
        if self._apn:
            await modem.set_apn(self._apn)
        await modem.hold_awake()
        await modem.apply_settings()
        await modem.ask(b"AT+CEREG=5")
        await self._request_timers()
        # What the restart of `set_apn` has told is known; from here on a restart undoes what was set up.
        self._ready = True

    async def _request_timers(self):
        modem = self.modem
        want = self.power.requested
        if want.t3324_s is not None and want.t3412_s is not None:
            bits = '1,,,"%s","%s"' % (timers.encode_t3412(want.t3412_s), timers.encode_t3324(want.t3324_s))
            if (await modem.ask(b"AT+CPSMS?", b"+CPSMS")) != bits.encode():
                await modem.ask(b"AT+CPSMS=" + bits.encode())
        if want.edrx_s is not None:
            bits = '%d,"%s"' % (modem.profile.ACT_NB, timers.encode_edrx(want.edrx_s))
            if (await modem.ask(b"AT+CEDRXS?", b"+CEDRXS")) != bits.encode():
                await modem.ask(b"AT+CEDRXS=1," + bits.encode())
        trace("requested", **want.as_dict())

    # --- registration ---------------------------------------------------------------------------------------------

    async def _register(self):
        self._enter(SEARCHING)
        reg = self.registration
        began = seconds()
        while seconds() - began < self._search_s:
            await self._read_registration()
            if reg.stat == DENIED:
                await self._denied()
            if reg.registered:
                await self._read_edrx()
                trace("registered", stat=reg.stat, roaming=reg.stat == ROAMING, search_s=seconds() - began)
                return
            await self._wait_change(_POLL_MS)
            if not self._ready:
                raise ModemReset("registration")
        raise NoCoverage(self._search_s)

    async def _denied(self):
        reg = self.registration
        if reg.cause is None:
            await self._wait_change(_SETTLE_DENIED_MS)
            await self._read_registration()
        if reg.stat == DENIED:
            text, permanent = explain(reg.cause)
            raise RegistrationDenied(reg.cause, text, permanent)

    async def _wait_change(self, timeout_ms):
        self._changed.clear()
        try:
            await asyncio.wait_for_ms(self._changed.wait(), timeout_ms)
        except asyncio.TimeoutError:
            pass

    async def _read_registration(self):
        line = await self.modem.ask(b"AT+CEREG?", b"+CEREG")
        if line is None or not self._take_registration(line, True):
            raise UnexpectedAnswer("AT+CEREG?", line)

    async def _read_edrx(self):
        if self.power.requested.edrx_s is None:
            return
        try:
            line = await self.modem.ask(b"AT+CEDRXRDP", b"+CEDRXRDP")
        except ATError:
            return
        f = split(line) if line else []
        # <AcT-type>,<requested>,<granted>,<PTW>; AcT-type 0: not used
        edrx = f[2:4] if len(f) > 2 and f[2] else ()
        reg = self.registration
        self.power.take_granted(reg.active_time, reg.periodic_tau, edrx)

    def _take_registration(self, text, answer):
        reg = self.registration
        if not reg.take(text, answer):
            return False
        if reg.registered:
            self.power.take_granted(reg.active_time, reg.periodic_tau)
        return True

    # --- events ---------------------------------------------------------------------------------------------------

    def _urc(self, line):
        if line.startswith(b"+CEREG:"):
            was = self.registration.stat
            if self._take_registration(line[7:].strip(), False) and self.registration.stat != was:
                trace("registration", stat=self.registration.stat, cause=self.registration.cause)
            self._changed.set()
        elif line.startswith(b"+CSCON:"):
            self.power.rrc(line[7:].strip()[:1] == b"1")
        else:
            event = self.modem.profile.sleep_event(line)
            if event is None:
                return
            if event[0] == "psm":
                self.power.slept(event[1])

    def _modem_reset(self, expected):
        self._forget()
        self._changed.set()
        if not expected:
            self.resets_seen += 1
            trace("modem_reset", count=self.resets_seen)
            self._lost.set()

    def _forget(self):
        self._ready = False
        self.registration.forget()
        self.power.forget()
        if self.state != OFF:
            self._enter(STARTING)

    def _enter(self, state):
        if state != self.state:
            self.state = state
            trace("link", state=state)
