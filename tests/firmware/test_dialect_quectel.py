"""Quectel Cat.1: MQTT, files and TLS, TCP that the module keeps, GNSS; what a module of another life has left."""

from cellular.errors import SocketError
from cellular.modem import location
from cellular.modem.tls import Tls, TlsError, name_of
from cellular.services import mqtt
from cellular.services.mqtt import MqttError
from fake_modem import fails, until
from scripted import ERROR, OK, Scripted, says, started

IDENTITY = (b"Quectel", b"EC200U", b"Revision: EC200UCNAAR03A13M08")
NASTY = b'\x00\x1a"\r\nOK\r\n+QMTRECV: 0,1\r\n>\xff,",'
PEM = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
CA = name_of("ca", PEM).encode()


def module(**answers):
    prompts = {
        b"AT+QMTPUBEX": (b"\r\n>", lambda line, data: [OK, says(b"+QMTPUBEX: 0,%s,0" % line[14:15])]),
        b"AT+QFUPL": (b"\r\nCONNECT\r\n", lambda line, data: says(b"+QFUPL: %d,4f64" % len(data)) + OK, 1),
        b"AT+QISEND": (b"\r\n> ", b"\r\nSEND OK\r\n"),
        b"AT+QSSLSEND": (b"\r\n>", b"\r\nSEND OK\r\n"),
    }
    fake = Scripted(IDENTITY, {}, prompts)
    fake.answers.update(
        {
            b"AT+QIACT?": says(b'+QIACT: 1,1,1,"10.7.157.1"') + OK,
            b"AT+CGACT?": says(b"+CGACT: 1,1") + OK,
            b'AT+QMTOPEN=0,"h",1883': [OK, says(b"+QMTOPEN: 0,0")],
            b'AT+QMTOPEN=0,"h",8883': [OK, says(b"+QMTOPEN: 0,0")],
            b'AT+QMTCONN=0,"me"': [OK, says(b"+QMTCONN: 0,0,0")],
            b'AT+QMTSUB=0,1,"down/#",1': [OK, says(b"+QMTSUB: 0,1,0,1")],
            b"AT+QMTDISC=0": ERROR,
            b"AT+QMTCLOSE=0": ERROR,
            b'AT+QFLST="%s"' % CA: b"\r\n+CME ERROR: 405\r\n",
            b'AT+QIOPEN=1,0,"TCP","h",80,0,0': [OK, says(b"+QIOPEN: 0,0")],
            b'AT+QSSLOPEN=1,1,0,"h",443,0': [OK, says(b"+QSSLOPEN: 0,0")],
        }
    )
    fake.answers.update(answers)
    return fake


def message(topic, payload):
    return b'\r\n+QMTRECV: 0,0,"%s",%d,"%s"\r\n' % (topic, len(payload), payload)


async def test_mqtt_session_with_nasty_payloads():
    fake = module()
    modem = await started(fake)
    client = await mqtt.connect(modem, "h", 1883, "me")
    assert b'AT+QMTCFG="ssl",0,0' in fake.commands and b'AT+QMTCFG="version",0,4' in fake.commands
    assert await client.subscribe("down/#") == 1
    await client.publish("up", NASTY)
    assert fake.data == [NASTY] and fake.commands[-1] == b'AT+QMTPUBEX=0,2,1,0,"up",%d' % len(NASTY)
    fake.prompts[b"AT+QMTPUBEX"] = (message(b"d", NASTY) + b"\r\n>", message(b"d", b"2") + OK + says(b"+QMTPUB: 0,0,0"))
    await client.publish("up", b"x", 0)
    assert await client.receive(1000) == ("d", NASTY) and await client.receive(100) == ("d", b"2")
    fake.say(b'\r\n+QMTRECV: 0,1,"t","a,12,b"\r\n')  # a firmware that tells no length
    assert await client.receive(1000) == ("t", b"a,12,b")
    fake.say(says(b"+QMTSTAT: 0,1"))
    assert (await fails(MqttError, client.receive(1000))).code == 1
    await client.close()


