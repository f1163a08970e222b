"""The virtual u-blox, Nordic, Sequans, China Mobile M5311 and Telit modules: facts of manuals and logs, with real
servers where there is a server."""

from __future__ import annotations

import random
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.modem import families
from cellkit.bench.modem.power import Mode
from cellkit.transcripts.peer import Peer
from cellkit.transcripts.score import COUNTED, score_file
from engine_rig import ModuleRig
from servers import NAME, Authority, echo, mosquitto, server_context, tcp_server, udp_echo, web_server

DATA = Path(__file__).resolve().parents[1] / "data"
R410, R422, R510, N210 = "sara-r410m", "sara-r422", "sara-r510s", "sara-n210"
SLM, SM, GM02S, M5311, TELIT = "nrf9160-slm", "nrf9151-sm", "gm02sp", "m5311", "me310g1"
FAMILIES = ("ublox-sara-r", "ublox-sara-n2", "nordic-nrf91", "sequans-gm02s", "chinamobile-m5311", "telit-me310")
ENDS = {"+CFUN", "+IPR", "+CMUX", "#XCMUX", "#XSLEEP", "#XSHUTDOWN", "+CPWROFF", "+SQNSSHDN", "#SHDN", "+CPOF"}
VALUES = ("0", "1", "2", "3", "17", "100", "-1", "", '""', '"x"', '"127.0.0.1"', "5683", '"http://a/"', "abc", '"TCP"')
BINARY = b"\x00\x1a\x1b\r\nOK\r\n>\xff"
PSM = 'AT+CPSMS=1,,,"00000110","00000101"'  # one hour, 10 s
SOON_S = 0.6


class Rig(ModuleRig):
    """A module, registered, echo off."""

    finals = ("OK", "ERROR", ">", "@", "+CME ERROR", "NO CARRIER")
    type_after_s = 0.1

    def __init__(self, module: str, attach: bool = True, gateway: Any = None, **policy: Any) -> None:
        granted = {"t3324_allowed_s": [10], "t3412_allowed_s": [3600], **policy}
        self.make(families.config(module), gateway, policy=granted)
        self.end = b"\r\n" if module == SLM else b"\r"
        self.modem.supply(True)
        self.key()
        self.run(lambda: self.modem.power.running, 30.0, "start")
        self.pass_time(3.0)
        self.banner = self.lines()
        assert self.at("ATE0")[-1] == "OK"
        if attach:
            self.at("AT+CFUN=1")
            self.run(lambda: self.modem.ue.grant.ip, 180.0, "an address")
            self.pass_time(2.0)

    def key(self) -> None:
        """The power key, where it has one."""
        if not self.config.starts_with_supply:
            self.press(self.config.timing.pwrkey_low_s.value + 0.05)

    def attached(self) -> None:
        """After a restart."""
        self.pass_time(10.0)
        self.run(lambda: self.modem.ue.grant.ip, 60.0, "an address")

    def quiet(self, seconds: float = SOON_S) -> list[str]:
        """What is said within `seconds`."""
        self.said.clear()
        self.pass_time(seconds)
        return self.lines()


@pytest.mark.parametrize("family", FAMILIES)
def test_logs(family: str) -> None:
    scores = [one for one in score_file(family, DATA / f"{family}.jsonl") if one.evidence in COUNTED]
    wrong = [f"{one.number}: {one.difference}" for one in scores if not one.match]
    assert len(wrong) <= 0.05 * len(scores), wrong


@pytest.mark.parametrize(
    "module, banner",
    [
        (R410, []), (R510, []), (TELIT, []), (SLM, ["Ready"]), (SM, ["Ready"]), (GM02S, ["+SYSSTART"]),
        (N210, ["REBOOT_CAUSE_SECURITY_PMU_POWER_ON_RESET", "u-blox ", "OK"]),
        (M5311, ["*ATREADY: 1", "+CFUN: 1", "+CPIN: READY"]),
    ],
)  # fmt: skip
def test_banner(module: str, banner: list[str]) -> None:
    assert Rig(module, attach=False).banner == banner


