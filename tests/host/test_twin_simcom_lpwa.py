"""The virtual SIM7020E, SIM7080G and SIM7000G: facts of manuals and logs, with real servers where there is a server."""

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
S7020, S7080, S7000 = "sim7020e", "sim7080g", "sim7000g"
FIXED = {"IPR": 115200}
PSM = 'AT+CPSMS=1,,,"00000110","00000101"'  # one hour, 10 s
BINARY = b"\x00\x1a\x1b\r\nOK\r\n>\xff"


class Rig(ModuleRig):
    """A module; `boots`: at a fixed rate, registered, echo off."""

    def __init__(self, module: str, boots: bool = True, nvram: dict[str, int] | None = None) -> None:
        policy = {"t3324_allowed_s": [10], "t3412_allowed_s": [3600]}
        self.make(families.config(module, nvram=FIXED if nvram is None else nvram), policy=policy)
        self.modem.supply(True)
        self.press(self.config.timing.pwrkey_low_s.value + 0.05)
        if boots:
            self.run(lambda: self.modem.ue.grant.ip, 180.0, "an address")
            self.pass_time(5.0)
            assert self.at("ATE0")[-1] == "OK"

    def given(self, command: str, data: bytes) -> list[str]:
        """A command that asks for data."""
        assert self.at(command)[-1] in (">", "DOWNLOAD")
        return self.type(data)

    def wake(self) -> None:
        """By the key."""
        self.said.clear()
        self.press(self.config.timing.pwrkey_low_s.value + 0.05)
        self.run(lambda: self.modem.power.running, 30.0, "wake-up")


@pytest.fixture
def web() -> Iterator[tuple[Web, Authority]]:
    authority = Authority()
    with web_server(authority) as server:
        yield server, authority


@pytest.mark.parametrize("family", ["simcom-sim7020", "simcom-sim7080"])
def test_logs(family: str) -> None:
    scores = [one for one in score_file(family, DATA / f"{family}.jsonl") if one.evidence in COUNTED]
    wrong = [f"{one.number}: {one.difference}" for one in scores if not one.match]
    assert len(wrong) <= 0.05 * len(scores), wrong


# Start


@pytest.mark.parametrize("module", [S7020, S7080])
def test_auto_baud_is_silent_until_spoken_to(module: str) -> None:
    rig = Rig(module, boots=False, nvram={})
    rig.pass_time(30.0)
    assert not rig.said, "at IPR=0 there is no banner"
    rig.modem.rx(b"AT\r")
    rig.pass_time(1.0)
    assert not rig.said, "the first line is lost while the rate is found out"
    assert rig.at("AT") == ["AT\r", "OK"]


@pytest.mark.parametrize("module", [S7020, S7080])
def test_banner_at_a_fixed_rate(module: str) -> None:
    rig = Rig(module, boots=False)
    rig.pass_time(10.0)
    assert rig.lines()[:4] == ["RDY", "+CFUN: 1", "+CPIN: READY", "SMS Ready"]


def test_power_down_says_goodbye_without_ok() -> None:
    rig = Rig(S7020)
    assert rig.at("AT+CPOWD=1", "NORMAL POWER DOWN") == ["NORMAL POWER DOWN"]
    rig.pass_time(3.0)
    assert rig.modem.power.mode is Mode.OFF
    assert rig.lines() == ["NORMAL POWER DOWN"], "said once"


@pytest.mark.parametrize("module", [S7020, S7080])
def test_a_restart_forgets_what_was_not_stored(module: str) -> None:
    rig = Rig(module)

    def restarted() -> list[str]:
        rig.ok("AT+CFUN=1,1")
        rig.said.clear()
        rig.until("SMS Ready")
        return rig.at("AT+CMEE?")

    rig.ok("AT+CMEE=2")
    assert restarted() == ["AT+CMEE?\r", "+CMEE: 0", "OK"], "with the echo that it had before"
    rig.ok("ATE0+CMEE=1")
    rig.ok("AT&W")
    assert restarted() == ["+CMEE: 1", "OK"]


# SIM7020


def test_card_before_and_behind_ok() -> None:
    rig = Rig(S7020)
    assert rig.at("AT+CFUN=0", "OK") == ["+CPIN: NOT READY", "OK"]
    assert rig.at("AT+CFUN=1", "+CPIN: READY") == ["OK", "+CPIN: READY"]


def test_registration_has_one_field_more() -> None:
    rig = Rig(S7020)
    rig.ok("AT+CEREG=4")
    line = rig.ok("AT+CEREG?")[0]
    assert line.endswith(',9,"00",,,"11100000","11100000"'), line


