"""Counts what happens in a run while it runs: a life's log is too long to be read again for each figure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from cellkit.inbox import Pack
from cellkit.sim.sessions import ROUTINE, Sessions

Event = dict[str, Any]
_GONE = ("outbox_evicted", "outbox_unreadable")
_MOST_TROUBLE = 500  # remembered by time; all are counted
_TROUBLE = {  # events that a person who looks for trouble wants to see on a time line, and what tells more of them
    "bench": {"brown_out": "voltage_mv", "battery_empty": ""},
    "modem": {"reset": "cause"},
    "mcu": {"start": "cause", "exit": "code", "wdt": ""},
    "trace": {
        "clock_step": "step_s", "modem_recovery": "reason", "outbox_refused": "", "outbox_evicted": "seq",
        "outbox_unreadable": "seq", "record_lost": "error", "unexpected_wake": "after_s",
    },
}  # fmt: skip


class Records:
    """Every record of the device by its number: stored, acknowledged, given up; and what the server has.

    server_seen: whether `accepted` is told what the server takes; of a real one nothing but its answers is known.
    """

    def __init__(self, server_seen: bool = True) -> None:
        self._server_seen = server_seen
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
        if self._server_seen and seq not in self._accepted:
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
        elif event["ev"] == "up" or (event["ev"] == "drop" and event["way"] == "up"):
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
    """Subscribes to the event log. Latencies in seconds; on_s: how long each output of the MCU was high.

    latency_s: from storing a record to its acknowledgement, by priority; delayed_latency_s: of those that an attempt
    failed for, delayed counts them by priority. trouble: (seconds, name, more).
    """

    def __init__(self, now: Callable[[], float], server_seen: bool = True) -> None:
        self.records = Records(server_seen)
        self.traffic = Traffic()
        self.events: Counter[str] = Counter()
        self.sirens = 0
        self.ack_latency_s: list[float] = []
        self.delayed_latency_s: list[float] = []
        self.latency_s: defaultdict[int, list[float]] = defaultdict(list)
        self.delayed: Counter[int] = Counter()
        self.sessions = Sessions()
        self.trouble: list[tuple[float, str, str]] = []
        self.on_s: defaultdict[str, float] = defaultdict(float)
        self.ledger: Event | None = None
        self.runtime: Event | None = None
        self._now = now
        self._high: dict[str, float] = {}
        self._stored: dict[int, tuple[float, bool]] = {}  # when a record was, and whether sending failed just then
        self._failed_s: float | None = None  # the last failed attempt, None after one that did not

    def __call__(self, event: Event) -> None:
        """Take one event."""
        src, ev = event["src"], event["ev"]
        if src == "mcu":
            if ev == "trace":
                self._trace(event["data"], event["t"])
                return
            if ev == "pin":
                self._pin(event["pin"], event["value"], event["t"])
                return
            self.events[f"mcu {ev}"] += 1
        elif src == "server":
            self.traffic.server(event)
        elif src == "net":
            self.traffic.network(event)
            self.events[f"net {ev} {event.get('why', '')}".strip()] += 1
        elif src == "modem" and ev == "state":
            self.sessions.modem(event["t"], event["state"], event["current_ua"])
        elif src == "bench" or (src == "modem" and ev in ("reset", "boot")):
            self.events[f"{src} {ev}"] += 1
            if ev == "stimulus" and event.get("what") != "battery":
                self.sessions.reason(event["t"])
        self._note(src, event, event["t"])

    def _trace(self, data: Event, t_s: float) -> None:
        name = data.get("ev")
        if name == "record":
            self._record(data, t_s)
        elif name == "uplink_ack":
            self._ack(data, t_s)
        elif name == "uplink_failed":
            self._failed_s = t_s
            self.sessions.failed()
        elif name == "outbox_refused":
            self.records.refuse()
        elif name in _GONE:
            self.records.gone(data["seq"])
            self._stored.pop(data["seq"], None)
        elif name == "siren":
            self.sirens += bool(data["on"])
        elif name == "ledger":
            self.ledger = data
        elif name == "boot":
            self.runtime = data.get("runtime")
        self.events[f"device {name}"] += 1
        self._note("trace", data, t_s)

    def _record(self, data: Event, t_s: float) -> None:
        self.records.stored(data["seq"])
        self.sessions.reason(t_s)
        self._stored[data["seq"]] = (t_s, self._failed_s is not None)

    def _ack(self, data: Event, t_s: float) -> None:
        seq = data["seq"]
        self.records.acked(seq)
        self.sessions.acked(data["prio"])
        self.ack_latency_s.append(data["latency_ms"] / 1000)
        stored_s, failing = self._stored.pop(seq, (t_s, False))
        self.latency_s[data["prio"]].append(t_s - stored_s)
        if failing or (self._failed_s is not None and self._failed_s >= stored_s):
            self.delayed_latency_s.append(t_s - stored_s)
            self.delayed[data["prio"]] += 1
        if self._failed_s is not None and all(when_s > self._failed_s for when_s, _ in self._stored.values()):
            self._failed_s = None

    @property
    def alarm_priority(self) -> int | None:
        """The most urgent priority that was acknowledged, None when there was nothing but routine."""
        return min((prio for prio in self.latency_s if prio < ROUTINE), default=None)

    def _note(self, src: str, event: Event, t_s: float) -> None:
        name = event.get("ev")
        more = _TROUBLE.get(src, {}).get(name) if isinstance(name, str) else None
        if more is None or len(self.trouble) >= _MOST_TROUBLE or (name == "start" and event.get("cause") == "power_on"):
            return
        self.trouble.append((t_s, str(name), str(event.get(more, ""))))

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
