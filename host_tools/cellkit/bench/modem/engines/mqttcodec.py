"""Packets of MQTT 3.1 and 3.1.1, client's side, as bytes. Source: OASIS MQTT 3.1.1; IBM's MQTT 3.1 specification."""

from __future__ import annotations

from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
_LONGEST = 268_435_455


class MqttError(ValueError):
    """What came is no MQTT."""


@dataclass(frozen=True)
class Will:
    """What the broker publishes when the client vanishes."""

    topic: bytes
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass
class Packet:
    """One packet as it came."""

    kind: int
    flags: int
    body: bytes

    @property
    def packet_id(self) -> int:
        """The first two bytes, where acknowledgements have it. Raises MqttError."""
        if len(self.body) < 2:
            raise MqttError(f"packet {self.kind} is too short")
        return int.from_bytes(self.body[:2], "big")

    def message(self) -> tuple[bytes, int, bytes]:
        """Topic, packet identifier (0 for QoS 0) and payload of a PUBLISH. Raises MqttError."""
        size = self.packet_id
        start = 2 + size + (2 if self.flags & 0x06 else 0)
        if len(self.body) < start:
            raise MqttError("PUBLISH is too short")
        number = int.from_bytes(self.body[2 + size:start], "big")
        return self.body[2:2 + size], number, self.body[start:]


class Reader:
    """Bytes in, packets out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """All packets that are complete now. Raises MqttError for a length that cannot be."""
        self._buffer += data
        packets: list[Packet] = []
        while True:
            packet = self._next()
            if packet is None:
                return packets
            packets.append(packet)

    def _next(self) -> Packet | None:
        buffer, size, shift, at = self._buffer, 0, 0, 1
        while True:
            if at >= len(buffer):
                return None
            size |= (buffer[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not buffer[at - 1] & 0x80:
                break
            if shift >= 28:
                raise MqttError("a length of more than four bytes")
        if len(buffer) < at + size:
            return None
        packet = Packet(buffer[0] >> 4, buffer[0] & 15, bytes(buffer[at:at + size]))
        del buffer[:at + size]
        return packet


def encode(kind: int, flags: int, body: bytes) -> bytes:
    """A packet with its fixed header."""
    if len(body) > _LONGEST:
        raise MqttError(f"{len(body)} bytes do not fit a packet")
    size, header = len(body), bytearray([kind << 4 | flags])
    while True:
        header.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(header) + body


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def connect(
    client_id: bytes, user: bytes | None, password: bytes | None, keepalive_s: int, clean: bool, will: Will | None,
    version: int,
) -> bytes:  # fmt: skip
    """CONNECT; version 3 is MQTT 3.1, 4 is 3.1.1."""
    flags = (0x02 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    payload = _text(client_id)
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += _text(will.topic) + _text(will.payload)
    for secret in (user, password):
        if secret is not None:
            payload += _text(secret)
    name = b"MQIsdp" if version == 3 else b"MQTT"
    return encode(CONNECT, 0, _text(name) + bytes([version, flags]) + keepalive_s.to_bytes(2, "big") + payload)


def publish(topic: bytes, payload: bytes, qos: int, retain: bool, packet_id: int, again: bool = False) -> bytes:
    """PUBLISH; `packet_id` counts with QoS 1 and 2."""
    number = packet_id.to_bytes(2, "big") if qos else b""
    flags = (8 if again else 0) | qos << 1 | (1 if retain else 0)
    return encode(PUBLISH, flags, _text(topic) + number + payload)


def acknowledge(kind: int, packet_id: int) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""
    return encode(kind, 2 if kind == PUBREL else 0, packet_id.to_bytes(2, "big"))


def subscribe(topics: list[tuple[bytes, int]], packet_id: int) -> bytes:
    """SUBSCRIBE to topics, each with the QoS asked for."""
    body = b"".join(_text(topic) + bytes([qos]) for topic, qos in topics)
    return encode(SUBSCRIBE, 2, packet_id.to_bytes(2, "big") + body)


def unsubscribe(topics: list[bytes], packet_id: int) -> bytes:
    """UNSUBSCRIBE."""
    return encode(UNSUBSCRIBE, 2, packet_id.to_bytes(2, "big") + b"".join(_text(topic) for topic in topics))
