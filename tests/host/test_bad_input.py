"""Everything that can be wrong around the smoke alarm: the error is named, the siren works, and nothing is lost.

The real firmware in the real VM, against the virtual modem and network, in virtual time: an hour of waiting is free.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cellkit.bench.gateway import Gateway
from cellkit.bench.log import Event
from cellkit.bench.mcucore import McuConfig
from cellkit.bench.modem import ModemConfig
from cellkit.bench.modem.config import SimConfig
from cellkit.bench.netconfig import NetworkConfig, Policy
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench
from cellkit.inbox import Pack

DEVICE = Path(__file__).resolve().parents[1] / "device"
SMOKE_MV = 2400
CONFIG = {"server": "coap://192.0.2.1/alarm", "apn": "test.apn"}
HOUR_S = 3600.0
WARM_S = 6.0  # the chamber is valid 5 s after the start


class Answering:
    """A way to a server that answers each confirmable request with what `answer(message id, token)` makes."""

    def __init__(self, answer: Callable[[bytes, bytes], bytes]) -> None:
        self._answer = answer
        self.requests = 0

    def open(self, host: str, port: int, on_datagram: Callable[[bytes], object]) -> Answering.Flow:
        return Answering.Flow(self, on_datagram)

    class Flow:
        def __init__(self, server: Answering, on_datagram: Callable[[bytes], object]) -> None:
            self._server = server
            self._on_datagram = on_datagram

        def send(self, data: bytes) -> bool:
            if data[0] >> 4 & 3 == 0:
                self._server.requests += 1
                self._on_datagram(self._server._answer(data[2:4], data[4 : 4 + (data[0] & 15)]))
            return True

        def close(self) -> None:
            pass


class Rig:
    """A bench with the smoke alarm on it, and what came of it."""

    def __init__(self, bench: VirtualBench, packs: list[Pack]) -> None:
        self.bench = bench
        self.packs = packs

    def traces(self, ev: str, **match: Any) -> list[Event]:
        """The device's own events of one name."""
        found = [e["data"] | {"t": e["t"]} for e in self.bench.log.each("mcu", "trace") if e["data"]["ev"] == ev]
        return [data for data in found if match.items() <= data.items()]

    def errors(self) -> str:
        """What it said went wrong, in its own words."""
        return "\n".join(f"{data['what']}: {data['error']}" for data in self.traces("uplink_failed"))

    def until(self, condition: Callable[[], Any], limit_s: float, what: str, step_s: float = 1.0) -> None:
        """Let time pass until `condition()` holds; its deadline is virtual."""
        end_s = self.bench.clock.now() + limit_s
        while not condition():
            if self.bench.clock.now() >= end_s:
                last = "\n".join(str(event)[:300] for event in self.bench.log.events[-25:])
                said = f"no {what} within {limit_s:.0f} s; it said {self.errors()!r}"
                raise AssertionError(f"{said}; last events:\n{last}")
            self.bench.run(step_s)

    def names(self) -> list[str]:
        """Name of the first value of each pack that the server has, in order; `clear` is the end of a fire."""
        firsts = [pack.records[0] for pack in self.packs]
        return ["clear" if first["name"] == "fire" and not first["value"] else first["name"] for first in firsts]

    def siren_sounds(self) -> float:
        """Bring smoke; returns how long the siren took in seconds."""
        bench = self.bench
        bench.run(max(0.0, WARM_S - bench.clock.now()))
        before = len(bench.log.events)
        bench.world.smoke(SMOKE_MV)
        at_s = bench.clock.now()
        bench.run(3)
        on = [e["t"] for e in bench.log.events[before:] if e["ev"] == "pin" and e["pin"] == "SIREN" and e["value"]]
        assert on, "the siren did not sound"
        bench.world.smoke(300)
        return on[0] - at_s

    def fire_arrives(self, limit_s: float = 2 * HOUR_S) -> None:
        """The fire that was given meanwhile reaches the server, once."""
        self.until(lambda: "fire" in self.names(), limit_s, "fire at the server")


