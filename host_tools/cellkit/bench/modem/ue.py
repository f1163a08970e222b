"""The device's side of registration: search, attach, tracking area updates, coverage. No AT commands here.

Source of procedures: 3GPP TS 24.301 (EMM). How long they take and all waits come from the model (cellkit.model.radio).
"""

from __future__ import annotations

from cellkit.bench.clock import Clock
from cellkit.bench.modem.connection import Connection
from cellkit.bench.modem.faults import Faults
from cellkit.bench.modem.radio import Events, Stat
from cellkit.bench.network import Grant, Network, Request
from cellkit.model.parts import Module
from cellkit.model.radio import Procedures

_PERMANENT_CAUSES = frozenset({3, 6, 7, 8})  # no further attempt until the card or the module starts anew


class UserEquipment(Connection):
    """One device's radio. Public fields are for reading; times in seconds."""

    def __init__(self, clock: Clock, network: Network, module: Module, faults: Faults, events: Events) -> None:
        self.request = Request()
        self.search_pauses_s: tuple[float, ...] = (30.0,)  # the module's own; the last one repeats, 0 = no more search
        super().__init__(clock, network, module, faults, events)
        network.watch_coverage(lambda covered: self.coverage_changed())

    def _reset_state(self) -> None:
        super()._reset_state()
        self.cause: int | None = None
        self._attempts = 0
        self._jumps = 0  # corrections of the network's clock that it has told
        self._pauses = 0
        self._context = False  # the network still knows us: a TAU is enough
        self._asked: Request | None = None
        self._search_due_s: float | None = None

    # Switching

    def start(self) -> None:
        """Radio on: search and attach."""
        if not self.on:
            self.on = True
            self._search()

    def stop(self) -> None:
        """Radio off, with a detach if there is something to detach from."""
        if self._context:
            self.session.detach()
        self._fail_pending()
        self.vanish()
        self._events.registration_changed()
        self._events.radio_changed()

    def renew(self) -> None:
        """Requested timers have changed: tell the network, if it knows us."""
        if self.registered:
            self.connect(lambda ok: self._tau() if ok else None, wanted=False)

    # Search and attach

    def _set(self, stat: Stat, cause: int | None = None) -> None:
        changed = (stat, cause) != (self.stat, self.cause)
        self.stat, self.cause = stat, cause
        if changed:
            self._events.registration_changed()

    def _search(self) -> None:
        self.searching = True
        self._search_due_s = None
        procedures = self.procedures
        # A cell whose carrier is known is found at once; without one the band is looked through before it is given up.
        # The radio first, so that a module that slept is awake to tell of it.
        self._air.play(procedures.search(), lambda ok: self._searched(ok) if self.covered else self._scan(procedures))
        self._network.log.emit("net", "search")
        self._set(Stat.SEARCHING)

    def _scan(self, procedures: Procedures) -> None:
        self._air.play(procedures.scan(), self._searched)

    def _searched(self, ok: bool) -> None:
        self.searching = False
        if not self.covered:
            self._set(Stat.UNKNOWN)
            self._events.radio_changed()
            pause_s = self.search_pauses_s[min(self._pauses, len(self.search_pauses_s) - 1)]
            self._pauses += 1
            if pause_s:
                self._search_due_s = self._clock.now() + pause_s
                self._timer("search", pause_s, self._search)
            return
        self._pauses = 0
        self._used_s = None
        self._air.play(self._access(), self._attach)

    def search_due_s(self) -> float | None:
        """Seconds until the next search; None if none is waiting."""
        return None if self._search_due_s is None else max(0.0, self._search_due_s - self._clock.now())

    def search_now(self) -> None:
        """Search at once instead of at the end of the pause."""
        if self.on and not self.searching and not self.camped:
            self._search()

    def _attach(self, ok: bool) -> None:
        self._enter_connected()
        self._wanted = True
        if self._context:
            self._tau()
            return
        self._asked = request = self.request
        self._along()  # the first of the attach's own messages
        before, after = self.procedures.attach()

        def answered(grant: Grant) -> None:
            self._air.play(after, lambda ok: self._attach_answered(grant) if ok else None)

        self._air.play(before, lambda ok: self.session.attach(request, answered) if ok else None)

    def _answered(self, grant: Grant) -> bool:
        """The network's answer to an attach or update has come; True if it accepts."""
        grant = self._overruled(grant)
        if not self.covered:
            self._lost()
            return False
        if grant.cause is not None:
            self._rejected(grant.cause)
            return False
        self._accepted(grant)
        return True

    def _attach_answered(self, grant: Grant) -> None:
        if self._answered(grant):
            self._timer("ip", self._radio.network.address_s.value, self._events.address_assigned)
            self._tell_time()

    def _tell_time(self) -> None:
        self._jumps = self._network.jumps()
        if self._network.config.policy.nitz:
            self._events.time_came()

    def _connection_made(self) -> None:
        if self._jumps != self._network.jumps():
            self._tell_time()  # EMM information: the network's clock was corrected

    def _overruled(self, grant: Grant) -> Grant:
        cause = self._faults.reject_cause
        if cause is None or grant.cause is not None:
            return grant
        self._network.log.emit("net", "reject", cause=cause, procedure="attach")
        return Grant(cause=cause)

    def _accepted(self, grant: Grant) -> None:
        old, self.grant = self.grant, grant
        self._attempts = 0
        self._context = True
        stat = Stat.ROAMING if grant.roaming else Stat.HOME
        timers_changed = (old.t3324, old.t3412) != (grant.t3324, grant.t3412)
        if timers_changed and self.stat == stat:
            self._events.registration_changed()
        self._set(stat)
        if (old.edrx, old.ptw) != (grant.edrx, grant.ptw):
            self._events.edrx_changed()
        self.touch()
        if self._asked != self.request:  # the host changed its mind while the answer was on its way
            self.renew()

    def _rejected(self, cause: int) -> None:
        self._attempts += 1
        self._context = False
        self.grant = Grant()
        self._release()
        self._set(Stat.DENIED, cause)
        self._fail_pending()
        if cause in _PERMANENT_CAUSES:
            return
        again = self._radio.registration
        soon = self._attempts < again.attempts_before_t3402.value
        self._timer("search", (again.t3411_s if soon else again.t3402_s).value, self._search)

    # Coverage

    def coverage_changed(self) -> None:
        """The cell came or went, or the antenna did."""
        if not self.on or self.psm:
            return
        if not self.covered and self.registered:
            self._timer("loss", self._radio.registration.loss_noticed_s.value, self._lost)
        elif self.covered:
            self._cancel("loss")

    def _lost(self) -> None:
        if self.covered or not self.on or self.searching:
            return
        self.session.abandon()
        self._leave_connected()
        self._air.abort()
        self._cancel("t3324")
        self._set(Stat.UNKNOWN)
        self._fail_pending()
        self._search()

    # TAU

    def _periodic_tau(self) -> None:
        self.connect(lambda ok: self._tau() if ok else None, wanted=False)

    def _tau(self) -> None:
        self._asked = request = self.request
        procedures = self.procedures

        def answered(grant: Grant) -> None:
            self._air.play(procedures.tau_answer(), lambda ok: self._tau_answered(grant) if ok else None)

        asking = procedures.tau_request(self._along())
        self._air.play(asking, lambda ok: self.session.tau(request, answered) if ok else None)

    def _tau_answered(self, grant: Grant) -> None:
        # The core ends the connection that nobody has asked for (TS 23.401, active flag).
        if self._answered(grant) and not self._wanted:
            self._release_soon()
