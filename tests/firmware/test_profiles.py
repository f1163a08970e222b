"""Profiles: found by identity, a module from a file of one's own, ways to wake, and what families say differently."""

import gc
import os
import sys
from asyncio import sleep_ms
from time import ticks_diff, ticks_ms

from cellular.errors import ModemSilent, NotSupported, SocketError, UnknownModem
from cellular.link.registration import Registration
from cellular.modem import Modem, loader
from fake_modem import Folder, Key, fails
from scripted import ERROR, OK, Scripted, says, started

IDENTITIES = {
    b"Quectel_Ltd / Quectel_BC26 / Revision: BC26NBR01A01": "BC26",
    b"Quectel_Ltd / Quectel_BC66 / Revision: BC66NBR01A06": "BC26",
    b"Quectel / BC28-CNV / Revision:BC28CNVBAR02A03": "BC95-G",
    b"Quectel / BC95-G": "BC95-G",
    b"Quectel_Ltd / Quectel_BC660K-GL": "BC660K-GL",
    b"Quectel / BC260Y": "BC660K-GL",
    b"Quectel / BC950K-GL": "BC660K-GL",
    b"Quectel / BG95-M3 / Revision: BG95M3LAR02A03": "BG95",
    b"Quectel / BG600L-M3": "BG95",
    b"SIM7020 R1752": "SIM7020",
    b"SIMCOM_SIM7080G": "SIM7080",
    b"SIMCOM_SIM7000G": "SIM7000",
    b"Manufacturer: u-blox / Model: SARA-R412M-02B": "SARA-R4",
    b"SARA-R510M8S-01B": "SARA-R5",
    b"SARA-N210": "SARA-N2",
    b"nRF9151-LACA": "nRF91 SLM",
    b"Sequans Communications / GM02SP": "GM02S",
    b"M5311-MLVH0S00": "M5311",
    b"M5310-A": "BC95-G",
    b"Telit ME310G1-W1": "ME310",
}
OWN = """
from cellular.modem.profiles.base import *

NAME = "XY-77"
CAPABILITIES = {"udp": ""}
URCS = STANDARD_URCS + (b"+XRECV:",)
ICCID = (b"AT+XID", b"")


async def udp_open(modem, sid, host, port):
    await modem.channel.cmd(b'AT+XOPEN=%d,"%s",%d' % (sid, host, port))
    return 0


async def udp_send(modem, sid, data):
    await modem.channel.cmd(b"AT+XSEND=%d,%s" % (sid, data))
    return True


async def udp_close(modem, sid):
    await modem.channel.cmd(b"AT+XCLOSE=%d" % sid)


def udp_received(line, payload=None, cut=False):
    if line.startswith(b"+XRECV:"):
        sid, data = line[7:].split(b",")
        return int(sid), data
    return None
"""


def test_each_family_is_found_by_what_it_says():
    for identity, name in IDENTITIES.items():
        assert loader.find(identity).NAME == name, (identity, name)
    assert loader.find(b"ACME / ZZ99") is None


def test_a_variant_leaves_its_family_as_it_was():
    assert loader.find(b"SIMCOM_SIM7000G").CA_PDP == b""
    assert loader.find(b"SIMCOM_SIM7080G").CA_PDP == b"0,"
    assert loader.find(b"SIMCOM_SIM7000E").PSM_AT_BOOT and not loader.find(b"SIMCOM_SIM7070G").PSM_AT_BOOT


def test_each_profile_costs_less_than_6_kb_and_has_its_dialects():
    from cellular.modem import profiles as package
    from cellular.modem.profiles import base

    folder = base.__file__[: base.__file__.rfind("/")]
    for file in os.listdir(folder):
        name = file.split(".")[0]
        if name in ("base", "__init__", "__pycache__"):
            continue
        # MicroPython's table of names grows by many KB at once, whoever comes with one name too many.
        for last in (False, True):
            sys.modules.pop("cellular.modem.profiles." + name, None)
            if hasattr(package, name):
                delattr(package, name)
            profile = None
            before = alive()
            profile = loader.load(name)
            grown = alive() - before
            if grown < 6144:
                break
            assert not last, (name, grown)
        for capability, dialect in profile.CAPABILITIES.items():
            if dialect:
                __import__("cellular.modem.dialects." + dialect)
            elif capability == "udp":
                assert profile.udp_open


