"""What the network grants and what the modem then does: PSM, eDRX, release assistance, downlink while unreachable."""

from __future__ import annotations

import pytest
from cellkit.bench import timers
from cellkit.model.radio import total_s
from modem_rig import ModemRig

PSM = 'AT+CPSMS=1,,,"00000110","00000101"'  # asks for one hour and 10 s
EDRX = 'AT+CEDRXS=2,5,"0010"'  # asks for 20.48 s


def granted(rig: ModemRig) -> dict[str, object]:
    event = rig.events("net", "attach")[-1]
    return {key: event[key] for key in ("t3324_s", "t3412_s", "edrx_s")}


# Granting


def test_granted_timers_differ_from_the_requested_ones() -> None:
    rig = ModemRig()
    rig.attach("AT+CEREG=5", PSM)
    assert granted(rig) == {"t3324_s": 14, "t3412_s": 10800, "edrx_s": None}
    assert rig.ok("AT+CPSMS?") == ['+CPSMS: 1,,,"00000110","00000101"']
    assert rig.ok("AT+CEREG?") == ['+CEREG: 5,1,"0001","0000ABCD",9,,,"00000111","00010010"']
    assert rig.ok("AT+QPSMS?") == ["+QPSMS: 14,10800"]


def test_request_above_the_largest_allowed_is_cut() -> None:
    rig = ModemRig({"policy": {"t3324_allowed_s": [6], "t3412_allowed_s": [10800]}})
    rig.attach("AT+QPSMS=600,1000000")
    assert granted(rig) == {"t3324_s": 6, "t3412_s": 10800, "edrx_s": None}


def test_qpsms_takes_the_longest_value_that_is_not_longer() -> None:
    rig = ModemRig()
    rig.boot("AT+QPSMS=63,7199")
    bits = rig.ok("AT+CPSMS?")[0].split('"')
    assert (timers.decode_t3324(bits[3]), timers.decode_t3412(bits[1])) == (62, 6600)


@pytest.mark.parametrize(
    ("psm", "line", "qpsms"),
    [
        ("refused", '+CEREG: 5,1,"0001","0000ABCD",9', "+QPSMS: 1,3240"),
        ("deactivated", '+CEREG: 5,1,"0001","0000ABCD",9,,,"11100000","00010010"', "+QPSMS: 1,10800"),
    ],
)
def test_network_without_psm(psm: str, line: str, qpsms: str) -> None:
    rig = ModemRig({"policy": {"psm": psm}})
    rig.attach("AT+CEREG=5", PSM)
    assert rig.ok("AT+CEREG?") == [line]
    assert rig.ok("AT+QPSMS?") == [qpsms]
    rig.advance(300.0)
    assert not rig.modem.ue.psm


def test_requests_after_the_attach_make_a_tau_and_are_told() -> None:
    rig = ModemRig()
    rig.attach("AT+CEREG=5")
    lines = rig.at(PSM, 3.0)
    assert lines == ["OK", '+CEREG: 1,"0001","0000ABCD",9,,,"00000111","00010010"']
    assert rig.events("net", "tau")[-1]["t3324_s"] == 14
    assert rig.at(PSM, 3.0) == ["OK"]  # nothing new: no procedure
    assert len(rig.events("net", "tau")) == 1


def test_new_timers_are_not_told_where_cereg_does_not_show_them() -> None:
    rig = ModemRig()
    rig.attach("AT+CEREG=2")
    assert rig.at(PSM, 3.0) == ["OK"]
    assert len(rig.events("net", "tau")) == 1


def test_a_change_of_mind_during_the_attach_is_sent_afterwards() -> None:
    rig = ModemRig()
    rig.boot()
    while not rig.modem.ue.connected:
        rig.advance(0.05)
    rig.ok(PSM)
    rig.advance(5.0)
    assert granted(rig)["t3324_s"] is None
    assert rig.events("net", "tau")[-1]["t3324_s"] == 14


