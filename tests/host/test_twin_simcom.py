"""The virtual A7670E and SIM7600E: facts of logs and manuals, with real servers where there is a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cellkit.bench.modem import families
from cellkit.bench.modem.power import Mode
from cellkit.transcripts.score import COUNTED, score_file
from engine_rig import ModuleRig
from servers import NAME, Authority, Web, echo, free_port, mosquitto, tcp_server, udp_echo, web_server

DATA = Path(__file__).resolve().parents[1] / "data"
A76, S76 = "a7670e", "sim7600e"


class Rig(ModuleRig):
    """A module of SIMCom; `boots`: it has started, is registered and has said all that it says by itself."""

    def __init__(self, module: str = A76, boots: bool = True, **identity: str) -> None:
        config = families.config(module)
        config.identity.more.update(identity)
        self.make(config)
        self.modem.supply(True)
        self.press(0.1 if module == A76 else 0.6)
        if boots:
            self.run(lambda: self.modem.ue.grant.ip, 180.0, "an address")
            self.pass_time(12.0)
            assert self.at("ATE0")[-1] == "OK"

    def give(self, command: str, data: bytes) -> list[str]:
        """A command that asks for data."""
        assert self.at(command)[-1] in (">", "DOWNLOAD")
        return self.type(data)

    def mqtt(self, tls: bool = False) -> None:
        """The service, and a client."""
        self.at("AT+CMQTTSTART", "+CMQTTSTART: 0")
        assert self.at(f'AT+CMQTTACCQ=0,"client",{int(tls)}') == ["OK"]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as running:
        yield running


@pytest.mark.parametrize("family", ["simcom-a76xx", "simcom-sim7600"])
def test_logs_of_real_modules_are_reproduced(family: str) -> None:
    scores = [score for score in score_file(family, DATA / f"{family}.jsonl") if score.evidence in COUNTED]
    assert len(scores) > 5
    assert [score.difference for score in scores if not score.match] == []


# Start and power


def test_nothing_is_heard_before_the_banner_and_a_good_card_fails_at_first() -> None:
    rig = Rig(boots=False)
    rig.pass_time(8.0)
    rig.modem.rx(b"AT\r")
    rig.pass_time(2.0)
    assert rig.lines() == []
    rig.run(lambda: rig.lines(), 5.0, "banner")
    assert rig.lines() == ["*ATREADY: 1"]
    rig.at("ATE0")
    assert rig.at("AT+CPIN?") == ["+CME ERROR: SIM failure"]
    assert rig.at("AT+CMEE=1") == ["OK"]
    assert rig.at("AT+CPIN?") == ["+CME ERROR: 13"]
    rig.until("+CPIN: READY")
    assert rig.at("AT+CPIN?") == ["+CPIN: READY", "OK"]


def test_off_by_command_and_on_by_the_key() -> None:
    rig = Rig()
    assert rig.at("AT+CPOF") == ["OK"]
    rig.run(lambda: rig.modem.power.mode is Mode.OFF, 20.0, "power-off")
    rig.press(0.02)
    rig.pass_time(20.0)
    assert rig.modem.power.mode is Mode.OFF
    rig.press(0.1)
    rig.run(lambda: rig.modem.power.mode is Mode.RUN, 20.0, "start")


def test_it_naps_only_when_told_and_then_loses_the_first_command() -> None:
    rig = Rig()
    rig.pass_time(120.0)
    assert rig.modem.power.mode is Mode.RUN
    assert rig.at("AT+CSCLK=2") == ["OK"]
    rig.pass_time(60.0)
    assert rig.modem.power.mode is Mode.LIGHT_SLEEP
    rig.said.clear()
    rig.modem.rx(b"AT\r")
    rig.pass_time(1.0)
    assert rig.lines() == []
    assert rig.at("AT") == ["OK"]


# Sockets


def test_order_of_result_and_ok_depends_on_the_kind_of_socket() -> None:
    rig = Rig()
    assert rig.at("AT+IPADDR") == ["+IPADDR: Network not opened", "ERROR"]
    assert rig.at('AT+CIPOPEN=1,"TCP","127.0.0.1",7') == ["+CIPOPEN: 1,2", "ERROR"]
    assert rig.at("AT+NETOPEN", "+NETOPEN") == ["OK", "+NETOPEN: 0"]
    assert rig.at("AT+NETOPEN") == ["+IP ERROR: Network is already opened", "ERROR"]
    with tcp_server(echo) as port:
        assert rig.at(f'AT+CIPOPEN=1,"TCP","{NAME}",{port}', "+CIPOPEN") == ["OK", "+CIPOPEN: 1,0"]
        assert rig.at("AT+CIPSEND=1,5") == [">"]
        lines = rig.type(b"h\x1a\r\nx", "+IPD5")
        assert lines[:4] == ["OK", "+CIPSEND: 1,5,5", f"RECV FROM:127.0.0.1:{port}", "+IPD5"]
        rig.pass_time(1.0)
        assert rig.said.endswith(b"+IPD5\r\nh\x1a\r\nx\r\n")
        assert rig.at("AT+CIPCLOSE=1", "+CIPCLOSE") == ["OK", "+CIPCLOSE: 1,0"]
    assert rig.at(f'AT+CIPOPEN=1,"TCP","127.0.0.1",{free_port()}') == ["+CIPOPEN: 1,1", "ERROR"]
    with udp_echo() as port:
        assert rig.at('AT+CIPOPEN=2,"UDP",,,5000') == ["+CIPOPEN: 2,0", "OK"]
        assert rig.at("AT+CIPSEND=2,5") == ["ERROR"]
        assert rig.at(f'AT+CIPSEND=2,5,"127.0.0.1",{port}') == [">"]
        assert rig.type(b"hello", "hello")[-1] == "hello"
        assert rig.at("AT+CIPCLOSE=2") == ["+CIPCLOSE: 2,0", "OK"]


def test_data_are_fetched_as_text_and_hex() -> None:
    rig = Rig()
    rig.at("AT+NETOPEN", "+NETOPEN")
    assert rig.at("AT+CIPRXGET=1") == ["OK"]
    with tcp_server(echo) as port:
        rig.at(f'AT+CIPOPEN=0,"TCP","127.0.0.1",{port}', "+CIPOPEN")
        assert rig.at("AT+CIPRXGET=2,0") == ["+IP ERROR: No data", "ERROR"]
        assert rig.at("AT+CIPSEND=0,5") == [">"]
        assert rig.type(b"hello", "+CIPRXGET")[-1] == "+CIPRXGET: 1,0"
        assert rig.at("AT+CIPRXGET=4,0") == ["+CIPRXGET: 4,0,5", "OK"]
        assert rig.at("AT+CIPRXGET=3,0,2") == ["+CIPRXGET: 3,0,2,3", "6865", "OK"]
        assert rig.at("AT+CIPRXGET=2,0") == ["+CIPRXGET: 2,0,3,0", "llo", "OK"]


def test_a_lost_bearer_closes_the_network_unexpectedly() -> None:
    rig = Rig()
    rig.at("AT+NETOPEN", "+NETOPEN")
    rig.said.clear()
    rig.modem.ue.stop()
    assert rig.lines() == ["+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"]
    assert rig.at("AT+NETOPEN?") == ["+NETOPEN: 0", "OK"]


# MQTT


def test_mqtt_with_binary_payload_and_a_session_that_outlives_the_host() -> None:
    rig = Rig()
    with mosquitto() as broker:
        rig.mqtt()
        payload = bytes(range(128))
        assert rig.at(f'AT+CMQTTCONNECT=0,"tcp://127.0.0.1:{broker.port}",60,1', "+CMQTTCONNECT") == [
            "OK", "+CMQTTCONNECT: 0,0",
        ]  # fmt: skip
        rig.at("AT+CMQTTSUB=0,4,1")
        assert rig.type(b"t/up", "+CMQTTSUB") == ["OK", "+CMQTTSUB: 0,0"]
        assert rig.give("AT+CMQTTTOPIC=0,4", b"t/up") == ["OK"]
        assert rig.give("AT+CMQTTPAYLOAD=0,128", payload) == ["OK"]
        assert rig.at("AT+CMQTTPUB=0,1,60", "+CMQTTPUB")[0] == "OK"
        rig.until("+CMQTTRXEND")
        assert "+CMQTTPUB: 0,0" in rig.lines()
        assert b"+CMQTTRXPAYLOAD: 0,128\r\n" + payload + b"\r\n+CMQTTRXEND: 0" in rig.said
        # The host restarts and knows nothing of this.
        assert rig.at("AT+CMQTTSTART") == ["+CMQTTSTART: 23", "ERROR"]
        assert rig.at("AT+CMQTTSTOP") == ["+CMQTTSTOP: 21", "ERROR"]
        assert rig.at("AT+CMQTTDISC=0,120", "+CMQTTDISC") == ["OK", "+CMQTTDISC: 0,0"]
        assert rig.at("AT+CMQTTREL=0") == ["OK"]
        assert rig.at("AT+CMQTTSTOP", "+CMQTTSTOP") == ["OK", "+CMQTTSTOP: 0"]


def test_a_failed_connection_has_no_ok_and_text_that_is_no_utf8_is_refused() -> None:
    rig = Rig()
    rig.mqtt()
    url = f"tcp://127.0.0.1:{free_port()}"
    assert rig.at(f'AT+CMQTTCONNECT=0,"{url}",60,1') == ["+CMQTTCONNECT: 0,3", "ERROR"]
    assert rig.give("AT+CMQTTPAYLOAD=0,2", b"\xff\xfe") == ["+CMQTTPAYLOAD: 0,2", "ERROR"]
    assert rig.at('AT+CMQTTCFG="checkUTF8",0,0') == ["OK"]
    assert rig.give("AT+CMQTTPAYLOAD=0,2", b"\xff\xfe") == ["OK"]


def test_the_sister_module_starts_its_service_in_the_other_order() -> None:
    assert Rig(S76).at("AT+CMQTTSTART") == ["+CMQTTSTART: 0", "OK"]
    assert Rig(A76).at("AT+CMQTTSTART", "+CMQTTSTART") == ["OK", "+CMQTTSTART: 0"]


@pytest.mark.parametrize("known", [True, False])
def test_mqtt_over_tls_checks_the_servers_certificate(authority: Authority, known: bool) -> None:
    rig = Rig()
    ca = authority.cert if known else Authority("another").cert
    with mosquitto(authority) as broker:
        assert rig.give(f'AT+CCERTDOWN="ca.pem",{len(ca)}', ca) == ["OK"]
        assert rig.at("AT+CCERTLIST") == ['+CCERTLIST: "ca.pem"', "OK"]
        for setting in ('"authmode",0,1', '"cacert",0,"ca.pem"'):
            assert rig.at(f"AT+CSSLCFG={setting}") == ["OK"]
        rig.mqtt(tls=True)
        assert rig.at("AT+CMQTTSSLCFG=0,0") == ["OK"]
        lines = rig.at(f'AT+CMQTTCONNECT=0,"tcp://127.0.0.1:{broker.port}",60,1', "+CMQTTCONNECT: 0,0", "ERROR")
    assert lines == (["OK", "+CMQTTCONNECT: 0,0"] if known else ["+CMQTTCONNECT: 0,32", "ERROR"])


# HTTP, multiplexer


@pytest.mark.parametrize(("module", "head"), [(A76, "+HTTPREAD: 4"), (S76, "+HTTPREAD: DATA,4")])
def test_http_is_read_behind_its_ok(web: Web, module: str, head: str) -> None:
    rig = Rig(module)
    assert rig.at("AT+HTTPACTION=0") == ["ERROR"]
    assert rig.at("AT+HTTPINIT") == ["OK"]
    assert rig.at(f'AT+HTTPPARA="URL","{web.url}/x"') == ["OK"]
    assert rig.give("AT+HTTPDATA=4,1000", b"\x00\x1a\r\n") == ["OK"]
    result = rig.at("AT+HTTPACTION=1", "+HTTPACTION")
    assert result[0] == "OK"
    assert result[1].startswith("+HTTPACTION: 1,404,")  # the server has no such page
    assert web.requests[-1].body == b"\x00\x1a\r\n"
    lines = rig.at("AT+HTTPREAD=0,4", "+HTTPREAD: 0")
    assert lines[0] == "OK"
    assert lines[1] == head
    assert lines[-1] == "+HTTPREAD: 0"


def test_the_multiplexer_of_a_767x_answers_twice_and_greets() -> None:
    open_1 = bytes.fromhex("f9073f01def9")
    answer = bytes.fromhex("f907730115f9")
    said = {}
    for line in ("7600", "767x"):
        rig = Rig(S76, line=line)
        assert rig.at("AT+CMUX=0") == ["OK"]
        rig.said.clear()
        rig.modem.rx(open_1)
        rig.pass_time(0.5)
        said[line] = bytes(rig.said)
    assert said["7600"] == answer
    assert said["767x"].startswith(answer + answer)
    assert b"QCRDY" in said["767x"]