def alive():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


async def test_a_module_of_ones_own_needs_one_file():
    with Folder() as folder:
        with open(folder + "/modem_xy77.py", "w") as f:
            f.write(OWN)
        sys.path.append(folder)
        modem = await started(Scripted((b"ACME", b"XY77-2 rev. 3")))
        fake = modem.channel._uart
        assert (modem.model, modem.capabilities) == ("XY-77", ("udp",))
        sock = await modem.udp_open("192.0.2.1", 5683)
        await sock.send(b"ping")
        fake.say(says(b"+XRECV: 0,pong"))
        buf = bytearray(10)
        assert await sock.recv_into(buf, 1000) == 4 and buf[:4] == b"pong"
        await sock.close()
        assert fake.commands[-3:] == [b'AT+XOPEN=0,"192.0.2.1",5683', b"AT+XSEND=0,ping", b"AT+XCLOSE=0"]
        e = await fails(NotSupported, modem.tcp_open("h", 1))
        assert "XY-77 has no tcp" in str(e)
        sys.path.remove(folder)
        del sys.modules["modem_xy77"]


async def test_a_board_may_name_its_module_and_a_wrong_name_is_told():
    modem = Modem(Scripted((b"BG96",)), kind="bg96")
    modem.channel.start()
    await modem.start()
    assert modem.model == "BG95"
    await fails(UnknownModem, Modem(Scripted((b"BG96",)), kind="zz99").start())


def registration(line, extra=None, answer=True):
    reg = Registration()
    assert reg.take(line, answer, extra)
    return reg.stat, reg.act, reg.cause, reg.active_time, reg.periodic_tau


def test_registration_in_each_family_s_layout():
    bits = "00000001", "11100000"
    standard = b'4,1,"5B57","195071B",9,,,"00000001","11100000"'
    assert registration(standard) == (1, 9, None) + bits
    sim7020 = b'4,1,"5B57","01A50B1A",9,"00",,,"00000001","11100000"'
    assert registration(sim7020, 4) == (1, 9, None) + bits
    assert registration(standard, 4) == (1, 9, None) + bits  # a firmware without the extra field
    sara = b'1,"8B1B","1B","A20D311",8,,,"00000000","01100000"'
    assert registration(sara, 2, False) == (1, 8, None, "00000000", "01100000")
    assert registration(b'1,"8B1B","A20D311",8', 2, False) == (1, 8, None, None, None)
    assert registration(b"3,1,9C40,023DC10D,9,,") == (1, 9, None, None, None)
    assert registration(b'5,5,"B4DC","000AE520",9,0,18,"00000000","00111000"')[:3] == (5, 9, 18)


class Sleeper(Scripted):
    """Deaf until its key is pressed; `banner` is what it says then, and it has forgotten CMEE."""

    def __init__(self, identity, banner=None):
        super().__init__(identity)
        self.deaf = False
        self.banner = banner
        self.key = Key(self._pressed)
        self.answers[b"AT+CMEE?"] = lambda line: says(b"+CMEE: %d" % (b"AT+CMEE=1" in self.commands)) + OK

    def _pressed(self):
        self.deaf = False
        self.commands.clear()
        if self.banner:
            self.say(self.banner)

    def write(self, data):
        return len(data) if self.deaf else super().write(data)


async def asleep(identity, banner, **changes):
    fake = Sleeper((identity,), banner)
    modem = Modem(fake, fake.key)
    modem.channel.start()
    await modem.start()
    for name, value in changes.items():
        setattr(modem.profile, name, value)
    resets = []
    modem.on_reset = resets.append
    await modem.apply_settings()
    fake.deaf = True
    return fake, modem, resets


async def test_a_module_that_is_off_in_psm_is_woken_by_its_key_and_set_up_anew():
    for banner in (None, b"\r\nRDY\r\n"):
        times = dict(BOOT_MS=400, BOOT_QUIET_MS=60, WAKE_MS=60, WAKE_AGAIN_MS=20, PWRKEY_MS=20)
        fake, modem, resets = await asleep(b"SIM7080", banner, **times)
        await modem.wake()
        assert fake.key.pulses == 1 and resets == [True], (banner, resets)
        await modem.wake()
        assert fake.key.pulses == 1 and resets == [True, True]  # it has not been told CMEE since
        await modem.apply_settings()
        await modem.wake(True)
        assert fake.key.pulses == 2
        fake.deaf = True
        fake.key._released = lambda: None
        await fails(ModemSilent, modem.wake())
        assert fake.key.pulses == 4  # twice: one that came too soon after falling asleep is not seen
        del sys.modules["cellular.modem.profiles.sim7080"]


