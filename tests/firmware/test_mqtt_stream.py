"""MQTT over a socket: packets as in the standard, in whatever pieces they come; answers, messages and ends."""

import asyncio

from cellular.errors import SocketError
from cellular.services import mqtt, mqtt_stream
from cellular.services.mqtt import MqttError
from fake_modem import fails, until
from fake_stream import FakeModem, FakeStream

NASTY = bytes(range(256)) + b'"\r\nOK\r\n+CME ERROR: 1\r\n> \x1a\x00'


def broker(connack=0, suback=1, silent=()):
    """What a broker answers to each packet."""

    def peer(data):
        kind = data[0] & 0xF0
        if kind in silent:
            return None
        if kind == 0x10:
            return b"\x20\x02\x00" + bytes((connack,))
        if kind == 0x80:
            return b"\x90\x03" + data[2:4] + bytes((suback,))
        if kind == 0xA0:
            return b"\xb0\x02" + data[2:4]
        if kind == 0x30 and data[0] & 6:
            i = 1
            while data[i] & 128:
                i += 1
            n = data[i + 1] << 8 | data[i + 2]
            return b"\x40\x02" + data[i + 3 + n : i + 5 + n]
        if kind == 0xC0:
            return b"\xd0\x00"

    return peer


async def connected(cut=1000, keepalive_s=60, **answers):
    stream = FakeStream(broker(**answers), cut)
    client = await mqtt.connect(FakeModem(stream), "h", 1883, "me", "u", "p", keepalive_s)
    return stream, client


def message(topic, payload, qos=0, mid=b"\x00\x07"):
    head = len(topic).to_bytes(2, "big") + topic + (mid if qos else b"")
    return mqtt_stream.packet(0x30 | qos << 1, head, payload)


def test_packets_of_the_standard():
    assert mqtt_stream.packet(0x30, b"", bytes(321))[:3] == b"\x30\xc1\x02"  # the standard's own example, 2.2.3
    assert mqtt_stream.packet(0x30, b"", bytes(127))[:2] == b"\x30\x7f"
    hello = mqtt_stream.connect_packet("id", "us", "pw", 300, True)
    assert hello == b"\x10\x16\x00\x04MQTT\x04\xc2\x01\x2c\x00\x02id\x00\x02us\x00\x02pw", hello
    assert mqtt_stream.connect_packet("id", None, None, 0, False) == b"\x10\x0e\x00\x04MQTT\x04\x00\x00\x00\x00\x02id"


async def test_session_in_pieces_of_any_size():
    for cut in (1, 2, 3, 1000):
        stream, client = await connected(cut)
        assert await client.subscribe("down/#", 1) == 1
        await client.publish("up", NASTY)
        assert NASTY in stream.sent[-1]
        for payload in (NASTY, b"", bytes(1500)):
            stream.say(message(b"down/1", payload, 1))
            assert await client.receive(2000) == ("down/1", payload)
        await until(lambda: stream.sent.count(b"\x40\x02\x00\x07") == 3)
        await client.unsubscribe("down/#")
        await client.close()
        assert stream.sent[-1] == b"\xe0\x00" and stream.closed == 1
        await fails(MqttError, client.publish("up", b"x"))


async def test_refusals():
    for code, permanent in ((1, True), (3, False), (5, True), (99, False)):
        stream = FakeStream(broker(connack=code))
        e = await fails(MqttError, mqtt.connect(FakeModem(stream), "h", 1, "me"))
        assert e.code == code and e.permanent == permanent and stream.closed == 1
    _, client = await connected(suback=128)
    assert (await fails(MqttError, client.subscribe("t"))).code == 128
    await client.close()


async def test_publish_without_acknowledgement_is_sent_once_more_and_told():
    stream, client = await connected(silent=(0x30,))
    client.answer_ms = 40
    e = await fails(MqttError, client.publish("t", b"x"))
    assert "no answer" in str(e)
    first, again = stream.sent[-2:]
    assert first[0] == 0x32 and again == b"\x3a" + first[1:]  # DUP
    await client.publish("t", b"x", 0)
    await client.close()


async def test_messages_that_are_too_many_or_too_long_are_counted_and_the_stream_goes_on():
    stream, client = await connected()
    for i in range(10):
        stream.say(message(b"t", bytes((i,)), 1, bytes((1, i))))
    stream.say(message(b"long", bytes(5000), 1, b"\x02\x00"))
    await until(lambda: b"\x40\x02\x02\x00" in stream.sent)
    assert client.dropped == 3
    for i in range(8):
        assert await client.receive(100) == ("t", bytes((i,)))
    # What was dropped for want of room is not acknowledged: a broker that keeps the session sends it again.
    assert b"\x40\x02\x01\x07" in stream.sent and b"\x40\x02\x01\x08" not in stream.sent
    stream.say(message(b"t", b"after"))
    assert await client.receive(1000) == ("t", b"after")
    assert await client.receive(20) is None
    await client.close()


async def test_lost_connection_is_told_after_the_messages_that_came():
    stream, client = await connected()
    waiting = asyncio.create_task(fails(SocketError, client.subscribe("t")))
    stream._peer = None
    stream.say(message(b"t", b"last"))
    await asyncio.sleep_ms(5)
    stream.end()
    await waiting
    assert await client.receive(100) == ("t", b"last")
    await fails(SocketError, client.receive(100))
    await client.close()


async def test_stream_that_is_no_mqtt():
    for noise in (b"\x30\xff\xff\xff\xff\x01", b"HTTP/1.1 400 \r\n\r\n", b"\x30\x01\x00", b"\x36\x02\x00\x00"):
        stream, client = await connected()
        stream.say(noise + bytes(200))
        assert "damaged" in str(await fails(MqttError, client.receive(1000))), noise
        await client.close()


async def test_keep_alive_pings_and_a_dead_broker_is_noticed():
    stream, client = await connected(keepalive_s=1)
    await until(lambda: stream.sent.count(b"\xc0\x00") >= 2)
    assert client.pinged is None and client.error is None
    await client.close()


def test_topics_that_commands_cannot_carry():
    for topic in ("", 'a"b', "a\r", "a\x00", "x" * 257):
        try:
            mqtt.topic_of(topic)
        except ValueError:
            continue
        raise AssertionError(topic)
    assert mqtt.topic_of("é/+/#") == "é/+/#".encode()
