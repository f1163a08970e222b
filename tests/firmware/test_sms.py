"""Short messages in PDU mode: octets of TS 23.040, alphabets of TS 23.038, and the dialogue with a module."""

from binascii import hexlify, unhexlify

from cellular.errors import ATError
from cellular.modem import sms
from cellular.modem.sms import SmsError
from fake_modem import fails
from scripted import OK, Scripted, says, started

# SMS-DELIVER "hellohello" of TS 23.040's usual example, from +27838890001.
HELLO = b"07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37"
# 8-bit data, UCS-2 with a pair of surrogates, and the second of three parts with a header of 6 octets and a fill bit.
DATA = b"0004039121430004" + b"62806032954300" + b"04" + b"001A0DFF"
SMILE = b"0004039121430008" + b"62806032954300" + b"08" + b"00480069D83DDE00"
PART = b"0044039121430000" + b"62806032954300" + b"09" + b"050003A70302" + b"84" + b"62"


def test_messages_that_come():
    m = sms.decode(unhexlify(HELLO))
    assert (m.text, m.time, m.part) == ("hellohello", "99/03/29,15:16:59+08", None), (m.text, m.time)
    assert m.number.endswith("27838890001"), m.number
    assert sms.decode(unhexlify(DATA)).text == b"\x00\x1a\r\xff"
    m = sms.decode(unhexlify(SMILE))
    assert m.text == "Hi\U0001f600" and m.number == "+123" and m.time == "26/08/06,23:59:34+00"
    m = sms.decode(unhexlify(PART))
    assert m.part == (0xA7, 3, 2) and m.text == "B" + m.text[1:] and len(m.text) == 2


def test_every_cut_is_a_typed_error_or_a_shorter_text():
    for whole in (HELLO, DATA, SMILE, PART):
        raw = unhexlify(whole)
        for n in range(len(raw)):
            try:
                sms.decode(raw[:n])
            except SmsError:
                pass


def test_what_is_written_can_be_read():
    texts = ("hellohello", "@£$ ^{}\\[~]|€ äöü", "x" * 160, "Привет\n", "\U0001f600" * 35, "7 bits!", "")
    for text in texts:
        pdu, length = sms.encode("+4930123456", text)
        assert length == len(pdu) - 1
        # The same as SMS-DELIVER: other first octet, no reference, a time behind the coding scheme.
        n = 2 + 1 + 2 + (pdu[3] + 1) // 2
        deliver = b"\x00\x04" + pdu[3:n] + pdu[n : n + 2] + bytes(7) + pdu[n + 2 :]
        m = sms.decode(deliver)
        assert m.text == text and m.number == "+4930123456", (text, m.text, m.number)


def test_what_cannot_be_sent():
    for number, text in (("+49", "x" * 161), ("+49", "ж" * 71), ("49a", "x"), ("", "x"), ("1" * 21, "x")):
        try:
            sms.encode(number, text)
        except SmsError:
            continue
        raise AssertionError((number, text))


async def test_dialogue():
    pdu, length = sms.encode("+49301", "hi")
    hexed = hexlify(pdu).upper()
    fake = Scripted((b"Quectel", b"EC200U"), {}, {})
    sent = []

    def command(line):
        fake._wants = (line, lambda line, data: sent.append(data) or says(b"+CMGS: 247") + OK, len(hexed) + 1)
        return b"\r\n> "

    fake.answers[b"AT+CMGS=%d" % length] = command
    modem = await started(fake)
    assert await sms.send(modem, "+49301", "hi") == 247
    assert sent == [hexed + b"\x1a"]
    fake.answers[b"AT+CMGL=4"] = says(b"+CMGL: 1,0,,26", HELLO, b"+CMGL: 7,1,,5", b"00ZZ", b"+CMGL: 9,1,,21", DATA) + OK
    texts = [m.text for m in await sms.receive(modem)]
    assert texts == ["hellohello", b"\x00\x1a\r\xff"]
    assert fake.commands[-3:] == [b"AT+CMGD=1", b"AT+CMGD=7", b"AT+CMGD=9"]
    fake.answers[b"AT+CMGS=%d" % length] = b"\r\n+CMS ERROR: 304\r\n"
    assert (await fails(ATError, sms.send(modem, "+49301", "hi"))).code == 304
