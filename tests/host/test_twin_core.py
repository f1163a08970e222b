"""What all virtual modules share beyond one family's dialect: command lines, replies, traits, faults, families."""

from __future__ import annotations

from typing import Any

import pytest
from cellkit.bench.log import EventLog
from cellkit.bench.modem import families
from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.families.generic import Module
from cellkit.bench.modem.family import DataMode, Reply, Traits
from cellkit.bench.modem.modem import Modem
from cellkit.bench.modem.v250 import Command, MeFault, parse_line
from cellkit.bench.network import Network, NetworkConfig
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench
from cellkit.model.figures import ModelError
from modem_rig import FakeGateway, ManualClock
from twin_rig import TwinRig

# Command lines


@pytest.mark.parametrize("name", ["+X", "#XSOCKET", "%XMODEMSLEEP", "^SYSINFO", "*COMCFG", "$GPS"])
def test_extended_commands_of_every_prefix(name: str) -> None:
    (command,) = parse_line(f'{name.lower()}=1,"a;b"')
    assert command is not None
    assert (command.name, command.op, [arg.text for arg in command.args]) == (name, "set", ["1", "a;b"])
    assert [one and (one.name, one.op) for one in parse_line(f"E0{name}?;+CSQ")] == [
        ("E", "action"), (name, "read"), ("+CSQ", "action"),
    ]  # fmt: skip


def test_basic_commands_with_an_ampersand() -> None:
    assert [one and (one.name, one.raw) for one in parse_line("&F0&W")] == [("&F", "0"), ("&W", "")]


# Replies


def test_any_final_and_none_at_all() -> None:
    late: list[Modem] = []

    def silent(command: Command) -> Reply:
        return Reply(["10.0.0.1"], final="")

    rig = TwinRig({
        "+SHUT": lambda command: Reply(final="SHUT OK"), "+CIFSR": silent,
        "+FIRST": lambda command: Reply(["+FIRST: data"], ok_first=True),
        "+LATE": lambda command: late.append(rig.modem),
    })  # fmt: skip
    rig.boot()
    assert rig.at("AT+SHUT;+CSQ") == ["SHUT OK"]  # a final other than OK ends the line
    assert rig.at("AT+CIFSR") == ["10.0.0.1"]
    assert rig.at("AT+FIRST") == ["OK", "+FIRST: data"]
    assert rig.at("AT+LATE") == []
    rig.modem.complete(Reply(["+LATE: 1"]))
    assert rig.lines(0.1) == ["+LATE: 1", "OK"]


def test_a_prompt_of_its_own_and_its_end() -> None:
    got: list[bytes | None] = []
    modes = [
        DataMode(None, 100, got.append, prompt="@", ends=b"\x1a"), DataMode(3, 3, got.append, echo=True),
        DataMode(None, 100, got.append), DataMode(None, 100, got.append, ends=b"\r"),
    ]  # fmt: skip
    rig = TwinRig({"+ASK": lambda command: Reply(prompt=modes[int(command.raw)])}, traits=Traits(prompt="\r\n> "))
    rig.boot()
    for number, typed, prompt, back in ((0, b"ab\x1b", "@", ""), (1, b"\x1a\x1bc", "\r\n> ", "\x1a\x1bc")):
        rig.modem.rx(f"AT+ASK={number}\r".encode())
        assert rig.advance(1.0) == prompt
        rig.modem.rx(typed)
        assert rig.advance(0.1) == back
        rig.modem.complete(Reply())
        assert rig.lines(0.1) == ["OK"]
    assert got == [None, b"\x1a\x1bc"]
    rig.at("AT+ASK=2", 1.0)
    rig.modem.rx(b"text\x1a")
    assert got[-1] == b"text"
    rig.modem.complete(Reply())
    rig.at("AT+ASK=3", 1.0)
    rig.modem.rx(b"a line\x1a\r")
    assert got[-1] == b"a line\x1a"


def test_transparent_mode_until_the_escape() -> None:
    got = bytearray()
    rig = TwinRig({"+GO": lambda command: Reply(final="CONNECT", after=lambda: rig.modem.go_online(got.extend))})
    rig.boot()
    assert rig.at("AT+GO") == ["CONNECT"]
    rig.modem.rx(b"AT\r+ab++c")
    rig.modem.urc("+LOST: 1")
    assert bytes(got) == b"AT\r+ab++c"
    assert rig.at("+++")[:1] == ["OK"]
    assert rig.ok("AT") == []


def test_a_packet_data_call() -> None:
    rig = TwinRig()
    rig.boot()
    assert rig.at("ATD*99#") == ["NO CARRIER"]  # not registered
    rig.wait(lambda: rig.modem.ue.registered, 60.0)
    rig.advance(1.0)
    assert rig.at("ATD12345;") == rig.at("ATO") == ["NO CARRIER"]
    assert rig.at("ATD*99***1#") == ["CONNECT"]
    assert rig.at("AT") == []
    assert rig.at("+++") == ["OK"]
    assert rig.at("ATO") == ["CONNECT"]
    rig.modem.rx(b"+++")
    rig.advance(0.1)
    assert rig.ok("ATH") == []
    assert rig.at("ATO") == ["NO CARRIER"]


