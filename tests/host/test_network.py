"""The network by itself: policy, coverage, loss, paging and queues, and datagrams over real sockets of the host."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cellkit.bench.clock import WallClock
from cellkit.bench.gateway import HostGateway
from cellkit.bench.log import EventLog
from cellkit.bench.netconfig import NetworkError
from cellkit.bench.network import Grant, Network, NetworkConfig, Request
from modem_rig import FakeGateway, ManualClock
from pydantic import ValidationError

WAIT_S = 20.0


class Device:
    """A device that does what it is paged for."""

    def __init__(self) -> None:
        self.pages = 0
        self.got: list[bytes] = []
        self.grants: list[Grant] = []

    def paged(self) -> None:
        self.pages += 1

    def receive(self, size_bytes: int, done: Callable[[bool], object]) -> None:
        done(True)

    def transmit(self, size_bytes: int, done: Callable[[bool], object]) -> None:
        done(True)

    def downlink(self, flow: int, data: bytes, deliver: Callable[[bytes], object] | None) -> bool:
        self.got.append(data)
        if deliver is not None:
            deliver(data)
        return True


class World:
    def __init__(self, **config: object) -> None:
        self.clock = ManualClock()
        self.log = EventLog(None, self.clock)
        self.gateway = FakeGateway()
        self.network = Network(self.clock, self.log, NetworkConfig.model_validate(config), self.gateway)
        self.device = Device()
        self.session = self.network.session(self.device)

    def connect(self) -> int:
        """Attached and connected, with one flow; its number."""
        self.session.entered("connected")
        self.session.attach(Request(), self.device.grants.append)
        self.clock.advance(2.0)
        return self.session.open("192.0.2.1", 5683)

    def drops(self) -> list[str]:
        return [event["why"] for event in self.log.each("net", "drop")]


# Policy


def test_grants_are_not_what_was_asked_for_by_default() -> None:
    network = World().network
    grant = network.grant(Request(t3324="00000101", t3412="00000110", edrx="0010"))
    assert (grant.t3324, grant.t3412, grant.edrx, grant.ptw) == ("00000111", "00010010", "0011", "0011")
    assert grant.t3412_s == 10800
    assert network.grant(Request()) == Grant(ip="10.0.0.7", t3412_s=3240)


def test_policy_may_change_while_it_runs() -> None:
    network = World().network
    network.config.policy.psm = "refused"
    assert network.grant(Request(t3324="00000101", t3412="00000110")).t3324 is None
    network.config.policy.reject_cause = 15
    assert network.grant(Request()).cause == 15
    with pytest.raises(ValidationError):
        network.config.policy.psm = "maybe"  # type: ignore[assignment]


def test_edrx_is_kept_within_the_operators_range_and_ignored_for_wideband_codes() -> None:
    network = World().network
    assert [network.grant(Request(edrx=bits)).edrx for bits in ("0000", "0011", "1111")] == [None, "0011", "1101"]


# Coverage, loss, outage


def test_coverage_by_plan_and_by_hand_is_told() -> None:
    world = World(coverage_gaps=[{"start_s": 10, "duration_s": 5}])
    seen: list[tuple[float, bool]] = []
    world.network.watch_coverage(lambda on: seen.append((world.clock.now(), on)))
    world.clock.advance(20.0)
    world.network.coverage(False)
    world.network.coverage(True)
    assert seen == [(10.0, False), (15.0, True), (20.0, False), (20.0, True)]


def test_outage_drops_both_ways_and_loss_is_drawn_from_the_seed() -> None:
    world = World(outages=[{"start_s": 0, "duration_s": 10}])
    flow = world.connect()
    world.session.send(flow, b"up")
    world.gateway.flows[0].answer(b"down")
    assert world.drops() == ["outage", "outage"]
    world.clock.advance(10.0)
    world.session.send(flow, b"up")
    world.clock.advance(1.0)
    assert world.gateway.flows[0].sent == [b"up"]

    def survivors(seed: int) -> list[bytes]:
        world = World(loss=0.5, seed=seed)
        flow = world.connect()
        for number in range(40):
            world.session.send(flow, bytes([number]))
        world.clock.advance(1.0)
        return world.gateway.flows[0].sent

    assert survivors(1) == survivors(1) != survivors(2)
    assert 8 < len(survivors(1)) < 32


def test_uplink_takes_its_time_and_a_refusal_is_logged() -> None:
    world = World()
    flow = world.connect()
    world.session.send(flow, b"hi")
    assert world.gateway.flows[0].sent == []
    world.clock.advance(0.154)
    assert world.gateway.flows[0].sent == [b"hi"]
    assert world.log.each("net", "up") == [
        {"t": 2.0, "src": "net", "ev": "up", "bytes": 2, "peer": "192.0.2.1:5683", "latency_s": 0.154}
    ]
    world.gateway.flows[0].refuses = True
    world.session.send(flow, b"hi")
    world.clock.advance(1.0)
    assert world.drops() == ["refused by the host"]


def test_uplink_without_coverage_or_socket() -> None:
    world = World()
    flow = world.connect()
    world.network.coverage(False)
    world.session.send(flow, b"x")
    world.network.coverage(True)
    world.session.close(flow)
    world.session.send(flow, b"x")
    assert world.drops() == ["no coverage", "no socket"]


# Downlink


def test_downlink_in_connected_idle_and_psm() -> None:
    world = World()
    world.connect()
    answer = world.gateway.flows[0].answer
    answer(b"connected")
    world.clock.advance(0.1)
    assert world.device.got == [b"connected"]
    world.session.entered("idle")
    answer(b"idle")
    world.clock.advance(2.56)
    assert world.device.pages == 1
    world.session.entered("psm")
    answer(b"psm")
    world.clock.advance(3600.0)
    assert world.device.pages == 1
    world.session.entered("connected")
    world.clock.advance(1.0)
    assert world.device.got == [b"connected", b"idle", b"psm"]


def test_one_page_for_many_datagrams() -> None:
    world = World()
    world.connect()
    world.session.entered("idle")
    for _ in range(3):
        world.gateway.flows[0].answer(b"x")
    world.clock.advance(10.0)
    assert world.device.pages == 1


def test_downlink_for_a_device_that_has_gone() -> None:
    world = World()
    flow = world.connect()
    answer = world.gateway.flows[0].answer
    world.session.entered("idle")
    answer(b"waits")
    world.session.close(flow)
    world.session.entered("connected")
    world.clock.advance(1.0)
    assert world.drops() == ["no socket"]
    world.session.detach()
    answer(b"late")
    assert world.drops() == ["no socket", "detached"]
    assert world.gateway.flows[0].closed


def test_downlink_over_a_cell_that_has_gone() -> None:
    world = World()
    world.connect()
    world.gateway.flows[0].answer(b"x")
    world.network.coverage(False)
    world.clock.advance(1.0)
    assert world.drops() == ["no coverage"]


def test_vanishing_cancels_what_was_under_way() -> None:
    world = World()
    world.session.entered("connected")
    world.session.attach(Request(), world.device.grants.append)
    world.session.vanish()
    world.clock.advance(10.0)
    assert world.device.grants == []
    assert [event["state"] for event in world.log.each("net", "rrc")] == ["connected", "idle"]


# Names and time


def test_names() -> None:
    network = World(hosts={"a.example": "192.0.2.9"}).network
    assert network.resolve("a.example") == "192.0.2.9"
    assert network.resolve("192.0.2.1") == "192.0.2.1"
    assert network.resolve("b.example") is None
    assert network.resolve("192.0.2.256") is None


# Configuration


def test_config_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    path.write_text('loss = 0.1\npolicy.psm = "refused"\noutages = [{start_s = 5, duration_s = 2}]\n', encoding="utf-8")
    config = NetworkConfig.load(path)
    assert config.policy.psm == "refused"
    assert config.outages[0].covers(6.9) and not config.outages[0].covers(7.0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("los = 0.1", "los"),
        ("loss = 1.5", "loss"),
        ("[policy]\npms = true", "policy.pms"),
        ("[policy]\npsm_downlnk = 1", "did you mean policy.psm_downlink"),
        ("[radio.idle]\ndrx_cycle_s = 3", "1.28, 2.56, 5.12, 10.24"),
        ("[radio.connected]\ninactivty_s = 3", "did you mean connected.inactivity_s"),
        ("[policy]\nt3324_allowed_s = [61]", "no code for it; the next that has is 62"),
        ("[policy]\nt3324_allowed_s = [20000]", "does not fit the timer"),
        ("[policy]\nt3412_allowed_s = [187200]", "the next that has is 216000"),
        ("[policy]\nt3412_allowed_s = [0]", "update for ever"),
        ("[policy]\nedrx_min_s = 30", "the next that has is 40.96"),
        ("[policy]\nptw_s = 3", "the next that has is 5.12"),
        ("[policy]\nptw_s = 41", "ends at 40.96"),
        ("policy = 3", "policy"),
        ("loss = ", "network.toml"),
        ('[cell]\ntac = "1"', "cell.tac"),
        ("[radio.network]\nsearch_s = -1", "expected 0 or more"),
    ],
)
def test_config_names_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "network.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NetworkError, match=named):
        NetworkConfig.load(path)


# The real world


def bound() -> socket.socket:
    """A UDP server's socket on loopback, on a port of its own."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setblocking(False)
    server.bind(("127.0.0.1", 0))
    return server


