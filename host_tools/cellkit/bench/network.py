"""The cell and core network: decides, delays, loses, queues, and carries packets to real servers."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from cellkit.bench import timers
from cellkit.bench.clock import Clock, Handle
from cellkit.bench.gateway import Flow, Gateway, HostGateway
from cellkit.bench.log import EventLog
from cellkit.bench.netconfig import Cell, NetworkConfig, Policy, Span
from cellkit.bench.sms import SmsCentre
from cellkit.bench.streams import Deliver, Stream
from cellkit.model.radio_data import Radio

__all__ = ["Cell", "Grant", "Network", "NetworkConfig", "Policy", "Request", "Session", "Span", "Ue"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Reach = Literal["detached", "connected", "idle", "psm"]


@dataclass
class Request:
    """What a device asks for in an attach or TAU request, as bit strings; None = not asked for."""

    t3324: str | None = None
    t3412: str | None = None
    edrx: str | None = None


@dataclass
class Grant:
    """The network's answer: `cause` is the EMM cause of a reject, else None. Timers as bit strings, None = absent."""

    cause: int | None = None
    roaming: bool = False
    t3324: str | None = None
    t3412: str | None = None
    t3412_s: float | None = None  # the periodic TAU that applies, extended or plain
    edrx: str | None = None
    ptw: str | None = None
    ip: str = ""


class Ue(Protocol):
    """What the network may do to a device."""

    def paged(self) -> None:
        """There is downlink data: connect."""

    def receive(self, size_bytes: int, done: Callable[[bool], object]) -> None:
        """Receive a datagram; `done(True)` when its time on air is over, `done(False)` if the cell goes before."""

    def transmit(self, size_bytes: int, done: Callable[[bool], object]) -> None:
        """Connect if need be and send so many bytes; `done(False)` if that cannot be."""

    def downlink(self, flow: int, data: bytes, deliver: Deliver | None) -> bool:
        """A packet has arrived over the air, for `deliver` if there is one; False if it cannot be heard."""
        ...


