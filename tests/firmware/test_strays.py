"""What an adversary at the line has shown: lines that nobody asked for, restarts that nobody saw, short wakes."""

import asyncio

from cellular import errors
from cellular.link.link import AWAKE
from cellular.modem import Modem
from fake_modem import OK, FakeModem, fails, lines
from test_bringup import quick
from test_link import Rig

IMEI = b"490154203237518"
ICCID = b"89860425102180397625"


def ready(**profile):
    """A modem with `profile` on top of that of the fake, and its fake."""
    fake = FakeModem()
    modem = quick(Modem(fake, fake.power, fake.reset))
    for name, value in profile.items():
        setattr(modem.profile, name, value)
    modem.channel.start()
    return fake, modem


async def test_imei_is_found_beside_lines_that_nobody_asked_for():
    fake, modem = ready(IMEI=(b"AT+CGSN", b""))
    for answer in (
        (IMEI, b"+CME", b"SMS DONE"),
        (b"%MDMEV: SEARCH STATUS 2", IMEI),
        (b'+QIND: "FOTA","START"', b'"' + IMEI + b'"', b"OK?"),
    ):
        fake.answers[b"AT+CGSN"] = lines(*answer)
        assert await modem.read_imei() == IMEI.decode(), answer


async def test_what_is_no_imei_is_a_typed_error():
    fake, modem = ready(IMEI=(b"AT+CGSN", b""))
    for answer in (b"SMS DONE", IMEI[:14], IMEI + b"0", b"49015420323751A"):
        fake.answers[b"AT+CGSN"] = lines(answer)
        e = await fails(errors.UnexpectedAnswer, modem.read_imei())
        assert e.answer == answer.decode(), e.answer


async def test_imei_whose_line_got_lost_is_asked_for_again():
    fake, modem = ready(IMEI=(b"AT+CGSN", b""))
    left = [lines(b"RING"), lines(IMEI)]
    fake.answers[b"AT+CGSN"] = lambda line: left.pop(0)
    assert await modem.read_imei() == IMEI.decode()


async def test_module_without_an_imei_starts_all_the_same():
    fake, modem = ready()
    fake.answers[b"AT+CGSN=1"] = lines(b"+CGSN: ")
    await modem.start()
    assert modem.imei is None and modem.model == "BC660K-GL"


async def test_card_number_is_told_from_what_stands_beside_it():
    fake, modem = ready(ICCID=(b"AT+CCID", b""))
    fake.answers[b"AT+CCID"] = lines(b"+CME", IMEI, ICCID)
    assert await modem.read_iccid() == ICCID.decode()


async def test_makers_name_in_the_identity_is_no_restart():
    fake, modem = ready(BANNERS=(b"Quectel_Ltd",))
    resets = []
    modem.on_reset = resets.append
    modem.channel.banners = modem.profile.BANNERS
    await modem.start()
    assert modem.model == "BC660K-GL" and not resets
    fake.say(b"\r\nQuectel_Ltd\r\n")
    await asyncio.sleep_ms(20)
    assert resets == [False]


async def test_module_that_its_key_wakes_for_a_moment_is_asked_at_once():
    fake, modem = ready(WAKE="key", BOOT_MS=20000, BOOT_QUIET_MS=None)
    fake.on = False
    asked = []

    async def moment():
        # What a wait for a banner would outlast.
        await asyncio.sleep_ms(4000)
        fake.on = False

    def woken():
        fake.on = True
        asked.append(asyncio.create_task(moment()))

    fake.power._released = woken
    await modem.wake(True)
    assert fake.on and len(asked) == 1 and fake.power.pulses == 1
    asked[0].cancel()


async def test_restart_whose_banner_was_lost_is_seen_by_the_mode_of_cereg():
    async with Rig() as rig:
        await rig.up()
        await rig.link.release()
        whole = rig.fake.answers[b"AT+CEREG?"]
        rig.fake.answers[b"AT+CEREG?"] = lines(b"+CEREG: 0,1")

        def set_up(line):
            rig.fake.answers[b"AT+CEREG?"] = whole
            return OK

        rig.fake.answers[b"AT+CEREG=5"] = set_up
        await rig.up()
        assert rig.link.resets_seen == 1 and rig.fake.asked(b"AT+CEREG=5") == 2
        assert rig.link.state == AWAKE and rig.fake.boots == 0


async def test_radio_that_is_off_without_our_doing_is_switched_on_again():
    async with Rig(search_s=10) as rig:
        await rig.up()
        await rig.link.release()
        whole = rig.fake.answers[b"AT+CEREG?"]
        rig.fake.function = 0
        rig.fake.answers[b"AT+CEREG?"] = lambda line: whole if rig.fake.function else lines(b"+CEREG: 5,0")
        await rig.up()
        assert rig.fake.asked(b"AT+CFUN=1") == 1 and rig.link.resets_seen == 1


async def test_restart_while_a_socket_opens_is_told_as_one():
    _, modem = ready()

    async def numbered():
        modem.numbered(0, 3)

    await fails(errors.ModemReset, numbered())
