"""The virtual MCU: the real MicroPython VM as a process, with the hardware of `bench.chip` on a control socket.

Reset, deep sleep, watchdog and loss of power end the process with SIGKILL, as they would end a CPU: no `finally` runs,
and what was not on flash is gone. The VM's working folder is the device's flash.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cellkit.bench.chip import ResetCause, WakeReason
from cellkit.bench.clock import Clock
from cellkit.bench.log import EventLog
from cellkit.bench.mcucore import McuConfig, McuCore, McuError, die_with_parent, log_console_line

_LINE_LIMIT = 8192
_STOP_S = 10.0


class SerialPort(Protocol):
    """What a UART is wired to."""

    @property
    def path(self) -> str:
        """The tty."""

    def connected(self, on: bool) -> None:
        """False while nobody listens: bytes for the MCU are lost."""


@dataclass(frozen=True)
class _Ending:
    """Why the process is ended from outside. `cause` None: power is cut; `after_s`: deep sleep, None without end."""

    cause: ResetCause | None
    after_s: float | None = None


class VirtualMcu(McuCore):
    """One MCU. `flash`: its file system; `uarts`: what each UART id is wired to.

    on_baud(baud) is told the speed of a UART when it is opened; on_pin(name, value) every change of an output.
    """

    def __init__(
        self,
        clock: Clock,
        log: EventLog,
        config: McuConfig,
        flash: Path,
        uarts: dict[str, SerialPort] | None = None,
        on_pin: Callable[[str, int], None] | None = None,
        on_baud: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(clock, log, config, on_pin, on_baud)
        self._flash = flash
        self._uarts = uarts or {}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._events: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ending: _Ending | None = None
        self._life: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.exit_code: int | None = None
        self._ended = asyncio.Event()

    # --- what the bench does to it ------------------------------------------------------------------------------------

    async def power_on(self, script: Sequence[str]) -> None:
        """Supply on: `script` is what runs after boot, as the arguments of `micropython`. Raises McuError."""
        if self._life is not None:
            raise McuError("the MCU has power already; expected power_cut() before another power_on()")
        self._program()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._flash.mkdir(parents=True, exist_ok=True)
        self._ended.clear()
        self.exit_code = None
        self._ending = None
        self._life = asyncio.create_task(self._live(list(script)))

    async def power_cut(self) -> None:
        """Supply off, at once: RTC memory is lost, files are as they are."""
        if self._life is None:
            return
        self._end(_Ending(None))
        self._wake.set()
        try:
            await asyncio.wait_for(self._life, _STOP_S)
        finally:
            self._life = None
            self._chip.restart(ResetCause.POWER_ON)

    def restart(self, cause: ResetCause = ResetCause.HARD) -> None:
        """A reset from outside; RTC memory is kept."""
        self._end(_Ending(cause))

    @property
    def pid(self) -> int | None:
        """Process id of the VM while it runs."""
        return self._process.pid if self._process is not None else None

    async def wait_ended(self, timeout_s: float) -> int:
        """Wait until the script has ended by itself. Returns its exit status. Raises TimeoutError, McuError."""
        if self._life is None:
            raise McuError("the MCU has no power; expected power_on() first")
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait({ended, self._life}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if self.exit_code is not None:
            return self.exit_code
        if self._life.done():
            raise McuError("the MCU lost its power") from self._life.exception()
        raise TimeoutError(f"the script did not end within {timeout_s:.0f} s")

    async def close(self) -> None:
        """Power off and free all."""
        await self.power_cut()
        if self._server is not None:
            self._server.close()
            self._server = None

    # --- life of the process ------------------------------------------------------------------------------------------

    def _bench_address(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def _live(self, script: list[str]) -> None:
        """From power-on to power-off, over all resets and sleeps."""
        while True:
            await self._run(script)
            if self._ending is None:
                self._ended.set()  # the script is over by itself; only a reset begins anew
                await self._pause(None)
            reason = WakeReason.NONE
            asleep = self._ending
            if asleep is not None and asleep.cause == ResetCause.DEEPSLEEP:
                self._chip.fall_asleep()
                reason = WakeReason.TIMER if await self._pause(asleep.after_s) else WakeReason.PIN
            ending = self._ending
            if ending is None or ending.cause is None:
                return
            # A reset from outside may have ended the sleep.
            self._chip.restart(ending.cause, reason if ending is asleep else WakeReason.NONE)
            self._ended.clear()
            self.exit_code = None
            await self._pause(self._config.boot_s)
            if self._is_cut():
                return
            self._ending = None

    def _is_cut(self) -> bool:
        return self._ending is not None and self._ending.cause is None

    async def _pause(self, duration_s: float | None) -> bool:
        """Wait for `duration_s` (None: without end) or for `_wake`. Returns True when the time has passed."""
        self._wake.clear()
        if self._is_cut():
            return False
        passed = False

        def due() -> None:
            nonlocal passed
            passed = True
            self._wake.set()

        timer = None if duration_s is None else self._clock.call_later(duration_s, due)
        await self._wake.wait()
        if timer is not None:
            timer.cancel()
        return passed

    async def _run(self, script: list[str]) -> None:
        """One start of the VM, until its process is gone."""
        self._log.emit("mcu", "start", cause=self._chip.cause.name.lower(), wake=self._chip.reason.name.lower())
        self._process = await asyncio.create_subprocess_exec(
            *self._argv(script),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._flash,
            env=self._environment({"CELLKIT_BENCH": self._bench_address()}),
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        if self._ending is not None:
            self._process.kill()  # asked for while it was being started
        try:
            await self._read_console(self._process)
            code = await self._process.wait()
        except asyncio.CancelledError:
            self._process.kill()
            raise
        finally:
            self._process = None
            self._disconnect()
        self._log.emit("mcu", "exit", code=code)
        if self._ending is None:
            self.exit_code = code

    def _end(self, ending: _Ending) -> None:
        if self._is_cut():
            return  # power is off: nothing else counts
        self._ending = ending
        self._disconnect()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        else:
            self._wake.set()

    def _disconnect(self) -> None:
        self._stop_watchdog()
        for port in self._uarts.values():
            port.connected(False)
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        self._events = None

    # --- console ------------------------------------------------------------------------------------------------------

    async def _read_console(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        rest = b""
        while piece := await process.stdout.read(4096):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _LINE_LIMIT:
                lines.append(rest)
                rest = b""
            for line in lines:
                log_console_line(self._log, line)
        if rest:
            log_console_line(self._log, rest)

    # --- control socket -----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                if writer not in self._writers:
                    return  # of a VM that was ended
                text = line.decode(errors="replace").strip()
                if text == "EVENTS":
                    self._events = writer
                    answer = "OK"
                else:
                    answer = self._chip.answer(text) if text else "ERR empty line"
                if writer in self._writers:
                    writer.write(answer.encode() + b"\n")
        except (ConnectionError, ValueError):
            pass  # killed in the middle of a line, or a line without end
        finally:
            self._writers.discard(writer)
            writer.close()

    # --- what the chip asks (chip.Owner) ------------------------------------------------------------------------------

    def uart_opened(self, uart: str, baud: int, frame: str) -> str:
        port = self._uarts.get(uart)
        if port is None:
            raise ValueError(f"nothing is wired to UART {uart}; wired are {' '.join(self._uarts) or 'none'}")
        self._tell_uart(baud, frame)
        port.connected(True)
        return port.path

    def uart_closed(self, uart: str) -> None:
        if uart in self._uarts:
            self._uarts[uart].connected(False)

    def send_irq(self, name: str, value: int) -> None:
        if self._events is not None:
            self._events.write(f"IRQ {name} {value}\n".encode())

    def deepsleep_wanted(self, duration_s: float | None) -> None:
        self._log.emit("mcu", "deepsleep", ms=None if duration_s is None else round(duration_s * 1000))
        self._end(_Ending(ResetCause.DEEPSLEEP, duration_s))

    def wake_wanted(self) -> None:
        self._wake.set()
