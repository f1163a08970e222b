import asyncio

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
    _, ch, _ = make({b"AT+A": b"\r\nERROR\r\n", b"AT+B": b"\r\n+CME ERROR: 10\r\n", b"AT+C": b"\r\n+CME ERROR: SIM busy\r\n"})
    assert (await fails(ATError, ch.cmd(b"AT+A"))).code is None
    assert (await fails(ATError, ch.cmd(b"AT+B"))).code == 10
    assert "SIM busy" in str(await fails(ATError, ch.cmd(b"AT+C")))


async def test_late_answer_is_never_taken_by_the_next_command():
    uart, ch, _ = make({b"AT": OK, b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    await fails(ModemSilent, ch.cmd(b"AT+CGATT?", b"+CGATT", 30))
    uart.say(b"\r\n+CGATT: 1\r\n\r\nERROR\r\n")
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"


async def test_answer_that_comes_after_the_resync_began():
    uart, ch, _ = make({b"AT": b"\r\n+CGATT: 1\r\n\r\nERROR\r\n" + OK, b"AT+CSQ": b"\r\n+CSQ: 9,0\r\n\r\nOK\r\n"})
    await fails(ModemSilent, ch.cmd(b"AT+CGATT?", b"+CGATT", 30))
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"9,0"


async def test_cancelled_command_leaves_no_answer_behind():
    uart, ch, _ = make({b"AT": OK, b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    task = asyncio.create_task(ch.cmd(b"AT+COPS?", b"+COPS", 5000))
    await asyncio.sleep_ms(10)
    task.cancel()
    await asyncio.sleep_ms(0)
    uart.say(b"\r\n+COPS: 0\r\n\r\nERROR\r\n")
    assert await ch.cmd(b"AT+CSQ", b"+CSQ") == b"11,0"


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


async def test_a_failing_urc_handler_does_not_stop_the_reader():
    uart, ch, _ = make({b"AT": OK})

    def bad(line):
        raise ValueError("boom")

    ch.on_urc = bad
    uart.say(b"\r\n+CSCON: 1\r\n")
    await asyncio.sleep_ms(10)
    assert await ch.cmd(b"AT") is None


async def test_poke_returns_as_soon_as_anything_comes():
    uart, ch, _ = make({b"AT": b"\r\n"})
    assert await ch.poke(1000)
    uart.answers = {}
    assert not await ch.poke(40)


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


async def test_black_box_wraps():
    _, ch, _ = make({b"AT+CSQ": b"\r\n+CSQ: 11,0\r\n\r\nOK\r\n"})
    for _ in range(200):
        await ch.cmd(b"AT+CSQ", b"+CSQ")
    box = ch.black_box()
    assert box.endswith("+CSQ: 11,0\nOK") and 600 < len(box) <= 1280, (len(box), box[-30:])
