"""Drives a SmokeMachine as the app does: steps at its due times and at each input, and keeps what it reported."""

from apps.smoke import config
from apps.smoke.machine import Inputs, SmokeMachine

CLEAN_MV = 300
SMOKE_MV = 1500


class Run:
    """`seen`: (time, priority, name, value) of all events. `steps`: how often the machine was stepped."""

    def __init__(self, cause="power_on", phase=1000, days=0, battery_mv=3600, level_mv=CLEAN_MV, **settings):
        self.settings = config.defaults()
        self.settings.update(settings)
        self.m = SmokeMachine(self.settings, cause, phase)
        self.m.configure(self.settings, days)
        self.i = Inputs()
        self.i.level_mv = level_mv
        self.battery_mv = battery_mv
        self.now_s = 0
        self.seen = []
        self.steps = 0
        self.battery_read_s = []
        self.step()

    def step(self):
        m = self.m
        if m.battery_due(self.now_s):
            self.i.battery_mv = self.battery_mv
            self.battery_read_s.append(self.now_s)
        m.step(self.now_s, self.i)
        self.i.battery_mv = None
        self.i.pressed = False
        self.i.commands = ()
        self.steps += 1
        assert m.next_due_s > self.now_s
        self.seen.extend((self.now_s,) + event for event in m.events)
        m.events = []

    def wait(self, seconds):
        """Let time pass; returns self."""
        end_s = self.now_s + seconds
        while self.m.next_due_s <= end_s:
            self.now_s = self.m.next_due_s
            self.step()
        self.now_s = end_s
        return self

    def warm(self):
        """Past the warm-up."""
        return self.wait(self.settings["warm_up_s"] + 1)

    def smoke(self, level_mv=SMOKE_MV, line=None):
        self.i.level_mv = level_mv
        self.i.smoke = level_mv >= self.settings["alarm_mv"] if line is None else line
        self.step()
        return self

    def clear(self):
        return self.smoke(CLEAN_MV)

    def press(self):
        self.i.pressed = True
        self.step()
        return self

    def command(self, name, value=True):
        self.i.commands = ((name, value),)
        self.step()
        return self

    def of(self, name):
        """[(time, value)] of the events of one name."""
        return [(e[0], e[3]) for e in self.seen if e[2] == name]

    def names(self):
        return [e[2] for e in self.seen]
