"""Supply, keys, boot, sleep, wake and charge of the virtual modem."""

from __future__ import annotations

import pytest
from modem_rig import ModemRig

PSM = 'AT+CPSMS=1,,,"00000110","00000011"'  # one hour, 6 s


def asleep(*commands: str, network: dict[str, object] | None = None, **modem: object) -> ModemRig:
    """A modem in PSM and deep sleep."""
    rig = ModemRig(network, **modem)
    rig.attach(PSM, *commands)
    rig.advance(60.0)
    assert rig.states()[-1] == "deep_sleep"
    return rig


# Supply and keys


def test_starts_with_its_supply_and_says_so_in_order() -> None:
    rig = ModemRig()
    rig.modem.supply(True)
    assert rig.advance(10.0) == "\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\n+IP: 10.0.0.7\r\n"
    assert rig.states()[:4] == ["off", "boot", "awake", "search"]
    times_s = [at_s for at_s, _ in rig.said_at]
    assert times_s[:3] == [pytest.approx(1.5), pytest.approx(1.65), pytest.approx(1.8)]


def test_power_key_means_nothing_to_this_module() -> None:
    rig = ModemRig()
    rig.boot()
    rig.modem.pin("PWRKEY", 0)
    rig.advance(2.0)
    rig.modem.pin("PWRKEY", 1)
    assert rig.ok("AT") == []
    assert len(rig.events("modem", "boot")) == 1


def test_a_module_with_a_power_key_needs_it_long_enough() -> None:
    rig = ModemRig(starts_with_supply=False)
    rig.modem.supply(True)
    assert rig.lines(5.0) == []
    rig.modem.pin("PWRKEY", 0)
    rig.advance(0.4)
    rig.modem.pin("PWRKEY", 1)
    assert rig.lines(5.0) == []
    rig.modem.pin("PWRKEY", 0)
    rig.advance(0.6)
    rig.modem.pin("PWRKEY", 1)
    assert rig.lines(2.0)[0] == "RDY"


def test_unknown_pin_is_refused() -> None:
    with pytest.raises(KeyError, match="STATUS"):
        ModemRig().modem.pin("STATUS", 0)


def test_reset_pin_holds_and_restarts() -> None:
    rig = ModemRig()
    rig.attach()
    rig.modem.pin("RESET", 0)
    rig.advance(0.04)
    rig.modem.pin("RESET", 1)
    assert rig.ok("AT") == []  # too short
    rig.modem.pin("RESET", 0)
    rig.advance(1.0)
    assert rig.at("AT") == []
    assert rig.states()[-1] == "off"
    rig.modem.pin("RESET", 1)
    assert rig.lines(2.0)[:2] == ["RDY", "+CFUN: 1"]
    assert rig.events("modem", "reset")[-1]["cause"] == "reset pin"


def test_supply_while_reset_is_low_waits_for_its_release() -> None:
    rig = ModemRig()
    rig.modem.pin("RESET", 0)
    rig.modem.supply(True)
    assert rig.lines(5.0) == []
    rig.modem.pin("RESET", 1)
    assert rig.lines(2.0)[0] == "RDY"


def test_power_cut_forgets_all_but_nvram() -> None:
    rig = ModemRig()
    rig.attach("AT+CEREG=5", "AT+QSCLK=0", 'AT+QICFG="dataformat",1,1')
    rig.open_socket()
    rig.modem.supply(False)
    assert rig.at("AT", 1.0) == []
    rig.boot()
    assert rig.ok("AT+CEREG?")[0].startswith("+CEREG: 5,")
    assert rig.ok("AT+QSCLK?") == ["+QSCLK: 1"]
    assert rig.ok('AT+QICFG="dataformat"') == ['+QICFG: "dataformat",1,1']
    assert rig.ok("AT+QISTATE?") == []


def test_voltage_below_minimum_switches_off() -> None:
    rig = ModemRig()
    rig.modem.voltage(3470)
    rig.advance(2.0)
    rig.ok("ATE0")
    assert rig.ok("AT+CBC") == ["+CBC: 3470"]
    rig.modem.voltage(2199)
    assert rig.at("AT") == []
    rig.modem.voltage(2200)
    assert rig.lines(2.0)[0] == "RDY"


def test_software_reset_says_ok_first() -> None:
    rig = ModemRig()
    rig.attach("AT+CEREG=1")
    assert rig.at("AT+QRST=1", 3.0)[:3] == ["OK", "RDY", "+CFUN: 1"]
    assert rig.events("net", "detach") == []


def test_bytes_before_the_banner_are_lost() -> None:
    rig = ModemRig()
    rig.modem.supply(True)
    rig.advance(1.0)
    assert rig.at("AT", 0.3) == []
    assert rig.events("modem", "lost")[-1]["why"] == "boot"
    assert rig.lines(1.0)[0] == "RDY"


# Sleep and wake


def test_first_at_after_deep_sleep_is_lost_and_only_cr_lf_comes() -> None:
    rig = asleep()
    rig.modem.rx(b"AT\r")
    assert rig.advance(1.7) == ""
    rig.modem.rx(b"AT\r")  # still waking: lost too
    assert rig.advance(1.0) == "\r\n"
    assert [event["why"] for event in rig.events("modem", "lost")] == ["deep sleep", "waking"]
    assert rig.ok("AT") == []
    assert rig.states()[-2:] == ["waking", "awake"]


def test_uart_does_not_wake_where_wakeup_rxd_is_off() -> None:
    rig = asleep(nvram={"wakeupRXD": 0})
    assert rig.at("AT", 5.0) == []
    rig.modem.pin("PSM_EINT", 0)
    assert rig.advance(0.5) == ""
    assert rig.ok("AT") == []