async def test_session_that_outlived_the_board_is_ended_first():
    fake = module()
    answers = [[OK, says(b"+QMTOPEN: 0,2")], [OK, says(b"+QMTOPEN: 0,0")]]
    fake.answers[b'AT+QMTOPEN=0,"h",1883'] = lambda line: answers.pop(0)
    modem = await started(fake)
    await mqtt.connect(modem, "h", 1883, "me")
    i = fake.commands.index(b"AT+QMTDISC=0")
    assert fake.commands[i : i + 3] == [b"AT+QMTDISC=0", b"AT+QMTCLOSE=0", b'AT+QMTOPEN=0,"h",1883']


async def test_failures_are_typed():
    for answer, tls, kind, code in (
        (b"+QMTOPEN: 0,4", None, MqttError, 4),
        (b"+QMTOPEN: 0,-1", None, MqttError, -1),
        (b"+QMTOPEN: 0,-1", Tls(PEM), TlsError, -1),
    ):
        fake = module()
        fake.answers[b'AT+QMTOPEN=0,"h",8883'] = [OK, says(answer)]
        modem = await started(fake)
        assert (await fails(kind, mqtt.connect(modem, "h", 8883, "me", tls=tls))).code == code
        assert modem._sockets == {}
    fake = module()
    fake.answers[b'AT+QMTCONN=0,"me"'] = [OK, says(b"+QMTCONN: 0,0,5")]
    e = await fails(MqttError, mqtt.connect(await started(fake), "h", 1883, "me"))
    assert e.code == 5 and e.permanent


async def test_certificates_are_files_written_once():
    fake = module()
    modem = await started(fake)
    stream = await modem.tls_open("h", 443, Tls(PEM))
    assert fake.data == [PEM] and b'AT+QSSLCFG="cacert",1,"%s"' % CA in fake.commands
    assert b'AT+QSSLCFG="seclevel",1,1' in fake.commands and b'AT+QSSLCFG="sni",1,1' in fake.commands
    await stream.close()
    fake.answers[b'AT+QFLST="%s"' % CA] = says(b'+QFLST: "UFS:%s",%d' % (CA, len(PEM))) + OK
    await modem.tls_open("h", 443, Tls(PEM))
    assert fake.data == [PEM]
    fake.answers[b'AT+QFLST="%s"' % CA] = says(b'+QFLST: "UFS:%s",%d' % (CA, 5)) + OK  # an upload that was cut
    fake.answers[b'AT+QSSLOPEN=1,1,1,"h",443,0'] = [OK, says(b"+QSSLOPEN: 1,566")]
    assert (await fails(TlsError, modem.tls_open("h", 443, Tls(PEM)))).code == 566
    assert fake.data == [PEM, PEM] and b'AT+QFDEL="%s"' % CA in fake.commands
    assert b"AT+QSSLCLOSE=1" in fake.commands


async def test_tcp_stream_reads_until_the_module_has_no_more():
    fake = module()
    chunks = [NASTY, b"more", b""]

    def read(line):
        data = chunks.pop(0) if chunks else b""
        return says(b"+QIRD: %d" % len(data)) + data + (b"\r\n" if data else b"") + OK

    fake.answers[b"AT+QIRD=0,100"] = read
    modem = await started(fake)
    stream = await modem.tcp_open("h", 80)
    await stream.send(NASTY)
    assert fake.data == [NASTY]
    buf = bytearray(100)
    fake.say(says(b'+QIURC: "recv",0'))
    got = b""
    while len(got) < len(NASTY) + 4:
        got += bytes(buf[: await stream.recv_into(buf, 1000)])
    assert got == NASTY + b"more"
    assert await stream.recv_into(buf, 10) == 0 and chunks == []
    chunks.append(b"last")
    fake.say(says(b'+QIURC: "closed",0'))
    await until(lambda: stream._error)
    assert await stream.recv_into(buf, 100) == 4
    await fails(SocketError, stream.recv_into(buf, 100))
    fake.prompts[b"AT+QISEND"] = (b"\r\n> ", b"\r\nSEND FAIL\r\n")
    await stream.close()
    assert b"AT+QICLOSE=0" in fake.commands
    stream = await modem.tcp_open("h", 80)
    assert "SEND FAIL" in str(await fails(SocketError, stream.send(b"x")))


