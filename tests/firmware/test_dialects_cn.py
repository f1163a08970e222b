"""Luat Air780, China Mobile ML307 and Fibocom L610: MQTT, TLS and sockets as each of them has it."""

from binascii import hexlify

from cellular.errors import SocketError
from cellular.modem.tls import Tls, TlsError, name_of
from cellular.services import mqtt
from cellular.services.mqtt import MqttError
from fake_modem import fails
from scripted import ERROR, OK, Scripted, says, started

NASTY = b'\x00\x1a"\r\nOK\r\nCLOSED\r\n>\xff,",'
PEM = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
CA = name_of("ca", PEM).encode()


def luat():
    prompts = {
        b"AT+MPUBEX": (b"\r\n>", [OK, says(b"PUBACK")]),
        b"AT+FSWRITE": (b"\r\n>", OK, 2),
        b"AT+CIPSEND": (b"\r\n> ", lambda line, data: says(b"0,DATA ACCEPT:%d" % len(data))),
    }
    addresses = [ERROR, says(b"010.083.172.111")]
    fake = Scripted((b"AirM2M_780EP_V1007_LTE_AT",), {}, prompts)
    fake.answers.update(
        {
            b"AT+CIFSR": lambda line: addresses.pop(0),
            b"AT+CIPSHUT": says(b"SHUT OK"),
            b'AT+MIPSTART="h","1883"': [OK, says(b"CONNECT OK")],
            b'AT+SSLMIPSTART="h","8883"': [OK, says(b"CONNECT OK")],
            b"AT+MCONNECT=1,120": [OK, says(b"CONNACK OK")],
            b'AT+MSUB="down/#",1': [OK, says(b"SUBACK")],
            b'AT+FSFLSIZE="%s"' % CA: ERROR,
            b'AT+CIPSTART=0,"TCP","h",80': [OK, says(b"0, CONNECT OK")],
            b'AT+CIPSTART=0,"UDP","h",5683': [OK, says(b"0,CONNECT OK")],
            b"AT+CIPCLOSE=0": says(b"0, CLOSE OK"),
            b"AT+MDISCONNECT": b"\r\n+CME ERROR: 767\r\n",
        }
    )
    return fake


async def test_luat_mqtt():
    fake = luat()
    modem = await started(fake)
    assert modem.model == "Air780"
    client = await mqtt.connect(modem, "h", 1883, "me")
    assert await client.subscribe("down/#") == 1
    await client.publish("up", NASTY)
    assert fake.data == [NASTY]
    fake.say(b'\r\n+MSUB: "d/1",%d byte,' % len(NASTY) + NASTY + b"\r\n")
    assert await client.receive(1000) == ("d/1", NASTY)
    fake.say(says(b"CLOSED"))
    await fails(MqttError, client.receive(1000))
    await client.close()
    fake.answers[b'AT+MIPSTART="h","1883"'] = [OK, says(b"CONNECT FAIL")]
    await fails(MqttError, mqtt.connect(modem, "h", 1883, "me"))
    fake.answers[b'AT+SSLMIPSTART="h","8883"'] = [OK, says(b"CONNECT FAIL")]
    await fails(TlsError, mqtt.connect(modem, "h", 8883, "me", tls=Tls(PEM)))
    assert fake.data[-1] == PEM and b'AT+SSLCFG="cacert",88,"%s"' % CA in fake.commands
    fake.answers[b'AT+FSFLSIZE="%s"' % CA] = says(b"+FSFLSIZE: %d" % len(PEM)) + OK
    fake.answers[b'AT+SSLMIPSTART="h","8883"'] = [OK, says(b"CONNECT OK")]
    await mqtt.connect(modem, "h", 8883, "me", tls=Tls(PEM))
    assert fake.data.count(PEM) == 1 and modem._sockets.keys()


