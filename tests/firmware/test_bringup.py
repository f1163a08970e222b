"""From power to an unlocked SIM: what the modem layer does with modules that are off, asleep, strange or locked."""

import asyncio

from cellular.errors import ATError, ModemSilent, SimError, UnexpectedAnswer, UnknownModem
from cellular.modem import Modem
from fake_modem import ERROR, OK, FakeModem, fails, lines, until


def make():
    fake = FakeModem()
    modem = Modem(fake, fake.power, fake.reset)
    return fake, modem


async def started():
    fake, modem = make()
    await modem.start()
    return fake, modem


def quick(modem):
    """Deadlines that a test can wait for."""
    import cellular.modem.profiles.bc660k as real

    class Profile:
        pass

    for name in dir(real):
        setattr(Profile, name, getattr(real, name))
    Profile.BOOT_MS, Profile.WAKE_MS, Profile.WAKE_AGAIN_MS, Profile.PWRKEY_MS, Profile.RESET_MS = 200, 60, 20, 20, 20
    modem.profile = Profile
    modem.channel.banners = real.BANNERS
    modem.use = lambda profile: None
    return modem


async def test_module_that_is_on_is_identified_and_not_touched():
    fake, modem = await started()
    assert (modem.model, modem.revision, modem.imei) == ("BC660K-GL", "BC660KGLAAR01A05", "001010000000001")
    assert fake.power.pulses == fake.reset.pulses == 0


async def test_module_in_deep_sleep_is_woken():
    fake, modem = make()
    fake.asleep = True
    await modem.start()
    assert modem.model == "BC660K-GL" and fake.power.pulses == 0


async def test_module_that_is_off_gets_its_power_key():
    fake, modem = make()
    fake.on = False
    await quick(modem).start()
    assert fake.power.pulses == 1 and fake.reset.pulses == 0 and modem.imei


async def test_dead_module_is_an_error_with_a_remedy():
    fake, modem = make()
    fake.on = False
    fake.power = None
    modem._pwrkey = None
    e = await fails(ModemSilent, quick(modem).start())
    assert "power" in str(e) and "wiring" in str(e) and "baud" in str(e)


async def test_banner_that_gets_lost_does_not_matter():
    fake, modem = make()
    fake.on = False
    fake.banner = None
    await quick(modem).start()
    assert modem.imei


async def test_keys_are_let_go_when_the_restart_is_cancelled():
    fake, modem = await started()
    quick(modem).profile.RESET_MS = 10000
    resets = []
    modem.on_reset = resets.append
    task = asyncio.create_task(modem.restart())
    await until(lambda: fake.reset.level)
    task.cancel()
    await asyncio.sleep_ms(5)
    assert fake.reset.level == 0
    await until(lambda: resets)
    assert resets == [True]  # it was asked for, though nobody waits for its end
    task = asyncio.create_task(modem.restart())
    modem.profile.RESET_MS = 20
    modem.profile.BOOT_MS = 10000
    fake.banner = None
    await until(lambda: fake.reset.pulses == 2)
    task.cancel()
    await asyncio.sleep_ms(5)
    fake.say(b"\r\nRDY\r\n")
    await until(lambda: len(resets) == 2)
    assert resets[1] is False  # this one was given up while it was waited for


async def test_unknown_make_is_named():
    fake, modem = make()
    fake.answers[b"ATI"] = lines(b"SIMCOM_Ltd", b"SIM9920E", b"Revision: 1752B04SIM9920E")
    e = await fails(UnknownModem, modem.start())
    assert e.permanent and "SIM9920E" in str(e) and "modem_<name>.py" in str(e)
    fake.answers[b"ATI"] = b"\r\nA\x7f\xff\xfe\r\n" + OK  # damaged, and no other error for that
    assert "A..." in str(await fails(UnknownModem, modem.start()))
    fake.answers[b"ATI"] = ERROR
    assert "ERROR" in str(await fails(UnknownModem, modem.start()))


async def test_an_answer_without_text_is_nothing_permanent():
    fake, modem = make()
    fake.answers[b"ATI"] = OK
    assert not (await fails(UnexpectedAnswer, modem.start())).permanent
    assert fake.asked(b"ATI") == 2  # it may have been another's OK
    fake, modem = await started()
    fake.answers[b"AT+CPIN?"] = OK
    assert not (await fails(UnexpectedAnswer, modem.unlock_sim())).permanent


async def test_an_ok_without_the_line_that_was_asked_for_is_asked_again():
    fake, modem = await started()
    answers = [OK, lines(b"+CEREG: 5,1")]
    fake.answers[b"AT+CEREG?"] = lambda line: answers.pop(0)
    assert await modem.ask(b"AT+CEREG?", b"+CEREG") == b"5,1"


async def test_no_sim():
    fake, modem = await started()
    fake.answers[b"AT+CPIN?"] = b"\r\n+CME ERROR: 10\r\n"
    e = await fails(SimError, modem.unlock_sim())
    assert e.permanent and "insert a SIM" in str(e)


