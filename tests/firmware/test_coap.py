"""CoAP: the codec against RFC 7252 appendix A [S50], the client against a peer that does what servers may do."""

import asyncio
import random
import time
from binascii import hexlify, unhexlify

from cellular.errors import ServerAnswerUnknown, ServerRefused, ServerUnreachable, SocketError
from cellular.services import coap, random_bytes
from coap_peer import Peer, changed

BLOCK2 = 23  # RFC 7959

FAST = coap.Params(ack_timeout_ms=60, ack_random_factor=1.2, max_retransmit=2, response_ms=300)


async def run(behave, params=FAST, **kw):
    """(result or exception, peer, client) of one POST."""
    peer = Peer(behave)
    client = coap.Client(peer, params, **kw)
    try:
        result = await client.post("a/b", b"x", 112)
    except Exception as e:
        result = e
    return result, peer, client


# --- codec ---


def test_appendix_a_messages():
    buf = bytearray(64)
    n = coap.encode(buf, coap.CON, 1, 0x7D34, b"", ((coap.URI_PATH, b"temperature"),))
    assert hexlify(buf[:n]) == b"40017d34bb74656d7065726174757265"
    n = coap.encode(buf, coap.ACK, 0x45, 0x7D34, b"", (), b"22.3 C")
    assert hexlify(buf[:n]) == b"60457d34ff32322e332043"
    m = coap.decode(unhexlify("40017d34bb74656d7065726174757265"))
    assert (m.mtype, m.code, m.mid, m.token, m.payload) == (coap.CON, (0, 1), 0x7D34, b"", b"")
    assert m.options == [(11, b"temperature")]
    m = coap.decode(unhexlify("60457d34ff32322e332043"))
    assert (m.mtype, m.code, m.mid, m.payload) == (coap.ACK, (2, 5), 0x7D34, b"22.3 C")
    m = coap.decode(unhexlify("70000001"))
    assert (m.mtype, m.code, m.mid) == (coap.RST, (0, 0), 1)


def test_option_deltas_and_lengths_at_every_border():
    buf = bytearray(1600)
    options = []
    for number, size in ((0, 0), (12, 12), (25, 13), (38, 268), (307, 269), (576, 300), (2000, 1), (65535, 0)):
        options.append((number, bytes(size)))
    n = coap.encode(buf, coap.NON, 2, 65535, b"12345678", options, b"p")
    m = coap.decode(memoryview(buf)[:n])
    assert m.options == options and m.token == b"12345678" and m.payload == b"p" and m.mid == 65535


def test_encode_refuses_what_is_wrong():
    for args in (
        (bytearray(8), coap.CON, 2, 1, b"", (), bytes(20)),
        (bytearray(64), coap.CON, 2, 1, b"", ((11, b"a"), (3, b"b"))),
        (bytearray(64), coap.CON, 2, 1, b"123456789"),
    ):
        try:
            coap.encode(*args)
        except ValueError:
            continue
        raise AssertionError(args)


MALFORMED = (
    "",
    "400100",
    "80010001",  # version 2
    "49010001" + "00" * 9,  # token of nine
    "4401000101",  # token cut short
    "40000001ff01",  # empty message that is not
    "402100 01".replace(" ", ""),  # class 1 is reserved
    "40c00001",  # class 6
    "40e00001",  # class 7
    "40450001ff",  # marker without payload
    "4045000141",  # option value missing
    "40450001f100000000",  # reserved delta
    "404500011f00000000",  # reserved length
    "40450001d1",  # extended delta missing
    "40450001e100",  # half of it
    "40450001e0ffff",  # number beyond 65535
)


def test_malformed_messages():
    for text in MALFORMED:
        try:
            m = coap.decode(unhexlify(text))
        except coap.CoapFormatError:
            continue
        raise AssertionError((text, m.options, m.payload))