async def test_the_wake_pin_comes_before_the_key():
    fake = Sleeper((b"Quectel_BC26",))
    pin = Key(fake._pressed)
    modem = Modem(fake, fake.key, wake_pin=pin)
    await modem.start()
    modem.profile.WAKE_MS, modem.profile.WAKE_PIN_MS = 60, 10
    fake.deaf = True
    await modem.wake()
    assert (pin.pulses, fake.key.pulses) == (1, 0)
    del sys.modules["cellular.modem.profiles.bc26"]


async def test_garbage_of_the_boot_rom_is_no_unknown_line():
    modem = await started(Scripted((b"BC95-G",)))
    fake = modem.channel._uart
    resets = []
    modem.on_reset = resets.append
    before = modem.channel.unknown
    boot = says(b"REBOOTING", b"-f-f?-f", b"Boot: Unsigned", b"REBOOT_CAUSE_APPLICATION_AT", b"Neul ")
    fake.say(boot)
    await sleep_ms(50)
    assert resets == [False] and modem.channel.unknown == before
    fake.say(says(b"-f-f?-f"))
    await sleep_ms(50)
    assert modem.channel.unknown == before + 1


async def test_data_that_come_bare_are_no_unknown_lines():
    modem = await started(Scripted((b"M5311-MLVH0S00",)))
    channel, fake = modem.channel, modem.channel._uart
    lines = []
    modem.on_urc = lines.append
    before = channel.unknown
    await channel.cmd(b"at+iprcfg=1,1,0")
    fake.say(says(b"hello, CMCC IOT"))
    await sleep_ms(50)
    assert lines == [b"hello, CMCC IOT"] and channel.unknown == before
    await channel.cmd(b"AT+IPRCFG=1,0,1")
    fake.say(says(b"hello, CMCC IOT"))
    await sleep_ms(50)
    assert channel.unknown == before + 1


async def test_boudica_answers_without_prefix_and_an_old_socket_in_the_way():
    fake = Scripted((b"BC68",))
    numbers = [ERROR, says(b"1") + OK]
    fake.answers.update(
        {
            b"AT+NSOCR=DGRAM,17,20000,1": lambda line: numbers.pop(0),
            b"AT+NSOST=1,192.0.2.1,5683,2,6869": says(b"1,2") + OK,
            b"AT+NSOSTF=1,192.0.2.1,5683,0x400,2,6869": says(b"1,2") + OK,
            b"AT+NSORF=1,512": lambda line: answers.pop(0),
            b"AT+QDNS=0,server": [OK, says(b"+QDNS:192.0.2.1")],
        }
    )
    answers = [says(b"1,192.0.2.1,5683,3,393837,0") + OK, OK]
    modem = await started(fake)
    sock = await modem.udp_open("server", 5683)
    assert fake.asked(b"AT+NSOCL=") == 7
    await sock.send(b"hi")
    sock.last = True
    await sock.send(b"hi")
    fake.say(says(b"+NSONMI:1,3"))
    buf = bytearray(10)
    assert await sock.recv_into(buf, 1000) == 3 and buf[:3] == b"987"
    assert await sock.recv_into(buf, 10) == 0 and not answers
    fake.say(says(b"+NSONMI:1,192.0.2.1,5683,3,616263"))
    assert await sock.recv_into(buf, 1000) == 3 and buf[:3] == b"abc"
    await sock.close()
    assert fake.commands[-1] == b"AT+NSOCL=1"


