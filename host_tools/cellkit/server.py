"""The server a device reports to: CoAP over UDP on loopback, for the demo and for tests.

It takes SenML packs in CBOR (RFC 8428, content format 112) by POST or PUT on any path, writes what it does to the
bench's event log and answers 2.04. A record's number comes as Uri-Query `seq=<number>`; (base name, number) names it
for ever, so that one which arrives twice, as after a lost acknowledgement, counts once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from dataclasses import dataclass
from typing import Any

import aiocoap  # type: ignore[import-untyped]
import aiocoap.resource  # type: ignore[import-untyped]
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
    records = []
    for row in rows:
        if not isinstance(row, dict):
            raise PackError(f"expected a map for each SenML record, got {type(row).__name__}")
        fields = {_LABELS.get(key, str(key)): value for key, value in row.items()}
        base_name = _typed(fields, "bn", str, base_name)
        base_time_s = _typed(fields, "bt", float, base_time_s)
        base_unit = _typed(fields, "bu", str, base_unit)
        value = next((fields[key] for key in _VALUES if key in fields), None)
        if isinstance(value, bytes):
            value = value.hex()
        elif not isinstance(value, (str, bool, int, float, type(None))) or value != value:
            raise PackError(f"expected a number, text, flag or bytes as value, got {type(value).__name__}")
        record = {"name": _typed(fields, "n", str, ""), "value": value}
        if unit := _typed(fields, "u", str, base_unit):
            record["unit"] = unit
        if "t" in fields or base_time_s:
            record["time_s"] = base_time_s + _typed(fields, "t", float, 0.0)
        records.append(record)
    return Pack(base_name, tuple(records), seq)


def _seq(queries: tuple[str, ...]) -> int | None:
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


class AlarmServer:
    """An async context manager; inside it `port` is open on `host`. Raises OSError when it cannot listen.

    What a test may set at any time:
    answer: the code every good request gets instead of 2.04, as "5.03"; None is 2.04.
    delay_s: seconds before the answer. From 0.1 s on, CoAP acknowledges first and answers separately.
    downlink: payload of the next 2.04, sent once.
    """

    def __init__(self, log: EventLog, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self.answer: str | None = None
        self.delay_s = 0.0
        self.downlink: bytes | None = None
        self.packs: list[Pack] = []
        self.duplicates = 0
        self._log = log
        self._seen: set[tuple[str, int]] = set()
        self._context: Any = None
        self._deaf: socket.socket | None = None

    async def __aenter__(self) -> AlarmServer:
        # Holding the port while CoAP opens its own socket on it leaves no moment in which another could take it.
        with _socket(self.host, 0) as placeholder:
            self.port = placeholder.getsockname()[1]
            await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()
        if self._deaf:
            self._deaf.close()

    async def fall_silent(self) -> None:
        """From now on nothing is heard or answered, not even refused: as behind a dead link."""
        if self._deaf is None:
            self._deaf = _socket(self.host, self.port)
            await self._close()

    async def resume(self) -> None:
        """Ends `fall_silent`. What CoAP knew of message ids is gone, what was accepted is not."""
        if self._deaf is not None:
            await self._open()
            self._deaf.close()
            self._deaf = None

    async def _open(self) -> None:
        # The plain IPv4 socket: the default one needs IPv6, which containers often lack.
        self._context = await aiocoap.Context.create_server_context(
            _Root(self), bind=(self.host, self.port), transports=["simplesocketserver"]
        )

    async def _close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(context.shutdown(), 2)

    async def handle(self, request: Any) -> Any:
        """Answer one request (an `aiocoap.Message`), and log both."""
        path = "/" + "/".join(request.opt.uri_path)
        entry: dict[str, Any] = {"code": str(request.code), "path": path, "bytes": len(request.payload)}
        if request.opt.content_format not in _ANY_BINARY:
            self._log.emit("server", "request", **entry)
            return self._respond(aiocoap.UNSUPPORTED_CONTENT_FORMAT, b"expected SenML in CBOR, content format 112")
        try:
            pack = decode_pack(request.payload, _seq(request.opt.uri_query))
        except PackError as error:
            self._log.emit("server", "request", **entry, error=str(error))
            return self._respond(aiocoap.BAD_REQUEST, str(error).encode()[:200])
        key = (pack.base_name, pack.seq) if pack.seq is not None else None
        entry |= {"records": list(pack.records), "base_name": pack.base_name, "seq": pack.seq}
        self._log.emit("server", "request", **entry, duplicate=key in self._seen)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.answer is not None:
            return self._respond(_code(self.answer), b"", pack)
        if key in self._seen:
            self.duplicates += 1
        else:
            self.packs.append(pack)
        if key:
            self._seen.add(key)
        downlink, self.downlink = self.downlink or b"", None
        return self._respond(aiocoap.CHANGED, downlink, pack)

    def _respond(self, code: Any, payload: bytes, pack: Pack | None = None) -> Any:
        about = {} if pack is None else {"base_name": pack.base_name, "seq": pack.seq}
        self._log.emit("server", "response", code=code.dotted, bytes=len(payload), **about)
        return aiocoap.Message(code=code, payload=payload)


class _Root(aiocoap.resource.Resource):  # type: ignore[misc]  # aiocoap has no types
    """Every path of the server."""

    def __init__(self, server: AlarmServer) -> None:
        super().__init__()
        self._server = server

    async def render_post(self, request: Any) -> Any:
        return await self._server.handle(request)

    render_put = render_post


def _code(dotted: str) -> Any:
    major, minor = dotted.split(".")
    return aiocoap.Code((int(major) << 5) + int(minor))


def _socket(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