async def test_luat_sockets():
    fake = luat()
    fake.answers[b"AT+CIPRXGET=2,0,100"] = says(b"+CIPRXGET: 2,0,%d,0" % len(NASTY)) + NASTY + b"\r\n" + OK
    fake.answers[b"AT+CIPRXGET=2,0,1460"] = says(b"+CIPRXGET: 2,0,%d,0" % len(NASTY)) + NASTY + b"\r\n" + OK
    modem = await started(fake)
    stream = await modem.tcp_open("h", 80)
    assert b"AT+CIPMUX=1" in fake.commands and b"AT+CIPRXGET=1" in fake.commands
    await stream.send(NASTY)
    fake.say(says(b"+CIPRXGET: 1,0"))
    buf = bytearray(100)
    assert await stream.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    fake.answers[b"AT+CIPRXGET=2,0,100"] = says(b"+CIPRXGET: 2,0,0,0") + OK
    fake.say(says(b"0, CLOSED"))
    await fails(SocketError, stream.recv_into(buf, 1000))
    await stream.close()
    udp = await modem.udp_open("h", 5683)
    await udp.send(NASTY)
    fake.say(says(b"+CIPRXGET: 1,0"))
    assert await udp.recv_into(buf, 1000) == len(NASTY)
    await udp.close()
    fake.answers[b'AT+CIPSTART=0,"TCP","h",80'] = [OK, says(b"0, CONNECT FAIL")]
    await fails(SocketError, modem.tcp_open("h", 80))


def ml307():
    prompts = {
        b"AT+MQTTPUB": (b"\r\n>", [says(b"+MQTTPUB: 0,9,15"), OK, says(b'+MQTTURC: "puback",0,9,0')]),
        b"AT+MSSLCERTWR": (b"\r\n>", OK),
        b"AT+MIPSEND": (b"\r\n>", lambda line, data: says(b"+MIPSEND: 0,%d" % len(data)) + OK),
    }
    fake = Scripted((b"CMCC", b"ML307R", b"ML307R-MBRH0S00"), {}, prompts)
    fake.answers.update(
        {
            b"AT+MIPCALL?": says(b"+MIPCALL: 0") + OK,
            b"AT+MIPCALL=1,1": [OK, says(b'+MIPCALL: 1,1,"10.1.2.3"')],
            b'AT+MQTTCONN=0,"h",1883,"me","",""': [OK, says(b'+MQTTURC: "conn",0,0')],
            b'AT+MQTTCONN=0,"h",8883,"me","",""': [OK, says(b'+MQTTURC: "conn",0,255')],
            b'AT+MQTTSUB=0,"down/#",1': [says(b"+MQTTSUB: 0,1"), OK, says(b'+MQTTURC: "suback",0,1,1')],
            b"AT+MQTTDISC=0": ERROR,
            b"AT+MSSLLIST=1": OK,
            b'AT+MIPOPEN=0,"TCP","h",80,60,2': [OK, says(b"+MIPOPEN: 0,0")],
            b'AT+MIPOPEN=0,"UDP","h",5683,60,0': [OK, says(b"+MIPOPEN: 0,0")],
            b"AT+MIPCLOSE=0": [OK, says(b"+MIPCLOSE: 0")],
        }
    )
    return fake


async def test_ml307_mqtt():
    fake = ml307()
    modem = await started(fake)
    client = await mqtt.connect(modem, "h", 1883, "me")
    assert b'AT+MQTTCFG="clean",0,1' in fake.commands
    assert await client.subscribe("down/#") == 1
    await client.publish("up", NASTY)
    assert fake.data == [NASTY]
    half = len(NASTY) // 2
    for part in (NASTY[:half], NASTY[half:]):
        fake.say(b'\r\n+MQTTURC: "publish",0,2,"d",%d,%d,' % (len(NASTY), len(part)) + part + b"\r\n")
    assert await client.receive(1000) == ("d", NASTY)
    fake.say(says(b'+MQTTURC: "conn",0,4'))
    assert (await fails(MqttError, client.receive(1000))).code == 4
    await client.close()
    assert (await fails(TlsError, mqtt.connect(modem, "h", 8883, "me", tls=Tls(PEM)))).code == 255
    assert fake.data[-1] == PEM and b'AT+MQTTCFG="ssl",0,1,1' in fake.commands
    assert b'AT+MSSLCFG="cert",1,"%s"' % CA in fake.commands and b'AT+MSSLCFG="auth",1,1' in fake.commands
    fake.answers[b"AT+MSSLLIST=1"] = says(b'+MSSLLIST: "%s",%d' % (CA, len(PEM))) + OK
    await fails(TlsError, mqtt.connect(modem, "h", 8883, "me", tls=Tls(PEM)))
    assert fake.data.count(PEM) == 1


