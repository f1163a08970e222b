"""The MQTT client inside a module, over its own sockets: MQTT 3.1 and 3.1.1, QoS 0 to 2, binary payloads.

    client = MqttClient(links)
    client.open("broker.test", 1883, None, lambda outcome: ...)          # the socket; outcome as of Links.open
    client.connect("me", done=lambda code: ...)                          # CONNACK: 0 accepted; None: no answer came
    client.publish(b"up", b"\\x00\\x1a", qos=1, done=lambda ok: ...)

Topics are bytes, since modules pass them on as they are. Nothing here calls back before the method has returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cellkit.bench.modem.engines import mqttcodec as codec
from cellkit.bench.modem.engines.links import OPEN_S, Link, Links, Opened
from cellkit.bench.modem.engines.mqttcodec import MqttError, Packet, Reader, Will
from cellkit.bench.modem.engines.tls import TlsSettings

__all__ = ["MqttClient", "Will"]


def _nothing(*_: object) -> None:
    pass


class _Waiting:
    """A request without its answer: sent again as it is, or as `packet` says by then."""

    def __init__(self, packet: bytes, expects: int, done: Callable[[Packet | None], object]) -> None:
        self.packet = packet
        self.expects = expects
        self.done = done
        self.tries = 0
        self.progress = 0  # of the link when the time began


class MqttClient:
    """One client. Set `on_message`, `on_lost` and the times before `open`; times in seconds."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._modem = links.modem
        self.packet_timeout_s = 5.0
        self.retries = 3
        self.state: Literal["closed", "opening", "open", "connecting", "connected"] = "closed"
        self.on_message: Callable[[bytes, bytes, int, bool], object] = _nothing
        """topic, payload, qos, retained."""
        self.on_lost: Callable[[str], object] = _nothing
        """The connection is gone without `close`: `closed`, `reset`, `timeout`, `tls`, `no bearer`, `ping`,
        `protocol`. What still waited for an answer has been told before that none comes."""
        self.on_retry: Callable[[int, int], object] = _nothing
        """Packet identifier and number of a retransmission."""
        self._epoch = 0
        self._forget()

    def _forget(self) -> None:
        self.link: Link | None = None
        self.state = "closed"
        self._epoch += 1  # what was to happen later belongs to the connection before
        self._reader = Reader()
        self._next_id = 0
        self._waiting: dict[int, _Waiting] = {}
        self._connack: Callable[[int | None], object] | None = None
        self._keepalive_s = 0
        self._pinged = False
        self._packets_sent = 0
        self._held: dict[int, tuple[bytes, bytes, bool]] = {}  # QoS 2 that came, until it is released

    # The connection

    def open(
        self, host: str, port: int, tls: TlsSettings | None, done: Opened, timeout_s: float = OPEN_S
    ) -> None:
        """Open the socket to the broker; `done(outcome)` as of `Links.open`. Raises ValueError if there is one."""
        if self.state != "closed":
            raise ValueError("the client is in use")
        self.state = "opening"
        number = self._links.free_own()
        epoch = self._epoch

        def opened(outcome: str) -> None:
            if epoch != self._epoch:
                return
            if outcome == "ok":
                self.state = "open"
            else:
                self._drop()
            done(outcome)

        self.link = self._links.open(number, "tls" if tls else "tcp", host, port, opened, tls, timeout_s=timeout_s)
        self.link.on_data = self._came
        self.link.on_closed = self._lost
        self.link.on_forgotten = self.forget

    def connect(
        self, client_id: str | bytes, user: str | bytes | None = None, password: str | bytes | None = None,
        keepalive_s: int = 120, clean: bool = True, will: Will | None = None, version: int = 4,
        done: Callable[[int | None], object] = _nothing,
    ) -> None:  # fmt: skip
        """CONNECT; `done(return_code)`, 0 is accepted; None: none came in time. The socket closes unless it is 0."""
        if self.state != "open":
            raise ValueError(f"cannot connect when {self.state}")
        self.state = "connecting"
        self._connack = done
        self._keepalive_s = keepalive_s
        names = [None if text is None else _bytes(text) for text in (user, password)]
        self._send(codec.connect(_bytes(client_id), names[0], names[1], keepalive_s, clean, will, version))
        self._later(self.packet_timeout_s * (self.retries + 1), self._no_connack)

    def disconnect(self) -> None:
        """DISCONNECT, and close the socket: the broker does not publish the will."""
        if self.state == "connected":
            self._send(codec.encode(codec.DISCONNECT, 0, b""))
        self._drop()

    def close(self) -> None:
        """Close the socket without DISCONNECT. What waits for an answer is told nothing."""
        self._drop()

    def forget(self) -> None:
        """Reset or power cut: everything is gone without a word. It comes by itself."""
        self._forget()

    # Messages

    def publish(
        self, topic: str | bytes, payload: bytes, qos: int = 0, retain: bool = False,
        done: Callable[[bool], object] = _nothing,
    ) -> int:  # fmt: skip
        """Publish; `done(True)` once it is sent (QoS 0) or acknowledged, `done(False)` after the last retry.

        Returns the packet identifier, 0 with QoS 0.
        """
        if self.state != "connected":
            self._later(0.0, done, False)
            return 0
        topic = _bytes(topic)
        if qos == 0:
            self._send(codec.publish(topic, payload, 0, retain, 0))
            self._later(self._modem.config.timing.send_ok_s.value, done, True)
            return 0
        number = self._new_id()
        again = codec.publish(topic, payload, qos, retain, number, again=True)
        self._send(codec.publish(topic, payload, qos, retain, number))
        expects = codec.PUBACK if qos == 1 else codec.PUBREC

        def received(packet: Packet | None) -> None:
            if packet is None or qos == 1:
                done(packet is not None)
                return
            release = codec.acknowledge(codec.PUBREL, number)
            self._send(release)
            self._await(number, release, codec.PUBCOMP, lambda last: done(last is not None))

        self._await(number, again, expects, received)
        return number

    def subscribe(
        self, topics: list[tuple[str | bytes, int]], done: Callable[[list[int] | None], object] = _nothing
    ) -> int:
        """Subscribe; `done(granted)`: a QoS or 128 (refused) for each topic, None: no answer. Returns the packet id."""
        number = self._new_id()
        packet = codec.subscribe([(_bytes(topic), qos) for topic, qos in topics], number)
        return self._ask(number, packet, codec.SUBACK, lambda got: done(None if got is None else list(got.body[2:])))

    def unsubscribe(self, topics: list[str | bytes], done: Callable[[bool], object] = _nothing) -> int:
        """Unsubscribe; `done(ok)`. Returns the packet id."""
        number = self._new_id()
        packet = codec.unsubscribe([_bytes(topic) for topic in topics], number)
        return self._ask(number, packet, codec.UNSUBACK, lambda got: done(got is not None))

    # Requests

    def _ask(self, number: int, packet: bytes, expects: int, done: Callable[[Packet | None], object]) -> int:
        if self.state != "connected":
            self._later(0.0, done, None)
        else:
            self._send(packet)
            self._await(number, packet, expects, done)
        return number

    def _new_id(self) -> int:
        self._next_id = self._next_id % 0xFFFF + 1
        return self._next_id

    def _await(self, number: int, packet: bytes, expects: int, done: Callable[[Packet | None], object]) -> None:
        waiting = self._waiting[number] = _Waiting(packet, expects, done)
        self._watch(number, waiting)

    def _watch(self, number: int, waiting: _Waiting) -> None:
        waiting.progress = self.link.progress if self.link is not None else 0
        self._later(self.packet_timeout_s, self._overdue, number, waiting)

    def _overdue(self, number: int, waiting: _Waiting) -> None:
        if self._waiting.get(number) is not waiting:
            return
        if self.link is not None and waiting.progress != self.link.progress:
            self._watch(number, waiting)  # a large packet on a slow radio is still on its way
            return
        waiting.tries += 1
        if waiting.tries > self.retries:
            del self._waiting[number]
            waiting.done(None)
            return
        self._send(waiting.packet)
        self.on_retry(number, waiting.tries)
        self._watch(number, waiting)

    def _no_connack(self) -> None:
        self._answered_connect(None)

    def _answered_connect(self, code: int | None) -> None:
        done, self._connack = self._connack, None
        if done is None:
            return
        if code == 0:
            self.state = "connected"
            self._keep_alive(self._packets_sent)
        else:
            self._drop()
        done(code)

    # Keep-alive

    def _keep_alive(self, spoke: int) -> None:
        if not self._keepalive_s or self.state != "connected":
            return
        if self._pinged:
            self._lost("ping")
            return
        if spoke == self._packets_sent:
            self._send(codec.encode(codec.PINGREQ, 0, b""))
            self._pinged = True
        # A client has to speak within the time; what it sends now counts for the next period.
        self._later(self._keepalive_s, self._keep_alive, self._packets_sent)

    # The wire

    def _send(self, packet: bytes) -> None:
        self._packets_sent += 1
        if self.link is not None:
            self.link.send(packet)

    def _came(self, data: bytes) -> None:
        epoch = self._epoch
        try:
            for packet in self._reader.feed(data):
                if epoch == self._epoch:
                    self._packet(packet)
        except MqttError:
            self._lost("protocol")

    def _packet(self, packet: Packet) -> None:
        if packet.kind == codec.CONNACK:
            self._answered_connect(packet.packet_id & 0xFF)
        elif packet.kind == codec.PUBLISH:
            self._message(packet)
        elif packet.kind == codec.PUBREL:
            number = packet.packet_id
            self._send(codec.acknowledge(codec.PUBCOMP, number))
            held = self._held.pop(number, None)
            if held is not None:
                self.on_message(held[0], held[1], 2, held[2])
        elif packet.kind == codec.PINGRESP:
            self._pinged = False
        else:
            number = packet.packet_id
            waiting = self._waiting.get(number)
            if waiting is not None and waiting.expects == packet.kind:
                del self._waiting[number]
                waiting.done(packet)

    def _message(self, packet: Packet) -> None:
        topic, number, payload = packet.message()
        qos, retained = packet.flags >> 1 & 3, bool(packet.flags & 1)
        if qos == 2:
            self._held[number] = (topic, payload, retained)
            self._send(codec.acknowledge(codec.PUBREC, number))
            return
        if qos == 1:
            self._send(codec.acknowledge(codec.PUBACK, number))
        self.on_message(topic, payload, qos, retained)

    # The end

    def _lost(self, why: str) -> None:
        if self.state == "connecting":
            self._answered_connect(None)
            return
        was_open = self.state in ("open", "connected")
        waiting = list(self._waiting.values())
        self._drop()
        for one in waiting:
            one.done(None)
        if was_open:
            self.on_lost(why)

    def _drop(self) -> None:
        link = self.link
        self._forget()
        if link is not None:
            link.close()

    def _later(self, delay_s: float, fn: Callable[..., object], *args: object) -> None:
        epoch = self._epoch

        def call() -> None:
            if epoch == self._epoch:
                fn(*args)

        self._modem.later(delay_s, call)


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
