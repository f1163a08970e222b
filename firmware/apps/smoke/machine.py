"""The smoke alarm as a state machine: no I/O, no asyncio, no clock of its own.

The app fills an `Inputs`, calls `step` and obeys the outputs. F-numbers are the required behaviours listed in
docs/smoke.md, where their sources stand. A limit without a source is our own choice and says so.
"""

from micropython import const

WARM_UP = "warm_up"  # F16: the chamber is not valid yet
NORMAL = "normal"
ALARM = "alarm"
HUSH = "hush"
TEST = "test"
FAULT = "fault"  # any fault, low battery or end of life

# Priorities of events, as the outbox has them.
P_FIRE = const(0)
P_ALARM = const(1)
P_ROUTINE = const(2)

DAY_S = const(86400)  # F1: battery voltage at power-on, then every 24 h at least (GB 20517-2025, 5.11.1)
MEMORY_S = const(900)  # F10: alarm memory, 15 min (BRK SA320, a UL 217 product)
TEST_S = const(8)  # own: two rounds of the alarm pattern
CLEAR_S = const(5)  # own: smoke must be gone so long
CONFIRM_S = const(3)  # own: so long a single witness (line or level) must insist
TAMPER_S = const(3)  # own: debounce of the base contact
RECHECK_S = const(3600)  # own: haze is gone after an hour, dust is not
DISARM_MAX_S = const(86400)  # own: nobody has to remember to arm again
BATTERY_HYSTERESIS_MV = const(100)  # own
DEAD_MV = const(100)  # own: clean air scatters more light than this, so the chamber's LED or receiver is dead
HUSH_CEILING_MV = const(3000)  # own: near full scale a rise could no longer be seen, so no hush
REPORTS_A_DAY = const(100)  # own figure for the cap of TS.34 4.0_002.1; fire, its end and heartbeat are not counted


class Inputs:
    """What the app knows at a step. level_mv: the chamber now; battery_mv: where just measured, else None."""

    def __init__(self):
        self.smoke = False  # the front end's line
        self.level_mv = 0
        self.battery_mv = None
        self.removed = False  # off its base
        self.pressed = False  # the button, since the last step
        self.commands = ()  # (name, value) from the server


