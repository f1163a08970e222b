"""The modems' MQTT client against mosquitto, with paho as the other party."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from cellkit.bench.modem.engines import mqttcodec as codec
from cellkit.bench.modem.engines.mqtt import MqttClient, Will
from cellkit.bench.modem.engines.tls import TlsSettings
from engine_rig import EngineRig
from servers import NAME, Authority, Broker, free_port, mosquitto, tcp_server

NASTY = bytes(range(256)) + b'\x00\x1a\x1b"\r\nOK\r\n'


class Client:
    """A client in a rig, with what it was told."""

    def __init__(self, rig: EngineRig | None = None) -> None:
        self.rig = rig or EngineRig()
        self.mqtt = MqttClient(self.rig.links)
        self.messages: list[tuple[bytes, bytes, int, bool]] = []
        self.lost: list[str] = []
        self.retries: list[tuple[int, int]] = []
        self.mqtt.on_message = lambda *message: self.messages.append(message)
        self.mqtt.on_lost = self.lost.append
        self.mqtt.on_retry = lambda *retry: self.retries.append(retry)

    def open(self, port: int, tls: TlsSettings | None = None, host: str = NAME) -> str:
        outcomes: list[str] = []
        self.mqtt.open(host, port, tls, outcomes.append)
        assert not outcomes, "called back before it returned"
        self.rig.run(lambda: outcomes, 200.0, "outcome")
        return outcomes[0]

    def connect(self, client_id: str = "device", **more: object) -> int | None:
        codes: list[int | None] = []
        self.mqtt.connect(client_id, done=codes.append, **more)  # type: ignore[arg-type]
        self.rig.meet(lambda: codes, "return code")
        return codes[0]

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> bool:
        results: list[bool] = []
        self.mqtt.publish(topic, payload, qos, retain, results.append)
        assert not results, "called back before it returned"
        self.rig.meet(lambda: results, "acknowledgement")
        return results[0]

    def subscribe(self, topic: str, qos: int) -> list[int] | None:
        granted: list[list[int] | None] = []
        self.mqtt.subscribe([(topic, qos)], granted.append)
        self.rig.meet(lambda: granted, "SUBACK")
        return granted[0]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with mosquitto() as running:
        yield running


@pytest.mark.parametrize("version", [3, 4])
def test_messages_both_ways_in_every_quality(broker: Broker, version: int) -> None:
    client = Client()
    with broker.client("up/#") as peer:
        assert client.open(broker.port) == "ok"
        assert client.connect(version=version) == 0
        for qos in (0, 1, 2):
            assert client.publish(f"up/{qos}", NASTY + bytes([qos]), qos)
        assert peer.wait(3) == [(f"up/{qos}", NASTY + bytes([qos]), qos, False) for qos in (0, 1, 2)]
        assert client.subscribe("down/#", 2) == [2]
        for qos in (0, 1, 2):
            peer.publish(f"down/{qos}", NASTY + bytes([qos]), qos)
        client.rig.meet(lambda: len(client.messages) == 3, "three messages")
    assert client.messages == [(f"down/{qos}".encode(), NASTY + bytes([qos]), qos, False) for qos in (0, 1, 2)]
    assert client.retries == []
    client.mqtt.disconnect()
    assert client.mqtt.state == "closed" and client.lost == []


def test_large_and_empty_payloads(broker: Broker) -> None:
    client = Client()
    with broker.client("up") as peer:
        client.open(broker.port)
        client.connect()
        assert client.subscribe("up", 1) == [1]
        assert client.publish("up", b"") and client.publish("up", NASTY * 80)
        assert [message[1] for message in peer.wait(2)] == [b"", NASTY * 80]
        client.rig.meet(lambda: len(client.messages) == 2, "both back")
    assert [message[1] for message in client.messages] == [b"", NASTY * 80]


def test_unsubscribe_and_retained(broker: Broker) -> None:
    client = Client()
    with broker.client() as peer:
        peer.publish("kept", b"old", retain=True)
        client.open(broker.port)
        client.connect()
        assert client.subscribe("kept", 0) == [0]
        client.rig.meet(lambda: client.messages, "retained message")
        assert client.messages == [(b"kept", b"old", 0, True)]
        done: list[bool] = []
        client.mqtt.unsubscribe(["kept"], done.append)
        client.rig.meet(lambda: done, "UNSUBACK")
        peer.publish("kept", b"new")
        client.rig.pass_time(60.0)
    assert done == [True] and len(client.messages) == 1


def test_session_that_waits_at_the_broker(broker: Broker) -> None:
    client = Client()
    with broker.client() as peer:
        client.open(broker.port)
        client.connect(clean=False)
        client.subscribe("down", 1)
        client.mqtt.disconnect()
        peer.publish("down", b"meanwhile")
        client.open(broker.port)
        client.connect(clean=False)
        client.rig.meet(lambda: client.messages, "message")
    assert client.messages == [(b"down", b"meanwhile", 1, False)]


def test_user_and_password() -> None:
    with mosquitto(users={"alarm": 'se"cret'}) as broker:
        client = Client()
        assert client.open(broker.port) == "ok"
        assert client.connect(user="alarm", password="wrong") == 5
        assert client.mqtt.state == "closed"
        assert client.open(broker.port) == "ok"
        assert client.connect(user="alarm", password='se"cret') == 0


def test_will(broker: Broker) -> None:
    with broker.client("gone") as peer:
        client = Client()
        client.open(broker.port)
        client.connect(will=Will(b"gone", NASTY, 1))
        client.mqtt.disconnect()
        client.rig.pass_time(10.0)
        client.open(broker.port)
        client.connect(will=Will(b"gone", b"crashed", 1))
        client.rig.modem.reset("test")
        assert peer.wait(1) == [("gone", b"crashed", 1, False)]
    assert client.lost == [] and client.mqtt.state == "closed"


# What goes wrong


def test_nobody_there_and_no_name() -> None:
    client = Client()
    assert client.open(free_port()) == "refused"
    assert client.open(1883, host="nobody.test") == "dns"
    assert client.mqtt.state == "closed" and client.rig.links.all() == []


def test_broker_that_ends(broker: Broker) -> None:
    client = Client()
    client.open(broker.port)
    client.connect()
    broker.stop()
    client.rig.meet(lambda: client.lost, "loss")
    assert client.lost == ["closed"] and client.mqtt.state == "closed"
    assert not client.publish("up", b"x")


def test_what_waits_is_told_when_the_connection_is_lost(broker: Broker) -> None:
    client = Client()
    client.open(broker.port)
    client.connect()
    broker.freeze()
    results: list[object] = []
    client.mqtt.publish("up", b"x", 1, done=results.append)
    client.mqtt.subscribe([("down", 1)], results.append)
    client.rig.pass_time(2.0)
    broker.process.kill()
    client.rig.meet(lambda: client.lost, "loss")
    assert results == [False, None]


def test_broker_that_vanishes_while_publishing(broker: Broker) -> None:
    client = Client()
    client.open(broker.port)
    client.connect(keepalive_s=0)
    broker.freeze()
    start_s = client.rig.clock.now()
    assert not client.publish("up", b"x")
    assert client.rig.clock.now() - start_s >= 20.0, "three retries of 5 s"
    assert client.retries == [(1, 1), (1, 2), (1, 3)]
    assert client.mqtt.state == "connected"
    broker.thaw()
    client.rig.pass_time(5.0)
    assert client.publish("up", b"y")


def test_broker_that_vanishes_while_idle(broker: Broker) -> None:
    client = Client()
    client.open(broker.port)
    client.connect(keepalive_s=30)
    client.rig.pass_time(300.0)
    assert client.lost == [], "pings keep it alive"
    broker.freeze()
    client.rig.meet(lambda: client.lost, "loss")
    assert client.lost == ["ping"]


def test_keep_alive_is_what_keeps_it(broker: Broker) -> None:
    """Without pings the broker, on the wall's time, ends the connection after one and a half periods."""
    client = Client()
    client.open(broker.port)
    client.mqtt._keep_alive = lambda sent: None  # type: ignore[method-assign]
    client.connect(keepalive_s=1)
    client.rig.meet(lambda: client.lost, "loss")
    assert client.lost == ["closed"]


