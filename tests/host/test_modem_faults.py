"""Every fault of the virtual modem does on the wire what its name says, and only as often as asked."""

from __future__ import annotations

import pytest
from cellkit.bench.modem.faults import Position
from modem_rig import ModemRig


def ready(*commands: str) -> ModemRig:
    rig = ModemRig()
    rig.attach("AT+QSCLK=0", *commands)
    rig.advance(20.0)
    return rig


def test_silent() -> None:
    rig = ready()
    rig.modem.faults.silent = True
    assert rig.at("AT", 5.0) == []
    rig.modem.urc("+CEREG: 1")
    assert rig.advance(1.0) == ""
    rig.modem.faults.silent = False
    assert rig.ok("AT") == []


def test_identity_of_another_make() -> None:
    rig = ready()
    rig.modem.faults.identity = ["SIMCOM_Ltd", "SIMCOM_SIM7020E", "Revision: 1752B04SIM7020E"]
    assert rig.ok("ATI") == ["SIMCOM_Ltd", "SIMCOM_SIM7020E", "Revision: 1752B04SIM7020E"]


def test_reject_cause_of_this_device_only() -> None:
    rig = ModemRig(nvram={"CEREG": 5})
    rig.modem.faults.reject_cause = 7
    rig.boot()
    rig.advance(5.0)
    assert rig.ok("AT+CEREG?") == ['+CEREG: 5,3,"0001","0000ABCD",9,0,7']
    assert rig.events("net", "reject")[-1]["cause"] == 7


def test_no_coverage_is_noticed_at_once_and_ends() -> None:
    rig = ready("AT+CEREG=1")
    rig.modem.faults.no_coverage = True
    assert rig.lines(5.0) == ["+CEREG: 4", "+CEREG: 2"]
    assert rig.lines(16.0) == ["+CEREG: 4"]  # the whole band has been looked through
    rig.modem.faults.no_coverage = False
    assert rig.lines(40.0) == ["+CEREG: 2", "+CEREG: 1"]
    assert rig.events("net", "coverage") == []  # the network itself was never gone


def test_packets_get_lost_while_the_antenna_is_off() -> None:
    rig = ready()
    flow = rig.open_socket()
    rig.at("AT+QISEND=0,1,a", 2.0)
    rig.modem.faults.no_coverage = True
    rig.at("AT+QISEND=0,1,b", 1.0)
    flow.answer(b"c")
    assert rig.lines(1.0) == []
    assert flow.sent == [b"a"]
    assert [event["way"] for event in rig.events("net", "drop")] == ["up", "down"]


def test_prompt_never_comes() -> None:
    rig = ready()
    rig.open_socket()
    rig.modem.faults.prompt_never = True
    assert rig.at("AT+QISEND=0,5", 70.0) == []
    assert rig.ok("AT") == []


def test_early_data_lost() -> None:
    rig = ready()
    flow = rig.open_socket()
    rig.modem.faults.early_data_lost = True
    rig.modem.rx(b"AT+QISEND=0,5\r")
    rig.advance(0.1)
    rig.modem.rx(b"123")
    rig.advance(0.6)
    rig.modem.rx(b"12345")
    assert rig.lines(1.0) == ["OK", "SEND OK"]
    assert flow.sent == [b"12345"]


def test_answer_delay() -> None:
    rig = ready()
    rig.modem.faults.answer_delay_s = 3.0
    assert rig.at("AT", 3.0) == []
    assert rig.lines(0.1) == ["OK"]


def test_chunks_cut_the_output_anywhere_and_keep_its_order() -> None:
    rig = ready()
    rig.modem.faults.chunks = (1, 2, 7)
    rig.said_at.clear()
    rig.modem.rx(b"ATI\r")
    rig.modem.urc("+CEREG: 1")
    said = rig.advance(2.0)
    assert said == "\r\n+CEREG: 1\r\n\r\nQuectel_Ltd\r\nQuectel_BC660K-GL\r\nRevision: BC660KGLAAR01A05\r\n\r\nOK\r\n"
    assert [len(data) for _, data in rig.said_at][:6] == [1, 2, 7, 1, 2, 1]
    assert len({at_s for at_s, _ in rig.said_at}) == len(rig.said_at)


def test_chunks_may_end_in_the_middle() -> None:
    rig = ready()
    rig.modem.faults.chunks = (4,)
    rig.modem.urc("+CEREG: 1")
    rig.modem.faults.chunks = ()
    rig.modem.urc("+CEREG: 5")
    assert rig.lines(1.0) == ["+CEREG: 1", "+CEREG: 5"]


@pytest.mark.parametrize("times", [1, 2])
def test_no_answer(times: int) -> None:
    rig = ready()
    rig.modem.faults.no_answer(r"\+CMEE=2", times)
    for _ in range(times):
        assert rig.at("AT+CMEE=2", 2.0) == []
    assert rig.ok("AT+CMEE?") == ["+CMEE: 1"]
    assert rig.at("AT+CMEE=2") == ["OK"]


