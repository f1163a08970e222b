"""Registration: CEREG in all its modes, reject causes, coverage, function levels, operator, card and PIN."""

from __future__ import annotations

import pytest
from cellkit.model.radio import total_s
from modem_rig import ModemRig

CELL = '"0001","0000ABCD",9'


def urcs(rig: ModemRig, prefix: str) -> list[str]:
    return [event["text"] for event in rig.events("modem", "urc") if event["text"].startswith(prefix)]


# CEREG


@pytest.mark.parametrize(
    ("n", "searching", "registered", "read"),
    [
        (0, [], None, "+CEREG: 0,1"),
        (1, ["+CEREG: 2"], "+CEREG: 1", "+CEREG: 1,1"),
        (2, ["+CEREG: 2"], f"+CEREG: 1,{CELL}", f"+CEREG: 2,1,{CELL}"),
        (3, ["+CEREG: 2"], f"+CEREG: 1,{CELL}", f"+CEREG: 3,1,{CELL}"),
        (4, ["+CEREG: 2"], f'+CEREG: 1,{CELL},,,"00000011","00010010"', f'+CEREG: 4,1,{CELL},,,"00000011","00010010"'),
        (5, ["+CEREG: 2"], f'+CEREG: 1,{CELL},,,"00000011","00010010"', f'+CEREG: 5,1,{CELL},,,"00000011","00010010"'),
    ],
)
def test_cereg_modes(n: int, searching: list[str], registered: str | None, read: str) -> None:
    rig = ModemRig(nvram={"CEREG": n, "CPSMS": {"mode": 1, "t3412": "00000110", "t3324": "00000011"}})
    rig.attach()
    assert urcs(rig, "+CEREG") == searching + ([] if registered is None else [registered])
    assert rig.ok("AT+CEREG?") == [read]
    assert rig.ok("AT+CEREG=?") == ["+CEREG: (0-5)"]


@pytest.mark.parametrize(
    ("n", "denied"),
    [
        (1, "+CEREG: 3"),
        (2, f"+CEREG: 3,{CELL}"),
        (3, f"+CEREG: 3,{CELL},0,15"),
        (4, f"+CEREG: 3,{CELL}"),
        (5, f"+CEREG: 3,{CELL},0,15"),
    ],
)
def test_reject_cause_only_with_3_and_5(n: int, denied: str) -> None:
    rig = ModemRig({"policy": {"reject_cause": 15}}, nvram={"CEREG": n})
    rig.boot()
    rig.advance(5.0)
    assert urcs(rig, "+CEREG") == ["+CEREG: 2", denied]


def test_denied_tries_again_five_times_then_after_12_minutes() -> None:
    rig = ModemRig({"policy": {"reject_cause": 15}}, nvram={"CEREG": 5})
    rig.boot()
    rig.advance(1000.0)
    times_s = [event["t"] for event in rig.events("net", "reject")]
    gaps_s = [later - now for now, later in zip(times_s, times_s[1:], strict=False)]
    procedures = rig.modem.ue.procedures
    before, after = procedures.attach()
    one_s = total_s([*procedures.search(), *procedures.access(float("inf")), *before, *procedures.core(), *after])
    soon, late = (pytest.approx(one_s + wait_s, abs=1e-3) for wait_s in (10, 720))
    assert gaps_s == [soon] * 4 + [late] * (len(gaps_s) - 4)
    assert urcs(rig, "+CEREG")[:4] == ["+CEREG: 2", f"+CEREG: 3,{CELL},0,15"] * 2


def test_a_reject_may_end() -> None:
    rig = ModemRig({"policy": {"reject_cause": 22}}, nvram={"CEREG": 5})
    rig.boot()
    rig.advance(6.0)
    rig.network.config.policy.reject_cause = None
    rig.advance(15.0)
    assert rig.ok("AT+CEREG?")[0].startswith("+CEREG: 5,1,")


@pytest.mark.parametrize("cause", [3, 6, 7, 8])
def test_permanent_causes_are_not_tried_again(cause: int) -> None:
    rig = ModemRig({"policy": {"reject_cause": cause}}, nvram={"CEREG": 5})
    rig.boot()
    rig.advance(2000.0)
    assert len(rig.events("net", "reject")) == 1
    rig.at("AT")
    assert rig.ok("AT+CEREG?") == [f"+CEREG: 5,3,{CELL},0,{cause}"]
    assert rig.ok("AT+QEMMS?") == ['+QEMMS: "EMM_DEREGISTERED,LIMITED_SERVICE"']


