"""Floor 3: a registered, sleeping or awake connection to the network, and how to get it back.

A restart of the modem is an event in every state: what was believed is forgotten, and the link brings the modem back
to its timers even if nobody wants to send.
"""

import asyncio
from time import ticks_diff, ticks_ms

from cellular.at.fields import number, split
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
from cellular.link.registration import DENIED, IDLE, ROAMING, SEARCHES, Registration
from cellular.trace import trace
from cellular.uptime import seconds
from cellular.waiter import Waiter

# States, for logs and tests.
OFF = "off"
STARTING = "starting"
SEARCHING = "searching"
AWAKE = "awake"
RELEASED = "released"

_SETTLE_DENIED_MS = 2000  # a URC with the cause may follow the bare "denied"
_POLL_MS = 10000  # while registering: a registration URC may get lost
_UP_TRIES = 3
_ALARM_SEARCHES = 30  # in vain, an hour and a half or more: then the radio rests between them even for an alarm
_ACT_WB = 4
_DEAF_MS = 1500  # a module that has just switched off does not see its power key
_KEEP_TRIES = 3
_KEEP_DELAY_S = 60


class Link:
    """config keys: apn, pin (secret), t3324_s, t3412_s, edrx_s (None = leave as it is), search_s, folder.

    on_phase(phase): called when `phase` has changed. Raises ValueError if a timer is longer than its longest code.
    """

    def __init__(self, modem, config):
        self.modem = modem
        self.state = OFF
        self.registration = Registration()
        self.power = PowerSaving(
            timers.round_up(config.get("t3324_s"), config.get("t3412_s"), config.get("edrx_s"))
        )
        self.resets_seen = 0
        self._apn = config.get("apn")
        self._pin = config.get("pin")
        self._search_s = config.get("search_s", 180)
        self._recovery = Recovery(config.get("folder", "."))
        self._lock = asyncio.Lock()
        self._changed = Waiter()
        self._lost = asyncio.Event()
        self._ready = False  # set up, and not restarted since
        self._held = False  # kept from sleeping
        self._denied = False  # the refusal that the modem still reports has been told
        self._mode = None  # <n> of +CEREG as first read since the set-up
        self._in_session = False
        self._in_vain = False  # the last attempt found no cell, and the radio need not wait for one
        self._searches = 0  # in vain, one after the other
        self._radio_off = False  # switched off by us until the next attempt
        self.on_phase = None
        self._phase = OFF
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

    @property
    def phase(self):
        """What the modem does, as far as it has told: "off", "radio_off", "search", "connected", "awake", "idle" or
        "psm"."""
        power = self.power
        if power.connected:
            return "connected"
        if self.state == OFF:
            return "off"
        if self._radio_off:
            return "radio_off"
        if self.registration.stat == SEARCHES:
            return "search"
        if power.in_use:
            return "awake"
        return "psm" if power.asleep else "idle"

    # --- for the services -----------------------------------------------------------------------------------------

    async def up(self, urgent=False):
        """Awake and registered when it returns. Raises CellularError; the caller then calls `release`, as it does
        after a session, and delays before it tries again.

        urgent: an alarm may reset a hung modem sooner than once an hour.
        """
        self._in_session = True
        async with self._lock:
            await self._up(urgent)

    async def udp(self, host, port):
        """A UDP socket of this session; gone after `release`."""
        return await self.modem.udp_open(host, port)

    async def release(self):
        """Nothing more to send: give the radio back early and let the modem sleep."""
        self._in_session = False
        async with self._lock:
            if not await self._rest():
                self._lost.set()

    async def run(self):
        """Keep the modem set up while nobody sends: after a restart of its own it must get back to PSM. Endless, and
        silent while nothing happens."""
        while True:
            await self._lost.wait()
            for attempt in range(1, _KEEP_TRIES + 1):
                self._lost.clear()
                try:
                    await self._keep()
                except Exception as e:  # whatever it is, the next restart must be noticed
                    trace("link_keep_failed", error=str(e), what=type(e).__name__, attempt=attempt)
                if self._ready:
                    break
                await asyncio.sleep(_KEEP_DELAY_S * attempt)

    async def _keep(self):
        async with self._lock:
            if self._ready:
                return
            try:
                await self._up(False)
            finally:
                if not self._in_session:
                    await self._rest()

    async def _rest(self):
        """Let the modem sleep. False if it does not take it: it may be awake for ever then, at a thousand times the
        sleep current, so it has to be set up anew."""
        told = True
        if self._held:
            try:
                if self._in_vain:
                    # Left to itself it would search on, at a thousand times the sleep current, until the next attempt.
                    await self.modem.radio_off()
                    self._radio_off = True
                    trace("radio", on=False)
                await self.modem.let_sleep(self.power.connected)
                self._held = False
            except CellularError as e:
                trace("release_failed", error=str(e))
                told = self._ready = False
        self.power.use(False)
        if self.state != OFF:
            self._enter(RELEASED)
        return told

    # --- bring-up -------------------------------------------------------------------------------------------------

    async def _up(self, urgent):
        self._in_vain = False
        for tries_left in range(_UP_TRIES - 1, -1, -1):
            try:
                await self._awake()
                if not self.registration.registered:
                    await self._register()
                break
            except NoCoverage:
                self._searches += 1
                self._in_vain = not urgent or self._searches > _ALARM_SEARCHES
                raise
            except ModemReset:
                if not tries_left:
                    raise
            except (ModemSilent, ATError, UnexpectedAnswer) as e:
                if not tries_left or not self._recovery.allowed(urgent):
                    raise
                await self._recover(e)
        self._searches = 0
        self._recovery.succeeded()
        self._enter(AWAKE)

    async def _awake(self):
        self.power.use(True)
        self._tell_phase()
        if self.state == OFF:
            await self.modem.start()
            self._enter(STARTING)
            trace("modem_ready", model=self.modem.model, revision=self.modem.revision)
        elif self.state != AWAKE or not self._ready:
            asleep = self.power.asleep
            if asleep and self.modem.profile.PSM_OFF:
                await asyncio.sleep_ms(max(0, _DEAF_MS - ticks_diff(ticks_ms(), self.power.slept_ms)))
            trace("wake", ms=await self.modem.wake(asleep), psm=asleep)
        if not self._ready:
            await self._set_up()
        elif self.state != AWAKE:
            await self._hold()
            if self._radio_off:
                await self._switch_on()
            await self._read_registration()
            await self._read_edrx()

    async def _recover(self, error):
        self._recovery.count()
        trace("modem_recovery", reason=str(error), resets=self._recovery.resets)
        self._forget()
        try:
            await self.modem.restart()
            self._enter(STARTING)
        except ModemSilent:
            # No life after a reset: it may be off. `start` presses the power key.
            self._enter(OFF)

    async def _hold(self):
        self._held = True
        await self.modem.hold_awake()

    async def _set_up(self):
        modem = self.modem
        restart = await modem.apply_settings()
        if modem.profile.PSM_AT_BOOT:
            restart = await self._request_psm() or restart
        restarted = False
        if self._apn:
            try:
                restarted = await modem.set_apn(self._apn)
            except ATError as e:
                trace("refused", error=str(e))  # the network's default bearer may do
        if restart and not restarted:
            await modem.reboot()
            restarted = True
        if restarted:
            await modem.apply_settings()
        await self._switch_on()
        await self._hold()
        await modem.try_command(b"AT+CEREG=%d" % modem.profile.CEREG_N)
        await self._request_timers()
        # What the restart of `set_apn` has told is known; from here on a restart undoes what was set up.
        self._ready = True

    async def _switch_on(self):
        await self.modem.radio_on()
        if self._radio_off:
            self._radio_off = False
            trace("radio", on=True)
        await self.modem.unlock_sim(self._pin)

    async def _request_psm(self):
        """Ask for the times of PSM where others are asked for. True if they hold only after a restart."""
        modem = self.modem
        want = self.power.requested
        if want.t3324_s is None or want.t3412_s is None:
            return False
        line = await modem.try_command(b"AT+CPSMS?", b"+CPSMS")
        if line and timers.same_psm(split(line), want):
            return False
        for command in modem.profile.PSM_BEFORE:
            await modem.try_command(command)
        bits = timers.encode_t3412(want.t3412_s), timers.encode_t3324(want.t3324_s)
        await modem.try_command(b'AT+CPSMS=1,,,"%s","%s"' % bits)
        if not modem.profile.PSM_AT_BOOT:
            return False
        line = await modem.try_command(b"AT+CPSMS?", b"+CPSMS")
        return bool(line and timers.same_psm(split(line), want))

    async def _request_timers(self):
        modem = self.modem
        want = self.power.requested
        await self._request_psm()
        if want.edrx_s is not None:
            # Read, it tells the cycle but not whether it is asked for, so it is written.
            for act in modem.profile.EDRX_ACTS:
                bits = timers.encode_edrx(want.edrx_s, act == _ACT_WB)
                await modem.try_command(b'AT+CEDRXS=1,%d,"%s"' % (act, bits))
        trace("requested", **want.as_dict())

    # --- registration ---------------------------------------------------------------------------------------------

    async def _register(self):
        self._enter(SEARCHING)
        reg = self.registration
        began = seconds()
        await self._read_registration()
        if reg.stat == DENIED and self._denied:
            await self._try_anew()
        while True:
            if reg.stat == DENIED:
                await self._refused()
            if reg.registered:
                break
            if seconds() - began >= self._search_s:
                raise NoCoverage(self._search_s, reg.stat)
            await self._changed.wait(_POLL_MS)
            if not self._ready:
                raise ModemReset("registration")
            await self._read_registration()
            if reg.stat == IDLE and not await self.modem.radio_is_on():
                self._unnoticed_reset()
        self._denied = False
        await self._read_edrx()
        trace("registered", stat=reg.stat, roaming=reg.stat == ROAMING, search_s=seconds() - began)

    async def _try_anew(self):
        # After some causes a module does nothing until radio or SIM were off: reading the old refusal is no attempt.
        trace("registration_anew", cause=self.registration.cause)
        await self.modem.radio_restart()
        await self.modem.unlock_sim(self._pin)
        self.registration.forget()
        await self._read_registration()

    async def _refused(self):
        reg = self.registration
        if reg.cause is None:
            await self._changed.wait(_SETTLE_DENIED_MS)
            await self._read_registration()
        if reg.stat == DENIED:
            self._denied = True
            text, permanent = explain(reg.cause)
            raise RegistrationDenied(reg.cause, text, permanent)

    async def _read_registration(self):
        line = await self.modem.ask(b"AT+CEREG?", b"+CEREG")
        if line is None or not self._take_registration(line, True):
            raise UnexpectedAnswer("AT+CEREG?", line)
        mode = number(split(line), 0)
        if self._ready and self._mode is not None and mode != self._mode:
            self._unnoticed_reset()
        self._mode = mode

    def _unnoticed_reset(self):
        """It has restarted, and its banner was lost: what was set up is forgotten, maybe the radio is off."""
        self._modem_reset(False)
        raise ModemReset("registration")

    async def _read_edrx(self):
        if self.power.requested.edrx_s is None or not self.registration.registered:
            return
        line = await self.modem.try_command(b"AT+CEDRXRDP", b"+CEDRXRDP")
        f = split(line) if line else []
        # <AcT-type>,<requested>,<granted>,<PTW>; AcT-type 0: not used
        edrx = f[2:4] if len(f) > 2 and f[2] else ()
        reg = self.registration
        self.power.take_granted(reg.active_time, reg.periodic_tau, edrx, number(f, 0) == _ACT_WB)

    def _take_registration(self, text, answer):
        reg = self.registration
        if not reg.take(text, answer, self.modem.profile.CEREG_EXTRA):
            return False
        if reg.registered:
            self.power.take_granted(reg.active_time, reg.periodic_tau)
        self._tell_phase()
        return True

    # --- events ---------------------------------------------------------------------------------------------------

    def _urc(self, line):
        if line.startswith(b"+CEREG:"):
            was = self.registration.stat
            if self._take_registration(line[7:].strip(), False) and self.registration.stat != was:
                trace("registration", stat=self.registration.stat, cause=self.registration.cause)
            self._changed.wake()
            return
        profile = self.modem.profile
        connected = profile.rrc_event(line)
        if connected is not None:
            self.power.rrc(connected)
        psm = profile.psm_event(line)
        if psm is not None:
            self.power.slept(psm)
        if connected is not None or psm is not None:
            self._tell_phase()

    def _modem_reset(self, expected):
        self._changed.wake()
        if self.power.asleep and self.modem.profile.PSM_OFF:
            # It was off for its PSM. One that comes for its TAU goes back by itself, and is set up at the next session.
            self.power.slept(False)
            expected = True
        self._forget()
        if not expected and self.state != OFF:
            self.resets_seen += 1
            trace("modem_reset", count=self.resets_seen)
            self._lost.set()

    def _forget(self):
        self._ready = self._held = self._denied = False
        self._mode = None
        self.registration.forget()
        self.power.forget()
        if self.state != OFF:
            self._enter(STARTING)

    def _enter(self, state):
        if state != self.state:
            self.state = state
            trace("link", state=state)
        self._tell_phase()

    def _tell_phase(self):
        phase = self.phase
        if phase != self._phase:
            self._phase = phase
            if self.on_phase:
                self.on_phase(phase)