async def test_ml307_sockets():
    fake = ml307()
    answers = [says(b"+MIPRD: 0,0,%d," % len(NASTY))[:-2] + NASTY + b"\r\n" + OK]
    fake.answers[b"AT+MIPRD=0,100"] = lambda line: answers.pop(0) if answers else OK
    modem = await started(fake)
    stream = await modem.tcp_open("h", 80)
    await stream.send(NASTY)
    fake.say(says(b'+MIPURC: "rtcp",0,%d,%d' % (len(NASTY), len(NASTY))))
    buf = bytearray(100)
    assert await stream.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    fake.say(says(b'+MIPURC: "disconn",0,1'))
    await fails(SocketError, stream.recv_into(buf, 1000))
    await stream.close()
    udp = await modem.udp_open("h", 5683)
    await udp.send(NASTY)
    fake.say(b'\r\n+MIPURC: "rudp",0,%d,' % len(NASTY) + NASTY + b"\r\n")
    assert await udp.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    fake.answers[b"AT+MIPCLOSE=1"] = ERROR
    fake.answers[b'AT+MIPOPEN=1,"TCP","h",80,60,2'] = [OK, says(b"+MIPOPEN: 1,580")]
    assert (await fails(SocketError, modem.tcp_open("h", 80))).code == 580


def l610():
    prompts = {
        b"AT+MIPSEND": (b"\r\n>", lambda line, data: [OK, says(b"+MIPPUSH: 1,0")]),
        b"AT+GTSSLFILE=": (b"\r\n>", OK),
    }
    fake = Scripted((b"Fibocom", b"L610-CN-62-36", b"16000.1208.00.86.02.02"), {}, prompts)
    fake.answers.update(
        {
            b"AT+MIPCALL?": says(b"+MIPCALL: 0") + OK,
            b"AT+MIPCALL=1": [OK, says(b"+MIPCALL: 10.1.2.3")],
            b'AT+MIPOPEN=1,,"h",1883,0': [OK, says(b"+MIPOPEN: 1,1")],
            b'AT+MIPOPEN=1,,"h",8883,2': [OK, says(b"+MIPSTAT: 1,1")],
            b"AT+MIPCLOSE=1": [OK, says(b"+MIPCLOSE: 1,0")],
            b"AT+GTSSLFILE?": says(b"+GTSSLFILE: TRUSTFILE,0", b"+GTSSLFILE: CAFILE,0") + OK,
        }
    )
    return fake


async def test_l610_mqtt_over_its_socket():
    fake = l610()

    def sent(line, data):
        out = [OK, says(b"+MIPPUSH: 1,0")]
        if data[0] == 0x10:
            out.append(says(b"+MIPRTCP: 1,0,20020000"))
        if data[0] & 0xF0 == 0x30:
            out.append(says(b"+MIPRTCP: 1,0,4002" + hexlify(data[6:8])))
        return out

    fake.prompts[b"AT+MIPSEND"] = (b"\r\n>", sent)
    modem = await started(fake)
    assert "mqtt" not in modem.capabilities
    client = await mqtt.connect(modem, "h", 1883, "me")
    await client.publish("up", NASTY)
    assert NASTY in fake.data[-1]
    fake.say(says(b"+MIPRTCP: 1,0," + hexlify(b"\x30%c\x00\x01d" % (3 + len(NASTY)) + NASTY)))
    assert await client.receive(1000) == ("d", NASTY)
    fake.say(says(b"+MIPCLOSED: 1,1"))
    await fails(SocketError, client.receive(1000))
    await client.close()
    assert modem._sockets == {}


async def test_l610_certificates_are_uploaded_once_a_power_on():
    fake = l610()
    modem = await started(fake)
    await fails(TlsError, modem.tls_open("h", 8883, Tls(PEM)))
    assert fake.data == [PEM] and b"AT+GTSSLMODE=1" in fake.commands
    fake.answers[b"AT+GTSSLFILE?"] = says(b"+GTSSLFILE: TRUSTFILE,1") + OK
    fake.answers[b'AT+MIPOPEN=1,,"h",8883,2'] = [OK, says(b"+MIPOPEN: 1,1")]
    await (await modem.tls_open("h", 8883, Tls(PEM))).close()
    assert fake.data == [PEM]
    other = PEM.replace(b"AA", b"AB")
    fake.answers[b"AT+CFUN=1,1"] = lambda line: (
        fake.answers.update({b"AT+GTSSLFILE?": says(b"+GTSSLFILE: TRUSTFILE,0") + OK}) or (OK + says(b"RDY"))
    )
    await modem.tls_open("h", 8883, Tls(other))
    assert fake.data == [PEM, other] and fake.asked(b"AT+CFUN=1,1") == 1