@contextmanager
def smoke_alarm(
    modem: dict[str, Any] | None = None,
    network: NetworkConfig | None = None,
    config: dict[str, Any] | None = None,
    before: Callable[[VirtualBench], object] = lambda bench: None,
    gateway: Gateway | None = None,
    heap_bytes: int | None = None,
) -> Iterator[Rig]:
    """The smoke alarm, started; `before(bench)` may set faults first."""
    packs: list[Pack] = []
    bench_config = BenchConfig(
        network=network or NetworkConfig(),
        modem=ModemConfig.load(**(modem or {})),
        files={"config.json": json.dumps(CONFIG | (config or {}))},
    )
    if heap_bytes is not None:  # as on a product, with the firmware frozen in
        bench_config.mcu = McuConfig(program="app", heap_bytes=heap_bytes)
    with VirtualBench(bench_config, gateway=gateway, on_pack=packs.append) as bench:
        before(bench)
        bench.start(["-m", "apps.smoke"])
        yield Rig(bench, packs)


# --- button -----------------------------------------------------------------------------------------------------------


def test_fire_in_the_pause_of_the_tests_pattern_sounds_at_once() -> None:
    with smoke_alarm() as rig:
        rig.bench.run(WARM_S)
        rig.bench.world.press_button()
        rig.bench.run(2.7)  # three bursts are over, the pause lasts until 4 s
        assert rig.siren_sounds() < 0.5


def test_stuck_button_costs_little_and_works_again_when_free() -> None:
    with smoke_alarm() as rig:
        rig.until(lambda: rig.traces("psm", state="enter"), 120, "PSM")
        rig.bench.world.press_button(hold_s=HOUR_S)
        rig.bench.run(HOUR_S / 2)
        before = rig.bench.mcu.turns
        rig.bench.run(HOUR_S / 4)
        assert rig.bench.mcu.turns - before < 2000
        assert rig.siren_sounds() < 0.5
        rig.bench.run(HOUR_S / 2)
        rig.bench.world.press_button()
        rig.until(lambda: rig.names().count("test") == 2, 120, "test")


# --- the modem --------------------------------------------------------------------------------------------------------


def test_silent_modem_is_named_and_the_siren_works() -> None:
    with smoke_alarm(before=lambda bench: setattr(bench.modem.faults, "silent", True)) as rig:
        rig.until(lambda: "ModemSilent" in rig.errors(), 600, "ModemSilent")
        assert "check power, UART wiring and baud rate" in rig.errors()
        assert rig.siren_sounds() < 0.5
        rig.bench.modem.faults.clear()
        rig.fire_arrives()
        assert rig.names()[0] == "fire"  # before the boot report that waited longer


def test_modem_that_hangs_for_days_is_reset_sparingly() -> None:
    with smoke_alarm() as rig:
        rig.until(lambda: rig.names(), 120, "first record")
        rig.bench.modem.faults.silent = True
        rig.bench.run(2 * 24 * HOUR_S)
        resets = rig.traces("modem_recovery")
        assert 1 <= len(resets) <= 48  # at most one an hour (GSMA TS.34)
        rig.bench.modem.faults.clear()
        rig.until(lambda: rig.names().count("heartbeat") >= 2, 26 * HOUR_S, "both heartbeats", 60)


def test_unknown_make_is_told_with_its_own_words() -> None:
    answer = ["ACME", "RoadRunner 3000", "Revision: 1.0"]
    with smoke_alarm(before=lambda bench: setattr(bench.modem.faults, "identity", answer)) as rig:
        rig.until(lambda: "UnknownModem" in rig.errors(), 600, "UnknownModem")
        assert "ACME / RoadRunner 3000" in rig.errors()
        assert "modem_<name>.py" in rig.errors()
        assert rig.siren_sounds() < 0.5


@pytest.mark.parametrize("delay_s", [0.1, 0.2, 0.3, 0.4, 1.0, 2.0, 4.0])
def test_modem_that_is_late_with_every_answer_still_delivers_a_fire(delay_s: float) -> None:
    with smoke_alarm(before=lambda bench: setattr(bench.modem.faults, "answer_delay_s", delay_s)) as rig:
        assert rig.siren_sounds() < 0.5
        rig.fire_arrives(600)
        rig.until(lambda: {"boot", "warm_up"} <= set(rig.names()), 600, "the other records")
        rig.bench.run(HOUR_S)
        rig.bench.world.press_button()
        rig.until(lambda: "test" in rig.names(), 300, "test out of PSM")
        assert rig.errors() == ""
        assert not rig.traces("modem_recovery")


