"""UDP sockets of the modem: what becomes of datagrams, numbers and errors."""

import asyncio

from cellular.errors import ModemReset, SocketError, UnexpectedAnswer
from cellular.modem import Modem
from fake_modem import ERROR, OK, FakeModem, fails, until

OPEN = b'AT+QIOPEN=0,0,"UDP","192.0.2.1",5683,0,1'
OPENED = [OK, b"\r\n+QIOPEN: 0,0\r\n"]


async def opened(**answers):
    fake = FakeModem()
    modem = Modem(fake)
    await modem.start()
    fake.answers[OPEN] = OPENED
    fake.answers.update(answers)
    return fake, modem, await modem.udp_open("192.0.2.1", 5683)


def push(fake, hexdata, length=None, sid=0):
    fake.say(b'\r\n+QIURC: "recv",%d,%d,"%s"\r\n' % (sid, len(hexdata) // 2 if length is None else length, hexdata))


async def test_payload_with_protocol_words_goes_both_ways():
    fake, modem, sock = await opened()
    payload = b"OK\r\nERROR\r\n> +CME ERROR: 1\r\n\x00\xff\x1a\x1b"
    text = b"".join(b"%02x" % b for b in payload)
    fake.answers[b"AT+QISEND=0,%d,%s" % (len(payload), text)] = [OK, b"\r\nSEND OK\r\n"]
    await sock.send(payload)
    push(fake, text.upper())
    buf = bytearray(100)
    n = await sock.recv_into(buf, 1000)
    assert bytes(buf[:n]) == payload


async def test_datagram_that_does_not_come():
    _, _, sock = await opened()
    assert await sock.recv_into(bytearray(10), 30) == 0


async def test_datagrams_wait_in_order_are_cut_to_the_buffer_and_counted_when_too_many():
    fake, _, sock = await opened()
    for i in range(6):
        push(fake, b"%02x%02x" % (i, i))
    await until(lambda: sock.dropped == 2)
    buf = bytearray(1)
    for i in range(4):
        assert await sock.recv_into(buf, 100) == 1 and buf[0] == i


async def test_longest_datagram_is_read():
    fake, _, sock = await opened()
    push(fake, b"ab" * 600)
    buf = bytearray(601)
    assert await sock.recv_into(buf, 1000) == 600


async def test_damaged_datagrams_are_dropped():
    fake, modem, sock = await opened()
    push(fake, b"0x", 1)
    push(fake, b"abcd", 3)
    fake.say(b'\r\n+QIURC: "recv",0\r\n\r\n+QIURC: "recv",x,2,"abcd"\r\n\r\n+QIURC: "closed",\r\n')
    push(fake, b"abcd", sid=4)  # nobody's
    push(fake, b"00ff")
    buf = bytearray(10)
    assert await sock.recv_into(buf, 1000) == 2 and bytes(buf[:2]) == b"\x00\xff"


async def test_number_that_an_earlier_life_left_open_is_closed_first():
    for refused in ([OK, b"\r\n+QIOPEN: 0,563\r\n"], ERROR):
        fake, modem, sock = await opened()
        await sock.close()
        answers = [refused, OPENED]
        fake.answers[OPEN] = lambda line: answers.pop(0)
        await modem.udp_open("192.0.2.1", 5683)
        assert fake.commands[-4:] == [OPEN, b"AT+QICLOSE=0", b'AT+QICFG="dataformat",1,1', OPEN]


async def test_failure_to_open_names_the_cause_and_gives_the_number_back():
    fake, modem, sock = await opened()
    await sock.close()
    for code, name in ((565, "DNS"), (561, "not registered"), (999, "999")):
        closed = fake.asked(b"AT+QICLOSE=0")
        fake.answers[OPEN] = [OK, b"\r\n+QIOPEN: 0,%d\r\n" % code]
        e = await fails(SocketError, modem.udp_open("192.0.2.1", 5683))
        assert e.code == code and name in str(e), e
        assert fake.asked(b"AT+QICLOSE=0") == closed + 1
    fake.answers[OPEN] = [OK, b"\r\n+QIOPEN: 0,\r\n"]
    await fails(UnexpectedAnswer, modem.udp_open("192.0.2.1", 5683))
    fake.answers[OPEN] = OPENED
    await modem.udp_open("192.0.2.1", 5683)


async def test_sockets_run_out():
    fake, modem, _ = await opened()
    for sid in range(1, 5):
        fake.answers[OPEN.replace(b"=0,0,", b"=0,%d," % sid)] = [OK, b"\r\n+QIOPEN: %d,0\r\n" % sid]
        await modem.udp_open("192.0.2.1", 5683)
    assert "all 5" in str(await fails(SocketError, modem.udp_open("192.0.2.1", 5683)))


async def test_send_that_fails_or_is_too_long():
    fake, _, sock = await opened()
    fake.answers[b"AT+QISEND=0,1,78"] = [OK, b"\r\nSEND FAIL\r\n"]
    assert "SEND FAIL" in str(await fails(SocketError, sock.send(b"x")))
    assert "512" in str(await fails(SocketError, sock.send(bytes(513))))


async def test_closed_by_the_network_is_an_error_after_what_came_before_and_the_number_is_closed():
    fake, modem, sock = await opened()
    waiting = asyncio.create_task(sock.recv_into(bytearray(10), 60000))
    await asyncio.sleep_ms(5)
    push(fake, b"aa")
    push(fake, b"bbbb")
    fake.say(b'\r\n+QIURC: "closed",0\r\n')
    assert await waiting == 1 and await sock.recv_into(bytearray(10), 1000) == 2
    assert "closed" in str(await fails(SocketError, sock.recv_into(bytearray(10), 1000)))
    await sock.close()
    assert fake.asked(b"AT+QICLOSE=0") == 1


async def test_datagram_that_arrives_while_the_socket_closes():
    fake, modem, sock = await opened()
    fake.answers[b"AT+QICLOSE=0"] = lambda line: OK
    closing = asyncio.create_task(sock.close())
    await until(lambda: fake.asked(b"AT+QICLOSE=0"))
    fake.answers[OPEN] = [OK, b"\r\n+QIOPEN: 0,0\r\n"]
    fake.answers[OPEN.replace(b"=0,0,", b"=0,1,")] = [OK, b"\r\n+QIOPEN: 1,0\r\n"]
    opening = asyncio.create_task(modem.udp_open("192.0.2.1", 5683))
    push(fake, b"aabb")
    fake.say(b"\r\nCLOSE OK\r\n")
    await closing
    other = await opening
    assert await other.recv_into(bytearray(10), 30) == 0  # it was not for this one
    await fails(SocketError, sock.send(b"x"))
    push(fake, b"cc", sid=0)  # closed: dropped, and no error
    await asyncio.sleep_ms(5)


async def test_modem_that_is_silent_on_close_is_no_error():
    fake, modem, sock = await opened()
    fake.answers[b"AT+QICLOSE=0"] = ERROR
    await sock.close()
    assert modem._sockets == {}


async def test_cancelled_opening_gives_the_number_back():
    fake, modem, sock = await opened()
    await sock.close()
    fake.answers[OPEN] = OK
    task = asyncio.create_task(modem.udp_open("192.0.2.1", 5683))
    await until(lambda: fake.asked(OPEN) == 2)
    task.cancel()
    await asyncio.sleep_ms(5)
    assert modem._sockets == {}
    fake.say(b"\r\n+QIOPEN: 0,569\r\n")  # late: of the opening that was given up
    fake.answers[OPEN] = OPENED
    await modem.udp_open("192.0.2.1", 5683)


async def test_restart_of_the_modem_ends_what_waits():
    fake, modem, sock = await opened()
    waiting = asyncio.create_task(fails(ModemReset, sock.recv_into(bytearray(10), 60000)))
    await asyncio.sleep_ms(5)
    fake.say(b"\r\nRDY\r\n")
    await waiting
    await fails(ModemReset, sock.send(b"x"))
    await sock.close()
    assert modem._sockets == {}


async def test_a_radio_that_takes_long_to_connect_makes_the_socket_patient():
    fake, modem, sock = await opened()
    fake.answers[b"AT+QISEND=0,1,41"] = [OK, b"\r\nSEND OK\r\n"]
    await sock.send(b"A")
    assert sock.patience_ms() == 0  # it has never told whether it is connected
    for wait_ms, expected_ms in ((20, 0), (3200, 25600)):
        fake.say(b"\r\n+CSCON: 0\r\n")
        await until(lambda: modem.connected is False)
        await sock.send(b"A")
        assert sock.patience_ms() == 30000  # not on the air yet
        await asyncio.sleep_ms(wait_ms)
        fake.say(b"\r\n+CSCON: 1\r\n")
        await until(lambda: modem.connected)
        assert expected_ms <= sock.patience_ms() <= expected_ms + expected_ms // 4
