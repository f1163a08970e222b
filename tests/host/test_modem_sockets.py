"""UDP sockets, DNS and ping of the virtual modem, as the TCP/IP application note describes them."""

from __future__ import annotations

import pytest
from modem_rig import ModemRig

HOSTS = {"coap.example.org": "192.0.2.7"}


def online(*commands: str, network: dict[str, object] | None = None) -> ModemRig:
    rig = ModemRig({"hosts": HOSTS, **(network or {})})
    rig.attach("AT+QSCLK=0", *commands)
    return rig


# Opening and closing


def test_open_answers_ok_first_and_the_result_later() -> None:
    rig = online()
    rig.modem.rx(b'AT+QIOPEN=0,0,"UDP","192.0.2.1",5683,0,1\r')
    assert rig.advance(0.05) == "\r\nOK\r\n"
    assert rig.advance(0.5) == "\r\n+QIOPEN: 0,0\r\n"
    assert rig.ok("AT+QISTATE?") == ['+QISTATE: 0,"UDP","192.0.2.1",5683,0,2,0,1']
    assert rig.ok("AT+QISTATE=1,0") == rig.ok("AT+QISTATE=0,0") == rig.ok("AT+QISTATE?")
    assert rig.ok("AT+QISTATE=1,1") == []
    assert rig.gateway.flows[0].peer == ("192.0.2.1", 5683)


def test_close_says_close_ok_50_ms_after_ok() -> None:
    rig = online()
    flow = rig.open_socket()
    rig.modem.rx(b"AT+QICLOSE=0\r")
    assert rig.advance(0.023) == "\r\nOK\r\n"
    assert flow.closed
    assert rig.advance(0.048) == ""
    assert rig.advance(0.003) == "\r\nCLOSE OK\r\n"
    assert rig.at("AT+QICLOSE=0") == ["OK", "CLOSE OK"]  # also where nothing is open


def test_a_socket_in_use_is_refused_until_it_is_closed() -> None:
    rig = online()
    rig.open_socket()
    assert rig.at('AT+QIOPEN=0,0,"UDP","192.0.2.2",5683', 1.0) == ["OK", "+QIOPEN: 0,563"]
    rig.at("AT+QICLOSE=0")
    assert rig.at('AT+QIOPEN=0,0,"UDP","192.0.2.2",5683', 1.0) == ["OK", "+QIOPEN: 0,0"]


def test_five_sockets_side_by_side() -> None:
    rig = online()
    flows = [rig.open_socket(number=number) for number in range(5)]
    assert rig.at('AT+QIOPEN=0,5,"UDP","192.0.2.1",5683') == ["ERROR"]
    rig.at("AT+QISEND=3,1,x", 2.0)
    assert [flow.sent for flow in flows] == [[], [], [], [b"x"], []]
    flows[4].answer(b"y")
    assert rig.lines(1.0) == ['+QIURC: "recv",4,1,"y"']


def test_names_are_resolved_over_the_air() -> None:
    rig = online()
    rig.advance(15.0)
    assert not rig.modem.ue.connected
    assert rig.at('AT+QIOPEN=0,0,"UDP","coap.example.org",5683', 2.0) == ["OK", "+QIOPEN: 0,0"]
    assert rig.gateway.flows[0].peer == ("192.0.2.7", 5683)
    assert rig.modem.ue.connected
    assert rig.ok("AT+QISTATE?") == ['+QISTATE: 0,"UDP","coap.example.org",5683,0,2,0,1']


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ('AT+QIOPEN=0,0,"UDP","unknown.example.org",5683', 565),
        ('AT+QIOPEN=0,0,"UDP SERVICE","192.0.2.1",5683', 555),
        ('AT+QIOPEN=0,0,"TCP LISTENER","192.0.2.1",5683,5000', 555),
    ],
)
def test_open_may_fail_and_keeps_the_socket_until_close(command: str, code: int) -> None:
    rig = online()
    assert rig.at(command, 2.0) == ["OK", f"+QIOPEN: 0,{code}"]
    assert rig.at("AT+QISEND=0,1,x") == ["ERROR"]
    assert rig.at(command, 2.0) == ["OK", "+QIOPEN: 0,563"]
    rig.at("AT+QICLOSE=0")
    assert rig.at('AT+QIOPEN=0,0,"UDP","192.0.2.1",5683', 2.0) == ["OK", "+QIOPEN: 0,0"]


