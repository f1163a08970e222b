"""Wires the meter's state machine to register, contacts, time, flash and server. Only events and its timers wake it."""

import asyncio
import gc
import sys
from binascii import crc32, hexlify

import board
import machine
from apps.common import device
from apps.meter import VERSION, config, state
from apps.meter.machine import DAILY_KEPT, HOURLY_KEPT, P_ROUTINE, Inputs, MeterMachine
from apps.meter.ring import Ring
from cellular import idle
from cellular.services import clock, ledger
from cellular.services.retained import Retained
from cellular.services.smallfile import load_checked, store_checked
from cellular.trace import trace
from cellular.uptime import seconds
from machine import ADC, RTC, WDT, Pin
from micropython import const

_WDT_MS = const(20000)
_OUTBOX_BYTES = const(32768)  # 60 days of hourly readings and more, see docs/meter.md
_CHARGE_UPLOADS = const(7)  # what each phase took is told with each so many upload
_LEDGER = (ledger.MODEM, ledger.MCU, ("pulse_input",))

_CONFIG = board.FLASH + "/config.json"
_STATE = board.FLASH + "/state"


class MeterApp:
    """`run()` never ends."""

    def __init__(self):
        self._id = machine.unique_id()
        self._cause = device.cause()
        self._flag = idle.signal()
        self._due = True  # the machine is to be stepped whatever the time
        self._inputs = Inputs()
        self._battery_adc = ADC(board.BATTERY_ADC)
        self._state = state.State()
        self._comms = None
        self._messages = None
        self._retained = Retained(
            device.rtc(),
            (("clock", clock.AREA_BYTES), ("ledger", ledger.area_bytes(_LEDGER)), ("meter", state.BYTES)),
        )
        self._clock = clock.Clock(RTC(), self._retained.get("clock"), board.FLASH + "/drift", self._retained.save)
        self._ledger = ledger.Ledger(_LEDGER, self._retained.get("ledger"), board.FLASH + "/ledger")

    async def run(self):
        trace("boot", runtime=device.runtime(), app="meter", version=VERSION, cause=self._cause)
        self._set_up()
        both = Pin.IRQ_RISING | Pin.IRQ_FALLING
        self._cover = device.wake_input(board.TAMPER, Pin.PULL_UP, self._changed, both)
        idle.install(self._may_sleep, WDT(timeout=_WDT_MS))
        while True:
            try:
                await self._turn()
            except Exception as e:  # out of memory, most likely: the next turn comes all the same
                gc.collect()
                sys.print_exception(e)
                trace("turn_failed", error=str(e), what=type(e).__name__)
                await asyncio.sleep_ms(1000)

    async def _turn(self):
        self._flag.clear()
        due, self._due = self._due, False
        if due or seconds() >= self.machine.next_due_s or self._counted():
            self._step()
        wait_s = max(self.machine.next_due_s - seconds(), 0)
        try:
            await asyncio.wait_for_ms(self._flag.wait(), wait_s * 1000)
        except asyncio.TimeoutError:
            pass

    # --- set-up -------------------------------------------------------------------------------------------------------

    def _set_up(self):
        try:
            settings, problems = config.load(_CONFIG)
        except Exception as e:
            settings, problems = config.defaults(), ["config.json: %s" % e]
        for problem in problems:
            trace("config", problem=problem)
        self._settings = settings
        self._battery = ledger.Battery(settings["battery_mah"], settings["self_discharge_percent"])
        readings = HOURLY_KEPT * 3600 // settings["interval_s"]
        self._readings = Ring(board.FLASH + "/readings", readings)
        self._freezes = Ring(board.FLASH + "/freezes", DAILY_KEPT)
        self._register = self._make_register()
        self.machine = MeterMachine(settings, self._cause, crc32(self._id))
        newest = [ring.last and ring.last[0] for ring in (self._readings, self._freezes)]
        self.machine.restore(newest[0], newest[1], self._state.slot_s, self._state.active)
        if settings["server"] is None:
            trace("config", problem="no server: readings stay on the device")
        else:
            self._connect()

    def _make_register(self):
        """The pulse register, as it was before the restart."""
        from apps.meter.pulses import PulseRegister

        kept = self._retained.kept and self._state.unpack(bytes(self._retained.get("meter")))
        if not kept:
            self._state.unpack(load_checked(_STATE, state.BYTES))
        forward = self._source(board.PULSE, board.PULSE_COUNTER, board.PULSE_DIRECTION)
        backward = self._source(board.PULSE_REVERSE, board.PULSE_REVERSE_COUNTER, None)
        weight = self._settings["pulse_weight"]
        register = PulseRegister(forward, backward, weight)
        s = self._state
        if kept:
            register.restore(s.total, s.back, s.seen, s.seen_reverse)
        elif self._readings.next > s.readings_kept:
            register.restore_index(self._readings.last[1], s.back)
        elif s.known:
            register.restore_index(s.total * weight, s.back)
        else:
            register.restore_index(self._settings["index"], 0)
        return register

    def _source(self, pin, counter, direction):
        """What counts the pulses of `pin`: hardware where the board has it, else interrupts. None without a pin."""
        from apps.meter import pulses

        if pin is None:
            return None
        if counter is not None:
            return pulses.CounterSource(_counter(counter, Pin(pin, Pin.IN, Pin.PULL_UP)))
        line = Pin(pin, Pin.IN, Pin.PULL_UP)
        source = pulses.IrqSource(line, self._edge, direction and Pin(direction, Pin.IN))
        line.irq(source.edge, Pin.IRQ_RISING | Pin.IRQ_FALLING, wake=machine.SLEEP)
        return source

    def _connect(self):
        try:
            from apps.common.comms import Comms
            from apps.meter.messages import Messages

            self._messages = Messages(device.base_name(self._id), self._settings["unit"])
            seed = hexlify(self._id).decode()
            self._comms = Comms(
                self._settings, seed, clock=self._clock, ledger=self._ledger, outbox_bytes=_OUTBOX_BYTES
            )
            self._comms.on_time = self._look
            asyncio.create_task(self._comms.run())
        except Exception as e:
            sys.print_exception(e)
            trace("comms_failed", error=str(e), what=type(e).__name__)

    # --- what wakes ---------------------------------------------------------------------------------------------------

    def _look(self):
        self._due = True
        self._flag.set()

    def _changed(self, pin):
        self._look()

    def _edge(self):
        # For each edge: light sleep that ends for nothing is followed by a wait with the CPU awake.
        self._flag.set()

    def _may_sleep(self):
        return self._comms is None or self._comms.quiet()

    def _counted(self):
        """After an edge at a pulse input: what it has counted is in RTC memory before the next sleep. True if it has to
        be looked at now.
        """
        self._register.read()
        if self._register.state()[0] != self._state.total:
            self._keep()
        return self._register.reverse != self._inputs.reverse

    # --- a step -------------------------------------------------------------------------------------------------------

    def _step(self):
        m = self.machine
        inputs = self._inputs
        now_s = seconds()
        inputs.utc_s = self._clock.now_s()
        inputs.zone_s = self._clock.zone_quarters * 900
        try:
            inputs.value = self._register.read()
            inputs.reverse = self._register.reverse
        except OSError as e:
            inputs.value = None
            trace("register_failed", error=str(e))
        inputs.open = self._cover.value() == 0
        inputs.battery_mv = self._battery_mv() if m.battery_due(now_s) else None
        m.step(now_s, inputs)
        self._store(inputs)
        told, m.events = m.events, []
        for event in told:
            self._submit(event, inputs.utc_s)
        if m.upload:
            m.upload = False
            self._upload(inputs.utc_s)
        changed = self._state.active != m.active
        if changed:
            trace("alarms", active=m.active)
            self._state.active = list(m.active)
        self._keep()
        if changed or (inputs.utc_s is None and not told):
            # Without a clock there are no readings on flash that would tell the index after a loss of power.
            self._store_state()

    def _store(self, inputs):
        m = self.machine
        for name, ring, new in (("reading", self._readings, m.readings), ("freeze", self._freezes, m.freezes)):
            if new:
                trace(name, time_s=new[-1][0], value=new[-1][1], count=len(new), late=new[-1][2])
                ring.add(new)
                new.clear()

    def _keep(self):
        """RTC memory is brought up to date."""
        s = self._state
        s.total, s.back, s.seen, s.seen_reverse = self._register.state()
        s.readings_kept = self._readings.next
        s.pack_into(self._retained.get("meter"))
        self._ledger.keep()
        self._retained.save()

    def _store_state(self):
        store_checked(_STATE, self._retained.get("meter"))

    def _battery_mv(self):
        return self._battery_adc.read_uv() * board.BATTERY_DIVIDER // 1000

    # --- server -------------------------------------------------------------------------------------------------------

    def _submit(self, event, utc_s):
        trace("event", prio=event[0], name=event[1], value=event[2])
        if self._comms is not None:
            self._comms.submit(event[0], self._messages.event(self.machine, event, utc_s))

    def _upload(self, utc_s):
        """Hand what was gathered since the last time to the outbox, which keeps it until the server has it."""
        comms = self._comms
        if comms is None:
            return
        s = self._state
        currents_na = comms.currents_na()
        account = self._ledger.close_day(currents_na, self._battery)
        readings = self._readings.since(s.readings_sent)
        freezes = self._freezes.since(s.freezes_sent)
        packs = 0
        for pack, reading, freeze in self._messages.upload(
            self.machine, utc_s, account, self._clock.drift_ppm, readings, freezes
        ):
            if comms.submit(P_ROUTINE, pack) is None:
                break  # no room, and it says so; the readings are kept for the next time
            s.readings_sent = max(s.readings_sent, reading)
            s.freezes_sent = max(s.freezes_sent, freeze)
            packs += 1
        s.uploads += 1
        if s.uploads % _CHARGE_UPLOADS == 1:
            charge_uah = self._ledger.charge_uah(currents_na)
            comms.submit(P_ROUTINE, self._messages.charge(charge_uah, utc_s, comms.modem and comms.modem.imei))
        s.slot_s = s.slot_s if utc_s is None else utc_s
        trace("upload", packs=packs, readings=self._readings.next, freezes=self._freezes.next)
        self._keep()
        self._store_state()


def _counter(number, pin):
    """The hardware counter as it is, if it has counted on through the restart; else begun anew."""
    from machine import Counter

    counter = Counter(number)
    try:
        counter.value()
        return counter
    except (OSError, ValueError, RuntimeError):
        return Counter(number, src=pin)
