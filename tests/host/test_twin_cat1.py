"""The virtual Cat.1 modules of Quectel, Luat, China Mobile and Fibocom: logs, manuals, and what breaks naive drivers.

tests/data/twins/*.txt: exchanges of the manuals and reports that each block names, one line a line, `>` sent, `<` said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cellkit.bench.modem import families
from cellkit.transcripts.score import percentage, score_file
from engine_rig import ModuleRig
from servers import NAME, Authority, echo, mosquitto, tcp_server, web_server

DATA = Path(__file__).resolve().parents[1] / "data"
FAMILIES = ("quectel-cat1", "luat-air780e", "chinamobile-ml307", "fibocom-l610")
NASTY = b'\x00\x1a\x1b\r\n"OK"\r\n> \xff'


def exchanges(path: Path, family: str) -> Iterator[str]:
    """A text file's blocks as lines of a transcript."""
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        head, *lines = block.split("\n")
        context, _, rest = head.removeprefix("# ").partition("; ")
        kind, _, source = rest.partition(": ")
        evidence = "wire" if kind == "log" else "doc"
        played = [["TX" if line[0] == ">" else "RX", line[2:]] for line in lines]
        yield json.dumps(
            {"module": family, "dialect": family, "evidence": evidence, "context": context, "source": source,
             "exchange": played}
        )  # fmt: skip


class Rig(ModuleRig):
    """A module in virtual time with real servers; `boots`: registered, echo off, what it said forgotten."""

    finals = ("OK", "ERROR", ">", "+CME ERROR", "CONNECT", "SEND OK", "CLOSE OK", "SHUT OK")
    type_finals = ("OK",)

    def __init__(self, module: str, boots: bool = True, nvram: dict[str, Any] | None = None, **more: str) -> None:
        config = families.config(module)
        config.nvram = {**config.nvram, **(nvram or {})}
        config.identity.more = {**config.identity.more, **more}
        self.make(config)
        self.power()
        if boots:
            self.started()

    def power(self) -> None:
        self.modem.supply(True)
        self.press(self.config.timing.pwrkey_low_s.value + 0.05)

    def started(self) -> None:
        self.run(lambda: self.modem.power.running and self.modem.ue.grant.ip, 180.0, "an address")
        self.pass_time(10.0)
        assert self.at("ATE0")[-1] == "OK"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.mark.parametrize("family", FAMILIES[:3])
def test_logs_are_reproduced(family: str) -> None:
    scores = list(score_file(family, DATA / f"{family}.jsonl"))
    assert percentage(scores) >= 95.0, [score for score in scores if not score.match]


@pytest.mark.parametrize("family", FAMILIES)
def test_examples_of_manuals_and_reports(family: str, tmp_path: Path) -> None:
    file = tmp_path / "played.jsonl"
    file.write_text("\n".join(exchanges(DATA / "twins" / f"{family}.txt", family)), encoding="utf-8")
    failed = [score for score in score_file(family, file) if not score.match]
    assert not failed


# Quectel


def test_no_urc_reaches_the_uart_of_an_eg800k_until_urcport_says_so() -> None:
    rig = Rig("eg800k", boots=False)
    rig.pass_time(30.0)
    assert rig.lines() == []
    assert rig.at("AT", "OK") == ["AT\r", "OK"]
    rig.at('AT+QURCCFG="urcport","uart1"', "OK")
    rig.modem.reset("test")
    rig.pass_time(30.0)
    assert "RDY" in rig.lines() and "+QIND: PB DONE" in rig.lines()  # stored


def test_the_echo_is_back_after_a_restart_unless_stored() -> None:
    rig = Rig("ec200u")
    for stores, shown in ((False, ["AT\r", "OK"]), (True, ["OK"])):
        rig.at("ATE0")
        if stores:
            rig.at("AT&W", "OK")
        rig.modem.reset("test")
        rig.pass_time(30.0)
        assert rig.at("AT", "OK") == shown


def test_tls_of_an_eg800k_wears_out_and_takes_plain_sockets_with_it(authority: Authority) -> None:
    rig = Rig("eg800k", nvram={"urcport": "uart1"}, tls_opens="2")
    assert rig.at("AT+QIACT=1") == ["OK"]
    with tcp_server(echo) as port:
        for _ in range(2):  # the server speaks no TLS
            assert "+QSSLOPEN: 1,566" in rig.at(f'AT+QSSLOPEN=1,1,1,"{NAME}",{port},0', "+QSSLOPEN: ")
            rig.at("AT+QSSLCLOSE=1")
        assert "+QSSLOPEN: 1,552" in rig.at(f'AT+QSSLOPEN=1,1,1,"{NAME}",{port},0', "+QSSLOPEN: ")
        assert "+QIOPEN: 0,552" in rig.at(f'AT+QIOPEN=1,0,"TCP","{NAME}",{port},0,0', "+QIOPEN: ")
        rig.modem.reset("test")
        rig.started()
        rig.at("AT+QIACT=1")
        assert "+QIOPEN: 0,552" in rig.at(f'AT+QIOPEN=1,0,"TCP","{NAME}",{port},0,0', "+QIOPEN: ")
        rig.modem.supply(False)
        rig.power()
        rig.started()
        rig.at("AT+QIACT=1")
        assert "+QIOPEN: 0,0" in rig.at(f'AT+QIOPEN=1,0,"TCP","{NAME}",{port},0,0', "+QIOPEN: ")