@pytest.mark.parametrize("module", [R410, R510, N210, SLM, SM, GM02S, M5311, TELIT])
def test_no_command_upsets_a_module(module: str) -> None:
    """Any command with anything behind it comes to an end."""
    rig, rng = Rig(module, gateway=Peer()), random.Random(module)
    names = sorted(set(rig.modem.dialect.handlers) - ENDS)
    for _ in range(250):
        kind, name = rng.random(), rng.choice(names)
        values = ",".join(rng.choice(VALUES) for _ in range(rng.randint(1, 8)))
        form = "?" if kind < 0.1 else "=?" if kind < 0.2 else "" if kind < 0.3 else f"={values}"
        rig.modem.rx(f"AT{name}{form}".encode() + rig.end)
        rig.pass_time(0.3)
        if rig.modem.in_data_mode or rig.modem.payload.online is not None:
            rig.modem.rx(b"x" * 64)
            rig.pass_time(1.5)
            rig.modem.rx(b"+++" if rig.modem.payload.online is not None else b"\x1b")
            rig.pass_time(1.5)
        rig.modem.payload.forget()
    rig.pass_time(400.0)
    assert not rig.modem.busy()


# u-blox SARA-R


def test_prompt_is_an_at_sign_without_line_end_and_payload_is_exact() -> None:
    rig = Rig(R410)
    with tcp_server(echo) as port:
        assert rig.ok("AT+USOCR=6") == ["+USOCR: 0"]
        rig.ok(f'AT+USOCO=0,"127.0.0.1",{port}')
        rig.at(f"AT+USOWR=0,{len(BINARY)}")
        assert bytes(rig.said) == b"\r\n@"
        assert rig.type(BINARY, "+UUSORD")[:2] == [f"+USOWR: 0,{len(BINARY)}", "OK"]
        rig.at(f"AT+USORD=0,{len(BINARY)}", "+USORD")
        assert bytes(rig.said).startswith(b'\r\n+USORD: 0,11,"' + BINARY + b'"\r\n')


def test_peer_close_is_told_when_all_is_read() -> None:
    rig = Rig(R410)
    with tcp_server(lambda connection: connection.sendall(b"bye")) as port:
        rig.ok("AT+USOCR=6")
        rig.at(f'AT+USOCO=0,"127.0.0.1",{port}', "+UUSORD: 0,3")
        deadline = time.monotonic() + 5.0
        while rig.modem.links.get(0).state == "open" and time.monotonic() < deadline:
            rig.pass_time(0.5)
        assert not any(line.startswith("+UUSOCL") for line in rig.lines())
        assert rig.at("AT+USOWR=0,1")[-1] == "ERROR", "a write is refused meanwhile"
        assert rig.at("AT+USORD=0,3", "+UUSOCL") == ['+USORD: 0,3,"bye"', "OK", "+UUSOCL: 0"]


def test_datagrams_come_one_a_read() -> None:
    rig = Rig(R410)
    with udp_echo() as port:
        rig.ok("AT+USOCR=17")
        for text in ("one", "three"):
            rig.at(f'AT+USOST=0,"127.0.0.1",{port},{len(text)},"{text}"')
        rig.meet(lambda: len(rig.modem.sockets_part.open[0].datagrams) == 2, "datagrams")
        first = [f'+USORF: 0,"127.0.0.1",{port},3,"one"', "OK", "+UUSORF: 0,5"]
        assert rig.at("AT+USORF=0,100", "+UUSORF") == first
        assert rig.ok("AT+USORF=0,100") == [f'+USORF: 0,"127.0.0.1",{port},5,"three"']


def test_r5_needs_its_profile_and_r4_does_not() -> None:
    with udp_echo() as port:
        rig = Rig(R510)
        rig.ok("AT+USOCR=17")
        send = f'AT+USOST=0,"127.0.0.1",{port},1,"x"'
        assert rig.at(send) == ["ERROR"]
        assert rig.at("AT+UPSDA=0,3", "+UUPSDA")[-1] == f'+UUPSDA: 0,"{rig.modem.ue.grant.ip}"'
        assert rig.at(send)[0] == "+USOST: 0,1"
        rig = Rig(R410)
        rig.ok("AT+USOCR=17")
        assert rig.at(send)[0] == "+USOST: 0,1"
        assert rig.at("AT+UPSDA=0,3") == ["ERROR"]


def test_errors_in_words_begin_with_a_capital_letter() -> None:
    rig = Rig(R410)
    rig.ok("AT+CMEE=2")
    assert rig.at("AT+USOWR=0,3") == ["+CME ERROR: Operation not allowed"]


def test_r4_sleeps_without_consent_unless_it_is_forbidden() -> None:
    for forbidden in (False, True):
        rig = Rig(R410, psm="refused")
        rig.ok(PSM)
        if forbidden:
            rig.ok("AT+UPSMVER=4")
        rig.ok("AT+CFUN=15")
        rig.attached()
        rig.pass_time(120.0)
        assert (rig.modem.power.mode is Mode.DEEP_SLEEP) is not forbidden


