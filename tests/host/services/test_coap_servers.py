"""The firmware's CoAP client, in the real VM, against servers that nobody here wrote and one that misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import aiocoap
import pytest

from . import vm
from .servers import HOST, AiocoapServer, Answer, Seen, aiocoap_server, libcoap_server, raw_server

ACK_MS = "400"


@pytest.fixture(scope="module")
def aio() -> Iterator[AiocoapServer]:
    with aiocoap_server() as server:
        yield server


def drive(port: int, *requests: str, ack_ms: str = ACK_MS) -> list[dict[str, Any]]:
    return vm.run_json("drive_coap.py", f"coap://{HOST}:{port}/", ack_ms, *requests)


def test_aiocoap_piggybacked_answer(aio: AiocoapServer, record_property: Callable[[str, object], None]) -> None:
    aio.requests.clear()
    first, second = drive(aio.port, "POST:in:hello", "POST:down:x")
    assert first["code"] == [2, 4] and first["payload"] == ""
    assert second["code"] == [2, 4] and second["payload"] == "command"
    assert aio.requests == [Seen("in", b"hello", ("seq=7",)), Seen("down", b"x", ("seq=7",))]
    assert not any(second["counters"].values())
    record_property("heap_bytes_per_exchange", second["heap_bytes"])


def test_aiocoap_separate_answer(aio: AiocoapServer) -> None:
    aio.requests.clear()
    # The timeout is longer than aiocoap takes to send its empty acknowledgement, and shorter than the answer takes.
    (result,) = drive(aio.port, "POST:slow:x", ack_ms="600")
    assert result["code"] == [2, 4]
    assert result["counters"]["retransmitted"] == 0 and len(aio.requests) == 1


def test_aiocoap_refusals(aio: AiocoapServer) -> None:
    aio.broken = 1
    missing, unavailable, wrong_method, fine = drive(aio.port, "POST:none:x", "POST:moody:x", "PUT:in:x", "POST:in:x")
    assert (missing["error"], missing["code"]) == ("ServerRefused", [4, 4])
    assert (unavailable["error"], unavailable["code"]) == ("ServerRefused", [5, 3])
    assert (wrong_method["error"], wrong_method["code"]) == ("ServerRefused", [4, 5])
    assert fine["code"] == [2, 4]


def test_libcoap_creates_changes_and_gives_back_a_resource() -> None:
    with libcoap_server() as port:
        created, changed, read, missing, refused = drive(
            port, "PUT:alarm/7:first", "POST:alarm/7:second", "GET:alarm/7:", "GET:none:", "DELETE:async:"
        )
    assert created["code"] == [2, 1]
    assert changed["code"] == [2, 4]
    assert read["code"] == [2, 5] and read["payload"] == "second"
    assert (missing["error"], missing["code"]) == ("ServerRefused", [4, 4])
    assert (refused["error"], refused["code"]) == ("ServerRefused", [4, 5])


def test_silent_server_is_unreachable_after_three_transmissions_of_one_message() -> None:
    with raw_server(lambda n, data: []) as (port, received):
        (result,) = drive(port, "POST:in:x", ack_ms="200")
    assert result["error"] == "ServerUnreachable" and result["attempts"] == 3
    assert len(received) == 3 and len(set(received)) == 1


def test_nobody_on_the_port() -> None:
    with raw_server(lambda n, data: []) as (port, _):
        pass
    (result,) = drive(port, "POST:in:x", ack_ms="100")
    assert result["error"] == "ServerUnreachable"


def reply(
    data: bytes, mtype: int, code: int = 0x44, mid_xor: int = 0, token: bytes | None = None, payload: bytes = b""
) -> bytes:
    """An answer to request `data`; by aiocoap's own encoder, so that no codec is its own judge."""
    request = aiocoap.Message.decode(data)
    empty = code == 0
    message = aiocoap.Message(code=aiocoap.Code(code), payload=payload)
    message.mtype = aiocoap.Type(mtype)
    message.mid = request.mid ^ mid_xor
    message.token = b"" if empty else request.token if token is None else token
    encoded = message.encode()
    assert isinstance(encoded, bytes)
    return encoded


CON, NON, ACK, RST = 0, 1, 2, 3


def test_misbehaving_server_is_survived() -> None:
    def behave(n: int, data: bytes) -> Answer:
        if data[0] >> 4 & 3 != CON:
            return []
        right = reply(data, ACK, payload=b"right")
        return [
            (0, b""),
            (0, b"\x00"),
            (0, b"\xff" * 40),
            (0, right[:3]),
            (0, right[:6]),  # token cut short
            (0, right[:-5]),  # payload marker without payload
            (0, reply(data, ACK, mid_xor=1, payload=b"wrong id")),
            (0, reply(data, ACK, token=b"\x01\x02", payload=b"wrong token")),
            (0, reply(data, NON, token=b"\x01\x02", payload=b"wrong token")),
            (0, reply(data, RST, code=0, mid_xor=1)),
            (0.1, right),
        ]

    with raw_server(behave) as (port, received):
        (result,) = drive(port, "POST:in:x", ack_ms="2000")
    assert result["code"] == [2, 4] and result["payload"] == "right"
    assert result["counters"]["malformed"] == 5 and result["counters"]["stray"] == 4, result
    assert len(received) == 1


def test_reset_is_reported_at_once() -> None:
    with raw_server(lambda n, data: [(0, reply(data, RST, code=0))]) as (port, received):
        (result,) = drive(port, "POST:in:x")
    assert result["error"] == "ServerReset" and len(received) == 1


def test_late_and_doubled_answers_reach_no_later_request() -> None:
    requests: list[bytes] = []

    def behave(n: int, data: bytes) -> Answer:
        if data[0] >> 4 & 3 != CON:
            return []
        if data not in requests:
            requests.append(data)
        if len(requests) == 1:  # never answered in time: two transmissions and a third, then the client gives up
            return [(1.2, reply(data, ACK, payload=b"late"))]
        answer = reply(data, CON, mid_xor=0x55, payload=b"second")
        return [(0, reply(data, ACK, code=0)), (0.6, answer), (0.65, answer), (0.7, answer)]

    with raw_server(behave) as (port, received):
        first, second, third = drive(port, "POST:in:1", "POST:in:2", "POST:in:3", ack_ms="100")
        acks = [d for d in received if d[0] >> 4 & 3 == ACK]
    assert first["error"] == "ServerUnreachable"
    assert second["payload"] == "second" and third["payload"] == "second"
    assert third["counters"]["stray"] >= 1 and third["counters"]["duplicate"] >= 2
    # The answer to the second request was acknowledged each of the three times it came.
    assert len({d[2:] for d in acks[:3]}) == 1 and len(acks) >= 3 and all(len(d) == 4 for d in acks)
