"""Dialects of NB-IoT and LTE-M makers beside UDP: SIMCom SIM7080 and SIM7020, u-blox, Nordic, Sequans."""

from binascii import hexlify

from cellular.errors import SocketError
from cellular.modem import Modem
from cellular.modem.profiles import base
from cellular.modem.tls import Tls, TlsError, name_of
from cellular.services import mqtt
from cellular.services.mqtt import MqttError
from fake_modem import fails, until
from scripted import ERROR, OK, Scripted, says

NASTY = b'\x00\x1a"\r\nOK\r\n>\xff,",@'
PEM = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
CA = name_of("ca", PEM).encode()


class Profile:
    """A profile with what the test gives; F1's own profiles are tried against the virtual modems."""

    def __init__(self, **given):
        for name in dir(base):
            setattr(self, name, getattr(base, name))
        for name, value in given.items():
            setattr(self, name, value)


async def made(fake, **given):
    modem = Modem(fake)
    modem.use(Profile(**given))
    modem.channel.start()
    return modem


SIM7080 = {
    "CAPABILITIES": {"tcp": "ca", "tls": "ca", "mqtt": "smqtt", "mqtt_tls": "smqtt"},
    "URCS": base.STANDARD_URCS + (b"+CADATAIND:", b"+CASTATE:", b"+SMSUB:", b"+SMSTATE:"),
    "HEADERS": ((b"+CARECV:", 1, False),),
    "PROMPTS": (b">", b"DOWNLOAD"),
    "CA_PDP": b"0,",
}


def sim7080():
    prompts = {
        b"AT+CASEND": (b"\r\n>", OK),
        b"AT+SMPUB": (b"\r\n>", OK, 1),
        b"AT+CFSWFILE": (b"\r\nDOWNLOAD\r\n", OK, 3),
    }
    fake = Scripted((b"SIMCOM_SIM7080",), {}, prompts)
    fake.answers[b'AT+CAOPEN=0,0,"TCP","h",80'] = says(b"+CAOPEN: 0,0") + OK
    fake.answers[b'AT+CFSGFIS=3,"%s"' % CA] = ERROR
    return fake


async def test_sim7080_streams():
    fake = sim7080()
    modem = await made(fake, **SIM7080)
    answers = [b"\r\n+CARECV: %d," % len(NASTY) + NASTY + b"\r\n" + OK]
    fake.answers[b"AT+CARECV=0,100"] = lambda line: answers.pop(0) if answers else says(b"+CARECV: 0") + OK
    stream = await modem.tcp_open("h", 80)
    await stream.send(NASTY)
    assert fake.data == [NASTY]
    fake.say(says(b"+CADATAIND: 0"))
    buf = bytearray(100)
    assert await stream.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    assert await stream.recv_into(buf, 10) == 0
    fake.say(says(b"+CASTATE: 0,0"))
    await fails(SocketError, stream.recv_into(buf, 1000))
    await stream.close()
    for answer, kind in ((says(b"+CAOPEN: 0,26") + OK, TlsError), (says(b"+CAOPEN: 0,20") + OK, SocketError)):
        fake.answers[b'AT+CAOPEN=0,0,"TCP","h",443'] = answer
        await fails(kind, modem.tls_open("h", 443, Tls(PEM)))
        assert fake.data[-1] == PEM and b'AT+CSSLCFG="CONVERT",2,"%s"' % CA in fake.commands
    assert b'AT+CASSLCFG=0,"CACERT","%s"' % CA in fake.commands and modem._sockets == {}


async def test_sim7080_mqtt():
    fake = sim7080()
    modem = await made(fake, **SIM7080)
    client = await mqtt.connect(modem, "h", 8883, "me", tls=Tls(PEM))
    assert b'AT+SMSSL=1,"%s"' % CA in fake.commands and b'AT+SMCONF="SUBHEX",1' in fake.commands
    await client.publish("up", NASTY)
    assert fake.data == [PEM, NASTY]
    fake.say(says(b'+SMSUB: "d","%s"' % hexlify(NASTY)))
    assert await client.receive(1000) == ("d", NASTY)
    fake.say(says(b"+SMSTATE: 0"))
    await fails(MqttError, client.receive(1000))
    await client.close()
    fake.answers[b"AT+SMCONN"] = ERROR
    await fails(TlsError, mqtt.connect(modem, "h", 8883, "me", tls=Tls(PEM)))
    await fails(MqttError, mqtt.connect(modem, "h", 1883, "me"))