def test_another_usual_baud_rate_is_found() -> None:
    with smoke_alarm(modem={"nvram": {"IPR": 9600}}) as rig:
        assert rig.siren_sounds() < 0.5
        rig.fire_arrives(600)
        assert rig.errors() == ""


def test_wrong_baud_rate_ends_in_a_typed_error() -> None:
    with smoke_alarm(modem={"nvram": {"IPR": 57600}}) as rig:
        rig.until(lambda: "ModemSilent" in rig.errors(), 600, "ModemSilent")
        assert rig.siren_sounds() < 0.5


# --- the card ---------------------------------------------------------------------------------------------------------


def test_no_sim() -> None:
    with smoke_alarm(modem={"sim": SimConfig(present=False)}) as rig:
        rig.until(lambda: "SimError" in rig.errors(), 600, "SimError")
        assert "insert a SIM" in rig.errors()
        assert rig.siren_sounds() < 0.5


def test_sim_that_asks_for_a_pin_which_nobody_configured() -> None:
    with smoke_alarm(modem={"sim": SimConfig(pin="2468")}) as rig:
        rig.until(lambda: "SimError" in rig.errors(), 600, "SimError")
        assert "set `pin` in the configuration" in rig.errors()
        rig.bench.run(24 * HOUR_S)
        assert rig.bench.modem.sim.pin_tries == 3


def test_wrong_pin_is_entered_once_and_never_again() -> None:
    with smoke_alarm(modem={"sim": SimConfig(pin="2468")}, config={"pin": "73915602"}) as rig:
        rig.until(lambda: "SimError" in rig.errors(), 600, "SimError")
        rig.siren_sounds()  # a fire tries again and again
        rig.bench.run(48 * HOUR_S)
        assert rig.bench.modem.sim.pin_tries == 2
        assert "73915602" not in json.dumps(rig.bench.log.events)


def test_right_pin_unlocks_and_stays_secret() -> None:
    with smoke_alarm(modem={"sim": SimConfig(pin="2468")}, config={"pin": "2468"}) as rig:
        rig.until(lambda: rig.names(), 300, "first record")
        assert "2468" not in json.dumps(rig.bench.log.events)


# --- the network ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "text"), [(8, "EPS and non-EPS services not allowed"), (11, "PLMN"), (22, "congestion")]
)
def test_denied_registration_names_the_cause(cause: int, text: str) -> None:
    with smoke_alarm(network=NetworkConfig(policy=Policy(reject_cause=cause))) as rig:
        rig.until(lambda: "RegistrationDenied" in rig.errors(), 900, "RegistrationDenied")
        assert text in rig.errors()
        assert f"EMM cause {cause}" in rig.errors()
        assert rig.siren_sounds() < 0.5
        rig.bench.network.config.policy.reject_cause = None
        rig.fire_arrives(26 * HOUR_S)


def test_no_coverage_is_named_and_the_alarm_arrives_when_there_is_a_cell() -> None:
    with smoke_alarm(before=lambda bench: bench.network.coverage(False)) as rig:
        rig.until(lambda: "NoCoverage" in rig.errors(), 900, "NoCoverage")
        assert "check antenna" in rig.errors()
        assert rig.siren_sounds() < 0.5
        rig.bench.run(HOUR_S)
        rig.bench.network.coverage(True)
        rig.fire_arrives()


def flap(rig: Rig, times: int) -> None:
    """Smoke for 2 s every 14 s."""
    for _ in range(times):
        rig.bench.world.smoke(SMOKE_MV)
        rig.bench.run(2)
        rig.bench.world.smoke(300)
        rig.bench.run(12)