async def test_a_lost_urc_stalls_no_stream():
    from cellular.modem import streams

    fake = module()
    fake.answers[b"AT+QIRD=0,100"] = says(b"+QIRD: 2") + b"ab\r\n" + OK
    modem = await started(fake)
    stream = await modem.tcp_open("h", 80)
    stream._looked_ms -= 10001
    assert await stream.recv_into(bytearray(100), 1000) == 2
    assert streams.StreamSocket is type(stream)


async def test_udp_of_the_same_module_goes_beside():
    fake = module()
    fake.answers[b'AT+QIOPEN=1,0,"UDP","h",5683,0,1'] = [OK, says(b"+QIOPEN: 0,0")]
    fake.answers[b'AT+QIOPEN=1,1,"TCP","h",80,0,0'] = [OK, says(b"+QIOPEN: 1,0")]
    fake.answers[b"AT+QIRD=1,100"] = says(b"+QIRD: 2") + b"ab\r\n" + OK
    modem = await started(fake)
    udp = await modem.udp_open("h", 5683)
    tcp = await modem.tcp_open("h", 80)
    await udp.send(NASTY)
    fake.say(says(b'+QIURC: "recv",0,%d' % len(NASTY)) + NASTY + says(b'+QIURC: "recv",1'))
    buf = bytearray(100)
    assert await udp.recv_into(buf, 1000) == len(NASTY) and bytes(buf[: len(NASTY)]) == NASTY
    assert await tcp.recv_into(buf, 1000) == 2
    fake.say(says(b'+QIURC: "closed",1'))
    await until(lambda: tcp._error)
    fake.say(says(b'+QIURC: "pdpdeact",1'))
    await until(lambda: udp._error)


async def test_bearer_where_the_layers_disagree():
    fake = module()
    fake.answers[b"AT+CGACT?"] = says(b"+CGACT: 1,0", b"+CGACT: 9,1") + OK
    modem = await started(fake)
    await modem.bearer()
    assert fake.commands[-3:] == [b"AT+QIDEACT=1", b"AT+CGACT=0,9", b"AT+QIACT=1"]


async def test_gnss_takes_no_pseudo_fix_and_switches_off():
    fake = module()
    fixes = [
        b"\r\n+CME ERROR: 516\r\n",
        says(b"+QGPSLOC: 113644.00,22.8,120.2,0.00,0.0,1,,3.464,1.898,290826,00") + OK,
        says(b"+QGPSLOC: 113644.00,-22.81234,120.2,1.10,31.5,3,,3.464,1.898,290826,07") + OK,
    ]
    fake.answers[b"AT+QGPS=1"] = b"\r\n+CME ERROR: 504\r\n"
    fake.answers[b"AT+QGPSLOC=2"] = lambda line: fixes.pop(0)
    modem = await started(fake)
    location._ASK_MS = 1
    fix = await location.gnss(modem, 10000)
    assert abs(fix.latitude + 22.81234) < 1e-4 and fix.satellites == 7 and fake.commands[-1] == b"AT+QGPSEND"


async def test_signal_from_what_the_module_tells():
    fake = module()
    fake.answers[b"AT+QCSQ"] = says(b'+QCSQ: "LTE",-52,-81,195,-10') + OK
    modem = await started(fake)
    s = await modem.signal()
    assert (s.rssi_dbm, s.rsrp_dbm, s.rsrq_db, s.ce_level) == (-52, -81, -10, None) and abs(s.sinr_db - 19) < 0.01
    fake.answers[b"AT+QCSQ"] = ERROR
    fake.answers[b"AT+CESQ"] = says(b"+CESQ: 99,99,255,255,22,48") + OK
    fake.answers[b"AT+CSQ"] = says(b"+CSQ: 25,0") + OK
    s = await modem.signal()
    assert (s.rssi_dbm, s.rsrp_dbm, s.rsrq_db, s.sinr_db) == (-63, -93, -9, None)
    for line in (b"+CESQ: 99,99,255,255,255,255", b"+CESQ: "):
        fake.answers[b"AT+CESQ"] = says(line) + OK
        fake.answers[b"AT+CSQ"] = says(b"+CSQ: 99,99") + OK
        s = await modem.signal()
        assert (s.rssi_dbm, s.rsrp_dbm, s.rsrq_db) == (None, None, None)