def test_psm_of_r4_is_off_and_the_key_boots_it_without_a_banner() -> None:
    rig = Rig(R410)
    rig.ok(PSM)
    rig.ok("AT+UPSMR=1")
    rig.ok("AT+CFUN=15")
    rig.attached()
    rig.said.clear()
    rig.deep()
    assert rig.lines()[-1] == "+UUPSMR: 1"
    rig.said.clear()
    rig.modem.rx(b"AT\r")
    rig.pass_time(1.0)
    assert not rig.said, "its UART has no power"
    rig.key()
    rig.run(lambda: rig.modem.power.running, 30.0, "wake-up")
    rig.pass_time(1.0)
    assert rig.lines() == ["+UUPSMR: 0"]
    assert rig.at("AT") == ["AT\r", "OK"], "echo as from the factory, for it was not stored"


def test_tls_with_a_certificate_of_its_own() -> None:
    authority = Authority()
    cert, key = authority.issue("device", server=False)
    rig = Rig(R422)
    for kind, (name, data) in enumerate((("ca", authority.cert), ("me", cert), ("key", key))):
        assert rig.at(f'AT+USECMNG=0,{kind},"{name}",{len(data)}')[-1] == ">"
        assert rig.type(data)[0].startswith(f'+USECMNG: 0,{kind},"{name}",')
    for setting in ("0,0,1", '0,3,"ca"', '0,5,"me"', '0,6,"key"'):
        rig.ok(f"AT+USECPRF={setting}")
    with tcp_server(echo, server_context(authority, client_certificates=True)) as port:
        rig.ok("AT+USOCR=6")
        rig.ok("AT+USOSEC=0,1,0")
        rig.ok(f'AT+USOCO=0,"127.0.0.1",{port}')
        assert rig.at('AT+USOWR=0,5,"hello"', "+UUSORD")[-1] == "+UUSORD: 0,5"
    stranger = Authority("another")
    with tcp_server(echo, server_context(stranger)) as port:
        rig.ok("AT+USOCR=6")
        rig.ok("AT+USOSEC=1,1,0")
        assert rig.at(f'AT+USOCO=1,"127.0.0.1",{port}') == ["ERROR"]


def test_login_is_0_on_r410_and_1_on_r422() -> None:
    with mosquitto() as broker:
        for module, told in ((R410, "+UUMQTTC: 1,0"), (R422, "+UUMQTTC: 1,1")):
            rig = Rig(module)
            rig.ok(f'AT+UMQTT=2,"127.0.0.1",{broker.port}')
            assert rig.at("AT+UMQTTC=1", "+UUMQTTC")[-1] == told


def test_http_answer_goes_to_a_file() -> None:
    rig = Rig(R422)
    with web_server() as web:
        rig.ok('AT+UHTTP=0,1,"127.0.0.1"')
        rig.ok(f"AT+UHTTP=0,5,{web.port}")
        assert rig.at('AT+UHTTPC=0,1,"/hello","got"', "+UUHTTPCR")[-1] == "+UUHTTPCR: 0,1,1"
        assert b"HTTP/1." in (rig.modem.files.read("got") or b"")


# SARA-N210


def test_socket_answers_have_no_prefix() -> None:
    rig = Rig(N210)
    with udp_echo() as port:
        assert rig.at('AT+NSOCR="DGRAM",17,3000,1') == ["0", "OK"]
        assert rig.at('AT+NSOCR="DGRAM",17,5683,1') == ["ERROR"], "the port of CoAP is its own"
        assert rig.at(f'AT+NSOST=0,"127.0.0.1",{port},2,"001A"', "+NSONMI")[:2] == ["0,2", "OK"]
        assert rig.at("AT+NSORF=0,2") == [f'0,"127.0.0.1",{port},2,"001A",0', "OK"]


def test_concatenated_line_gives_as_many_ok() -> None:
    rig = Rig(N210)
    rig.at("AT+CMEE=1;+CEREG=1;+NPSMR=1")
    rig.pass_time(SOON_S)
    assert rig.lines() == ["OK"] * 3


def test_nothing_outlives_a_reboot_of_n2() -> None:
    rig = Rig(N210)
    rig.ok("AT+CEREG=3")
    assert rig.at("AT+NRB", "OK") == ["REBOOT_CAUSE_APPLICATION_AT", "u-blox ", "OK"]
    assert rig.at("AT+CEREG?", "OK")[1].startswith("+CEREG: 0,")


