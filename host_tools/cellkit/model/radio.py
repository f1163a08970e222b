"""Procedures of one NB-IoT device as lists of (state, seconds): a pure library without a clock.

Names of states are those of the module's data (`figures.MODULE_STATES`). Where the module has a mean current for a
whole pattern (`connected`, `idle_drx_2s56`, `idle_edrx`), that state is used; else it is made of `rx` and a sleep.
Durations come from `data/radio_nb.toml`. Repeated tries enter as their mean, so a phase is an expected value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cellkit.model.parts import Module
from cellkit.model.radio_data import FULL_SPACING_KHZ, Radio

Phase = tuple[str, float]
Phases = list[Phase]


@dataclass(frozen=True)
class Link:
    """What network and device have agreed on. `t3324_s` None: no PSM. `edrx_s` None: plain DRX."""

    ce: Literal[0, 1, 2] = 0
    rai: bool = True
    t3324_s: float | None = 10.0
    edrx_s: float | None = None
    ptw_s: float = 10.24


class Procedures:
    """The procedures of one device with `module` in a network that has `radio`'s figures."""

    def __init__(self, radio: Radio, module: Module, link: Link) -> None:
        self.radio = radio
        self.module = module
        self.link = link
        self._level = radio.level(link.ce)
        self._states = module.current.keys()
        self._slowness = FULL_SPACING_KHZ / self._level.uplink_spacing_khz.value
        self._retries = 1.0 / (1.0 - radio.physical.block_error_rate.value)

    # Registration

    def boot(self) -> Phases:
        """From the power key until the first command is answered."""
        return [("boot", self.module.timing.boot_s.value), ("awake", self.module.timing.at_session_s.value)]

    def cold_attach(self) -> Phases:
        """From power-on to registered: search, connection, attach. Followed by data or `release`."""
        before, after = self.attach()
        return [*self.boot(), *self.search(), *self.access(float("inf")), *before, *self.core(), *after]

    def search(self) -> Phases:
        """Find a cell whose carrier is known."""
        return [(self._search, self.radio.network.search_s.value)]

    def scan(self) -> Phases:
        """Look through the rest of the band when `search` has found nothing."""
        rest_s = self._level.band_scan_s.value - self.radio.network.search_s.value
        return [(self._search, max(0.0, rest_s))]

    def attach(self) -> tuple[Phases, Phases]:
        """The signalling of an attach up to its last request, and the answer to that; `core` lies between."""
        size = self.radio.signalling
        pairs = max(1.0, size.attach_exchanges.value)
        up = self.uplink(size.attach_up_bytes.value / pairs)
        down = self.downlink(size.attach_down_bytes.value / pairs)
        return [*_times(up + self.core() + down, pairs - 1), *up], down

    def core(self) -> Phases:
        """Wait for the core network to answer a message."""
        return [(self._waiting, self.radio.network.core_s.value)]

    def tau(self, asleep_s: float) -> Phases:
        """A periodic tracking area update out of PSM or idle, with the active time after it."""
        phases = [*self.access(asleep_s), *self.tau_request(self.radio.signalling.setup_complete_bytes.value)]
        phases += [*self.core(), *self.tau_answer()]
        # Without user data the core network releases at once, as if assistance had been given.
        phases += self._released_after(self.radio.connected.rai_release_s.value)
        return phases + self.active_time()

    def tau_request(self, along_bytes: float) -> Phases:
        """Ask for a tracking area update; `along_bytes` go with it."""
        return self.uplink(along_bytes + self.radio.signalling.tau_request_bytes.value)

    def tau_answer(self) -> Phases:
        """The network's answer to it, and the device's confirmation."""
        size = self.radio.signalling
        return [*self.downlink(size.tau_accept_bytes.value), *self.uplink(size.tau_complete_bytes.value)]

    # Connection

    def wake(self) -> Phases:
        """From the wake pulse through the AT commands before the radio starts."""
        return [("waking", self.module.timing.wake_s.value), ("awake", self.module.timing.at_session_s.value)]

    def access(self, asleep_s: float) -> Phases:
        """Synchronise, random access and RRC set-up, after the radio has slept for `asleep_s`."""
        level, physical, size = self._level, self.radio.physical, self.radio.signalling
        phases: Phases = [(self._receiving, level.sync_s.value)]
        # Read once in its time of validity, so at a share of the accesses if these come more often.
        stale = min(1.0, asleep_s / self.radio.network.system_information_valid_s.value)
        phases.append((self._receiving, level.system_information_s.value * stale))
        tries = level.preamble_attempts.value
        phases.append((self._waiting, level.access_wait_s.value * tries))
        phases.append(("tx", physical.preamble_s.value * level.preamble_repetitions.value * tries))
        phases += self._down(size.random_access_response_bytes.value, tries, acknowledged=False)
        phases += self._up(size.connection_request_bytes.value, granted=False)
        phases += self.downlink(size.connection_setup_bytes.value)
        return phases

    def report(
        self, payload_bytes: float, response_bytes: float | None, asleep_s: float, attempts: float = 1.0
    ) -> Phases:
        """One CoAP message from idle or PSM up to its answer, `attempts` tries in the mean. Followed by `release`.

        `response_bytes` is the answer's payload, None if none is awaited. The first uplink rides on the set-up
        complete (control plane optimisation).
        """
        first = self.radio.signalling.setup_complete_bytes.value + self.carried(payload_bytes)
        phases = self.access(asleep_s) + self.uplink(first)
        if attempts > 1:
            again = self.uplink(self.carried(payload_bytes))
            wait = self.linger(self.radio.network.ack_timeout_s.value)
            phases += _times(wait + again, attempts - 1)
        if response_bytes is not None:
            phases += self.linger(self.radio.network.core_s.value + self.radio.network.server_s.value)
            phases += self.downlink(self.carried(response_bytes))
        return phases

    def carried(self, payload_bytes: float) -> float:
        """Bytes over the air of a CoAP payload, without the set-up."""
        header = self.radio.header
        return self.datagram(payload_bytes + header.coap_bytes.value + header.security_bytes.value)

    def datagram(self, payload_bytes: float) -> float:
        """Bytes over the air of a UDP payload, without the set-up."""
        header = self.radio.header
        return payload_bytes + header.udp_ip_bytes.value + header.nas_bytes.value + header.radio_bytes.value

    def uplink(self, size_bytes: float) -> Phases:
        """Send a message in as many blocks as it needs, each with its grant."""
        return self._up(size_bytes, granted=True)

    def downlink(self, size_bytes: float) -> Phases:
        """Receive a message in as many blocks as it needs, each acknowledged."""
        return self._down(size_bytes, 1.0, acknowledged=True)

    def linger(self, seconds: float) -> Phases:
        """Connected without traffic: all the time until the DRX inactivity timer, then on-durations."""
        if "connected_sleep" not in self._states:
            return [("connected", seconds)]
        full_s = min(seconds, self.radio.connected.drx_inactivity_s.value)
        listening_s = (seconds - full_s) * self.connected_shares()["rx"]
        return [("rx", full_s + listening_s), ("connected_sleep", seconds - full_s - listening_s)]

    def connected_shares(self) -> dict[str, float]:
        """Share of each state while connected without traffic, after the DRX inactivity timer."""
        if "connected_sleep" not in self._states:
            return {"connected": 1.0}
        connected = self.radio.connected
        cycle_s = connected.drx_cycle_s.value
        on_s = min(cycle_s, connected.on_duration_periods.value * self._level.control_period_s.value)
        return {"rx": on_s / cycle_s, "connected_sleep": 1.0 - on_s / cycle_s}

    def release(self) -> Phases:
        """From the last traffic to idle: by release assistance, or when the network's inactivity timer ends."""
        return self._released_after(self.release_s())

    def release_message(self) -> Phases:
        """The network ends the connection."""
        return self.downlink(self.radio.signalling.release_bytes.value)

    def release_s(self) -> float:
        """How long the connection stays after the last traffic."""
        connected = self.radio.connected
        return connected.rai_release_s.value if self.link.rai else connected.inactivity_s.value

    # Idle and asleep

    def active_time(self, awake_s: float = 0.0) -> Phases:
        """From the release to PSM: T3324, of which the module stays awake for `awake_s`. Empty without PSM."""
        if self.link.t3324_s is None:
            return [("awake", awake_s)] if awake_s > 0 else []
        return [("awake", awake_s), *self.idle(max(0.0, self.link.t3324_s - awake_s))]

    def idle(self, seconds: float) -> Phases:
        """Registered and idle for `seconds`: paging by eDRX or DRX."""
        cycle_s = self.radio.idle.drx_cycle_s.value
        pages = seconds / cycle_s
        mean: str = "idle_drx_" + f"{cycle_s:g}".replace(".", "s")
        if self.link.edrx_s is not None:
            window = min(1.0, self.link.ptw_s / self.link.edrx_s)
            pages *= window
            mean = "idle_edrx"
        control = self.radio.idle.paging_control_repetitions.value * self.radio.physical.subframe_s.value
        if mean in self._states:
            # The mean holds for good coverage; repetitions of NPDCCH come on top.
            more = self._level.control_repetitions.value - self.radio.ce0.control_repetitions.value
            listening_s = min(seconds, pages * control * max(0.0, more))
            return [(mean, seconds - listening_s), (self._receiving, listening_s)]
        page_s = self.radio.idle.paging_wake_s.value + control * self._level.control_repetitions.value
        listening_s = min(seconds, pages * page_s)
        return [(self._receiving, listening_s), (self._sleep, seconds - listening_s)]

    def psm(self, seconds: float) -> Phases:
        """In PSM for `seconds`."""
        return [("deep_sleep", seconds)]

    # Blocks

    def _up(self, size_bytes: float, granted: bool) -> Phases:
        level, physical = self._level, self.radio.physical
        unit_s = dict(physical.resource_unit_s.table)[int(level.uplink_tones.value)] * self._slowness
        count, units = self._blocks(size_bytes, int(level.uplink_tbs_index.value), physical.max_uplink_bits.value)
        on_air_s = units * unit_s * level.uplink_repetitions.value * self._retries
        blocks = count * self._retries
        phases = self._control(blocks) if granted else []
        phases.append((self._waiting, blocks * (physical.grant_to_uplink_s.value + physical.after_uplink_s.value)))
        return [*phases, ("tx", on_air_s)]

    def _down(self, size_bytes: float, times: float, acknowledged: bool) -> Phases:
        level, physical = self._level, self.radio.physical
        count, units = self._blocks(size_bytes, int(level.downlink_tbs_index.value), physical.max_downlink_bits.value)
        blocks = count * self._retries * times
        on_air_s = units * physical.subframe_s.value * level.downlink_repetitions.value * self._retries * times
        phases = self._control(blocks)
        phases.append((self._waiting, blocks * physical.grant_to_downlink_s.value))
        phases.append((self._receiving, on_air_s))
        if acknowledged:
            phases.append((self._waiting, blocks * physical.downlink_to_ack_s.value))
            phases.append(("tx", blocks * physical.ack_s.value * self._slowness * level.ack_repetitions.value))
        return phases

    def _blocks(self, size_bytes: float, index: int, most_bits: float) -> tuple[float, float]:
        """How many blocks a message takes at a TBS index, and their units together."""
        units = self.radio.physical.block_units.table
        bits = self.radio.physical.block_bits.table[index]
        allowed = [(size, unit) for size, unit in zip(bits, units, strict=True) if size <= most_bits]
        largest_bits, largest_units = allowed[-1]
        full = max(0, math.ceil(size_bytes * 8 / largest_bits) - 1)
        left = size_bytes * 8 - full * largest_bits
        last = next((unit for size, unit in allowed if size >= left), largest_units) if left > 0 else 0
        return full + (left > 0), full * largest_units + last

    def _control(self, blocks: float) -> Phases:
        """The grants of so many blocks: half a period of waiting each, then the NPDCCH."""
        level = self._level
        listen_s = level.control_repetitions.value * self.radio.physical.subframe_s.value
        return [(self._waiting, blocks * level.control_period_s.value / 2), (self._receiving, blocks * listen_s)]

    def _released_after(self, seconds: float) -> Phases:
        return [*self.linger(seconds), *self.release_message()]

    @property
    def _receiving(self) -> str:
        return "rx" if "rx" in self._states else "connected"

    @property
    def _waiting(self) -> str:
        return "connected_sleep" if "connected_sleep" in self._states else "connected"

    @property
    def _search(self) -> str:
        return "search" if "search" in self._states else self._receiving

    @property
    def _sleep(self) -> str:
        return "light_sleep" if "light_sleep" in self._states else "deep_sleep"


def _times(phases: Phases, count: float) -> Phases:
    return [(state, seconds * count) for state, seconds in phases]


def total_s(phases: Phases) -> float:
    """How long all phases take."""
    return sum(seconds for _, seconds in phases)


def by_state(phases: Phases) -> dict[str, float]:
    """Seconds in each state, the ones without time left out."""
    times: dict[str, float] = {}
    for state, seconds in phases:
        if seconds > 0:
            times[state] = times.get(state, 0.0) + seconds
    return times