# Traits


def test_one_ok_for_each_command_of_a_line() -> None:
    assert TwinRig().modem.traits.one_ok_per_command is False
    rig = TwinRig(traits=Traits(one_ok_per_command=True))
    rig.boot()
    assert rig.at("AT+CMEE=2;+CEREG=2;+CSQ")[:2] == ["OK", "OK"]
    assert rig.at("AT+CMEE=1;+NONE;+CSQ") == ["OK", "ERROR"]


def test_lines_lost_while_the_rate_is_found_out_and_silence_until_then() -> None:
    traits = Traits(auto_baud_lost=2, silent_auto_baud=True, banner=((0.0, "RDY"), (4.0, "LATE")))
    rig = TwinRig(traits=traits, nvram={"IPR": 0})
    rig.modem.supply(True)
    assert rig.lines(2.0) == []
    assert rig.at("AT") == [] == rig.at("AT")
    assert rig.at("AT") == ["AT\r", "OK"] or rig.at("AT")[-1:] == ["OK"]
    assert "LATE" in rig.lines(4.0)
    fixed = TwinRig(traits=traits, nvram={"IPR": 115200})
    fixed.modem.supply(True)
    assert fixed.lines(2.0) == ["RDY"]


def test_information_and_ok_without_an_empty_line_between() -> None:
    rig = TwinRig(traits=Traits(tight=True))
    rig.boot()
    rig.modem.rx(b"AT+CGMM\r")
    assert rig.advance(0.2) == "\r\ngeneric\r\nOK\r\n"


def test_spurious_card_errors_after_a_start() -> None:
    rig = TwinRig(traits=Traits(sim_error_s=2.6, banner=((0.0, "*ATREADY: 1"),)), nvram={"CMEE": 1, "E": 0})
    rig.modem.supply(True)
    assert rig.lines(1.6)[:1] == ["*ATREADY: 1"]
    assert rig.at("AT+CPIN?") == ["+CME ERROR: 13"]
    assert rig.ok("AT+CSQ")
    rig.advance(3.0)
    assert rig.ok("AT+CPIN?") == ["+CPIN: READY"]


def test_what_comes_with_the_first_line_of_the_banner_is_not_heard() -> None:
    rig = TwinRig(traits=Traits(deaf_s=1.0, banner=((0.0, "RDY"),)), nvram={"E": 0})
    rig.modem.supply(True)
    assert rig.lines(1.6) == ["RDY"]
    assert rig.at("AT") == []
    assert rig.events("modem", "lost")[-1]["why"] == "start"
    rig.advance(1.0)
    assert rig.at("AT") == ["OK"]


def test_urcs_of_another_port_are_not_seen_here() -> None:
    rig = TwinRig(traits=Traits(urc_port=True), urcs_here=lambda modem: False)
    rig.boot()
    rig.modem.urc("+QIURC: 1")
    assert rig.lines(0.1) == []
    assert rig.events("modem", "lost")[-1]["why"] == "URC to another port"


def test_verbose_errors_in_capitals() -> None:
    def fails(command: Command) -> Reply:
        raise MeFault(3)

    for capital, text in ((False, "operation not allowed"), (True, "Operation not allowed")):
        rig = TwinRig({"+NO": fails}, traits=Traits(case_of_error=capital), nvram={"CMEE": 2})
        rig.boot()
        assert rig.at("AT+NO") == [f"+CME ERROR: {text}"]


# Faults


@pytest.mark.parametrize("position, expected", [
    ("before_echo", ["+U: 1", "AT+CGMM\r\r\n"]), ("after_echo", ["AT+CGMM\r", "+U: 1", "generic", "OK"]),
    ("between_lines", ["AT+CGMM\r", "generic", "+U: 1", "OK"]),
    ("before_final", ["AT+CGMM\r", "generic", "+U: 1", "OK"]),
    ("after_final", ["AT+CGMM\r", "generic", "OK", "+U: 1"]),
])  # fmt: skip
def test_a_urc_at_each_place_of_a_command(position: Any, expected: list[str]) -> None:
    rig = TwinRig()
    rig.boot("ATE1")
    rig.modem.faults.urc_at(position, "+U: 1")
    lines = rig.at("AT+CGMM")
    assert [line.strip() for line in lines if line.strip()][:2] == [line.strip() for line in expected][:2]
    assert lines.count("+U: 1") == 1