async def test_sim7020_mqtt():
    fake = Scripted((b"SIM7020 R1752",))
    fake.answers[b'AT+CMQNEW="h","1883",60000,1132'] = says(b"+CMQNEW: 0") + OK
    fake.answers[b'AT+CMQTTSNEW="h","8883",60000,1132'] = ERROR
    modem = await made(
        fake, CAPABILITIES={"mqtt": "cmq", "mqtt_tls": "cmq"}, URCS=base.STANDARD_URCS + (b"+CMQPUB:", b"+CMQDISCON:")
    )
    client = await mqtt.connect(modem, "h", 1883, "me")
    await client.publish("up", NASTY)
    hexed = hexlify(NASTY)
    assert fake.commands[-1] == b'AT+CMQPUB=0,"up",1,0,0,%d,"%s"' % (len(hexed), hexed)
    fake.say(says(b'+CMQPUB: 0,"d",1,0,0,%d,"%s"' % (len(hexed), hexed)))
    assert await client.receive(1000) == ("d", NASTY)
    fake.say(says(b'+CMQPUB: 0,"d",1,0,0,8,"3132"'))  # a damaged one
    await until(lambda: client.dropped == 1)
    fake.say(says(b"+CMQDISCON: 0"))
    await fails(MqttError, client.receive(1000))
    await client.close()
    long = b"-----BEGIN CERTIFICATE-----\n" + b"A" * 1500 + b"\n-----END CERTIFICATE-----\n"
    await fails(TlsError, mqtt.connect(modem, "h", 8883, "me", tls=Tls(long)))
    parts = [c for c in fake.commands if c.startswith(b"AT+CSETCA=0,")]
    assert len(parts) == 2 and parts[0].split(b",")[2] == b"1" and parts[1].split(b",")[2] == b"0"
    assert b"".join([p[p.find(b'"') + 1 : -1] for p in parts]) == long.replace(b"\n", b"\\r\\n")


UBLOX = {
    "CAPABILITIES": {"tcp": "uso", "tls": "uso"},
    "URCS": base.STANDARD_URCS + (b"+UUSORD:", b"+UUSOCL:"),
    "HEADERS": ((b"+USORD:", 2, True),),
    "PROMPTS": (b"@",),
}


async def test_ublox_streams():
    prompts = {
        b"AT+USOWR": (b"\r\n@", lambda line, data: says(b"+USOWR: 3,%d" % len(data)) + OK),
        b"AT+USECMNG=0": (b"\r\n>", says(b'+USECMNG: 0,0,"x","0123"') + OK),
    }
    fake = Scripted((b"SARA-R510S",), {}, prompts)
    fake.answers[b"AT+USOCR=6"] = says(b"+USOCR: 3") + OK
    fake.answers[b"AT+USECMNG=3"] = OK
    answers = [says(b'+USORD: 3,%d,"' % len(NASTY))[:-2] + NASTY + b'"\r\n' + OK]
    fake.answers[b"AT+USORD=3,100"] = lambda line: answers.pop(0) if answers else says(b'+USORD: 3,""') + OK
    modem = await made(fake, **UBLOX)
    stream = await modem.tcp_open("h", 80)
    assert b'AT+USOCO=3,"h",80' in fake.commands
    await stream.send(NASTY)
    fake.say(says(b"+UUSORD: 3,%d" % len(NASTY)))
    buf = bytearray(100)
    assert await stream.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    fake.say(says(b"+UUSOCL: 3"))
    await fails(SocketError, stream.recv_into(buf, 1000))
    await stream.close()
    fake.answers[b'AT+USOCO=3,"h",443'] = b"\r\n+CME ERROR: 3\r\n"
    assert (await fails(TlsError, modem.tls_open("h", 443, Tls(PEM)))).code == 3
    assert fake.data[-1] == PEM and b"AT+USOSEC=3,1,0" in fake.commands and b"AT+USECPRF=0,0,1" in fake.commands
    fake.answers[b"AT+USECMNG=3"] = says(b'CA,"%s","x","2030/01/01"' % CA[:-4]) + OK
    fake.data.clear()
    await fails(TlsError, modem.tls_open("h", 443, Tls(PEM)))
    assert fake.data == [] and modem._sockets == {}


