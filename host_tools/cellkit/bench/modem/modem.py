"""The virtual modem: front end, commands, URCs, data mode, power and radio put together."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cellkit.bench.clock import Clock
from cellkit.bench.energy import ChargeMeter
from cellkit.bench.log import EventLog
from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.family import DataMode, Family, Multiplexer, Reply
from cellkit.bench.modem.faults import Faults, Position
from cellkit.bench.modem.output import Output
from cellkit.bench.modem.payload import Payload
from cellkit.bench.modem.power import Mode, Power
from cellkit.bench.modem.settings import Settings
from cellkit.bench.modem.sim import Sim
from cellkit.bench.modem.ue import UserEquipment
from cellkit.bench.modem.v250 import Command, FrontEnd, MeFault, SyntaxFault, body_of, parse_line
from cellkit.bench.network import Network

_SIM_FAILURE = 13


def _announces(header: str, line: str) -> bool:
    """Whether `header` tells the length of a payload that stands behind it: the two leave a module in one go."""
    return str(len(line)) in re.findall(r"\d+", header)


@dataclass
class _Running:
    text: str
    commands: deque[Command | None]
    after: list[Callable[[], object]] = field(default_factory=list)
    spoke: bool = False
    held: list[str] = field(default_factory=list)  # information that goes out together with its OK


class Modem(Family):
    """A modem of any family; a subclass fills in what its family says and does. Bytes from the host go into `rx`."""

    def __init__(
        self, clock: Clock, log: EventLog, network: Network, config: ModemConfig, tx: Callable[[bytes], object]
    ) -> None:
        self.clock = clock
        self.log = log
        self.network = network
        self.config = config
        self.faults = Faults()
        self.sim = Sim(config.sim)
        self.meter = ChargeMeter(clock, log, "modem", config.currents_ua(_tx_dbm(network)), "off")
        self.booted_s = 0.0
        self.at_reset: list[Callable[[], object]] = []  # what engines forget when everything volatile is gone
        self.payload = Payload(self)
        self.mux: Multiplexer | None = None
        self._tx = tx
        self._generation = 0
        self._running: _Running | None = None
        self._input: deque[int] = deque()
        self._host_baud: int | None = None
        self.deaf_until_s = 0.0
        self.deaf_lines = 0  # that the search for the host's rate still costs
        self.output = Output(clock, self.faults, self._leave)
        self._front = FrontEnd(config.limits.line_bytes, self._echo, self._line)
        self.dialect = self._make_dialect()
        self.settings = Settings(self.dialect.nvram, self.dialect.ram, config.nvram)
        self.deaf_lines = self.traits.auto_baud_lost if self.settings.nvram["IPR"] == 0 else 0
        self.power = Power(clock, log, config.timing, self.meter, self, config.starts_with_supply)
        self.ue = UserEquipment(clock, network, config.module, self.faults, self)
        self.faults.on_change = self.ue.coverage_changed
        self.power.attach_radio(self.ue)

    # The bench's side

    def rx(self, data: bytes) -> None:
        """Bytes from the host, at the pace of the line."""
        lost, why = self.power.heard(len(data))
        if self.clock.now() < self.deaf_until_s:
            lost, why = len(data), "start"
        if lost:
            self.lost(data[:lost], why)
            self._front.clear()
            data = data[lost:]
        if not data:
            return
        if self._other_rate():
            data = _garbled(data)
        if self.mux is not None and self.mux.active:
            data = self.mux.received(data)
        self._input.extend(data)
        self.pump()  # before stay_awake, since a command that runs keeps the module awake
        over = len(self._input) - self.config.limits.uart_buffer_bytes
        if over > 0:
            self.lost(bytes(reversed([self._input.pop() for _ in range(over)])), "buffer full")
        self.power.stay_awake()

    def pin(self, name: str, level: int) -> None:
        """A level at PWRKEY, RESET or PSM_EINT as seen at the module; 0 is low. Raises KeyError for another name."""
        self.power.pin(name, level)

    def supply(self, on: bool) -> None:
        """VBAT on or off."""
        self.power.supply(on)

    def voltage(self, supply_mv: int) -> None:
        """VBAT in millivolts: off below the module's minimum. AT+CBC shows it."""
        self.config.supply_mv = supply_mv
        self.supply(supply_mv >= self.config.module.supply.min_mv.value)

    def baud(self, rate: int) -> None:
        """The host's baud rate; where it is not the module's own, both sides see garbage."""
        self._host_baud = rate

    def reset(self, cause: str) -> None:
        """Restart now, as a crash or a brown-out does."""
        self.power.restart(cause)

    # For commands

    def later(self, delay_s: float, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` after `delay_s` seconds, unless the module restarts first."""
        generation = self._generation

        def call() -> None:
            if generation == self._generation:
                fn(*args)

        self.clock.call_later(delay_s, call)

    def urc(self, text: str, blank_before: bool = False) -> None:
        """Send an unsolicited result code, unless nobody can hear it now."""
        if self.power.mode not in (Mode.RUN, Mode.LIGHT_SLEEP) or (self.deaf_lines and self.traits.silent_auto_baud):
            return
        if self.traits.urc_port and not self.urcs_here():
            self.log.emit("modem", "lost", data=text, why="URC to another port")
            return
        if self.payload.taken:
            self.log.emit("modem", "lost", data=text, why="URC in data mode")
            return
        self.log.emit("modem", "urc", text=text)
        if blank_before:
            self.output.raw(b"\r\n")
        self.output.block([text])

    def urcs_here(self) -> bool:
        """Whether URCs come out of this port, where the family has several."""
        return True

    @property
    def in_data_mode(self) -> bool:
        """Whether bytes from the host are data, not commands."""
        return self.payload.mode is not None

    @property
    def data_mode(self) -> DataMode | None:
        """What is awaited after a prompt."""
        return self.payload.mode

    @property
    def early_data(self) -> int:
        """Bytes that came before the guard time after a prompt."""
        return self.payload.early

    def go_online(self, sink: Callable[[bytes], object], escapes: bool = True) -> None:
        """Transparent mode: what the host sends goes to `sink`, with `escapes` until it sends `+++`."""
        self.payload.go_online(sink, escapes)

    def is_banner(self, line: str) -> bool:
        """Whether a line is one of those that are said after a start."""
        spoken = [text for _, text in self.traits.banner]
        return line in spoken or any(re.fullmatch(pattern, line) for pattern in self.traits.ready_lines)

    def lost(self, data: bytes, why: str) -> None:
        """Log bytes that the module does not hear."""
        self.log.emit("modem", "lost", data=data.decode("latin-1"), why=why)

    def complete(self, reply: Reply) -> None:
        """The answer of the command that runs."""
        running = self._running
        if running is None:
            return
        if reply.prompt is not None:
            if reply.lines:
                self._information(running, reply.lines)
            self._prompt(running, reply.prompt)
            return
        if reply.after is not None:
            running.after.append(reply.after)
        if reply.ok_first:
            self._final(reply.final)
            self.output.block(reply.lines)
            return
        plain = reply.final == "OK" and not running.commands
        if reply.lines and plain and self.traits.tight:
            self._speak(running)
            running.held = reply.lines
        elif reply.lines:
            self._information(running, reply.lines)
        if reply.final != "OK":
            self._final(reply.final)
        elif self.traits.one_ok_per_command and running.commands:
            self.output.block(["OK"])
            self._step()
        else:
            self._step()

    def fail(self, fault: SyntaxFault | MeFault) -> None:
        """The command that runs has failed; the rest of its line is not done."""
        mode = self.settings.nvram["CMEE"]
        if isinstance(fault, SyntaxFault) or mode == 0:
            self._final("ERROR")
        elif mode == 1:
            self._final(f"+CME ERROR: {fault.code}")
        else:
            text = self.dialect.error_texts.get(fault.code, "Unknown")
            self._final(f"+CME ERROR: {text[:1].upper() + text[1:] if self.traits.case_of_error else text}")

    def busy(self) -> bool:
        """Whether a command runs or data are awaited."""
        return self._running is not None or not self._front.empty

    # The line: in

    def pump(self) -> None:
        """Take what the host has typed, up to a line that runs."""
        while self._input and (self._running is None or self.payload.taken):
            byte = self._input.popleft()
            if self.payload.feed(byte):
                continue
            if self._front.empty and byte not in (10, 13):
                self._slips_in("", "before_echo")
            self._front.feed(byte)

    def _echo(self, byte: bytes) -> None:
        if self.deaf_lines:
            return
        if self.settings.nvram["E"] and byte != b"\n":
            self.output.raw(byte)

    def _other_rate(self) -> bool:
        rate = self.settings.nvram["IPR"]
        return rate != 0 and self._host_baud not in (None, rate)

    def _line(self, line: str | None) -> None:
        if self.deaf_lines:
            if line:
                self.deaf_lines -= 1
                self.lost(line.encode("latin-1"), "finding the rate")
            return
        if line is None:
            self._running = _Running("", deque([None]))
            self._step()
            return
        body = body_of(line)
        if body is None:
            if line:
                self.lost(line.encode("latin-1"), "not an AT command")
            return
        rule = self.faults.take("reset", line)
        if rule is not None:
            self.later(rule.delay_s, self.reset, "fault")
        if self.faults.take("no_answer", line):
            return
        self._slips_in(line, "after_echo")
        self._running = _Running(line, deque(parse_line(body, self.dialect.whole)))
        if not self._running.commands:
            self.later(self.config.timing.answer_s.value + self.faults.answer_delay_s, self._step)
        else:
            self._step()

    def _step(self) -> None:
        running = self._running
        if running is None:
            return
        if not running.commands:
            self._final("OK")
            return
        command = running.commands.popleft()
        delay_s = self.config.timing.answer_s.value if command is None else self.dialect.delay_s(command)
        self.later(delay_s + self.faults.answer_delay_s, self._execute, command)

    def _execute(self, command: Command | None) -> None:
        running = self._running
        if running is None:
            return
        rule = self.faults.take("error", running.text)
        if rule is not None:
            self._final(rule.text)
            return
        handler = None if command is None else self.dialect.handlers.get(command.name)
        if command is None or handler is None:
            self._final("ERROR")
            return
        if command.name in self.traits.sim_commands and self.clock.now() - self.booted_s < self.traits.sim_error_s:
            self.fail(MeFault(_SIM_FAILURE))
            return
        try:
            reply = handler(command)
        except (SyntaxFault, MeFault) as fault:
            self.fail(fault)
            return
        if reply is not None:
            self.complete(reply)

    # The line: out

    def _speak(self, running: _Running) -> None:
        if not running.spoke:
            running.spoke = True
            rule = self.faults.take("garbage", running.text)
            if rule is not None:
                self.output.raw(rule.text.encode("latin-1"))

    def _information(self, running: _Running, lines: list[str]) -> None:
        self._speak(running)
        rule = self.faults.take("urc", running.text, "between_lines")
        if rule is None:
            self.output.block(lines)
            return
        cut = next((i for i in range(1, len(lines)) if not _announces(lines[i - 1], lines[i])), len(lines))
        self.output.block(lines[:cut])
        self.urc(rule.text)
        if lines[cut:]:
            self.output.block(lines[cut:])

    def _slips_in(self, line: str, position: Position) -> None:
        rule = self.faults.take("urc", line, position)
        if rule is not None:
            self.urc(rule.text)

    def _final(self, text: str) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        self._speak(running)
        self._slips_in(running.text, "before_final")
        if text or running.held:
            self.output.block([*running.held, *([text] if text else [])])
        self._slips_in(running.text, "after_final")
        for after in running.after:
            after()
        self.power.stay_awake()
        self.pump()

    def _leave(self, data: bytes) -> None:
        if self.faults.silent or self.power.mode in (Mode.OFF, Mode.BOOT):
            return
        if self.mux is not None and self.mux.active:
            data = self.mux.wrapped(data)
        self._tx(_garbled(data) if self._other_rate() else data)

    def send_frame(self, data: bytes) -> None:
        """For the multiplexer: a frame of its own."""
        if not self.faults.silent:
            self._tx(data)

    def _prompt(self, running: _Running, mode: DataMode) -> None:
        if self.faults.prompt_never:
            self._running = None
            self.pump()
            return
        self._slips_in(running.text, "before_prompt")
        self.later(self.config.timing.prompt_s.value, self.payload.ask, mode)

    # Power

    def lost_power(self) -> None:
        """Everything volatile is gone."""
        self.lost_memory()
        self.ue.vanish()

    def lost_memory(self) -> None:
        """Everything volatile is gone, but for the registration."""
        for forget in self.at_reset:
            forget()
        self._generation += 1
        self._running = None
        self.payload.forget()
        self._input.clear()
        self._front.clear()
        self.output.clear()
        self.settings.restart()
        self.start_listening()

    def start_listening(self) -> None:
        """After a start: with auto-baud the first lines are lost while the host's rate is found out."""
        self.deaf_lines = self.traits.auto_baud_lost if self.settings.nvram["IPR"] == 0 else 0

    def radio_changed(self) -> None:
        """Anything of the radio that counts for sleep and current."""
        self.power.consider()


def _tx_dbm(network: Network) -> float:
    return network.radio.level(network.config.cell.ecl).tx_dbm.value


def _garbled(data: bytes) -> bytes:
    # Which bits a receiver sees at a wrong rate hardly matters; that none of them is the byte that was sent does.
    return bytes((byte * 0x1D ^ 0x95) & 0xFF | 0x80 for byte in data)
