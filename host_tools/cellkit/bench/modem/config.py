"""What a virtual modem is: identity, SIM, figures of its module, settings it arrives with."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cellkit.model.figures import read_bench
from cellkit.model.parts import Module, load_module


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Identity(_Strict):
    """What the module says of itself."""

    manufacturer: str
    model: str
    revision: str
    cgmi_revision: str = ""
    serial_number: str = "MPY20000000000000"
    imei: str = Field(default="490154203237518", pattern=r"^\d{15}$")  # an example of TS 23.003
    imeisv: str = Field(default="4901542032375100", pattern=r"^\d{16}$")
    svn: str = "00"
    more: dict[str, str] = Field(default_factory=dict)
    """What only one family says of itself, by names of its own."""


class SimConfig(_Strict):
    """The card. `pin` is None where none is asked for."""

    present: bool = True
    imsi: str = Field(default="001010000000001", pattern=r"^\d{15}$")
    iccid: str = Field(default="89000000000000000001", pattern=r"^\d{18,20}$")
    pin: str | None = Field(default=None, pattern=r"^\d{4,8}$", repr=False)
    puk: str = Field(default="12345678", pattern=r"^\d{8}$", repr=False)
    pin_tries: int = Field(default=3, ge=0, le=3)
    puk_tries: int = Field(default=10, ge=0, le=10)


class Figure(_Strict):
    """A time in seconds and where it comes from."""

    value: float = Field(ge=0)
    source: str


class Timing(_Strict):
    """Times of the module; see the data file for each one's meaning and source."""

    answer_s: Figure
    nvram_write_s: Figure
    engineering_s: Figure
    pwrkey_low_s: Figure
    reset_low_s: Figure
    boot_s: Figure
    banner_step_s: Figure
    wake_uart_s: Figure
    wake_psm_eint_s: Figure
    wake_light_s: Figure
    sleep_lock_factory_s: Figure
    sleep_lock_min_s: Figure
    socket_open_s: Figure
    send_ok_s: Figure
    close_ok_s: Figure
    prompt_s: Figure
    prompt_guard_s: Figure
    data_mode_timeout_s: Figure
    cfun_s: Figure
    urc_attach_step_s: Figure


class Limits(_Strict):
    """Sizes of the module."""

    line_bytes: int
    uart_buffer_bytes: int
    sockets: int
    send_text_bytes: int
    send_hex_bytes: int
    data_mode_bytes: int
    read_bytes: int
    receive_buffer_bytes: int
    bauds: tuple[int, ...]


def _tables(name: str) -> dict[str, Any]:
    """All fields of a module: its own file in the family's folder, over those of the module that it is `like`."""
    # Imported here: families import this module.
    from cellkit.bench.modem import families

    own = families.data(name)
    if own is None:
        bench, module = read_bench(name), load_module(name)
        shared = {"boot_s": module.timing.boot_s, "wake_uart_s": module.timing.wake_s}
        timing = {key: figure.model_dump() for key, figure in shared.items()} | bench.pop("timing")
        return {**bench, "timing": timing, "module": module, "name": name}
    tables = _tables(own.pop("like", "bc660k-gl"))
    figures = own.pop("figures", None)
    if figures is not None:
        tables["module"] = load_module(figures)
    limits = tables["limits"] if isinstance(tables["limits"], dict) else tables["limits"].model_dump()
    tables["limits"] = {**limits, **own.pop("limits", {})}
    tables["timing"] = {**tables["timing"], **own.pop("timing", {})}
    return {**tables, **own, "name": name}


class ModemConfig(_Strict):
    """A module as it lies on the bench. Make one with `load`; all fields may be changed before the modem is made."""

    module: Module
    identity: Identity
    timing: Timing
    limits: Limits
    search_pauses_s: tuple[tuple[float, ...], ...]  # by the module's scheme for times without a cell
    sim: SimConfig = Field(default_factory=SimConfig)
    nvram: dict[str, Any] = Field(default_factory=dict)  # settings it arrives with, over the factory's
    supply_mv: int = Field(default=3600, ge=0)  # what AT+CBC shows
    starts_with_supply: bool  # whether it turns on with VBAT; if not, PWRKEY turns it on
    sockets_survive_deep_sleep: bool
    name: str = ""

    @classmethod
    def load(cls, name: str = "bc660k-gl", **changes: Any) -> ModemConfig:
        """The module `name`, with top-level fields replaced by `changes`.

        Raises cellkit.model.figures.ModelError for an unknown module and pydantic.ValidationError for a wrong field.
        """
        from cellkit.bench.modem import families  # here: families import this module

        families.family_of(name)
        return cls.model_validate({**_tables(name.lower().replace("_", "-")), **changes})

    def currents_ua(self, tx_dbm: float) -> dict[str, float]:
        """Mean current of each state in µA; `tx` at `tx_dbm`, where the module's file knows currents by power."""
        return {state: self.module.current_ua(state, tx_dbm) for state in self.module.current}
