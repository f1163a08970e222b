"""The meter as a state machine: no I/O, no asyncio, no clock of its own.

The app fills an `Inputs`, calls `step`, and takes `events`, `readings`, `freezes` and `upload`. Two clocks come in:
`now_s`, seconds that never go back, for what lasts; and UTC, which may jump or be unknown, for what is due at a time of
day. Limits without a source are our own choice and say so.
"""

from apps.meter.schedule import Schedule
from cellular.calendar import DAY_S
from micropython import const

# Priorities of events, as the outbox has them.
P_ALARM = const(1)
P_ROUTINE = const(2)

ALARMS = ("leak", "backflow", "tamper", "low_battery", "register")

DAILY_KEPT = const(62)  # facts of the trade: 62 daily and 96 hourly freezes
HOURLY_KEPT = const(96)

LATE_S = const(60)  # own: a reading that is taken so long after its mark says so
MISSED_S = const(3600)  # own: an upload that is late by more waits for the next slot
TAMPER_S = const(3)  # own: debounce of the cover contact
BATTERY_HYSTERESIS_MV = const(100)  # own
RETRY_S = const(300)  # own: a register that does not answer is asked again
PER_DAY = const(3)  # own: so often a day may one alarm begin anew and be told


class Inputs:
    """What the app knows at a step. `utc_s`: None while the time is not known; `value`: None if the register did not
    answer; `battery_mv`: where just measured, else None.
    """

    def __init__(self):
        self.utc_s = None
        self.zone_s = 0  # local time less UTC
        self.value = None
        self.reverse = 0
        self.open = False  # the cover
        self.battery_mv = None