async def test_sim_that_is_busy_is_waited_for():
    fake, modem = await started()
    states = [b"\r\n+CME ERROR: 14\r\n", lines(b"+CPIN: READY")]
    fake.answers[b"AT+CPIN?"] = lambda line: states.pop(0)
    await modem.unlock_sim()
    assert modem.iccid == "89000000000000000001"


def locked(fake, pin=b"1234", tries=3, full=3):
    """A SIM that asks for its PIN; returns the PINs that were tried."""
    tried = []
    state = [b"SIM PIN"]

    def enter(line):
        tried.append(line)
        if line == b'AT+CPIN="%s"' % pin:
            state[0] = b"READY"
            return OK
        return b"\r\n+CME ERROR: 16\r\n"

    fake.answers[b"AT+CPIN?"] = lambda line: lines(b"+CPIN: " + state[0])
    fake.answers[b'AT+CPINR="SIM PIN"'] = lines(b'+CPINR: "SIM PIN",%d,%d' % (tries, full))
    for guess in (b"1234", b"4711"):
        fake.answers[b'AT+CPIN="%s"' % guess] = enter
    return tried


async def test_locked_sim_is_unlocked_with_the_configured_pin():
    fake, modem = await started()
    tried = locked(fake)
    e = await fails(SimError, modem.unlock_sim())
    assert "`pin`" in str(e) and tried == []
    await modem.unlock_sim("1234")
    assert len(tried) == 1


async def test_wrong_pin_is_never_tried_twice():
    fake, modem = await started()
    tried = locked(fake)
    e = await fails(SimError, modem.unlock_sim("4711"))
    assert "wrong" in str(e) and "4711" not in str(e) and "4711" not in modem.channel.black_box()
    locked_tries = lines(b'+CPINR: "SIM PIN",2,3')
    fake.answers[b'AT+CPINR="SIM PIN"'] = locked_tries
    e = await fails(SimError, modem.unlock_sim("4711"))
    assert "2 tries left" in str(e) and len(tried) == 1


async def test_pin_is_not_risked_when_the_tries_are_not_known():
    fake, modem = await started()
    tried = locked(fake)
    for answer in (ERROR, OK, lines(b'+CPINR: "SIM PIN"')):
        fake.answers[b'AT+CPINR="SIM PIN"'] = answer
        e = await fails(SimError, modem.unlock_sim("1234"))
        assert "how many tries" in str(e)
    fake.answers[b'AT+CPINR="SIM PIN"'] = lines(b'+CPINR: "SIM PIN",2')  # of three, as the default is not told
    await fails(SimError, modem.unlock_sim("1234"))
    for pin in ("12", "12a4", '12"\rATZ', "123456789"):
        assert "4 to 8 digits" in str(await fails(SimError, modem.unlock_sim(pin)))
    assert tried == []


async def test_puk_needs_a_person():
    fake, modem = await started()
    fake.answers[b"AT+CPIN?"] = lines(b"+CPIN: SIM PUK")
    e = await fails(SimError, modem.unlock_sim("1234"))
    assert "SIM PUK" in str(e) and "phone" in str(e)


async def test_settings_are_written_only_where_they_differ():
    fake, modem = await started()
    await modem.apply_settings()
    assert fake.asked(b"AT+QNBIOTEVENT=1,1") == 0
    fake.answers[b"AT+QNBIOTEVENT?"] = lines(b"+QNBIOTEVENT: 0,1")
    fake.answers[b"AT+QNBIOTEVENT=1,1"] = ERROR  # and a refusal is not the end
    await modem.apply_settings()
    assert fake.asked(b"AT+QNBIOTEVENT=1,1") == 1


async def test_apn_that_is_set_already_costs_no_restart():
    fake, modem = await started()
    assert not await modem.set_apn("IOT")
    assert fake.boots == 0
    fake.answers[b'AT+QCGDEFCONT="IP","other"'] = OK
    assert await modem.set_apn("other")
    assert fake.boots == 1
    await fails(ATError, refused_apn(fake, modem))


async def refused_apn(fake, modem):
    fake.answers[b'AT+QCGDEFCONT="IP","bad"'] = ERROR
    await modem.set_apn("bad")


async def test_command_lost_because_the_modem_fell_asleep_is_asked_again():
    fake, modem = await started()
    fake.asleep = True  # PSM was entered while the command was on its way
    await modem.hold_awake()
    assert fake.asked(b"AT+QSCLK=0") == 1


async def test_release_assistance_only_while_connected_and_a_refusal_is_survived():
    fake, modem = await started()
    await modem.let_sleep(False)
    assert fake.asked(b"AT+QNBIOTRAI=1") == 0 and fake.asked(b"AT+QSCLK=1") == 1
    fake.answers[b"AT+QNBIOTRAI=1"] = b"\r\n+CME ERROR: 602\r\n"
    await modem.let_sleep(True)
    assert fake.asked(b"AT+QNBIOTRAI=1") == 1 and fake.asked(b"AT+QSCLK=1") == 2
