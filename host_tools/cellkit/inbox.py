"""What a server makes of a device's records, whatever carried them: SenML packs in CBOR (RFC 8428).

A record's number comes as Uri-Query `seq=<number>`; (base name, number) names it for ever, so that one which arrives
twice, as after a lost acknowledgement, counts once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cbor2

from cellkit.bench.log import EventLog

SENML_CBOR = 112
_ANY_BINARY = (None, 42, SENML_CBOR)  # none given, application/octet-stream, application/senml+cbor

# Labels of RFC 8428 table 4, with the names of its JSON form.
_LABELS = {-5: "bv", -4: "bu", -3: "bt", -2: "bn", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 6: "t", 8: "vd"}
_VALUES = ("v", "vs", "vb", "vd")


class PackError(ValueError):
    """A payload that is not a SenML pack in CBOR; the text says what was found instead."""


@dataclass(frozen=True)
class Pack:
    """A decoded SenML pack.

    base_name: the sender, as `urn:dev:imei:…:`, or "" when it gave none.
    records: one dict a record with `name` (without the base name), `value`, and `unit`, `time_s` where given.
    seq: the number it was sent under, None when it had none.
    """

    base_name: str
    records: tuple[dict[str, Any], ...]
    seq: int | None = None

    def value(self, name: str) -> Any:
        """The first value called `name`, None without one."""
        return next((r["value"] for r in self.records if r["name"] == name), None)


def decode_pack(payload: bytes, seq: int | None = None) -> Pack:
    """Read a SenML pack in CBOR that came under the number `seq`. Raises `PackError`."""
    try:
        rows = cbor2.loads(payload)
    except Exception as error:  # the decoder lets errors of its parts through, all of them mean "not CBOR"
        raise PackError(f"{len(payload)} bytes are not CBOR: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise PackError(f"expected a SenML array with at least one record, got {type(rows).__name__}")
    base_name, base_time_s, base_unit = "", 0.0, None
    base_value: int | float = 0
    records = []
    for row in rows:
        if not isinstance(row, dict):
            raise PackError(f"expected a map for each SenML record, got {type(row).__name__}")
        fields = {_LABELS.get(key, str(key)): value for key, value in row.items()}
        base_name = _typed(fields, "bn", str, base_name)
        base_time_s = _typed(fields, "bt", float, base_time_s)
        base_unit = _typed(fields, "bu", str, base_unit)
        if "bv" in fields:
            _typed(fields, "bv", float, 0.0)
            base_value = fields["bv"]  # an integer stays one
        value = next((fields[key] for key in _VALUES if key in fields), None)
        if isinstance(value, bytes):
            value = value.hex()
        elif not isinstance(value, (str, bool, int, float, type(None))) or value != value:
            raise PackError(f"expected a number, text, flag or bytes as value, got {type(value).__name__}")
        if base_value and "v" in fields and isinstance(value, (int, float)):
            value += base_value
        record = {"name": _typed(fields, "n", str, ""), "value": value}
        if unit := _typed(fields, "u", str, base_unit):
            record["unit"] = unit
        if "t" in fields or base_time_s:
            record["time_s"] = base_time_s + _typed(fields, "t", float, 0.0)
        records.append(record)
    return Pack(base_name, tuple(records), seq)


def _seq(queries: Sequence[str]) -> int | None:
    numbers = (text.removeprefix("seq=") for text in queries if text.startswith("seq="))
    return next((int(text) for text in numbers if text.isascii() and text.isdigit() and len(text) < 20), None)


def _typed(fields: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    if key not in fields:
        return default
    value = fields[key]
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if kind is float or not isinstance(value, kind):
        raise PackError(f"expected {kind.__name__} as SenML {key}, got {type(value).__name__}")
    return value


@dataclass(frozen=True)
class Answer:
    """`code` dotted as 2.04, `payload` for the device."""

    code: str
    payload: bytes = b""


class Inbox:
    """Takes requests, keeps what was accepted, and writes both to the event log.

    answer: the code that every good request gets instead of 2.04, as "5.03"; None is 2.04.
    downlink: payload of the next 2.04, sent once. on_pack: called with each accepted pack that is no duplicate.
    """

    def __init__(self, log: EventLog, on_pack: Callable[[Pack], object] | None = None) -> None:
        self.answer: str | None = None
        self.downlink: bytes | None = None
        self.duplicates = 0
        self._log = log
        self._on_pack = on_pack
        self._seen: set[tuple[str, int]] = set()

    def read(
        self, code: str, path: str, content_format: int | None, queries: Sequence[str], payload: bytes
    ) -> Pack | Answer:
        """Read a request and log it: the pack, or the answer that refuses it."""
        entry: dict[str, Any] = {"code": code, "path": path, "bytes": len(payload)}
        if content_format not in _ANY_BINARY:
            self._log.emit("server", "request", **entry)
            return self._refuse("4.15", b"expected SenML in CBOR, content format 112")
        try:
            pack = decode_pack(payload, _seq(queries))
        except PackError as error:
            self._log.emit("server", "request", **entry, error=str(error))
            return self._refuse("4.00", str(error).encode()[:200])
        entry |= {"records": list(pack.records), "base_name": pack.base_name, "seq": pack.seq}
        self._log.emit("server", "request", **entry, duplicate=self._key(pack) in self._seen)
        return pack

    def accept(self, pack: Pack) -> Answer:
        """Accept `pack`, or answer as `answer` says."""
        if self.answer is not None:
            return self._respond(self.answer, b"", pack)
        key = self._key(pack)
        if key in self._seen:
            self.duplicates += 1
        elif self._on_pack is not None:
            self._on_pack(pack)
        if key:
            self._seen.add(key)
        downlink, self.downlink = self.downlink or b"", None
        return self._respond("2.04", downlink, pack)

    @staticmethod
    def _key(pack: Pack) -> tuple[str, int] | None:
        return None if pack.seq is None else (pack.base_name, pack.seq)

    def _refuse(self, code: str, payload: bytes) -> Answer:
        self._log.emit("server", "response", code=code, bytes=len(payload))
        return Answer(code, payload)

    def _respond(self, code: str, payload: bytes, pack: Pack) -> Answer:
        self._log.emit("server", "response", code=code, bytes=len(payload), base_name=pack.base_name, seq=pack.seq)
        return Answer(code, payload)