def test_outage_while_connected(broker: Broker) -> None:
    client = Client(EngineRig(outages=[{"start_s": 200.0, "duration_s": 1e6}]))
    client.open(broker.port)
    client.connect(keepalive_s=0)
    client.rig.pass_time(200.0 - client.rig.clock.now())
    assert not client.publish("up", b"x")
    client.rig.run(lambda: client.lost, 900.0, "loss")
    assert client.lost == ["timeout"]


def test_no_connack(broker: Broker) -> None:
    client = Client()
    client.open(broker.port)
    broker.freeze()
    assert client.connect() is None and client.mqtt.state == "closed"


def test_answer_that_is_no_mqtt() -> None:
    client = Client()
    def talk(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"\x20\xff\xff\xff\xff\xff")

    with tcp_server(talk) as port:
        client.open(port)
        assert client.connect() is None


def test_in_use(broker: Broker) -> None:
    client = Client()
    client.open(broker.port)
    with pytest.raises(ValueError, match="in use"):
        client.mqtt.open(NAME, broker.port, None, print)
    client.connect()
    with pytest.raises(ValueError, match="cannot connect when connected"):
        client.mqtt.connect("again")


# TLS


def test_over_tls_with_a_client_certificate(authority: Authority) -> None:
    cert, key = authority.issue("device", server=False)
    with mosquitto(authority, client_certificates=True) as broker:
        client = Client()
        assert client.open(broker.port, TlsSettings(ca=authority.cert)) == "tls"
        assert client.open(broker.port, TlsSettings(ca=authority.cert, cert=cert, key=key)) == "ok"
        assert client.connect() == 0
        assert client.publish("up", NASTY, 2)
        assert "device" in broker.log()


