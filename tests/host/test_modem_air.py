"""The radio in time: phases in order, nothing lost when it is interrupted, and patterns on the charge meter."""

from __future__ import annotations

import pytest
from cellkit.bench.energy import ChargeMeter
from cellkit.bench.log import EventLog
from cellkit.bench.modem.air import Air
from modem_rig import ManualClock, ModemRig


class Player:
    """An Air whose states are noted with their times."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.seen: list[tuple[float, str | None]] = []
        self.ends: list[tuple[float, str, bool]] = []
        self.air = Air(self.clock, lambda: self.seen.append((self.clock.now(), self.air.state)))

    def play(self, name: str, *phases: tuple[str, float], urgent: bool = False) -> None:
        self.air.play(list(phases), lambda ok: self.ends.append((self.clock.now(), name, ok)), urgent)


def test_procedures_come_one_after_the_other_without_a_gap() -> None:
    player = Player()
    player.play("one", ("rx", 1.0), ("rx", 1.0), ("sleep", 0.0), ("tx", 2.0))
    player.play("two", ("tx", 1.0), ("rx", 1.0))
    player.clock.advance(10.0)
    assert player.seen == [(0.0, "rx"), (2.0, "tx"), (5.0, "rx"), (6.0, None)]
    assert player.ends == [(4.0, "one", True), (6.0, "two", True)]


def test_what_follows_a_procedure_is_played_at_once() -> None:
    player = Player()
    player.air.play([("rx", 1.0)], lambda ok: player.play("next", ("tx", 1.0)))
    player.clock.advance(5.0)
    assert player.seen == [(0.0, "rx"), (1.0, "tx"), (2.0, None)]


def test_urgent_interrupts_and_the_rest_follows() -> None:
    player = Player()
    player.play("up", ("wait", 1.0), ("tx", 4.0))
    player.play("later", ("tx", 1.0))
    player.clock.advance(2.0)
    player.play("down", ("rx", 0.5), urgent=True)
    player.play("down again", ("rx", 0.5), urgent=True)  # one after the other, and both before what waits
    player.clock.advance(10.0)
    assert player.ends == [(2.5, "down", True), (3.0, "down again", True), (6.0, "up", True), (7.0, "later", True)]
    assert player.seen == [(0.0, "wait"), (1.0, "tx"), (2.0, "rx"), (3.0, "tx"), (7.0, None)]


def test_abort_tells_all_and_clear_tells_nobody() -> None:
    player = Player()
    player.play("up", ("tx", 4.0))
    player.play("waiting", ("tx", 4.0))
    player.clock.advance(1.0)
    player.play("down", ("rx", 1.0), urgent=True)
    player.air.abort()
    assert sorted(player.ends) == [(1.0, "down", False), (1.0, "up", False), (1.0, "waiting", False)]
    assert not player.air.busy and player.air.state is None
    player.play("after", ("tx", 1.0))
    player.air.clear()
    player.clock.advance(10.0)
    assert len(player.ends) == 3


def test_a_pattern_is_booked_by_its_shares() -> None:
    clock = ManualClock()
    log = EventLog(None, clock)
    meter = ChargeMeter(clock, log, "modem", {"sleep": 36.0, "rx": 3600.0}, "sleep")
    meter.mix({"rx": 0.25, "sleep": 0.75})
    meter.mix({"rx": 0.25, "sleep": 0.75})  # as before: no event
    clock.advance(400.0)
    meter.set("sleep")
    clock.advance(100.0)
    assert meter.charge_uah_by_state() == pytest.approx({"rx": 100.0, "sleep": 3.0 + 1.0})
    assert [event["current_ua"] for event in log.each("modem", "state")] == [36.0, pytest.approx(927.0), 36.0]
    with pytest.raises(KeyError, match="dance"):
        meter.mix({"dance": 1.0})


def test_a_module_with_its_own_sleep_in_connected_drx() -> None:
    rig = ModemRig({"radio": {"connected.inactivity_s": 20}}, module=with_connected_sleep())
    rig.attach("AT+QSCLK=0")
    rig.advance(10.0)
    assert rig.modem.ue.connected
    before = rig.modem.meter.charge_uah_by_state()
    rig.advance(5.0)
    spent = {state: uah - before.get(state, 0.0) for state, uah in rig.modem.meter.charge_uah_by_state().items()}
    # 4 periods of 16 ms of each 2.048 s are listened to.
    assert spent["rx"] == pytest.approx(15000 * 5 * 0.064 / 2.048 / 3600)
    assert spent["connected_sleep"] == pytest.approx(2000 * 5 * (1 - 0.064 / 2.048) / 3600)
    assert spent["tx"] == spent.get("connected", 0.0) == 0.0


def with_connected_sleep() -> object:
    from cellkit.model.parts import load_module

    return load_module("bc660k-gl", {"current": {"connected_sleep": 2000}})
