"""One rig in virtual time: the parts of bench.rig in lock step with the VM, driven by `run`, without asyncio."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from littlefs import LittleFS

from cellkit.bench.clock import VirtualClock
from cellkit.bench.gateway import Gateway
from cellkit.bench.lockstep import LockstepMcu, UartLine
from cellkit.bench.log import EventLog
from cellkit.bench.modem import families
from cellkit.bench.network import Network
from cellkit.bench.rig import BOARD_FILE, EVENTS_FILE, BenchConfig
from cellkit.bench.world import World
from cellkit.inbox import Inbox, Pack

FLASH_FILE = "flash.bin"
_BLOCK_BYTES = 4096  # as boards/unix/_flash.py
_BLOCKS = 64


class VirtualBench:
    """`with VirtualBench(config, folder, seed) as bench:`, `bench.start([...])`, `bench.run(seconds)`.

    gateway: the way to servers; None: a CoAP server in the process, whose packs go to `on_pack`. keep: whether
    events stay in `log.events`. The folder gets events.jsonl and the flash chip's content.
    turn_run_s: as LockstepMcu's.
    """

    def __init__(
        self,
        config: BenchConfig | None = None,
        folder: Path | None = None,
        seed: int = 1,
        gateway: Gateway | None = None,
        on_pack: Callable[[Pack], object] | None = None,
        keep: bool = True,
        turn_run_s: float = 0.0,
    ) -> None:
        self.config = config or BenchConfig()
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="cellkit-bench-")
        self.folder = Path(self._temporary.name) if self._temporary else Path(folder or "")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.flash_file = self.folder / FLASH_FILE
        self.seed = seed
        self._gateway = gateway
        self._on_pack = on_pack
        self._keep = keep
        self._turn_run_s = turn_run_s

    def __enter__(self) -> Self:
        # Imported here: aiocoap takes a quarter of a second, which the planner and the help need not wait for.
        from cellkit.bench.gateways import CoapGateway

        self.clock = VirtualClock()
        self.log = EventLog(self.folder / EVENTS_FILE, self.clock, keep=self._keep)
        self.log.emit("bench", "start", seed=self.seed)
        self.inbox = Inbox(self.log, self._on_pack)
        gateway = self._gateway or CoapGateway(self.clock, self.inbox)
        self.config.network.seed = self.seed
        self.network = Network(self.clock, self.log, self.config.network, gateway)
        self.modem = families.make(
            self.clock, self.log, self.network, self.config.modem, lambda data: self.uart.send(data)
        )
        self.uart = UartLine(self.clock, self.log, self.modem.rx)
        self.world = World(self.clock, self.log, BOARD_FILE)
        self.flash_erases = [0] * _BLOCKS
        self.flash_programs = 0
        self.heaps: list[tuple[float, int, int]] = []  # (virtual seconds, most allocated since, allocated after gc)
        self.mcu = LockstepMcu(
            self.clock,
            self.log,
            self.config.mcu,
            self.flash_file,
            {self.world.board["modem"]["uart"]: self.uart},
            self.world.pin_driven,
            self.modem.baud,
            self._told,
            self.seed,
            self._turn_run_s,
        )
        self._format(self.config.files)
        self.world.connect(self.mcu, self.modem, self.config.smoke_mv, self.config.battery_mv)
        return self

    def __exit__(self, *exc: object) -> None:
        self.mcu.power_cut()
        self.modem.supply(False)
        self.log.emit("bench", "stop")
        self.log.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def start(self, script: list[str]) -> None:
        """Supply on: the device runs `script` (arguments of `micropython`) after every start."""
        self.mcu.power_on(script)

    def run(self, seconds: float) -> None:
        """Let `seconds` of virtual time pass. Raises McuError if the firmware computes without end."""
        end_us = self.clock.now_us + round(seconds * 1e6)
        mcu, clock = self.mcu, self.clock
        while True:
            if mcu.due_us is not None and mcu.due_us <= clock.now_us:
                mcu.turn()
                continue
            limit_us = end_us if mcu.due_us is None else min(end_us, mcu.due_us)
            ended = clock.run_until(limit_us)
            if ended and clock.now_us >= end_us and not (mcu.due_us is not None and mcu.due_us <= end_us):
                return

    def _told(self, words: list[str]) -> None:
        if words[0] == "PROG":
            self.flash_programs += int(words[1])
        elif words[0] == "ERASE":
            self.flash_erases[int(words[1])] += 1
        elif words[0] == "HEAP":
            self.heaps.append((self.clock.now(), int(words[1]), int(words[2])))

    def _format(self, files: dict[str, str | bytes]) -> None:
        fs = LittleFS(block_size=_BLOCK_BYTES, block_count=_BLOCKS, read_size=32, prog_size=32, lookahead_size=32)
        for path, content in files.items():
            with fs.open(path, "wb") as f:
                f.write(content.encode() if isinstance(content, str) else content)
        self.flash_file.write_bytes(bytes(fs.context.buffer))
