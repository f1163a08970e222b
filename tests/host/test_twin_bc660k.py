"""TCP, TLS, MQTT and HTTP of the virtual BC660K-GL against real servers, as its application notes say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_rig import ModuleRig
from servers import NAME, Authority, Web, echo, free_port, mosquitto, server_context, tcp_server, web_server

ONE_LINE = b'\x00\x01 "quoted", \x80\xff'


class Rig(ModuleRig):
    """The module, awake, and what it says."""

    finals = ("OK", "ERROR", ">", "+CME ERROR")
    type_finals = ("OK",)
    type_after_s = 0.6

    def __init__(self) -> None:
        super().__init__()
        self.pass_time(2.0)  # for what it says of its start
        self.at("AT")
        self.at("ATE0")
        assert self.at("AT+QSCLK=0") == ["OK"]

    def certificate(self, key: str, pem: bytes) -> None:
        assert self.at(f'AT+QSSLCFG=0,0,"{key}"') == [">"]
        assert self.type(pem + b"\x1a") == [f'+QSSLCFG: 0,0,"{key}",{len(pem)}', "OK"]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def web(authority: Authority) -> Iterator[Web]:
    with web_server(authority) as running:
        yield running


def test_tcp_there_and_back_and_closed_by_the_peer() -> None:
    rig = Rig()
    with tcp_server(echo) as port:
        assert rig.at(f'AT+QIOPEN=0,1,"TCP","{NAME}",{port}', "+QIOPEN")[-1] == "+QIOPEN: 1,0"
        assert rig.at("AT+QISTATE=1,1")[0] == f'+QISTATE: 1,"TCP","{NAME}",{port},0,2,0,1'
        assert rig.at("AT+QISEND=1,2,hi", "+QIURC")[-2:] == ["SEND OK", '+QIURC: "recv",1,2,"hi"']
        assert rig.at("AT+QICLOSE=1", "CLOSE OK") == ["OK", "CLOSE OK"]
    with tcp_server(lambda connection: None) as port:
        assert rig.at(f'AT+QIOPEN=0,1,"TCP","{NAME}",{port}', '+QIURC: "closed"')[-1] == '+QIURC: "closed",1'
        assert rig.at("AT+QISEND=1,2,hi") == ["ERROR"]
    rig.at("AT+QICLOSE=1", "CLOSE OK")
    assert rig.at(f'AT+QIOPEN=0,1,"TCP","{NAME}",{free_port()}', "+QIOPEN")[-1] == "+QIOPEN: 1,566"


def test_tls_with_the_authority_and_its_end(authority: Authority) -> None:
    rig = Rig()
    rig.at('AT+QSSLCFG=0,0,"seclevel",1')
    with tcp_server(echo, server_context(authority)) as port:
        open_it = f'AT+QSSLOPEN=0,0,"{NAME}",{port},0'
        assert rig.at(open_it, "+QSSLOPEN")[-1] == "+QSSLOPEN: 0,0,-3"  # it knows no authority yet
        rig.certificate("cacert", authority.cert)
        assert rig.at(open_it, "+QSSLOPEN")[-1] == "+QSSLOPEN: 0,0,0"
        assert rig.at(open_it, "+QSSLOPEN")[-1] == "+QSSLOPEN: 0,0,-6"
        assert rig.at("AT+QSSLSEND=0,0,6") == [">"]
        assert rig.type(b"\x1a\x1bhi\"x", "+QSSLURC")[-3:] == [
            "OK", "+QSSLSEND: 0,0,0", '+QSSLURC: "recv",0,0,6,"\x1a\x1bhi"x"',
        ]  # fmt: skip
        assert rig.at("AT+QSSLCLOSE=0,0", "+QSSLCLOSE") == ["OK", "+QSSLCLOSE: 0,0,0"]
        assert rig.at("AT+QSSLSEND=0,0,6") == ["ERROR"]


def test_certificates_outlive_a_reset_and_settings_do_not(authority: Authority) -> None:
    rig = Rig()
    rig.certificate("cacert", authority.cert)
    rig.at('AT+QSSLCFG=0,0,"seclevel",2')
    rig.at('AT+QMTCFG="version",3,1')
    assert rig.at('AT+QMTCFG="version",3') == ["+QMTCFG: 1", "OK"]
    rig.modem.reset("test")
    rig.pass_time(3.0)
    rig.at("ATE0")
    assert rig.at('AT+QSSLCFG=0,0,"seclevel"')[0] == '+QSSLCFG: 0,0,"seclevel",0'
    assert f'+QSSLCFG: 0,0,"cacert",{len(authority.cert)}' in rig.at("AT+QSSLCFG=0,0")
    assert rig.at('AT+QMTCFG="version",3') == ["+QMTCFG: 0", "OK"]


def test_mqtt_over_tls_with_client_certificates(authority: Authority) -> None:
    rig = Rig()
    cert, key = authority.issue("device", server=False)
    rig.at('AT+QSSLCFG=0,0,"seclevel",2')
    for name, pem in (("cacert", authority.cert), ("clientcert", cert), ("clientkey", key)):
        rig.certificate(name, pem)
    rig.at('AT+QMTCFG="ssl",3,1,0,0')
    rig.at('AT+QMTCFG="version",3,1')
    with mosquitto(authority, client_certificates=True) as broker, broker.client("up") as peer:
        assert rig.at(f'AT+QMTOPEN=3,"{NAME}",{broker.port}', "+QMTOPEN")[-1] == "+QMTOPEN: 3,0"
        assert rig.at('AT+QMTCONN=3,"device"', "+QMTCONN")[-1] == "+QMTCONN: 3,0,0"
        assert rig.at('AT+QMTSUB=3,1,"down",1', "+QMTSUB")[-1] == "+QMTSUB: 3,1,0,1"
        assert rig.at('AT+QMTPUB=3,2,1,0,"up",17,"{"a":"1","b":"2"}"', "+QMTPUB")[-1] == "+QMTPUB: 3,2,0"
        assert rig.at('AT+QMTPUB=3,3,1,0,"up",' + str(len(ONE_LINE))) == [">"]
        assert rig.type(ONE_LINE, "+QMTPUB")[-1] == "+QMTPUB: 3,3,0"
        assert [(topic, payload) for topic, payload, _, _ in peer.wait(2)] == [
            ("up", b'{"a":"1","b":"2"}'), ("up", ONE_LINE),
        ]  # fmt: skip
        rig.said.clear()
        peer.publish("down", b"hello")
        (line,) = rig.until("+QMTRECV")
        assert line.startswith("+QMTRECV: 3,") and line.endswith(',"down","hello"')
        assert rig.at("AT+QMTDISC=3", "+QMTDISC")[-1] == "+QMTDISC: 3,0"


def test_http_over_tls_in_pieces(authority: Authority, web: Web) -> None:
    rig = Rig()
    rig.at('AT+QSSLCFG=0,0,"seclevel",1')
    rig.certificate("cacert", authority.cert)
    assert rig.at('AT+QHTTPCFG="ssl",0,0') == ["OK"]
    url = f"https://{NAME}:{web.port}/hello"
    assert rig.at(f"AT+QHTTPURL={len(url)}") == [">"]
    assert rig.type(url.encode()) == ["OK"]
    assert rig.at("AT+QHTTPGET=80", "+QHTTPGET") == ["OK", "+QHTTPGET: 0,200,6"]
    assert rig.at("AT+QHTTPREAD=4") == ["+QHTTPREAD: 4,2", "hell", "OK"]
    assert [line.strip() for line in rig.at("AT+QHTTPREAD=4")] == ["+QHTTPREAD: 2,0", "o", "OK"]
    assert rig.at("AT+QHTTPREAD=4") == ["+CME ERROR: 705"]
