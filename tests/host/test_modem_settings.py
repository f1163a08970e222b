"""Settings of the virtual modem and how long each lives; clock, bearer, signal, engineering mode."""

from __future__ import annotations

import pytest
from cellkit.bench.modem import ModemConfig
from cellkit.model.figures import ModelError
from modem_rig import ModemRig


def rig_at(cfun: int, **modem: object) -> ModemRig:
    rig = ModemRig(nvram={"CFUN": cfun}, **modem)
    rig.boot()
    return rig


# QCFG


def test_qcfg_lists_reads_and_writes() -> None:
    rig = rig_at(1)
    listed = rig.ok("AT+QCFG=?")
    assert '+QCFG: "DataInactTimer",(0,15-255)' in listed
    assert '+QCFG: "slplocktimes",(0-30)' in listed
    assert len(rig.ok("AT+QCFG?")) == len(listed) == 14
    assert rig.ok('AT+QCFG="dsevent"') == ['+QCFG: "dsevent",0']
    rig.ok('AT+QCFG="DSEVENT",1')
    assert rig.ok('AT+QCFG="dsevent"') == ['+QCFG: "dsevent",1']


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("slplocktimes", 30, 31),
        ("DataInactTimer", 15, 14),
        ("DataInactTimer", 0, 256),
        ("OOSScheme", 4, 5),
        ("wakeupRXD", 0, 2),
        ("faultaction", 2, 5),
        ("logbaudrate", 921600, 921599),
        ("relversion", 14, 15),
    ],
)
def test_qcfg_ranges(key: str, good: int, bad: int) -> None:
    rig = rig_at(0)
    assert rig.at(f'AT+QCFG="{key}",{bad}') == ["ERROR"]
    rig.ok(f'AT+QCFG="{key}",{good}')
    assert rig.ok(f'AT+QCFG="{key}"') == [f'+QCFG: "{key}",{good}']


@pytest.mark.parametrize("key", ["EPCO", "DataInactTimer", "relversion", "NcellMeas"])
def test_some_keys_only_at_minimum_functionality(key: str) -> None:
    value = {"DataInactTimer": 30, "relversion": 14}.get(key, 0)
    assert rig_at(1).at(f'AT+QCFG="{key}",{value}') == ["+CME ERROR: 3"]
    assert rig_at(0).at(f'AT+QCFG="{key}",{value}') == ["OK"]


def test_category_follows_the_release_and_needs_it() -> None:
    rig = rig_at(0)
    assert rig.at('AT+QCFG="NBcategory",2') == ["+CME ERROR: 3"]
    assert rig.at('AT+QCFG="MacRAI",1') == ["+CME ERROR: 3"]
    rig.ok('AT+QCFG="relversion",14')
    assert rig.ok('AT+QCFG="NBcategory"') == ['+QCFG: "NBcategory",2']
    rig.ok('AT+QCFG="MacRAI",1')


def test_a_setting_that_needs_a_reboot_waits_for_it() -> None:
    rig = rig_at(1)
    rig.ok('AT+QCFG="slplocktimes",2')
    rig.advance(25.0)
    rig.at("AT")
    rig.at("AT")
    rig.advance(5.0)
    assert rig.ok("AT") == []  # still the ten seconds of before
    rig.at("AT+QRST=1", 20.0)
    rig.at("AT")
    rig.ok('AT+QCFG="slplocktimes",30')
    rig.advance(5.0)
    assert rig.at("AT") == []  # two seconds, though thirty are set


# How long things live


def test_two_modems_share_no_settings() -> None:
    first, second = rig_at(1), rig_at(1)
    first.ok('AT+CGDCONT=1,"IP","one"')
    assert second.ok("AT+CGDCONT?") == ['+CGDCONT: 0,"IP",""']
    first.modem.reset("test")
    first.advance(2.0)
    assert first.ok("AT+CGDCONT?")[-1] == '+CGDCONT: 1,"IP","ONE"'