class Network:
    """One network for any number of devices. `config` may be changed while it runs: `network.config.policy.psm = …`."""

    def __init__(self, clock: Clock, log: EventLog, config: NetworkConfig, gateway: Gateway | None = None) -> None:
        self.clock = clock
        self.log = log
        self.config = config
        self.gateway = gateway or HostGateway()
        self.sms = SmsCentre(clock, log)
        self.random = random.Random(config.seed)
        self._switched_off = False
        self._watchers: list[Callable[[bool], object]] = []
        for gap in config.coverage_gaps:
            for edge_s in (gap.start_s, gap.start_s + gap.duration_s):
                if edge_s >= clock.now():
                    clock.call_later(edge_s - clock.now(), self._tell_coverage)

    @property
    def radio(self) -> Radio:
        """The figures of radio and core."""
        return self.config.radio_figures()

    def covered(self) -> bool:
        """Whether there is a cell now."""
        return not self._switched_off and not any(gap.covers(self.clock.now()) for gap in self.config.coverage_gaps)

    def coverage(self, on: bool) -> None:
        """Switch the cell on or off by hand."""
        self._switched_off = not on
        self._tell_coverage()

    def watch_coverage(self, fn: Callable[[bool], object]) -> None:
        """Have `fn(covered)` called when the cell comes or goes."""
        self._watchers.append(fn)

    def session(self, ue: Ue) -> Session:
        """Make the network know a device."""
        return Session(self, ue)

    def utc(self) -> datetime:
        """The network's time."""
        jumps_s = sum(jump.by_s for jump in self.config.clock_jumps if jump.at_s <= self.clock.now())
        return _EPOCH + timedelta(seconds=self.config.utc_start_s + self.clock.now() + jumps_s)

    def jumps(self) -> int:
        """How often its clock has been corrected so far."""
        return sum(1 for jump in self.config.clock_jumps if jump.at_s <= self.clock.now())

    def resolve(self, name: str) -> str | None:
        """IP address of a name: this network's DNS table, or the name itself if it is an IPv4 address."""
        return name if self.is_ip(name) else self.config.hosts.get(name)

    def is_ip(self, name: str) -> bool:
        """Whether `name` is an IPv4 address, so that no DNS is needed."""
        parts = name.split(".")
        return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)

    def blocked(self) -> str | None:
        """Why a packet would get lost now (`outage`, `loss`), or None."""
        if any(span.covers(self.clock.now()) for span in self.config.outages):
            return "outage"
        return "loss" if self.random.random() < self.config.loss else None

    def grant(self, request: Request) -> Grant:
        """The operator's answer to `request` by its policy."""
        policy = self.config.policy
        if policy.reject_cause is not None:
            return Grant(cause=policy.reject_cause)
        grant = Grant(roaming=policy.roaming, ip=self.config.ip, t3412_s=policy.t3412_plain_s)
        if request.t3324 is not None and policy.psm == "deactivated":
            grant.t3324 = timers.DEACTIVATED
        elif request.t3324 is not None and policy.psm == "granted":
            grant.t3324 = timers.encode_t3324(_allowed(timers.decode_t3324(request.t3324), policy.t3324_allowed_s))
        if policy.t3412 == "deactivated":
            grant.t3412_s = None
            grant.t3412 = timers.DEACTIVATED if request.t3412 is not None and policy.psm != "refused" else None
        elif request.t3412 is not None and policy.psm != "refused":
            wanted_s = timers.decode_t3412(request.t3412)
            if wanted_s is not None:
                grant.t3412 = timers.encode_t3412(_allowed(wanted_s, policy.t3412_allowed_s))
                grant.t3412_s = timers.decode_t3412(grant.t3412)
        if request.edrx is not None and policy.edrx == "granted":
            cycle_s = timers.decode_edrx(request.edrx)
            if cycle_s is not None:
                grant.edrx = timers.encode_edrx(min(max(cycle_s, policy.edrx_min_s), policy.edrx_max_s))
                grant.ptw = timers.encode_ptw(policy.ptw_s)
        return grant

    def _tell_coverage(self) -> None:
        covered = self.covered()
        self.log.emit("net", "coverage", on=covered)
        for watcher in list(self._watchers):
            watcher(covered)


def _allowed(wanted_s: float | None, allowed_s: tuple[float, ...]) -> float | None:
    if wanted_s is None or not allowed_s:
        return wanted_s
    return next((value for value in sorted(allowed_s) if value >= wanted_s), max(allowed_s))