def test_clock_is_not_quoted() -> None:
    rig = Rig(S7020)
    rig.ok('AT+CCLK="20/03/20,15:34:15+32"')
    assert rig.ok("AT+CCLK?")[0].startswith("+CCLK: 20/03/20,15:34:1")


def test_lengths_count_hex_digits() -> None:
    rig = Rig(S7020)
    with udp_echo() as port:
        assert rig.ok("AT+CSOC=1,2,1") == ["+CSOC: 0"]
        assert rig.at(f'AT+CSOCON=0,"127.0.0.1",{port}')[-1] == "ERROR", "the port comes first"
        rig.ok(f'AT+CSOCON=0,{port},"127.0.0.1"')
        assert rig.at("AT+CSOSEND=0,3,001aff")[-1] == "ERROR", "three bytes are six digits"
        assert rig.at("AT+CSOSEND=0,5,001af")[-1] == "ERROR", "an odd number"
        rig.at("AT+CSOSEND=0,6,001aff", "+CSONMI")
        assert rig.lines() == ["OK", "+CSONMI: 0,6,001AFF"]
        rig.ok("AT+CSORCVFLAG=1")
        rig.at('AT+CSOSEND=0,0,"a,b"', "+CSONMI")
        assert rig.lines() == ["OK", "+CSONMI: 0,3,a,b"]


def test_rai_is_for_one_packet() -> None:
    rig = Rig(S7020)
    with udp_echo() as port:
        rig.ok("AT+CSOC=1,2,1")
        rig.ok(f'AT+CSOCON=0,{port},"127.0.0.1"')
        rig.ok("AT+CNBIOTRAI=1")
        assert rig.ok("AT+CNBIOTRAI?") == ["+CNBIOTRAI: 1"]
        rig.ok("AT+CSOSEND=0,2,00")
        assert rig.ok("AT+CNBIOTRAI?") == ["+CNBIOTRAI: 0"]


@pytest.mark.parametrize("retention", [0, 1])
def test_sleep_takes_udp_sockets_unless_retained(retention: int) -> None:
    rig = Rig(S7020)
    rig.ok("AT+CSOC=1,2,1")
    rig.ok('AT+CSOCON=0,7,"127.0.0.1"')
    rig.ok("AT+CPSMSTATUS=1")
    rig.ok(f"AT+RETENTION={retention}")
    rig.ok(PSM)
    rig.deep()
    assert rig.lines()[-1] == '+CPSMSTATUS: "ENTER PSM"'
    rig.said.clear()
    rig.modem.rx(b"AT\rAT\r")
    rig.pass_time(3.0)
    assert not rig.said and rig.modem.power.mode is Mode.DEEP_SLEEP, "the UART is dead"
    rig.wake()
    assert rig.lines() == ["+CPIN: READY", '+CPSMSTATUS: "EXIT PSM"']
    assert rig.at("AT+CSOSTATUS=0")[-1] == ("OK" if retention else "ERROR")


def test_an_open_tcp_socket_keeps_it_awake_and_it_falls_back_after_5_s() -> None:
    rig = Rig(S7020)
    with tcp_server(echo) as port:
        rig.ok("AT+CSOC=1,1,1")
        rig.ok(f'AT+CSOCON=0,{port},"127.0.0.1"')
        rig.ok("AT+CPSMSTATUS=1")
        rig.ok(PSM)
        rig.pass_time(200.0)
        assert rig.modem.ue.psm and rig.modem.power.mode is Mode.RUN
        rig.at("AT+CSOCL=0")
        rig.deep()
    rig.wake()
    rig.pass_time(4.0)
    assert rig.modem.power.running
    rig.pass_time(2.0)
    assert rig.modem.power.mode is Mode.DEEP_SLEEP


def test_ok_of_mqtt_says_that_it_was_sent() -> None:
    rig = Rig(S7020)
    with mosquitto(None) as broker:
        assert rig.ok(f'AT+CMQNEW="{NAME}","{broker.port}",12000,1024') == ["+CMQNEW: 0"]
        rig.ok('AT+CMQCON=0,4,"me",60,1,0')
        assert rig.at('AT+CMQSUB=0,"a",1')[-1] == "ERROR", "no CONNACK yet"
        rig.meet(lambda: rig.modem.mqtt.client.state == "connected" and not rig.modem.mqtt.waits, "CONNACK")
        rig.ok('AT+CMQSUB=0,"b",1')
        assert rig.at('AT+CMQSUB=0,"c",1')[-1] == "ERROR", "no SUBACK yet"
        rig.meet(lambda: not rig.modem.mqtt.waits, "SUBACK")
        rig.ok("AT+CMQTSYNC=1")
        rig.ok('AT+CMQSUB=0,"a",1')
        digits = BINARY.hex()
        assert rig.at(f'AT+CMQPUB=0,"a",1,0,0,{len(BINARY)},"{digits}"')[-1] == "ERROR", "digits are counted"
        rig.at(f'AT+CMQPUB=0,"a",1,0,0,{len(digits)},"{digits}"', "+CMQPUB")
        assert f'+CMQPUB: 0,"a",1,0,0,{len(digits)},"{digits}"' in rig.until("OK")
    rig.until("+CMQDISCON: 0")


