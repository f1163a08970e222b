"""Where a log is played: one virtual modem in virtual time, its network, its peer, and what it says line by line.

Rules (see rules.py, and `needs.py` of each family) use a stage to bring the module into the state that a log begins in,
and to have happen what happened while it was written. They see lines, never which exchange these stand in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest.mock import patch

from cellkit.bench.clock import VirtualClock
from cellkit.bench.log import EventLog
from cellkit.bench.modem import families
from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.engines import tls
from cellkit.bench.modem.modem import Modem
from cellkit.bench.modem.power import Mode
from cellkit.bench.network import Network, NetworkConfig
from cellkit.transcripts.exchange import Exchange
from cellkit.transcripts.peer import Peer, PeerFlow, PeerPipe, trusting

_STEP_S = 0.02
_BOOT_S = 60.0
_ATTACH_S = 60.0

When = Literal["config", "setup", "before", "cause"]


@dataclass(frozen=True)
class Rule:
    """`do(stage, match)` for a line that `pattern` matches in full.

    when: `config`, before the module is made (its `stage.config` may be changed); `setup`, once before anything is
    played, for each line of the log in order; `before`, when the command whose answer or text it is is about to be
    sent; `cause`, when the line is waited for and has not come by itself.
    way: whether the line was sent to the module (TX) or came from it (RX).
    """

    when: When
    way: Literal["TX", "RX"]
    pattern: str
    do: Callable[[Stage, re.Match[str]], object]


class Stage:
    """One module. Times in virtual seconds."""

    def __init__(self, module: str, exchange: Exchange, network: dict[str, Any] | None = None) -> None:
        self.exchange = exchange
        self.clock = VirtualClock()
        self.log = EventLog(None, self.clock)
        self.peer = Peer()
        self.network = Network(self.clock, self.log, NetworkConfig.model_validate(network or {}), self.peer)
        self.network.resolve = _resolve  # type: ignore[method-assign]
        self.config: ModemConfig = families.config(module)
        self.echo = False
        self._heard = bytearray()
        self._mute = False
        self._modem: Modem | None = None
        self.position = 0
        """Of the item of the exchange that is played now."""

    # Rules' side

    @property
    def modem(self) -> Modem:
        """The virtual module; made at its first use, so that rules can change `config` before."""
        if self._modem is None:
            self._modem = families.make(self.clock, self.log, self.network, self.config, self._said)
        return self._modem

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.run_until(self.clock.now_us + round(seconds * 1e6))

    def power(self) -> None:
        """Supply on and, where the module has one, the power key."""
        modem = self.modem
        modem.supply(True)
        if not self.config.starts_with_supply:
            modem.pin("PWRKEY", 0)
            self.clock.call_later(self.config.timing.pwrkey_low_s.value + 0.05, modem.pin, "PWRKEY", 1)

    def boot(self, attach: bool = True) -> None:
        """From power-on until it answers and, with `attach`, has an address; what it said is forgotten."""
        self.power()
        self.wait(lambda: self.modem.power.running, _BOOT_S)
        for _ in range(8):
            if "OK" in self.at("AT", 1.0):
                break
        if attach:
            self.attach()
        self.advance(12.0)  # what a module says after its start, to the end
        self.forget()

    def attach(self) -> bool:
        """Wait until the module is registered and has an address."""
        if self.modem.settings.nvram.get("CFUN") != 1:
            self.at("AT+CFUN=1", 10.0)
        return self.wait(lambda: bool(self.modem.ue.registered and self.modem.ue.grant.ip), _ATTACH_S)

    def wait(self, ready: Callable[[], bool], limit_s: float) -> bool:
        """Let time pass until `ready()`; False if it has not been so within `limit_s`."""
        end_s = self.clock.now() + limit_s
        while not ready():
            if self.clock.now() >= end_s:
                return False
            self.advance(_STEP_S)
        return True

    def at(self, command: str, limit_s: float = 5.0) -> list[str]:
        """A command that sets the scene: its lines, up to its final result. What was heard before stays heard."""
        before = self.heard()
        self.forget()
        self.send(command)
        found: list[str] = []
        end_s = self.clock.now() + limit_s
        while self.clock.now() < end_s:
            self.advance(_STEP_S)
            lines = self.lines()
            found += lines
            self.forget()
            if any(re.fullmatch(r"OK|ERROR|NO CARRIER|\+CM[ES] ERROR:.*", line) for line in lines):
                break
        self._heard[:] = before
        return found

    def give(self, command: str, data: bytes) -> list[str]:
        """As `at`, for a command that asks for `data`."""
        self.forget()
        self.send(command)
        if self.wait(lambda: self.modem.in_data_mode, 5.0):
            self.advance(0.6)
            self.modem.rx(data)
        self.wait(lambda: bool(re.search(r"OK\r|ERROR|FAIL", self.heard().decode("latin-1"))), 10.0)
        found = self.lines()
        self.forget()
        return found

    def command(self) -> str:
        """The command that the line at the stage's position answers."""
        for item in reversed(self.exchange.items[:self.position]):
            if item.way == "TX":
                return item.text.strip()
        return ""

    def sets(self, pattern: str) -> bool:
        """Whether the log itself sends something that matches before the place that is played now."""
        sent = [item.text for item in self.exchange.items[:self.position] if item.way == "TX"]
        return any(re.fullmatch(pattern, text, re.IGNORECASE) for text in sent)

    def will_send(self, pattern: str) -> bool:
        """Whether the log sends something that matches from the place on that is played now."""
        sent = [item.text for item in self.exchange.items[self.position:] if item.way == "TX"]
        return any(re.fullmatch(pattern, text, re.IGNORECASE) for text in sent)

    def ahead(self) -> list[str]:
        """The lines that the log has from here on, both ways."""
        return [item.text for item in self.exchange.items[self.position:]]

    def register(self, stat: int) -> None:
        """Have the module registered as <stat> of +CEREG says."""
        policy, ue = self.network.config.policy, self.modem.ue
        if int(ue.stat) == stat:
            return
        if stat in (1, 5):
            policy.reject_cause, policy.roaming = None, stat == 5
            self.network.coverage(True)
            if ue.registered:
                ue.renew()
            else:
                ue.start()
                ue.search_now()
            self.wait(lambda: int(ue.stat) == stat and bool(ue.grant.ip), _ATTACH_S)
            self.advance(1.0)
        elif stat == 3:
            policy.reject_cause = 15
            ue.stop()
            ue.start()
            self.wait(lambda: int(ue.stat) == 3, _ATTACH_S)
        else:
            self.network.coverage(stat == 2)
            self._mute = stat != 0  # that it is off for a moment between is the stage's doing
            ue.stop()
            self._mute = False
            if stat:
                ue.start()
                self.wait(lambda: int(ue.stat) == stat, _ATTACH_S)
            self.network.coverage(stat in (0, 2))

    def sleep(self) -> bool:
        """Let the module fall into deep sleep; False if it does not."""
        self.at('AT+CPSMS=1,,,"01000001","00000001"')
        return self.wait(lambda: self.modem.power.mode is Mode.DEEP_SLEEP, 180.0)

    def signal_unknown(self) -> None:
        """No strength of a signal has been measured yet."""
        self.modem.faults.no_signal = True

    def say(self, data: bytes) -> bool:
        """The peer of the last open socket sends `data`; False if there is none."""
        live = self.peer.live()
        if live is None:
            return False
        live.say(data)
        return True

    def live(self) -> PeerFlow | PeerPipe | None:
        """The other end of the last open socket."""
        return self.peer.live()

    # Player's side

    def send(self, text: str) -> None:
        """Type a command with its line end, or give bytes to a module that waits for them as they are."""
        if self.modem.power.mode is Mode.LIGHT_SLEEP:  # as everybody learns: the first command of a nap is lost
            self.modem.rx(b"AT\r")
            self.advance(0.5)
            self.forget()
        data = text.encode("latin-1", "replace")
        mode = self.modem.data_mode
        if mode is not None and mode.length is not None:
            data = data[:mode.length].ljust(mode.length)  # what a log shows of payload may be typeset
        elif mode is not None and data[-1:] not in (mode.ends[:1], b"\x1b"):
            # The character that ends it is rarely printed; a command that became payload was typed with its line end.
            data += (b"\r\n" if data[:2].upper() == b"AT" else b"") + mode.ends[:1]
        waits = mode is not None or text == "+++"
        self.modem.rx(data if waits or text.endswith(("\r", "\n")) else data + b"\r")

    def type_payload(self) -> None:
        """Behind a prompt whose data the log does not show: as many bytes as are asked for."""
        self.wait(lambda: self.modem.in_data_mode, 2.0)
        mode = self.modem.data_mode
        if mode is not None:
            self.advance(0.6)
            self.modem.rx(b"x" * mode.length if mode.length is not None else b"hello" + mode.ends[:1])

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self.modem.rx(data)

    def heard(self) -> bytes:
        """All that was said and not forgotten."""
        return bytes(self._heard)

    def lines(self) -> list[str]:
        """The same, as lines without the empty ones; a prompt is a line."""
        text = self.heard().decode("latin-1")
        found = []
        for piece in re.split(r"[\r\n]+", text):
            if piece.startswith(("> ", "@ ")) and len(piece) > 2:
                found += [piece[:2], piece[2:]]
            elif piece:
                found.append(piece)
        return found

    def forget(self) -> None:
        """What was said is no longer of interest."""
        self._heard.clear()

    def _said(self, data: bytes) -> None:
        if not self._mute:
            self._heard += data


def _resolve(name: str) -> str:
    """A DNS that knows every name."""
    return name if re.fullmatch(r"[0-9.]+", name) else "198.51.100.7"


@contextmanager
def any_certificate() -> Iterator[None]:
    """Within it modules trust every server: the certificates in logs are placeholders."""
    with patch.object(tls, "make_context", trusting):
        yield
