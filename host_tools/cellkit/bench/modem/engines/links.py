"""Sockets of a module: UDP, TCP and TLS over the virtual radio to real servers.

    links = Links(modem)
    link = links.open(0, "tcp", "server.test", 8080, done)      # done("ok") after DNS, radio and handshake
    link.on_data = lambda data: ...                             # else it gathers in link.buffer
    link.send(b"...", lambda ok: modem.urc("SEND OK" if ok else "SEND FAIL"))

Nothing here calls back before `open` or `send` has returned.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Literal

from cellkit.bench.modem.engines.host import Host
from cellkit.bench.modem.engines.tls import TlsClient, TlsFailure, TlsSettings

Kind = Literal["udp", "tcp", "tls"]
Outcome = Literal["ok", "no bearer", "dns", "refused", "timeout", "tls"]
Opened = Callable[[str], object]
"""Gets an Outcome; `link.why` says more where it is `tls`."""

OPEN_S = 75.0  # usual patience of a module's connect, (unverified) for each one
_DNS_GIVES_UP_S = 15.0  # (unverified)
_OWN = 1 << 16  # numbers from here are those of the module's own clients, MQTT and HTTP


def _nothing(*_: object) -> None:
    pass


class Link:
    """One socket. Its user sets `on_data`, `on_closed` and `on_acked`, and reads the other fields."""

    def __init__(
        self, links: Links, number: int, kind: Kind, host: str, port: int, local_port: int, tls: TlsSettings | None
    ) -> None:
        self._links = links
        self._modem = links.modem
        self.number = number
        self.kind = kind
        self.host = host
        self.port = port
        self.local_port = local_port
        self.tls = tls
        self.ip = ""
        self.state: Literal["opening", "open", "closed"] = "opening"
        """`closed`: by the peer, or broken; it stays in its table until `close`."""
        self.why = ""
        """Why it could not be opened or is closed."""
        self.sent = self.acked = self.received = 0
        self.progress = 0
        """TCP and TLS: bytes that the server's host has acknowledged, those of TLS itself too."""
        self.buffer = bytearray()
        """For families that let the host fetch data: what came and nobody has taken."""
        self.sender = ("", 0)
        """UDP: who sent what `on_data` gets now."""
        self.on_data: Callable[[bytes], object] = self.buffer.extend
        self.on_closed: Callable[[str], object] = _nothing
        """Called once with `closed`, `reset`, `timeout`, `tls` or `no bearer`; not after `close`."""
        self.on_acked: Callable[[], object] = _nothing
        """TCP and TLS: `acked` has grown."""
        self.on_forgotten: Callable[[], object] = _nothing
        """Reset or power cut: for clients inside the module."""
        self._done: Opened | None = None
        self._flows: dict[tuple[str, int], int] = {}
        self._stream: int | None = None
        self._client: TlsClient | None = None

    # For the family

    def send(self, data: bytes, done: Callable[[bool], object] | None = None, rai: int = 0) -> None:
        """Send to the peer. `done(ok)` when the module has taken it (it is on its way), or cannot.

        rai: 1 nothing follows, 2 one downlink follows (UDP).
        """
        ok = self._may_send()
        if ok and self.kind == "udp":
            self._datagram(self.ip, self.port, data, rai)
        elif ok:
            self.sent += len(data)
            if self._client is None:
                self._carry(data, len(data))
            else:
                self._client.send(data)
                self._carry(self._client.pending(), len(data))
        self._tell(done, ok)

    def send_to(
        self, host: str, port: int, data: bytes, done: Callable[[bool], object] | None = None, rai: int = 0
    ) -> None:
        """UDP: one datagram to any peer. A name costs a DNS query; `done(False)` also if it is unknown."""

        def found(ip: str | None) -> None:
            ok = ip is not None and self._may_send()
            if ok and ip is not None:
                self._datagram(ip, port, data, rai)
            self._tell(done, ok)

        self._links.lookup(host, found)

    def close(self) -> None:
        """Close and leave the table. What was sent before still goes out; nothing is told any more."""
        self._links.remove(self)
        if self._client is not None and self._stream is not None and self.state == "open":
            self._client.close()
            self._carry(self._client.pending(), 0)
        self._end("closed")

    def take(self, limit: int) -> bytes:
        """Up to `limit` bytes out of `buffer`."""
        data = bytes(self.buffer[:limit])
        del self.buffer[:limit]
        return data

    @property
    def secured(self) -> TlsClient | None:
        """The TLS side, for its version and cipher."""
        return self._client

    # Opening

    def begin(self, done: Opened, timeout_s: float) -> None:
        """For `Links.open`."""
        self._done = done
        self._modem.later(timeout_s, self._opened, "timeout")
        if not self._modem.ue.registered:
            self._later_opened("no bearer")
        elif not self.host:
            self._modem.later(0.0, self._opened, "ok")  # a UDP socket without a peer can be used at once
        else:
            self._links.lookup(self.host, self._looked_up)

    def _looked_up(self, ip: str | None) -> None:
        if self._done is None:
            return
        if ip is None:
            self._later_opened("dns")
            return
        self.ip = ip
        if self.kind == "udp":
            self._later_opened("ok")
            return
        if self.kind == "tls":
            try:
                self._client = TlsClient(self.tls or TlsSettings(verify=False), self.host)
            except TlsFailure as failure:
                self.why = failure.reason
                self._later_opened("tls")
                return
        session = self._modem.ue.session
        self._stream = session.open_stream(ip, self.port, self._connected, self._came, self._ended)

    def _connected(self, outcome: str) -> None:
        if outcome != "ok" or self._client is None:
            self._opened(outcome)
            return
        self._client.start()
        self._carry(self._client.pending(), 0)

    def _later_opened(self, outcome: Outcome) -> None:
        self._modem.later(self._modem.config.timing.socket_open_s.value, self._opened, outcome)

    def _opened(self, outcome: str) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        if outcome == "ok":
            self.state = "open"
        else:
            self.why = self.why or outcome
            self._end("closed")
        done(outcome)

    # Sending

    def _may_send(self) -> bool:
        failed = self._modem.faults.take("send_fail") is not None
        return self.state == "open" and not failed and self._modem.ue.registered

    def _tell(self, done: Callable[[bool], object] | None, ok: bool) -> None:
        if done is not None:
            self._modem.later(self._modem.config.timing.send_ok_s.value, done, ok)

    def _datagram(self, ip: str, port: int, data: bytes, rai: int) -> None:
        flow = self._flows.get((ip, port))
        if flow is None:
            try:
                flow = self._modem.ue.session.open(ip, port, lambda came: self._datagram_came(ip, port, came))
            except OSError:
                return  # no way to it: the datagram is lost, as on any network
            self._flows[ip, port] = flow
        self.sent += len(data)
        self._modem.ue.send(flow, data, rai)

    def _carry(self, data: bytes, counts: int) -> None:
        """`data` over the stream; they stand for `counts` bytes of the host's (fewer, where there is TLS)."""
        left = len(data)

        def acked(count: int) -> None:
            nonlocal left
            left -= count
            self.progress += count
            mine = count if self._client is None else 0 if left else counts
            self.acked += mine
            if mine and self.state == "open":
                self.on_acked()

        if self._stream is not None and data:
            self._modem.ue.session.stream_send(self._stream, data, acked)

    # Receiving

    def _datagram_came(self, ip: str, port: int, data: bytes) -> None:
        if self.state == "open":
            self.sender = (ip, port)
            self.received += len(data)
            self.on_data(data)

    def _came(self, data: bytes) -> None:
        client = self._client
        if client is None:
            self._deliver(data)
            return
        try:
            plain = client.feed(data)
        except TlsFailure as failure:
            self.why = failure.reason
            self._carry(failure.alert, 0)
            self._broken("tls")
            return
        self._carry(client.pending(), 0)
        if client.secure:
            self._opened("ok")
        self._deliver(plain)
        if client.closed:
            self._ended("closed")

    def _deliver(self, data: bytes) -> None:
        if data and self.state == "open":
            self.received += len(data)
            self.on_data(data)

    def _ended(self, why: str) -> None:
        # A server that refuses a client's certificate may close with no more than an alert, or without one.
        self._broken("tls" if self._client is not None and not self._client.secure else why)

    def _broken(self, why: str) -> None:
        if self._done is not None:
            self._opened(why if why in ("tls", "timeout") else "refused")
            return
        if self.state == "open":
            self.why = self.why or why
            self._end("closed")
            self.on_closed(why)

    # The end

    def bearer_lost(self) -> None:
        """For `Links.lose_bearer`."""
        self._broken("no bearer")

    def forget(self) -> None:
        """For `Links.forget`: gone without a word."""
        self._end("closed")
        self.on_forgotten()

    def _end(self, state: Literal["closed"]) -> None:
        self.state = state
        self._done = None
        session = self._modem.ue.session
        for flow in self._flows.values():
            session.close(flow)
        self._flows.clear()
        if self._stream is not None:
            session.close(self._stream)
            self._stream = None


