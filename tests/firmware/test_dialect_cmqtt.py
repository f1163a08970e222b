"""SIMCom A76xx and SIM7600: MQTT, TLS and sockets of the module, in either order of OK and result."""

import asyncio

from cellular.errors import ATError, SocketError
from cellular.modem.tls import Tls, TlsError, name_of
from cellular.services import mqtt
from cellular.services.mqtt import MqttError
from fake_modem import fails, until
from scripted import ERROR, OK, Scripted, says, started

IDENTITY = (b"Manufacturer: INCORPORATED", b"Model: A7670E-FASE", b"Revision: A7670M7_V1.11.1", b"IMEI: 1")
NASTY = b'\x00\x1a"\r\nOK\r\n+CMQTTRXEND: 0\r\n>\xff'
PEM = b"-----BEGIN CERTIFICATE-----\r\nAA==\r\n-----END CERTIFICATE-----\r\n"


def module(start=True, first=False, **answers):
    """first: results come before their OK, as on SIM7600."""

    def order(result):
        return [says(result), OK] if first else [OK, says(result)]

    prompts = {
        b"AT+CMQTTTOPIC": (b"\r\n>", OK),
        b"AT+CMQTTPAYLOAD": (b"\r\n>", OK),
        b"AT+CMQTTSUB": (b"\r\n>", order(b"+CMQTTSUB: 0,0"), 1),
        b"AT+CMQTTUNSUB": (b"\r\n>", order(b"+CMQTTUNSUB: 0,0"), 1),
        b"AT+CCERTDOWN": (b"\r\n>", OK),
        b"AT+CIPSEND": (b"\r\n>", lambda line, data: order(b"+CIPSEND: 0,%d,%d" % (len(data), len(data)))),
        b"AT+CCHSEND": (b"\r\n>", order(b"+CCHSEND: 0,0")),
    }
    fake = Scripted(IDENTITY, {}, prompts)
    fake.answers.update(
        {
            b"AT+NETOPEN?": says(b"+NETOPEN: 0") + OK,
            b"AT+NETOPEN": order(b"+NETOPEN: 0"),
            b"AT+CMQTTDISC=0,10": ERROR,
            b"AT+CMQTTREL=0": ERROR,
            b"AT+CMQTTSTOP": ERROR,
            b"AT+CMQTTSTART": order(b"+CMQTTSTART: 0"),
            b'AT+CMQTTCONNECT=0,"tcp://h:1883",120,1': order(b"+CMQTTCONNECT: 0,0"),
            b'AT+CMQTTCONNECT=0,"tcp://h:8883",120,1': order(b"+CMQTTCONNECT: 0,0"),
            b"AT+CMQTTPUB=0,1,60,0": order(b"+CMQTTPUB: 0,0"),
            b"AT+CCERTLIST": OK,
            b"AT+CCHSTART": order(b"+CCHSTART: 0"),
            b'AT+CCHOPEN=0,"h",443,2': order(b"+CCHOPEN: 0,0"),
            b"AT+CCHCLOSE=0": order(b"+CCHCLOSE: 0,0"),
            b'AT+CIPOPEN=0,"TCP","h",80': order(b"+CIPOPEN: 0,0"),
            b"AT+CIPCLOSE=0": order(b"+CIPCLOSE: 0,0"),
        }
    )
    fake.answers.update(answers)
    return fake


def message(topic, *parts):
    n = sum([len(p) for p in parts])
    out = says(b"+CMQTTRXSTART: 0,%d,%d" % (len(topic), n), b"+CMQTTRXTOPIC: 0,%d" % len(topic)) + topic
    for p in parts:
        out += says(b"+CMQTTRXPAYLOAD: 0,%d" % len(p)) + p
    return out + says(b"+CMQTTRXEND: 0")


async def test_session_with_nasty_payloads_in_either_order():
    for first in (False, True):
        fake = module(first=first)
        modem = await started(fake)
        assert modem.model == "SIMCom Cat.1" and "mqtt_tls" in modem.capabilities
        client = await mqtt.connect(modem, "h", 1883, "me")
        assert await client.subscribe("down/#") == 1
        await client.publish("up", NASTY)
        assert fake.data == [b"down/#", b"up", NASTY]
        fake.say(message(b"down/1", NASTY, b"rest"))
        assert await client.receive(1000) == ("down/1", NASTY + b"rest")
        assert await client.receive(10) is None
        await client.unsubscribe("down/#")
        await client.close()
        assert modem._sockets == {}


async def test_message_between_command_and_prompt_and_answer_is_kept():
    fake = module()
    modem = await started(fake)
    client = await mqtt.connect(modem, "h", 1883, "me")
    fake.prompts[b"AT+CMQTTPAYLOAD"] = (message(b"d", b"one") + b"\r\n>", message(b"d", b"two") + OK)
    await client.publish("up", b"x")
    assert await client.receive(100) == ("d", b"one") and await client.receive(100) == ("d", b"two")