def test_open_without_network_and_without_route() -> None:
    rig = ModemRig()
    rig.boot()
    assert rig.at('AT+QIOPEN=0,0,"UDP","192.0.2.1",5683', 2.0) == ["OK", "+QIOPEN: 0,561"]
    rig = online()
    rig.gateway.fails = True
    assert rig.at('AT+QIOPEN=0,0,"UDP","192.0.2.1",5683', 2.0) == ["OK", "+QIOPEN: 0,566"]


def test_nothing_is_reported_of_a_socket_closed_meanwhile() -> None:
    rig = online()
    for host in ("192.0.2.1", "coap.example.org"):
        rig.modem.rx(f'AT+QIOPEN=0,0,"UDP","{host}",5683\rAT+QICLOSE=0\r'.encode())
        assert rig.lines(3.0) == ["OK", "OK", "CLOSE OK"]
    assert [flow.closed for flow in rig.gateway.flows] == [True]  # the name was resolved for nobody


def test_detach_ends_sockets() -> None:
    rig = online()
    flow = rig.open_socket()
    rig.ok("AT+CFUN=4", 2.0)
    assert flow.closed
    assert rig.at("AT+QISEND=0,1,x") == ["ERROR"]


# Sending


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ('AT+QISEND=0,5,"12345"', b"12345"),
        ("AT+QISEND=0,5,12345", b"12345"),
        ('AT+QISEND=0,5,"12345",2', b"12345"),
        ('AT+QISEND=0,9,"{"a":"b"}"', b'{"a":"b"}'),
        ('AT+QISEND=0,9,{"a":"b"}', b'{"a":"b"}'),
        ('AT+QISEND=0,6,"OK;,">"', b'OK;,">'),
        ("AT+QISEND=0,3,a;b", b"a;b"),
        ('AT+QISEND=0,3,"\xe9\x80\xff"', b"\xe9\x80\xff"),
    ],
)
def test_text_inline_is_taken_by_length(command: str, data: bytes) -> None:
    rig = online()
    flow = rig.open_socket()
    assert rig.at(command, 2.0) == ["OK", "SEND OK"]
    assert flow.sent == [data]


@pytest.mark.parametrize(
    "command",
    ['AT+QISEND=0,4,"12345"', 'AT+QISEND=0,6,"12345"', 'AT+QISEND=0,5,"12345', 'AT+QISEND=0,5,"12345",3', "AT+QISEND=5",
     "AT+QISEND=1,1,x", "AT+QISEND=0,,x", "AT+QISEND=0,2049", "AT+QISEND"],
)  # fmt: skip
def test_wrong_length_or_socket_is_an_error(command: str) -> None:
    rig = online()
    flow = rig.open_socket()
    assert rig.at(command, 2.0) == ["ERROR"]
    assert flow.sent == []


def test_hex_inline() -> None:
    rig = online('AT+QICFG="dataformat",1,1')
    flow = rig.open_socket()
    assert rig.at('AT+QISEND=0,5,"48656c6C6F"', 2.0) == ["OK", "SEND OK"]
    assert rig.at("AT+QISEND=0,2,0d0a,1", 2.0) == ["OK", "SEND OK"]
    assert rig.at('AT+QISEND=0,5,"48656C6C6"', 2.0) == ["ERROR"]
    assert rig.at('AT+QISEND=0,2,"4G65"', 2.0) == ["ERROR"]
    assert rig.at(f'AT+QISEND=0,1024,"{"ab" * 1024}"', 5.0) == ["OK", "SEND OK"]
    assert rig.at(f'AT+QISEND=0,1025,"{"ab" * 1025}"', 5.0) == ["ERROR"]
    assert flow.sent == [b"Hello", b"\r\n", b"\xab" * 1024]


def test_send_ok_comes_50_ms_after_ok_and_does_not_mean_delivered() -> None:
    rig = online()
    flow = rig.open_socket()
    rig.network.coverage(False)
    rig.modem.rx(b"AT+QISEND=0,2,hi\r")
    assert rig.advance(0.023) == "\r\nOK\r\n"
    assert rig.advance(0.05) == "\r\nSEND OK\r\n"
    rig.advance(30.0)
    assert flow.sent == []
    assert rig.events("net", "drop")


def test_the_next_send_has_to_wait_for_send_ok() -> None:
    rig = online()
    rig.open_socket()
    rig.modem.rx(b"AT+QISEND=0,1,a\rAT+QISEND=0,1,b\r")
    assert rig.lines(0.2) == ["OK", "ERROR", "SEND OK"]
    assert rig.at("AT+QISEND=0,1,b") == ["OK", "SEND OK"]


