"""Short messages and position of the virtual modems."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cellkit.bench.modem.engines import smspdu
from cellkit.bench.modem.engines.gnss import COLD_S, HOT_S, WARM_S, Fix, Gnss, sentence
from cellkit.bench.modem.engines.sms import Message, SmsStore
from cellkit.bench.sms import Sms
from engine_rig import EngineRig

NUMBER = "+441632960123"  # for fiction


@pytest.fixture
def rig() -> EngineRig:
    return EngineRig()


# Messages


def test_sending(rig: EngineRig) -> None:
    store = SmsStore(rig.modem)
    references: list[int | None] = []
    store.submit(NUMBER, "Fire! 5 €", references.append)
    store.submit_pdu(smspdu.encode_submit("123", "двa")[0], references.append)
    assert not references
    rig.run(lambda: len(references) == 2, 60.0, "references")
    assert references == [1, 2]
    assert rig.network.sms.submitted == [Sms(NUMBER, "Fire! 5 €"), Sms("123", "двa")]
    rig.modem.ue.stop()
    store.submit(NUMBER, "x", references.append)
    rig.pass_time(1.0)
    assert references[2] is None and len(rig.network.sms.submitted) == 2


def test_receiving_into_the_memory_and_past_it(rig: EngineRig) -> None:
    store = SmsStore(rig.modem, places=2, first=1)
    for text in ("one", "two", "three"):
        rig.network.sms.send(NUMBER, text)
    rig.pass_time(60.0)
    assert {index: message.text for index, message in store.messages.items()} == {1: "one", 2: "two"}
    assert store.add(Message("STO UNSENT", "1", "x", rig.network.utc())) is None
    first = store.read(1)
    assert first is not None and (first.state, first.number) == ("REC UNREAD", NUMBER)
    assert store.messages[1].state == "REC READ"
    assert [index for index, _ in store.listed("REC UNREAD")] == [2] and store.listed("REC UNREAD") == []
    assert store.delete(1) and not store.delete(1) and store.read(1) is None
    rig.pass_time(60.0)
    assert store.messages[1].text == "three", "it has waited for room"
    direct: list[str] = []
    store.on_message = lambda message: not direct.append(message.text)
    rig.network.sms.send(NUMBER, "four")
    rig.pass_time(60.0)
    assert direct == ["four"] and len(store.listed()) == 2


def test_messages_wait_for_a_device_that_is_off(rig: EngineRig) -> None:
    store = SmsStore(rig.modem)
    rig.modem.ue.stop()
    rig.network.sms.send(NUMBER, "later")
    rig.pass_time(600.0)
    assert store.messages == {}
    rig.modem.ue.start()
    rig.run(lambda: store.messages, 120.0, "message")


# PDUs


def test_pdu_of_a_known_message() -> None:
    # "hellohello" packs to E8329BFD4697D9EC37 in every description of the packing.
    assert smspdu.pack(smspdu.septets("hellohello") or []).hex().upper() == "E8329BFD4697D9EC37"
    pdu, length = smspdu.encode_submit("+46708251358", "hellohello")
    assert pdu.hex().upper() == "0001000B916407281553F800000AE8329BFD4697D9EC37" and length == len(pdu) - 1
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    pdu, length = smspdu.encode_deliver("+27381000015", "27838890001", "hellohello", time, -5)
    stamp = "62102010945058"  # 2026-01-02 01:49:05, five quarters west
    assert pdu.hex().upper() == "07917283010010F5040B817238880900F10000" + stamp + "0AE8329BFD4697D9EC37"
    assert length == len(pdu) - 8


@pytest.mark.parametrize("text", ["", "a", "1234567", "12345678", "@£$ {}[]~\\|^€", "äöü?", "日本", "x" * 160])
def test_pdu_round_trip(text: str) -> None:
    assert smspdu.decode_submit(smspdu.encode_submit(NUMBER, text)[0]) == (NUMBER, text)


def test_pdu_with_validity_header_and_data() -> None:
    # SUBMIT with a relative validity period, and one with a header of five bytes before its text.
    head = "00" + "11" + "00" + "0381" + "21F3" + "00" + "00" + "AA"
    assert smspdu.decode_submit(bytes.fromhex(head + "0AE8329BFD4697D9EC37")) == ("123", "hellohello")
    text = smspdu.pack(smspdu.septets("hello") or [], 1)
    header = bytes.fromhex("050003010201")
    pdu = bytes.fromhex("00" + "41" + "00" + "0381" + "21F3" + "00" + "00") + bytes([7 + 5]) + header + text
    assert smspdu.decode_submit(pdu) == ("123", "hello")
    data = bytes.fromhex("00" + "01" + "00" + "0381" + "21F3" + "00" + "04" + "03" + "0001FF")
    assert smspdu.decode_submit(data) == ("123", "\x00\x01\xff")


@pytest.mark.parametrize("pdu", ["", "00", "0004", "0001000381", "000100038121F30000FF41", "000100038121F30008044142"])
def test_pdus_that_are_none(pdu: str) -> None:
    with pytest.raises(smspdu.PduError):
        smspdu.decode_submit(bytes.fromhex(pdu))


# Position


def test_times_to_the_first_fix(rig: EngineRig) -> None:
    gnss = Gnss(rig.modem)
    fixes: list[Fix] = []
    gnss.on_fix = fixes.append
    assert gnss.fix() is None

    def needs_s() -> float:
        start_s = rig.clock.now()
        gnss.start()
        fixes.clear()
        rig.run(lambda: fixes, 100.0, "fix")
        took_s = rig.clock.now() - start_s
        gnss.stop()
        return took_s

    assert needs_s() == pytest.approx(COLD_S, abs=0.1)
    rig.pass_time(3600.0)
    assert needs_s() == pytest.approx(HOT_S, abs=0.1)
    rig.pass_time(7201.0)
    assert needs_s() == pytest.approx(WARM_S, abs=0.1)
    gnss.start(cold=True)
    rig.pass_time(COLD_S - 1)
    assert gnss.fix() is None
    rig.pass_time(6.0)
    assert gnss.fix() is not None and len(fixes) >= 5, "once a second"
    gnss.forget()
    assert not gnss.on and gnss.running_s() == 0


def test_position_of_the_network(rig: EngineRig) -> None:
    rig.network.config.position.latitude = -33.86785
    rig.network.config.position.longitude = 151.20732
    gnss = Gnss(rig.modem)
    gnss.start()
    rig.pass_time(COLD_S + 1)
    fix = gnss.fix()
    assert fix is not None and (fix.latitude, fix.longitude) == (-33.86785, 151.20732)
    assert fix.nmea_latitude() == ("3352.0710", "S") and fix.nmea_longitude(5) == ("15112.43920", "E")
    found: list[Fix | None] = []
    gnss.cell(found.append)
    rig.run(lambda: found, 60.0, "position by cell")
    assert found[0] is not None and found[0].accuracy_m == 550.0
    rig.network.config.position.sky = False
    assert gnss.fix() is None
    rig.modem.ue.stop()
    gnss.cell(found.append)
    rig.pass_time(1.0)
    assert found[1] is None


def test_sentences(rig: EngineRig) -> None:
    assert sentence("GPGLL,5057.970,N,00146.110,E,142451,A") == "$GPGLL,5057.970,N,00146.110,E,142451,A*27"
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    fix = Fix(time, 51.4779, -0.0015, 47.0, 2.5, 1.1, 9, 18.52, 90.0, 30.0)
    gga, rmc, vtg = fix.sentences("GN")
    assert gga.startswith("$GNGGA,030405.00,5128.6740,N,00000.0900,W,1,09,1.1,47.0,M,0.0,M,,*")
    assert rmc.startswith("$GNRMC,030405.00,A,5128.6740,N,00000.0900,W,10.0,90.0,020126,,,A*")
    assert vtg.startswith("$GNVTG,90.0,T,,M,10.0,N,18.5,K,A*")
