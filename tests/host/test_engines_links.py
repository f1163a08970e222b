"""Sockets of the virtual modems against real servers: UDP, TCP, TLS."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from cellkit.bench.clock import WallClock
from cellkit.bench.log import EventLog
from cellkit.bench.modem import ModemConfig, VirtualModem
from cellkit.bench.modem.engines.links import Links
from cellkit.bench.modem.engines.tls import Files, TlsSettings
from cellkit.bench.network import Network, NetworkConfig
from engine_rig import EngineRig
from servers import NAME, START_S, Authority, echo, free_port, server_context, tcp_server, udp_echo

NASTY = bytes(range(256)) + b'\x00\x1a\x1b"\r\nOK\r\n+++'


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def rig() -> EngineRig:
    return EngineRig()


# UDP


def test_udp_by_name_and_back(rig: EngineRig) -> None:
    with udp_echo() as port:
        outcome, link = rig.open(0, "udp", NAME, port)
        assert (outcome, link.ip, link.state) == ("ok", "127.0.0.1", "open")
        sent: list[bool] = []
        link.send(NASTY, sent.append)
        assert not sent
        rig.run(lambda: link.buffer, 60.0, "echo")
    assert sent == [True]
    assert link.take(3) == NASTY[:3]
    assert bytes(link.buffer) == NASTY[3:]
    assert (link.sent, link.received, link.sender) == (len(NASTY), len(NASTY), ("127.0.0.1", port))


def test_udp_without_a_peer_of_its_own(rig: EngineRig) -> None:
    heard: list[tuple[tuple[str, int], bytes]] = []
    with udp_echo() as one, udp_echo() as other:
        outcome, link = rig.open(3, "udp", "", 0, local_port=4000)
        link.on_data = lambda data: heard.append((link.sender, data))
        link.send_to("127.0.0.1", one, b"first")
        link.send_to(NAME, other, b"second")
        rig.run(lambda: len(heard) == 2, 60.0, "two echoes")
    assert outcome == "ok"
    assert sorted(heard) == sorted([(("127.0.0.1", one), b"first"), (("127.0.0.1", other), b"second")])
    unknown: list[bool] = []
    link.send_to("nobody.test", 1, b"x", unknown.append)
    rig.run(lambda: unknown, 60.0, "result")
    assert unknown == [False]


# Opening


def test_outcomes_of_opening(rig: EngineRig) -> None:
    assert rig.open(0, "tcp", "nobody.test", 80)[0] == "dns"
    assert rig.open(1, "tcp", "127.0.0.1", free_port())[0] == "refused"
    assert [link.state for link in rig.links.all()] == ["closed", "closed"]
    with pytest.raises(KeyError, match="in use"):
        rig.links.open(0, "udp", "127.0.0.1", 1, print)
    link = rig.links.get(0)
    assert link is not None
    link.close()
    assert rig.links.get(0) is None and rig.links.free(2) == 0


def test_no_bearer(rig: EngineRig) -> None:
    rig.modem.ue.stop()
    assert rig.open(0, "tcp", "127.0.0.1", 80)[0] == "no bearer"
    assert rig.open(1, "udp", "127.0.0.1", 80)[0] == "no bearer"


def test_outage_while_opening() -> None:
    rig = EngineRig(outages=[{"start_s": 20.0, "duration_s": 10000.0}])
    rig.pass_time(20.0)
    with tcp_server(echo) as port:
        assert rig.open(0, "tcp", "127.0.0.1", port)[0] == "timeout"
    drops = [event["why"] for event in rig.log.each("net", "drop")]
    assert len(drops) >= 4 and set(drops) == {"outage"}


def test_dns_in_an_outage() -> None:
    rig = EngineRig(outages=[{"start_s": 20.0, "duration_s": 10000.0}])
    rig.pass_time(20.0)
    assert rig.open(0, "udp", NAME, 80)[0] == "dns"


# TCP


def test_tcp_large_binary_both_ways(rig: EngineRig) -> None:
    payload = NASTY * 40
    with tcp_server(echo) as port:
        outcome, link = rig.open(0, "tcp", "127.0.0.1", port)
        acked: list[int] = []
        link.on_acked = lambda: acked.append(link.acked)
        link.send(payload)
        rig.meet(lambda: len(link.buffer) == len(payload), "whole echo")
        link.close()
        rig.pass_time(30.0)
    assert outcome == "ok"
    assert bytes(link.buffer) == payload
    assert acked[-1] == link.sent == len(payload)
    ups = [event["bytes"] for event in rig.log.each("net", "up")]
    assert max(ups) == 1360, "segments of the bearer's size"


def test_losses_cost_time_but_no_data() -> None:
    rig = EngineRig(loss=0.3, seed=5)
    payload = NASTY * 120
    with tcp_server(echo) as port:
        outcome, link = rig.open(0, "tcp", "127.0.0.1", port, timeout_s=190.0)
        link.send(payload)
        rig.meet(lambda: len(link.buffer) == len(payload), "whole echo")
    assert outcome == "ok"
    assert bytes(link.buffer) == payload
    assert {event["way"] for event in rig.log.each("net", "drop")} == {"up", "down"}


def test_server_that_speaks_first_and_closes(rig: EngineRig) -> None:
    closed: list[str] = []
    with tcp_server(lambda connection: connection.sendall(b"220 hello\r\n")) as port:
        outcomes: list[str] = []
        link = rig.links.open(0, "tcp", "127.0.0.1", port, outcomes.append)
        link.on_closed = closed.append
        rig.meet(lambda: closed, "end")
    assert outcomes == ["ok"]
    assert bytes(link.buffer) == b"220 hello\r\n"
    assert (closed, link.state, link.why) == (["closed"], "closed", "closed")
    refused: list[bool] = []
    link.send(b"too late", refused.append)
    rig.pass_time(1.0)
    assert refused == [False]


def test_server_that_resets(rig: EngineRig) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    closed: list[str] = []
    with tcp_server(reset) as port:
        _, link = rig.open(0, "tcp", "127.0.0.1", port)
        link.on_closed = closed.append
        link.send(b"x")
        rig.meet(lambda: closed, "end")
    assert closed == ["reset"]


def test_outage_on_an_open_connection() -> None:
    rig = EngineRig(outages=[{"start_s": 300.0, "duration_s": 100000.0}])
    closed: list[str] = []
    with tcp_server(echo) as port:
        _, link = rig.open(0, "tcp", "127.0.0.1", port)
        link.on_closed = closed.append
        rig.pass_time(300.0 - rig.clock.now())
        link.send(b"into nothing")
        rig.run(lambda: closed, 600.0, "end")
    assert closed == ["timeout"] and link.acked == 0


def test_bearer_lost_and_reset(rig: EngineRig) -> None:
    closed: list[str] = []
    with tcp_server(echo) as port:
        _, link = rig.open(0, "tcp", "127.0.0.1", port)
        link.on_closed = closed.append
        rig.modem.ue.stop()
        assert closed == ["no bearer"] and rig.links.get(0) is link
        rig.links.lose_bearer()
        rig.modem.reset("test")
        assert rig.links.all() == [] and closed == ["no bearer"]


def test_reset_is_not_told(rig: EngineRig) -> None:
    closed: list[str] = []
    with tcp_server(echo) as port:
        _, link = rig.open(0, "tcp", "127.0.0.1", port)
        link.on_closed = closed.append
        rig.modem.supply(False)
    assert rig.links.all() == [] and closed == [] and link.state == "closed"


def test_send_fault(rig: EngineRig) -> None:
    with udp_echo() as port:
        _, link = rig.open(0, "udp", "127.0.0.1", port)
        rig.modem.faults.send_fail()
        results: list[bool] = []
        link.send(b"a", results.append)
        link.send(b"b", results.append)
        rig.run(lambda: link.buffer, 60.0, "echo")
    assert results == [False, True] and bytes(link.buffer) == b"b"


def test_downlink_wakes_a_device_in_idle(rig: EngineRig) -> None:
    """A server that speaks after the radio connection has ended: the device is paged."""
    with tcp_server(lambda connection: (connection.recv(9), echo(connection))[1]) as port:  # type: ignore[func-returns-value]
        _, link = rig.open(0, "tcp", "127.0.0.1", port)
        link.send(b"123456789")
        rig.run(lambda: not rig.modem.ue.connected, 120.0, "release")
        link.send(b"again")
        rig.meet(lambda: bytes(link.buffer) == b"again", "echo")


# TLS


@pytest.fixture
def secure(authority: Authority) -> Iterator[int]:
    with tcp_server(echo, server_context(authority)) as port:
        yield port


def test_tls_with_the_right_ca(rig: EngineRig, authority: Authority, secure: int) -> None:
    outcome, link = rig.open(0, "tls", NAME, secure, tls=TlsSettings(ca=authority.cert, check_name=True))
    assert outcome == "ok"
    payload = NASTY * 20
    link.send(payload)
    rig.meet(lambda: len(link.buffer) == len(payload), "whole echo")
    assert bytes(link.buffer) == payload and link.acked == len(payload)
    assert link.secured is not None and link.secured.version() == "TLSv1.2"
    on_air = sum(event["bytes"] for event in rig.log.each("net", "down"))
    assert on_air > len(payload) + 500, "the handshake and TLS's own bytes go over the air"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"verify": True}, "bad ca"),
        ({"ca": b"-----BEGIN CERTIFICATE-----\nnone"}, "bad ca"),
        ({"ca": Authority("another").cert}, "unknown ca"),
        ({"verify": False, "cert": b"x", "key": b"y"}, "bad certificate or key"),
    ],
)
def test_tls_that_fails_on_our_side(rig: EngineRig, secure: int, settings: dict[str, object], why: str) -> None:
    outcome, link = rig.open(0, "tls", NAME, secure, tls=TlsSettings(**settings))  # type: ignore[arg-type]
    assert (outcome, link.why, link.state) == ("tls", why, "closed")


def test_tls_without_verification_takes_anybody(rig: EngineRig, secure: int) -> None:
    assert rig.open(0, "tls", "127.0.0.1", secure, tls=TlsSettings(verify=False))[0] == "ok"


def test_tls_name_and_time_of_the_certificate(rig: EngineRig, authority: Authority) -> None:
    with tcp_server(echo, server_context(authority, server=authority.issue("other.test"))) as port:
        wrong = TlsSettings(ca=authority.cert, check_name=True)
        outcome, link = rig.open(0, "tls", NAME, port, tls=wrong)
        assert (outcome, link.why) == ("tls", "host name")
        assert rig.open(1, "tls", NAME, port, tls=TlsSettings(ca=authority.cert))[0] == "ok"
    with tcp_server(echo, server_context(authority, server=authority.issue(days=-1))) as port:
        outcome, link = rig.open(2, "tls", NAME, port, tls=TlsSettings(ca=authority.cert))
        assert (outcome, link.why) == ("tls", "expired")


def test_tls_client_certificate(rig: EngineRig, authority: Authority) -> None:
    cert, key = authority.issue("device", server=False)
    with tcp_server(echo, server_context(authority, client_certificates=True)) as port:
        outcome, link = rig.open(0, "tls", NAME, port, tls=TlsSettings(ca=authority.cert))
        assert outcome == "tls", link.why
        outcome, _ = rig.open(1, "tls", NAME, port, tls=TlsSettings(ca=authority.cert, cert=cert, key=key))
        assert outcome == "ok"
        strange = Authority("another").issue("device", server=False)
        settings = TlsSettings(ca=authority.cert, cert=strange[0], key=strange[1])
        assert rig.open(2, "tls", NAME, port, tls=settings)[0] == "tls"


@pytest.mark.parametrize(("sni", "name", "seen"), [(False, "", None), (True, "", NAME), (True, "x.test", "x.test")])
def test_tls_server_name(rig: EngineRig, authority: Authority, sni: bool, name: str, seen: str | None) -> None:
    names: list[str | None] = []
    context = server_context(authority)
    context.sni_callback = lambda sock, said, ctx: names.append(said)
    with tcp_server(echo, context) as port:
        settings = TlsSettings(ca=authority.cert, sni=sni, server_name=name)
        assert rig.open(0, "tls", NAME, port, tls=settings)[0] == "ok"
    assert names == [seen]


def test_tls_to_a_server_that_speaks_something_else(rig: EngineRig) -> None:
    with tcp_server(lambda connection: connection.sendall(b"220 hello\r\n")) as port:
        outcome, link = rig.open(0, "tls", NAME, port, tls=TlsSettings(verify=False))
    assert (outcome, link.why) == ("tls", "not tls")


def test_tls_to_a_server_that_says_nothing(rig: EngineRig) -> None:
    with tcp_server(lambda connection: connection.recv(1 << 16) and echo(connection)) as port:  # type: ignore[arg-type]
        outcome, _ = rig.open(0, "tls", "127.0.0.1", free_port(), tls=TlsSettings(verify=False))
        assert outcome == "refused"
    ended = []

    def wait(connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            pass
        ended.append(True)

    with tcp_server(wait) as port:
        outcome, _ = rig.open(1, "tls", "127.0.0.1", port, tls=TlsSettings(verify=False), timeout_s=40.0)
    assert outcome == "timeout"


def test_tls_close_is_told(rig: EngineRig, authority: Authority) -> None:
    closed: list[str] = []
    with tcp_server(lambda connection: connection.sendall(b"bye"), server_context(authority)) as port:
        outcomes: list[str] = []
        link = rig.links.open(0, "tls", NAME, port, outcomes.append, TlsSettings(ca=authority.cert))
        link.on_closed = closed.append
        rig.meet(lambda: closed, "end")
    assert (outcomes, bytes(link.buffer), closed) == (["ok"], b"bye", ["closed"])


def test_files() -> None:
    files = Files(size_bytes=10)
    assert files.write("a", b"12345") and files.write("b", b"6789")
    assert not files.write("c", b"xy") and files.write("a", b"54321")
    assert (files.names(), files.read("a"), files.read("z"), files.used_bytes) == (["a", "b"], b"54321", None, 9)
    assert files.delete("a") and not files.delete("a") and files.delete("*") and not files.delete("*")


# In wall time


def test_wall_time(authority: Authority) -> None:
    """The same engines on the wall's time, with asyncio."""

    async def talk(port: int) -> tuple[bytes, list[str], list[str]]:
        log = EventLog(None, clock := WallClock())
        attached = asyncio.Event()
        log.subscribe(lambda event: attached.set() if event.get("text", "").startswith("+IP") else None)
        fast = {"network.search_s": 0.1, "network.core_s": 0.05}
        network = Network(clock, log, NetworkConfig.model_validate({"hosts": {NAME: "127.0.0.1"}, "radio": fast}))
        modem = VirtualModem(clock, log, network, ModemConfig.load(), lambda data: None)
        modem.supply(True)
        links = Links(modem)
        outcomes: asyncio.Queue[str] = asyncio.Queue()
        closed: asyncio.Queue[str] = asyncio.Queue()
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        async with asyncio.timeout(START_S):
            await attached.wait()
            nobody = links.open(1, "tcp", "127.0.0.1", free_port(), outcomes.put_nowait)
            first = await outcomes.get()
            nobody.close()
            link = links.open(0, "tls", NAME, port, outcomes.put_nowait, TlsSettings(ca=authority.cert))
            link.on_data, link.on_closed = heard.put_nowait, closed.put_nowait
            second = await outcomes.get()
            link.send(NASTY)
            data = await heard.get()
            link.send(b"end")
            why = await closed.get()
        modem.supply(False)
        return data, [first, second], [why]

    def until_end(connection: socket.socket) -> None:
        while (data := connection.recv(65536)) != b"end":
            connection.sendall(data)

    with tcp_server(until_end, server_context(authority)) as port:
        assert asyncio.run(talk(port)) == (NASTY, ["refused", "ok"], ["closed"])
