"""Counts what happens in a run while it runs: a life's log is too long to be read again for each figure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from cellkit.inbox import Pack

Event = dict[str, Any]
_GONE = ("outbox_evicted", "outbox_unreadable")


class Records:
    """Every record of the device by its number: stored, acknowledged, given up; and what the server has."""

    def __init__(self) -> None:
        self.created = 0
        self.acknowledged = 0
        self.refused = 0
        self._waiting: set[int] = set()
        self._given_up: set[int] = set()
        self._accepted: set[int] = set()
        self._acked_unseen: set[int] = set()

    def stored(self, seq: int) -> None:
        """The device has put a record into its outbox."""
        self.created += 1
        self._waiting.add(seq)

    def refuse(self) -> None:
        """The device had no room for one."""
        self.created += 1
        self.refused += 1

    def accepted(self, pack: Pack) -> None:
        """The server has taken a record; its acknowledgement may still get lost."""
        if pack.seq is not None:
            self._accepted.add(pack.seq)

    def acked(self, seq: int) -> None:
        """The device knows that the server has it."""
        self.acknowledged += 1
        self._waiting.discard(seq)
        if seq not in self._accepted:
            self._acked_unseen.add(seq)  # a record deleted that the server never had
        self._accepted.discard(seq)

    def gone(self, seq: int) -> None:
        """The device has given a record up."""
        self._waiting.discard(seq)
        if seq not in self._accepted:
            self._given_up.add(seq)

    @property
    def waiting(self) -> int:
        """Records that are still on their way."""
        return len(self._waiting)

    @property
    def lost(self) -> int:
        """Records that will never reach the server."""
        return self.refused + len(self._given_up) + len(self._acked_unseen)


class Traffic:
    """What went over the air. A session is a connection in which the device sent something."""

    def __init__(self) -> None:
        self.sessions = 0
        self.ups = 0
        self.requests = 0
        self.request_bytes = 0
        self.response_bytes = 0
        self.granted: dict[str, float | None] = {}
        self._sent = False

    def network(self, event: Event) -> None:
        """Take an event of the network."""
        if event["ev"] == "rrc":
            self._sent = False
        elif event["ev"] == "up":
            self.ups += 1
            self.sessions += not self._sent
            self._sent = True
        elif event["ev"] in ("attach", "tau"):
            self.granted = {key: event[key] for key in ("t3324_s", "t3412_s", "edrx_s")}

    def server(self, event: Event) -> None:
        """Take an event of the server."""
        if event["ev"] == "request":
            self.requests += 1
            self.request_bytes += event["bytes"]
        elif event["ev"] == "response":
            self.response_bytes += event["bytes"]


class Tally:
    """Subscribes to the event log. Latencies in seconds; on_s: how long each output of the MCU was high."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.records = Records()
        self.traffic = Traffic()
        self.events: Counter[str] = Counter()
        self.sirens = 0
        self.ack_latency_s: list[float] = []
        self.alarm_latency_s: list[float] = []
        self.on_s: defaultdict[str, float] = defaultdict(float)
        self.ledger: Event | None = None
        self.runtime: Event | None = None
        self._now = now
        self._high: dict[str, float] = {}
        self._fires: dict[int, float] = {}  # when a fire was stored, by its number

    def __call__(self, event: Event) -> None:
        """Take one event."""
        src = event["src"]
        if src == "mcu":
            if event["ev"] == "trace":
                self._trace(event["data"], event["t"])
            elif event["ev"] == "pin":
                self._pin(event["pin"], event["value"], event["t"])
            else:
                self.events[f"mcu {event['ev']}"] += 1
        elif src == "server":
            self.traffic.server(event)
        elif src == "net":
            self.traffic.network(event)
            self.events[f"net {event['ev']} {event.get('why', '')}".strip()] += 1
        elif src == "bench" or (src == "modem" and event["ev"] in ("reset", "boot")):
            self.events[f"{src} {event['ev']}"] += 1

    def _trace(self, data: Event, t_s: float) -> None:
        name = data.get("ev")
        if name == "record":
            self.records.stored(data["seq"])
            if data["prio"] == 0:
                self._fires[data["seq"]] = t_s
        elif name == "uplink_ack":
            self.records.acked(data["seq"])
            self.ack_latency_s.append(data["latency_ms"] / 1000)
            if data["seq"] in self._fires:
                self.alarm_latency_s.append(t_s - self._fires.pop(data["seq"]))
        elif name == "outbox_refused":
            self.records.refuse()
        elif name in _GONE:
            self.records.gone(data["seq"])
        elif name == "siren":
            self.sirens += bool(data["on"])
        elif name == "ledger":
            self.ledger = data
        elif name == "boot":
            self.runtime = data.get("runtime")
        self.events[f"device {name}"] += 1

    def _pin(self, name: str, value: int, t_s: float) -> None:
        began_s = self._high.pop(name, None)
        if began_s is not None:
            self.on_s[name] += t_s - began_s
        if value:
            self._high[name] = t_s

    def outputs_on_s(self) -> dict[str, float]:
        """Seconds that each output has been high, those that are high now included."""
        on = defaultdict(float, self.on_s)
        for name, began_s in self._high.items():
            on[name] += self._now() - began_s
        return dict(on)