async def test_failures_are_typed_wherever_the_result_stands():
    for answer, kind, code in (
        ([says(b"+CMQTTCONNECT: 0,3"), ERROR], MqttError, 3),
        ([OK, says(b"+CMQTTCONNECT: 0,32")], TlsError, 32),
        ([OK, says(b"+CMQTTCONNECT: 0,31")], MqttError, 5),
        (ERROR, ATError, None),
    ):
        fake = module()
        fake.answers[b'AT+CMQTTCONNECT=0,"tcp://h:1883",120,1'] = answer
        modem = await started(fake)
        e = await fails(kind, mqtt.connect(modem, "h", 1883, "me"))
        assert e.code == code, e
        assert modem._sockets == {} and fake.commands[-1] == b"AT+CMQTTSTOP"


async def test_lost_connection_and_restart_end_the_session():
    for text in (says(b"+CMQTTCONNLOST: 0,1"), says(b"+CMQTTNONET"), says(b"*ATREADY: 1")):
        fake = module()
        modem = await started(fake)
        client = await mqtt.connect(modem, "h", 1883, "me")
        fake.say(message(b"t", b"last") + text)
        assert await client.receive(1000) == ("t", b"last")
        await fails(Exception, client.receive(1000))
        await fails(Exception, client.publish("t", b"x"))


async def test_incomplete_or_too_long_messages_are_counted():
    fake = module()
    modem = await started(fake)
    client = await mqtt.connect(modem, "h", 1883, "me")
    fake.say(message(b"t", b"abc").replace(b"0,1,3", b"0,1,4"))
    await until(lambda: client.dropped == 1)
    fake.say(message(b"t", b"good"))
    assert await client.receive(1000) == ("t", b"good")


async def test_certificates_are_uploaded_only_where_they_are_not():
    fake = module()
    modem = await started(fake)
    tls = Tls(PEM, PEM, PEM)
    await (await mqtt.connect(modem, "h", 8883, "me", tls=tls)).close()
    assert fake.data[:3] == [PEM, PEM, PEM] and b'AT+CMQTTACCQ=0,"me",1' in fake.commands
    assert b'AT+CSSLCFG="authmode",0,2' in fake.commands and b'AT+CSSLCFG="enableSNI",0,1' in fake.commands
    names = [name_of(kind, PEM).encode() for kind in ("ca", "cert", "key")]
    fake.answers[b"AT+CCERTLIST"] = says(*[b'+CCERTLIST: "%s"' % name for name in names]) + OK
    fake.data.clear()
    await (await mqtt.connect(modem, "h", 8883, "me", tls=tls)).close()
    assert fake.data == []


async def test_tcp_stream():
    fake = module()
    fake.answers[b"AT+CIPRXGET=2,0,100"] = says(b"+CIPRXGET: 2,0,%d,0" % len(NASTY)) + NASTY + b"\r\n" + OK
    modem = await started(fake)
    stream = await modem.tcp_open("h", 80)
    await stream.send(NASTY)
    assert fake.data == [NASTY]
    fake.say(says(b"+CIPRXGET: 1,0"))
    buf = bytearray(100)
    n = await stream.recv_into(buf, 1000)
    assert bytes(buf[:n]) == NASTY
    fake.answers[b"AT+CIPRXGET=2,0,100"] = says(b"+IP ERROR: No data") + ERROR
    assert await stream.recv_into(buf, 20) == 0
    waiting = asyncio.create_task(fails(SocketError, stream.recv_into(buf, 5000)))
    await asyncio.sleep_ms(5)
    fake.say(says(b"+IPCLOSE: 0,1"))
    await waiting
    await stream.close()
    assert modem._sockets == {}


async def test_tls_stream():
    fake = module()
    modem = await started(fake)
    stream = await modem.tls_open("h", 443, Tls(PEM))
    await stream.send(NASTY)
    fake.say(says(b"+CCHRECV: DATA,0,%d" % len(NASTY)) + NASTY)
    buf = bytearray(100)
    n = await stream.recv_into(buf, 1000)
    assert bytes(buf[:n]) == NASTY
    fake.say(says(b"+CCH_PEER_CLOSED: 0"))
    await fails(SocketError, stream.recv_into(buf, 1000))
    await stream.close()
    fake.answers[b'AT+CCHOPEN=0,"h",443,2'] = [OK, says(b"+CCHOPEN: 0,15")]
    assert (await fails(TlsError, modem.tls_open("h", 443, Tls(PEM)))).code == 15
    fake.answers[b'AT+CIPOPEN=0,"TCP","h",80'] = [says(b"+CIPOPEN: 0,10"), ERROR]
    assert (await fails(SocketError, modem.tcp_open("h", 80))).code == 10
    assert modem._sockets == {}