def test_fires_without_coverage_wait_as_one_and_are_counted() -> None:
    with smoke_alarm(before=lambda bench: bench.network.coverage(False), heap_bytes=131072) as rig:
        rig.bench.run(WARM_S)
        flap(rig, 250)
        assert not rig.traces("record_lost")
        assert len(rig.traces("record", prio=0)) == 1
        assert rig.siren_sounds() < 0.5
        rig.bench.run(30)
        rig.bench.network.coverage(True)
        rig.fire_arrives(HOUR_S)
        rig.until(lambda: "clear" in rig.names(), HOUR_S, "end of the fire")
        assert rig.names().count("fire") == rig.names().count("clear") == 1
        assert rig.packs[rig.names().index("clear")].value("fires") == 251


def test_a_fire_that_was_sent_and_not_acknowledged_speaks_for_no_other() -> None:
    with smoke_alarm() as rig:
        rig.until(lambda: rig.traces("psm", state="enter"), 120, "PSM")
        rig.bench.modem.faults.drop_line(r"\+QIURC", times=100)
        flap(rig, 2)
        rig.bench.run(2 * HOUR_S)
        rig.bench.modem.faults.clear()
        rig.until(lambda: len(rig.traces("uplink_ack", prio=0)) == 2, HOUR_S, "both fires")
        assert rig.names().count("fire") == 2


def test_the_end_of_a_fire_never_comes_behind_the_next_fire() -> None:
    with smoke_alarm() as rig:
        rig.until(lambda: rig.traces("psm", state="enter"), 120, "PSM")
        rig.siren_sounds()
        rig.until(lambda: rig.traces("uplink_ack", prio=0), 60, "acknowledged fire")
        rig.bench.network.coverage(False)
        rig.until(lambda: rig.traces("record", prio=1), 60, "record of the end")
        rig.bench.world.smoke(SMOKE_MV)
        rig.bench.run(60)
        rig.bench.network.coverage(True)
        rig.until(lambda: rig.names().count("fire") == 2, HOUR_S, "second fire")
        rig.bench.run(HOUR_S)
        assert rig.names()[-1] == "fire"


def test_in_deep_coverage_a_report_goes_out_once() -> None:
    with smoke_alarm(network=NetworkConfig.load("deep-indoor"), config={"heartbeat_s": 3600}) as rig:
        rig.until(lambda: len(rig.names()) >= 2, 600, "first records")
        rig.bench.run(HOUR_S)
        before = len(rig.names())
        sends = [e for e in rig.bench.log.each("uart", "to_modem") if "QISEND" in e["data"]]
        rig.until(lambda: len(rig.names()) >= before + 3, 4 * HOUR_S, "three heartbeats")
        rig.bench.run(60)
        after = [e for e in rig.bench.log.each("uart", "to_modem") if "QISEND" in e["data"]]
        assert len(after) - len(sends) == len(rig.names()) - before


# --- the server -------------------------------------------------------------------------------------------------------


def test_unreachable_server_keeps_the_records() -> None:
    with smoke_alarm(network=NetworkConfig(loss=1.0)) as rig:
        rig.until(lambda: "ServerUnreachable" in rig.errors(), 900, "ServerUnreachable")
        assert "did not answer" in rig.errors()
        assert rig.siren_sounds() < 0.5
        rig.bench.run(HOUR_S)
        rig.bench.network.config.loss = 0.0
        rig.fire_arrives()
        rig.until(lambda: {"boot", "warm_up"} <= set(rig.names()), 8 * HOUR_S, "all that waited", 10)


@pytest.mark.parametrize("code", ["4.04", "5.03"])
def test_refusing_server_keeps_the_records(code: str) -> None:
    with smoke_alarm(before=lambda bench: setattr(bench.inbox, "answer", code)) as rig:
        rig.until(lambda: "ServerRefused" in rig.errors(), 900, "ServerRefused")
        assert f"server answered {code}; the record is kept" in rig.errors()
        rig.siren_sounds()
        rig.bench.run(HOUR_S)
        rig.bench.inbox.answer = None
        rig.fire_arrives()
        rig.until(lambda: "boot" in rig.names(), 8 * HOUR_S, "what waited", 10)
        assert len(rig.names()) == len(set(rig.names()))