def test_random_bytes_raise_nothing_but_format_errors():
    random.seed(7)
    read = 0
    for i in range(6000):
        data = bytearray(random.getrandbits(8) for _ in range(random.randrange(0, 30)))
        if i % 2 and len(data) > 1:
            data[0] = 0x40 | data[0] & 0x33  # so that the options are reached
            data[1] = 0x45
        try:
            coap.decode(data)
            read += 1
        except coap.CoapFormatError:
            pass
    assert read > 100


def test_uris():
    assert coap.parse_uri("coap://h/a/b") == ("h", 5683, "a/b", "")
    assert coap.parse_uri("coap://10.0.0.1:1234") == ("10.0.0.1", 1234, "", "")
    assert coap.parse_uri("coap://[::1]:99/x?k=v") == ("::1", 99, "x", "k=v")
    assert coap.parse_uri("coap://h/" + 39 * "p" + "/" + 40 * "p" + "?")[0] == "h"
    for uri in (
        "http://h/",
        "coap:///x",
        "coap://h:0/",
        "coap://h:x/",
        "coap://h:70000/",
        "coap://[::1/x",
        "coap://u@h/",
        "coap://h/" + 85 * "p",
        "coap://" + 84 * "n" + "/",
        "coap://192.0.2.1/a?" + 84 * "q",
    ):
        try:
            coap.parse_uri(uri)
        except ValueError:
            continue
        raise AssertionError(uri)


# --- client ---


async def test_piggybacked_answer_and_request_options():
    result, peer, _ = await run(lambda p, m: changed(p, m, b"down"), host="alarm.example")
    assert result == ((2, 4), b"down"), result
    m = peer.sent[0]
    assert m.mtype == coap.CON and m.code == (0, 2) and m.payload == b"x" and len(m.token) == 4
    assert m.options == [(3, b"alarm.example"), (11, b"a"), (11, b"b"), (12, b"\x70")]
    assert len(peer.sent) == 1


async def test_an_ip_address_is_no_uri_host():
    for host in ("10.1.2.3", "::1"):
        _, peer, _ = await run(changed, host=host)
        assert [o[0] for o in peer.sent[0].options] == [11, 11, 12]


async def test_separate_answer_is_acknowledged_and_retransmission_stops():
    def behave(peer, m):
        if m.code == (0, 2):
            peer.put(coap.ACK, 0, m.mid)
            peer.put(coap.CON, 0x44, 0x1234, m.token, b"later")

    result, peer, client = await run(behave)
    assert result == ((2, 4), b"later")
    assert peer.short() == [(coap.ACK, 0x1234)]
    assert len(peer.requests()) == 1


async def test_empty_ack_alone_stops_retransmission_and_is_bounded():
    result, peer, client = await run(lambda p, m: p.put(coap.ACK, 0, m.mid))
    assert isinstance(result, ServerUnreachable) and result.attempts == 1, result
    assert len(peer.sent) == 1


async def test_separate_non_confirmable_answer_needs_no_ack():
    def behave(peer, m):
        peer.put(coap.ACK, 0, m.mid)
        peer.put(coap.NON, 0x44, 0x77, m.token)

    result, peer, _ = await run(behave)
    assert result == ((2, 4), b"") and peer.short() == []


async def test_answer_that_overtakes_its_acknowledgement():
    def behave(peer, m):
        if m.code == (0, 2):
            peer.put(coap.CON, 0x44, 0x9, m.token)
            peer.put(coap.ACK, 0, m.mid)

    result, peer, _ = await run(behave)
    assert result == ((2, 4), b"") and peer.short() == [(coap.ACK, 9)]


async def test_lost_datagrams_are_sent_again_with_the_same_id():
    def behave(peer, m):
        if len(peer.sent) == 3:
            changed(peer, m)

    result, peer, client = await run(behave)
    assert result == ((2, 4), b"")
    assert len({(m.mid, m.token) for m in peer.sent}) == 1 and len(peer.sent) == 3
    assert client.counters["retransmitted"] == 2