def test_edrx_grant_and_its_urc() -> None:
    rig = ModemRig()
    rig.boot(EDRX)
    assert '+CEDRXP: 5,"0010","0011","0011"' in rig.lines(10.0)
    assert rig.ok("AT+CEDRXRDP") == ['+CEDRXRDP: 5,"0010","0011","0011"']
    assert rig.ok("AT+CEDRXS?") == ['+CEDRXS: 5,"0010"']
    rig.ok("AT+CEDRXS=3", 3.0)
    assert rig.ok("AT+CEDRXRDP") == ["+CEDRXRDP: 0"]
    assert rig.ok("AT+CEDRXS?") == ['+CEDRXS: 5,"0011"']


def test_edrx_refused() -> None:
    rig = ModemRig({"policy": {"edrx": "refused"}})
    rig.attach(EDRX)
    assert rig.ok("AT+CEDRXRDP") == ["+CEDRXRDP: 0"]


def test_qedrxcfg_keeps_a_window_and_asks_for_the_cycle() -> None:
    rig = ModemRig()
    rig.attach('AT+QEDRXCFG=1,5,"0101","0001"')
    assert rig.ok("AT+QEDRXCFG?") == ['+QEDRXCFG: 5,"0101","0001"']
    assert rig.ok("AT+CEDRXRDP") == ['+CEDRXRDP: 5,"0101","0101","0011"']  # the window is the network's


# PSM and TAU


def test_psm_comes_after_rrc_release_and_t3324() -> None:
    rig = ModemRig()
    rig.boot("AT+CSCON=1", "AT+QNBIOTEVENT=1,1", PSM)
    rig.advance(60.0)
    urcs = {event["text"]: event["t"] for event in rig.events("modem", "urc")}
    assert urcs['+QNBIOTEVENT: "ENTER PSM"'] - urcs["+CSCON: 0"] == pytest.approx(14.0)
    accept_s, release_s = total_s(rig.modem.ue.procedures.attach()[1]), message_s(rig)
    assert urcs["+CSCON: 0"] - rig.events("net", "attach")[0]["t"] == pytest.approx(accept_s + 10.0 + release_s)
    assert [event["state"] for event in rig.events("net", "psm")] == ["enter"]


def test_periodic_tau_wakes_the_module_by_itself_and_tells() -> None:
    rig = ModemRig({"policy": {"t3412_allowed_s": [600]}})
    rig.attach("AT+QNBIOTEVENT=1,1", "AT+CSCON=1", 'AT+QCFG="dsevent",1', PSM)
    rig.modem.reset("so that dsevent counts")
    rig.advance(300.0)
    assert rig.states()[-1] == "deep_sleep"
    rig.tx.clear()
    said = rig.lines(400.0)
    assert said == [
        '+QNBIOTEVENT: "EXIT DEEPSLEEP"',
        '+QNBIOTEVENT: "EXIT PSM"',
        "+CSCON: 1",
        "+CSCON: 0",
        '+QNBIOTEVENT: "ENTER PSM"',
        '+QNBIOTEVENT: "ENTER DEEPSLEEP"',
    ]
    taus = rig.events("net", "tau")
    assert len(taus) == 1


def test_t3412_plain_applies_without_an_extended_one() -> None:
    rig = ModemRig({"policy": {"t3412_plain_s": 100}})
    rig.attach()
    rig.advance(330.0)
    taus_s = [event["t"] for event in rig.events("net", "tau")]
    assert len(taus_s) == 3
    # Each begins its period at the release of the one before; the network releases at once, since no data came.
    assert [100.5 < later - now < 101.5 for now, later in zip(taus_s, taus_s[1:], strict=False)] == [True, True]