def _store(rig: Rig, kind: int, pem: bytes) -> None:
    text = pem.decode().replace("\r", "").replace("\n", "\\r\\n")
    size = len(text)
    pieces = [text[at:at + 1000] for at in range(0, size, 1000)]
    for number, piece in enumerate(pieces, 1):
        rig.ok(f'AT+CSETCA={kind},{size},{int(number < len(pieces))},0,"{piece}"')


@pytest.mark.parametrize("known", [True, False])
def test_mqtt_over_tls_checks_the_server(known: bool) -> None:
    rig, authority = Rig(S7020), Authority()
    with mosquitto(authority, client_certificates=True) as broker:
        cert, key = authority.issue("device", server=False)
        for kind, pem in enumerate(((authority if known else Authority()).cert, cert, key)):
            _store(rig, kind, pem)
        lines = rig.at(f'AT+CMQTTSNEW="{NAME}","{broker.port}",30000,1024')
        assert lines == (["+CMQTTSNEW: 0", "OK"] if known else ["ERROR"])


def test_refused_connection_is_told_behind_error() -> None:
    rig = Rig(S7020)
    rig.ok("AT+CSOC=1,1,1")
    assert rig.at(f'AT+CSOCON=0,{free_port()},"127.0.0.1"', "+CSOERR") == ["ERROR", "+CSOERR: 0,3"]


def test_http_bodies_are_hex(web: tuple[Web, Authority]) -> None:
    rig, (server, authority) = Rig(S7020), web
    _store(rig, 0, authority.cert)
    rig.ok(f'AT+CHTTPCREATE="https://{NAME}:{server.port}/"')
    rig.ok("AT+CHTTPCON=0")
    rig.at(f'AT+CHTTPSEND=0,1,"/echo",,"application/octet-stream","{BINARY.hex()}"', "+CHTTPNMIC")
    assert server.requests[-1].body == BINARY


# SIM7080 and SIM7000


def test_order_of_result_and_ok() -> None:
    rig = Rig(S7080)
    with tcp_server(echo) as port:
        assert rig.at(f'AT+CAOPEN=0,0,"TCP","127.0.0.1",{port}') == ["+CAOPEN: 0,21", "OK"], "no bearer yet"
        assert rig.at("AT+CNACT=0,1", "+APP PDP") == ["OK", "+APP PDP: 0,ACTIVE"]
        assert rig.ok("AT+CNACT?")[1:] == [f'+CNACT: {number},0,"0.0.0.0"' for number in (1, 2, 3)]
        assert rig.at(f'AT+CAOPEN=0,0,"TCP","127.0.0.1",{port}') == ["+CAOPEN: 0,0", "OK"]
        assert rig.given(f"AT+CASEND=0,{len(BINARY)}", BINARY)[-1] == "OK"
        rig.until("+CADATAIND: 0")
        rig.said.clear()
        rig.modem.rx(b"AT+CARECV=0,100\r")
        rig.pass_time(0.2)
        assert rig.said == b"\r\n+CARECV: %d,%s\r\n\r\nOK\r\n" % (len(BINARY), BINARY)
        assert rig.ok("AT+CARECV=0,100") == ["+CARECV: 0"]
        assert rig.ok("AT+CAACK=0") == [f"+CAACK: {len(BINARY)},0"]
        rig.ok("AT+CACLOSE=0")
        assert rig.at("AT+CACLOSE=0") == ["ERROR"]


def test_old_sockets_lose_what_was_not_fetched() -> None:
    rig = Rig(S7000)

    def talk(connection: object) -> None:
        connection.sendall(b"hello")  # type: ignore[attr-defined]

    with tcp_server(talk) as port:
        assert rig.at('AT+CNACT=1,"apn"', "+APP PDP") == ["OK", "+APP PDP: ACTIVE"]
        assert rig.at(f'AT+CAOPEN=0,"127.0.0.1",{port}')[:2] == ["+CAOPEN: 0,0", "OK"]
        rig.until("+CASTATE: 0,0")
        assert "+CADATAIND: 0" in rig.lines()
        assert rig.ok("AT+CARECV=0,100") == ["+CARECV: 0"]


