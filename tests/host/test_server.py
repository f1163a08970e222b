"""The server of the demo, met by a real CoAP client over loopback UDP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiocoap
import cbor2
import pytest
from cellkit.bench.clock import WallClock
from cellkit.bench.log import EventLog
from cellkit.inbox import PackError, decode_pack
from cellkit.server import AlarmServer

FIRE = [{-2: "urn:dev:imei:867000000000017:", 0: "fire", 4: True}, {0: "battery", 1: "V", 2: 3.1}]
DEADLINE_S = 20


@asynccontextmanager
async def served() -> AsyncIterator[tuple[AlarmServer, EventLog, aiocoap.Context]]:
    log = EventLog(None, WallClock())
    async with AlarmServer(log) as server:
        client = await aiocoap.Context.create_client_context(transports=["simple6"])
        try:
            yield server, log, client
        finally:
            await client.shutdown()


async def send(
    client: aiocoap.Context,
    server: AlarmServer,
    payload: bytes,
    seq: int | None = 7,
    method: Any = aiocoap.POST,
    **opt: Any,
) -> Any:
    query = "" if seq is None else f"?seq={seq}"
    uri = f"coap://{server.host}:{server.port}/alarm{query}"
    message = aiocoap.Message(code=method, uri=uri, payload=payload, **{"content_format": 112, **opt})
    return await asyncio.wait_for(client.request(message).response, DEADLINE_S)


@pytest.mark.parametrize("method", [aiocoap.POST, aiocoap.PUT])
def test_record_is_accepted_and_logged(method: Any) -> None:
    async def run() -> None:
        async with served() as (server, log, client):
            answer = await send(client, server, cbor2.dumps(FIRE), method=method)
            assert answer.code.dotted == "2.04"
            [pack] = server.packs
            assert pack.base_name == "urn:dev:imei:867000000000017:"
            assert pack.value("fire") is True
            [request] = log.each("server", "request")
            assert request["path"] == "/alarm" and request["seq"] == 7 and request["bytes"] == len(cbor2.dumps(FIRE))
            assert request["records"][1] == {"name": "battery", "value": 3.1, "unit": "V"}
            [response] = log.each("server", "response")
            assert (response["code"], response["base_name"], response["seq"]) == ("2.04", pack.base_name, 7)

    asyncio.run(run())


def test_record_that_comes_twice_counts_once() -> None:
    async def run() -> None:
        async with served() as (server, log, client):
            for seq in (7, 7, 8):
                assert (await send(client, server, cbor2.dumps(FIRE), seq)).code.dotted == "2.04"
            other = [{**FIRE[0], -2: "urn:dev:imei:867000000000025:"}]
            assert (await send(client, server, cbor2.dumps(other), 7)).code.dotted == "2.04"
            assert [(p.base_name[-4:], p.seq) for p in server.packs] == [("017:", 7), ("017:", 8), ("025:", 7)]
            assert server.duplicates == 1
            assert [request["duplicate"] for request in log.each("server", "request")] == [False, True, False, False]

    asyncio.run(run())


def test_records_without_a_number_are_all_kept() -> None:
    async def run() -> None:
        async with served() as (server, _, client):
            for _again in range(2):
                await send(client, server, cbor2.dumps(FIRE), None)
            assert len(server.packs) == 2

    asyncio.run(run())


def test_server_refuses_when_told_and_accepts_the_record_later() -> None:
    async def run() -> None:
        async with served() as (server, log, client):
            server.answer = "5.03"
            assert (await send(client, server, cbor2.dumps(FIRE))).code.dotted == "5.03"
            assert server.packs == []
            server.answer = None
            assert (await send(client, server, cbor2.dumps(FIRE))).code.dotted == "2.04"
            assert len(server.packs) == 1 and server.duplicates == 0
            assert [response["code"] for response in log.each("server", "response")] == ["5.03", "2.04"]

    asyncio.run(run())


def test_downlink_goes_out_once() -> None:
    async def run() -> None:
        async with served() as (server, _, client):
            server.downlink = b"\xa1\x00\x01"
            answers = [await send(client, server, cbor2.dumps(FIRE), seq) for seq in (1, 2)]
            assert [answer.payload for answer in answers] == [b"\xa1\x00\x01", b""]

    asyncio.run(run())


def test_slow_server_answers_separately() -> None:
    """A bare socket sees the two messages: first an empty acknowledgement, then a confirmable 2.04."""

    async def run() -> None:
        async with served() as (server, _, _client):
            server.delay_s = 0.5
            loop = asyncio.get_running_loop()
            heard: asyncio.Queue[bytes] = asyncio.Queue()

            class Socket(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, addr: Any) -> None:
                    heard.put_nowait(data)

            transport, _protocol = await loop.create_datagram_endpoint(Socket, remote_addr=(server.host, server.port))
            # CON POST, message id 0x1234, token 'T', Uri-Path alarm, Content-Format 112, payload
            transport.sendto(b"\x41\x02\x12\x34T\xb5alarm\x11\x70\xff" + cbor2.dumps(FIRE))
            empty = await asyncio.wait_for(heard.get(), DEADLINE_S)
            answer = await asyncio.wait_for(heard.get(), DEADLINE_S)
            assert empty == b"\x60\x00\x12\x34"
            assert answer[0] & 0x30 == 0 and answer[1] == 0x44 and answer[4:5] == b"T"
            transport.sendto(b"\x60\x00" + answer[2:4])
            transport.close()

    asyncio.run(run())


def test_silent_server_hears_nothing_and_keeps_what_it_had() -> None:
    async def run() -> None:
        async with served() as (server, log, client):
            await send(client, server, cbor2.dumps(FIRE), 1)
            await server.fall_silent()
            waiting = asyncio.ensure_future(send(client, server, cbor2.dumps(FIRE), 1))
            done, _ = await asyncio.wait([waiting], timeout=1)
            assert not done, "a silent server answered, or its port refused"
            assert len(log.each("server", "request")) == 1
            await server.resume()
            assert (await waiting).code.dotted == "2.04"  # the client's retransmission
            assert len(server.packs) == 1 and server.duplicates == 1

    asyncio.run(run())


def test_wrong_content_format_and_method_are_refused() -> None:
    async def run() -> None:
        async with served() as (server, _, client):
            assert (await send(client, server, b"{}", content_format=50)).code.dotted == "4.15"
            assert (await send(client, server, b"", method=aiocoap.GET)).code.dotted == "4.05"
            assert server.packs == []

    asyncio.run(run())


BAD = {
    "empty": (b"", "are not CBOR"),
    "cut": (cbor2.dumps(FIRE)[:-3], "are not CBOR"),
    "text": (cbor2.dumps("fire"), "SenML array"),
    "no record": (cbor2.dumps([]), "at least one record"),
    "record is a number": (cbor2.dumps([1]), "map for each"),
    "name is a number": (cbor2.dumps([{0: 1, 2: 1}]), "str as SenML n"),
    "time is text": (cbor2.dumps([{0: "a", 6: "now", 2: 1}]), "float as SenML t"),
    "value is a map": (cbor2.dumps([{0: "a", 2: {}}]), "as value"),
    "value is not a number": (cbor2.dumps([{0: "a", 2: float("nan")}]), "as value"),
    "deep": (b"\x81" * 5000 + b"\x00", "are not CBOR"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pack_is_named(name: str) -> None:
    payload, why = BAD[name]
    with pytest.raises(PackError, match=why):
        decode_pack(payload)


def test_bad_pack_is_answered_4_00_and_logged_with_the_reason() -> None:
    async def run() -> None:
        async with served() as (server, log, client):
            answer = await send(client, server, b"\xff\xff")
            assert answer.code.dotted == "4.00" and b"not CBOR" in answer.payload
            assert "not CBOR" in log.each("server", "request")[0]["error"]

    asyncio.run(run())


def test_base_fields_hold_for_the_records_after_them() -> None:
    pack = decode_pack(cbor2.dumps([{-2: "a:", -3: 100, -4: "Cel", 0: "x", 2: 1}, {0: "y", 6: 5, 2: 2}]))
    assert pack.records == (
        {"name": "x", "value": 1, "unit": "Cel", "time_s": 100.0},
        {"name": "y", "value": 2, "unit": "Cel", "time_s": 105.0},
    )


def test_base_value_is_added_to_the_numbers_behind_it() -> None:
    rows = [{-2: "m:", 0: "before", 2: 1}, {-5: 1000, 0: "r", 2: 7}, {0: "r", 2: -7}, {0: "flag", 4: True}]
    rows.append({0: "f", 2: 0.5})
    pack = decode_pack(cbor2.dumps(rows))
    assert [record["value"] for record in pack.records] == [1, 1007, 993, True, 1000.5]
    assert type(pack.records[1]["value"]) is int
    with pytest.raises(PackError, match="bv"):
        decode_pack(cbor2.dumps([{-5: "x", 0: "r", 2: 7}]))
