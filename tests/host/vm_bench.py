"""For tests of the virtual MCU without a modem: a script in the real VM, and a tty that the test itself plays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from cellkit.bench.clock import WallClock
from cellkit.bench.log import Event, EventLog
from cellkit.bench.mcu import VirtualMcu
from cellkit.bench.mcucore import McuConfig

WAIT_S = 20.0


class TestTty:
    """A pty; what the VM sends is collected in `got` and, with `echo`, sent back."""

    __test__ = False

    def __init__(self, echo: bool = False) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.got = bytearray()
        self.is_connected = False
        self._echo = echo
        self._reading = False

    def listen(self) -> None:
        """Begin to read; until then the line is stuck."""
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._reading = True

    def _readable(self) -> None:
        data = os.read(self._master, 4096)
        self.got += data
        if self._echo:
            os.write(self._master, data)

    def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def connected(self, on: bool) -> None:
        self.is_connected = on

    def close(self) -> None:
        if self._reading:
            asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)


class Vm:
    """One virtual MCU that runs one script."""

    def __init__(self, log: EventLog, mcu: VirtualMcu, tty_: TestTty, flash: Path) -> None:
        self.log = log
        self.mcu = mcu
        self.tty = tty_
        self.flash = flash

    @property
    def lines(self) -> list[str]:
        """The console so far."""
        return [event["text"] for event in self.log.each("mcu", "console")]

    async def run(self, script: str) -> list[str]:
        """Run `script` to its end and return the console. Fails if it ends with an error."""
        await self.start(script)
        code = await self.mcu.wait_ended(WAIT_S)
        assert code == 0, "\n".join(self.lines)
        return self.lines

    async def start(self, script: str) -> None:
        """Power on with `script`."""
        self.flash.mkdir(parents=True, exist_ok=True)
        (self.flash / "script.py").write_text(script)
        await self.mcu.power_on(["script.py"])

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for a condition; the deadline is generous."""
        for _ in range(int(WAIT_S / 0.02)):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(f"no {what} within {WAIT_S:.0f} s; the console said:\n" + "\n".join(self.lines))

    async def said(self, text: str, times: int = 1) -> None:
        """Wait until the console has said `text`."""
        await self.until(lambda: self.lines.count(text) >= times, f"line {text!r}")

    def events(self, ev: str) -> list[Event]:
        return self.log.each("mcu", ev)


@contextlib.asynccontextmanager
async def vm(folder: Path, echo: bool = False, config: McuConfig | None = None) -> AsyncIterator[Vm]:
    """A virtual MCU, powered off; all is ended at the end."""
    clock = WallClock()
    log = EventLog(None, clock)
    port = TestTty(echo)
    mcu = VirtualMcu(clock, log, config or McuConfig(), folder / "flash", {"1": port})
    try:
        yield Vm(log, mcu, port, folder / "flash")
    finally:
        await mcu.close()
        port.close()