def test_first_character_is_lost_in_sleep_of_n2() -> None:
    rig = Rig(N210)
    rig.ok(PSM)
    rig.deep()
    rig.said.clear()
    rig.modem.rx(b"AT+CSQ\r")
    rig.pass_time(SOON_S)
    assert not rig.said, "T+CSQ is no command"
    assert rig.at("AT") == ["OK"]


# Nordic


def test_radio_is_off_until_cfun_1() -> None:
    rig = Rig(SM, attach=False)
    rig.pass_time(60.0)
    assert rig.ok("AT+CFUN?") == ["+CFUN: 0"] and not rig.log.each("net", "search")


def test_settings_are_lost_at_a_power_cut_unless_cfun_0_came_before() -> None:
    for stored in (False, True):
        rig = Rig(SM)
        rig.ok('AT+CPSMS=1,"","","10101111","01101100"')
        if stored:
            rig.ok("AT+CFUN=0")
        rig.modem.supply(False)
        rig.pass_time(1.0)
        rig.modem.supply(True)
        rig.pass_time(3.0)
        assert ('"10101111","01101100"' in rig.ok("AT+CPSMS?")[0]) is stored


def test_slm_wants_cr_lf_and_a_certificate_may_hold_line_ends() -> None:
    rig = Rig(SLM, attach=False)
    rig.said.clear()
    rig.modem.rx(b"AT\r")
    rig.pass_time(1.0)
    assert not rig.said
    rig.modem.rx(b"\n")
    assert rig.until("OK") == ["OK"]
    pem = "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----"
    rig.ok(f'AT%CMNG=0,42,0,"{pem}"')
    assert rig.modem.files.read("42/0") == pem.encode()
    rig.ok("AT+CFUN=1")
    assert rig.at('AT%CMNG=0,42,0,"x"') == ["ERROR"], "not while the modem is on"


def test_data_mode_ends_at_plus_plus_plus_and_carries_all_bytes() -> None:
    rig = Rig(SM)
    with tcp_server(echo) as port:
        assert rig.ok("AT#XSOCKET=1,1,0") == ["#XSOCKET: 0,1,6"]
        assert rig.ok(f'AT#XCONNECT=0,"127.0.0.1",{port}') == ["#XCONNECT: 0,1"]
        rig.ok("AT#XSEND=0,2,0")
        assert rig.type(BINARY + b"+++", "#XDATAMODE") == ["#XDATAMODE: 0"]
        rig.at(f"AT#XRECV=0,1,256,20,{len(BINARY)}", "#XRECV")
        rig.pass_time(1.0)
        assert rig.lines()[0] == f"#XRECV: 0,1,{len(BINARY)}" and rig.lines()[1] == BINARY.hex()
        assert rig.ok("AT#XCLOSE") == ["#XCLOSE: 0,0"]


def test_receive_without_data_ends_with_error_in_time() -> None:
    rig = Rig(SLM)
    with udp_echo() as port:
        rig.ok("AT#XSOCKET=1,2,0")
        assert rig.ok(f'AT#XCONNECT="127.0.0.1",{port}') == ["#XCONNECT: 1"]
        began = rig.clock.now()
        assert rig.at("AT#XRECV=5") == ["ERROR"]
        assert 5.0 <= rig.clock.now() - began < 7.0
        assert rig.ok('AT#XSEND="hello"') == ["#XSEND: 5"]
        assert rig.ok("AT#XRECV=20") == ["#XRECV: 5", "hello"]


def test_sleep_notice_may_be_beyond_32_bits_and_sockets_survive_psm() -> None:
    rig = Rig(SM, t3412_allowed_s=[35712000])
    with udp_echo() as port:
        rig.ok("AT#XSOCKET=1,2,0")
        rig.ok(f'AT#XCONNECT=0,"127.0.0.1",{port}')
        rig.ok("AT%XMODEMSLEEP=1,500,10240")
        rig.ok('AT+CPSMS=1,,,"11011111","00000101"')
        rig.said.clear()
        rig.run(lambda: b"%XMODEMSLEEP: 1," in rig.said, 200.0, "notice")
        notice = next(line for line in rig.lines() if line.startswith("%XMODEMSLEEP: 1,"))
        assert int(notice.split(",")[1]) > 1 << 32
        assert "#XSEND: 0,0,2" in rig.at('AT#XSEND=0,0,0,"up"', "OK"), "it hears, and the socket is still there"
        assert rig.at("AT#XRECV=0,0,0,60", "OK") == ["#XRECV: 0,0,2", "up", "OK"]


