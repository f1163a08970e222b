"""An adversary at the line of every family: URCs at every position, reads cut and joined, answers late, lost or
repeated, resets, noise. What the firmware gets is the right data or a typed error within its deadline; never a hang,
never another command's answer; and once it is quiet again, all works.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.clock import Clock
from cellkit.bench.gateway import PipeEvents
from cellkit.bench.modem import families
from cellkit.bench.modem.faults import Faults
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench

SCRIPT = Path(__file__).resolve().parents[1] / "device" / "adversary.py"
LINK = {"apn": "test.apn", "t3324_s": 10, "t3412_s": 86400}
ROUNDS = 6
QUIET_ROUNDS = 2  # the last ones, without an adversary
SEEDS = range(int(os.environ.get("CELLKIT_ADVERSARY_SEEDS", "2")))
STEP_LIMIT_S = {"up": 1500.0, "imei": 60.0, "clock": 60.0, "echo": 420.0, "release": 200.0}
LIMIT_S = 4 * 3600.0
URCS = (
    "+CTZV: 8", '+CMTI: "SM",1', "RING", "+CGEV: EPS PDN ACT 1", '+QIND: "FOTA","START"', "SMS DONE", "OK?", "+CME",
    '+QIURC: "dnsgip",0,1,300', "+COPS: 0", "%MDMEV: SEARCH STATUS 2",
)  # fmt: skip
STRIKES = (
    "urc", "urc", "urc", "cut", "join", "late", "late line", "drop", "repeat", "garbage", "error", "silent", "reset",
    "prompt", "send", "open", "context",
)  # fmt: skip
# Not the header of a payload, which nobody could tell from the bytes that it announces.
REPEATED = ("^OK$", "ERROR", "^[+](CEREG|CSCON|CPIN|CCLK|CGSN|CFUN|CPSMS|CGDCONT)", r"^\d{15}$")
POSITIONS = ("before_echo", "after_echo", "between_lines", "before_prompt", "before_final", "after_final")

# Family: the profile that a board with it names.
FAMILIES = {
    "quectel-bc660k": "bc660k", "quectel-bc26": "bc26", "quectel-bc95": "bc95", "quectel-bg9x": "bg95",
    "quectel-cat1": "ec2", "simcom-sim7020": "sim7020", "simcom-sim7080": "sim7080", "simcom-a76xx": "a76",
    "simcom-sim7600": "sim76", "ublox-sara-r": "sara_r4", "ublox-sara-n2": "sara_n2", "nordic-nrf91": "nrf9160",
    "sequans-gm02s": "gm02s", "luat-air780e": "airm2m", "chinamobile-m5311": "m5311", "chinamobile-ml307": "ml3",
    "fibocom-l610": "l61", "telit-me310": "me310",
}  # fmt: skip
PROFILES = Path(__file__).resolve().parents[2] / "firmware" / "cellular" / "modem" / "profiles"


def there() -> list[str]:
    """Families with a virtual module and a profile."""
    return [name for name, kind in FAMILIES.items() if name in families.names() and (PROFILES / f"{kind}.py").is_file()]


class Echo:
    """Datagrams come back after a moment."""

    look_s = 0.0

    def __init__(self) -> None:
        self.clock: Clock | None = None

    def open(self, host: str, port: int, on_data: Callable[[bytes], object]) -> Echo.Flow:
        return Echo.Flow(self, on_data)

    def connect(self, host: str, port: int, events: PipeEvents) -> Any:
        raise AssertionError("no stream is asked for")

    class Flow:
        def __init__(self, echo: Echo, on_data: Callable[[bytes], object]) -> None:
            self._echo, self._on_data, self._open = echo, on_data, True

        def send(self, data: bytes) -> bool:
            assert self._echo.clock is not None
            self._echo.clock.call_later(0.05, lambda: self._on_data(data) if self._open else None)
            return True

        def close(self) -> None:
            self._open = False


def strike(faults: Faults, rng: random.Random, reset: Callable[[], object]) -> str:
    """One thing that goes wrong from now on, or once; told for the report."""
    kind = rng.choice(STRIKES)
    if kind == "urc":
        faults.urc_at(rng.choice(POSITIONS), rng.choice(URCS), "", rng.randint(1, 3))  # type: ignore[arg-type]
    elif kind == "cut":
        faults.chunks = tuple(rng.randint(1, 30) for _ in range(rng.randint(1, 4)))
    elif kind == "join":
        faults.join_s = rng.choice((0.0, 0.05, 0.5, 2.0))
    elif kind == "late":
        faults.answer_delay_s = rng.choice((0.0, 0.3, 2.0, 7.0))
    elif kind == "late line":
        faults.delay_line(rng.choice(("^OK$", "[+].*", ".*")), rng.choice((0.2, 1.0, 4.0, 9.0)))
    elif kind == "drop":
        faults.drop_line(rng.choice(("OK", "[+].*", ".*")))
    elif kind == "repeat":
        faults.repeat_line(rng.choice(REPEATED))
    elif kind == "garbage":
        faults.garbage(bytes(rng.randrange(256) for _ in range(rng.randint(1, 40))))
    elif kind == "error":
        faults.error("", rng.choice(("ERROR", "+CME ERROR: 3", "+CME ERROR: unknown")))
    elif kind == "silent":
        faults.no_answer("")
    elif kind == "prompt":
        faults.prompt_never, faults.early_data_lost = rng.choice(((False, False), (True, False), (False, True)))
    elif kind == "send":
        faults.send_fail()
    elif kind == "open":
        faults.open_error(rng.choice((561, 563, 565)))
    elif kind == "context":
        faults.no_context()
    else:
        reset()
    return kind


def said(event: dict[str, Any]) -> str:
    came = event.get("result", event.get("error"))
    return f"{event['name']} of round {event['round']}: {came} after {event['ms']} ms"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("family", there())
def test_right_data_or_a_typed_error_in_time(family: str, seed: int) -> None:
    rng = random.Random(f"{family} {seed}")
    echo = Echo()
    modem = families.config(family)
    job: dict[str, Any] = {"kind": FAMILIES[family], "link": LINK, "rounds": ROUNDS, "host": "192.0.2.1", "port": 7}
    job["pins"] = seed % 2 == 0  # every other board has no wires for reset and wake
    config = BenchConfig(modem=modem, files={"job.json": json.dumps(job)})
    with VirtualBench(config, seed=seed, gateway=echo) as bench:
        echo.clock = bench.clock
        bench.start([str(SCRIPT)])
        struck: list[tuple[float, str]] = []

        def told(ev: str) -> list[dict[str, Any]]:
            return [e["data"] for e in bench.log.each("mcu", "trace") if e["data"]["ev"] == ev]

        while not told("done"):
            quiet = len(told("round")) >= ROUNDS - QUIET_ROUNDS
            if quiet:
                bench.modem.faults.clear()
            elif rng.random() < 0.25:
                what = strike(bench.modem.faults, rng, lambda: bench.modem.reset("fault"))
                struck.append((bench.clock.now(), what))
            bench.run(rng.choice((0.02, 0.1, 0.5, 3.0)) if not quiet else 5.0)
            story = f"adversary: {struck}\nsteps: {[said(step) for step in told('step')]}"
            exits = [event for event in bench.log.each("mcu", "exit") if event["code"] or not told("done")]
            assert not exits, f"the firmware ended: {bench.log.each('mcu', 'console')[-12:]}\n{story}"
            assert bench.clock.now() < LIMIT_S, f"it hangs\n{story}"
        imei = modem.identity.imei
        for step in told("step"):
            assert step["ms"] <= 1000 * STEP_LIMIT_S[step["name"]], f"too late: {said(step)}\n{story}"
            if step.get("error") or step["result"] in (None, ""):
                continue  # a typed error, or nothing that came in time
            if step["name"] == "imei":
                assert step["result"] == imei, f"another's answer: {said(step)}\n{story}"
            elif step["name"] == "echo":
                want = f"{step['round']}\r\nOK\r\n".encode().hex()
                assert step["result"].startswith(want), f"another's data: {said(step)}\n{story}"
            elif step["name"] == "up":
                assert step["result"] in (1, 5), f"not registered: {said(step)}\n{story}"
        last = [step for step in told("step") if step["round"] == ROUNDS - 1]
        assert [step["name"] for step in last if not step.get("error")] == list(STEP_LIMIT_S), f"still broken\n{story}"
        assert next(step for step in last if step["name"] == "echo")["result"], f"no echo at the end\n{story}"
        slept = [event["state"] for event in bench.log.each("net", "psm")][-1:] == ["enter"]
        assert slept or not told("round")[-1]["psm"], f"it does not sleep at the end\n{story}"