async def test_silence_ends_as_unreachable_after_all_transmissions():
    result, peer, _ = await run(lambda p, m: None)
    assert isinstance(result, ServerUnreachable) and result.attempts == 3, result
    assert len(peer.sent) == 3


async def test_waits_double_from_one_transmission_to_the_next():
    waits = {}

    class Patient(Peer):
        async def recv_into(self, buf, timeout_ms):
            waits.setdefault(len(self.sent), timeout_ms)
            return await super().recv_into(buf, timeout_ms)

    try:
        await coap.Client(Patient(lambda p, m: None), coap.Params(100, 1, 2)).post("a", b"")
    except ServerUnreachable:
        pass
    assert 90 <= waits[1] <= 100 and 180 <= waits[2] <= 200 and 360 <= waits[3] <= 400, waits


async def test_what_the_radio_still_carries_is_not_sent_again():
    class Far(Peer):
        patience = 400

        def patience_ms(self):
            return self.patience

    def answer_late(peer, m):
        async def later():
            await asyncio.sleep_ms(300)
            changed(peer, m)

        asyncio.create_task(later())

    peer = Far(answer_late)
    assert (await coap.Client(peer, FAST).post("a", b""))[0] == (2, 4)
    assert len(peer.sent) == 1
    peer = Far(answer_late)
    peer.patience = 0  # near: what is not answered in time is lost
    await coap.Client(peer, FAST).post("a", b"")
    assert len(peer.sent) > 1


async def test_refusals_carry_the_code():
    for code, expected in ((0x84, (4, 4)), (0x8D, (4, 13)), (0xA3, (5, 3))):
        result, _, _ = await run(lambda p, m, code=code: p.put(coap.ACK, code, m.mid, m.token))
        assert isinstance(result, ServerRefused) and result.code == expected, result


async def test_reset_is_an_error_of_its_own():
    result, peer, _ = await run(lambda p, m: p.put(coap.RST, 0, m.mid))
    assert isinstance(result, coap.ServerReset) and len(peer.sent) == 1, result


async def test_foreign_messages_are_counted_and_ignored():
    def behave(peer, m):
        if m.code != (0, 2):
            return
        peer.put(coap.ACK, 0x44, m.mid ^ 1, m.token, b"wrong mid")
        peer.put(coap.ACK, 0x44, m.mid, b"none", b"wrong token")
        peer.put(coap.RST, 0, m.mid ^ 1)
        peer.put(coap.NON, 0x44, 5, b"none", b"wrong token")
        peer.put(coap.CON, 0x44, 6, b"none", b"wrong token")  # rejected with a reset, section 4.2
        peer.put(coap.CON, 0, 7)  # a ping
        peer.inbox.append(b"\x40\x45\x00\x08\xff")  # malformed and confirmable
        peer.inbox.append(b"\r\nOK")
        changed(peer, m, b"right")

    result, peer, client = await run(behave)
    assert result == ((2, 4), b"right"), result
    assert client.counters["stray"] == 6 and client.counters["malformed"] == 2, client.counters
    assert peer.short() == [(coap.RST, 6), (coap.RST, 7), (coap.RST, 8)], peer.short()


async def test_unknown_critical_option_is_rejected():
    def behave(peer, m):
        if m.code == (0, 2):
            peer.put(coap.CON, 0x44, 3, m.token, b"no", ((9, b"x"),))
            peer.put(coap.NON, 0x44, 4, m.token, b"no", ((BLOCK2, b"\x0e"),))
            peer.put(coap.ACK, 0x44, m.mid, m.token, b"yes", ((4, b"etag"), (BLOCK2, b"\x06")))

    result, peer, client = await run(behave)
    assert result == ((2, 4), b"yes"), result
    assert client.counters["rejected"] == 2 and peer.short() == [(coap.RST, 3)]