def test_tau_may_be_rejected_and_a_new_attach_follows() -> None:
    rig = ModemRig({"policy": {"t3412_plain_s": 60}}, nvram={"CEREG": 5})
    rig.attach()
    rig.network.config.policy.reject_cause = 11
    rig.advance(80.0)
    assert rig.events("net", "reject")[0]["procedure"] == "tau"
    rig.network.config.policy.reject_cause = None
    rig.advance(30.0)
    assert len(rig.events("net", "attach")) == 2
    assert urcs(rig, "+CEREG")[-1] == f"+CEREG: 1,{CELL}"


def test_roaming() -> None:
    rig = ModemRig({"policy": {"roaming": True}}, nvram={"CEREG": 1})
    rig.attach()
    assert urcs(rig, "+CEREG") == ["+CEREG: 2", "+CEREG: 5"]
    assert rig.ok("AT+QENG=3") == ['+QENG: 4,"REG","CONNECTED","SELECTED","VPLMN","0x234,0xf015"']


# Coverage


def test_no_coverage_then_search_after_30_60_120_s() -> None:
    rig = ModemRig({"coverage_gaps": [{"start_s": 0, "duration_s": 500}]}, nvram={"CEREG": 1})
    rig.boot()
    rig.advance(800.0)
    times_s = [event["t"] for event in rig.events("net", "search")]
    assert [later - now for now, later in zip(times_s, times_s[1:], strict=False)] == [
        pytest.approx(pause_s + 18) for pause_s in (30, 60, 120, 120, 120, 120)[:len(times_s) - 1]
    ]
    assert urcs(rig, "+CEREG")[:3] == ["+CEREG: 2", "+CEREG: 4", "+CEREG: 2"]
    assert urcs(rig, "+CEREG")[-1] == "+CEREG: 1"


def test_answers_without_a_cell() -> None:
    rig = ModemRig({"coverage_gaps": [{"start_s": 0, "duration_s": 500}]})
    rig.boot()
    rig.advance(6.0)
    assert rig.ok("AT+QPLMNS?") == ["+QPLMNS: 1"]
    rig.advance(16.0)
    rig.at("AT")  # asleep between two searches
    assert rig.ok("AT+CSQ") == ["+CSQ: 99,99"]
    assert rig.ok("AT+CESQ") == ["+CESQ: 99,99,255,255,255,255"]
    assert rig.ok("AT+QENG=0") == ['+QENG: 0,0,0,0,"00000000",-157,-20,-137,-30,0,"0000",255,-128,255']
    assert rig.ok("AT+COPS?") == ["+COPS: 0"]
    assert rig.ok("AT+CGPADDR=0") == ["+CGPADDR: 0"]
    assert rig.ok("AT+CGDCONT?") == ['+CGDCONT: 0,"IP",""']
    assert rig.ok("AT+QPLMNS?")[0].startswith("+QPLMNS: 3,")
    assert rig.ok("AT+COPS=?", 31.0) == ["+COPS: ,,(0-4),(0-2)"]


def test_qplmns_searches_at_once_and_oosscheme_may_forbid_the_rest() -> None:
    rig = ModemRig({"coverage_gaps": [{"start_s": 0, "duration_s": 100}]}, nvram={"OOSScheme": 4, "E": 0})
    rig.boot()
    rig.advance(200.0)
    assert len(rig.events("net", "search")) == 1
    rig.at("AT")
    rig.ok("AT+QPLMNS", 8.0)
    assert rig.ok("AT+CEREG?") == ["+CEREG: 0,1"]
    assert rig.at("AT+QPLMNS") == ["+CME ERROR: 3"]


def test_lost_coverage_is_noticed_and_a_tau_brings_service_back() -> None:
    rig = ModemRig(nvram={"CEREG": 1, "CSCON": 1})
    rig.attach()
    rig.network.coverage(False)
    assert rig.lines(21.0) == ["+CSCON: 0", "+CEREG: 4", "+CEREG: 2", "+CEREG: 4"]
    rig.network.coverage(True)
    assert rig.lines(40.0)[:3] == ["+CEREG: 2", "+CSCON: 1", "+CEREG: 1"]
    assert len(rig.events("net", "attach")) == 1
    assert len(rig.events("net", "tau")) == 1


