"""The device's side of registration and radio: search, attach, RRC, T3324, T3412, PSM. No AT commands here.

Source of procedures and timers: 3GPP TS 24.301 (EMM) and TS 36.331 (RRC). Retry times of rejected attaches are T3411
(10 s) and, after five attempts, T3402 (12 min), its table 10.2.1. A figure that is the module's own says so.
"""

from __future__ import annotations

from collections.abc import Callable

from cellkit.bench import timers
from cellkit.bench.clock import Clock, Handle
from cellkit.bench.modem.faults import Faults
from cellkit.bench.modem.radio import Events, Stat
from cellkit.bench.network import Grant, Network, Request

_T3411_S = 10.0
_T3402_S = 720.0
_ATTEMPTS_BEFORE_T3402 = 5
_PERMANENT_CAUSES = frozenset({3, 6, 7, 8})  # no further attempt until the card or the module starts anew
_LOSS_NOTICED_S = 2.0  # (unverified) radio link failure takes a while to be noticed
_PENDING_LIMIT_S = 60.0  # how long an uplink waits for a radio connection before it is dropped


class UserEquipment:
    """One device's radio. Public fields are for reading; times in seconds."""

    def __init__(self, clock: Clock, network: Network, faults: Faults, events: Events) -> None:
        self._clock = clock
        self._network = network
        self._faults = faults
        self._events = events
        self.session = network.session(self)
        self.request = Request()
        self.data_inactivity_s: float = 60.0  # the module's own limit; the network's is usually shorter
        self.search_pauses_s: tuple[float, ...] = (30.0,)  # the module's own; the last one repeats, 0 = no more search
        self.may_camp: Callable[[], bool] = lambda: True  # whether the module's bands and locks allow the cell
        self._timers: dict[str, Handle] = {}
        self._pending: list[tuple[float, Callable[[bool], object]]] = []
        self._reset_state()
        network.watch_coverage(lambda covered: self.coverage_changed())

    def _reset_state(self) -> None:
        self.on = False
        self.stat = Stat.NOT_REGISTERED
        self.cause: int | None = None
        self.grant = Grant()
        self.connected = False
        self.connecting = False
        self.psm = False
        self.searching = False
        self.transmitting = False
        self._attempts = 0
        self._jumps = 0  # corrections of the network's clock that it has told
        self._pauses = 0
        self._context = False  # the network still knows us: a TAU is enough
        self._release_after: str | None = None
        self._asked: Request | None = None
        self._search_due_s: float | None = None

    @property
    def registered(self) -> bool:
        """Whether packets may be sent."""
        return self.stat in (Stat.HOME, Stat.ROAMING)

    @property
    def covered(self) -> bool:
        """Whether this antenna hears a cell that the module may use."""
        return self._network.covered() and not self._faults.no_coverage and self.may_camp()

    @property
    def camped(self) -> bool:
        """Whether there is a serving cell, though it may have denied the registration."""
        return self.covered and (self.registered or self.connected or self.stat is Stat.DENIED)

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

    def vanish(self) -> None:
        """Everything gone at once: reset or power cut."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._pending.clear()
        self.session.vanish()
        self._reset_state()

    def renew(self) -> None:
        """Requested timers have changed: tell the network, if it knows us."""
        if self.registered:
            self.connect(lambda ok: self._tau() if ok else None)

    # Search and attach

    def _set(self, stat: Stat, cause: int | None = None) -> None:
        changed = (stat, cause) != (self.stat, self.cause)
        self.stat, self.cause = stat, cause
        if changed:
            self._events.registration_changed()

    def _timer(self, name: str, delay_s: float, fn: Callable[[], object]) -> None:
        self._cancel(name)
        self._timers[name] = self._clock.call_later(delay_s, self._expired, name, fn)

    def _expired(self, name: str, fn: Callable[[], object]) -> None:
        self._timers.pop(name, None)
        fn()

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _search(self) -> None:
        self.searching = True
        self._search_due_s = None
        self._set(Stat.SEARCHING)
        self._network.log.emit("net", "search")
        self._events.radio_changed()
        self._timer("search", self._network.config.delays.search_s, self._searched)

    def _searched(self) -> None:
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
        self._timer("connect", self._network.config.delays.rrc_setup_s, self._attach)

    def search_due_s(self) -> float | None:
        """Seconds until the next search; None if none is waiting."""
        return None if self._search_due_s is None else max(0.0, self._search_due_s - self._clock.now())

    def search_now(self) -> None:
        """Search at once instead of at the end of the pause."""
        if self.on and not self.searching and not self.camped:
            self._search()

    def _attach(self) -> None:
        self._enter_connected()
        if self._context:
            self._tau()
        else:
            self._asked = self.request
            self.session.attach(self.request, self._attach_answered)

    def _attach_answered(self, grant: Grant) -> None:
        grant = self._overruled(grant)
        if not self.covered:
            self._lost()
        elif grant.cause is not None:
            self._rejected(grant.cause)
        else:
            self._accepted(grant)
            self._timer("ip", self._network.config.delays.ip_after_attach_s, self._events.address_assigned)
            self._tell_time()

    def _tell_time(self) -> None:
        self._jumps = self._network.jumps()
        if self._network.config.policy.nitz:
            self._events.time_came()

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
        self._timer("search", _T3411_S if self._attempts < _ATTEMPTS_BEFORE_T3402 else _T3402_S, self._search)

    # Coverage

    def coverage_changed(self) -> None:
        """The cell came or went, or the antenna did."""
        if not self.on or self.psm:
            return
        if not self.covered and self.registered:
            self._timer("loss", _LOSS_NOTICED_S, self._lost)
        elif self.covered:
            self._cancel("loss")

    def _lost(self) -> None:
        if self.covered or not self.on:
            return
        self._leave_connected()
        self._cancel("t3324")
        self._set(Stat.UNKNOWN)
        self._fail_pending()
        self._search()

    # RRC

    def connect(self, then: Callable[[bool], object]) -> None:
        """Call `then(True)` once the radio is connected, at once if it is; `then(False)` if that cannot be."""
        if self.connected and self.registered:
            self.touch()
            then(True)
            return
        if not self.registered:
            then(False)
            return
        self._pending.append((self._clock.now() + _PENDING_LIMIT_S, then))
        if not self.connecting:
            self.connecting = True
            self._cancel("t3324")
            self._events.radio_changed()  # first, so that a module that slept is awake to tell of the rest
            self._leave_psm()
            self._timer("connect", self._network.config.delays.rrc_setup_s, self._connected)

    def _connected(self) -> None:
        self.connecting = False
        if not self.covered:
            self._lost()
            return
        self._enter_connected()
        if self._jumps != self._network.jumps():
            self._tell_time()  # EMM information: the network's clock was corrected
        pending, self._pending = self._pending, []
        for deadline_s, then in pending:
            then(self._clock.now() <= deadline_s)

    def _fail_pending(self) -> None:
        self.connecting = False
        pending, self._pending = self._pending, []
        for _, then in pending:
            then(False)

    def _enter_connected(self) -> None:
        self._leave_psm()
        for name in ("t3324", "t3412"):
            self._cancel(name)
        self._release_after = None
        if not self.connected:
            self.connected = True
            self.session.entered("connected")
            self._events.rrc_changed()
        self.touch()
        self._events.radio_changed()

    def touch(self) -> None:
        """There was traffic: the inactivity timers of network and module start anew."""
        if not self.connected:
            return
        limit_s = self._network.config.delays.rrc_inactivity_s
        if self.data_inactivity_s:
            limit_s = min(limit_s, self.data_inactivity_s)
        self._timer("inactivity", limit_s, self._release)

    def release_assistance(self, after: str = "now") -> None:
        """Tell the network that nothing more comes: `now`, after the next `uplink`, or after the next `downlink`."""
        self._release_after = after
        if after == "now":
            self._release_early("now")

    def _release_early(self, reached: str) -> None:
        if not self.connected or self._release_after != reached:
            return
        self._release_after = None
        if self._network.config.policy.rai:
            self._timer("inactivity", self._network.config.delays.rai_release_s, self._release)

    def _leave_connected(self) -> bool:
        self._cancel("inactivity")
        if not self.connected:
            return False
        self.connected = self.transmitting = False
        self._cancel("tx")
        self.session.entered("idle")
        self._events.rrc_changed()
        return True

    def _release(self) -> None:
        if not self._leave_connected():
            return
        if self.registered:
            if self.grant.t3412_s is not None:
                self._timer("t3412", self.grant.t3412_s, self._periodic_tau)
            active_s = None if self.grant.t3324 is None else timers.decode_t3324(self.grant.t3324)
            if active_s is not None:
                self._timer("t3324", active_s, self._enter_psm)
        self._events.radio_changed()

    # PSM and TAU

    def _enter_psm(self) -> None:
        self.psm = True
        self.session.entered("psm")
        self._events.psm_changed()
        self._events.radio_changed()

    def _leave_psm(self) -> None:
        if self.psm:
            self.psm = False
            self.session.entered("idle")
            self._events.psm_changed()

    def _periodic_tau(self) -> None:
        self.connect(lambda ok: self._tau() if ok else None)

    def _tau(self) -> None:
        self._asked = self.request
        self.session.tau(self.request, self._tau_answered)

    def _tau_answered(self, grant: Grant) -> None:
        grant = self._overruled(grant)
        if not self.covered:
            self._lost()
        elif grant.cause is not None:
            self._rejected(grant.cause)
        else:
            self._accepted(grant)

    # Data

    def send(self, flow: int, data: bytes, rai: int = 0) -> None:
        """Send a datagram: connect if need be, transmit for its time on air, then hand it to the network.

        `rai` is the release assistance of QISEND: 1 nothing follows, 2 one downlink follows.
        """
        self.connect(lambda ok: self._transmit(flow, data, rai) if ok else self._unsent(data))

    def _unsent(self, data: bytes) -> None:
        self._network.log.emit("net", "drop", why="no connection", bytes=len(data), way="up")

    def _transmit(self, flow: int, data: bytes, rai: int) -> None:
        delays = self._network.config.delays
        bits = 8 * (len(data) + delays.uplink_overhead_bytes) * delays.repetitions
        self.transmitting = True
        self._events.radio_changed()
        self._timer("tx", bits / delays.uplink_bps, self._transmitted)
        self._clock.call_later(bits / delays.uplink_bps, self._handed_over, flow, data, rai)

    def _transmitted(self) -> None:
        self.transmitting = False
        self._events.radio_changed()

    def _handed_over(self, flow: int, data: bytes, rai: int) -> None:
        if not self.connected or not self.covered:
            self._unsent(data)
            return
        self.session.send(flow, data)
        self.touch()
        if rai:
            self._release_after = "uplink" if rai == 1 else "downlink"
        self._release_early("uplink")

    def paged(self) -> None:
        """The network has downlink data for us."""
        if self.covered:
            self.connect(lambda ok: None)

    def downlink(self, flow: int, data: bytes) -> None:
        """A datagram came over the air."""
        if not self.covered:
            self._network.log.emit("net", "drop", why="no coverage", bytes=len(data), way="down")
            return
        self.touch()
        self._release_early("downlink")
        self._events.downlink_came(flow, data)