def test_mqtt_of_serial_modem() -> None:
    authority = Authority()
    rig = Rig(SM, attach=False)
    rig.ok(f'AT%CMNG=0,7,0,"{authority.cert.decode()}"')
    rig.ok("AT+CFUN=1")
    rig.run(lambda: rig.modem.ue.grant.ip, 60.0, "an address")
    with mosquitto(authority) as broker:
        assert rig.at(f'AT#XMQTTCON=1,"","","{NAME}",{broker.port},7', "#XMQTTEVT")[-1] == "#XMQTTEVT: 0,0"
        assert rig.at('AT#XMQTTSUB="down",1', "#XMQTTEVT") == ["OK", "#XMQTTEVT: 7,0"]
        rig.at('AT#XMQTTPUB="down","hi",1,0', "#XMQTTEVT: 2,0")
        rig.meet(lambda: b"#XMQTTEVT: 3,0" in rig.said, "acknowledgement")
        assert b"#XMQTTMSG: 4,2\r\ndown\r\nhi\r\n" in rig.said


# Sequans


def test_a_stray_byte_comes_first_on_each_wake() -> None:
    rig = Rig(GM02S)
    rig.ok(PSM)
    for _ in range(2):
        rig.deep()
        rig.said.clear()
        rig.modem.rx(b"AT\r")
        rig.pass_time(SOON_S)
        assert bytes(rig.said) == b"\xff\r\nOK\r\n"


def test_ids_begin_with_1_and_the_port_comes_before_the_host() -> None:
    for module, dial, send, read in (
        (GM02S, "AT+SQNSD={},0,{},{},0,0,1", "AT+SQNSSENDEXT=1,{}", "AT+SQNSRECV=1,1500"),
        (TELIT, "AT#SD={},0,{},{},0,0,1", "AT#SSENDEXT=1,{}", "AT#SRECV=1,1500"),
    ):
        rig = Rig(module)
        with tcp_server(echo) as port:
            assert rig.at(dial.format(0, port, '"127.0.0.1"'))[-1] == "ERROR", "0 is no id"
            assert rig.at(dial.format(1, '"127.0.0.1"', port))[-1] == "ERROR", "the port comes first"
            rig.ok(dial.format(1, port, '"127.0.0.1"'))
            rig.at(send.format(len(BINARY)))
            assert bytes(rig.said) == b"\r\n> "
            assert rig.type(BINARY, "OK")[-1] == "OK"
            rig.meet(lambda rig=rig: b"RING: 1" in rig.said, "ring")
            rig.pass_time(1.0)
            rig.at(read, "OK")
            rig.pass_time(SOON_S)
            assert rig.said.endswith(f": 1,{len(BINARY)}\r\n".encode() + BINARY + b"\r\nOK\r\n")


def test_what_is_not_known_is_not_supported() -> None:
    rig = Rig(GM02S)
    assert rig.at("AT+CGPS=?") == ["+CME ERROR: operation not supported"]


def test_mqtt_comes_back_by_itself_without_its_subscriptions() -> None:
    rig = Rig(GM02S)
    with mosquitto() as broker:
        port = broker.port
        rig.ok('AT+SQNSMQTTCFG=0,"me"')
        assert rig.at(f'AT+SQNSMQTTCONNECT=0,"127.0.0.1",{port},60', "+SQNS")[-1] == "+SQNSMQTTONCONNECT:0,0"
        assert rig.at('AT+SQNSMQTTSUBSCRIBE=0,"t",1', "+SQNS")[-1] == '+SQNSMQTTONSUBSCRIBE:0,"t",0'
        broker.stop()
    with mosquitto(port=port) as broker:
        rig.said.clear()
        rig.meet(lambda: b"+SQNSMQTTONCONNECT:0,0" in rig.said, "connection that nobody asked for")
        assert b"ONDISCONNECT" not in rig.said
        with broker.client() as peer:
            peer.publish("t", b"hello")
            rig.said.clear()
            rig.pass_time(30.0)
            assert b"ONMESSAGE" not in rig.said, "the subscription is lost"


def test_a_profile_without_ca_talks_plain_text() -> None:
    rig = Rig(GM02S)
    rig.ok('AT+SQNSPCFG=1,2,"",0')
    with mosquitto() as broker:
        rig.ok('AT+SQNSMQTTCFG=0,"me",,,1')
        assert rig.at(f'AT+SQNSMQTTCONNECT=0,"127.0.0.1",{broker.port},60', "+SQNS")[-1] == "+SQNSMQTTONCONNECT:0,0"