def test_send_fail_where_there_is_no_registration() -> None:
    rig = online()
    rig.open_socket()
    rig.network.config.policy.reject_cause = 15
    rig.ok("AT+CPSMS=1")
    rig.advance(3.0)
    assert rig.at("AT+QISEND=0,1,x", 2.0) == ["OK", "SEND FAIL"]


def test_counter() -> None:
    rig = online()
    rig.open_socket()
    assert rig.ok("AT+QISEND=0,0") == ["+QISEND: 0,0,0"]
    rig.at("AT+QISEND=0,3,abc", 2.0)
    assert rig.ok("AT+QISEND=0,0") == ["+QISEND: 3,0,3"]


# Data mode


def prompted(rig: ModemRig, command: bytes = b"AT+QISEND=0,5\r") -> None:
    rig.modem.rx(command)
    assert rig.advance(0.1) == "\r\n>"
    rig.advance(0.5)


def test_prompt_has_no_line_end_and_data_are_counted() -> None:
    rig = online()
    flow = rig.open_socket()
    prompted(rig)
    rig.modem.rx(b"\r\n\x1a>")
    assert rig.advance(1.0) == ""
    rig.modem.rx(b"O")
    assert rig.lines(1.0) == ["OK", "SEND OK"]
    assert flow.sent == [b"\r\n\x1a>O"]
    assert rig.ok("AT") == []


@pytest.mark.parametrize(("keys", "sent"), [(b"12345\x1a", [b"12345"]), (b"123\x1b", []), (b"\x1b", [])])
def test_without_length_ctrl_z_sends_and_esc_cancels(keys: bytes, sent: list[bytes]) -> None:
    rig = online()
    flow = rig.open_socket()
    prompted(rig, b"AT+QISEND=0\r")
    rig.modem.rx(keys)
    assert rig.lines(1.0) == ["OK", "SEND OK"] if sent else ["OK"]
    assert flow.sent == sent


def test_without_length_data_go_at_1024_bytes() -> None:
    rig = online()
    flow = rig.open_socket()
    prompted(rig, b"AT+QISEND=0\r")
    rig.modem.rx(b"a" * 1024)
    assert rig.lines(3.0) == ["OK", "SEND OK"]
    assert flow.sent == [b"a" * 1024]


def test_data_mode_in_hex() -> None:
    rig = online('AT+QICFG="dataformat",1,0')
    flow = rig.open_socket()
    prompted(rig)
    rig.modem.rx(b"3132333435")
    assert rig.lines(1.0) == ["OK", "SEND OK"]
    prompted(rig, b"AT+QISEND=0\r")
    rig.modem.rx(b"313\x1a")
    assert rig.lines(1.0) == ["ERROR"]
    assert flow.sent == [b"12345"]


def test_urcs_are_lost_in_data_mode() -> None:
    rig = online()
    flow = rig.open_socket()
    prompted(rig)
    flow.answer(b"hello")
    assert rig.advance(1.0) == ""
    assert rig.events("modem", "lost")[-1]["why"] == "URC in data mode"
    rig.modem.rx(b"12345")
    assert rig.lines(2.0) == ["OK", "SEND OK"]


def test_a_prompt_that_is_not_served_ends_after_60_s() -> None:
    rig = online()
    rig.open_socket()
    prompted(rig)
    rig.modem.rx(b"123")
    assert rig.lines(58.0) == []
    assert rig.lines(3.0) == ["OK"]
    assert rig.ok("AT") == []


def test_data_sent_too_early_are_noticed() -> None:
    rig = online()
    flow = rig.open_socket()
    rig.modem.rx(b"AT+QISEND=0,5\r")
    rig.advance(0.1)
    rig.modem.rx(b"12345")
    rig.advance(1.0)
    assert flow.sent == [b"12345"]
    assert rig.modem.early_data == 5
    assert rig.events("modem", "early_data")[-1]["bytes"] == 5


# Receiving


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ((), '+QIURC: "recv",0,5,"Hello"'),
        (('AT+QICFG="dataformat",0,1',), '+QIURC: "recv",0,5,"48656C6C6F"'),
        (('AT+QICFG="showRA",1',), '+QIURC: "recv",0,5,"192.0.2.1",5683,"Hello"'),
        (('AT+QICFG="viewmode",1',), '+QIURC: "recv",0,5\r\n"Hello"'),
    ],
)
def test_direct_push(settings: tuple[str, ...], line: str) -> None:
    rig = online(*settings)
    rig.open_socket().answer(b"Hello")
    assert rig.advance(1.0) == f"\r\n{line}\r\n"


