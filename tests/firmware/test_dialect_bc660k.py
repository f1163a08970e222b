"""BC660K-GL: MQTT with hex in the command, TLS with certificates behind a prompt that Ctrl-Z ends."""

from binascii import hexlify

from cellular.modem.tls import Tls, TlsError
from cellular.services import mqtt
from fake_modem import fails
from scripted import OK, Scripted, says, started

NASTY = b'\x00\x1a"\r\nOK\r\n>\xff,",'
PEM = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
CERTIFICATE = b'AT+QSSLCFG=0,0,"cacert"'


def module():
    fake = Scripted((b"Quectel_Ltd", b"Quectel_BC660K-GL", b"Revision: BC660KGLAAR01A05"))
    hexed = hexlify(NASTY)
    fake.answers.update(
        {
            b'AT+QMTOPEN=0,"h",8883': [OK, says(b"+QMTOPEN: 0,0")],
            b'AT+QMTCONN=0,"me"': [OK, says(b"+QMTCONN: 0,0,0")],
            b'AT+QMTPUB=0,1,1,0,"up",%d,"%s"' % (len(NASTY), hexed): [OK, says(b"+QMTPUB: 0,1,0")],
            b"AT+QMTDISC=0": [OK, says(b"+QMTDISC: 0,0")],
            b"AT+QMTCLOSE=0": [OK, says(b"+QMTCLOSE: 0,0")],
            b'AT+QSSLOPEN=0,0,"h",443,0': [OK, says(b"+QSSLOPEN: 0,0,0")],
            b"AT+QSSLCLOSE=0,0": [OK, says(b"+QSSLCLOSE: 0,0,0")],
        }
    )

    def certificate(line):
        def taken(line, data):
            fake.data[-1] = data[:-1]
            return says(b'+QSSLCFG: 0,0,"cacert",%d' % (len(data) - 1)) + OK

        fake._wants = (line, taken, len(PEM) + 1)
        return b"\r\n>"

    fake.answers[CERTIFICATE] = certificate
    fake.prompts[b"AT+QSSLSEND"] = (b"\r\n>", [OK, says(b"+QSSLSEND: 0,0,0")])
    return fake


async def test_mqtt_and_tls():
    fake = module()
    modem = await started(fake)
    modem.channel.prompt_gap_ms = 1
    client = await mqtt.connect(modem, "h", 8883, "me", tls=Tls(PEM))
    assert fake.data == [PEM] and b'AT+QMTCFG="ssl",0,1,0,0' in fake.commands
    assert b'AT+QMTCFG="version",0,1' in fake.commands and b'AT+QSSLCFG=0,0,"seclevel",1' in fake.commands
    await client.publish("up", NASTY)
    fake.say(says(b'+QMTRECV: 0,7,"d,1","a,b"'))
    assert await client.receive(1000) == ("d,1", b"a,b")  # a firmware that tells no length
    fake.say(b'\r\n+QMTRECV: 0,7,"d",%d,"' % len(NASTY) + NASTY + b'"\r\n')
    assert await client.receive(1000) == ("d", NASTY)
    await client.close()


async def test_tls_stream():
    fake = module()

    def sent(line, data):
        assert data == NASTY
        return [OK, says(b"+QSSLSEND: 0,0,0")]

    def prompt(line):
        fake._wants = (line, sent, len(NASTY))
        return b"\r\n>"

    fake.prompts = {}
    fake.answers[b"AT+QSSLSEND=0,0,%d" % len(NASTY)] = prompt
    modem = await started(fake)
    modem.channel.prompt_gap_ms = 1
    stream = await modem.tls_open("h", 443, Tls(PEM))
    await stream.send(NASTY)
    fake.say(b'\r\n+QSSLURC: "recv",0,0,%d,"' % len(NASTY) + NASTY + b'"\r\n')
    buf = bytearray(100)
    assert await stream.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    await stream.close()
    fake.answers[b'AT+QSSLOPEN=0,0,"h",443,0'] = [OK, says(b"+QSSLOPEN: 0,0,-3")]
    assert (await fails(TlsError, modem.tls_open("h", 443, Tls(PEM)))).code == -3
    assert modem._sockets == {}