async def test_streams_and_datagrams_of_one_module_beside_its_mqtt_session():
    from cellular.modem.mqtt import Offloaded

    fake = Scripted((b"SIM7020 R1752",))
    fake.answers[b"AT+CSOC=1,2,1"] = says(b"+CSOC: 0") + OK
    fake.answers[b"AT+CSOC=1,1,1"] = says(b"+CSOC: 1") + OK
    modem = await started(fake)
    Offloaded(modem, {})
    datagrams = await modem.udp_open("192.0.2.1", 5683)
    stream = await modem.tcp_open("192.0.2.1", 80)
    buf = bytearray(10)
    fake.say(says(b"+CSONMI: 1,6,343536") + says(b"+CSONMI: 0,6,313233"))
    assert await stream.recv_into(buf, 1000) == 3 and buf[:3] == b"456"
    assert await datagrams.recv_into(buf, 1000) == 3 and buf[:3] == b"123"
    fake.say(says(b"+CSOERR: 1,4"))
    await fails(SocketError, stream.recv_into(buf, 1000))


async def test_release_assistance_goes_before_the_last_datagram_only():
    fake = Scripted((b"SIM7020 R1752",))
    fake.answers[b"AT+CSOC=1,2,1"] = says(b"+CSOC: 0") + OK
    modem = await started(fake)
    sock = await modem.udp_open("192.0.2.1", 5683)
    await sock.send(b"hi")
    assert not fake.asked(b"AT+CNBIOTRAI") and fake.commands[-1] == b"AT+CSOSEND=0,4,6869"
    sock.last = True
    await sock.send(b"hi")
    assert fake.commands[-2:] == [b"AT+CNBIOTRAI=2", b"AT+CSOSEND=0,4,6869"]
    fake.say(says(b"+CSONMI: 0,6,313233"))
    buf = bytearray(10)
    assert await sock.recv_into(buf, 1000) == 3 and buf[:3] == b"123"
    fake.say(says(b"+CSONMI: 0,6,3132") + says(b"+CSOERR: 0,3"))
    await fails(SocketError, sock.recv_into(buf, 1000))


async def test_a_datagram_whose_line_was_lost_is_asked_for():
    fake = Scripted((b"Quectel_BC26",))
    fake.answers[b'AT+QIOPEN=1,0,"UDP","192.0.2.1",5683,0,0'] = [OK, says(b"+QIOPEN: 0,0")]
    answers = [says(b"+QIRD: 4") + b"a\r\nb\r\n" + OK, says(b"+QIRD: 0") + OK]
    fake.answers[b"AT+QIRD=0,512"] = lambda line: answers.pop(0)
    modem = await started(fake)
    modem.profile.UDP_POLL_MS = 50
    sock = await modem.udp_open("192.0.2.1", 5683)
    buf = bytearray(10)
    began = ticks_ms()
    assert await sock.recv_into(buf, 5000) == 4 and buf[:4] == b"a\r\nb"
    assert ticks_diff(ticks_ms(), began) < 4000
    del sys.modules["cellular.modem.profiles.bc26"]


class Slm(Scripted):
    """OK is the prompt of its data mode."""

    def _command(self, line):
        if line == b"AT#XSEND":
            self._wants = line, says(b"#XDATAMODE: 0"), 5  # two bytes and the mark of the end
            self.reads.append(OK)
        else:
            super()._command(line)


async def test_serial_modem_is_told_from_its_predecessor_and_each_sends_its_way():
    sm = Scripted((b"nRF9151-LACA",), {b"AT#XSMVER": says(b'#XSMVER: "v2.0.0","3.4.0"') + OK})
    sm.answers[b"AT#XSOCKET=1,2,0"] = says(b"#XSOCKET: 3,2,17") + OK
    modem = await started(sm)
    assert modem.model == "nRF91 Serial Modem" and modem.channel.line_end == b"\r"
    sock = await modem.udp_open("192.0.2.1", 5683)
    await sock.send(b"hi")
    assert sm.commands[-1] == b'AT#XSEND=3,1,0,"6869"'
    slm = Slm((b"nRF9160-SICA",), {b"AT#XSMVER": ERROR})
    slm.answers[b"AT#XSOCKET=1,2,0"] = says(b"#XSOCKET: 0,2,17") + OK
    modem = await started(slm)
    assert modem.model == "nRF91 SLM" and modem.channel.line_end == b"\r\n"
    sock = await modem.udp_open("192.0.2.1", 5683)
    await sock.send(b"hi")
    assert slm.data == [b"hi+++"]
    await fails(SocketError, sock.send(b"a+++b"))