class Links:
    """All sockets of one module, by number; those of its MQTT and HTTP clients too, which `all` leaves out."""

    def __init__(self, modem: Host) -> None:
        self.modem = modem
        self._links: dict[int, Link] = {}
        modem.at_reset.append(self.forget)
        modem.ue.session.on_vanish.append(self.lose_bearer)

    def open(
        self, number: int, kind: Kind, host: str, port: int, done: Opened,
        tls: TlsSettings | None = None, local_port: int = 0, timeout_s: float = OPEN_S,
    ) -> Link:  # fmt: skip
        """Make socket `number` and open it. A UDP socket with host "" has no peer of its own: use `send_to`.

        One that could not be opened stays in the table, `closed`, until `close`. Raises KeyError if the number is used.
        """
        if number in self._links:
            raise KeyError(f"link {number} is in use")
        link = self._links[number] = Link(self, number, kind, host, port, local_port, tls)
        link.begin(done, timeout_s)
        return link

    def get(self, number: int) -> Link | None:
        """The socket, None if there is none."""
        return self._links.get(number)

    def all(self) -> list[Link]:
        """The host's sockets by number."""
        return [self._links[number] for number in sorted(self._links) if number < _OWN]

    def free(self, places: int, first: int = 0) -> int | None:
        """The lowest unused of `places` numbers from `first`, None if all are used."""
        return next((number for number in range(first, first + places) if number not in self._links), None)

    def free_own(self) -> int:
        """A number for a client inside the module."""
        return next(number for number in count(_OWN) if number not in self._links)

    def remove(self, link: Link) -> None:
        """For `Link.close`."""
        if self._links.get(link.number) is link:
            del self._links[link.number]

    def forget(self) -> None:
        """Reset or power cut: all gone without a word. It comes by itself."""
        links = list(self._links.values())
        self._links.clear()
        for link in links:
            link.forget()

    def lose_bearer(self) -> None:
        """All are told `no bearer` and stay, closed, until `close`. It comes by itself at a detach."""
        for link in list(self._links.values()):
            link.bearer_lost()

    def lookup(self, name: str, found: Callable[[str | None], object]) -> None:
        """`found(ip)`: soon for an address, after a DNS query over the air for a name; None if it is unknown."""
        modem, network = self.modem, self.modem.network
        if network.is_ip(name):
            modem.later(0.0, found, name)
            return

        def connected(ok: bool) -> None:
            if not ok:
                modem.later(0.0, found, None)
            elif network.blocked() is None:
                modem.later(network.radio.network.name_s.value, lambda: found(network.resolve(name)))
            else:
                modem.later(_DNS_GIVES_UP_S, found, None)

        modem.ue.connect(connected)