def test_a_short_gap_is_not_noticed() -> None:
    rig = ModemRig(nvram={"CEREG": 1})
    rig.attach()
    rig.network.coverage(False)
    rig.advance(1.0)
    rig.network.coverage(True)
    assert rig.lines(10.0) == []


def test_bands_and_lock_decide_whether_the_cell_counts() -> None:
    rig = ModemRig()
    rig.attach()
    rig.ok("AT+QBAND=1,8", 20.0)
    rig.at("AT")
    assert rig.ok("AT+CEREG?") == ["+CEREG: 0,4"]
    assert rig.ok("AT+QBAND?") == ["+QBAND: 8"]
    rig.ok("AT+QBAND=2,8,20", 5.0)
    assert rig.ok("AT+CEREG?") == ["+CEREG: 0,1"]
    assert rig.at("AT+QLOCKF=1,6254") == ["+CME ERROR: 3"]  # at CFUN=0 only
    rig.ok("AT+CFUN=0", 2.0)
    rig.ok("AT+QLOCKF=1,6254,,298")
    rig.at("AT+CFUN=1", 20.0)
    rig.at("AT")
    assert rig.ok("AT+CEREG?") == ["+CEREG: 0,4"]
    rig.ok("AT+CFUN=0", 2.0)
    rig.ok("AT+QLOCKF=1,6254,,299")
    assert rig.ok("AT+QLOCKF?") == ["+QLOCKF: 1,6254,299"]
    assert rig.ok("AT+QCSEARFCN") == []
    rig.at("AT+CFUN=1", 8.0)
    assert rig.ok("AT+CEREG?") == ["+CEREG: 0,1"]


# Function level, operator, attach


def test_cfun_0_detaches_and_1_asks_the_card_again() -> None:
    rig = ModemRig(nvram={"CEREG": 1})
    rig.attach()
    assert rig.at("AT+CFUN=0", 2.0) == ["+CEREG: 0", "OK"]
    assert len(rig.events("net", "detach")) == 1
    assert rig.at("AT+CPIN?") == ["+CME ERROR: 3"]
    assert rig.ok("AT+CFUN?") == ["+CFUN: 0"]
    assert rig.at("AT+CFUN=1", 10.0) == ["OK", "+CPIN: READY", "+CEREG: 2", "+CEREG: 1", "+IP: 10.0.0.7"]


def test_cfun_0_with_reset_stays() -> None:
    rig = ModemRig()
    rig.attach()
    assert rig.at("AT+CFUN=0,1", 10.0) == ["OK", "RDY"]
    assert rig.ok("AT+CFUN?") == ["+CFUN: 0"]


def test_deregistered_by_hand_until_cops_0() -> None:
    rig = ModemRig(nvram={"CEREG": 1})
    rig.attach("AT+QSCLK=0")
    assert rig.at("AT+COPS=2") == ["+CME ERROR: 3"]  # only while idle
    rig.advance(15.0)
    assert rig.ok("AT+COPS=2") == ["+CEREG: 0"]
    assert rig.ok("AT+COPS?") == ["+COPS: 2"]
    rig.advance(60.0)
    assert rig.ok("AT+COPS=0") == ["+CEREG: 2"]
    rig.advance(10.0)
    assert rig.ok("AT+COPS?") == ['+COPS: 0,2,"23415",9']
    rig.advance(15.0)
    assert rig.at('AT+COPS=1,2,"26201"') == ["+CME ERROR: 30"]


def test_cgatt_waits_for_the_network() -> None:
    rig = ModemRig()
    rig.attach()
    assert rig.at("AT+CGATT=0", 1.0) == ["OK"]
    assert rig.ok("AT+CGATT?") == ["+CGATT: 0"]
    assert rig.at("AT+CGATT=1", 1.0) == []
    assert rig.lines(5.0) == ["OK", "+IP: 10.0.0.7"]
    rig.at("AT+CGATT=0", 1.0)
    rig.network.config.policy.reject_cause = 15
    assert rig.at("AT+CGATT=1", 6.0) == ["+CME ERROR: 30"]