# China Mobile M5311


def test_lengths_count_bytes_also_of_hex_and_the_result_comes_first() -> None:
    rig = Rig(M5311)
    with udp_echo() as port:
        rig.ok(f'AT+IPSTART=0,"UDP","127.0.0.1",{port}')
        rig.pass_time(1.0)
        assert rig.at("AT+IPSEND=0,6,001aff")[-1] == "ERROR", "three bytes, not six digits"
        assert rig.at("AT+IPSEND=0,3,001aff", "+IPRD")[:2] == ["+IPSEND: 0,3", "OK"]


def test_sleep_of_m5311_is_told_and_a_pin_wakes_it() -> None:
    rig = Rig(M5311)
    for command in ("AT*SLEEP=1", "AT*MATWAKEUP=1", PSM):
        rig.ok(command)
    rig.said.clear()
    rig.deep()
    assert rig.lines()[-1] == "*GOTOSLEEP"
    rig.said.clear()
    rig.modem.rx(b"AT\r")
    rig.pass_time(1.0)
    assert not rig.said
    rig.modem.pin("PSM_EINT", 0)
    rig.pass_time(1.0)
    rig.modem.pin("PSM_EINT", 1)
    assert rig.lines() == ["*MATWAKEUP"], "and no *ATREADY"
    assert rig.at("AT*ENTERSLEEP", "*GOTOSLEEP") == ["OK", "*GOTOSLEEP"]


def test_locked_it_never_sleeps() -> None:
    rig = Rig(M5311)
    rig.ok("AT+SM=LOCK")
    rig.ok(PSM)
    rig.pass_time(300.0)
    assert rig.modem.ue.psm and rig.modem.power.mode is Mode.RUN


def test_release_assistance_holds_once_and_is_forgotten_in_sleep() -> None:
    rig = Rig(M5311)
    rig.ok("AT*NBIOTRAI=1")
    rig.ok(PSM)
    rig.deep()
    rig.modem.pin("PSM_EINT", 0)
    rig.pass_time(1.0)
    assert rig.ok("AT*NBIOTRAI?") == ["*NBIOTRAI: 0"]


def test_the_reset_parameter_of_cfun_does_nothing() -> None:
    rig = Rig(M5311)
    rig.ok("AT+CMEE=1")
    rig.ok("AT+CFUN=1,1")
    assert rig.quiet(5.0) == [] and rig.ok("AT+CMEE?") == ["+CMEE: 1"]


# Telit


def test_no_carrier_when_what_the_peer_sent_is_read() -> None:
    rig = Rig(TELIT)
    with tcp_server(lambda connection: connection.sendall(b"bye")) as port:
        rig.at(f'AT#SD=1,0,{port},"127.0.0.1",0,0,1', "SRING: 1")
        rig.meet(lambda: rig.modem.links.get(1).state == "closed", "end")
        assert b"NO CARRIER" not in rig.said and b"SRING: 1" in rig.said
        assert rig.at("AT#SRECV=1,100", "NO CARRIER") == ["#SRECV: 1,3", "bye", "OK", "NO CARRIER"]


def test_backspace_edits_what_is_typed_before_ctrl_z() -> None:
    got: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        got.append(connection.recv(100))

    rig = Rig(TELIT)
    with tcp_server(talk) as port:
        rig.ok(f'AT#SD=1,0,{port},"127.0.0.1",0,0,1')
        rig.at("AT#SSEND=1")
        rig.type(b"abd\x08c\x1a")
        rig.meet(lambda: got, "bytes")
    assert got == [b"abc"]


def test_timers_in_seconds_octets_and_decimal() -> None:
    rig = Rig(TELIT)
    rig.ok("AT#CPSMS=1,,,600,60")
    assert rig.ok("AT+CPSMS?")[0].startswith("+CPSMS: 1,,,")
    rig.ok("AT+CPSMS=1,,,162,33")
    assert rig.ok("AT+CPSMS?") == ['+CPSMS: 1,,,"10100010","00100001"']
    assert rig.ok("AT#CPSMS?")[0].startswith("#CPSMS: 1,120,60,4,540,")


def test_a_sleep_below_the_threshold_is_skipped() -> None:
    rig = Rig(TELIT, t3412_allowed_s=[300])
    rig.ok(PSM)
    rig.pass_time(120.0)
    assert rig.modem.ue.psm and rig.modem.power.mode is not Mode.DEEP_SLEEP
