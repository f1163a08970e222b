"""The firmware's uplink, in the real VM, against real CoAP servers."""

from __future__ import annotations

from pathlib import Path

from . import vm
from .servers import HOST, Seen, aiocoap_server, libcoap_server, raw_server


def test_records_arrive_in_order_of_priority_and_a_failure_keeps_them(tmp_path: Path) -> None:
    with aiocoap_server() as server:
        server.broken = 2
        lines = vm.run_json("drive_uplink.py", server.uri("moody"), str(tmp_path / "q"), "20", "2:r", "1:a", "0:f")
    assert lines[-1] == {"alive": True, "waiting": 0}
    assert server.requests == [
        Seen("moody", p, (f"seq={s}",)) for p, s in ((b"f", 3), (b"f", 3), (b"f", 3), (b"a", 2), (b"r", 1))
    ]
    failed = [e for e in lines if e.get("ev") == "uplink_failed"]
    assert [e["what"] for e in failed] == ["ServerRefused"] * 2 and "5.03" in failed[0]["error"]
    assert [e["count"] for e in failed] == [1, 2]
    assert [(e["seq"], e["attempt"]) for e in lines if e.get("ev") == "uplink_sent"] == [
        (3, 1),
        (3, 2),
        (3, 3),
        (2, 1),
        (1, 1),
    ]
    assert all(e["code"] == "2.04" for e in lines if e.get("ev") == "uplink_ack")


def test_unsent_records_survive_a_restart_of_the_vm(tmp_path: Path) -> None:
    folder = str(tmp_path / "q")
    with raw_server(lambda n, data: []) as (port, received):
        lines = vm.run_json("drive_uplink.py", f"coap://{HOST}:{port}/in", folder, "1", "2:one", "0:two")
        assert lines[-1] == {"alive": True, "waiting": 2} and received
    with aiocoap_server() as server:
        lines = vm.run_json("drive_uplink.py", server.uri("in"), folder, "20", "1:three")
    assert lines[-1] == {"alive": True, "waiting": 0}
    assert [(r.payload, r.query) for r in server.requests] == [
        (b"two", ("seq=2",)),
        (b"three", ("seq=3",)),
        (b"one", ("seq=1",)),
    ]


def test_fire_overtakes_an_exchange_with_a_slow_server(tmp_path: Path) -> None:
    with aiocoap_server() as server:
        lines = vm.run_json("drive_uplink.py", server.uri("slow"), str(tmp_path / "q"), "20", "2:r", "fire-after-200:f")
    assert lines[-1]["waiting"] == 0
    assert [e["seq"] for e in lines if e.get("ev") == "uplink_ack"] == [2, 1]
    assert [e["seq"] for e in lines if e.get("ev") == "uplink_preempted"] == [1]


def test_downlink_is_handed_on(tmp_path: Path) -> None:
    with aiocoap_server() as server:
        lines = vm.run_json("drive_uplink.py", server.uri("down"), str(tmp_path / "q"), "20", "2:r")
    assert {"downlink": "command"} in lines and lines[-1]["waiting"] == 0


def test_libcoap_takes_the_records(tmp_path: Path) -> None:
    with libcoap_server() as port:
        vm.run_json("drive_coap.py", f"coap://{HOST}:{port}/", "500", "PUT:in:x")
        lines = vm.run_json("drive_uplink.py", f"coap://{HOST}:{port}/in", str(tmp_path / "q"), "20", "2:r", "0:f")
        (read,) = vm.run_json("drive_coap.py", f"coap://{HOST}:{port}/", "500", "GET:in:")
    assert lines[-1] == {"alive": True, "waiting": 0}
    assert [e["seq"] for e in lines if e.get("ev") == "uplink_ack"] == [2, 1]
    assert read["payload"] == "r"  # the last that was posted
