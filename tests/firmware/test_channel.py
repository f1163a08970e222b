"""The AT channel against a scripted UART: who gets which line, and what a command that was given up leaves behind."""

import asyncio
from asyncio import core
from time import ticks_diff, ticks_ms

from cellular.at.channel import Channel
from cellular.at.fields import is_read_answer
from cellular.errors import ATError, ModemReset, ModemSilent, PromptMissing
from fake_uart import FakeUart

OK = b"\r\nOK\r\n"


def make(answers):
    uart = FakeUart(answers)
    urcs = []
    ch = Channel(uart, urcs.append)
    ch.urcs = (b"+CEREG:", b"+CSCON:", b"+QIURC:", b"SEND ")
    ch.banners = (b"RDY",)
    ch.ambiguous = {b"+CEREG": is_read_answer}
    ch.start()
    return uart, ch, urcs


async def fails(kind, awaitable):
    try:
        got = await awaitable
    except kind as e:
        return e
    raise AssertionError("no %s, but %r" % (kind.__name__, got))


async def test_answer_with_prefix():
    uart, ch, urcs = make({b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"
    assert urcs == []


async def test_spaces_around_the_colon_differ_by_module():
    for text in (b"+CFUN:1", b"+CFUN: 1", b"+CFUN : 1"):
        _, ch, _ = make({b"AT+CFUN?": b"\r\n" + text + b"\r\n\r\nOK\r\n"})
        assert await ch.cmd(b"AT+CFUN?", b"+CFUN") == b"1"


async def test_lines_without_prefix():
    _, ch, _ = make({b"ATI": b"\r\nQuectel_Ltd\r\nQuectel_BC660K-GL\r\nRevision: BC660KGLAAR01A05\r\n\r\nOK\r\n"})
    assert await ch.cmd(b"ATI", b"") == b"Revision: BC660KGLAAR01A05"
    assert ch.lines == [b"Quectel_Ltd", b"Quectel_BC660K-GL", b"Revision: BC660KGLAAR01A05"]


async def test_urc_at_every_position():
    urc = b"\r\n+CSCON: 1\r\n"
    for answer in (
        urc + b"AT+CEREG?\r\r\n+CEREG: 5,1\r\n\r\nOK\r\n",
        b"AT+CE" + urc + b"REG?\r\r\n+CEREG: 5,1\r\n\r\nOK\r\n",
        b"AT+CEREG?\r" + urc + b"\r\n+CEREG: 5,1\r\n\r\nOK\r\n",
        b"AT+CEREG?\r\r\n+CEREG: 5,1\r\n" + urc + b"\r\nOK\r\n",
        b"AT+CEREG?\r\r\n+CEREG: 5,1\r\n\r\nOK\r\n" + urc,
    ):
        _, ch, urcs = make({b"AT+CEREG?": answer})
        assert await ch.cmd(b"AT+CEREG?", b"+CEREG") == b"5,1", answer
        await asyncio.sleep_ms(5)
        assert urcs == [b"+CSCON: 1"], (answer, urcs)


async def test_urc_with_the_prefix_of_the_answer():
    _, ch, urcs = make({b"AT+CEREG?": b'\r\n+CEREG: 2\r\n\r\n+CEREG: 5,1,"0001"\r\n\r\n+CEREG: 1,"0001"\r\n\r\nOK\r\n'})
    assert await ch.cmd(b"AT+CEREG?", b"+CEREG") == b'5,1,"0001"'
    assert urcs == [b"+CEREG: 2", b'+CEREG: 1,"0001"']


async def test_silent_modem_ends_at_the_deadline():
    _, ch, _ = make({})
    e = await fails(ModemSilent, ch.cmd(b"AT+CSQ", b"+CSQ", 50))
    assert "AT+CSQ" in str(e) and "50 ms" in str(e)


async def test_error_codes():
    _, ch, _ = make(
        {
            b"AT+A": b"\r\nERROR\r\n",
            b"AT+B": b"\r\n+CME ERROR: 10\r\n",
            b"AT+C": b"\r\n+CME ERROR: SIM busy\r\n",
            b"AT+D": b"\r\n+CME ERROR: \xff\xfe\r\n",
        }
    )
    assert (await fails(ATError, ch.cmd(b"AT+A"))).code is None
    assert (await fails(ATError, ch.cmd(b"AT+B"))).code == 10
    assert "SIM busy" in str(await fails(ATError, ch.cmd(b"AT+C")))
    assert ".." in str(await fails(ATError, ch.cmd(b"AT+D")))  # damaged, and no reason for the reader to end
    assert (await fails(ATError, ch.cmd(b"AT+B"))).code == 10


async def test_late_answer_is_never_taken_by_the_next_command():
    uart, ch, _ = make({b"AT": OK, b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    await fails(ModemSilent, ch.cmd(b"AT+CGATT?", b"+CGATT", 30))
    uart.say(b"\r\n+CGATT: 1\r\n\r\nERROR\r\n")
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"


async def test_answer_that_comes_after_the_resync_began():
    uart, ch, _ = make({b"AT": b"\r\n+CGATT: 1\r\n\r\nERROR\r\n" + OK, b"AT+CSQ": b"\r\n+CSQ: 9,0\r\n\r\nOK\r\n"})
    await fails(ModemSilent, ch.cmd(b"AT+CGATT?", b"+CGATT", 30))
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"9,0"


class LateUart(FakeUart):
    """One command after the other, each answered `ms` after the one before."""

    def __init__(self, ms, answers):
        super().__init__()
        self.ms = ms
        self.table = answers
        self.waiting = []
        for line in answers:
            self.answers[line] = self.take

    def take(self, line):
        self.waiting.append(line)
        if len(self.waiting) == 1:
            asyncio.create_task(self.work())

    async def work(self):
        while self.waiting:
            await asyncio.sleep_ms(self.ms)
            self.say(self.table[self.waiting[0]])
            self.waiting.pop(0)


async def test_a_modem_that_is_late_with_every_answer_gets_none_of_them_mixed_up():
    for ms in (5, 60, 150, 420):
        uart, ch, _ = make({})
        ch.stop()
        uart = LateUart(ms, {b"AT": OK, b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n" + OK, b"ATE0": OK})
        ch = Channel(uart)
        ch.start()
        assert await ch.poke(1000, 40), ms
        await ch.sync()
        assert uart.waiting == [], ms
        assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0" and ch.unknown <= 10, ms
        await fails(ModemSilent, ch.cmd(b"ATE0", None, 2))
        assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0", ms
        ch.stop()


async def test_what_deep_sleep_has_swallowed_is_not_waited_for():
    uart, ch, _ = make({})
    poke = asyncio.create_task(ch.poke(3000, 100))
    await asyncio.sleep_ms(1500)
    uart.say(b"\r\n")
    assert await poke
    uart.answers[b"AT"] = OK
    began = ticks_ms()
    await ch.sync()
    assert ticks_diff(ticks_ms(), began) < 1000  # and not the 1.5 s that an answer would have taken


async def test_a_line_too_long_is_cut_for_those_who_can_use_its_beginning():
    uart, ch, urcs = make({b"AT": OK})
    cut = []
    ch.on_cut = cut.append
    line = b'+QIURC: "recv",0,900,"' + b"41" * 900 + b'"'
    for start in range(0, len(line), 100):
        uart.say(line[start : start + 100])
    uart.say(b"\r\n+OTHER: " + b"x" * 2000 + b"\r\n")
    assert await ch.cmd(b"AT") is None
    assert cut == [line[: 1344 - 64]] and urcs == [] and ch.parser.overflows == 2


async def test_a_result_too_many_is_followed_by_a_resync():
    uart, ch, _ = make({b"AT": OK, b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n" + OK})
    uart.say(OK)
    await asyncio.sleep_ms(5)
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"
    assert uart.written() == b"AT\rAT+CSQ\r"


async def test_cancelled_command_leaves_no_answer_behind():
    uart, ch, _ = make({b"AT": OK, b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    task = asyncio.create_task(ch.cmd(b"AT+COPS?", b"+COPS", 5000))
    await asyncio.sleep_ms(10)
    task.cancel()
    await asyncio.sleep_ms(0)
    uart.say(b"\r\n+COPS: 0\r\n\r\nERROR\r\n")
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"


async def test_late_result_line_is_not_taken_by_the_next_command():
    def second(line):
        asyncio.create_task(say_later(uart, 700, b"\r\nSEND OK\r\n"))
        return OK

    uart, ch, urcs = make({b"AT": OK, b"AT+S": OK, b"AT+T": second})
    task = asyncio.create_task(ch.cmd(b"AT+S", then=b"SEND ", then_ms=60000))
    await asyncio.sleep_ms(20)
    task.cancel()
    asyncio.create_task(say_later(uart, 300, b"\r\nSEND FAIL\r\n"))
    assert await ch.cmd(b"AT+T", then=b"SEND ", then_ms=5000) == b"SEND OK"
    assert urcs == []


async def test_result_line_that_is_owed_is_not_waited_for_for_ever():
    uart, ch, _ = make({b"AT": OK, b"AT+S": OK})
    task = asyncio.create_task(ch.cmd(b"AT+S", then=b"SEND ", then_ms=60000))
    await asyncio.sleep_ms(20)
    task.cancel()
    assert await ch.cmd(b"AT") is None


async def test_a_modem_that_never_stops_talking_does_not_hold_the_next_command():
    uart, ch, _ = make({b"AT": OK})
    await fails(ModemSilent, ch.cmd(b"AT+CGATT?", b"+CGATT", 30))

    async def chatter():
        while True:
            uart.say(b"\r\n+CSCON: 1\r\n")
            await asyncio.sleep_ms(30)

    task = asyncio.create_task(chatter())
    assert await ch.cmd(b"AT") is None
    task.cancel()


async def test_cancellation_is_not_lost_when_the_answer_comes_in_the_same_moment():
    uart, ch, _ = make({b"AT": OK})
    for _ in range(3):
        went_on = []

        async def work():
            await ch.cmd(b"AT+CSQ", b"+CSQ")
            went_on.append(1)
            await asyncio.sleep_ms(10000)

        task = asyncio.create_task(work())
        await asyncio.sleep_ms(5)
        task.cancel()
        ch._wake()  # what the reader does when an answer is complete
        try:
            await asyncio.wait_for_ms(task, 1000)
        except asyncio.CancelledError:
            pass
        assert task.done() and went_on == []


async def test_a_busy_task_does_not_starve_another():
    _, ch, _ = make({b"AT+A": OK, b"AT+B": OK})
    done = []

    async def busy():
        for _ in range(50):
            await ch.cmd(b"AT+A")
            done.append("a")

    task = asyncio.create_task(busy())
    await asyncio.sleep_ms(0)
    await ch.cmd(b"AT+B")
    assert len(done) <= 3, len(done)
    await task


async def test_poke_waits_for_its_turn():
    uart, ch, _ = make({b"AT": OK})
    command = asyncio.create_task(ch.cmd(b"AT+COPS?", b"+COPS"))
    await asyncio.sleep_ms(5)
    poke = asyncio.create_task(ch.poke(1000, 300))
    await asyncio.sleep_ms(30)
    assert uart.written() == b"AT+COPS?\r"
    uart.say(b"\r\n+COPS: 0\r\n\r\nOK\r\n")
    assert await command == b"0" and await poke


async def test_two_tasks_take_turns():
    def slow(line):
        return b"\r\n" + line[2:] + b": 1\r\n\r\nOK\r\n"

    _, ch, _ = make({b"AT+A": slow, b"AT+B": slow})
    got = await asyncio.gather(ch.cmd(b"AT+A", b"+A"), ch.cmd(b"AT+B", b"+B"), ch.cmd(b"AT+A", b"+A"))
    assert got == [b"1", b"1", b"1"]


async def test_result_line_after_ok():
    _, ch, _ = make({b"AT+S": [OK, b"\r\nSEND OK\r\n"], b"AT+T": b"\r\nSEND FAIL\r\n" + OK})
    assert await ch.cmd(b"AT+S", then=b"SEND ", then_ms=500) == b"SEND OK"
    assert await ch.cmd(b"AT+T", then=b"SEND ", then_ms=500) == b"SEND FAIL"


async def test_result_line_that_never_comes():
    _, ch, _ = make({b"AT+S": OK})
    await fails(ModemSilent, ch.cmd(b"AT+S", then=b"SEND ", then_ms=40))


async def test_prompt_and_payload_with_protocol_words_inside():
    payload = b"OK\r\nERROR\r\n>\x00\xff"
    uart, ch, _ = make({b"AT+QISEND=0,13": b"\r\n>"})

    async def answer():
        while payload not in b"".join(uart.sent):
            await asyncio.sleep_ms(1)
        uart.say(OK + b"\r\nSEND OK\r\n")

    asyncio.create_task(answer())
    assert await ch.cmd(b"AT+QISEND=0,13", data=payload, then=b"SEND ", then_ms=500) == b"SEND OK"
    assert uart.sent[-1] == payload


async def test_payload_by_length_from_the_modem_with_protocol_words_inside():
    payload = b"OK\r\nERROR\r\n> +CSCON: 1\r\n\x00\xff"
    told = []
    read = b"\r\n+QIRD: %d\r\n" % len(payload) + payload + b"\r\n\r\nOK\r\n"
    pushed = b'\r\n+QMTRECV: 0,1,"t",%d,"' % len(payload) + payload + b'"\r\n'
    for size in (1, 5, 200):
        uart, ch, urcs = make({b"AT+QIRD=0,512": [read[i : i + size] for i in range(0, len(read), size)]})
        ch.payloads = ((b"+QIRD:", 0),)
        ch.parser.headers = ((b"+QMTRECV: ", 4, True),)
        ch.on_payload = lambda line, data: told.append((line, data))
        assert await ch.cmd(b"AT+QIRD=0,512", b"+QIRD") == b"%d" % len(payload)
        assert ch.payload == payload and urcs == [] and told == [], (ch.payload, urcs)
        for i in range(0, len(pushed), size):
            uart.say(pushed[i : i + size])
        await until(lambda: told)
        await asyncio.sleep_ms(5)
        assert told == [(b'+QMTRECV: 0,1,"t",%d,"' % len(payload), payload)] and urcs == [], told
        told.clear()


async def until(condition, ms=2000):
    for _ in range(ms):
        if condition():
            return
        await asyncio.sleep_ms(1)
    raise AssertionError("condition did not come true")


async def test_a_length_that_cannot_be_true_does_not_deafen_the_channel():
    uart, ch, urcs = make({b"AT": OK})
    ch.payloads = ((b"+QIRD:", 0),)
    uart.say(b"\r\n+QIRD: 2000000000\r\n")
    ch.parser.headers = ((b"+QMTRECV: ", 4, True),)
    uart.say(b'\r\n+QMTRECV: 0,1,"t",99999999,"\r\n')
    assert await ch.cmd(b"AT") is None


async def test_payload_whose_rest_never_comes_ends_with_the_next_command():
    uart, ch, _ = make({b"AT": OK})
    ch.payloads = ((b"+QIRD:", 0),)
    uart.say(b"\r\n+QIRD: 4000\r\nhalf")
    await asyncio.sleep_ms(5)
    await fails(ModemSilent, ch.cmd(b"AT", timeout_ms=30))  # its OK is taken for payload
    assert await ch.cmd(b"AT") is None


async def test_a_line_that_stands_for_ok():
    uart, ch, _ = make({b"AT+QISEND=0,2": b"\r\n> ", b"AT+CIFSR": b"\r\n10.76.1.35\r\n", b"AT": OK})
    ch.urcs = (b"+CSCON:",)
    ch.finals = (b"SEND ",)
    for final in (b"SEND OK", b"SEND FAIL"):
        asyncio.create_task(say_later(uart, 60, b"\r\n" + final + b"\r\n"))
        assert await ch.cmd(b"AT+QISEND=0,2", data=b"hi") is None
        assert ch.final_line == final
    assert await ch.cmd(b"AT+CIFSR", done=b"") == b"10.76.1.35"
    assert await ch.cmd(b"AT") is None  # nothing is owed


async def test_prompts_of_other_dialects():
    uart, ch, _ = make({b"AT+USOWR=0,2": b"\r\n@", b'AT+QFUPL="a",2': b"\r\nCONNECT\r\n"})
    ch.prompts = (b"@",)
    asyncio.create_task(say_later(uart, 60, b"\r\n+USOWR: 0,2\r\n" + OK))
    assert await ch.cmd(b"AT+USOWR=0,2", b"+USOWR", data=b"hi") == b"0,2"
    ch.prompts = (b"CONNECT",)
    asyncio.create_task(say_later(uart, 60, b"\r\n+QFUPL: 2,0\r\n" + OK))
    assert await ch.cmd(b'AT+QFUPL="a",2', b"+QFUPL", data=b"hi") == b"2,0"


async def test_ok_in_front_of_the_prompt_is_not_the_end():
    uart, ch, _ = make({b"AT+P": [OK, b"\r\n> "]})
    asyncio.create_task(say_later(uart, 60, OK))
    assert await ch.cmd(b"AT+P", data=b"x", end=b"\x1a") is None
    assert uart.sent[-2:] == [b"x", b"\x1a"]


async def say_later(uart, ms, data):
    await asyncio.sleep_ms(ms)
    uart.say(data)


async def test_prompt_that_never_comes():
    uart, ch, _ = make({b"AT": OK})
    e = await fails(PromptMissing, ch.cmd(b"AT+QISEND=0,5", timeout_ms=40, data=b"hello"))
    assert uart.sent[-1] == b"\x1b" and b"hello" not in uart.sent
    assert "AT+QISEND=" in str(e) and "0,5" not in str(e)
    assert await ch.cmd(b"AT") is None


class DataModeUart(FakeUart):
    """A modem that prompts for AT+QISEND=0,<length>, then takes that many bytes; `esc`: ESC ends it, else it counts."""

    def __init__(self, esc, prompt=b"\r\n> "):
        super().__init__({b"AT": OK, b"AT+QISEND=0,40": prompt})
        self.esc = esc
        self.wants = 0
        self.payloads = []
        self._got = b""

    def write(self, data):
        for byte in bytes(data):
            if not self.wants:
                super().write(bytes((byte,)))
                if self._line == b"" and self.reads and self.reads[-1].endswith(b"> "):
                    self.wants = 40
                    self._got = b""
                continue
            self._got += bytes((byte,))
            if byte == 27 and self.esc:
                self.wants = 0
                self.say(OK)
            elif len(self._got) == self.wants:
                self.wants = 0
                self.payloads.append(self._got)
                self.say(OK + b"\r\nSEND OK\r\n")
        return len(data)


async def data_mode(esc, cancel):
    uart = DataModeUart(esc)
    ch = Channel(uart)
    ch.prompt_gap_ms = 60
    ch.start()
    task = asyncio.create_task(ch.cmd(b"AT+QISEND=0,40", data=b"x" * 40, then=b"SEND ", then_ms=500))
    if cancel:
        await until(lambda: uart.wants)
        await asyncio.sleep_ms(5)
        task.cancel()
    try:
        got = await task
    except asyncio.CancelledError:
        got = None
    return uart, ch, got


async def test_cancelled_between_prompt_and_payload_the_modem_does_not_stay_in_data_mode():
    uart, ch, got = await data_mode(True, False)
    assert got == b"SEND OK" and uart.payloads == [b"x" * 40]
    for esc in (True, False):
        uart, ch, got = await data_mode(esc, True)
        assert got is None and await ch.cmd(b"AT") is None and not uart.wants
        assert b"x" not in uart.written()
        assert await ch.cmd(b"AT+QISEND=0,40", data=b"y" * 40, then=b"SEND ", then_ms=500) == b"SEND OK"
        assert uart.payloads[-1] == b"y" * 40


async def test_prompt_that_comes_too_late_does_not_swallow_the_next_command():
    uart = DataModeUart(True, b"")
    ch = Channel(uart)
    ch.start()
    await fails(PromptMissing, ch.cmd(b"AT+QISEND=0,40", timeout_ms=30, data=b"x" * 40))
    uart.wants = 40
    uart.say(b"\r\n> ")
    assert await ch.cmd(b"AT") is None
    assert uart.payloads == []


async def test_reset_between_prompt_and_payload_keeps_the_payload_from_the_command_line():
    uart, ch, _ = make({b"AT+QISEND=0,8": b"\r\n> "})
    ch.prompt_gap_ms = 100
    asyncio.create_task(say_later(uart, 30, b"\r\nRDY\r\n"))
    await fails(ModemReset, ch.cmd(b"AT+QISEND=0,8", data=b"\rATZ\rATZ"))
    await asyncio.sleep_ms(150)
    assert b"ATZ" not in uart.written()


async def test_small_driver_buffer_cuts_no_command():
    uart, ch, _ = make({b"AT+QISEND=0,64," + b"41" * 64: OK, b"AT+P": b"\r\n>"})
    uart.takes = 16
    await ch.cmd(b"AT+QISEND=0,64," + b"41" * 64)
    asyncio.create_task(say_later(uart, 200, OK))
    await ch.cmd(b"AT+P", data=b"0123456789" * 9)
    assert uart.written().endswith(b"0123456789" * 9)


async def test_line_that_is_stuck_ends_at_the_deadline():
    uart, ch, _ = make({b"AT": OK})
    uart.takes = 0
    await fails(ModemSilent, ch.cmd(b"AT+CSQ", b"+CSQ", 50))
    uart.takes = None
    assert await ch.cmd(b"AT") is None


async def test_refused_instead_of_prompt():
    uart, ch, _ = make({b"AT+QISEND=0,5": b"\r\nERROR\r\n"})
    await fails(ATError, ch.cmd(b"AT+QISEND=0,5", data=b"hello"))
    assert b"hello" not in uart.sent


async def test_reset_banner_in_the_middle_of_a_command():
    uart, ch, urcs = make({b"AT": OK})
    resets = []
    ch.on_reset = lambda: resets.append(1)
    asyncio.create_task(say_later(uart, 20, b"\r\n+CSQ: 1\r\n\x00\x00\r\nRDY\r\n\r\n+CFUN: 1\r\n"))
    await fails(ModemReset, ch.cmd(b"AT+CSQ", b"+CSQ", 5000))
    assert resets == [1]
    assert await ch.cmd(b"AT") is None


async def test_an_ok_behind_the_banner_does_not_belong_to_the_command():
    _, ch, _ = make({b"AT+A": b"\r\nRDY\r\n\r\nOK\r\n", b"AT+B": b"\r\nOK\r\n\r\nRDY\r\n"})
    await fails(ModemReset, ch.cmd(b"AT+A"))
    assert await ch.cmd(b"AT+B") is None  # here it does


async def test_reset_banner_when_idle():
    uart, ch, _ = make({})
    resets = []
    ch.on_reset = lambda: resets.append(1)
    uart.say(b"\r\nRDY\r\n")
    await asyncio.sleep_ms(20)
    assert resets == [1]


async def test_garbage_and_single_bytes():
    text = b"\x00\xfe\xff\r\n+CSQ: 11,0\r\n\r\nOK\r\n"
    _, ch, _ = make({b"AT+CSQ": [text[i : i + 1] for i in range(len(text))]})
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"


async def test_failing_handlers_do_not_stop_the_reader():
    uart, ch, _ = make({b"AT": OK})

    calls = []

    def bad(*args):
        calls.append(bytes(args[0]) if args else None)
        raise ValueError("boom")

    ch.on_urc = ch.on_reset = ch.on_payload = bad
    ch.payloads = ((b"+QIRD:", 0),)
    uart.say(b"\r\n+CSCON: 1\r\n\r\nRDY\r\n\r\n+QIRD: 3\r\nabc")
    await until(lambda: len(calls) == 3)
    assert calls == [b"+CSCON: 1", None, b"+QIRD: 3"], calls
    assert await ch.cmd(b"AT") is None


async def test_the_reader_survives_a_heap_that_is_full_and_a_port_that_fails():
    uart, ch, _ = make({b"AT": OK, b"AT+CSQ": [b"\r\n+CSQ: 1", b"", b"1,0\r\n\r\nOK\r\n"]})
    real = uart.readinto

    def out_of_memory(buf):
        uart.readinto = real
        real(buf)
        raise MemoryError("none left")

    uart.readinto = out_of_memory
    uart.say(b"\r\n+CSCON: 1\r\n")
    await until(lambda: uart.readinto == real)
    assert await ch.cmd(b"AT") is None

    def port_fails(buf):
        n = real(buf)
        if n == 0:
            raise OSError(5)
        return n

    uart.readinto = port_fails
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"  # half a line is kept


async def test_endless_answer_does_not_fill_the_heap():
    _, ch, _ = make({b"ATI": b"\r\nquack\r\n" * 200 + OK, b"AT": OK})
    assert await ch.cmd(b"ATI", b"") == b"quack"
    assert len(ch.lines) == 32 and ch.unknown == 168


async def test_line_too_long_is_counted_and_the_next_is_read():
    uart, ch, _ = make({b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    uart.say(b"+" + b"x" * 3000)
    uart.say(b"\r\n")
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"
    assert ch.parser.overflows == 1


async def test_poke_returns_as_soon_as_anything_comes():
    uart, ch, _ = make({b"AT": b"\r\n"})
    assert await ch.poke(200000, 100000)  # longer than a test may take
    uart.answers = {}
    assert not await ch.poke(40, 20)


async def test_poke_writes_a_second_at_for_a_light_sleeper():
    uart, ch, _ = make({})
    heard = []

    def light_sleep(line):
        heard.append(line)
        return OK if len(heard) > 1 else b""

    uart.answers = {b"AT": light_sleep}
    assert await ch.poke(10000, 20)
    assert len(heard) == 2
    await ch.sync()
    assert await ch.cmd(b"AT") is None


async def test_nothing_runs_while_nothing_happens():
    make({})
    calls = []
    queue = core._io_queue
    real = queue.wait_io_event

    def counting(dt):
        calls.append(dt)
        real(dt)

    queue.wait_io_event = counting
    await asyncio.sleep_ms(5)
    calls.clear()
    await asyncio.sleep_ms(300)
    assert len(calls) <= 2, calls


async def test_black_box_holds_traffic_but_no_parameters():
    secret = b"4711"
    command = b'AT+CPIN="' + secret + b'"'
    _, ch, _ = make({command: command + b"\r" + OK, b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    await ch.cmd(command)
    await ch.cmd(b"AT+CSQ", b"+CSQ")
    box = ch.black_box()
    assert ">AT+CPIN=" in box and "+CSQ: 11,0" in box, box
    assert "4711" not in box, box
    e = await fails(ModemSilent, ch.cmd(b'AT+CPIN="9999"', timeout_ms=20))
    assert "9999" not in str(e)
    split = b'AT+CPI\r\n+CSCON: 1\r\nN="4711"\r' + OK  # a URC in the middle of the echo
    _, ch, urcs = make({command: split})
    await ch.cmd(command)
    assert "4711" not in ch.black_box() and urcs == [b"+CSCON: 1"], ch.black_box()


async def test_black_box_wraps():
    _, ch, _ = make({b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    for _ in range(200):
        await ch.cmd(b"AT+CSQ", b"+CSQ")
    box = ch.black_box()
    assert box.endswith("+CSQ: 11,0\nOK") and 600 < len(box) <= 1344, (len(box), box[-30:])
