"""Power saving as it is: requested, granted by the network, and observed. The three are never mixed."""

from time import ticks_diff, ticks_ms

from cellular.link import timers
from cellular.link.timers import Timers
from cellular.trace import trace
from cellular.uptime import seconds

_EARLY = 0.9  # waking before this part of T3412 was not the periodic TAU
_SHORT = 2  # more than so many TAUs in the time of one


class PowerSaving:
    """Keeps the three sets of timers and says so when the network changes its mind.

    on_change(name): called after `granted` or `observed` has changed.
    """

    def __init__(self, requested):
        self.requested = requested
        self.granted = None  # Timers once the network has answered
        self.observed = Timers()
        self.unexpected_wakes = 0
        self.asleep = False  # in PSM, as the modem says
        self.slept_ms = 0  # when it last said so
        self.connected = False  # RRC
        self.in_use = False  # by a session
        self.on_change = None
        self._idle_since_ms = None
        self._idle_since_s = 0

    def forget(self):
        """After a restart of the modem: it is awake, and nothing granted is known."""
        self.granted = None
        self.asleep = self.connected = False
        self._idle_since_ms = None

    def take_granted(self, active_time, periodic_tau, edrx=None, wb=False):
        """Active-Time and Periodic-TAU bits of CEREG; `edrx`: (cycle, PTW) bits of CEDRXRDP or None to keep it, of
        WB-S1 if `wb`, else of NB-S1."""
        old = self.granted
        new = Timers()
        if old and edrx is None:
            new.edrx_s = old.edrx_s
            new.ptw_s = old.ptw_s
        try:
            if active_time:
                new.t3324_s = timers.decode_t3324(active_time)
            if periodic_tau:
                new.t3412_s = timers.decode_t3412(periodic_tau)
            if edrx:
                new.edrx_s = timers.decode_edrx(edrx[0], wb)
                new.ptw_s = timers.decode_ptw(edrx[1], wb) if len(edrx) > 1 and edrx[1] else None
        except ValueError as e:
            trace("granted_unreadable", error=str(e))
            return
        if old is None or old.as_dict() != new.as_dict():
            self.granted = new
            trace("granted", **new.as_dict())
            self._judge(new)
            self._changed("granted")

    def _judge(self, new):
        # Told and lived with: an alarm from PSM is at the server in seconds, one from a module that was switched off
        # has to wait for its start and a search (docs/firmware.md).
        wanted_s = self.requested.t3412_s
        if new.t3324_s is None and self.requested.t3324_s is not None:
            trace("psm_refused", policy="stay_registered")
        elif wanted_s and new.t3412_s and new.t3412_s * _SHORT < wanted_s:
            trace("tau_too_short", t3412_s=new.t3412_s, requested_s=wanted_s, policy="stay_registered")

    def rrc(self, connected):
        """+CSCON: T3324 and T3412 both start when the connection is released."""
        self.connected = connected
        if connected:
            self.slept(False)  # whether its own event came or not
            self._idle_since_ms = None
        else:
            self._idle_since_ms = ticks_ms()
            self._idle_since_s = seconds()

    def use(self, in_use):
        """We wake the modem for a session, or leave it to its timers again.

        Leaving PSM during a session is our doing, even late: some modules wake only their UART at first.
        """
        self.in_use = in_use

    def slept(self, entered):
        """The modem says that it entered or left PSM."""
        if entered == self.asleep:
            return
        self.asleep = entered
        self.slept_ms = ticks_ms()
        trace("psm", state="enter" if entered else "exit")
        if self._idle_since_ms is None:
            return
        if entered:
            self.observed.t3324_s = (ticks_diff(ticks_ms(), self._idle_since_ms) + 500) // 1000
            self._observe()
        elif not self.in_use:
            slept_s = seconds() - self._idle_since_s
            granted = self.granted and self.granted.t3412_s
            if granted and slept_s < granted * _EARLY:
                self.unexpected_wakes += 1
                trace("unexpected_wake", after_s=slept_s, granted_s=granted, count=self.unexpected_wakes)
            else:
                self.observed.t3412_s = slept_s
                self._observe()

    def _observe(self):
        trace("observed", **self.observed.as_dict())
        self._changed("observed")

    def _changed(self, name):
        if self.on_change:
            self.on_change(name)