def test_psm_is_power_down() -> None:
    rig = Rig(S7080)
    rig.ok("AT+CPSMSTATUS=1")
    rig.at("AT+CNACT=0,1", "+APP PDP")
    rig.ok('AT+CAOPEN=0,0,"UDP","127.0.0.1",7')
    rig.ok(PSM)
    rig.deep()
    assert rig.lines()[-1] == '+CPSMSTATUS: "ENTER PSM"'
    rig.wake()
    rig.pass_time(3.0)
    assert rig.lines()[:3] == ["RDY", "+CFUN: 1", "+CPIN: READY"]
    assert '+CPSMSTATUS: "EXIT PSM"' in rig.lines()
    assert rig.at("AT+CASEND=0,5")[-1] in ("ERROR", "+CME ERROR: operation not allowed"), "the socket is gone"


def test_cells_are_not_padded() -> None:
    rig = Rig(S7080)
    rig.ok("AT+CEREG=2")
    assert '"ABCD"' in rig.ok("AT+CEREG?")[0], "the identity 0000ABCD"


@pytest.mark.parametrize("known", [True, False])
def test_sm_over_tls(known: bool) -> None:
    rig, authority = Rig(S7080), Authority()
    with mosquitto(authority, client_certificates=True) as broker, broker.client("up") as peer:
        cert, key = authority.issue("device", server=False)
        ca = (authority if known else Authority()).cert
        rig.ok("AT+CFSINIT")
        for name, pem in (("ca.crt", ca), ("my.crt", cert), ("my.key", key)):
            assert rig.given(f'AT+CFSWFILE=3,"{name}",0,{len(pem)},5000', pem)[-1] == "OK"
        rig.ok("AT+CFSTERM")
        for command in (
            f'AT+SMCONF="URL","{NAME}",{broker.port}', 'AT+SMCONF="CLIENTID","me"', 'AT+SMCONF="CLEANSS",1',
            'AT+CSSLCFG="SSLVERSION",0,3', 'AT+CSSLCFG="CONVERT",2,"ca.crt"',
            'AT+CSSLCFG="CONVERT",1,"my.crt","my.key"', 'AT+SMSSL=1,"ca.crt","my.crt"',
        ):  # fmt: skip
            rig.ok(command)
        rig.at("AT+CNACT=0,1", "+APP PDP")
        assert rig.at("AT+SMCONN")[-1] == ("OK" if known else "ERROR")
        if not known:
            return
        rig.ok('AT+SMSUB="up",1')
        rig.given(f'AT+SMPUB="up",{len(BINARY)},1,0', BINARY)
        assert peer.wait(1)[0][1] == BINARY
        rig.until('+SMSUB: "up"')
        assert b'+SMSUB: "up","' + BINARY + b'"' in rig.said
    rig.until("+SMSTATE: 0")


def test_sh_over_tls(web: tuple[Web, Authority]) -> None:
    rig, (server, authority) = Rig(S7080), web
    rig.at("AT+CNACT=0,1", "+APP PDP")
    rig.ok("AT+CFSINIT")
    rig.given(f'AT+CFSWFILE=3,"ca.crt",0,{len(authority.cert)},5000', authority.cert)
    rig.ok("AT+CFSTERM")
    rig.ok('AT+CSSLCFG="CONVERT",2,"ca.crt"')
    rig.ok(f'AT+SHCONF="URL","https://{NAME}:{server.port}"')
    assert rig.at("AT+SHCONN")[-1] == "ERROR", "no SHSSL yet"
    rig.ok('AT+SHSSL=1,"ca.crt"')
    rig.ok("AT+SHCONN")
    rig.given(f"AT+SHBODEXT={len(BINARY)},1000", BINARY)
    rig.at('AT+SHREQ="/echo",3', '+SHREQ: "POST",200,')
    assert server.requests[-1].body == BINARY


def test_position_has_its_fields() -> None:
    rig = Rig(S7080)
    rig.ok("AT+CGNSPWR=1")
    assert rig.ok("AT+CGNSINF")[0].count(",") == 17
    rig.pass_time(60.0)
    line = rig.ok("AT+CGNSINF")[0]
    assert line.startswith("+CGNSINF: 1,1,") and line.count(",") == 17
    rig.at("AT+SGNSCMD=1,0", "+SGNSCMD: 2,")
    assert rig.lines()[-1].count(",") == 10