@pytest.mark.parametrize("size", [500, 590, 615, 640, 1200])
def test_answer_with_much_payload_counts(size: int) -> None:
    server = Answering(lambda mid, token: b"\x64\x44" + mid + token + b"\xff" + b"\xa1" * size)
    with smoke_alarm(gateway=server) as rig:
        rig.until(lambda: len(rig.traces("uplink_ack")) == 2, 120, "acknowledgements")
        assert server.requests == 2


def test_answer_in_blocks_is_named() -> None:
    block2 = b"\xd1\x0a\x0e"
    server = Answering(lambda mid, token: b"\x64\x44" + mid + token + block2 + b"\xff" + b"x" * 64)
    with smoke_alarm(gateway=server) as rig:
        rig.until(rig.errors, 300, "error")
        assert "ServerAnswerUnknown: server answered 2.04 with option 23 (Block2)" in rig.errors()
        assert rig.siren_sounds() < 0.5


def test_server_that_asks_for_a_restart_in_every_answer_gets_one_an_hour() -> None:
    def restart_always(rig: Rig) -> None:
        rig.bench.inbox.downlink = cbor2.dumps({"restart": True})

    with smoke_alarm() as rig:
        restart_always(rig)
        rig.bench.log.subscribe(lambda e: restart_always(rig) if (e["src"], e["ev"]) == ("server", "request") else None)
        rig.until(lambda: rig.traces("restart_refused"), 120, "refusal")
        rig.bench.run(HOUR_S)
        assert rig.bench.mcu.starts == 1
        rig.bench.world.press_button()
        rig.until(lambda: rig.bench.mcu.starts == 2, 120, "restart")
        rig.bench.run(HOUR_S / 2)
        assert rig.bench.mcu.starts == 2


# --- the line ---------------------------------------------------------------------------------------------------------


def test_split_bytes_and_garbage_do_no_harm() -> None:
    def disturb(bench: VirtualBench) -> None:
        bench.modem.faults.chunks = (1, 3, 2)
        for noise in (b"\xff\x00\xfe", b"\r\n+CE", b"OK\xff\r\n", b"\x00" * 40):
            bench.modem.faults.garbage(noise, times=2)

    with smoke_alarm(before=disturb) as rig:
        rig.until(lambda: len(rig.names()) >= 2, 1800, "first records")
        assert rig.siren_sounds() < 0.5
        rig.fire_arrives(600)


def test_reset_banner_in_the_middle_of_a_command() -> None:
    commands = (r"AT\+CEREG\?", r"AT\+QISEND", r"AT\+QIOPEN", r"AT\+QICLOSE", r"AT\+QSCLK")
    with smoke_alarm() as rig:
        rig.until(lambda: rig.names(), 120, "first record")
        rig.until(lambda: rig.traces("psm", state="enter"), 120, "PSM")
        for count, command in enumerate(commands, 1):
            rig.bench.run(30)  # the test before is over
            rig.bench.modem.faults.reset_during(command)
            rig.bench.world.press_button()
            rig.until(lambda c=count: rig.names().count("test") == c, 1800, f"test after a reset in {command}")
        assert len(rig.traces("modem_reset")) >= len(commands)
        assert not rig.bench.log.each("mcu", "wdt")


def test_dropped_and_repeated_lines() -> None:
    with smoke_alarm() as rig:
        rig.until(lambda: rig.traces("psm", state="enter"), 120, "PSM")
        for kind in ("drop_line", "repeat_line"):
            for count, line in enumerate((r"^OK$", r"SEND OK", r"\+QIOPEN", r"\+QIURC", r"CLOSE OK", r"\+CEREG"), 1):
                before = rig.names().count("test")
                rig.bench.run(30)  # the test before is over
                getattr(rig.bench.modem.faults, kind)(line)
                rig.bench.world.press_button()
                rig.until(lambda b=before: rig.names().count("test") > b, 1800, f"test with {kind} {line} ({count})")
        assert rig.names().count("test") == 12


# --- payloads and prompts: scripts of tests/device --------------------------------------------------------------------


