"""The virtual MCU in virtual time: the real MicroPython VM and the bench move in lock step.

The VM runs while the clock stands, until it has nothing to do but to wait; then the bench makes what happens meanwhile
happen, and lets it go on. Packets: boards/unix/README.md, "Lock step". No asyncio here: one seed, one history.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cellkit.bench.chip import ResetCause, WakeReason
from cellkit.bench.clock import Handle, VirtualClock
from cellkit.bench.log import EventLog
from cellkit.bench.mcucore import McuConfig, McuCore, McuError, die_with_parent, log_console_line

_ASK, _TELL, _TX, _WAIT, _SLEEP = 1, 2, 3, 4, 5
_FOREVER = 0xFFFFFFFFFFFFFFFF
_PACKET_BYTES = 65536
_PIECE_BYTES = 512
_COMPUTES_S = 20.0  # of wall time without a wait: a loop that only time could end
_LINE_LIMIT = 8192
_BITS_PER_BYTE = 10  # 8N1


class UartLine:
    """One UART between MCU and modem. Bytes take their time at the baud rate; a block arrives with its last byte,
    a long one toward the MCU in pieces."""

    def __init__(self, clock: VirtualClock, log: EventLog, on_bytes: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._log = log
        self._on_bytes = on_bytes
        self._byte_s = 0.0
        self._free_us = 0  # when the way to the modem is
        self._down_us = 0  # when the way to the MCU is
        self._written = bytearray()
        self._block = bytearray()
        self.to_mcu: Callable[[bytes], object] | None = None  # set while the MCU's UART is open

    def open(self, baud: int, to_mcu: Callable[[bytes], object]) -> None:
        """The MCU has switched its UART on."""
        self._byte_s = _BITS_PER_BYTE / baud
        self.to_mcu = to_mcu

    def closed(self) -> None:
        """It is off: what comes is lost."""
        self.to_mcu = None

    def left_us(self) -> int:
        """Microseconds until all that the MCU wrote is on the line."""
        return max(0, self._free_us - self._clock.now_us)

    def write(self, data: bytes) -> None:
        """Bytes of the MCU; what it writes at one moment is one block."""
        if not self._written:
            self._clock.call_later(0, self._leave)
        self._written += data
        self._free_us = max(self._free_us, self._clock.now_us) + round(len(data) * self._byte_s * 1e6)

    def _leave(self) -> None:
        block, self._written = bytes(self._written), bytearray()
        self._clock.call_later((self._free_us - self._clock.now_us) / 1e6, self._heard, block)

    def _heard(self, data: bytes) -> None:
        self._log.emit("uart", "to_modem", data=data.decode("latin-1"))
        self._on_bytes(data)

    def send(self, data: bytes) -> None:
        """Bytes of the modem; what it says at one moment goes out as one block."""
        if not self._block:
            self._clock.call_later(0, self._begin)
        self._block += data

    def _begin(self) -> None:
        block, self._block = bytes(self._block), bytearray()
        self._down_us = max(self._down_us, self._clock.now_us)
        for start in range(0, len(block), _PIECE_BYTES):  # the MCU can read the first while the next is on the line
            piece = block[start : start + _PIECE_BYTES]
            self._down_us += round(len(piece) * self._byte_s * 1e6)
            self._clock.call_later((self._down_us - self._clock.now_us) / 1e6, self._arrived, piece)

    def _arrived(self, block: bytes) -> None:
        if self.to_mcu is None:
            self._log.emit("uart", "lost", data=block.decode("latin-1"), why="UART closed")
            return
        self._log.emit("uart", "to_mcu", data=block.decode("latin-1"))
        self.to_mcu(block)


class LockstepMcu(McuCore):
    """One MCU. `flash`: the file that is its flash chip; `uarts`: what each UART id is wired to.

    on_baud, on_pin: as VirtualMcu's. on_tell(words) gets what the VM tells of itself: HEAP, ERASE, PROG.
    turn_run_s: how long the CPU counts as running whenever it goes on, since executing takes no virtual time;
    `time_s` is the time spent in each state of the MCU.
    """

    _clock: VirtualClock

    def __init__(
        self,
        clock: VirtualClock,
        log: EventLog,
        config: McuConfig,
        flash: Path,
        uarts: Mapping[str, UartLine],
        on_pin: Callable[[str, int], None],
        on_baud: Callable[[int], None],
        on_tell: Callable[[list[str]], None],
        seed: int = 1,
        turn_run_s: float = 0.0,
    ) -> None:
        super().__init__(clock, log, config, on_pin, on_baud)
        self._flash = flash
        self._uarts = uarts
        self._on_tell = on_tell
        self._seed = seed
        self._turn_run_s = turn_run_s
        self._run_left_s = 0.0
        self._since_us = clock.now_us
        self._state = "off"
        self.time_s = dict.fromkeys(("off", "run", "idle", "light_sleep", "deep_sleep"), 0.0)
        self._script: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._boot: Handle | None = None
        self._wake: Handle | None = None
        self._start_us = 0  # of the clock, when this life of the VM began
        self._packets: list[bytes] = []  # for the VM at its next turn
        self._text = b""
        self.due_us: int | None = None  # when the VM wants to go on; None: it waits for an event, or is not running
        self.waiting = False  # it runs, and waits
        self.light_sleep = False
        self.turns = 0  # times that the VM went on
        self.starts = 0
        self.wakes = 0  # out of light and deep sleep
        self.exit_code: int | None = None

    # --- what the bench does to it ------------------------------------------------------------------------------------

    def power_on(self, script: Sequence[str]) -> None:
        """Supply on: `script` runs after boot, as the arguments of `micropython`. Raises McuError."""
        self._program()
        self._script = list(script)
        self._start_later()

    def power_cut(self) -> None:
        """Supply off, at once: RTC memory is lost, the flash is as it is."""
        self._stop()
        self._chip.restart(ResetCause.POWER_ON)

    def measure_heap(self) -> None:
        """Have the VM tell its heap when it goes on next, which is now if it waits."""
        if self.waiting:
            self._wants(b"G")

    def restart(self, cause: ResetCause = ResetCause.HARD) -> None:
        """A reset; RTC memory is kept."""
        self._stop()
        self._chip.restart(cause)
        self._start_later()

    def turn(self) -> None:
        """Let the VM go on until it waits again, or has ended. Raises McuError if it computes without end."""
        self.due_us = None
        self.turns += 1
        self.settle("idle")
        self._run_left_s = self._turn_run_s
        try:
            if self.waiting:
                self.waiting = False
                if self.light_sleep:
                    self.light_sleep = False
                    self.wakes += 1
                    self._chip.answer("AWAKE")
                packets, self._packets = self._packets, []
                for packet in packets:
                    self._send(packet)
                self._answer("OK")
            while self._socket is not None and not self.waiting:
                self._packet(self._receive(self._socket))
        except (BrokenPipeError, ConnectionResetError):
            self._exited()

    def settle(self, state: str | None = None) -> None:
        """Book the time up to now, and count what comes as `state` (None: as before)."""
        passed_s = (self._clock.now_us - self._since_us) / 1e6
        self._since_us = self._clock.now_us
        if self._state in ("idle", "light_sleep"):
            run_s = min(passed_s, self._run_left_s)
            self._run_left_s -= run_s
            self.time_s["run"] += run_s
            passed_s -= run_s
        self.time_s[self._state] += passed_s
        self._state = state or self._state

    # --- life of the process ------------------------------------------------------------------------------------------

    def _start_later(self) -> None:
        self.settle("run")  # the boot
        self._boot = self._clock.call_later(self._config.boot_s, self._start)

    def _start(self) -> None:
        self.settle("idle")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = self._environment(
            {"CELLKIT_LOCKSTEP": str(self._seed + self.starts), "CELLKIT_FLASH": str(self._flash.resolve())}
        )
        self._log.emit("mcu", "start", cause=self._chip.cause.name.lower(), wake=self._chip.reason.name.lower())
        with theirs:
            self._process = subprocess.Popen(
                self._argv(self._script),
                stdin=subprocess.DEVNULL,
                stdout=theirs.fileno(),
                stderr=theirs.fileno(),
                cwd=self._flash.parent,
                env=env,
                preexec_fn=die_with_parent,
                start_new_session=True,
            )
        ours.settimeout(_COMPUTES_S)
        self._socket = ours
        self._start_us = self._clock.now_us
        self.starts += 1
        self._wants()

    def _wants(self, packet: bytes = b"") -> None:
        """There is something for the VM: it goes on as soon as the clock has made the present call."""
        if packet:
            self._packets.append(packet)
        self.due_us = self._clock.now_us
        self._clock.stop()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._stop_watchdog()
        for handle in (self._wake, self._boot):
            if handle is not None:
                handle.cancel()
        self._wake = self._boot = None
        for line in self._uarts.values():
            line.closed()
        self.settle("off")
        self._packets.clear()
        self.waiting = self.light_sleep = False
        self.due_us = None
        self._text = b""

    def _exited(self) -> None:
        """The script is over by itself: only a reset or a power cycle begins anew."""
        assert self._process is not None
        code = self._process.wait()
        self._console(b"\n")
        self._stop()
        self._log.emit("mcu", "exit", code=code)
        self.exit_code = code
        self._clock.stop()

    # --- packets ------------------------------------------------------------------------------------------------------

    def _send(self, packet: bytes) -> None:
        if self._socket is not None:
            self._socket.send(packet)

    def _answer(self, text: str) -> None:
        vm_us = self._clock.now_us - self._start_us
        self._send(b"R" + vm_us.to_bytes(8, "little") + text.encode())

    def _receive(self, source: socket.socket) -> bytes:
        try:
            packet = source.recv(_PACKET_BYTES)
        except TimeoutError:
            at_s = self._clock.now()
            raise McuError(
                f"the firmware has computed for {_COMPUTES_S:.0f} s at {at_s:.3f} s of virtual time without waiting; "
                "expected it to sleep or to wait for an event: only waiting lets virtual time pass"
            ) from None
        if not packet:
            raise ConnectionResetError
        return packet

    def _packet(self, packet: bytes) -> None:
        kind = packet[0]
        if kind == _ASK:
            answer = self._asked(packet[1:].decode(errors="replace"))
            self._answer(answer)  # nobody hears it if the question has ended the VM
        elif kind == _TX:
            line = self._uarts.get(str(packet[1]))
            if line is not None:
                line.write(packet[2:])
        elif kind in (_WAIT, _SLEEP):
            due_us = int.from_bytes(packet[1:9], "little")
            self.due_us = None if due_us == _FOREVER else due_us + self._start_us
            self.waiting = True
            if self._packets:
                self._wants()
            elif kind == _SLEEP:
                self.light_sleep = True
                self.settle("light_sleep")
                self._chip.answer("LIGHTSLEEP")
        elif kind == _TELL:
            self._told(packet[1:].decode(errors="replace").split())
        else:
            self._console(packet)

    def _asked(self, line: str) -> str:
        if line.startswith("TXLEFT "):
            uart = self._uarts.get(line.split()[1])
            return f"OK {uart.left_us() if uart else 0}"
        return self._chip.answer(line)

    def _told(self, words: list[str]) -> None:
        if words[0] == "FEED":
            self.watchdog(None)
        elif words[0] == "OVERRUN":
            self._log.emit("uart", "lost", bytes=int(words[2]), why="overrun")
        else:
            self._on_tell(words)

    def _console(self, piece: bytes) -> None:
        *lines, self._text = (self._text + piece).split(b"\n")
        if len(self._text) > _LINE_LIMIT:
            lines.append(self._text)
            self._text = b""
        for line in lines:
            if line:
                log_console_line(self._log, line)

    # --- what the chip asks (chip.Owner) ------------------------------------------------------------------------------

    def uart_opened(self, uart: str, baud: int, frame: str) -> str:
        line = self._uarts.get(uart)
        if line is None:
            raise ValueError(f"nothing is wired to UART {uart}; wired are {' '.join(self._uarts) or 'none'}")
        self._tell_uart(baud, frame)
        line.open(baud, lambda piece: self._wants(bytes((ord("U"), int(uart))) + piece))
        return "-"

    def uart_closed(self, uart: str) -> None:
        if uart in self._uarts:
            self._uarts[uart].closed()

    def send_irq(self, name: str, value: int) -> None:
        if self.waiting:
            self._wants(b"I" + name.encode())
        else:
            self._packets.append(b"I" + name.encode())

    def deepsleep_wanted(self, duration_s: float | None) -> None:
        self._log.emit("mcu", "deepsleep", ms=None if duration_s is None else round(duration_s * 1000))
        self._stop()
        self.settle("deep_sleep")
        self._chip.fall_asleep()
        if duration_s is not None:
            self._wake = self._clock.call_later(duration_s, self._wakes, WakeReason.TIMER)

    def wake_wanted(self) -> None:
        self._wakes(WakeReason.PIN)

    def _wakes(self, reason: WakeReason) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        self.wakes += 1
        self._chip.restart(ResetCause.DEEPSLEEP, reason)
        self._start_later()