def test_a_drifted_bearer_is_claimed_by_qiact_and_fails_after_thirty_seconds() -> None:
    rig = Rig("ec200u")
    rig.at("AT+QIACT=1")
    assert rig.at("AT+QHTTPURL=23,80", "CONNECT") == ["CONNECT"]
    rig.type(b"http://www.example.com/")
    rig.modem.drift(9)
    assert rig.at("AT+QIACT?")[0].startswith("+QIACT: 1,1,1,")
    assert rig.at("AT+CGACT?")[:2] == ["+CGACT: 1,0", "+CGACT: 9,1"]
    before_s = rig.clock.now()
    assert rig.at("AT+QHTTPGET=80") == ["+CME ERROR: 716"]
    assert rig.clock.now() - before_s >= 30.0
    assert rig.at("AT+CGACT=1,1") == ["+CME ERROR: 100"]
    assert rig.at("AT+CGACT=0,9") == ["OK"]
    assert rig.at("AT+CGACT?")[:1] == ["+CGACT: 1,1"]


def test_a_file_is_not_overwritten_and_its_check_is_told() -> None:
    rig = Rig("ec200u")
    assert rig.at('AT+QFUPL="UFS:ca.pem",4,5', "CONNECT") == ["CONNECT"]
    assert rig.type(b"\x01\x02\x03\x04") == ["+QFUPL: 4,206", "OK"]
    assert rig.at('AT+QFUPL="ca.pem",4,5') == ["+CME ERROR: 407"]
    assert rig.at("AT+QFLST")[0] == '+QFLST: "UFS:ca.pem",4'
    assert rig.at('AT+QFDEL="ca.pem"') == ["OK"]


def test_quectel_push_carries_any_byte_and_https_needs_the_ca(authority: Authority) -> None:
    rig = Rig("ec200u")
    rig.at("AT+QIACT=1")
    with tcp_server(echo) as port:
        assert "+QIOPEN: 0,0" in rig.at(f'AT+QIOPEN=1,0,"TCP","{NAME}",{port},0,1', "+QIOPEN: ")
        rig.at(f"AT+QISEND=0,{len(NASTY)}", "> ")
        rig.type(NASTY, "SEND OK")
        rig.meet(lambda: f'+QIURC: "recv",0,{len(NASTY)}\r\n'.encode() + NASTY in rig.said, "the echo")
    with web_server(authority) as web:
        url = f"https://{NAME}:{web.port}/echo"
        trusted = (("other", Authority("other").cert, "+QHTTPGET: 716"), ("ca", authority.cert, "+QHTTPGET: 0,200"))
        for name, pem, answer in trusted:
            rig.at(f'AT+QFUPL="{name}.pem",{len(pem)}', "CONNECT")
            rig.type(pem)
            for setting in (f'"cacert",1,"UFS:{name}.pem"', '"seclevel",1,1', '"sni",1,1'):
                assert rig.at(f"AT+QSSLCFG={setting}") == ["OK"]
            rig.at(f"AT+QHTTPURL={len(url)},80", "CONNECT")
            rig.type(url.encode())
            assert rig.at("AT+QHTTPGET=80", "+QHTTPGET: ")[-1].startswith(answer)


# Luat


def test_air780ep_loses_what_is_sent_before_its_second_ready() -> None:
    rig = Rig("air780ep", boots=False)
    rig.run(lambda: "RDY" in rig.lines(), 20.0, "RDY")
    rig.modem.rx(b"ATE0\r")
    rig.pass_time(10.0)
    assert rig.lines().count("RDY") == 2 and "OK" not in rig.lines()
    assert rig.at("ATE0", "OK")[-1] == "OK"


def test_cipsend_takes_a_line_feed_behind_its_cr_for_its_own() -> None:
    rig = Rig("air780e")
    with tcp_server(echo) as port:
        rig.at("AT+CIPQSEND=1")
        assert "CONNECT OK" in rig.at(f'AT+CIPSTART="TCP","{NAME}",{port}', "CONNECT OK")
        rig.at("AT+CIPSEND=3", ">")
        rig.said.clear()
        rig.modem.rx(b"\nab")  # one byte of it is swallowed
        rig.pass_time(2.0)
        assert rig.lines() == []
        assert "DATA ACCEPT:3" in rig.type(b"c", "DATA ACCEPT:3")
        rig.meet(lambda: b"abc\r\n" in rig.said, "the echo")
        rig.said.clear()
        rig.modem.rx(b"AT+CIPSEND=2\r\n\n1")  # ended by both: the payload is whole
        rig.until("DATA ACCEPT:2")
        rig.meet(lambda: b"\n1\r\n" in rig.said, "the echo")


