"""One rig: clock, event log, network, virtual modem, serial line and virtual MCU, wired as board.toml says."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from cellkit.bench.clock import WallClock
from cellkit.bench.log import Event, EventLog
from cellkit.bench.mcu import VirtualMcu
from cellkit.bench.mcucore import REPOSITORY, McuConfig
from cellkit.bench.modem import ModemConfig, families
from cellkit.bench.modem.modem import Modem
from cellkit.bench.network import Network, NetworkConfig
from cellkit.bench.serial import PtySerial
from cellkit.bench.world import World

BOARD_FILE = REPOSITORY / "boards" / "unix" / "board.toml"
EVENTS_FILE = "events.jsonl"


class BenchConfig(BaseModel):
    """What lies on the bench.

    files: put on the device's flash before the first start, by path. smoke_mv and battery_mv: voltages at the start;
    the battery also feeds the modem.
    """

    model_config = ConfigDict(extra="forbid")

    network: NetworkConfig = Field(default_factory=NetworkConfig)
    modem: ModemConfig = Field(default_factory=ModemConfig.load)
    mcu: McuConfig = Field(default_factory=McuConfig)
    files: dict[str, str | bytes] = {}
    smoke_mv: int = Field(default=300, ge=0)
    battery_mv: int = Field(default=3600, ge=0)


@dataclass(frozen=True)
class RunResult:
    """How a script ended: its exit status, its console, and its own events (`data` of the traces)."""

    exit_code: int
    console_lines: list[str]
    traces: list[dict[str, Any]]


class BenchTimeout(TimeoutError):
    """An event did not come; the message holds what the device and the network did last."""


class Bench:
    """`async with Bench(config, folder) as bench:`; the folder (a temporary one without it) gets `events.jsonl` and the
    device's flash. After the block everything is ended; `bench.log.events` stays.
    """

    clock: WallClock
    log: EventLog
    network: Network
    modem: Modem
    serial: PtySerial
    world: World
    mcu: VirtualMcu

    def __init__(self, config: BenchConfig | None = None, folder: Path | None = None) -> None:
        self.config = config or BenchConfig()
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="cellkit-bench-")
        self.folder = Path(self._temporary.name) if self._temporary else Path(folder or "")
        self.flash = self.folder / "flash"
        self._mark = 0

    async def __aenter__(self) -> Self:
        self.clock = WallClock()
        self.log = EventLog(self.folder / EVENTS_FILE, self.clock)
        self.log.emit("bench", "start")
        self.network = Network(self.clock, self.log, self.config.network)
        self.modem = families.make(
            self.clock, self.log, self.network, self.config.modem, lambda data: self.serial.send(data)
        )
        self.world = World(self.clock, self.log, BOARD_FILE)
        self.serial = PtySerial(self.clock, self.log, self.modem.rx)
        self.mcu = VirtualMcu(
            self.clock,
            self.log,
            self.config.mcu,
            self.flash,
            {self.world.board["modem"]["uart"]: self.serial},
            self.world.pin_driven,
            self.modem.baud,
        )
        self.flash.mkdir(parents=True, exist_ok=True)
        for path, content in self.config.files.items():
            self._write(path, content)
        self.world.connect(self.mcu, self.modem, self.config.smoke_mv, self.config.battery_mv)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.mcu.close()
        self.modem.supply(False)
        self.serial.close()
        self.log.emit("bench", "stop")
        self.log.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _write(self, path: str, content: str | bytes) -> None:
        target = (self.flash / path).resolve()
        if not target.is_relative_to(self.flash.resolve()):
            raise ValueError(f"file {path!r} is not on the device's flash; expected a relative path")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    # --- running the device -------------------------------------------------------------------------------------------

    async def start(self, script: str | Path | Sequence[str]) -> None:
        """Supply on: the device runs `script` after every start: path of a .py file, name of a module, or arguments."""
        await self.mcu.power_on(_arguments(script))

    async def run_script(self, script: str | Path | Sequence[str], timeout_s: float) -> RunResult:
        """`start`, wait for the script's own end, cut the power. Raises TimeoutError after `timeout_s` seconds."""
        begin = len(self.log.events)
        await self.start(script)
        try:
            code = await self.mcu.wait_ended(timeout_s)
        finally:
            await self.mcu.power_cut()
        events = [event for event in self.log.events[begin:] if event["src"] == "mcu"]
        return RunResult(
            code,
            [event["text"] for event in events if event["ev"] == "console"],
            [event["data"] for event in events if event["ev"] == "trace"],
        )

    # --- what happens to it -------------------------------------------------------------------------------------------

    def press_button(self, hold_s: float = 0.2) -> None:
        """Press, and let go after `hold_s` seconds."""
        self.world.press_button(hold_s)

    def tamper(self, on: bool) -> None:
        """Take the device off its base (True) or put it back."""
        self.world.tamper(on)

    def smoke(self, level_mv: int) -> None:
        """Signal of the smoke chamber in millivolts."""
        self.world.smoke(level_mv)

    def battery(self, level_mv: int) -> None:
        """Voltage of the battery, which feeds the modem too; 0 switches the modem off."""
        self.world.battery(level_mv)

    # --- waiting ------------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """From now on the `wait_*` methods only see events that are yet to come."""
        self._mark = len(self.log.events)

    async def wait_for(self, src: str, ev: str, timeout_s: float, **match: Any) -> Event:
        """The first event since the last `mark` with these fields (a dict matches if its own items do).

        Raises BenchTimeout after `timeout_s` seconds.
        """
        wanted = {"src": src, "ev": ev, **match}
        return await self.wait_until(lambda event: _matches(event, wanted), timeout_s, f"{wanted}")

    async def wait_trace(self, ev: str, timeout_s: float, **match: Any) -> Event:
        """As `wait_for`, for the device's own event `ev`; its fields stand under `data`."""
        return await self.wait_for("mcu", "trace", timeout_s, data={"ev": ev, **match})

    async def wait_until(self, condition: Callable[[Event], object], timeout_s: float, what: str) -> Event:
        """The first event since the last `mark` for which `condition(event)` is true; `what` is for the error."""
        found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

        def check(event: Event) -> None:
            if not found.done() and condition(event):
                found.set_result(event)

        for event in self.log.events[self._mark :]:
            check(event)
        unsubscribe = self.log.subscribe(check)
        try:
            return await asyncio.wait_for(found, timeout_s)
        except TimeoutError:
            last = "\n".join(f"    {event}" for event in self.log.events[-12:])
            raise BenchTimeout(f"expected {what} within {timeout_s:.0f} s; the last events are\n{last}") from None
        finally:
            unsubscribe()


def _arguments(script: str | Path | Sequence[str]) -> list[str]:
    if isinstance(script, Path):
        return [str(script.resolve())]
    if isinstance(script, str):
        return [script] if script.endswith(".py") else ["-m", script]
    return list(script)


def _matches(value: object, wanted: object) -> bool:
    if isinstance(wanted, dict) and isinstance(value, dict):
        return all(key in value and _matches(value[key], wanted[key]) for key in wanted)
    return value == wanted