def test_data_during_t3324_restarts_it_without_a_false_psm() -> None:
    rig = ModemRig({"radio": {"ce0.access_wait_s": 1.0}})
    rig.attach(PSM, "AT+QSCLK=0", "AT+QNBIOTEVENT=1,1")
    rig.open_socket()
    while rig.modem.ue.connected:
        rig.advance(0.1)
    rig.advance(13.3)  # T3324 would run out while the radio connects
    rig.at("AT+QISEND=0,2,hi", 5.0)
    assert rig.events("net", "psm") == []


# Release assistance


def message_s(rig: ModemRig) -> float:
    """How long the network's release is on the air."""
    return total_s(rig.modem.ue.procedures.release_message())


def rrc_tail_s(rig: ModemRig) -> float:
    up_s = rig.events("net", "up")[-1]["t"]
    rig.advance(30.0)
    idle_s = next(e["t"] for e in rig.events("net", "rrc") if e["t"] > up_s and e["state"] == "idle")
    return float(idle_s - up_s)


def test_release_assistance_of_qisend() -> None:
    rig = ModemRig()
    rig.attach("AT+QSCLK=0")
    flow = rig.open_socket()
    rig.at('AT+QISEND=0,2,"hi",0', 1.0)
    assert rrc_tail_s(rig) == pytest.approx(10.0 + message_s(rig))
    rig.at('AT+QISEND=0,2,"hi",1', 1.0)
    assert rrc_tail_s(rig) == pytest.approx(0.3 + message_s(rig))
    rig.at('AT+QISEND=0,2,"hi",2', 1.0)
    flow.answer(b"yes")
    assert rrc_tail_s(rig) < 1.5
    rig.at('AT+QISEND=0,2,"hi",2', 1.0)
    assert rrc_tail_s(rig) == pytest.approx(10.0 + message_s(rig))  # the answer that was promised never came


def test_network_may_ignore_release_assistance() -> None:
    rig = ModemRig({"policy": {"rai": False}})
    rig.attach("AT+QSCLK=0")
    rig.open_socket()
    rig.at('AT+QISEND=0,2,"hi",1', 1.0)
    assert rrc_tail_s(rig) == pytest.approx(10.0 + message_s(rig))


def test_qnbiotrai_only_while_connected() -> None:
    rig = ModemRig()
    rig.attach("AT+QSCLK=0")
    assert rig.ok("AT+QNBIOTRAI=1", 1.0) == []
    assert not rig.modem.ue.connected
    assert rig.at("AT+QNBIOTRAI=1") == ["+CME ERROR: 602"]


def test_cnmpsd_needs_release_14_and_mac_rai() -> None:
    rig = ModemRig()
    rig.attach("AT+QSCLK=0")
    rig.ok("AT+CNMPSD", 1.0)
    assert rig.modem.ue.connected
    assert rig.ok("AT+QR14FEATURE") == ["+QR14FEATURE: 13,0", "+QR14FEATURE: 0", "+QR14FEATURE: 0,0,0,0,0"]
    rig.ok("AT+CFUN=0", 2.0)
    rig.ok('AT+QCFG="relversion",14')
    rig.ok('AT+QCFG="MacRAI",1')
    rig.at("AT+CFUN=1,1", 8.0)
    assert rig.modem.ue.connected
    assert rig.ok("AT+QR14FEATURE") == ["+QR14FEATURE: 14,1", "+QR14FEATURE: 1", "+QR14FEATURE: 0,1,0,0,0"]
    rig.ok("AT+CNMPSD", 1.0)
    assert not rig.modem.ue.connected


def test_the_modules_own_inactivity_timer_may_be_shorter() -> None:
    rig = ModemRig({"radio": {"connected.inactivity_s": 100}}, nvram={"DataInactTimer": 20})
    rig.attach("AT+QSCLK=0")
    rig.open_socket()
    rig.at("AT+QISEND=0,2,hi", 1.0)
    assert rrc_tail_s(rig) == pytest.approx(20.0)


# Downlink