async def test_nordic_streams():
    fake = Scripted((b"nRF9151",))
    fake.answers[b"AT#XSOCKET=1,1,0"] = says(b"#XSOCKET: 2,1,6") + OK
    fake.answers[b'AT#XCONNECT=2,"h",80'] = says(b"#XCONNECT: 2,1") + OK
    hexed = hexlify(NASTY)
    answers = [says(b"#XRECV: 2,0,%d" % len(NASTY)) + NASTY + b"\r\n" + OK, ERROR, OK]
    fake.answers[b"AT#XRECV=2,0,64,1,100"] = lambda line: answers.pop(0)
    fake.answers[b'AT#XSEND=2,1,0,"%s"' % hexed] = says(b"#XSEND: 2,0,%d" % len(NASTY)) + OK
    modem = await made(
        fake,
        CAPABILITIES={"tcp": "xs"},
        URCS=base.STANDARD_URCS + (b"#XAPOLL:",),
        PAYLOADS=((b"#XRECV:", -1),),
        XS="handle",
    )
    stream = await modem.tcp_open("h", 80)
    await stream.send(NASTY)
    fake.say(says(b"#XAPOLL: 2,1"))
    buf = bytearray(100)
    assert await stream.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    assert await stream.recv_into(buf, 10) == 0 and fake.commands[-1] == b"AT#XAPOLL=2,1,1"
    fake.say(says(b"#XAPOLL: 2,17"))
    await fails(SocketError, stream.recv_into(buf, 1000))
    await stream.close()
    assert fake.commands[-1] == b"AT#XCLOSE=2"


async def test_sequans_streams():
    fake = Scripted((b"GM02SP",), {}, {b"AT+SQNSSENDEXT": (b"\r\n> ", OK), b"AT+SQNSNVW": (b"\r\n> ", OK)})
    answers = [says(b"+SQNSRECV: 1,%d" % len(NASTY)) + NASTY + b"\r\n" + OK]
    fake.answers[b"AT+SQNSRECV=1,100"] = lambda line: answers.pop(0) if answers else b"\r\n+CME ERROR: 4\r\n"
    modem = await made(
        fake,
        CAPABILITIES={"tcp": "sqns", "tls": "sqns"},
        URCS=base.STANDARD_URCS + (b"+SQNSRING:", b"+SQNSH:"),
        PAYLOADS=((b"+SQNSRECV:", 1),),
        FIRST_SOCKET=1,
    )
    stream = await modem.tls_open("h", 443, Tls(PEM))
    assert fake.data == [PEM] and b'AT+SQNSD=1,0,443,"h",0,0,1' in fake.commands
    assert b'AT+SQNSPCFG=1,2,"",1,11,,' in fake.commands and b"AT+SQNSSCFG=1,1,1" in fake.commands
    await stream.send(NASTY)
    fake.say(says(b"+SQNSRING: 1,%d" % len(NASTY)))
    buf = bytearray(100)
    assert await stream.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    fake.say(says(b"+SQNSH: 1"))
    await fails(SocketError, stream.recv_into(buf, 1000))
    await stream.close()
    fake.answers[b'AT+SQNSD=1,0,443,"h",0,0,1'] = b"\r\nNO CARRIER\r\n"
    await fails(TlsError, modem.tls_open("h", 443, Tls(PEM)))