class MeterMachine:
    """settings: see config.py. cause: of the start. phase: a number drawn per device.

    `events`: (priority, name, value); `readings`, `freezes`: (time in s UTC, value, late), oldest first; `upload`: what
    was gathered is to be sent. The app takes them. `next_due_s`: when to step again if nothing happens before.
    """

    def __init__(self, settings, cause="power_on", phase=0):
        self.events = [(P_ROUTINE, "boot", cause)]
        self.readings = []
        self.freezes = []
        self.upload = False
        self.next_due_s = 0
        self.value = None
        self.battery_mv = None
        self.active = []  # of ALARMS
        self.dropped = 0  # alarms beyond PER_DAY
        self._settings = settings
        self._interval_s = settings["interval_s"]
        self._marks = Schedule(self._interval_s, 0, HOURLY_KEPT * 3600 // self._interval_s)
        self._midnights = Schedule(DAY_S, 0, DAILY_KEPT)
        self._slots = Schedule(DAY_S, phase % DAY_S)
        self._reverse = None
        self._back = 0  # units that flowed backwards in the interval
        self._told = {name: 0 for name in ALARMS}  # how often each began on the present day
        self._told_day = 0
        self._moved_s = None  # since then the cover contact differs from what was reported
        self._battery_s = 0
        self._blind_s = None  # upload without a clock
        self._judged_s = None  # end of the last interval that was looked at for leaks
        self._judged_value = None
        self._flowing_s = None  # since then no interval was without flow

    def restore(self, reading_s, freeze_s, slot_s, active):
        """What was before the restart: times of the last reading, freeze and upload (None: never), active alarms."""
        for schedule, time_s in ((self._marks, reading_s), (self._midnights, freeze_s), (self._slots, slot_s)):
            if time_s is not None:
                schedule.restore(time_s)
        self.active = [name for name in active if name in ALARMS]

    def battery_due(self, now_s):
        """True when the next step should be given the battery's voltage."""
        return now_s >= self._battery_s

    def step(self, now_s, inputs):
        """Take `inputs` at `now_s` and set the outputs."""
        if self._blind_s is None:
            self._blind_s = now_s + DAY_S
        self._set("register", inputs.value is None, now_s)
        if inputs.value is not None:
            self._flow(now_s, inputs)
            self.value = inputs.value
        self._cover(now_s, inputs.open)
        if inputs.battery_mv is not None:
            self._battery(now_s, inputs.battery_mv)
        if inputs.utc_s is not None and inputs.value is not None:
            self._clock(inputs)
        self._upload(now_s, inputs.utc_s)
        self.next_due_s = max(now_s + 1, self._due(now_s, inputs))

    # --- by the clock -------------------------------------------------------------------------------------------------

    def _clock(self, inputs):
        utc_s, value = inputs.utc_s, inputs.value
        self.readings.extend((t, value, utc_s - t > LATE_S) for t in self._marks.take(utc_s))
        self._midnights.offset_s = -inputs.zone_s
        self.freezes.extend((t, value, utc_s - t > LATE_S) for t in self._midnights.take(utc_s))

    def _upload(self, now_s, utc_s):
        if utc_s is not None:
            slots = self._slots.take(utc_s)
            # One that was missed by far waits for the next: devices that got the time together must not send together.
            self.upload = self.upload or bool(slots) and utc_s - slots[0] <= MISSED_S
        elif now_s >= self._blind_s:
            self.upload = True
        if self.upload:
            self._blind_s = now_s + DAY_S

    def _due(self, now_s, inputs):
        due_s = now_s + self._interval_s
        if self._moved_s is not None:
            due_s = min(due_s, self._moved_s + TAMPER_S)
        utc_s = inputs.utc_s
        if utc_s is None:
            due_s = min(due_s, self._blind_s)
        else:
            due_s = min(due_s, now_s + self._slots.next_s(utc_s) - utc_s)
        if inputs.value is None:
            return min(due_s, now_s + RETRY_S)
        if utc_s is not None:
            next_s = min(self._marks.next_s(utc_s), self._midnights.next_s(utc_s))
            due_s = min(due_s, now_s + next_s - utc_s)
        return due_s

    # --- alarms -------------------------------------------------------------------------------------------------------

    def _flow(self, now_s, inputs):
        """Back-flow at once, leaks at the end of an interval."""
        if self._reverse is None:
            self._judged_s, self._judged_value = now_s, inputs.value
            self._reverse, self.value = inputs.reverse, inputs.value
        self._back += max(inputs.reverse - self._reverse, self.value - inputs.value, 0)
        self._reverse = inputs.reverse
        if self._back >= self._settings["backflow_units"]:
            self._set("backflow", True, now_s)
        past_s = now_s - self._judged_s
        if past_s < self._interval_s - LATE_S:
            return
        if past_s > self._interval_s + LATE_S:
            self._flowing_s = None  # who was not looking cannot tell
        elif inputs.value == self._judged_value:
            self._flowing_s = None
            self._set("leak", False, now_s)
        elif self._flowing_s is None:
            self._flowing_s = self._judged_s
        leak_s = self._settings["leak_hours"] * 3600 - LATE_S  # readings come a second sooner or later
        if self._flowing_s is not None and now_s - self._flowing_s >= leak_s:
            self._set("leak", True, now_s)
        if not self._back:
            self._set("backflow", False, now_s)
        self._back = 0
        self._judged_s, self._judged_value = now_s, inputs.value

    def _cover(self, now_s, is_open):
        if is_open == ("tamper" in self.active):
            self._moved_s = None
        elif self._moved_s is None:
            self._moved_s = now_s
        elif now_s - self._moved_s >= TAMPER_S:
            self._moved_s = None
            self._set("tamper", is_open, now_s)

    def _battery(self, now_s, battery_mv):
        self.battery_mv = battery_mv
        self._battery_s = now_s + DAY_S
        limit_mv = self._settings["low_battery_mv"]
        if "low_battery" in self.active:
            limit_mv += BATTERY_HYSTERESIS_MV
        self._set("low_battery", battery_mv < limit_mv, now_s)

    def _set(self, name, on, now_s):
        """An alarm begins, which is told at once, or ends, which the next upload tells."""
        if on == (name in self.active):
            return
        if not on:
            self.active.remove(name)
            return
        self.active.append(name)
        if now_s // DAY_S != self._told_day:
            self._told_day = now_s // DAY_S
            for alarm in ALARMS:
                self._told[alarm] = 0
        self._told[name] += 1
        if self._told[name] > PER_DAY:
            self.dropped += 1
        else:
            self.events.append((P_ALARM, name, True))
