"""Ways out of the network in virtual time: a CoAP server in the process, or a real one while time stands still."""

from __future__ import annotations

import contextlib
import select
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import aiocoap  # type: ignore[import-untyped]

from cellkit.bench.clock import Clock
from cellkit.bench.gateway import Flow, Pipe, PipeEvents
from cellkit.inbox import Inbox, Pack

_REMEMBERED = 16  # answers by message id: a retransmission gets the same again (RFC 7252 section 4.5)
_ANSWER_S = 2.0  # of wall time that a real server may take
_SILENT_S = 0.1  # the same for one that has said nothing several times
_SILENT_TIMES = 3
_QUIET_S = 0.02  # of wall time after an answer: what else it says at once belongs to it
_MAX_DATAGRAM = 65536
_LOOK_S = 1.0  # of virtual time between looks at what a real server says by itself


class CoapGateway:
    """A server in the process: every address and port is it. `server_s`: its time to answer, in virtual seconds."""

    look_s = 0.0

    def __init__(self, clock: Clock, inbox: Inbox, server_s: float = 0.005) -> None:
        self._clock = clock
        self._inbox = inbox
        self._server_s = server_s
        self._next_mid = 1

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> Flow:
        """Start a flow; the address does not matter."""
        return _CoapFlow(self, on_data)

    def connect(self, host: str, port: int, events: PipeEvents) -> Pipe:
        """Nobody listens on TCP here."""
        events.opened("refused")
        return _ClosedPipe()

    def answer(self, data: bytes) -> bytes | None:
        """The answer to one datagram, None where there is none."""
        try:
            request = aiocoap.Message.decode(data)
        except aiocoap.error.UnparsableMessage:
            return None
        if request.mtype is not aiocoap.CON or not request.code.is_request():
            return None
        path = "/" + "/".join(request.opt.uri_path)
        found = self._inbox.read(
            str(request.code), path, request.opt.content_format, request.opt.uri_query, request.payload
        )
        if isinstance(found, Pack):
            found = self._inbox.accept(found)
        major, minor = found.code.split(".")
        reply = aiocoap.Message(
            code=aiocoap.Code((int(major) << 5) + int(minor)), payload=found.payload, _mtype=aiocoap.ACK,
            _mid=request.mid, _token=request.token,
        )  # fmt: skip
        encoded: bytes = reply.encode()
        return encoded

    def later(self, fn: Callable[..., object], *args: Any) -> None:
        """After the server's own time."""
        self._clock.call_later(self._server_s, fn, *args)


class _CoapFlow:
    def __init__(self, gateway: CoapGateway, on_data: Callable[[bytes], object]) -> None:
        self._gateway = gateway
        self._on_data = on_data
        self._answers: OrderedDict[bytes, bytes | None] = OrderedDict()
        self._open = True

    def send(self, data: bytes) -> bool:
        key = data[2:4]  # the message id
        if key not in self._answers:
            self._answers[key] = self._gateway.answer(data)
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        reply = self._answers[key]
        if reply is not None:
            self._gateway.later(self._deliver, reply)
        return True

    def _deliver(self, reply: bytes) -> None:
        if self._open:
            self._on_data(reply)

    def close(self) -> None:
        self._open = False


class _ClosedPipe:
    def send(self, data: bytes, more: bool) -> None:
        pass

    def look(self) -> None:
        pass

    def close(self) -> None:
        pass


class StandstillGateway:
    """Real servers: virtual time stands still until they have answered, or for 2 s of wall time without an answer.

    A server that has been silent three times in a row gets 0.1 s from then on, until it answers.
    """

    look_s = _LOOK_S

    def __init__(self) -> None:
        self.silent = 0  # times in a row

    def answer_s(self) -> float:
        """Seconds of wall time to wait for the next answer; one that does not come is counted by the caller."""
        return _ANSWER_S if self.silent < _SILENT_TIMES else _SILENT_S

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> Flow:
        """Start a flow to `host` (an IP address) and `port`. Raises OSError."""
        return _StandstillFlow(self, host, port, on_data)

    def connect(self, host: str, port: int, events: PipeEvents) -> Pipe:
        """Start a TCP connection to `host` (an IP address) and `port`, within 2 s of wall time."""
        return _StandstillPipe(self, host, port, events)


class _StandstillFlow:
    def __init__(
        self, gateway: StandstillGateway, host: str, port: int, on_data: Callable[[bytes], object]
    ) -> None:
        self._gateway = gateway
        self._on_data = on_data
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.connect((host, port))
        except OSError:
            self._socket.close()
            raise

    def send(self, data: bytes) -> bool:
        try:
            self._socket.send(data)
        except OSError:
            return False
        gateway = self._gateway
        wait_s = gateway.answer_s()
        gateway.silent += 1
        while select.select([self._socket], [], [], wait_s)[0]:
            with contextlib.suppress(OSError):  # ICMP port unreachable: a device behind a cell never learns of it
                self._on_data(self._socket.recv(_MAX_DATAGRAM))
                gateway.silent = 0
            wait_s = _QUIET_S
        return True

    def close(self) -> None:
        self._socket.close()


class _StandstillPipe:
    def __init__(self, gateway: StandstillGateway, host: str, port: int, events: PipeEvents) -> None:
        self._gateway = gateway
        self._events = events
        self._socket: socket.socket | None = None
        try:
            self._socket = socket.create_connection((host, port), _ANSWER_S)
        except ConnectionError:
            events.opened("refused")
        except OSError:  # no route, or the time is over
            events.opened("timeout")
        else:
            events.opened("ok")
            self._take(_QUIET_S)  # some servers speak first

    def send(self, data: bytes, more: bool) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendall(data)
        except OSError:
            self._end("reset")
            return
        if not more:
            wait_s = self._gateway.answer_s()
            self._gateway.silent += 1
            self._take(wait_s)

    def look(self) -> None:
        self._take(0.0)

    def _take(self, wait_s: float) -> None:
        """All that comes within `wait_s`, and what follows it at once."""
        while self._socket is not None and select.select([self._socket], [], [], wait_s)[0]:
            try:
                data = self._socket.recv(_MAX_DATAGRAM)
            except OSError:
                self._end("reset")
                return
            self._gateway.silent = 0
            if not data:
                self._end("closed")
                return
            self._events.came(data)
            wait_s = _QUIET_S

    def _end(self, why: str) -> None:
        self.close()
        self._events.ended(why)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
