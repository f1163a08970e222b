"""The link over a scripted modem: registration, timers, release, and restarts of the modem in every state."""

import asyncio
from asyncio import core

from cellular import errors
from cellular.link import link as module
from cellular.link.link import AWAKE, OFF, RELEASED, Link
from cellular.modem import Modem
from fake_modem import ERROR, GRANTED, OK, FakeModem, Folder, fails, lines, until
from test_bringup import quick

CONFIG = {"apn": "iot", "t3324_s": 10, "t3412_s": 86400, "search_s": 1}
SEARCHING = lines(b"+CEREG: 5,2")
DENIED = lines(b'+CEREG: 5,3,"0001","0000ABCD",9,0,%d')


class Rig:
    def __init__(self, **config):
        self.fake = FakeModem()
        self.modem = quick(Modem(self.fake, self.fake.power, self.fake.reset))
        self.config = dict(CONFIG, **config)
        self.folder = Folder()
        self.traces = []
        self.task = None

    async def __aenter__(self):
        self.config["folder"] = self.folder.__enter__()
        self.link = Link(self.modem, self.config)
        self.real = module._POLL_MS, module._SETTLE_DENIED_MS, module._KEEP_DELAY_S
        module._POLL_MS, module._SETTLE_DENIED_MS, module._KEEP_DELAY_S = 50, 20, 0.05
        self.task = asyncio.create_task(self.link.run())
        return self

    async def __aexit__(self, *_):
        module._POLL_MS, module._SETTLE_DENIED_MS, module._KEEP_DELAY_S = self.real
        running = not self.task.done()
        self.task.cancel()
        self.modem.channel.stop()
        await asyncio.sleep_ms(5)
        self.folder.__exit__()
        assert running, "an error has ended run()"

    async def up(self, urgent=False):
        await self.link.up(urgent)
        assert self.link.state == AWAKE


async def test_session_from_cold_to_sleep_and_again():
    async with Rig() as rig:
        await rig.up()
        fake = rig.fake
        assert fake.asked(b"AT+CEREG=5") == 1 and fake.asked(b"AT+QSCLK=0") == 1
        fake.say(b"\r\n+CSCON: 1\r\n")
        await asyncio.sleep_ms(10)
        await rig.link.release()
        assert rig.link.state == RELEASED and fake.commands[-2:] == [b"AT+QNBIOTRAI=1", b"AT+QSCLK=1"]
        assert (rig.link.granted.t3324_s, rig.link.granted.t3412_s) == (6, 36000 * 10)
        assert (rig.link.requested.t3324_s, rig.link.requested.t3412_s) == (10, 86400)
        assert rig.link.observed.t3324_s is None
        before = len(fake.commands)
        fake.asleep = True
        await rig.up()
        assert fake.commands[before:] == [b"AT", b"AT+QSCLK=0", b"AT+CSCON=1", b"AT+CEREG?"], fake.commands[before:]
        await rig.link.release()
        assert fake.boots == 0


async def test_request_is_written_only_where_the_stored_one_differs():
    async with Rig() as rig:
        await rig.up()
        assert not [c for c in rig.fake.commands if c.startswith(b"AT+CPSMS=")]
    async with Rig(t3324_s=20, edrx_s=30) as rig:
        rig.fake.answers[b'AT+CPSMS=1,,,"00111000","00001010"'] = OK
        rig.fake.answers[b'AT+CEDRXS=1,5,"0011"'] = OK
        rig.fake.answers[b"AT+CEDRXRDP"] = lines(b'+CEDRXRDP: 5,"0011","0101","0011"')
        await rig.up()
        assert rig.fake.asked(b'AT+CPSMS=1,,,"00111000","00001010"') == 1
        assert rig.fake.asked(b'AT+CEDRXS=1,5,"0011"') == 1  # a read does not tell whether it is asked for
        assert rig.link.requested.edrx_s == 40 and rig.link.granted.edrx_s == 81 and rig.link.granted.ptw_s == 10


async def test_refused_settings_do_not_keep_an_alarm_from_its_server():
    async with Rig(t3324_s=20, edrx_s=30, apn="bad") as rig:
        for command in (b"ATE0", b"AT+CMEE=1", b"AT+CGSN=1", b"AT+QCCID", b"AT+QNBIOTEVENT?", b"AT+CSCON=1",
                        b"AT+CEREG=5", b"AT+CPSMS?", b"AT+QCGDEFCONT?"):  # fmt: skip
            rig.fake.answers[command] = ERROR
        for command in (b'AT+QCGDEFCONT="IP","bad"', b"AT+QNBIOTEVENT=1,1", b'AT+CPSMS=1,,,"00111000","00001010"',
                        b'AT+CEDRXS=1,5,"0011"', b"AT+CEDRXRDP"):  # fmt: skip
            rig.fake.answers[command] = b"\r\n+CME ERROR: 3\r\n"
        await rig.up()
        assert rig.fake.boots == 0


