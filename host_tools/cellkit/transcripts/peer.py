"""The other end of everything that a module opens while a log is played: one peer that speaks what it is spoken to in.

UDP and TCP are accepted everywhere; what begins as MQTT, HTTP or TLS is answered as such, all else is kept. It stands
for servers that the log's author had; it examines nothing, so a module may trust it whatever certificates it has.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import h11
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cellkit.bench.gateway import PipeEvents
from cellkit.bench.modem.engines import mqttcodec as mqtt

_HANDSHAKE = 0x16
_METHODS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ")


class Peer:
    """A `Gateway` for the network of a stage. `flows` and `pipes` in the order in which they were opened."""

    look_s = 0.0

    def __init__(self) -> None:
        self.flows: list[PeerFlow] = []
        self.pipes: list[PeerPipe] = []
        self.refuses = False
        """TCP connections are refused from now on."""
        self.http_status = 200
        self.http_body = b"x" * 64
        self.mqtt_code = 0
        self.mqtt_echoes = True
        """What the module publishes on a topic that it has subscribed to comes back."""

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> PeerFlow:
        """A flow of datagrams."""
        self.flows.append(PeerFlow(host, port, on_data))
        return self.flows[-1]

    def connect(self, host: str, port: int, events: PipeEvents) -> PeerPipe:
        """A TCP connection."""
        self.pipes.append(PeerPipe(self, host, port, events))
        return self.pipes[-1]

    def live(self) -> PeerFlow | PeerPipe | None:
        """What was opened last and is still open."""
        alive: list[PeerFlow | PeerPipe] = [end for end in self.flows if not end.closed]
        alive += [end for end in self.pipes if not end.closed]
        return max(alive, key=lambda end: end.order) if alive else None


_opened = 0


def _order() -> int:
    global _opened
    _opened += 1
    return _opened


class PeerFlow:
    """Datagrams with one socket of the module."""

    def __init__(self, host: str, port: int, on_data: Callable[[bytes], object]) -> None:
        self.host, self.port = host, port
        self.order = _order()
        self.sent: list[bytes] = []
        self.closed = False
        self._on_data = on_data

    def send(self, data: bytes) -> bool:
        """From the module."""
        self.sent.append(data)
        return True

    def say(self, data: bytes) -> None:
        """To the module."""
        self._on_data(data)

    def close(self) -> None:
        """The module has closed it."""
        self.closed = True


class PeerPipe:
    """One connection: plain, TLS, MQTT or HTTP, as its first bytes say."""

    def __init__(self, peer: Peer, host: str, port: int, events: PipeEvents) -> None:
        self.host, self.port = host, port
        self.order = _order()
        self.sent = bytearray()
        self.closed = False
        self.broker: _Broker | None = None
        self._peer = peer
        self._events = events
        self._server: _TlsServer | None = None
        self._http: h11.Connection | None = None
        events.opened("refused" if peer.refuses else "ok")
        self.closed = peer.refuses

    def send(self, data: bytes, more: bool) -> None:
        """From the module."""
        if not self.sent and self._server is None and data[:1] == bytes([_HANDSHAKE]):
            self._server = _TlsServer()
        if self._server is None:
            self.sent += data
        if self._server is None:
            self._plain(data)
            return
        plain = self._server.feed(data)
        self._flush()
        if plain:
            self.sent += plain
            self._plain(plain)

    def say(self, data: bytes) -> None:
        """To the module."""
        if self._server is not None:
            self._server.tls.write(data)
            self._flush()
        else:
            self._events.came(data)

    def hang_up(self, why: str = "closed") -> None:
        """The peer closes."""
        if not self.closed:
            self.closed = True
            self._events.ended(why)

    def look(self) -> None:
        """Nothing: it tells by itself."""

    def close(self) -> None:
        """The module has closed it."""
        self.closed = True

    def _flush(self) -> None:
        if self._server is not None:
            out = self._server.outgoing.read()
            if out:
                self._events.came(out)

    def _plain(self, data: bytes) -> None:
        if self.broker is None and self._http is None:
            if data[:1] == b"\x10":
                self.broker = _Broker(self, self._peer)
            elif bytes(self.sent).startswith(_METHODS):
                self._http = h11.Connection(h11.SERVER)
        if self.broker is not None:
            self.broker.feed(data)
        elif self._http is not None:
            self._request(self._http, data)

    def _request(self, http: h11.Connection, data: bytes) -> None:
        http.receive_data(data)
        method = b"GET"
        while True:
            try:
                event = http.next_event()
            except h11.RemoteProtocolError:  # it only looked like HTTP: nothing answers it
                self._http = None
                return
            if isinstance(event, h11.Request):
                method = event.method
            if event in (h11.NEED_DATA, h11.PAUSED):
                return
            if isinstance(event, h11.EndOfMessage):
                break
        peer = self._peer
        headers = [("content-type", "text/plain"), ("content-length", str(len(peer.http_body)))]
        out = http.send(h11.Response(status_code=peer.http_status, headers=headers)) or b""
        if method != b"HEAD":
            out += http.send(h11.Data(data=peer.http_body)) or b""
        out += http.send(h11.EndOfMessage()) or b""
        if http.our_state is h11.DONE:
            http.start_next_cycle()
        self.say(out)


class _Broker:
    """The least of a broker: it takes what comes, and gives messages back to who has subscribed."""

    def __init__(self, pipe: PeerPipe, peer: Peer) -> None:
        self._pipe = pipe
        self._peer = peer
        self._reader = mqtt.Reader()
        self._topics: list[bytes] = []
        self._next = 1

    def feed(self, data: bytes) -> None:
        for packet in self._reader.feed(data):
            self._packet(packet)

    def message(self, topic: bytes, payload: bytes, qos: int = 0) -> None:
        """Publish to the module."""
        self._next += 1
        self._pipe.say(mqtt.publish(topic, payload, qos, False, self._next))

    def _packet(self, packet: mqtt.Packet) -> None:
        say, number = self._pipe.say, packet.body[:2]
        if packet.kind == mqtt.CONNECT:
            say(mqtt.encode(mqtt.CONNACK, 0, bytes([0, self._peer.mqtt_code])))
        elif packet.kind == mqtt.SUBSCRIBE:
            granted = bytearray()
            rest = packet.body[2:]
            while rest:
                size = int.from_bytes(rest[:2], "big")
                self._topics.append(rest[2:2 + size])
                granted.append(rest[2 + size])
                rest = rest[3 + size:]
            say(mqtt.encode(mqtt.SUBACK, 0, number + bytes(granted)))
        elif packet.kind == mqtt.UNSUBSCRIBE:
            say(mqtt.encode(mqtt.UNSUBACK, 0, number))
        elif packet.kind == mqtt.PINGREQ:
            say(mqtt.encode(mqtt.PINGRESP, 0, b""))
        elif packet.kind == mqtt.PUBREL:
            say(mqtt.acknowledge(mqtt.PUBCOMP, packet.packet_id))
        elif packet.kind == mqtt.PUBREC:
            say(mqtt.encode(mqtt.PUBREL, 2, number))
        elif packet.kind == mqtt.PUBLISH:
            self._published(packet)

    def _published(self, packet: mqtt.Packet) -> None:
        topic, number, payload = packet.message()
        qos = packet.flags >> 1 & 3
        if qos:
            self._pipe.say(mqtt.acknowledge(mqtt.PUBACK if qos == 1 else mqtt.PUBREC, number))
        if topic in self._topics and self._peer.mqtt_echoes:
            self.message(topic, payload)


class _TlsServer:
    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = _server_context().wrap_bio(self.incoming, self.outgoing, server_side=True)
        self._secure = False

    def feed(self, data: bytes) -> bytes:
        self.incoming.write(data)
        plain = bytearray()
        try:
            if not self._secure:
                self.tls.do_handshake()
                self._secure = True
            while piece := self.tls.read(4096):
                plain += piece
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return bytes(plain)


@cache
def _server_context() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.TemporaryDirectory(prefix="cellkit-peer-") as folder:
        path = Path(folder, "peer.pem")
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(path)
    return context


def trusting(settings: object) -> ssl.SSLContext:
    """In place of the module's own context: the certificates of a log are placeholders, and none is checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