def test_cgatt_gives_up_after_70_s_and_an_old_limit_does_not_end_a_new_one() -> None:
    rig = ModemRig()
    rig.attach("AT+QSCLK=0")
    rig.at("AT+CGATT=0", 1.0)
    rig.at("AT+CGATT=1", 8.0)  # attached: its 70 s go on running unseen
    rig.at("AT+CGATT=0", 1.0)
    rig.network.coverage(False)
    assert rig.at("AT+CGATT=1", 69.0) == []
    assert rig.lines(3.0) == ["+CME ERROR: 30"]


# Card


def test_no_card() -> None:
    rig = ModemRig(sim={"present": False})
    rig.modem.supply(True)
    assert rig.lines(5.0) == ["RDY", "+CFUN: 1"]
    rig.ok("ATE0")
    for command in ("AT+CPIN?", "AT+CIMI", "AT+QCCID", "AT+CPINR", "AT+COPS=0"):
        assert rig.at(command) == ["+CME ERROR: 10"]
    assert rig.ok("AT+CEREG?") == ["+CEREG: 0,0"]
    rig.ok("AT+CMEE=2")
    assert rig.at("AT+CPIN?") == ["+CME ERROR: USIM not inserted"]
    rig.ok("AT+CMEE=0")
    assert rig.at("AT+CPIN?") == ["ERROR"]


def test_pin_is_asked_for_and_then_the_network_is_searched() -> None:
    rig = ModemRig(sim={"pin": "1234"}, nvram={"CEREG": 1})
    rig.modem.supply(True)
    assert rig.lines(5.0) == ["RDY", "+CFUN: 1", "+CPIN: SIM PIN"]
    rig.ok("ATE0")
    assert rig.at("AT+CIMI") == ["+CME ERROR: 11"]
    assert rig.ok("AT+QCCID") == ["+QCCID: 89000000000000000001"]
    assert rig.events("net", "search") == []
    assert rig.at('AT+CPIN="1234"', 10.0) == ["OK", "+CPIN: READY", "+CEREG: 2", "+CEREG: 1", "+IP: 10.0.0.7"]
    rig.modem.reset("asks again")
    assert "+CPIN: SIM PIN" in rig.lines(5.0)


def test_wrong_pins_cost_tries_up_to_the_puk_and_outlive_a_power_cut() -> None:
    rig = ModemRig(sim={"pin": "1234", "puk": "87654321"})
    rig.boot()
    for nonsense in ("123", "123456789", "12a4", "\xff\xff\xff\xff", ""):
        assert rig.at(f"AT+CPIN={nonsense}") == ["ERROR"]  # costs no try
    assert rig.at("AT+CPIN=0000") == ["+CME ERROR: 16"]
    rig.modem.supply(False)
    rig.boot()
    assert rig.ok("AT+CPINR") == ['+CPINR: "SIM PIN",2,3', '+CPINR: "SIM PUK",10,10']
    assert rig.at("AT+CPIN=0000") == ["+CME ERROR: 16"]
    assert rig.at("AT+CPIN=0000") == ["+CME ERROR: 12"]
    assert rig.ok("AT+CPIN?") == ["+CPIN: SIM PUK"]
    assert rig.at("AT+CPIN=1234") == ["+CME ERROR: 12"]
    assert rig.at('AT+CPIN="00000000","4321"') == ["+CME ERROR: 16"]
    assert rig.ok('AT+CPINR="SIM PUK"') == ['+CPINR: "SIM PUK",9,10']
    assert rig.ok('AT+CPIN="87654321","4321"') == ["+CPIN: READY"]
    assert rig.at('AT+CPIN="4321"') == ["+CME ERROR: 3"]  # none is asked for any more


def test_pins_stay_out_of_the_log() -> None:
    rig = ModemRig(sim={"pin": "1234"})
    rig.boot()
    rig.log.emit("uart", "to_modem", data='AT+CPIN="1234"\r')
    rig.log.emit("uart", "to_modem", data='AT+QCGDEFCONT="IP","apn","user","secret"\r')
    text = "".join(str(event) for event in rig.log.events)
    assert "1234" not in text and "secret" not in text
    assert "1234" not in repr(rig.modem.config.sim)