def test_error() -> None:
    rig = ready()
    rig.modem.faults.error(r"\+CMEE", "+CME ERROR: 4")
    rig.modem.faults.error(r"\+CMEE")
    assert rig.at("AT+CMEE=2") == ["+CME ERROR: 4"]
    assert rig.at("AT+CMEE=2") == ["ERROR"]
    assert rig.ok("AT+CMEE?") == ["+CMEE: 1"]


def test_garbage_before_the_answer() -> None:
    rig = ready()
    rig.modem.faults.garbage(b"\x00\xfe\xff", "CGMM")
    rig.modem.rx(b"AT+CGMM\r")
    assert rig.advance(1.0) == "\x00\xfe\xff\r\nQuectel_BC660K-GL\r\n\r\nOK\r\n"


def test_lines_dropped_and_repeated() -> None:
    rig = ready()
    rig.modem.faults.drop_line("^OK$")
    assert rig.at("AT+CMEE?") == ["+CMEE: 1"]
    rig.modem.faults.repeat_line("CMEE")
    assert rig.at("AT+CMEE?") == ["+CMEE: 1", "+CMEE: 1", "OK"]
    rig.modem.faults.drop_line("IP")
    rig.modem.urc("+IP: 10.0.0.7")
    assert rig.lines(1.0) == []


@pytest.mark.parametrize(
    ("position", "said"),
    [
        ("before_echo", "\r\n+CEREG: 1\r\nATI\r\r\nA\r\nB\r\n\r\nOK\r\n"),
        ("after_echo", "ATI\r\r\n+CEREG: 1\r\n\r\nA\r\nB\r\n\r\nOK\r\n"),
        ("between_lines", "ATI\r\r\nA\r\n\r\n+CEREG: 1\r\n\r\nB\r\n\r\nOK\r\n"),
        ("before_final", "ATI\r\r\nA\r\nB\r\n\r\n+CEREG: 1\r\n\r\nOK\r\n"),
        ("after_final", "ATI\r\r\nA\r\nB\r\n\r\nOK\r\n\r\n+CEREG: 1\r\n"),
    ],
)
def test_urc_at_any_place(position: Position, said: str) -> None:
    rig = ready("ATE1")
    rig.modem.faults.identity = ["A", "B"]
    rig.modem.faults.urc_at(position, "+CEREG: 1", "" if position == "before_echo" else "ATI")
    rig.modem.rx(b"ATI\r")
    assert rig.advance(1.0) == said


def test_reset_during_a_command() -> None:
    rig = ready()
    rig.modem.faults.reset_during(r"\+COPS=\?", delay_s=5.0)
    assert rig.at("AT+COPS=?", 60.0) == ["RDY", "+CFUN: 1", "+CPIN: READY", "+IP: 10.0.0.7"]
    assert rig.events("modem", "reset")[-1]["cause"] == "fault"


def test_reset_now_ends_data_mode_and_whatever_was_under_way() -> None:
    rig = ready()
    rig.open_socket()
    rig.modem.rx(b"AT+QISEND=0,5\r")
    rig.advance(1.0)
    rig.modem.reset("brown-out")
    assert rig.lines(3.0)[0] == "RDY"
    assert rig.ok("AT") == []


def test_send_fail_goes_nowhere() -> None:
    rig = ready()
    flow = rig.open_socket()
    rig.modem.faults.send_fail()
    assert rig.at("AT+QISEND=0,1,x", 2.0) == ["OK", "SEND FAIL"]
    assert rig.at("AT+QISEND=0,1,y", 2.0) == ["OK", "SEND OK"]
    assert flow.sent == [b"y"]


def test_open_error() -> None:
    rig = ready()
    rig.modem.faults.open_error(566)
    assert rig.at('AT+QIOPEN=0,0,"UDP","192.0.2.1",1', 1.0) == ["OK", "+QIOPEN: 0,566"]
    rig.at("AT+QICLOSE=0")
    assert rig.at('AT+QIOPEN=0,0,"UDP","192.0.2.1",1', 1.0) == ["OK", "+QIOPEN: 0,0"]


def test_clear_takes_all_faults_away() -> None:
    rig = ready()
    faults = rig.modem.faults
    faults.silent = faults.prompt_never = faults.early_data_lost = faults.no_coverage = True
    faults.identity, faults.reject_cause, faults.answer_delay_s, faults.chunks = ["x"], 3, 9.0, (1,)
    faults.no_answer("AT")
    faults.clear()
    assert rig.ok("ATI")[0] == "Quectel_Ltd"
    rig.advance(60.0)
    assert rig.modem.ue.registered