def test_datagrams_reach_a_real_server_and_come_back() -> None:
    async def talk() -> bytes:
        loop = asyncio.get_running_loop()
        clock = WallClock()
        arrived: asyncio.Queue[bytes] = asyncio.Queue()
        device = Device()
        device.downlink = lambda flow, data, deliver: arrived.put_nowait(data)  # type: ignore[method-assign]
        session = Network(clock, EventLog(None, clock), NetworkConfig()).session(device)
        session.entered("connected")
        with bound() as server, bound() as stranger:
            flow = session.open(*server.getsockname())
            session.send(flow, b"hello \x00\xff")
            data, address = await asyncio.wait_for(loop.sock_recvfrom(server, 100), WAIT_S)
            await loop.sock_sendto(stranger, b"not for you", address)
            await loop.sock_sendto(server, data.upper(), address)
            back = await asyncio.wait_for(arrived.get(), WAIT_S)
            session.vanish()
        return back

    assert asyncio.run(talk()) == b"HELLO \x00\xff"


def test_a_server_that_comes_late_is_reached() -> None:
    async def talk() -> bytes:
        loop = asyncio.get_running_loop()
        with bound() as server:
            address = server.getsockname()
        flow = HostGateway().open(*address, lambda data: None)
        assert flow.send(b"nobody hears this")
        flow.send(b"the host may refuse this one")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.setblocking(False)
            server.bind(address)
            while not flow.send(b"now"):
                pass
            data = await asyncio.wait_for(loop.sock_recv(server, 100), WAIT_S)
        flow.close()
        assert not flow.send(b"closed")
        return data

    assert asyncio.run(talk()) == b"now"