def test_no_urc_comes_between_a_length_and_its_payload() -> None:
    rig = TwinRig({"+DATA": lambda command: Reply(["+DATA: 0,5,0", "hello"])})
    rig.boot()
    rig.modem.faults.urc_at("between_lines", "+U: 1")
    assert rig.at("AT+DATA") == ["+DATA: 0,5,0", "hello", "+U: 1", "OK"]


def test_a_urc_between_a_command_and_its_prompt() -> None:
    got: list[bytes | None] = []
    rig = TwinRig({"+ASK": lambda command: Reply(prompt=DataMode(1, 1, got.append))})
    rig.boot()
    rig.modem.faults.urc_at("before_prompt", "+U: 1")
    rig.modem.rx(b"AT+ASK\r")
    assert rig.advance(1.0) == "\r\n+U: 1\r\n\r\n> "


def test_a_late_line_keeps_the_order() -> None:
    rig = TwinRig()
    rig.boot()
    rig.modem.faults.delay_line("OK", 2.0)
    assert rig.at("AT+CGMM", 1.0) == ["generic"]
    assert rig.at("AT+CGMR", 0.5) == []
    assert rig.lines(2.0) == ["OK", "1", "OK"]


def test_joined_output_leaves_in_one_piece() -> None:
    rig = TwinRig()
    rig.boot()
    rig.modem.faults.join_s = 0.5
    rig.said_at.clear()
    rig.modem.rx(b"AT+CGMM\r")
    rig.advance(1.0)
    assert [data for _, data in rig.said_at] == [b"\r\ngeneric\r\n\r\nOK\r\n"]


# Short messages


def test_a_message_typed_as_a_pdu() -> None:
    rig = TwinRig()
    rig.attach("AT+CMGF=0")
    rig.at("AT+CMGS=18", 1.0)
    rig.modem.rx(b"0001000B915155550011F1000005E8329BFD06\x1a")  # "hello", without a service centre
    rig.advance(5.0)
    assert [(sent.number, sent.text) for sent in rig.network.sms.submitted] == [("+15555500111", "hello")]
    rig.at("AT+CMGS=18", 1.0)
    rig.modem.rx(b"0001zz\x1a")
    assert rig.lines(1.0) == ["+CMS ERROR: 304"]


def test_messages_come_are_told_of_read_and_deleted() -> None:
    rig = TwinRig()
    rig.attach("AT+CMGF=1")
    rig.network.sms.send("+15550001111", "hello")
    assert rig.lines(5.0) == ['+CMTI: "SM",0']
    shown = rig.ok("AT+CMGR=0")
    assert shown[0].startswith('+CMGR: "REC UNREAD","+15550001111",,"') and shown[1:] == ["hello"]
    rig.at('AT+CMGW="+15550002222"', 1.0)
    rig.modem.rx(b"later\x1a")
    assert rig.lines(1.0) == ["+CMGW: 1", "OK"]
    assert rig.at("AT+CMSS=0", 5.0) == ["+CMS ERROR: 321"]
    assert rig.at("AT+CMSS=1", 5.0) == ["+CMSS: 1", "OK"]
    assert [(sent.number, sent.text) for sent in rig.network.sms.submitted] == [("+15550002222", "later")]
    rig.ok("AT+CMGD=0,1")
    assert [line for line in rig.ok('AT+CMGL="ALL"') if line.startswith("+")] == [
        '+CMGL: 1,"STO SENT","+15550002222",,'
    ]


# Families


@pytest.mark.parametrize("name", families.names())
def test_every_module_there_is_boots_and_answers(name: str) -> None:
    log = EventLog(None, clock := ManualClock())
    said = bytearray()
    config = families.config(name)
    modem = families.make(clock, log, Network(clock, log, NetworkConfig(), FakeGateway()), config, said.extend)
    modem.supply(True)
    if not config.starts_with_supply:
        modem.pin("PWRKEY", 0)
        clock.advance(config.timing.pwrkey_low_s.value + 0.1)
        modem.pin("PWRKEY", 1)
    clock.advance(20.0)
    for _ in range(5):
        said.clear()
        modem.rx(b"AT\r\n")
        clock.advance(1.0)
    assert said.decode("latin-1").split()[-1:] == ["OK"]


def test_modules_by_name_and_family() -> None:
    assert families.module_of("quectel-bc660k") == "bc660k-gl"
    assert families.family_of("BC660K_GL") == "quectel-bc660k"
    assert families.load("generic")[0] is Module
    with pytest.raises(ModelError, match="unknown module 'bc999'; there are .*generic"):
        families.load("bc999")


def test_a_module_inherits_from_the_one_that_it_is_like() -> None:
    generic, other = families.config("generic"), families.config("bc660k-gl")
    assert generic.identity.model == "generic"
    assert generic.limits == other.limits
    assert generic.timing == other.timing


def test_the_bench_takes_any_module() -> None:
    config = BenchConfig(modem=ModemConfig.load("generic"))
    with VirtualBench(config) as bench:
        assert isinstance(bench.modem, Module)
