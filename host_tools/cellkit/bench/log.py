"""The one event log of a run: JSON lines on disk, and subscribers while it runs."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cellkit.bench.clock import Clock

Event = dict[str, Any]

# Commands whose arguments are secrets: PINs, PUKs, passwords of an APN, a broker or a server, keys in the command.
_SECRET = re.compile(
    r"([+#%^](?:CPIN|CPWD|CLCK|CGAUTH|XCGAUTH|QCGDEFCONT|QICSGP|UAUTHREQ|SAPBR|CSTT|QMTCONN|CMQTTCONNECT|CMQCON|UMQTT"
    r"|SQNSMQTTCFG|XMQTTCON|MCONFIG|MQTTCONN|MQTTUSER|QFTPCFG|CMNG|XCMNG|SMCONF\s*=\s*\"(?:PASSWORD|USERNAME)\"|"
    r"MQTTCFG\s*=\s*\"?(?:user|pass)\w*\"?)\s*[=,])(?!\?)[^\r\n]*",
    re.IGNORECASE,
)
_KEY_END = "-----END"
# A header that is cut off may be that of a key.
_KEY = re.compile(r"(-----BEGIN(?: [A-Z ]*PRIVATE KEY-----|[A-Z ]*-*\Z)).*?(?=-----END|\Z)", re.DOTALL)


def mask_secrets(text: str) -> str:
    """`text` with the arguments of commands that carry a PIN or a password, and private keys, replaced by `***`."""
    return _KEY.sub(r"\1***", _SECRET.sub(r"\1***", text))


@contextmanager
def alone(folder: Path, otherwise: str) -> Iterator[None]:
    """Have a run's folder to oneself: two runs in it would mix their logs. Raises OSError that says `otherwise`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(errno.EWOULDBLOCK, otherwise) from None
        yield
    finally:
        os.close(handle)


_to_json = json.JSONEncoder(ensure_ascii=False).encode


class EventLog:
    """Events in order of time: in memory, at the subscribers, and (with a path) as one JSON object a line.

    Every line is flushed, so that a killed run leaves a log that can be read. With `keep` False, for runs of years,
    `events` stays empty and, unless `at_once` asks for it, lines are written in larger pieces. Raises OSError if it
    cannot be written.
    """

    def __init__(self, path: Path | None, clock: Clock, keep: bool = True, at_once: bool = False) -> None:
        self.events: list[Event] = []
        self._clock = clock
        self._keep = keep
        self._subscribers: list[Callable[[Event], object]] = []
        self._in_key: dict[str, str] = {}  # source and event whose last data ended inside a private key: the last of it
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", buffering=1 if keep or at_once else -1)

    def emit(self, src: str, ev: str, **fields: Any) -> None:
        """Record event `ev` of `src` now. A text in `data` is cleared of secrets first."""
        if isinstance(fields.get("data"), str):
            fields["data"] = self._masked(f"{src} {ev}", fields["data"])
        event: Event = {"t": round(self._clock.now(), 6), "src": src, "ev": ev, **fields}
        if self._keep:
            self.events.append(event)
        if self._file is not None:
            self._file.write(_to_json(event) + "\n")  # line buffered, or not, as opened
        for subscriber in list(self._subscribers):
            subscriber(event)

    def _masked(self, source: str, data: str) -> str:
        """Without secrets, also where a key comes in pieces."""
        if source in self._in_key:
            data = self._in_key.pop(source) + data
            end = data.find(_KEY_END)
            if end < 0:
                self._in_key[source] = data[1 - len(_KEY_END):]
                return "***"
            data = "***" + data[end:]
        keys = list(_KEY.finditer(data))
        if keys and _KEY_END not in data[keys[-1].end():]:
            self._in_key[source] = data[1 - len(_KEY_END):]
        return mask_secrets(data)

    def subscribe(self, fn: Callable[[Event], object]) -> Callable[[], None]:
        """Have `fn(event)` called for every event from now on; returns what ends it."""
        self._subscribers.append(fn)

        def unsubscribe() -> None:
            if fn in self._subscribers:
                self._subscribers.remove(fn)

        return unsubscribe

    def each(self, src: str, ev: str) -> list[Event]:
        """The events of one kind so far."""
        return [event for event in self.events if event["src"] == src and event["ev"] == ev]

    def close(self) -> None:
        """Close the file; later events stay in memory only."""
        if self._file is not None:
            self._file.close()
            self._file = None