async def test_an_answer_that_is_rejected_is_named_and_not_called_silence():
    for code, option, text in (
        (0x44, (BLOCK2, b"\x0e"), "2.04 with option 23 (Block2)"),
        (0x5F, (27, b"\x0e"), "2.31 with option 27 (Block1)"),
        (0x44, (9, b"x"), "option 9 (critical)"),
        (0x5F, (4, b"x"), "2.31 with a request for the next block"),
    ):
        result, _, _ = await run(lambda p, m: p.put(coap.ACK, code, m.mid, m.token, b"", (option,)))
        assert isinstance(result, ServerAnswerUnknown) and text in str(result), result
        assert "block-wise transfer" in str(result)


async def test_duplicates_are_acknowledged_again_and_not_delivered_twice():
    old = []

    def behave(peer, m):
        if m.code != (0, 2):
            return
        if not old:
            old.append(m)
            peer.put(coap.CON, 0x44, 50, m.token, b"first")
            return
        peer.put(coap.CON, 0x44, 50, old[0].token, b"first")  # its ACK was lost: a duplicate of an answered message
        peer.put(coap.ACK, 0x44, old[0].mid, old[0].token, b"first")  # late piggybacked answer to the former request
        peer.put(coap.CON, 0x44, 51, m.token, b"second")

    peer = Peer(behave)
    client = coap.Client(peer, FAST)
    assert (await client.post("a", b"1"))[1] == b"first"
    assert (await client.post("a", b"2"))[1] == b"second"
    assert peer.short() == [(coap.ACK, 50), (coap.ACK, 50), (coap.ACK, 51)], peer.short()
    assert client.counters["duplicate"] == 1 and client.counters["stray"] == 1
    first, second = peer.requests()
    assert first.mid != second.mid and first.token != second.token


async def test_answer_too_long_counts_without_its_payload():
    result, _, client = await run(lambda p, m: changed(p, m, bytes(700)))
    assert result == ((2, 4), b"") and client.counters["cut"] == 1, result


async def test_socket_errors_pass_through_but_not_those_of_an_ack():
    def behave(peer, m):
        if m.code == (0, 0):
            raise SocketError("send", 1)
        peer.put(coap.CON, 0x44, 1, m.token)

    result, _, client = await run(behave)
    assert result == ((2, 4), b"") and client.counters["unreplied"] == 1

    def broken(peer, m):
        raise SocketError("send", 1)

    result, _, _ = await run(broken)
    assert isinstance(result, SocketError)


async def test_a_socket_that_returns_at_once_starves_nobody():
    class Hasty(Peer):
        async def recv_into(self, buf, timeout_ms):
            return 0

    ticks = [0]

    async def other():
        while True:
            ticks[0] += 1
            await asyncio.sleep_ms(5)

    task = asyncio.create_task(other())
    try:
        await coap.Client(Hasty(lambda p, m: None), FAST).post("a", b"")
    except ServerUnreachable:
        pass
    task.cancel()
    assert ticks[0] > 10, ticks


async def test_message_ids_go_on_over_clients():
    _, first, _ = await run(changed)
    _, second, _ = await run(changed)
    assert second.sent[0].mid == (first.sent[0].mid + 1) & 0xFFFF


def test_random_bytes_on_a_port_without_hardware_randomness():
    import os
    import sys

    class Poor:
        pass

    sys.modules["os"] = Poor
    try:
        random.seed(1)
        a = random_bytes(8)
        random.seed(1)
        time.sleep_ms(1)
        assert len(a) == 8 and random_bytes(8) != a
    finally:
        sys.modules["os"] = os


def test_parameters_and_their_deadline():
    assert coap.RFC7252.deadline_ms == 93000 + 30000  # 93 s is MAX_TRANSMIT_WAIT of RFC 7252 section 4.8.2
    for bad in ((0,), (1, 0.5), (1, 1, -1), (1, 1, 1, 0)):
        try:
            coap.Params(*bad)
        except ValueError:
            continue
        raise AssertionError(bad)
