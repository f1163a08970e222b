"""For tests of the virtual modem and network: a clock that only moves when told, servers that are lists, one modem."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from cellkit.bench.gateway import PipeEvents
from cellkit.bench.log import Event, EventLog
from cellkit.bench.modem import ModemConfig, VirtualModem
from cellkit.bench.network import Network, NetworkConfig


class _Due:
    def __init__(self, at_s: float, order: int, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.key = (at_s, order)
        self.fn: Callable[..., object] | None = fn
        self.args = args

    def __lt__(self, other: _Due) -> bool:
        return self.key < other.key

    def cancel(self) -> None:
        self.fn = None


class ManualClock:
    """Time stands still until `advance`; then calls come in order of time, and of making where due at once."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._order = 0
        self._due: list[_Due] = []

    def now(self) -> float:
        return self._now_s

    def call_later(self, delay_s: float, fn: Callable[..., object], *args: Any) -> _Due:
        self._order += 1
        due = _Due(self._now_s + max(0.0, delay_s), self._order, fn, args)
        heapq.heappush(self._due, due)
        return due

    def advance(self, seconds: float) -> None:
        until_s = self._now_s + seconds
        while self._due and self._due[0].key[0] <= until_s:
            due = heapq.heappop(self._due)
            if due.fn is not None:
                self._now_s = due.key[0]
                due.fn(*due.args)
        self._now_s = until_s


class FakeFlow:
    """A flow whose server is a list."""

    def __init__(self, peer: tuple[str, int], on_data: Callable[[bytes], object]) -> None:
        self.peer = peer
        self.sent: list[bytes] = []
        self.answer = on_data
        self.closed = False
        self.refuses = False

    def send(self, data: bytes) -> bool:
        self.sent.append(data)
        return not self.refuses

    def close(self) -> None:
        self.closed = True


class FakePipe:
    """A TCP connection whose server is a list: `events.came(data)` and `events.ended("closed")` are its side."""

    def __init__(self, peer: tuple[str, int], events: PipeEvents) -> None:
        self.peer = peer
        self.events = events
        self.sent = bytearray()
        self.closed = False

    def send(self, data: bytes, more: bool) -> None:
        self.sent += data

    def look(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class FakeGateway:
    """Flows and pipes in the order they were opened; `fails` makes opening impossible."""

    look_s = 0.0

    def __init__(self) -> None:
        self.flows: list[FakeFlow] = []
        self.pipes: list[FakePipe] = []
        self.fails = False

    def connect(self, host: str, port: int, events: PipeEvents) -> FakePipe:
        pipe = FakePipe((host, port), events)
        self.pipes.append(pipe)
        events.opened("refused" if self.fails else "ok")
        return pipe

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> FakeFlow:
        if self.fails:
            raise OSError("no route")
        self.flows.append(FakeFlow((host, port), on_data))
        return self.flows[-1]


class ModemRig:
    """One modem, off, on a network of its own. Times in seconds; `tx` holds what the modem said and nobody read."""

    def __init__(self, network: dict[str, Any] | None = None, **modem: Any) -> None:
        self.clock = ManualClock()
        self.log = EventLog(None, self.clock)
        self.gateway = FakeGateway()
        self.network = Network(self.clock, self.log, NetworkConfig.model_validate(network or {}), self.gateway)
        self.tx = bytearray()
        self.modem = VirtualModem(self.clock, self.log, self.network, ModemConfig.load(**modem), self._said)
        self.said_at: list[tuple[float, bytes]] = []

    def _said(self, data: bytes) -> None:
        self.said_at.append((self.clock.now(), data))
        self.tx += data

    def advance(self, seconds: float) -> str:
        """Let time pass; returns everything that was said until then."""
        self.clock.advance(seconds)
        said = self.tx.decode("latin-1")
        self.tx.clear()
        return said

    def lines(self, seconds: float) -> list[str]:
        """As `advance`, as lines without the empty ones."""
        return [line for line in self.advance(seconds).split("\r\n") if line]

    def at(self, command: str, wait_s: float = 0.2) -> list[str]:
        """Send a command with its CR; the lines that come within `wait_s`, echo included if it is on."""
        self.modem.rx(command.encode("latin-1") + b"\r")
        return self.lines(wait_s)

    def ok(self, command: str, wait_s: float = 0.2) -> list[str]:
        """As `at`; the command has to end with OK, which is left out of the lines."""
        lines = self.at(command, wait_s)
        assert "OK" in lines, f"{command} was answered {lines}"
        return [line for line in lines if line != "OK"]

    def boot(self, *commands: str) -> None:
        """Supply on, wait for the banner, echo off, then `commands`; ends before the cell is found."""
        self.modem.supply(True)
        self.advance(2.0)
        for command in ("ATE0", *commands):
            self.ok(command)

    def attach(self, *commands: str) -> None:
        """`boot`, then wait until the network has given an address."""
        self.boot(*commands)
        for _ in range(100):
            if self.modem.ue.grant.ip:
                break
            self.advance(0.1)
        assert self.modem.ue.registered, f"not registered but {self.modem.ue.stat!r}"
        self.advance(0.3)

    def open_socket(self, access: int = 1, host: str = "192.0.2.1", number: int = 0) -> FakeFlow:
        """A UDP socket; returns the server's side of it."""
        assert self.at(f'AT+QIOPEN=0,{number},"UDP","{host}",5683,0,{access}', 1.0)[:1] == ["OK"]
        return self.gateway.flows[-1]

    def events(self, src: str, ev: str) -> list[Event]:
        return self.log.each(src, ev)

    def states(self) -> list[str]:
        """The modem's power states so far."""
        return [event["state"] for event in self.log.each("modem", "state")]