def test_downlink_in_psm_waits_for_the_next_uplink() -> None:
    rig = ModemRig()
    rig.attach(PSM, "AT+QSCLK=0")
    flow = rig.open_socket()
    rig.advance(60.0)
    flow.answer(b"one")
    flow.answer(b"two")
    assert rig.lines(600.0) == []
    lines = rig.at("AT+QISEND=0,2,hi", 3.0)
    assert lines == ["OK", "SEND OK", '+QIURC: "recv",0,3,"one"', '+QIURC: "recv",0,3,"two"']
    assert rig.events("net", "down")[0]["latency_s"] > 600


def test_downlink_in_psm_is_dropped_where_the_operator_does_so() -> None:
    rig = ModemRig({"policy": {"psm_downlink": "drop"}})
    rig.attach(PSM, "AT+QSCLK=0")
    flow = rig.open_socket()
    rig.advance(60.0)
    flow.answer(b"one")
    assert rig.events("net", "drop")[-1]["why"] == "psm"
    assert rig.at("AT+QISEND=0,2,hi", 3.0) == ["OK", "SEND OK"]


def test_the_operator_keeps_only_so_many() -> None:
    rig = ModemRig({"policy": {"psm_queue_packets": 2}})
    rig.attach(PSM, "AT+QSCLK=0")
    flow = rig.open_socket()
    rig.advance(60.0)
    for text in (b"1", b"2", b"3"):
        flow.answer(text)
    assert [event["why"] for event in rig.events("net", "drop")] == ["queue full"]
    assert rig.at("AT+QISEND=0,2,hi", 3.0)[2:] == ['+QIURC: "recv",0,1,"1"', '+QIURC: "recv",0,1,"2"']


@pytest.mark.parametrize(("command", "cycle_s"), [("AT", 2.56), (EDRX, 40.96)])
def test_idle_downlink_is_paged_within_one_cycle(command: str, cycle_s: float) -> None:
    latencies_s = []
    for seed in range(8):
        rig = ModemRig({"seed": seed})
        rig.attach("AT+QSCLK=2", command)
        flow = rig.open_socket()
        rig.advance(60.0)
        flow.answer(b"wake up")
        assert rig.lines(50.0) == ['+QIURC: "recv",0,7,"wake up"']
        latencies_s.append(rig.events("net", "down")[0]["latency_s"] - 0.45)  # RRC set-up and the way down
    assert max(latencies_s) <= cycle_s
    assert min(latencies_s) < cycle_s / 2 < max(latencies_s)


# Bit strings


@pytest.mark.parametrize(
    ("bits", "t3324_s", "t3412_s"),
    [
        ("00000000", 0, 0),
        ("00000101", 10, 3000),
        ("00100010", 120, 7200),
        ("01000011", 1080, 108000),
        ("01011111", 11160, 1116000),
        ("01101011", 660, 22),
        ("10101100", 720, 720),
        ("11011111", 1860, 35712000),
        ("11100000", None, None),
    ],
)
def test_timer_octets(bits: str, t3324_s: int | None, t3412_s: int | None) -> None:
    """Worked values of TS 24.008; a value that is written back may have another unit, never another length."""
    assert timers.decode_t3324(bits) == t3324_s
    assert timers.decode_t3412(bits) == t3412_s
    assert timers.decode_t3324(timers.encode_t3324(t3324_s)) == t3324_s
    assert timers.decode_t3412(timers.encode_t3412(t3412_s)) == t3412_s


def test_timers_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="8 binary digits"):
        timers.decode_t3324("0101")
    with pytest.raises(ValueError, match="does not fit"):
        timers.encode_t3324(11161)
    with pytest.raises(ValueError, match="too long"):
        timers.encode_edrx(10486)
    assert timers.decode_edrx("0001") is None
    assert timers.decode_edrx("0100") == 20.48
    assert timers.decode_ptw("0011") == 10.24
