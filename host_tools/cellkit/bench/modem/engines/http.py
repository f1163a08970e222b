"""The HTTP client inside a module, over its own sockets. A redirect is an answer like any other, not followed.

    client = HttpClient(links)
    client.request("GET", "https://server.test/x", [("Range", "bytes=0-9")], b"", tls, done)

`done` gets a Response, or a Failure that says how far it came. It is not called before `request` has returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import h11

from cellkit.bench.modem.engines.links import OPEN_S, Link, Links
from cellkit.bench.modem.engines.tls import TlsSettings

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Response:
    """What the server answered. `headers` in order and as written; `head`: status line and headers as on the wire."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    head: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name in any case, None if there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Failure:
    """Why there is no answer. `why`: an outcome of `Links.open`, or `url`, `closed`, `protocol`, `response timeout`."""

    why: str
    detail: str = ""
    """More of it where there is: the reason of `tls`."""


Done = Callable[[Response | Failure], object]


@dataclass(frozen=True)
class Target:
    """A URL taken apart."""

    secure: bool
    host: str
    port: int
    path: str

    @staticmethod
    def parse(url: str) -> Target | None:
        """Of `http://` or `https://`; None if it is neither."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(parts.scheme == "https", parts.hostname, port or (443 if parts.scheme == "https" else 80), path)

    @property
    def authority(self) -> str:
        """For the Host header."""
        return self.host if self.port == (443 if self.secure else 80) else f"{self.host}:{self.port}"


class HttpClient:
    """One client. It keeps its connection for the next request to the same server as long as the server does."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._modem = links.modem
        self.connect_timeout_s = OPEN_S
        self.response_timeout_s = 60.0
        self.on_closed: Callable[[str], object] = lambda why: None
        """The server has ended a connection that no request was using."""
        self._link: Link | None = None
        self._target: Target | None = None
        self._exchange: _Exchange | None = None
        self._state: Literal["closed", "opening", "open"] = "closed"

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return self._exchange is not None

    @property
    def connected(self) -> bool:
        """Whether a connection is open."""
        return self._state == "open"

    def connect(self, url: str, tls: TlsSettings | None, done: Callable[[str], object]) -> None:
        """Open a connection and keep it, where a module has a command of its own for it; `done(outcome)`."""
        target = Target.parse(url)
        if target is None:
            self._modem.later(0.0, done, "url")
            return
        self._open(target, tls, done)

    def request(
        self, method: str, url: str, headers: Headers, body: bytes, tls: TlsSettings | None, done: Done
    ) -> None:
        """One request. Host and Content-Length are added where missing, nothing else. One at a time: ValueError."""
        if self._exchange is not None:
            raise ValueError("a request is under way")
        target = Target.parse(url)
        if target is None:
            self._modem.later(0.0, done, Failure("url"))
            return
        exchange = self._exchange = _Exchange(self, method, target, headers, body, done)
        if self._state == "open" and self._target is not None and self._same_server(target):
            self._begin(exchange)
            return
        self._open(target, tls, lambda outcome: self._opened(exchange, outcome))

    def close(self) -> None:
        """End the connection; a request that waits is told nothing."""
        link, self._link = self._link, None
        self._exchange = self._target = None
        self._state = "closed"
        if link is not None:
            link.close()

    def forget(self) -> None:
        """Reset or power cut: everything is gone without a word. It comes by itself."""
        self._link = self._exchange = self._target = None
        self._state = "closed"

    def _same_server(self, target: Target) -> bool:
        mine = self._target
        return mine is not None and (mine.secure, mine.host, mine.port) == (target.secure, target.host, target.port)

    def _open(self, target: Target, tls: TlsSettings | None, done: Callable[[str], object]) -> None:
        exchange = self._exchange
        self.close()
        self._exchange, self._target, self._state = exchange, target, "opening"
        number = self._links.free_own()

        def opened(outcome: str) -> None:
            if self._link is link:
                self._state = "open" if outcome == "ok" else "closed"
                done(outcome)

        kind: Literal["tls", "tcp"] = "tls" if target.secure else "tcp"
        link = self._links.open(
            number, kind, target.host, target.port, opened, tls if target.secure else None,
            timeout_s=self.connect_timeout_s,
        )  # fmt: skip
        self._link = link
        link.on_data = self._came
        link.on_closed = self._closed
        link.on_forgotten = self.forget

    def _opened(self, exchange: _Exchange, outcome: str) -> None:
        if self._exchange is not exchange:
            return
        if outcome == "ok":
            self._begin(exchange)
        else:
            why = self._link.why if self._link is not None and outcome == "tls" else ""
            self._end(exchange, Failure(outcome, why), keep=False)

    def _begin(self, exchange: _Exchange) -> None:
        if self._link is not None:
            self._link.send(exchange.wire())
            self._modem.later(self.response_timeout_s, self._overdue, exchange)

    def _overdue(self, exchange: _Exchange) -> None:
        if self._exchange is exchange:
            self._end(exchange, Failure("response timeout"), keep=False)

    def _came(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is not None:
            exchange.feed(data)

    def _closed(self, why: str) -> None:
        exchange = self._exchange
        if exchange is None:
            self.close()
            self.on_closed(why)
        else:
            exchange.feed(b"")  # where no length was given, the end of the connection is that of the body
            if self._exchange is exchange:
                self._end(exchange, Failure("no bearer" if why == "no bearer" else "closed", why), keep=False)

    def ended(self, exchange: _Exchange, result: Response | Failure, keep: bool) -> None:
        """For the exchange itself."""
        if self._exchange is exchange:
            self._end(exchange, result, keep)

    def _end(self, exchange: _Exchange, result: Response | Failure, keep: bool) -> None:
        self._exchange = None
        if not keep:
            self.close()
        exchange.done(result)


class _Exchange:
    def __init__(
        self, client: HttpClient, method: str, target: Target, headers: Headers, body: bytes, done: Done
    ) -> None:
        self._client = client
        self._method = method
        self._target = target
        self._headers = list(headers)
        self._content = body
        self._http = h11.Connection(h11.CLIENT)
        self._response: h11.Response | None = None
        self._body = bytearray()
        self.done = done

    def wire(self) -> bytes:
        """The request as bytes."""
        given = {name.lower() for name, _ in self._headers}
        headers = self._headers
        if "host" not in given:
            headers = [("Host", self._target.authority), *headers]
        if self._content and not given & {"content-length", "transfer-encoding"}:
            headers = [*headers, ("Content-Length", str(len(self._content)))]
        head = f"{self._method} {self._target.path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        # Written here, so that the server gets what the host has given, wrong headers too; h11 reads the answer.
        known = [(name, value) for name, value in self._headers if name.lower() == "connection"]
        self._http.send(h11.Request(method=self._method, target="/", headers=[("Host", "x"), *known]))
        self._http.send(h11.EndOfMessage())
        return head.encode("latin-1") + self._content

    def feed(self, data: bytes) -> None:
        """Bytes of the server; empty at its end."""
        try:
            self._http.receive_data(data)
            self._events()
        except h11.RemoteProtocolError as error:
            self._client.ended(self, Failure("protocol", str(error)), keep=False)

    def _events(self) -> None:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                self._response = event
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._finish()
                return
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return

    def _finish(self) -> None:
        response = self._response
        if response is None:
            return
        items = response.headers.raw_items()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in items]
        reason = bytes(response.reason).decode("latin-1")
        version = bytes(response.http_version).decode("latin-1")
        head = f"HTTP/{version} {response.status_code} {reason}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        result = Response(response.status_code, reason, headers, bytes(self._body), head.encode("latin-1"))
        self._client.ended(self, result, keep=self._http.their_state is not h11.MUST_CLOSE)