def test_payload_is_not_escaped() -> None:
    rig = online()
    rig.open_socket().answer(b'OK\r\nERROR\r\n>"')
    assert rig.advance(1.0) == '\r\n+QIURC: "recv",0,13,"OK\r\nERROR\r\n>""\r\n'


def test_buffer_mode() -> None:
    rig = online()
    flow = rig.open_socket(access=0)
    flow.answer(b"1234567890")
    flow.answer(b"ab")
    assert rig.lines(1.0) == ['+QIURC: "recv",0']  # one URC, whatever comes after it
    assert rig.ok("AT+QIRD=0,8") == ['+QIRD: 8,"12345678"']
    assert rig.ok("AT+QIRD=0,512") == ['+QIRD: 4,"90ab"']
    flow.answer(b"c")
    assert rig.lines(1.0) == []  # the buffer was empty, but nobody has seen it so
    assert rig.ok("AT+QIRD=0,512") == ['+QIRD: 1,"c"']
    assert rig.ok("AT+QIRD=0,512") == ["+QIRD: 0"]
    flow.answer(b"d")
    assert rig.lines(1.0) == ['+QIURC: "recv",0']


def test_buffer_mode_with_lengths_and_hex() -> None:
    rig = online('AT+QICFG="showlength",1', 'AT+QICFG="dataformat",1,1')
    rig.open_socket(access=0).answer(b"\r\nOK\r\n")
    assert rig.lines(1.0) == ['+QIURC: "recv",0,6']
    assert rig.ok("AT+QIRD=0,4") == ['+QIRD: 4,2,"0D0A4F4B"']
    assert rig.at("AT+QIRD=0,513") == ["ERROR"]
    assert rig.at("AT+QIRD=1,10") == ["ERROR"]


def test_full_buffer_drops_and_says_so() -> None:
    rig = online()
    flow = rig.open_socket(access=0)
    flow.answer(b"x" * 1500)
    flow.answer(b"y" * 600)
    assert rig.lines(2.0) == ['+QIURC: "recv",0', '+QIURC: "recv",0,"buff full"']
    got = [rig.ok("AT+QIRD=0,512")[0] for _ in range(4)]
    assert "y" not in "".join(got)
    assert got[3] == "+QIRD: 0"


def test_access_mode_can_be_switched() -> None:
    rig = online()
    flow = rig.open_socket(access=0)
    rig.ok("AT+QISWTMD=0,1")
    flow.answer(b"hi")
    assert rig.lines(1.0) == ['+QIURC: "recv",0,2,"hi"']
    assert rig.at("AT+QIRD=0,10") == ["ERROR"]


# DNS and ping


def test_dns() -> None:
    rig = online()
    assert rig.at('AT+QIDNSGIP=0,"coap.example.org"', 2.0) == ["OK", "+QIDNSGIP: 0,1,300", '+QIDNSGIP: "192.0.2.7"']
    assert rig.at('AT+QIDNSGIP=0,"unknown.example.org"', 2.0) == ["OK", "+QIDNSGIP: 565"]
    rig.ok('AT+QIDNSCFG=0,"192.0.2.53"')
    assert rig.ok("AT+QIDNSCFG=0") == ['+QIDNSCFG: 0,"192.0.2.53","","",""']


def test_dns_gives_up_in_an_outage() -> None:
    rig = online(network={"outages": [{"start_s": 0, "duration_s": 1000}]})
    assert rig.at('AT+QIDNSGIP=0,"coap.example.org"', 10.0) == ["OK"]
    assert rig.lines(10.0) == ["+QIDNSGIP: 565"]


def test_dns_ends_when_the_radio_is_switched_off() -> None:
    rig = online()
    rig.advance(20.0)
    rig.modem.rx(b'AT+QIDNSGIP=0,"coap.example.org"\rAT+CFUN=4\r')
    assert rig.lines(30.0) == ["OK", "+QIDNSGIP: 565", "OK"]


def test_ping_times_out_with_an_empty_line_before_it() -> None:
    rig = online()
    rig.modem.rx(b'AT+QPING=0,"8.8.8.8",4,4\r')
    assert rig.advance(3.9) == "\r\nOK\r\n"
    assert rig.advance(0.3) == "\r\n\r\n+QPING: 569\r\n"