def run_device(script: str, job: dict[str, Any], before: Callable[[VirtualBench], object], seconds: float) -> Rig:
    """Run a script of tests/device with its job; the rig is closed when it returns."""
    packs: list[Pack] = []
    with VirtualBench(BenchConfig(files={"job.json": json.dumps(job)}), on_pack=packs.append) as bench:
        before(bench)
        bench.start([str(DEVICE / script)])
        bench.run(seconds)
        return Rig(bench, packs)


LINK = {"apn": "test.apn", "t3324_s": 10, "t3412_s": 86400}
NASTY = b'OK\r\nERROR\r\n> \r\n+CME ERROR: 3\r\nRDY\r\n+QIURC: "recv",0,2,"4142"\r\n\x1a\x1b\x00\xff'


def test_payload_that_looks_like_answers_arrives_unchanged() -> None:
    pack = cbor2.dumps([{0: "r", 8: NASTY}])
    job = {"link": LINK, "uri": "coap://192.0.2.1/raw", "records": [[1, pack.hex()]]}
    rig = run_device("sender.py", job, lambda bench: None, 120)
    assert [pack.value("r") for pack in rig.packs] == [NASTY.hex()]


def test_downlink_that_looks_like_answers_is_read_by_length() -> None:
    job = {"link": LINK, "uri": "coap://192.0.2.1/raw", "records": [[1, cbor2.dumps([{0: "r", 4: True}]).hex()]]}
    rig = run_device("sender.py", job, lambda bench: setattr(bench.inbox, "downlink", NASTY), 120)
    assert [data["bytes"] for data in rig.traces("downlink")] == [len(NASTY)]


def test_prompt_that_never_comes() -> None:
    job = {"link": LINK, "host": "192.0.2.1", "port": 5683, "payload": NASTY.hex()}
    rig = run_device("prompt.py", job, lambda bench: setattr(bench.modem.faults, "prompt_never", True), 200)
    assert rig.traces("failed", what="PromptMissing")
    assert "no > prompt after AT+QISEND=" in rig.traces("failed")[0]["error"]
    assert rig.traces("alive")


# --- restarts ---------------------------------------------------------------------------------------------------------


def test_records_survive_a_restart_a_watchdog_and_a_power_cut() -> None:
    with smoke_alarm(network=NetworkConfig(loss=1.0)) as rig:
        bench = rig.bench
        bench.run(60)
        rig.siren_sounds()
        bench.run(30)
        bench.mcu.restart()
        bench.run(60)
        bench.mcu.power_cut()
        bench.modem.supply(False)
        bench.run(60)
        bench.modem.supply(True)
        bench.mcu.power_on(["-m", "apps.smoke"])
        bench.run(60)
        assert rig.packs == []
        bench.network.config.loss = 0.0
        rig.fire_arrives()
        rig.until(lambda: rig.names().count("boot") == 3, 8 * HOUR_S, "three boot reports", 10)
        assert rig.names()[0] == "fire"
        assert rig.names().count("fire") == 1


def test_a_lost_acknowledgement_is_no_second_fire() -> None:
    with smoke_alarm() as rig:
        rig.until(lambda: rig.traces("psm", state="enter"), 120, "PSM")
        rig.bench.modem.faults.drop_line(r"\+QIURC", times=2)
        rig.siren_sounds()
        rig.until(lambda: rig.traces("uplink_ack", prio=0), HOUR_S, "acknowledged fire")
        assert rig.names().count("fire") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"server": "http://x"}',
        '{"server": "coap://192.0.2.1/' + 170 * "p" + '"}',
        '{"pin": "12"}',
        '{"t3324_s": "ten"}',
        '{"nonsense": 1}',
        "\udcff" * 3,
    ],
)
def test_broken_configuration_never_silences_the_alarm(text: str) -> None:
    files = {"config.json": text.encode("utf-8", "surrogateescape")}
    with VirtualBench(BenchConfig(files=files)) as bench:
        bench.start(["-m", "apps.smoke"])
        bench.run(30)
        rig = Rig(bench, [])
        assert rig.traces("config")
        assert rig.siren_sounds() < 0.5
