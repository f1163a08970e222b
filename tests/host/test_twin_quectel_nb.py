"""The virtual BC26, BC66, BC95-G, BC28, BC68, BG95, BG96 and BG77: facts of manuals and logs, on manual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cellkit.bench.log import EventLog
from cellkit.bench.modem import families
from cellkit.bench.modem.families._quectel.coap import message, parsed
from cellkit.bench.modem.power import Mode
from cellkit.bench.network import Network, NetworkConfig
from modem_rig import FakeGateway, ManualClock, ModemRig

PSM = 'AT+CPSMS=1,,,"00000110","00000101"'  # one hour, 10 s
HELLO = b"Hello World!"


class Rig(ModemRig):
    """One module of the three families."""

    modem: Any

    def __init__(self, module: str, nvram: dict[str, Any] | None = None, **network: Any) -> None:
        self.clock = ManualClock()
        self.log = EventLog(None, self.clock)
        self.gateway = FakeGateway()
        config = {"policy": {"t3324_allowed_s": [10], "t3412_allowed_s": [3600]}, **network}
        self.network = Network(self.clock, self.log, NetworkConfig.model_validate(config), self.gateway)
        self.tx = bytearray()
        self.said_at = []
        self.config = families.config(module, nvram=nvram or {})
        self.modem = families.make(self.clock, self.log, self.network, self.config, self._said)

    def power(self) -> None:
        """Supply, and the power key where there is one."""
        self.modem.supply(True)
        if not self.config.starts_with_supply:
            self.press(self.config.timing.pwrkey_low_s.value + 0.05)

    def press(self, hold_s: float) -> None:
        """PWRKEY low for so long."""
        self.modem.pin("PWRKEY", 0)
        self.clock.advance(hold_s)
        self.modem.pin("PWRKEY", 1)

    def started(self, *commands: str) -> None:
        """Registered, with an address, echo off; what was said is forgotten."""
        self.power()
        self.wait(lambda: self.modem.power.running, 20.0)
        self.clock.advance(3.0)
        for _ in range(4):
            if "OK" in self.at("ATE0"):
                break
        self.wait(lambda: self.modem.ue.grant.ip, 60.0)
        self.clock.advance(3.0)
        self.tx.clear()
        for command in commands:
            self.ok(command, 0.5)

    def wait(self, ready: Callable[[], object], limit_s: float) -> None:
        """Until `ready()`."""
        for _ in range(round(limit_s * 10)):
            if ready():
                return
            self.clock.advance(0.1)
        raise AssertionError(f"not within {limit_s} s; the module is in {self.modem.power.mode}")

    def asleep(self) -> None:
        """In deep sleep; what it said on the way is forgotten."""
        self.wait(lambda: self.modem.power.mode is Mode.DEEP_SLEEP, 200.0)
        self.tx.clear()

    def until(self, line: str, limit_s: float = 30.0) -> list[str]:
        """All lines up to one that begins with `line`."""
        found: list[str] = []
        for _ in range(round(limit_s * 10)):
            found += self.lines(0.1)
            if any(said.startswith(line) for said in found):
                return found
        raise AssertionError(f"no {line} within {limit_s} s but {found}")


# BC95, BC28, BC68

BOOT = ["Boot: Unsigned", "Security B.. Verified", "Protocol A.. Verified", "Apps A...... Verified"]


def test_the_boot_text_of_boudica_ends_in_ok_and_begins_at_another_rate() -> None:
    rig = Rig("bc68")
    rig.power()
    rig.clock.advance(5.0)
    noise, _, text = bytes(rig.tx).partition(b"\r\n")
    assert noise and max(noise) > 127
    lines = [line for line in text.decode().split("\r\n") if line]
    assert lines == [*BOOT, "REBOOT_CAUSE_SECURITY_RESET_PIN", "Neul ", "OK"]


def test_the_ok_behind_nrb_is_that_of_the_boot_text() -> None:
    rig = Rig("bc68")
    rig.started("AT+NCDP=49.4.85.232,5683")
    assert rig.at("AT+NSOCR=DGRAM,17,0,1")[-1] == "OK"
    assert rig.at("AT+NRB", 1.0) == ["REBOOTING"]
    lines = rig.lines(6.0)
    assert lines[-3:] == ["REBOOT_CAUSE_APPLICATION_AT", "Neul ", "OK"]
    assert rig.ok("AT+NCDP?") == ["+NCDP:49.4.85.232,5683"]  # kept
    assert rig.at("AT+NSOCL=0") == ["ERROR"]  # not kept
    rig.ok("AT+CMEE=1")
    assert rig.at("AT+NSOCL=0") == ["+CME ERROR: 530"]


def test_boudica_says_ok_for_each_command_of_a_line_and_no_space() -> None:
    rig = Rig("bc28")
    rig.started()
    assert rig.at("AT+CEREG=2;+NPSMR=1;+CSCON=1") == ["OK", "OK", "OK"]
    assert rig.ok("AT+CGATT?") == ["+CGATT:1"]
    assert rig.ok("AT+CPSMS?") == ["+CPSMS:1,,,01000001,00000101"]  # on at the factory, timers bare
    assert rig.ok("AT+COPS?") == [f'+COPS:0,2,"{rig.network.config.cell.plmn}"']
    assert rig.ok("ATI") == ["Quectel", "BC28-CNV", "Revision:BC28CNVBAR02A03"]
    assert rig.at("AT+CGEREP?") == ["ERROR"] and rig.at("AT+CEDRXS=0") == ["ERROR"]


def test_boudica_tells_of_the_registration_before_the_ok_of_cfun() -> None:
    rig = Rig("bc68")
    rig.started("AT+CEREG=2", "AT+NCONFIG=AUTOCONNECT,FALSE")
    rig.ok("AT+CFUN=0", 20.0)
    assert rig.at("AT+CFUN=1", 20.0) == ["+CEREG:0,0000,00000000,9", "OK"]
    assert rig.at("AT+CGATT=1")[0] == "OK"
    assert rig.until("+CEREG:1")[-1].startswith(f"+CEREG:1,{rig.network.config.cell.tac}")


def test_sockets_of_boudica_answer_without_a_prefix() -> None:
    rig = Rig("bc95-g")
    rig.started()
    assert rig.at("AT+NSOCR=DGRAM,17,4444,1") == ["0", "OK"]
    assert rig.at("AT+NSORF=0,512") == ["OK"]  # nothing there
    assert rig.at(f"AT+NSOST=0,192.0.2.1,7,12,{HELLO.hex()}") == ["0,12", "OK"]
    assert rig.at(f"AT+NSOST=0,192.0.2.1,7,11,{HELLO.hex()}") == ["ERROR"]
    rig.wait(lambda: rig.gateway.flows and rig.gateway.flows[0].sent, 20.0)
    flow = rig.gateway.flows[0]
    assert flow.sent == [HELLO]
    flow.answer(HELLO)
    flow.answer(b"more")
    assert rig.until("+NSONMI:") == ["+NSONMI:0,12"]
    assert rig.lines(5.0) == []  # the second is told of once the first is fetched
    assert rig.at("AT+NSORF=0,5") == [f"0,192.0.2.1,7,5,{HELLO[:5].hex().upper()},7", "OK"]
    assert rig.at("AT+NSORF=0,50") == [f"0,192.0.2.1,7,7,{HELLO[5:].hex().upper()},0", "OK", "+NSONMI:0,4"]
    rig.ok("AT+NSONMI=2")
    flow.answer(b"\x00\xff")
    assert rig.until("+NSONMI:") == ["+NSONMI:0,192.0.2.1,7,2,00FF"]


@pytest.mark.parametrize("flag,answers", [("0x200", False), ("0x400", True)])
def test_flags_of_boudica_release_the_connection(flag: str, answers: bool) -> None:
    rig = Rig("bc95-g")
    rig.started("AT+CSCON=1")
    rig.wait(lambda: not rig.modem.ue.connected, 60.0)
    rig.tx.clear()
    assert rig.at("AT+NSOCR=DGRAM,17,0,1") == ["0", "OK"]
    rig.tx.clear()
    rig.at(f"AT+NSOSTF=0,192.0.2.1,7,{flag},1,FF")
    rig.wait(lambda: rig.gateway.flows and rig.gateway.flows[0].sent, 20.0)
    began_s = rig.clock.now()
    if answers:
        assert not any(line == "+CSCON:0" for line in rig.lines(5.0))
        rig.gateway.flows[0].answer(b"9")
    rig.until("+CSCON:0")
    assert rig.clock.now() - began_s < 10.0  # without the flag: the network's 20 s


def test_deep_sleep_of_boudica_costs_one_character() -> None:
    rig = Rig("bc28")
    rig.started(PSM, "AT+NPSMR=1")
    rig.wait(lambda: rig.modem.ue.psm, 120.0)
    assert "+NPSMR:1" in rig.lines(0.1)
    rig.asleep()
    assert rig.at("AT") == []
    assert rig.at("AT") == ["OK"]
    assert rig.modem.ue.psm  # only uplink ends it
    rig.at("AT+NSOCR=DGRAM,17,0,1")
    assert "+NPSMR:0" in rig.at("AT+NSOST=0,192.0.2.1,7,1,FF", 10.0)


def test_data_before_the_platform_has_asked_are_lost_and_it_registers_anew() -> None:
    rig = Rig("bc68")
    rig.started("AT+CMEE=1")
    assert rig.at("AT+QLWULDATA=3,AA34BB") == ["+CME ERROR: 513"]
    assert rig.until("+QLWEVTIND:3")[-2:] == ["+QLWEVTIND:0", "+QLWEVTIND:3"]
    assert rig.at("AT+QLWULDATA=3,AA34BB") == ["OK"]
    assert rig.at("AT+QLWULDATAEX=3,313233,0x0100")[0] == "OK"
    assert rig.until("+QLWULDATASTATUS")[-1] == "+QLWULDATASTATUS:4"


def test_coap_of_the_module_is_coap() -> None:
    rig = Rig("bc66")
    rig.started()
    rig.ok("AT+QCOAPCREATE=56830")
    rig.ok('AT+QCOAPOPTION=1,11,"basic"')
    assert rig.at('AT+QCOAPSEND=0,3,"192.0.2.1",5683') == [">"]
    rig.modem.rx(b"25.3\x1a")
    rig.wait(lambda: rig.gateway.flows and rig.gateway.flows[0].sent, 20.0)
    sent = rig.gateway.flows[0].sent[0]
    assert parsed(sent)[:2] == (0, 3) and sent.endswith(b"\xb5basic\xff25.3")
    number = int.from_bytes(sent[2:4], "big")
    rig.tx.clear()
    rig.gateway.flows[0].answer(bytes([0x60, 0x44]) + sent[2:4] + b"\xff\xaa\xbb")
    assert rig.until("+QCOAPURC") == ["+QCOAPSEND: 0", f'+QCOAPURC: "rsp",2,2.04,{number},2,AABB']


@pytest.mark.parametrize("options", [[], [(11, b"a" * 20)], [(60, b"x"), (11, b"alarm"), (12, b"2")]])
def test_a_coap_message_is_read_as_it_was_written(options: list[tuple[int, bytes]]) -> None:
    assert parsed(message(1, 2, 77, b"\x01\x02", options, b"payload")) == (1, 2, 77, b"payload")


# BC26 and BC66


def test_the_bc26_finds_the_rate_and_prints_its_boot_rom() -> None:
    rig = Rig("bc26")
    rig.power()
    lines = rig.lines(4.0)
    assert lines[0] == "F1: 0000 0000" and lines[-1] == "Leaving the BROM" and len(lines) == 7
    assert [rig.at("AT")[-1:] for _ in range(3)] == [[], [], ["OK"]]
    rig.ok("AT+IPR=115200")
    rig.ok("AT&W")
    assert "OK" not in rig.at("AT+QRST=1")
    rig.advance(6.0)
    assert rig.at("AT")[-1:] == ["OK"]  # the rate is fixed now


def opened(rig: Rig) -> None:
    """UDP socket 0 is open, and keeps what comes."""
    assert rig.at('AT+QIOPEN=1,0,"UDP","192.0.2.1",7,0,0', 3.0) == ["OK", "+QIOPEN: 0,0"]


def test_the_bc26_refuses_the_next_sending_until_send_ok() -> None:
    rig = Rig("bc26")
    rig.started()
    opened(rig)
    rig.modem.rx(b"AT+QISEND=0,10,1234567890\r")
    assert rig.lines(0.03) == ["OK"]
    assert rig.at("AT+QISEND=0,10,1234567890", 0.03) == ["ERROR"]
    assert rig.until("SEND OK") == ["SEND OK"]
    assert rig.at("AT+QISEND=0,4") == [">"]  # newer firmware asks
    rig.modem.rx(b"data")
    assert rig.until("SEND OK") == ["OK", "SEND OK"]


def test_settings_of_the_bc26_that_last_and_that_do_not() -> None:
    rig = Rig("bc26", nvram={"IPR": 115200})
    rig.started('AT+QICFG="viewmode",1', "AT+QSCLK=2", "AT+CEREG=2")
    opened(rig)
    assert rig.ok("AT+QISTATE?")[0].startswith('+QISTATE: 0,"UDP","192.0.2.1",7,')
    rig.at("AT+QRST=1")
    rig.advance(6.0)
    rig.at("ATE0")
    assert '+QICFG: "viewmode",1' in rig.ok('AT+QICFG="viewmode"')
    assert rig.ok("AT+CEREG?")[0].startswith("+CEREG: 2,") and rig.ok("AT+QSCLK?") == ["+QSCLK: 1"]
    assert rig.ok("AT+QISTATE?") == []


def test_in_deep_sleep_the_uart_of_the_bc26_is_dead() -> None:
    rig = Rig("bc26", nvram={"IPR": 115200})
    rig.started(PSM, "AT+QATWAKEUP=1")
    rig.asleep()
    assert rig.at("AT", 3.0) == rig.at("AT", 3.0) == []
    rig.modem.pin("PSM_EINT", 0)
    assert rig.lines(1.0) == ["+QATWAKEUP"]
    assert rig.at("AT") == ["OK"] and rig.modem.ue.psm  # only the processor is awake


def test_cfun_0_of_the_bc26_waits_for_a_search_without_a_cell() -> None:
    rig = Rig("bc26", nvram={"IPR": 115200})
    rig.network.coverage(False)
    rig.power()
    rig.wait(lambda: rig.modem.ue.searching, 10.0)
    began_s = rig.clock.now()
    rig.at("ATE0")
    assert rig.at("AT+CFUN=0", 10.0) == []
    rig.until("OK", 90.0)
    assert 10.0 < rig.clock.now() - began_s < 90.0


# BG95, BG96, BG77


def test_the_bg95_says_send_ok_alone_and_no_second_urc_until_all_is_read() -> None:
    rig = Rig("bg95-m3")
    rig.started("AT+QIACT=1")
    opened(rig)
    rig.tx.clear()
    assert rig.at("AT+QISEND=0,4") == ["> "]
    rig.modem.rx(b"test")
    assert rig.until("SEND OK") == ["SEND OK"]
    rig.wait(lambda: rig.gateway.flows and rig.gateway.flows[0].sent == [b"test"], 20.0)
    flow = rig.gateway.flows[0]
    flow.answer(b"one")
    flow.answer(b"two")
    assert rig.until("+QIURC") == ['+QIURC: "recv",0'] and rig.lines(5.0) == []
    assert rig.at("AT+QIRD=0,1500") == ["+QIRD: 6", "onetwo", "OK"]
    assert rig.at("AT+QIRD=0,1500") == ["+QIRD: 0", "OK"]
    assert rig.ok("AT+QIRD=0,0") == ["+QIRD: 6,6,0"]


def test_qiact_before_registration_is_a_plain_error() -> None:
    rig = Rig("bg95-m3")
    rig.power()
    rig.until("APP RDY", 10.0)
    rig.at("ATE0")
    rig.ok("AT+CMEE=2")
    rig.ok("AT+CFUN=4", 10.0)
    rig.tx.clear()
    assert rig.at("AT+QIACT=1") == ["ERROR"]


def test_psm_of_the_bg95_is_power_down_and_a_key_too_soon_is_ignored() -> None:
    rig = Rig("bg95-m3")
    rig.started(PSM)
    rig.until("PSM POWER DOWN", 120.0)
    rig.press(0.6)
    assert rig.lines(8.0) == [] and rig.at("AT", 1.0) == []
    rig.press(0.6)
    assert rig.until("RDY", 10.0)[0] == "RDY"
    assert rig.modem.ue.registered  # without a new attach


def test_psm_enter_swallows_the_timer_report() -> None:
    def lines(enter: int) -> list[str]:
        rig = Rig("bg96")
        rig.started('AT+QCFG="psm/urc",1', f'AT+QCFG="psm/enter",{enter}', PSM)
        return rig.until("PSM POWER DOWN", 120.0)

    assert any(line.startswith("+QPSMTIMER: 3600,10") for line in lines(0))
    assert not any(line.startswith("+QPSMTIMER") for line in lines(1))


def test_a_reboot_of_the_bg96_tells_of_its_context() -> None:
    rig = Rig("bg96")
    rig.started("AT+QIACT=1")
    began_s = rig.clock.now()
    lines = rig.at("AT+CFUN=1,1", 0.3) + rig.until("RDY", 10.0)
    assert lines[:4] == ["OK", "POWERED DOWN", '+QIURC: "pdpdeact",1', "RDY"] and rig.clock.now() - began_s > 3.0
    assert "APP RDY" not in rig.lines(3.0)  # the BG95 has that
    rig.at("ATE0")
    assert rig.ok("AT+QIACT?") == []


@pytest.mark.parametrize("module,line", [
    ("bg96", '+QMTRECV: 0,0, "t",a,"b'), ("bg95-m3", '+QMTRECV: 0,0,"t","a,"b"'),
])  # fmt: skip
def test_payload_that_comes_is_quoted_or_not_and_never_escaped(module: str, line: str) -> None:
    rig = Rig(module)
    rig.started()
    rig.modem.mqtt_part._came(0, b"t", b'a,"b', 0)
    assert rig.lines(0.1) == [line]


def test_a_session_that_outlives_the_host_keeps_its_number() -> None:
    rig = Rig("bg77")
    rig.started("AT+QIACT=1")
    assert "+QMTOPEN: 0,0" in rig.at('AT+QMTOPEN=0,"192.0.2.1",1883', 20.0)
    assert "+QMTOPEN: 0,2" in rig.at('AT+QMTOPEN=0,"192.0.2.1",1883', 5.0)
    assert rig.at("AT+QMTDISC=0", 1.0) == ["OK", "+QMTDISC: 0,0"]
    assert rig.at("AT+QMTCLOSE=0", 1.0) == ["OK", "+QMTCLOSE: 0,0"]
    assert "+QMTOPEN: 0,0" in rig.at('AT+QMTOPEN=0,"192.0.2.1",1883', 20.0)


def test_a_detach_by_command_is_told_behind_its_ok() -> None:
    rig = Rig("bg96")
    rig.started("AT+CGREG=2")
    lines = rig.at("AT+CGATT=0", 10.0)
    assert lines[0] == "OK" and lines[1:] == ["+CGREG: 0"]
    assert rig.at("AT+CGATT=1", 20.0)[:2] == ["OK", f'+CGREG: 1,"{rig.network.config.cell.tac}",'
                                              f'"{rig.network.config.cell.ci}",8']  # fmt: skip


# BC660K-GL: the rest of its manual


def test_the_card_and_contexts_of_the_bc660k() -> None:
    rig = Rig("bc660k-gl")
    rig.started()
    assert rig.ok("AT+CREG?") == ["+CREG: 0,1"] and rig.ok("AT+CGACT?") == ["+CGACT: 0,1"]
    assert rig.at("AT+CGACT=0,0") == ["+CME ERROR: 171"]  # the last one stays
    assert rig.ok('AT+CLCK="SC",2') == ["+CLCK: 0"]
    digits = rig.config.sim.iccid
    swapped = "".join(digits[at + 1] + digits[at] for at in range(0, 20, 2))
    assert rig.ok("AT+CRSM=176,12258,0,0,10") == [f'+CRSM: 144,0,"{swapped}"']
    assert rig.at('AT+CSIM=14,"A0A40000027F20"') == ["+CME ERROR: 3"]  # the card may sleep
    rig.ok("AT+QSIMSLEEP=0")
    assert rig.ok('AT+CSIM=14,"A0A40000027F20"') == ['+CSIM: 4,"6A82"']
    rig.ok("AT+QRHPLMNS=1,1")
    rig.ok("AT+CFUN=0,1", 5.0)
    rig.at("ATE0")
    assert rig.ok("AT+QRHPLMNS?") == ["+QRHPLMNS: 1,1"] and rig.ok("AT+QSIMSLEEP?") == ["+QSIMSLEEP: 1"]


def test_what_the_bc660k_tells_of_its_connection() -> None:
    rig = Rig("bc660k-gl")
    rig.started("AT+QSCLK=0")
    rig.wait(lambda: not rig.modem.ue.connected, 60.0)
    rig.tx.clear()
    assert rig.ok("AT+QNBPARA?") == ['+QNBPARA: "TA",-1'] and rig.ok("AT+QDRX?")[0].startswith("+QDRX: 1,")
    before = rig.ok("AT+QEMMTIMER?")[2]
    assert before.startswith("+QEMMTIMER: 2,0,")
    rig.advance(100.0)
    left_s = [int(line.rpartition(",")[2]) for line in (before, rig.ok("AT+QEMMTIMER?")[2])]
    assert left_s[0] - left_s[1] == pytest.approx(100, abs=2)
    assert rig.at('AT+CSODCP=0,2,"0102"')[0] == "OK"
    rig.wait(lambda: rig.modem.ue.connected, 20.0)
    assert rig.ok("AT+QNBPARA?") == ['+QNBPARA: "TA",0'] and rig.ok("AT+QEMMTIMER?")[2] == "+QEMMTIMER: 2,1"
    assert rig.at('AT+CSODCP=0,3,"0102"') == ["ERROR"]


def test_a_ping_of_the_bc660k_needs_more_than_its_usual_4_s() -> None:
    rig = Rig("bc660k-gl")
    rig.started("AT+QSCLK=0")
    assert rig.at('AT+QPING=0,"8.8.8.8",4,4', 6.0) == ["OK", "+QPING: 569"]
    lines = rig.at('AT+QPING=0,"8.8.8.8",20,2', 30.0)
    assert len(lines) == 4 and lines[-1].startswith("+QPING: 0,2,2,0,")


def test_a_message_for_the_bc660k_is_told_and_not_kept() -> None:
    rig = Rig("bc660k-gl")
    rig.started("AT+QSCLK=0", "AT+CMGF=1")
    rig.network.sms.send("+15550001111", "hello")
    lines = rig.until("+CMT:", 60.0)
    assert lines[-1] == "hello" and lines[-2].startswith('+CMT: "+15550001111"')
    assert rig.at("AT+CMGR=1") == ["ERROR"]