def test_a_module_may_arrive_configured() -> None:
    rig = ModemRig(nvram={"CEREG": 1, "E": 0, "IPR": 9600, "dataformat": (1, 1)})
    rig.modem.supply(True)
    assert "+CEREG: 2" in rig.lines(2.0)
    assert rig.ok('AT+QICFG="dataformat"') == ['+QICFG: "dataformat",1,1']
    with pytest.raises(KeyError, match="CEREGG"):
        ModemRig(nvram={"CEREGG": 1})


def test_config_refuses_unknown_modules_and_fields() -> None:
    with pytest.raises(ModelError, match="unknown module 'bc27'; there are .*bc660k-gl"):
        ModemConfig.load("bc27")
    with pytest.raises(ValueError, match="colour"):
        ModemConfig.load(colour="red")
    with pytest.raises(ValueError, match="pin"):
        ModemConfig.load(sim={"pin": "12"})


def test_every_figure_names_its_source() -> None:
    config = ModemConfig.load()
    figures = [getattr(config.timing, name) for name in type(config.timing).model_fields]
    assert all(figure.source for figure in [*figures, *config.module.current.values()])


# Bearer


def test_qcgdefcont_counts_after_a_reboot() -> None:
    rig = ModemRig()
    rig.attach()
    assert rig.ok("AT+QCGDEFCONT?") == ['+QCGDEFCONT: "IP"']
    rig.ok('AT+QCGDEFCONT="IP","my.apn","user","secret"')
    assert rig.ok("AT+QCGDEFCONT?") == ['+QCGDEFCONT: "IP","my.apn","user","secret",1']
    assert rig.ok("AT+CGDCONT?") == ['+CGDCONT: 0,"IP","test.apn","10.0.0.7"']
    rig.at("AT+QRST=1", 10.0)
    assert rig.ok("AT+CGDCONT?") == ['+CGDCONT: 0,"IP","my.apn","10.0.0.7"']


def test_address_is_on_bearer_0_only() -> None:
    rig = ModemRig({"ip": "10.9.8.7"})
    rig.attach('AT+CGDCONT=1,"IP","CMNET"')
    assert rig.ok("AT+CGPADDR=0") == ['+CGPADDR: 0,"10.9.8.7"']
    assert rig.ok("AT+CGPADDR=1") == ["+CGPADDR: 1"]
    assert rig.ok("AT+CGPADDR") == ['+CGPADDR: 0,"10.9.8.7"', "+CGPADDR: 1"]
    assert rig.ok("AT+CGDCONT?")[-1] == '+CGDCONT: 1,"IP","CMNET"'
    rig.ok("AT+CGDCONT=1")
    assert rig.ok("AT+CGPADDR=?") == ["+CGPADDR: (0)"]


# Clock


def test_clock_follows_the_network_at_attach() -> None:
    rig = ModemRig({"policy": {"utc_offset_quarters": 8}, "utc_start_s": 1791158370.0})
    rig.boot()
    assert rig.ok("AT+CCLK?")[0].startswith("+CCLK: 00/01/01,00:00:0")
    rig.advance(8.0)
    assert rig.ok("AT+CCLK?")[0].startswith("+CCLK: 26/10/05,01:59:")
    assert rig.ok("AT+CCLK?")[0].endswith("+08")
    rig.advance(300.0)
    rig.at("AT")
    assert rig.ok("AT+CCLK?")[0].startswith("+CCLK: 26/10/05,02:04:")