async def test_network_that_changes_its_mind_is_an_event():
    async with Rig() as rig:
        changes = []
        rig.link.power.on_change = changes.append
        await rig.up()
        assert changes == ["granted"]
        rig.fake.say(b'\r\n+CEREG: 1,"0001","0000ABCD",9,,,"00000011","00100001"\r\n')
        await until(lambda: len(changes) == 2)
        assert rig.link.granted.t3412_s == 3600
        rig.fake.say(b'\r\n+CEREG: 1,"0001","0000ABCD",9\r\n')  # PSM is no longer granted
        await until(lambda: len(changes) == 3)
        assert rig.link.granted.t3324_s is None and rig.link.granted.t3412_s is None
        rig.fake.say(b"\r\n+CEREG: 1\r\n")  # a short form says nothing about timers
        rig.fake.say(b"\r\n+CEREG: 2\r\n")
        await asyncio.sleep_ms(20)
        assert len(changes) == 3


async def test_no_coverage_ends_and_the_modem_may_sleep():
    async with Rig() as rig:
        rig.fake.answers[b"AT+CEREG?"] = SEARCHING
        e = await fails(errors.NoCoverage, rig.link.up(True))
        assert not e.permanent and "antenna" in str(e) and "stat 2" in str(e)
        await rig.link.release()
        assert rig.fake.commands[-1] == b"AT+QSCLK=1" and rig.link.state == RELEASED
        assert rig.fake.asked(b"AT+QNBIOTRAI=1") == 0 and rig.fake.boots == 0
        rig.fake.answers[b"AT+CEREG?"] = GRANTED
        await rig.up()


async def test_setting_that_needs_a_restart_gets_one_once():
    async with Rig() as rig:
        rig.fake.sleep_lock_s = 10
        await rig.up()
        assert rig.fake.sleep_lock_s == 2 and rig.fake.boots == 1
    async with Rig() as rig:
        rig.fake.sleep_lock_s = 10
        rig.fake.answers[b'AT+QCFG="slplocktimes",2'] = ERROR  # a module that does not take it is not restarted for it
        await rig.up()
        assert rig.fake.boots == 0


async def test_radio_is_off_between_searches_in_vain_but_not_while_an_alarm_waits():
    async with Rig(search_s=0) as rig:
        rig.fake.answers[b"AT+CEREG?"] = SEARCHING
        await fails(errors.NoCoverage, rig.link.up(urgent=True))
        await rig.link.release()
        assert rig.fake.function == 1 and rig.link.phase != "radio_off"
        await fails(errors.NoCoverage, rig.link.up())
        assert rig.fake.function == 1
        await rig.link.release()
        assert rig.fake.function == 0 and rig.link.phase == "radio_off" and rig.fake.commands[-1] == b"AT+QSCLK=1"
        rig.fake.answers[b"AT+CEREG?"] = GRANTED
        await rig.up()
        assert rig.fake.function == 1 and rig.fake.boots == 0
        await rig.link.release()
        assert rig.fake.function == 1


async def test_radio_rests_in_the_end_even_while_an_alarm_waits():
    async with Rig(search_s=0) as rig:
        rig.fake.answers[b"AT+CEREG?"] = SEARCHING
        for n in range(module._ALARM_SEARCHES + 1):
            assert rig.fake.function == 1, n
            await fails(errors.NoCoverage, rig.link.up(urgent=True))
            await rig.link.release()
        assert rig.fake.function == 0


async def test_radio_that_an_earlier_life_switched_off_is_switched_on():
    async with Rig() as rig:
        rig.fake.function = 0
        await rig.up()
        assert rig.fake.function == 1


async def test_registration_urc_ends_the_search_at_once():
    async with Rig(search_s=60) as rig:
        module._POLL_MS = 60000
        rig.fake.answers[b"AT+CEREG?"] = SEARCHING
        task = asyncio.create_task(rig.link.up())
        await until(lambda: rig.link.state == "searching")
        await asyncio.sleep_ms(50)
        rig.fake.answers[b"AT+CEREG?"] = GRANTED
        rig.fake.say(b'\r\n+CEREG: 1,"0001","0000ABCD",9,,,"00000011","01001010"\r\n')
        await task