class SmokeMachine:
    """settings: see config.py. cause: of the start, "power_on" warms up. phase: a number drawn per device.

    Outputs, for signals.py: siren, red, green, yellow (name of a pattern, or None). `events`: list of
    (priority, name, value), which the app takes. `next_due_s`: when to step again if nothing happens before.
    """

    def __init__(self, settings, cause="power_on", phase=0):
        self.state = WARM_UP
        self.siren = self.red = self.green = self.yellow = None
        self.events = []
        self.next_due_s = 0
        self.level_mv = 0
        self.battery_mv = None
        self.low_battery = False
        self.faults = []  # of "sensor", "front_end", "contamination", "config"
        self.removed = False
        self.end_of_life = False
        self.armed = True
        self.self_check = "none"
        self.days = 0  # of service
        self.fires = 0  # since the start
        self.dropped = 0  # reports beyond REPORTS_A_DAY
        self._settings = settings
        self._cause = cause
        self._phase = phase
        self._days_before = 0
        self._now_s = self._began_s = None
        self._heartbeats = 0
        self._reports = self._reports_day = 0
        self._heartbeat_s = self._check_s = self._battery_s = 0
        # Ends and beginnings that are None while they do not count.
        self._until_s = None  # of warm-up, hush or test
        self._memory_s = None
        self._silent_s = None
        self._disarmed_s = None
        self._recheck_s = None
        self._alone_s = None  # since then only one of line and level shows smoke
        self._clear_s = None  # since then there is no smoke
        self._moved_s = None  # since then the base contact differs from what was reported
        self._override_mv = 0

    def configure(self, settings, days):
        """Use these settings and days of service from the next step on; for the time shortly after the start."""
        self._settings = settings
        self._days_before = days
        if self._began_s is not None:
            self._heartbeat_s = self._first_heartbeat_s()

    def battery_due(self, now_s):
        """True when the next step should be given the battery's voltage. Not under the load of the siren."""
        if self.battery_mv is None:
            return True
        return self.state not in (ALARM, TEST) and now_s >= min(self._battery_s, self._heartbeat_s)

    def set_fault(self, name, present):
        """Note a fault by name, or its end; the step after shows and reports it."""
        if present == (name in self.faults):
            return
        if present:
            self.faults.append(name)
            self._silent_s = None  # F3 silences what was known
        else:
            self.faults.remove(name)
        self._report(P_ALARM, "fault", ",".join(self.faults) or "none")

    def step(self, now_s, inputs):
        """Take `inputs` at `now_s` (seconds that never go back) and set the outputs."""
        self._now_s = now_s
        self.level_mv = inputs.level_mv
        if self._began_s is None:
            self._begin()
        if inputs.battery_mv is not None:
            self._take_battery(inputs.battery_mv)
        self._take_contact(inputs.removed)
        self._count_days()
        for name, value in inputs.commands:
            self._command(name, value)
        if inputs.pressed:
            self._press()
        self._watch(inputs.smoke)
        self._routine()
        self._show()
        self.next_due_s = self._due(inputs.smoke)

    # --- smoke --------------------------------------------------------------------------------------------------------

    def _watch(self, line):
        now_s = self._now_s
        state = self.state
        if state == WARM_UP:
            if now_s < self._until_s:
                return
            if self._until_s > self._began_s:
                self._report(P_ROUTINE, "warm_up", False)
            self._rest()
            self._check()
        elif state == ALARM or state == HUSH:
            self._follow(line)
            return
        if self._sees_smoke(line):
            self._alarm()  # F12: before any fault, F8: before a test
        elif self.state == TEST and now_s >= self._until_s:
            self._rest()

    def _sees_smoke(self, line):
        """Line and level together at once; if only one of them shows smoke, it must insist."""
        high = self.level_mv >= self._settings["alarm_mv"]
        if line and high:
            self.set_fault("front_end", False)
            return True
        if not line and not high:
            self._alone_s = None
            return False
        if self._alone_s is None:
            self._alone_s = self._now_s
        if self._now_s - self._alone_s < CONFIRM_S:
            return False
        self.set_fault("front_end", True)  # F15: the other one has failed
        return True

    def _alarm(self):
        self.state = ALARM
        self._until_s = self._memory_s = self._alone_s = self._clear_s = None
        self.fires += 1
        self._report(P_FIRE, "fire", True)

    def _follow(self, line):
        """In alarm or hush: look for the end of the smoke, in hush also for more of it."""
        now_s = self._now_s
        present = line or self.level_mv >= self._settings["alarm_mv"] * 3 // 4  # own: hysteresis
        if present:
            self._clear_s = None
        elif self._clear_s is None:
            self._clear_s = now_s
        if self.state == HUSH and (self.level_mv >= self._override_mv or (present and now_s >= self._until_s)):
            self._alarm()  # F11
        elif not present and now_s - self._clear_s >= CLEAR_S:
            self._memory_s = now_s + MEMORY_S
            self._report(P_ALARM, "fire", False)
            self._rest()
            self._check()  # soot is dust as well

    def _hush(self):
        if self.state != ALARM or self.level_mv >= HUSH_CEILING_MV:
            return
        self.state = HUSH
        self._until_s = self._now_s + self._settings["hush_s"]
        self._override_mv = min(self.level_mv * 5 // 4, HUSH_CEILING_MV)  # own: a quarter more smoke
        self._report(P_ALARM, "hush", True)

    def _rest(self):
        self._until_s = None
        self.state = FAULT if self.faults or self.low_battery or self.end_of_life else NORMAL

    # --- button and server --------------------------------------------------------------------------------------------

    def _press(self):
        state = self.state
        if state == ALARM:
            self._hush()
        elif state == NORMAL or state == FAULT:
            self._memory_s = None
            if self._tone():
                self._silence()
            else:
                self._test()

    def _test(self):
        # F8: sounds like a fire and is reported as a test.
        if self.state != NORMAL and self.state != FAULT:
            return
        self._check()
        self.state = TEST
        self._until_s = self._now_s + TEST_S
        self._report(P_ALARM, "test", True)

    def _silence(self):
        self._silent_s = self._now_s + self._settings["silence_s"]  # F3

    def _tone(self):
        """The fault tone that is due, or None."""
        if self._silent_s is not None:
            return None
        if self.faults:
            return "fault"
        return "low_battery" if self.low_battery else "end_of_life" if self.end_of_life else None

    def _command(self, name, value):
        if name == "armed":
            self._arm(value)
        elif not value:
            return
        elif name == "hush":
            self._hush()
        elif name == "silence":
            if self._tone():
                self._silence()
        elif name == "test":
            self._test()
        elif name == "check":
            self._check()
            self._report(P_ROUTINE, "self_check", self.self_check)

    def _arm(self, armed):
        # F17. Disarmed, as during works in the building, is a note to the server: the siren sounds all the same.
        self._disarmed_s = None if armed else self._now_s + DISARM_MAX_S
        if armed != self.armed:
            self.armed = armed
            self._report(P_ALARM, "armed", armed)

    # --- supervision --------------------------------------------------------------------------------------------------

    def _begin(self):
        now_s = self._began_s = self._now_s
        self._check_s = self._battery_s = now_s + DAY_S
        self._heartbeat_s = self._first_heartbeat_s()
        self._report(P_ROUTINE, "boot", self._cause)
        warm_up_s = self._settings["warm_up_s"] if self._cause == "power_on" else 0  # a reset keeps the chamber's power
        self._until_s = now_s + warm_up_s

    def _first_heartbeat_s(self):
        # F17, TS.34 4.0_003: devices that start together must not report together.
        return self._began_s + 1 + self._phase % self._settings["heartbeat_s"]

    def _take_battery(self, battery_mv):
        self.battery_mv = battery_mv
        self._battery_s = self._now_s + DAY_S
        low_mv = self._settings["low_battery_mv"]
        low = battery_mv < (low_mv + BATTERY_HYSTERESIS_MV if self.low_battery else low_mv)
        if low != self.low_battery:
            self.low_battery = low
            if low:
                self._silent_s = None
            self._report(P_ALARM, "low_battery", low)  # F2, F4

    def _take_contact(self, removed):
        if removed == self.removed:
            self._moved_s = None
        elif self._moved_s is None:
            self._moved_s = self._now_s
        elif self._now_s - self._moved_s >= TAMPER_S:
            self._moved_s = None
            self.removed = removed
            self._report(P_ALARM, "tamper", removed)  # F13

    def _count_days(self):
        self.days = self._days_before + (self._now_s - self._began_s) // DAY_S
        if self.days >= self._settings["service_life_days"] and not self.end_of_life:
            self.end_of_life = True
            self._report(P_ALARM, "end_of_life", True)  # F14

    def _check(self):
        """The self check (F9). The chamber is judged only while there is no smoke in it."""
        self._check_s = self._now_s + DAY_S
        if self.state == NORMAL or self.state == FAULT:
            self._check_chamber()
        bad = list(self.faults)
        if self.low_battery:
            bad.append("battery")
        if self.end_of_life:
            bad.append("end_of_life")
        self.self_check = ",".join(bad) or "ok"

    def _check_chamber(self):
        # F15. Dust raises the level of clean air for good, haze for a while: two checks an hour apart must agree.
        dead = self.level_mv < DEAD_MV
        dusty = self._settings["alarm_mv"] * 5 // 8 <= self.level_mv < self._settings["alarm_mv"]
        self.set_fault("sensor", dead)
        if not dusty:
            self._recheck_s = None
            self.set_fault("contamination", False)
        elif self._recheck_s is None:
            self._recheck_s = self._now_s + RECHECK_S
        elif self._now_s >= self._recheck_s:
            self._recheck_s = self._now_s + RECHECK_S
            self.set_fault("contamination", True)

    def _routine(self):
        now_s = self._now_s
        if self._memory_s is not None and now_s >= self._memory_s:
            self._memory_s = None
        if self._silent_s is not None and now_s >= self._silent_s:
            self._silent_s = None
        if self._disarmed_s is not None and now_s >= self._disarmed_s:
            self._arm(True)
        beat = now_s >= self._heartbeat_s
        if beat or now_s >= self._check_s or (self._recheck_s is not None and now_s >= self._recheck_s):
            self._check()
        if beat:
            self._heartbeats += 1
            self._report(P_ROUTINE, "heartbeat", self._heartbeats)
            while self._heartbeat_s <= now_s:
                self._heartbeat_s += self._settings["heartbeat_s"]
        if self.state == NORMAL or self.state == FAULT:
            self._rest()

    def _report(self, priority, name, value):
        if name != "fire" and name != "heartbeat":
            day = (self._now_s or 0) // DAY_S
            if day != self._reports_day:
                self._reports_day = day
                self._reports = 0
            self._reports += 1
            if self._reports > REPORTS_A_DAY:
                self.dropped += 1  # the heartbeat tells the state all the same
                return
        self.events.append((priority, name, value))

    # --- outputs ------------------------------------------------------------------------------------------------------

    def _show(self):
        state = self.state
        self.siren = self.red = self.green = self.yellow = None
        if state == ALARM or state == TEST:
            self.siren = self.red = state
        elif state == HUSH:
            self.red = "hush"
        elif state == WARM_UP:
            self.green = "warm_up"
        else:
            self.siren = self._tone()
            self.red = "memory" if self._memory_s is not None else None
            if state == FAULT:
                self.yellow = "fault"
            else:
                self.green = "normal"

    def _due(self, line):
        now_s = self._now_s
        state = self.state
        if state == HUSH or (state == ALARM and not line) or self._alone_s is not None or self._moved_s is not None:
            return now_s + 1
        due_s = min(self._heartbeat_s, self._check_s)
        if state != ALARM and state != TEST:
            due_s = min(due_s, self._battery_s)
        for end_s in (self._until_s, self._memory_s, self._silent_s, self._disarmed_s, self._recheck_s):
            if end_s is not None and end_s < due_s:
                due_s = end_s
        return max(due_s, now_s + 1)
