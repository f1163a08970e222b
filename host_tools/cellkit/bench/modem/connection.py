"""The device's radio connection: set-up, inactivity, release, T3324 and PSM, data. Registration is in ue.py.

Source: 3GPP TS 36.331 (RRC) and TS 24.301. What a procedure sends and receives, and how long that takes, comes from the
model (cellkit.model.radio), the same that the planner uses; so do all waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from cellkit.bench import timers
from cellkit.bench.clock import Clock, Handle
from cellkit.bench.modem.air import Air
from cellkit.bench.modem.faults import Faults
from cellkit.bench.modem.radio import Events, Stat
from cellkit.bench.network import Grant, Network
from cellkit.model.parts import Module
from cellkit.model.radio import Link, Phases, Procedures, by_state
from cellkit.model.radio_data import Radio

_LEAST_S = 0.01  # an inactivity timer of 0 s may not begin anew at one and the same moment


class Connection(ABC):
    """One device's radio, as far as it needs a registration and has one. Times in seconds."""

    def __init__(self, clock: Clock, network: Network, module: Module, faults: Faults, events: Events) -> None:
        self._clock = clock
        self._network = network
        self._faults = faults
        self._events = events
        self._module = module
        self._air = Air(clock, events.radio_changed)
        self._procedures: tuple[tuple[Any, ...], Procedures] | None = None
        self._paging: tuple[Procedures, Mapping[str, float]] | None = None
        self.session = network.session(self)
        self.data_inactivity_s: float = 60.0  # the module's own limit; the network's is usually shorter
        self.may_camp: Callable[[], bool] = lambda: True  # whether the module's bands and locks allow the cell
        self._timers: dict[str, Handle] = {}
        self._pending: list[tuple[float, Callable[[bool], object]]] = []
        self._reset_state()

    def _reset_state(self) -> None:
        self.on = False
        self.stat = Stat.NOT_REGISTERED
        self.grant = Grant()
        self.connected = False
        self.connecting = False
        self.psm = False
        self.searching = False
        self._release_after: str | None = None
        self._releasing = False  # the network's release is on the air
        self._set_up_bytes = 0.0  # of the message that ends the set-up; the first uplink rides on it
        self._wanted = False  # somebody has asked for this connection, not just an update
        self._used_s: float | None = None  # when the radio was last connected

    @abstractmethod
    def _lost(self) -> None:
        """There may be no cell any more."""

    @abstractmethod
    def _periodic_tau(self) -> None:
        """T3412 has run out."""

    @abstractmethod
    def _connection_made(self) -> None:
        """A connection of a registered device has begun."""

    # What it costs

    @property
    def procedures(self) -> Procedures:
        """The model's procedures in this cell, with the timers granted."""
        radio, grant = self._network.radio, self.grant
        # Held by identity and code: they change seldom, and are asked for at each transmission.
        key = (radio, self._network.config.cell.ecl, self._network.config.policy.rai, grant.edrx, grant.ptw)
        if self._procedures is None or not _same(self._procedures[0], key):
            edrx_s = None if grant.edrx is None else timers.decode_edrx(grant.edrx)
            ptw_s = 0.0 if grant.ptw is None else timers.decode_ptw(grant.ptw)
            link = Link(ce=key[1], rai=key[2], edrx_s=edrx_s, ptw_s=ptw_s)
            self._procedures = key, Procedures(radio, self._module, link)
        return self._procedures[1]

    @property
    def working(self) -> bool:
        """Whether the radio needs its processor: searching, connecting or connected."""
        return self.connected or self.connecting or self.searching or self._air.busy

    def activity(self) -> str | Mapping[str, float]:
        """What the radio does while it works: a state, or the share of each in connected DRX."""
        if self._air.state is None and "drx" in self._timers:  # it listens all the time for a while
            return "rx"
        return self._air.state or self.procedures.connected_shares()

    def paging(self) -> Mapping[str, float]:
        """Share of each state while it sleeps between pages, registered and idle."""
        procedures = self.procedures
        if self._paging is None or self._paging[0] is not procedures:
            self._paging = procedures, by_state(procedures.idle(1.0))
        return self._paging[1]

    @property
    def _radio(self) -> Radio:
        return self._network.radio

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

    def vanish(self) -> None:
        """Everything gone at once: reset or power cut."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._air.clear()
        self._pending.clear()
        self.session.vanish()
        self._reset_state()

    # Timers

    def _timer(self, name: str, delay_s: float, fn: Callable[..., object], *args: Any) -> None:
        self._cancel(name)
        self._timers[name] = self._clock.call_later(delay_s, self._expired, name, fn, *args)

    def _expired(self, name: str, fn: Callable[..., object], *args: Any) -> None:
        self._timers.pop(name, None)
        fn(*args)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _access(self) -> Phases:
        """Synchronisation, random access, set-up; system information is read again after some time asleep."""
        asleep_s = float("inf") if self._used_s is None else self._clock.now() - self._used_s
        self._set_up_bytes = self._radio.signalling.setup_complete_bytes.value
        return self.procedures.access(asleep_s)

    def _along(self) -> float:
        """Bytes of the set-up that go with the next uplink."""
        along, self._set_up_bytes = self._set_up_bytes, 0.0
        return along

    # RRC

    def connect(self, then: Callable[[bool], object], wanted: bool = True) -> None:
        """Call `then(True)` once the radio is connected, at once if it is; `then(False)` if that cannot be.

        wanted: more than an update is to follow, so the network keeps the connection for a while.
        """
        self._wanted = self._wanted or wanted
        if self.connected and self.registered and not self._releasing:
            self.touch()
            then(True)
            return
        if not self.registered:
            then(False)
            return
        self._pending.append((self._clock.now() + self._radio.registration.uplink_waits_s.value, then))
        if not self._releasing:  # else once the release is through
            self._begin_connection()

    def _begin_connection(self) -> None:
        if self.connecting:
            return
        self.connecting = True
        self._cancel("t3324")
        # First, so that a module that slept is awake to tell of the rest.
        self._air.play(self._access(), self._connected)
        self._leave_psm()

    def _connected(self, ok: bool) -> None:
        self.connecting = False
        if not self.covered:
            self._lost()
            return
        self._enter_connected()
        self._connection_made()
        pending, self._pending = self._pending, []
        for deadline_s, then in pending:
            then(self._clock.now() <= deadline_s)
        if self._set_up_bytes and self.connected:  # nothing to ride on it: paged, or data that came too late
            self._air.play(self.procedures.uplink(self._along()), lambda ok: self.touch())

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
        if "connected_sleep" in self._module.current:  # else its mean has it in it
            self._timer("drx", self._radio.connected.drx_inactivity_s.value, self._events.radio_changed)
        limit_s = max(self._radio.connected.inactivity_s.value, _LEAST_S)
        if self.data_inactivity_s and self.data_inactivity_s < limit_s:
            self._timer("inactivity", self.data_inactivity_s, self._inactive, self._release)
        else:
            self._timer("inactivity", limit_s, self._inactive, self._released_by_network)

    def _inactive(self, release: Callable[[], object]) -> None:
        if self._air.busy:
            self.touch()
        else:
            release()

    def _released_by_network(self) -> None:
        self._releasing = True
        self._air.play(self.procedures.release_message(), lambda ok: self._release() if ok else None)

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
            self._release_soon()

    def _release_soon(self) -> None:
        self._timer("inactivity", self._radio.connected.rai_release_s.value, self._inactive, self._released_by_network)

    def _leave_connected(self) -> bool:
        self._cancel("inactivity")
        self._cancel("drx")
        if not self.connected:
            return False
        self.connected = self._releasing = self._wanted = False
        self._used_s = self._clock.now()
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
        if self._pending:
            self._begin_connection()

    # PSM

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

    # Data

    def send(self, flow: int, data: bytes, rai: int = 0) -> None:
        """Send a datagram: connect if need be, transmit for its time on air, then hand it to the network.

        `rai` is the release assistance of QISEND: 1 nothing follows, 2 one downlink follows.
        """
        self.connect(lambda ok: self._transmit(flow, data, rai) if ok else self._unsent(data))

    def _unsent(self, data: bytes) -> None:
        self._network.log.emit("net", "drop", why="no connection", bytes=len(data), way="up")

    def _transmit(self, flow: int, data: bytes, rai: int) -> None:
        size_bytes = self._along() + self.procedures.datagram(len(data))
        self._air.play(self.procedures.uplink(size_bytes), lambda ok: self._handed_over(ok, flow, data, rai))

    def _handed_over(self, ok: bool, flow: int, data: bytes, rai: int) -> None:
        if not ok or not self.connected or not self.covered:
            self._unsent(data)
            return
        self.session.send(flow, data)
        self.touch()
        if rai:
            self._release_after = "uplink" if rai == 1 else "downlink"
        self._release_early("uplink")

    def transmit(self, size_bytes: int, done: Callable[[bool], object]) -> None:
        """Send so many bytes of a stream: connect if need be, transmit; `done(False)` if that cannot be."""

        def handed_over(ok: bool) -> None:
            ok = ok and self.connected and self.covered
            if ok:
                self.touch()
            done(ok)

        def connected(ok: bool) -> None:
            if ok:
                size = self._along() + self.procedures.datagram(size_bytes)
                self._air.play(self.procedures.uplink(size), handed_over)
            else:
                done(False)

        self.connect(connected)

    def paged(self) -> None:
        """The network has downlink data for us."""
        if self.covered:
            self.connect(lambda ok: None)

    def receive(self, size_bytes: int, done: Callable[[bool], object]) -> None:
        """Receive a datagram for its time on air."""
        self._wanted = True
        self._air.play(self.procedures.downlink(self.procedures.datagram(size_bytes)), done, urgent=True)

    def downlink(self, flow: int, data: bytes, deliver: Callable[[bytes], object] | None) -> bool:
        """A packet came over the air: for `deliver`, or else for the family."""
        if not self.covered:
            self._network.log.emit("net", "drop", why="no coverage", bytes=len(data), way="down")
            return False
        self.touch()
        self._release_early("downlink")
        if deliver is None:
            self._events.downlink_came(flow, data)
        else:
            deliver(data)
        return True


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]