async def test_refusal_names_its_cause_and_the_next_attempt_is_a_real_one():
    causes = ((8, True, "EPS and non-EPS"), (15, False, "no suitable cells"), (99, False, "24.301"))
    for cause, permanent, name in causes:
        async with Rig() as rig:
            rig.fake.answers[b"AT+CEREG?"] = DENIED % cause
            e = await fails(errors.RegistrationDenied, rig.link.up())
            assert e.cause == cause and e.permanent == permanent and name in str(e) and str(cause) in str(e), e
            assert ("operator" if permanent else "later") in str(e)
            await rig.link.release()
            assert rig.fake.asked(b"AT+CFUN=0") == 0
            # The modem still reports the old refusal: only a restart of its radio makes it ask the network again.
            rig.fake.answers[b"AT+CFUN=0"] = OK

            def on(line):
                rig.fake.answers[b"AT+CEREG?"] = GRANTED
                return OK

            rig.fake.answers[b"AT+CFUN=1"] = on
            await rig.up()
            assert rig.fake.asked(b"AT+CFUN=0") == 1 and rig.fake.boots == 0


async def test_cause_that_comes_after_the_refusal_is_waited_for():
    async with Rig() as rig:
        module._SETTLE_DENIED_MS = 5000
        rig.fake.answers[b"AT+CEREG?"] = lines(b"+CEREG: 5,3")
        task = asyncio.create_task(fails(errors.RegistrationDenied, rig.link.up()))
        await until(lambda: rig.fake.asked(b"AT+CEREG?"))
        await asyncio.sleep_ms(20)
        rig.fake.answers[b"AT+CEREG?"] = DENIED % 11
        rig.fake.say(b'\r\n+CEREG: 3,"0001","0000ABCD",9,0,11\r\n')
        assert (await task).cause == 11


async def test_hung_modem_is_reset_once_counted_and_spaced():
    async with Rig() as rig:
        await rig.up()
        await rig.link.release()
        rig.fake.on = False
        await rig.up()
        assert rig.fake.reset.pulses == 1 and rig.link.state == AWAKE
        await rig.link.release()
        assert Link(rig.modem, rig.config)._recovery.resets == 1  # kept on flash
        rig.modem.on_reset = rig.link._modem_reset
        rig.modem.on_urc = rig.link._urc
        rig.fake.on = False
        await fails(errors.ModemSilent, rig.link.up())
        assert rig.fake.reset.pulses == 1  # not again within the hour


async def test_modem_that_neither_a_reset_nor_its_key_bring_back():
    async with Rig() as rig:
        rig.fake.on = False
        rig.fake._started = lambda: None
        rig.fake.power._released = rig.fake.reset._released = lambda: None
        e = await fails(errors.ModemSilent, rig.link.up())
        assert "wiring" in str(e)
        assert rig.fake.reset.pulses == 1 and rig.fake.power.pulses == 2 and rig.link.state == OFF
        await fails(errors.ModemSilent, rig.link.up())
        assert rig.fake.reset.pulses == 1 and rig.fake.power.pulses == 3  # the key is no reset: it is always tried


async def test_modem_that_answers_nonsense_is_reset():
    async with Rig() as rig:
        rig.fake.answers[b"AT+CEREG?"] = lambda line: GRANTED if rig.fake.boots else lines(b"+CEREG: x")
        await rig.up()
        assert rig.fake.reset.pulses == 1


