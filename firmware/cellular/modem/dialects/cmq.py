"""MQTT of SIMCom SIM7020 (`AT+CMQ…`): one client, payload in hex, whose digits are counted."""

from binascii import hexlify, unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError
from cellular.modem.mqtt import CONNECT_MS, MqttError, Offloaded, opened, topic_of
from cellular.modem.tls import TlsError
from micropython import const

_ANSWER_MS = const(60000)
_BUFFER = const(1132)
_NET_MS = const(60000)
_PART = const(1000)  # characters of a certificate in one command
_MOST = const(500)  # bytes, 1000 digits


class Session(Offloaded):
    def __init__(self, modem):
        super().__init__(modem, {b"+CMQPUB:": self._received, b"+CMQDISCON:": self._connection_lost})

    def _received(self, line, payload):
        # id, topic, QoS, retained, dup, digits, hex
        fields = split(line[8:])
        try:
            payload = unhexlify(fields[6] or "")
        except (IndexError, ValueError):
            self.dropped += 1
            return
        if 2 * len(payload) != number(fields, 5):
            self.dropped += 1
            return
        self.arrived((fields[1] or "").encode(), payload)

    def _connection_lost(self, line, payload):
        self.ended("connection lost")

    async def open(self, host, port, client_id, user, password, keepalive_s, clean, tls):
        modem = self._modem
        ask = modem.channel.cmd
        await self._shut()
        await modem.try_command(b"AT+CMQTSYNC=1")
        name, prefix = (b"AT+CMQTTSNEW", b"+CMQTTSNEW") if tls else (b"AT+CMQNEW", b"+CMQNEW")
        if tls:
            await _upload(modem, tls)
        command = b'%s="%s","%d",%d,%d' % (name, host.encode(), port, _NET_MS, _BUFFER)
        try:
            line = await ask(command, prefix, CONNECT_MS)
        except ATError as e:
            if tls:
                raise TlsError("connection to the broker", e.code)
            raise MqttError("connect", e.code, "no connection to the broker")
        if line is None or number(split(line), 0) != 0:
            raise MqttError("connect", None, "the module gives no session")
        command = b'AT+CMQCON=0,4,"%s",%d,%d,0' % (client_id.encode(), keepalive_s, clean)
        if user is not None:
            command += b',"%s","%s"' % (user.encode(), (password or "").encode())
        try:
            await ask(command, None, CONNECT_MS)
        except ATError as e:
            raise MqttError("connect", e.code, "refused by the broker")

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        self.check()
        if not 0 < len(payload) <= _MOST:
            raise MqttError("publish", None, "the module takes 1 to %d bytes, not %d" % (_MOST, len(payload)))
        hexdata = hexlify(payload)
        command = b'AT+CMQPUB=0,"%s",%d,%d,0,%d,"%s"' % (topic_of(topic), qos, retain, len(hexdata), hexdata)
        await self._modem.channel.cmd(command, None, _ANSWER_MS)

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS asked for. Raises ATError."""
        self.check()
        await self._modem.channel.cmd(b'AT+CMQSUB=0,"%s",%d' % (topic_of(topic), qos), None, _ANSWER_MS)
        return qos

    async def unsubscribe(self, topic):
        self.check()
        await self._modem.channel.cmd(b'AT+CMQUNSUB=0,"%s"' % topic_of(topic), None, _ANSWER_MS)

    async def _shut(self):
        try:
            await self._modem.channel.cmd(b"AT+CMQDISCON=0", None, 12000)
        except CellularError:
            pass  # it was not open


async def _upload(modem, tls):
    """Give the module its certificates, which it forgets over sleep: in parts, line ends as `\\r\\n`."""
    for number_, pem in ((0, tls.ca if tls.verify else None), (1, tls.cert), (2, tls.key)):
        if not pem:
            continue
        text = pem.replace(b"\r\n", b"\n").replace(b"\n", b"\\r\\n")
        at = 0
        while at < len(text):
            end = min(at + _PART, len(text))
            while end < len(text) and text[end - 1] == 92:
                end -= 1  # not within an escape
            more = end < len(text)
            await modem.channel.cmd(b'AT+CSETCA=%d,%d,%d,0,"%s"' % (number_, len(text), more, text[at:end]), None, 9000)
            at = end


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    await modem.bearer()
    client = Session(modem)
    return await opened(client, client.open(host, port, client_id, user, password, keepalive_s, clean, tls))