def test_luat_push_ends_with_a_line_end_and_mqtt_is_binary_safe(authority: Authority) -> None:
    rig = Rig("air780e")
    with tcp_server(echo) as port:
        rig.at(f'AT+CIPSTART="TCP","{NAME}",{port}', "CONNECT OK")
        rig.at("AT+CIPSEND=5", ">")
        rig.type(b"hello", "SEND OK")
        rig.meet(lambda: b"hello\r\n" in rig.said, "the echo")
    with mosquitto(authority, client_certificates=False) as broker, broker.client("up/#") as peer:
        assert rig.at('AT+FSCREATE="ca.crt"') == ["OK"]
        rig.at(f'AT+FSWRITE="ca.crt",0,{len(authority.cert)},15', ">")
        rig.type(authority.cert)
        for setting in ('"cacert",88,"ca.crt"', '"seclevel",88,1'):
            assert rig.at(f"AT+SSLCFG={setting}") == ["OK"]
        rig.at("AT+MCONFIG=device")
        assert "CONNECT OK" in rig.at(f'AT+SSLMIPSTART="{NAME}","{broker.port}"', "CONNECT ")
        assert "CONNACK OK" in rig.at("AT+MCONNECT=1,60", "CONNACK")
        rig.at(f'AT+MPUBEX="up/1",1,0,{len(NASTY)}', ">")
        assert "PUBACK" in rig.type(NASTY, "PUBACK")
        assert peer.wait(1)[0][:2] == ("up/1", NASTY)
    rig.until("CLOSED")


# China Mobile and Fibocom


def test_ml307_pushes_hex_by_setting_and_counts_packets() -> None:
    rig = Rig("ml307r")
    with tcp_server(echo) as port:
        rig.at('AT+MIPCFG="encoding",0,0,1')
        assert "+MIPOPEN: 0,0" in rig.at(f'AT+MIPOPEN=0,"TCP","{NAME}",{port}', "+MIPOPEN: ")
        rig.at(f"AT+MIPSEND=0,{len(NASTY)}", ">")
        rig.type(NASTY, "+MIPSEND: ")
        rig.until(f'+MIPURC: "rtcp",0,{len(NASTY)},{NASTY.hex().upper()}')
    assert rig.at("AT+CGREG?") == ["ERROR"]


def test_ml307_says_nothing_at_its_start_while_the_rate_is_open() -> None:
    rig = Rig("ml307r", boots=False, nvram={"IPR": 0})
    rig.pass_time(20.0)
    assert rig.lines() == []


def test_l610_loses_certificates_with_its_power_and_adds_where_others_replace(authority: Authority) -> None:
    rig = Rig("l610")

    def upload(pem: bytes) -> str:
        rig.at(f'AT+GTSSLFILE="TRUSTFILE",{len(pem)}', ">")
        return rig.type(pem)[0]

    def opened(port: int) -> str:
        rig.at("AT+MIPCALL=1", "+MIPCALL: ")
        return rig.at(f'AT+MIPOPEN=1,,"{NAME}",{port},2', "+MIPOPEN: ", "+MIPSTAT: ")[-1]

    with web_server(authority) as web:
        rig.at("AT+GTSSLMODE=1")
        assert upload(Authority("other").cert) == "+GTSSLFILE: TRUSTFILE,1"
        assert opened(web.port) == "+MIPSTAT: 1,1"
        assert upload(authority.cert) == "+GTSSLFILE: TRUSTFILE,2"
        assert opened(web.port) == "+MIPOPEN: 1,1"
        rig.modem.supply(False)
        rig.power()
        rig.started()
        assert rig.at("AT+GTSSLFILE?") == ["OK"]
        rig.at("AT+GTSSLMODE=1")
        assert opened(web.port) == "+MIPSTAT: 1,1"


@pytest.mark.parametrize(
    ("module", "allow"),
    [("ec200u", "AT+QSCLK=1"), ("air780e", "AT+CSCLK=2"), ("ml307r", 'AT+MLPMCFG="sleepmode",1'), ("l610", "ATS24=1")],
)
def test_sleeps_only_when_told_and_then_loses_what_wakes_it(module: str, allow: str) -> None:
    rig = Rig(module)
    rig.pass_time(300.0)
    assert rig.at("AT")[-1] == "OK"
    assert rig.at(allow)[-1] == "OK"
    rig.pass_time(300.0)
    rig.said.clear()
    rig.modem.rx(b"AT\r")
    rig.pass_time(1.0)
    assert rig.lines() == []
    assert rig.at("AT")[-1] == "OK"


@pytest.mark.parametrize(
    ("module", "off"), [("ec200u", "QPOWD"), ("air780e", "CPOWD"), ("ml307r", "MPOF"), ("l610", "CPWROFF")]
)
def test_test_form_switches_nothing_off(module: str, off: str) -> None:
    rig = Rig(module)
    assert rig.at(f"AT+{off}=?")[-1] == "OK"
    rig.pass_time(30.0)
    assert rig.at("AT")[-1] == "OK"