def test_over_tls_both_ways(authority: Authority) -> None:
    with mosquitto(authority) as broker:
        client = Client()
        assert client.open(broker.port, TlsSettings(ca=Authority("another").cert)) == "tls"
        assert client.open(broker.port) == "ok"
        assert client.connect() is None, "a broker with TLS does not answer without"
        assert client.open(broker.port, TlsSettings(ca=authority.cert, sni=True)) == "ok"
        assert client.connect() == 0
        assert client.subscribe("down", 1) == [1]
        with broker.client("up") as peer:
            assert client.publish("up", NASTY, 1)
            assert peer.wait(1) == [("up", NASTY, 1, False)]
            peer.publish("down", NASTY)
            client.rig.meet(lambda: client.messages, "message")
    assert client.messages == [(b"down", NASTY, 1, False)]


# Packets


def test_packets_arrive_in_any_pieces() -> None:
    packets = [codec.publish(b"t", NASTY * 3, 1, False, 7), codec.encode(13, 0, b""), codec.acknowledge(4, 9)]
    wire = b"".join(packets)
    for size in (1, 2, 3, 7, len(wire)):
        reader, got = codec.Reader(), []
        for start in range(0, len(wire), size):
            got += reader.feed(wire[start : start + size])
        assert [packet.kind for packet in got] == [codec.PUBLISH, codec.PINGRESP, codec.PUBACK]
        assert got[0].message() == (b"t", 7, NASTY * 3) and got[2].packet_id == 9


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384, 2097151, 2097152])
def test_lengths(size: int) -> None:
    packet = codec.Reader().feed(codec.encode(3, 0, bytes(size)))
    assert len(packet) == 1 and len(packet[0].body) == size


def test_packets_that_are_none() -> None:
    with pytest.raises(codec.MqttError, match="four bytes"):
        codec.Reader().feed(b"\x30\xff\xff\xff\xff\x01")
    with pytest.raises(codec.MqttError, match="too short"):
        codec.Packet(3, 0, b"\x00\x09ab").message()