@pytest.mark.parametrize(
    ("mode", "urc"),
    [
        (0, None),
        (1, '+CTZV: "+8"'),
        (2, '+CTZE: "+8",0,"2026/10/03,01:50:20"'),
        (3, '+CTZEU: "+8",0,"2026/10/02,23:50:20"'),
    ],
)
def test_time_zone_reports(mode: int, urc: str | None) -> None:
    """In form as a real one: `+CTZEU: "+8",1,"2026/10/02,23:50:20"` (ugly-duckling-firmware, NB-IoT page)."""
    rig = ModemRig({"policy": {"utc_offset_quarters": 8}}, nvram={"CTZR": mode})
    rig.boot()
    rig.network.config.utc_start_s = 1790985020.5 - 6.4  # the attach is through about 6.4 s after the start
    rig.advance(10.0)
    assert [e["text"] for e in rig.events("modem", "urc") if e["text"].startswith("+CTZ")] == ([urc] if urc else [])


def test_clock_set_by_hand() -> None:
    rig = ModemRig({"policy": {"nitz": False}})
    rig.attach("AT+QSCLK=0", 'AT+CCLK="20/02/27,01:30:48-23"')
    rig.advance(60.0)
    assert rig.ok("AT+CCLK?")[0][:19] == "+CCLK: 20/02/27,01:"
    assert rig.ok("AT+CCLK?")[0].endswith("-23")


# Signal and state


@pytest.mark.parametrize(
    ("rssi_dbm", "rsrp_dbm", "rsrq_db", "csq", "cesq"),
    [
        (-94, -102, -8.0, "9,0", "24,39"),
        (-120, -150, -30.0, "0,0", "0,0"),
        (-51, -44, -3.0, "31,0", "34,97"),
        (-69, -80, -7.5, "22,0", "25,61"),
    ],
)
def test_signal(rssi_dbm: int, rsrp_dbm: int, rsrq_db: float, csq: str, cesq: str) -> None:
    """Indices of TS 27.007 and TS 36.133; the last row is the manual's example."""
    rig = ModemRig({"cell": {"rssi_dbm": rssi_dbm, "rsrp_dbm": rsrp_dbm, "rsrq_db": rsrq_db}})
    rig.attach()
    assert rig.ok("AT+CSQ") == [f"+CSQ: {csq}"]
    assert rig.ok("AT+CESQ") == [f"+CESQ: 99,99,255,255,{cesq}"]


def test_state_queries_follow_the_radio() -> None:
    rig = ModemRig()
    rig.boot()
    assert rig.ok("AT+QENG=3")[0] == '+QENG: 4,"DEREG","UNKNOWN","SEARCHING","UNKNOWN","0x0,0x0"'
    assert rig.ok("AT+QEMMS?") == ['+QEMMS: "EMM_DEREGISTERED,PLMN_SEARCH"']
    assert rig.ok("AT+QPLMNS?") == ["+QPLMNS: 1"]
    rig.advance(10.0)
    assert rig.ok("AT+CSCON?") == ["+CSCON: 0,1"]
    assert rig.ok("AT+QENG=3")[0] == '+QENG: 4,"REG","CONNECTED","SELECTED","HPLMN","0x234,0xf015"'
    assert rig.ok("AT+QPLMNS?") == ["+QPLMNS: 2"]
    assert rig.ok("AT+QESMC?") == ["+QESMC: 0,0,0"]
    rig.ok("AT+CFUN=0", 2.0)
    assert rig.ok("AT+QEMMS?") == ['+QEMMS: "NULL"']


@pytest.mark.parametrize("name", ["CEREG", "CSCON", "CMEE", "CFUN", "CGATT", "CPSMS", "CEDRXS", "CSQ", "CESQ", "IPR",
                                  "QSCLK", "QRST", "QNBIOTRAI", "QPSMS", "QEDRXCFG", "QBAND", "QLOCKF", "CTZR", "QENG",
                                  "QCGDEFCONT", "QIOPEN", "QICLOSE", "QISTATE", "QISEND", "QIRD", "QICFG", "QIDNSCFG",
                                  "QIDNSGIP", "QPING", "QISWTMD", "QLEDMODE"])  # fmt: skip
def test_test_commands_name_the_command(name: str) -> None:
    assert all(line.startswith(f"+{name}: ") for line in rig_at(1).ok(f"AT+{name}=?"))
