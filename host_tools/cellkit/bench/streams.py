"""TCP connections of a device: segments over the air, each tried again until it is through or patience ends.

Simplified: one segment a time is on its way down, acknowledgements cost no time on air, and all retransmissions wait
as RFC 6298 has it for a connection that knows nothing of its peer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.clock import Handle
from cellkit.bench.gateway import Pipe

if TYPE_CHECKING:
    from cellkit.bench.network import Network, Session, Ue

SEGMENT_BYTES = 1360  # usual maximum segment size of a cellular bearer of 1400 bytes
_RTO_S = 3.0
_LONGEST_RTO_S = 60.0
_SYN_TRIES = 5
_TRIES = 8

Deliver = Callable[[bytes], object]


class Stream:
    """One connection. on_open(outcome): `ok`, `refused`, `timeout`; on_closed(why): `closed`, `reset`, `timeout`."""

    def __init__(
        self, network: Network, session: Session, ue: Ue, number: int, address: tuple[str, int],
        on_open: Callable[[str], object], on_data: Deliver, on_closed: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._network = network
        self._clock = network.clock
        self._session = session
        self._ue = ue
        self._number = number
        self._address = address
        self._on_open = on_open
        self._on_data = on_data
        self._on_closed = on_closed
        self._pipe: Pipe | None = None
        self._up: deque[tuple[bytes, Callable[[], object]]] = deque()
        self._down: deque[tuple[bytes, Deliver]] = deque()
        self._sending = self._receiving = False
        self._up_tries = self._down_tries = 0
        self._opening = True
        self._finishing = False  # the device has closed; what it has sent before still goes out
        self._gone = False
        self._timers: list[Handle] = []
        self._up.append((b"", self._dial))
        self._push()

    @property
    def peer(self) -> str:
        """Address and port for the log."""
        return f"{self._address[0]}:{self._address[1]}"

    # The device's side

    def send(self, data: bytes, acked: Callable[[int], object]) -> None:
        """Carry `data` in order; `acked(count)` when the peer's host has acknowledged so many more of its bytes."""
        for start in range(0, len(data), SEGMENT_BYTES):
            piece = data[start:start + SEGMENT_BYTES]
            self._up.append((piece, self._carried(piece, acked)))
        self._push()

    def finish(self) -> None:
        """The device closes: after what it has sent. Nothing is told to it any more."""
        if not self._finishing:
            self._finishing = True
            self._up.append((b"", lambda: self._later(self._up_s, self.kill)))
            self._push()

    def kill(self) -> None:
        """All is over at once: reset of the device, or the end of `finish`."""
        self._gone = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        self._session.stream_ended(self._number)

    # Up

    @property
    def _up_s(self) -> float:
        return self._network.radio.network.up_s

    def _later(self, delay_s: float, fn: Callable[..., object], *args: object) -> None:
        self._timers = self._timers[-16:]  # those before are long over
        self._timers.append(self._clock.call_later(delay_s, fn, *args))

    def _push(self) -> None:
        if not self._sending and self._up and not self._gone:
            self._sending = True
            self._ue.transmit(len(self._up[0][0]), self._transmitted)

    def _transmitted(self, ok: bool) -> None:
        if self._gone:
            return
        self._sending = False
        why = self._network.blocked() if ok else "no connection"
        if not self._network.covered():
            why = "no coverage"
        data, through = self._up[0]
        if why is None:
            self._up_tries = 0
            self._up.popleft()
            self._network.log.emit("net", "up", bytes=len(data), peer=self.peer, latency_s=self._up_s)
            through()
            self._push()
            return
        self._network.log.emit("net", "drop", why=why, bytes=len(data), peer=self.peer, way="up")
        self._up_tries += 1
        if self._up_tries < (_SYN_TRIES if self._opening else _TRIES):
            self._sending = True  # until then
            self._later(_rto_s(self._up_tries), self._push_again)
        else:
            self._give_up()

    def _push_again(self) -> None:
        self._sending = False
        self._push()

    def _give_up(self) -> None:
        told = self._on_open if self._opening else self._on_closed
        silent = self._finishing
        self.kill()
        if not silent:
            told("timeout")

    def _carried(self, data: bytes, acked: Callable[[int], object]) -> Callable[[], object]:
        return lambda: self._later(self._up_s, self._arrived, data, acked)

    def _arrived(self, data: bytes, acked: Callable[[int], object]) -> None:
        if self._pipe is None:
            self.ended("reset")
            return
        self._pipe.send(data, more=bool(self._up))
        self._later(self._network.radio.network.down_s, acked, len(data))

    def _dial(self) -> None:
        self._later(self._up_s, self._dial_now)

    def _dial_now(self) -> None:
        pipe = self._network.gateway.connect(*self._address, self)
        if self._gone:
            pipe.close()
            return
        self._pipe = pipe
        self._look_later()

    def _look_later(self) -> None:
        look_s = self._network.gateway.look_s
        if look_s and self._pipe is not None:
            self._later(look_s, self._look)

    def _look(self) -> None:
        if self._pipe is not None:
            self._pipe.look()
            self._look_later()

    # The server's side

    def opened(self, outcome: str) -> None:
        """The server has answered the attempt to connect, or its host has."""
        self._queue(b"", lambda _: self._opened(outcome))

    def came(self, data: bytes) -> None:
        """The server has sent something."""
        for start in range(0, len(data), SEGMENT_BYTES):
            self._queue(data[start:start + SEGMENT_BYTES], self._on_data)

    def ended(self, why: str) -> None:
        """The server has closed, or its host has torn the connection down."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        self._queue(b"", lambda _: self._ended(why))

    def _opened(self, outcome: str) -> None:
        self._opening = False
        if outcome != "ok":
            self.kill()
        self._on_open(outcome)

    def _ended(self, why: str) -> None:
        self.kill()
        self._on_closed(why)

    # Down

    def _queue(self, data: bytes, deliver: Deliver) -> None:
        self._down.append((data, deliver))
        self._pull()

    def _pull(self) -> None:
        if self._receiving or not self._down or self._gone:
            return
        self._receiving = True
        why = self._session.refuses()
        if why is None:
            self._session.hold(self._number, self._down[0][0])
        else:
            self.lost(why)

    def over_the_air(self, data: bytes) -> None:
        """The segment that was on its way has reached the device."""
        self._receiving = False
        self._down_tries = 0
        _, deliver = self._down.popleft()
        if not self._finishing:
            deliver(data)
        self._pull()

    def lost(self, why: str) -> None:
        """The segment on its way has got lost: the server's host tries again, for a while."""
        data = self._down[0][0]
        self._network.log.emit("net", "drop", why=why, bytes=len(data), peer=self.peer, way="down")
        self._down_tries += 1
        if self._down_tries >= _TRIES:
            self._down.clear()
            if self._pipe is not None:
                self._pipe.close()  # the device learns of it when it sends next
                self._pipe = None
            return
        self._later(_rto_s(self._down_tries), self._pull_again)

    def _pull_again(self) -> None:
        self._receiving = False
        self._pull()


def _rto_s(tries: int) -> float:
    return min(_RTO_S * 2.0 ** (tries - 1), _LONGEST_RTO_S)
