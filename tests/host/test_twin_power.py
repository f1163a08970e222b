"""How virtual modules sleep, wake and are switched on and off: the recipes that families choose from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cellkit.bench.modem.family import Traits
from cellkit.bench.modem.power import Mode
from cellkit.bench.modem.recipes import (
    ALWAYS_AWAKE,
    FALLS_BACK,
    FIRST_CHARACTER_LOST,
    PIN_WAKES,
    POWERS_DOWN,
    REACHABLE,
    UART_WAKES,
    Recipe,
)
from twin_rig import PSM, TwinRig

# Sleep


def test_rxd_wakes_and_what_wakes_is_lost() -> None:
    rig = TwinRig(recipe=UART_WAKES)
    rig.asleep()
    assert rig.at("AT+CGMM", 3.0) == []
    assert rig.modem.power.mode is Mode.RUN
    assert rig.ok("AT+CGMM") == ["generic"]


def test_one_character_is_lost() -> None:
    rig = TwinRig(recipe=FIRST_CHARACTER_LOST)
    rig.asleep()
    assert rig.at("AT+CGMM") == []  # `T+CGMM` is no command
    rig.asleep_again()
    assert rig.at("XAT+CGMM") == ["generic", "OK"]


def test_every_character_is_heard() -> None:
    rig = TwinRig(recipe=REACHABLE)
    rig.asleep()
    assert rig.at("AT+CGMM") == ["generic", "OK"]


@pytest.mark.parametrize("recipe", [PIN_WAKES, FALLS_BACK])
def test_the_uart_is_dead_and_a_pin_or_key_wakes(recipe: Recipe) -> None:
    rig = TwinRig(recipe=recipe)
    rig.asleep()
    assert rig.at("AT", 5.0) == []
    assert rig.modem.power.mode is Mode.DEEP_SLEEP
    rig.modem.pin("PSM_EINT", 0)
    rig.advance(1.0)
    rig.modem.pin("PSM_EINT", 1)
    assert rig.ok("AT") == []
    rig.asleep_again()
    rig.press(1.0)
    rig.advance(2.0)
    assert rig.ok("AT") == []


def test_woken_for_nothing_it_falls_back() -> None:
    rig = TwinRig(recipe=FALLS_BACK)
    rig.asleep()
    rig.press(1.0)
    rig.wait(lambda: rig.modem.power.mode is Mode.RUN, 5.0)
    rig.advance(4.5)
    assert rig.modem.power.mode is Mode.RUN
    rig.advance(1.0)
    assert rig.modem.power.mode is Mode.DEEP_SLEEP
    rig.press(1.0)
    rig.wait(lambda: rig.modem.power.mode is Mode.RUN, 5.0)
    assert rig.ok("AT") == []  # AT traffic keeps it awake as usual
    rig.advance(6.0)
    assert rig.modem.power.mode is Mode.RUN


def test_power_down_in_psm_loses_memory_and_keeps_the_registration() -> None:
    rig = TwinRig(recipe=replace(POWERS_DOWN, deaf_s=1.0), traits=Traits(banner=((0.0, "RDY"), (0.2, "APP RDY"))))
    forgotten: list[bool] = []
    rig.modem.at_reset.append(lambda: forgotten.append(True))
    rig.attach(PSM)
    rig.ok("AT+CTZU=1")
    rig.ok("ATS3=10")
    attaches = len(rig.events("net", "attach"))
    rig.wait(lambda: rig.modem.power.mode is Mode.DEEP_SLEEP, 120.0)
    assert forgotten
    rig.advance(2.0)
    rig.modem.pin("PSM_EINT", 0)  # it has no such pin
    assert rig.at("AT", 2.0) == []
    assert rig.modem.power.mode is Mode.DEEP_SLEEP
    rig.press(1.0)
    rig.wait(lambda: rig.modem.power.mode is Mode.RUN, 10.0)
    assert [line for line in rig.lines(1.0) if "RDY" in line] == ["RDY", "APP RDY"]
    assert rig.ok("ATE0") is not None
    assert rig.ok("ATS3?") == ["013"]
    assert rig.ok("AT+CTZU?") == ["+CTZU: 1"]
    assert rig.modem.ue.registered
    assert len(rig.events("net", "attach")) == attaches


def test_a_key_soon_after_power_down_is_not_seen() -> None:
    rig = TwinRig(recipe=replace(POWERS_DOWN, deaf_s=1.0))
    rig.asleep()
    slept = rig.modem.power.mode
    rig.press(0.9)
    rig.advance(5.0)
    assert slept is rig.modem.power.mode is Mode.DEEP_SLEEP
    rig.press(0.9)
    rig.advance(5.0)
    assert rig.modem.power.mode is not Mode.DEEP_SLEEP


def test_t3412_boots_a_module_that_powers_down() -> None:
    rig = TwinRig(recipe=POWERS_DOWN, traits=Traits(banner=((0.0, "RDY"),)))
    rig.asleep()
    assert "RDY" in rig.lines(3700.0)


def test_no_sleep_unless_it_is_told_to() -> None:
    rig = TwinRig(recipe=ALWAYS_AWAKE)
    rig.attach(PSM)
    rig.advance(300.0)
    assert rig.modem.ue.psm
    assert rig.ok("AT") == []


def test_the_sleep_lock_can_be_given_up() -> None:
    rig = TwinRig(recipe=UART_WAKES)
    rig.attach()
    rig.wait(lambda: not rig.modem.ue.connected, 60.0)
    rig.at("AT", 1.0)
    rig.ok("AT")
    assert rig.modem.power.mode is Mode.RUN
    rig.modem.power.let_sleep()
    assert rig.modem.power.mode is Mode.LIGHT_SLEEP


def test_dtr_wakes_from_light_sleep() -> None:
    rig = TwinRig(sleep_mode=lambda modem: 2 if modem.power.level("DTR") else 0)
    rig.attach()
    rig.wait(lambda: rig.modem.power.mode is Mode.LIGHT_SLEEP, 120.0)
    rig.modem.pin("DTR", 0)
    rig.advance(0.5)
    assert rig.ok("AT") == []
    rig.advance(60.0)
    assert rig.modem.power.mode is Mode.RUN
    rig.modem.pin("DTR", 1)
    assert rig.modem.power.mode is Mode.LIGHT_SLEEP


# Keys


def key_rig(recipe: Recipe) -> TwinRig:
    rig = TwinRig(recipe=recipe, config={"starts_with_supply": False})
    rig.modem.supply(True)
    rig.advance(5.0)
    assert rig.modem.power.mode is Mode.OFF
    rig.press(0.1)
    assert rig.modem.power.mode is Mode.OFF  # too short
    rig.press(1.0)
    rig.advance(5.0)
    assert rig.modem.power.mode is Mode.RUN
    rig.tx.clear()
    return rig


def test_the_power_key_switches_on_and_off() -> None:
    rig = key_rig(replace(ALWAYS_AWAKE, key_off_s=0.65, off_s=2.0))
    rig.press(0.6)
    assert rig.modem.power.mode is Mode.RUN
    rig.press(0.7)
    assert rig.modem.power.mode is Mode.RUN  # it still detaches
    rig.advance(2.0)
    assert rig.modem.power.mode is Mode.OFF
    rig.press(1.0)
    rig.advance(5.0)
    assert rig.modem.power.mode is Mode.RUN


def test_the_power_key_held_very_long_resets() -> None:
    rig = key_rig(replace(ALWAYS_AWAKE, key_reset_s=12.0))
    rig.press(11.0)
    assert not rig.events("modem", "reset")
    rig.press(12.1)
    assert rig.events("modem", "reset")[-1]["cause"] == "power key"
    both = key_rig(replace(ALWAYS_AWAKE, key_off_s=1.2, key_reset_s=12.0))
    both.modem.pin("PWRKEY", 0)
    both.advance(2.0)
    assert both.modem.power.mode is Mode.OFF
    both.advance(15.0)
    assert both.modem.power.mode is Mode.RUN
