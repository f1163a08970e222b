"""The radio's figures as `data/radio_nb.toml` has them: what must be there, and what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from cellkit.model.figures import Figure, Strict, above_zero
from cellkit.model.parts import load

FULL_SPACING_KHZ = 15.0  # a narrower tone has symbols longer by the same factor


class CeLevel(Strict):
    """A coverage enhancement level."""

    coupling_loss_db: Figure
    tx_dbm: Figure
    sync_s: Figure
    system_information_s: Figure
    band_scan_s: Figure
    preamble_repetitions: Figure
    preamble_attempts: Figure
    access_wait_s: Figure
    control_repetitions: Figure
    control_period_s: Figure
    uplink_spacing_khz: Figure
    uplink_tones: Figure
    uplink_tbs_index: Figure
    uplink_repetitions: Figure
    downlink_tbs_index: Figure
    downlink_repetitions: Figure
    ack_repetitions: Figure


class UnitTimes(Strict):
    """Seconds of a resource unit by tones."""

    table: tuple[tuple[int, float], ...]
    source: str


class BlockUnits(Strict):
    """Resource units or subframes that a block may have."""

    table: tuple[int, ...]
    source: str


class BlockBits(Strict):
    """Bits of a block: a row for each TBS index, a column for each of `BlockUnits`."""

    table: tuple[tuple[int, ...], ...]
    source: str


class Physical(Strict):
    """The physical layer."""

    subframe_s: Figure
    preamble_s: Figure
    ack_s: Figure
    grant_to_uplink_s: Figure
    grant_to_downlink_s: Figure
    downlink_to_ack_s: Figure
    after_uplink_s: Figure
    block_error_rate: Figure
    crc_bits: Figure
    max_uplink_bits: Figure
    max_downlink_bits: Figure
    resource_unit_s: UnitTimes
    block_units: BlockUnits
    block_bits: BlockBits


class Header(Strict):
    """Bytes around a payload."""

    coap_bytes: Figure
    security_bytes: Figure
    udp_ip_bytes: Figure
    nas_bytes: Figure
    radio_bytes: Figure


class Signalling(Strict):
    """Sizes of the messages of RRC and NAS."""

    random_access_response_bytes: Figure
    connection_request_bytes: Figure
    connection_setup_bytes: Figure
    setup_complete_bytes: Figure
    release_bytes: Figure
    tau_request_bytes: Figure
    tau_accept_bytes: Figure
    tau_complete_bytes: Figure
    attach_up_bytes: Figure
    attach_down_bytes: Figure
    attach_exchanges: Figure


class NetworkTimes(Strict):
    """What lies behind the radio."""

    core_s: Figure
    server_s: Figure
    search_s: Figure
    system_information_valid_s: Figure
    ack_timeout_s: Figure
    address_s: Figure
    name_s: Figure
    detach_s: Figure
    operators_s: Figure

    @property
    def up_s(self) -> float:
        """From the base station to a server."""
        return self.core_s.value + self.server_s.value / 2

    @property
    def down_s(self) -> float:
        """From a server to the base station."""
        return self.server_s.value / 2


class Registration(Strict):
    """When a device tries again, and how long it waits."""

    t3411_s: Figure
    t3402_s: Figure
    attempts_before_t3402: Figure
    loss_noticed_s: Figure
    uplink_waits_s: Figure


class Connected(Strict):
    """RRC connected: how long, and how it listens."""

    inactivity_s: Figure
    rai_release_s: Figure
    drx_inactivity_s: Figure
    drx_cycle_s: Figure
    on_duration_periods: Figure


class Idle(Strict):
    """RRC idle: paging."""

    drx_cycle_s: Figure
    paging_control_repetitions: Figure
    paging_wake_s: Figure


class Radio(Strict):
    """All of `radio_nb.toml`."""

    ce0: CeLevel
    ce1: CeLevel
    ce2: CeLevel
    physical: Physical
    header: Header
    signalling: Signalling
    network: NetworkTimes
    registration: Registration
    connected: Connected
    idle: Idle

    @model_validator(mode="after")
    def _sane(self) -> Radio:
        above_zero(self.connected, "drx_cycle_s")
        above_zero(self.idle, "drx_cycle_s")
        above_zero(self.network, "system_information_valid_s")
        above_zero(self.physical, "subframe_s")
        if self.physical.block_error_rate.value >= 1:
            raise ValueError("physical.block_error_rate: expected less than 1, else nothing is ever received")
        indices = range(len(self.physical.block_bits.table))
        tones = [row[0] for row in self.physical.resource_unit_s.table]
        for name, level in (("ce0", self.ce0), ("ce1", self.ce1), ("ce2", self.ce2)):
            for way in ("uplink", "downlink"):
                index = getattr(level, f"{way}_tbs_index").value
                if index not in indices:
                    raise ValueError(f"{name}.{way}_tbs_index: expected 0 to {indices[-1]}, got {index:g}")
                most = getattr(self.physical, f"max_{way}_bits").value
                if most < self.physical.block_bits.table[int(index)][0]:
                    raise ValueError(f"physical.max_{way}_bits: {most:g} is less than the smallest block")
            if level.uplink_tones.value not in tones:
                raise ValueError(f"{name}.uplink_tones: expected one of {tones}, got {level.uplink_tones.value:g}")
            if level.uplink_spacing_khz.value not in (3.75, FULL_SPACING_KHZ):
                raise ValueError(f"{name}.uplink_spacing_khz: expected 3.75 or 15")
        return self

    def level(self, ce: int) -> CeLevel:
        """The figures of CE level 0, 1 or 2."""
        return (self.ce0, self.ce1, self.ce2)[ce]


def load_radio(changes: Mapping[str, Any] | None = None) -> Radio:
    """The radio's figures with `changes` (see `figures.override`). Raises figures.ModelError."""
    return load(Radio, "radio", "nb", changes)
