"""Whatever a host, a network and a power supply do to the virtual modem, it raises nothing and answers again."""

from __future__ import annotations

import random

import pytest
from modem_rig import ModemRig

ARGS = ["0", "1", "2", "5", "14", "", '"IP"', '"0101"', '"00000101"', '"UDP"', '"192.0.2.1"', '"a.example"', "5683",
        '"dataformat"', '"slplocktimes"', "-1", "99999999999", '"', "abcde", '"48656c6c6f"', "115200", '"1234"', "\xff"]


def command(rig: ModemRig, rng: random.Random) -> bytes:
    name = rng.choice(sorted(rig.modem.dialect.handlers))
    form = rng.choice(["", "?", "=?", "=", "="])
    args = ",".join(rng.choice(ARGS) for _ in range(rng.randrange(8))) if form == "=" else ""
    return f"AT{name}{form}{args}\r".encode("latin-1")


def step(rig: ModemRig, rng: random.Random) -> None:
    modem, network = rig.modem, rig.network
    kind = rng.randrange(12)
    if kind < 5:
        modem.rx(command(rig, rng))
    elif kind == 5:
        modem.rx(rng.randbytes(rng.randrange(1, 40)))
    elif kind == 6:
        modem.rx(b'AT+QIOPEN=0,%d,"UDP","192.0.2.1",5683,0,%d\r' % (rng.randrange(5), rng.randrange(2)))
    elif kind == 7:
        modem.rx(b"AT+QISEND=%d,5,hello\r" % rng.randrange(5))
    elif kind == 8:
        modem.pin(rng.choice(["RESET", "PSM_EINT", "PWRKEY"]), rng.randrange(2))
    elif kind == 9:
        modem.supply(rng.random() < 0.8)
    elif kind == 10:
        network.coverage(rng.random() < 0.7)
        network.config.policy.reject_cause = rng.choice([None, None, None, 15, 3])
    elif rig.gateway.flows:
        rng.choice(rig.gateway.flows).answer(rng.randbytes(20))
    rig.advance(rng.choice([0.0, 0.01, 0.1, 1.0, 10.0, 100.0]))


@pytest.mark.parametrize("seed", range(40))
def test_nothing_raises_and_it_answers_again(seed: int) -> None:
    rng = random.Random(seed)
    rig = ModemRig({"seed": seed}, sim={"pin": rng.choice([None, "1234"])})
    rig.modem.supply(True)
    for _ in range(150):
        step(rig, rng)
    rig.modem.supply(True)
    for level in (1, 0, 1):
        rig.modem.pin("PSM_EINT", level)
    rig.modem.pin("RESET", 1)
    rig.advance(200.0)  # longer than any command or data mode
    for level in (1, 0, 1):
        rig.modem.pin("PSM_EINT", level)
    rig.at("", 3.0)
    assert any("OK" in rig.at("AT", 0.5) for _ in range(8)), rig.log.events[-20:]
    events = rig.events("modem", "state")
    spans = zip(events, [*events[1:], {"t": rig.clock.now()}], strict=True)
    spent_uah = sum(now["current_ua"] * (later["t"] - now["t"]) / 3600 for now, later in spans)
    assert rig.modem.meter.total_uah() == pytest.approx(spent_uah, rel=1e-3)