class Session:
    """What the network knows and holds for one device."""

    def __init__(self, network: Network, ue: Ue) -> None:
        self._network = network
        self._clock = network.clock
        self._ue = ue
        self._reach: Reach = "detached"
        self._edrx_s: float | None = None
        self._ptw_s = 0.0
        self._flows: dict[int, tuple[Flow, str, Deliver | None]] = {}
        self._streams: dict[int, Stream] = {}
        self._next_flow = 1
        self._waiting: deque[tuple[int, bytes, float]] = deque()
        self._page: Handle | None = None
        self._exchange: Handle | None = None
        self.on_vanish: list[Callable[[], object]] = []
        """Called when the device has gone, with a goodbye or without: its flows and streams are no more."""

    # Registration

    def attach(self, request: Request, done: Callable[[Grant], object]) -> None:
        """Answer an attach request after the core's time; `done(grant)` also brings a reject."""
        self._ask("attach", request, done)

    def tau(self, request: Request, done: Callable[[Grant], object]) -> None:
        """Answer a tracking area update after the core's time."""
        self._ask("tau", request, done)

    def _ask(self, ev: str, request: Request, done: Callable[[Grant], object]) -> None:
        self.abandon()
        self._exchange = self._clock.call_later(
            self._network.radio.network.core_s.value, self._answer, ev, request, done
        )

    def abandon(self) -> None:
        """The device does not wait for the answer of an attach or update any more."""
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange = None

    def detach(self) -> None:
        """The device says goodbye; what waits for it is gone."""
        self.vanish()
        self._network.log.emit("net", "detach")

    def vanish(self) -> None:
        """The device is gone without a word: power cut or reset."""
        self.abandon()
        if self._page is not None:
            self._page.cancel()
            self._page = None
        self.entered("detached")
        self._waiting.clear()
        for flow in list(self._flows):
            self.close(flow)
        for stream in list(self._streams.values()):
            stream.kill()
        for told in self.on_vanish:
            told()

    def entered(self, reach: Reach) -> None:
        """The device is now connected, idle or in PSM."""
        if reach == self._reach:
            return
        log = self._network.log
        if (reach == "connected") != (self._reach == "connected"):
            log.emit("net", "rrc", state="connected" if reach == "connected" else "idle")
        if (reach == "psm") != (self._reach == "psm"):
            log.emit("net", "psm", state="enter" if reach == "psm" else "exit")
        self._reach = reach
        if reach == "connected":
            self._deliver_waiting()

    def _answer(self, ev: str, request: Request, done: Callable[[Grant], object]) -> None:
        grant = self._network.grant(request)
        if grant.cause is not None:
            self._network.log.emit("net", "reject", cause=grant.cause, procedure=ev)
        else:
            self._edrx_s = None if grant.edrx is None else timers.decode_edrx(grant.edrx)
            self._ptw_s = 0.0 if grant.ptw is None else timers.decode_ptw(grant.ptw)
            active_s = None if grant.t3324 is None else timers.decode_t3324(grant.t3324)
            fields = {"t3324_s": active_s, "t3412_s": grant.t3412_s, "edrx_s": self._edrx_s}
            self._network.log.emit("net", ev, roaming=grant.roaming, **fields)
        done(grant)

    # Datagrams

    def open(self, host: str, port: int, deliver: Deliver | None = None) -> int:
        """Start a flow to an IP address; returns its number. Raises OSError. `deliver` gets what comes; else the Ue."""
        number = self._next_flow
        self._next_flow += 1
        flow = self._network.gateway.open(host, port, lambda data: self._from_peer(number, data))
        self._flows[number] = (flow, f"{host}:{port}", deliver)
        return number

    def close(self, number: int) -> None:
        """End a flow or stream; datagrams on their way to it are dropped, what a stream has sent still goes out."""
        entry = self._flows.pop(number, None)
        if entry is not None:
            entry[0].close()
        elif number in self._streams:
            self._streams[number].finish()

    def send(self, number: int, data: bytes) -> None:
        """Carry one datagram from the connected device to its peer."""
        entry = self._flows.get(number)
        why = "no socket" if entry is None else self._network.blocked()
        if not self._network.covered():
            why = "no coverage"
        peer = entry[1] if entry is not None else ""
        if why is not None:
            self._network.log.emit("net", "drop", why=why, bytes=len(data), peer=peer, way="up")
            return
        latency_s = self._network.radio.network.up_s
        self._network.log.emit("net", "up", bytes=len(data), peer=peer, latency_s=latency_s)
        self._clock.call_later(latency_s, self._to_peer, number, data)

    def _to_peer(self, number: int, data: bytes) -> None:
        entry = self._flows.get(number)
        if entry is not None and not entry[0].send(data):
            self._network.log.emit("net", "drop", why="refused by the host", bytes=len(data), peer=entry[1], way="up")

    def _from_peer(self, number: int, data: bytes) -> None:
        why = self.refuses()
        if why is None:
            self.hold(number, data)
        else:
            self._drop_down(number, data, why)

    def refuses(self) -> str | None:
        """Why a packet for the device gets lost now, or None."""
        why = self._network.blocked()
        policy = self._network.config.policy
        if self._reach == "detached":
            why = "detached"
        elif why is None and self._reach == "psm" and policy.psm_downlink == "drop":
            why = "psm"
        elif why is None and len(self._waiting) >= policy.psm_queue_packets:
            why = "queue full"
        return why

    # Streams

    def open_stream(
        self, host: str, port: int,
        on_open: Callable[[str], object], on_data: Deliver, on_closed: Callable[[str], object],
    ) -> int:  # fmt: skip
        """Start a TCP connection to an IP address; returns its number, for `stream_send` and `close`.

        on_open(outcome): `ok`, `refused` or `timeout`; on_closed(why): `closed` or `reset` by the peer, or `timeout`.
        """
        number = self._next_flow
        self._next_flow += 1
        self._streams[number] = Stream(self._network, self, self._ue, number, (host, port), on_open, on_data, on_closed)
        return number

    def stream_send(self, number: int, data: bytes, acked: Callable[[int], object]) -> None:
        """Carry `data` to the peer, in order; `acked(count)` when its host has acknowledged so many more bytes."""
        if number in self._streams:
            self._streams[number].send(data, acked)

    def stream_ended(self, number: int) -> None:
        """A stream is over (for the stream itself)."""
        self._streams.pop(number, None)

    # Down

    def hold(self, number: int, data: bytes) -> None:
        """Bring a packet to the device: now, when it is paged, or when it comes by itself."""
        self._hold(number, data, self._clock.now())

    def _hold(self, number: int, data: bytes, came_s: float) -> None:
        self._waiting.append((number, data, came_s))
        if self._reach == "connected":
            self._deliver_waiting()
        elif self._reach == "idle" and self._page is None:
            self._page = self._clock.call_later(self._paging_delay_s(), self._page_now)

    def _paging_delay_s(self) -> float:
        # Drawn, since a device that only ever meets the mean hides its time-outs. With eDRX the device listens in its
        # paging time window only: a datagram comes in it, or waits for the next.
        cycle_s = self._network.radio.idle.drx_cycle_s.value
        delay_s = self._network.random.uniform(0, self._edrx_s or cycle_s)
        in_window = self._edrx_s is not None and delay_s > self._edrx_s - self._ptw_s
        return delay_s % cycle_s if in_window else delay_s

    def _page_now(self) -> None:
        self._page = None
        if self._waiting and self._reach == "idle" and self._network.covered():
            self._ue.paged()

    def _deliver_waiting(self) -> None:
        latency_s = self._network.radio.network.down_s
        while self._waiting:
            number, data, came_s = self._waiting.popleft()
            self._clock.call_later(latency_s, self._at_base_station, number, data, came_s)

    def _at_base_station(self, number: int, data: bytes, came_s: float) -> None:
        if self._reach == "connected" and self._network.covered():
            self._ue.receive(len(data), lambda ok: self._over_the_air(number, data, came_s))
        else:
            self._over_the_air(number, data, came_s)

    def _over_the_air(self, number: int, data: bytes, came_s: float) -> None:
        stream, entry = self._streams.get(number), self._flows.get(number)
        if self._reach == "detached" or (stream is None and entry is None):
            self._drop_down(number, data, "no socket")
        elif not self._network.covered():
            self._drop_down(number, data, "no coverage")
        elif self._reach != "connected":
            self._hold(number, data, came_s)
        else:
            latency_s = round(self._clock.now() - came_s, 6)
            peer, deliver = ("", None) if entry is None else entry[1:]
            if stream is not None:
                peer, deliver = stream.peer, stream.over_the_air
            self._network.log.emit("net", "down", bytes=len(data), peer=peer, latency_s=latency_s)
            if not self._ue.downlink(number, data, deliver) and stream is not None:
                stream.lost("no coverage")

    def _drop_down(self, number: int, data: bytes, why: str) -> None:
        if number in self._streams:
            self._streams[number].lost(why)
            return
        peer = self._flows[number][1] if number in self._flows else ""
        self._network.log.emit("net", "drop", why=why, bytes=len(data), peer=peer, way="down")