def restart(fake):
    fake.boots += 1
    fake.say(b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n")


async def test_restart_of_the_modem_while_it_sleeps_brings_it_back_to_its_timers():
    async with Rig() as rig:
        await rig.up()
        await rig.link.release()
        before = len(rig.fake.commands)
        restart(rig.fake)
        await until(lambda: rig.link.resets_seen == 1 and rig.link.state == RELEASED)
        assert rig.fake.commands[-1] == b"AT+QSCLK=1"
        again = rig.fake.commands[before:]
        assert b"AT+CEREG=5" in again and b"AT+CPSMS?" in again and b"AT+CEREG?" in again


async def test_restart_of_the_modem_in_a_session():
    async with Rig() as rig:
        await rig.up()
        rig.fake.answers[b'AT+QIOPEN=0,0,"UDP","192.0.2.1",5683,0,1'] = [OK, b"\r\n+QIOPEN: 0,0\r\n"]
        sock = await rig.link.udp("192.0.2.1", 5683)
        waiting = asyncio.create_task(fails(errors.ModemReset, sock.recv_into(bytearray(10), 60000)))
        await asyncio.sleep_ms(10)
        restart(rig.fake)
        await waiting
        await fails(errors.ModemReset, sock.send(b"x"))
        await sock.close()
        assert rig.fake.asked(b"AT+QICLOSE=0") == 0  # it is gone already
        await rig.link.release()
        await rig.up()
        assert rig.link.resets_seen == 1


async def test_restart_of_the_modem_while_it_searches_or_is_set_up():
    for command in (b"AT+CPIN?", b"AT+CEREG=5", b"AT+CEREG?"):
        async with Rig() as rig:
            normal = rig.fake.answers[command]

            def once(line):
                rig.fake.answers[command] = normal
                restart(rig.fake)
                return b""

            rig.fake.answers[command] = once
            await rig.up()
            assert rig.fake.boots == 1 and rig.fake.reset.pulses == 0, command


async def test_restart_of_the_modem_while_it_is_released():
    for command in (b"AT+QNBIOTRAI=1", b"AT+QSCLK=1"):
        async with Rig() as rig:
            await rig.up()
            rig.link.power.rrc(True)

            def once(line):
                rig.fake.answers[command] = OK
                restart(rig.fake)
                return b""

            rig.fake.answers[command] = once
            await rig.link.release()
            await until(lambda: rig.link._ready and rig.link.state == RELEASED)
            assert rig.fake.commands[-1] == b"AT+QSCLK=1"


async def test_modem_that_does_not_let_itself_be_released_is_set_up_anew():
    async with Rig() as rig:
        await rig.up()
        silent = []

        def once(line):
            silent.append(line)
            if len(silent) > 2:
                rig.fake.answers[b"AT+QSCLK=1"] = OK
            return b""

        rig.fake.answers[b"AT+QSCLK=1"] = once
        await rig.link.release()
        await until(lambda: rig.link._ready)


async def test_keeping_up_a_dead_modem_is_given_up_until_something_happens():
    async with Rig() as rig:
        await rig.up()
        await rig.link.release()
        restart(rig.fake)
        rig.fake.on = False
        rig.fake.power._released = rig.fake.reset._released = lambda: None
        tries = []
        real = rig.link._keep

        async def counted():
            tries.append(1)
            await real()

        rig.link._keep = counted
        await until(lambda: len(tries) == 3, 20000)
        await asyncio.sleep_ms(600)
        assert len(tries) == 3, len(tries)


async def test_cancelled_bring_up_is_taken_up_by_the_next():
    async with Rig() as rig:
        task = asyncio.create_task(rig.link.up())
        for command in (b"ATI", b"AT+CPIN?", b"AT+CEREG=5"):
            await until(lambda: rig.fake.asked(command))
            task.cancel()
            await asyncio.sleep_ms(1)
            task = asyncio.create_task(rig.link.up(True))
        await task
        assert rig.link.state == AWAKE and rig.fake.reset.pulses == 0


async def test_apn_comes_before_the_pin_which_a_restart_asks_for_again():
    async with Rig(apn="other", pin="1234") as rig:
        from test_bringup import locked

        rig.fake.answers[b'AT+QCGDEFCONT="IP","other"'] = OK
        tried = locked(rig.fake)
        await rig.up()
        assert rig.fake.boots == 1 and len(tried) == 1
        order = rig.fake.commands
        assert order.index(b"AT+QRST=1") < order.index(b'AT+CPIN="1234"')
        assert rig.link.resets_seen == 0


async def test_timer_without_a_code_is_refused_before_anything_runs():
    try:
        Link(FakeModem(), dict(CONFIG, t3324_s=20000, folder="."))
    except ValueError as e:
        assert "T3324" in str(e)
        return
    raise AssertionError("taken")


async def test_nothing_runs_while_the_modem_sleeps():
    async with Rig() as rig:
        await rig.up()
        await rig.link.release()
        rig.fake.say(b'\r\n+CSCON: 0\r\n\r\n+QNBIOTEVENT: "ENTER PSM"\r\n')
        await until(lambda: rig.link.power.asleep)
        calls = []
        real = core._io_queue.wait_io_event

        def counting(dt):
            calls.append(dt)
            real(dt)

        core._io_queue.wait_io_event = counting
        await asyncio.sleep_ms(5)
        calls.clear()
        await asyncio.sleep_ms(300)
        assert len(calls) <= 2, calls
