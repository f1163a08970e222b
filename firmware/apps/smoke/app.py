"""Wires the state machine to pins, time, flash and server. Only events and the machine's own timers wake it."""

import asyncio
import gc
import sys
from binascii import crc32, hexlify

import board
import machine
from apps.common import device
from apps.smoke import VERSION, config
from apps.smoke.machine import ALARM, HUSH, P_FIRE, Inputs, SmokeMachine
from apps.smoke.service import load_days, store_days
from apps.smoke.signals import Signal
from cellular import idle
from cellular.trace import trace
from cellular.uptime import seconds
from machine import ADC, WDT, Pin
from micropython import const

_WDT_MS = const(20000)
_RELEASE_MS = const(50)
_STUCK_S = const(5)  # held for so long, the button is looked at once a second: a ten-year battery must bear it
_WAIT_MAX_S = const(172800)  # uptime.seconds() wants to be called now and then
_FAILURES = const(10)  # steps in a row
_SETTLED_S = const(60)
_RESTART_S = const(3600)  # a server that answers each record with a restart, that of the start too, gets one an hour

_CONFIG = board.FLASH + "/config.json"
_DAYS = board.FLASH + "/days"


class SmokeApp:
    """`run()` never ends."""

    def __init__(self):
        self._battery_adc = ADC(board.BATTERY_ADC)
        self._inputs = Inputs()
        self._inputs.battery_mv = self._battery_mv()  # F1: before anything else
        self._id = machine.unique_id()
        self._cause = device.cause()
        self.machine = SmokeMachine(config.defaults(), self._cause, crc32(self._id))
        self._smoke_adc = ADC(board.SMOKE_ADC)
        self._flag = idle.signal()
        self._pressed = self._held = False
        self._commands = []
        self._state = None
        self._failures = 0
        self._comms = None
        self._messages = None
        self._ledger = self._retained = self._battery = None
        self._loud = False  # the ledger knows of the siren
        self._stored_days = 0
        self._restart = False  # asked for by the server
        self._fire_seq = None  # record of the last fire
        self._undone = []  # numbers of records that a fire makes untrue

    async def run(self):
        trace("boot", runtime=device.runtime(), app="smoke", version=VERSION, cause=self._cause)
        self._siren, self._red, self._green, self._yellow = [
            Signal(device.NoPin() if pin is None else Pin(pin, Pin.OUT, value=0))
            for pin in (board.SIREN, board.LED_RED, board.LED_GREEN, board.LED_YELLOW)
        ]
        both = Pin.IRQ_RISING | Pin.IRQ_FALLING
        self._smoke = device.wake_input(board.SMOKE_INT, None, self._changed, both)
        self._tamper = device.wake_input(board.TAMPER, Pin.PULL_UP, self._changed, both)
        self._button = device.wake_input(board.BUTTON, Pin.PULL_UP, self._button_down, Pin.IRQ_FALLING)
        self._step()  # if there is smoke the siren sounds before the flash is touched
        idle.install(self._may_sleep, WDT(timeout=_WDT_MS))
        self._load()
        asyncio.create_task(_settle())
        while True:
            try:
                await self._turn()
            except Exception as e:  # out of memory, most likely: the next turn comes all the same
                gc.collect()
                trace("turn_failed", error=str(e), what=type(e).__name__)
                await asyncio.sleep_ms(1000)

    async def _turn(self):
        self._flag.clear()
        self._step()
        self._report()
        wait_s = min(max(self.machine.next_due_s - seconds(), 0), _WAIT_MAX_S)
        try:
            await asyncio.wait_for_ms(self._flag.wait(), wait_s * 1000)
        except asyncio.TimeoutError:
            pass

    # --- inputs -------------------------------------------------------------------------------------------------------

    def _changed(self, pin):
        self._flag.set()

    def _button_down(self, pin):
        if not self._held:
            self._pressed = self._held = True
            self._flag.set()

    async def _let_go(self):
        # Contacts bounce when released as well; a press counts once until the button was up for a while.
        since_s = seconds()
        try:
            while True:
                await asyncio.sleep_ms(_RELEASE_MS if seconds() - since_s < _STUCK_S else 1000)
                if self._button.value():
                    await asyncio.sleep_ms(_RELEASE_MS)
                    if self._button.value():
                        return
        finally:
            self._held = False

    def _on_downlink(self, payload):
        from apps.smoke.messages import commands

        given = commands(payload)
        trace("downlink", commands=[name for name, _ in given])
        self._restart = ("restart", True) in given
        self._commands.extend(given)
        self._flag.set()

    def _battery_mv(self):
        return self._battery_adc.read_uv() * board.BATTERY_DIVIDER // 1000

    # --- a step -------------------------------------------------------------------------------------------------------

    def _step(self):
        try:
            self._read()
            self.machine.step(seconds(), self._inputs)
            self._inputs.battery_mv = None
            self._show()
            self._failures = 0
        except Exception as e:
            # The last resort: the siren follows the front end.
            self._failures += 1
            self._held = False
            self._siren.force(self._smoke.value())
            sys.print_exception(e)
            trace("step_failed", error=str(e), what=type(e).__name__, count=self._failures)
            if self._failures >= _FAILURES:
                machine.reset()
            self.machine.next_due_s = seconds() + 1

    def _read(self):
        inputs = self._inputs
        inputs.smoke = self._smoke.value() == 1
        inputs.level_mv = self._smoke_adc.read_uv() // 1000
        inputs.removed = self._tamper.value() == 0
        inputs.pressed, self._pressed = self._pressed, False
        inputs.commands, self._commands = self._commands, []
        if inputs.pressed:
            asyncio.create_task(self._let_go())
        if inputs.battery_mv is None and self.machine.battery_due(seconds()):
            inputs.battery_mv = self._battery_mv()

    def _show(self):
        m = self.machine
        if self._siren.play(m.siren):
            trace("siren", on=m.siren is not None, tone=m.siren)
        self._red.play(m.red)
        self._green.play(m.green)
        self._yellow.play(m.yellow)
        if m.state != self._state:
            trace("state", **{"from": self._state, "to": m.state})
            self._state = m.state

    def _may_sleep(self):
        return self.machine.state != ALARM and (self._comms is None or self._comms.quiet())

    # --- flash and server ---------------------------------------------------------------------------------------------

    def _load(self):
        """Settings, days of service, and the way to the server. None of it may fail."""
        try:
            settings, problems = config.load(_CONFIG)
        except Exception as e:
            settings, problems = config.defaults(), ["config.json: %s" % e]
        for problem in problems:
            trace("config", problem=problem)
        self._stored_days = load_days(_DAYS)
        self.machine.configure(settings, self._stored_days)
        self.machine.set_fault("config", bool(problems))
        if settings["server"] is None:
            trace("config", problem="no server: the alarm works alone")
            return
        try:
            from apps.common.comms import Comms
            from apps.smoke.messages import Messages

            self._messages = Messages(device.base_name(self._id))
            self._keep_account(settings)
            self._comms = Comms(settings, hexlify(self._id).decode(), self._on_downlink, ledger=self._ledger)
            asyncio.create_task(self._comms.run())
        except Exception as e:
            sys.print_exception(e)
            trace("comms_failed", error=str(e), what=type(e).__name__)

    def _keep_account(self, settings):
        from cellular.services import ledger
        from cellular.services.retained import Retained

        loads = (ledger.MODEM, ledger.MCU, ("front_end",), ("silent", "siren"))
        self._retained = Retained(device.rtc(), (("ledger", ledger.area_bytes(loads)),))
        self._ledger = ledger.Ledger(loads, self._retained.get("ledger"), board.FLASH + "/ledger")
        self._battery = ledger.Battery(settings["battery_mah"], settings["self_discharge_percent"])

    def _account(self):
        """(µAh used, days left) up to now."""
        account = self._ledger.close_day(self._comms.currents_na(), self._battery)
        self._retained.save()
        return account

    def _report(self):
        """Hand over what the machine has to report, fire first, and keep the days of service."""
        m = self.machine
        events, m.events = m.events, []
        for fire in (True, False):
            for event in events:
                if (event[0] == P_FIRE) == fire:
                    self._submit(event)
        loud = m.siren in ("alarm", "test")
        if loud != self._loud and self._ledger is not None:
            self._loud = loud
            self._ledger.enter("siren" if loud else "silent")
        if m.days != self._stored_days:
            self._stored_days = m.days
            store_days(_DAYS, m.days)
        if self._restart:
            self._restart = False
            if m.state != ALARM and m.state != HUSH and seconds() >= _RESTART_S:
                machine.reset()
            trace("restart_refused", state=m.state, uptime_s=seconds())

    def _submit(self, event):
        trace("event", prio=event[0], name=event[1], value=event[2])
        if self._comms is None:
            return
        try:
            modem = self._comms.modem
            fire = event[0] == P_FIRE
            if fire:
                untrue, self._undone = self._undone, []  # that it is over would come behind the fire
                if self._comms.covered(self._fire_seq, untrue):
                    trace("fire_waits", seq=self._fire_seq, fires=self.machine.fires)
                    return
            account = self._account() if event[1] == "heartbeat" else None
            payload = self._messages.build(self.machine, event, seconds(), modem and modem.imei, account)
            seq = self._comms.submit(event[0], payload)
            if fire:
                self._fire_seq = seq
            elif event[1] == "fire" or event[1] == "hush":
                self._undone.append(seq)
        except Exception as e:
            trace("record_lost", prio=event[0], error=str(e), what=type(e).__name__)


async def _settle():
    # What the first session loads is there by then; from now on memory is collected when it is full.
    await asyncio.sleep(_SETTLED_S)
    gc.threshold(-1)