def test_waking_does_not_end_psm() -> None:
    rig = asleep("AT+QNBIOTEVENT=1,1")
    rig.at("AT", 2.0)
    assert rig.modem.ue.psm
    assert "EXIT PSM" not in rig.advance(5.0)


def test_deep_sleep_events_need_a_reboot_to_be_on() -> None:
    rig = asleep('AT+QCFG="dsevent",1')
    assert "DEEPSLEEP" not in "".join(event["text"] for event in rig.events("modem", "urc"))
    rig.modem.reset("test")
    rig.advance(60.0)
    assert rig.events("modem", "urc")[-1]["text"] == '+QNBIOTEVENT: "ENTER DEEPSLEEP"'
    assert rig.at("AT", 3.0) == ['+QNBIOTEVENT: "EXIT DEEPSLEEP"']


def test_light_sleep_loses_the_first_at() -> None:
    rig = ModemRig()
    rig.attach()
    rig.advance(30.0)
    assert rig.states()[-1] == "idle_drx_2s56"
    assert rig.at("AT") == []
    assert rig.events("modem", "lost")[-1]["why"] == "light sleep"
    assert rig.ok("AT") == []


def test_no_sleep_with_qsclk_0_and_no_deep_sleep_with_2() -> None:
    rig = ModemRig()
    rig.attach(PSM, "AT+QSCLK=0")
    rig.advance(60.0)
    assert rig.modem.ue.psm
    assert rig.ok("AT") == []
    rig.ok("AT+QSCLK=2")
    rig.advance(60.0)
    assert rig.states()[-1] == "light_sleep"
    assert rig.at("AT", 3.0) == []
    assert rig.ok("AT") == []


@pytest.mark.parametrize("lock_s", [0, 10, 30])
def test_stays_awake_for_slplocktimes_after_the_last_character(lock_s: int) -> None:
    rig = ModemRig(nvram={"slplocktimes": lock_s, "E": 0})
    rig.attach()
    rig.advance(60.0)
    rig.at("AT")
    rig.modem.rx(b"AT\r")
    rig.advance(0.022)
    rig.advance(max(lock_s, 1) - 0.1)
    assert rig.states()[-1] == "awake"
    rig.advance(0.2)
    assert rig.states()[-1] == "idle_drx_2s56"


def test_a_command_that_runs_keeps_the_module_awake() -> None:
    rig = ModemRig(nvram={"slplocktimes": 1, "E": 0})
    rig.attach()
    rig.advance(30.0)
    rig.at("AT")
    lines = rig.at("AT+COPS=?", 31.0)
    assert lines[-1] == "OK"
    assert "idle_drx_2s56" not in rig.states()[-1:]


def test_sockets_outlive_deep_sleep_but_no_reset() -> None:
    rig = ModemRig()
    rig.attach(PSM)
    flow = rig.open_socket()
    rig.advance(60.0)
    assert rig.states()[-1] == "deep_sleep"
    rig.at("AT", 2.0)
    assert rig.at("AT+QISEND=0,2,hi", 2.0) == ["OK", "SEND OK"]
    assert flow.sent == [b"hi"]
    rig.modem.reset("test")
    assert flow.closed


def test_sockets_may_be_configured_to_die_in_deep_sleep() -> None:
    rig = ModemRig(sockets_survive_deep_sleep=False)
    rig.attach(PSM)
    flow = rig.open_socket()
    rig.advance(60.0)
    assert flow.closed
    rig.at("AT", 2.0)
    assert rig.at("AT+QISEND=0,2,hi") == ["ERROR"]


def test_settings_in_ram_outlive_deep_sleep() -> None:
    rig = asleep('AT+CCLK="20/02/27,01:30:48+23"', network={"policy": {"nitz": False}})
    rig.at("AT", 2.0)
    assert rig.ok("AT+CCLK?")[0].startswith("+CCLK: 20/02/27,01:31:5")


# Charge


def test_charge_is_current_times_time_in_every_state() -> None:
    rig = asleep()
    rig.at("AT", 3.0)
    rig.advance(20.0)
    by_state = rig.modem.meter.charge_uah_by_state()
    assert {"off", "boot", "awake", "search", "connected", "deep_sleep", "waking"} <= set(by_state)
    events = rig.events("modem", "state")
    spans = zip(events, [*events[1:], {"t": rig.clock.now()}], strict=True)
    total_uah = sum(now["current_ua"] * (later["t"] - now["t"]) / 3600 for now, later in spans)
    assert rig.modem.meter.total_uah() == pytest.approx(total_uah, rel=1e-3)
    assert by_state["boot"] == pytest.approx(5000 * 1.5 / 3600)
    assert by_state["waking"] == pytest.approx(5000 * 1.8 / 3600)


def test_deep_sleep_draws_what_the_data_sheet_says() -> None:
    rig = asleep()
    before_uah = rig.modem.meter.total_uah()
    rig.advance(3600.0)
    assert rig.modem.meter.total_uah() - before_uah == pytest.approx(0.8, rel=1e-6)


def test_transmission_takes_longer_with_repetitions() -> None:
    def tx_s(repetitions: int) -> float:
        rig = ModemRig({"radio": {"ce0.uplink_repetitions": repetitions, "physical.block_error_rate": 0}})
        rig.attach()
        rig.open_socket()
        rig.advance(5.0)
        before_uah = rig.modem.meter.charge_uah_by_state()["tx"]
        rig.at("AT+QISEND=0,5,hello", 5.0)
        return (rig.modem.meter.charge_uah_by_state()["tx"] - before_uah) * 3600 / 98000

    # 5 bytes and 28, 12, 8 of headers are 424 bits: three units of TBS index 9, 8 ms each on one tone.
    assert tx_s(1) == pytest.approx(0.024)
    assert tx_s(16) == pytest.approx(16 * 0.024)
