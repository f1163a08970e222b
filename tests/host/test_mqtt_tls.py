"""The firmware in the real VM, against each family's virtual modem and real servers over TLS: telemetry with
certificates of both sides, a downlink, a CA that is not the server's, and the same for HTTPS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.gateways import StandstillGateway
from cellkit.bench.modem import families
from cellkit.bench.netconfig import NetworkConfig
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench
from servers import NAME, Authority, mosquitto, web_server

SCRIPT = Path(__file__).resolve().parents[1] / "device" / "telemetry.py"
LINK = {"apn": "test.apn"}  # no PSM: a session that waits for messages must be reachable
NASTY = [
    b'\x00\x1a\x1b"\r\nOK\r\nERROR\r\n> \r\n+CME ERROR: 3\r\nRDY\r\n+QMTRECV: 0,0,"a",1,"b"\r\nCLOSED\r\n',
    bytes(range(256)),
    b"x",
]
LIMIT_S = 900.0

# Family: the profile that a board with it names, for the power key.
CAT1 = {
    "quectel-cat1": "ec2",
    "simcom-a76xx": "a76",
    "simcom-sim7600": "sim76",
    "luat-air780e": "airm2m",
    "chinamobile-ml307": "ml3",
    "fibocom-l610": "l61",
}
NB = {
    "quectel-bg9x": "bg95",
    "quectel-bc660k": "bc660k",
    "simcom-sim7080": "sim7080",
    "simcom-sim7020": "sim7020",
    "ublox-sara-r": "sara_r4",
    "nordic-nrf91": "nrf91",
    "sequans-gm02s": "gm02s",
}
NB_PLAIN = {
    "quectel-bc26": "bc26",
    "chinamobile-m5311": "m5311",
    "quectel-bc95": "bc95",
    "telit-me310": "me310",
}
NO_TLS_SOCKET = ("simcom-sim7020",)
PROFILES = CAT1 | NB | NB_PLAIN


def there(*wanted: str) -> list[str]:
    """Those of the families that there are."""
    return [family for family in wanted if family in families.names()]


class Device:
    """One run of the script on a family's default module."""

    def __init__(self, family: str, job: dict[str, Any], files: dict[str, bytes]) -> None:
        standard = {"kind": PROFILES[family], "link": LINK, "host": NAME, "tls": bool(files)}
        config = BenchConfig(
            network=NetworkConfig(hosts={NAME: "127.0.0.1"}),
            modem=families.config(family),
            files={"job.json": json.dumps(standard | job), **files},
        )
        self.bench = VirtualBench(config, gateway=StandstillGateway())

    def __enter__(self) -> Device:
        self.bench.__enter__()
        self.bench.start([str(SCRIPT)])
        return self

    def __exit__(self, *exc: object) -> None:
        self.bench.__exit__(*exc)

    def traces(self, ev: str) -> list[dict[str, Any]]:
        return [e["data"] for e in self.bench.log.each("mcu", "trace") if e["data"]["ev"] == ev]

    def until(self, ev: str, also: Callable[[], Any] = lambda: True) -> dict[str, Any]:
        """Let time pass until the device has told of `ev`; anything that it calls a failure ends the test."""
        end_s = self.bench.clock.now() + LIMIT_S
        while not (self.traces(ev) and also()):
            failed = self.traces("failed")
            if (
                (failed and ev not in ("failed", "alive"))
                or self.bench.clock.now() >= end_s
                or (ev != "alive" and self.traces("alive"))
            ):
                last = "\n".join(str(event)[:300] for event in self.bench.log.events[-60:])
                raise AssertionError(f"no {ev}; failed: {failed}; last events:\n{last}")
            self.bench.run(1.0)
        return self.traces(ev)[-1]


def certificates(authority: Authority, trusted: Authority | None = None) -> dict[str, bytes]:
    cert, key = authority.issue("device-1", server=False)
    return {"ca.pem": (trusted or authority).cert, "cert.pem": cert, "key.pem": key}


@pytest.mark.parametrize("family", there(*CAT1, *NB))
def test_binary_telemetry_over_mqtt_and_tls(family: str) -> None:
    authority = Authority()
    exchange(family, authority, certificates(authority))


@pytest.mark.parametrize("family", there(*NB_PLAIN))
def test_binary_telemetry_over_mqtt(family: str) -> None:
    exchange(family, None, {})


def exchange(family: str, authority: Authority | None, files: dict[str, bytes]) -> None:
    """Publish and receive against mosquitto; it asks for the client's certificate where there is TLS."""
    with mosquitto(authority, client_certificates=authority is not None) as broker, broker.client("up/#") as peer:
        job = {"port": broker.port, "payloads": [payload.hex() for payload in NASTY]}
        with Device(family, job, files) as device:
            device.until("published")
            received = peer.wait(len(NASTY))
            assert [(topic, payload) for topic, payload, *_ in received] == [("up/1", payload) for payload in NASTY]
            peer.publish("down/1", NASTY[0])
            broker.until("Sending PUBLISH to device-1 ")  # virtual time must not run ahead: some fall asleep meanwhile
            down = device.until("downlink")
            assert (down["topic"], bytes.fromhex(down["payload"])) == ("down/1", NASTY[0])
            assert device.until("closed")["dropped"] == 0
            device.until("alive")


@pytest.mark.parametrize("family", there(*CAT1, *NB))
def test_a_server_of_another_ca_is_refused_with_a_typed_error(family: str) -> None:
    authority = Authority()
    with mosquitto(authority, client_certificates=True) as broker:
        files = certificates(authority, trusted=Authority("another CA"))
        with Device(family, {"port": broker.port, "payloads": []}, files) as device:
            assert device.until("failed")["what"] == "TlsError"
            device.until("alive")


@pytest.mark.parametrize("family", there(*CAT1, *NB))
def test_https(family: str) -> None:
    authority = Authority()
    with web_server(authority) as server:
        files = {"ca.pem": authority.cert}
        job = {"url": f"https://{NAME}:{server.port}/echo", "payloads": [NASTY[0].hex()]}
        with Device(family, job, files) as device:
            if family in NO_TLS_SOCKET:
                assert device.until("failed")["what"] == "NotSupported"
                return
            answer = device.until("answer")
            assert answer["status"] == 200
            (seen,) = server.requests
            assert seen.method == "POST" and seen.body == NASTY[0] and seen.headers["x-device"] == "1"
            device.until("alive")


@pytest.mark.parametrize("family", there(*CAT1, *NB, *NB_PLAIN))
def test_a_broker_that_ends_is_noticed(family: str) -> None:
    authority = None if family in NB_PLAIN else Authority()
    with mosquitto(authority) as broker:
        files = {"ca.pem": authority.cert} if authority else {}
        with Device(family, {"port": broker.port, "payloads": [NASTY[1].hex()]}, files) as device:
            device.until("published")
            broker.stop()
            assert device.until("failed")["what"] in ("MqttError", "SocketError")
            device.until("alive")


@pytest.mark.parametrize("family", there(*CAT1, *NB, *NB_PLAIN))
def test_a_module_that_is_gone_is_a_typed_error(family: str) -> None:
    with mosquitto() as broker, Device(family, {"port": broker.port, "payloads": [NASTY[1].hex()]}, {}) as device:
        device.until("published")
        device.bench.modem.supply(False)
        assert device.until("failed")["what"] in ("ModemSilent", "PromptMissing", "MqttError", "SocketError")
