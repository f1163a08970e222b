"""MQTT of Nordic nRF91 (`AT#XMQTT…`), data mode for payloads; TLS by security tag (`AT%CMNG`)."""

from cellular.at.fields import number, split
from cellular.errors import CellularError
from cellular.modem.mqtt import CONNECT_MS, MqttError, Offloaded, opened, refusal, topic_of
from cellular.modem.tls import TlsError
from micropython import const

_ANSWER_MS = const(60000)
_CONNACK = const(0)
_DISCONNECTED = const(1)


class Session(Offloaded):
    def __init__(self, modem):
        super().__init__(modem, {b"#XMQTTMSG:": self._received, b"#XMQTTEVT:": self._event})

    def _received(self, line, payload):
        # <length of the topic>,<length of the message>, then topic, CR LF, message
        n = number(split(line[10:]), 0) or 0
        if payload is None:
            self.dropped += 1
            return
        self.arrived(payload[:n], payload[n + 2 :])

    def _event(self, line, payload):
        fields = split(line[10:])
        if number(fields, 0) == _DISCONNECTED:
            self.ended("connection lost", number(fields, 1))

    async def open(self, host, port, client_id, user, password, keepalive_s, clean, tls):
        modem = self._modem
        await self._shut()
        await modem.channel.cmd(b'AT#XMQTTCFG="%s",%d,%d' % (client_id.encode(), keepalive_s, clean))
        command = b'AT#XMQTTCON=1,"%s","%s","%s",%d' % (
            (user or "").encode(),
            (password or "").encode(),
            host.encode(),
            port,
        )
        if tls:
            command += b",%d" % await modem.dialect("tls").prepare(modem, tls)
        try:
            code = number(await self.late(command, b"#XMQTTEVT: 0,", CONNECT_MS, None, 60000), 0)
        except CellularError:
            if tls:
                raise TlsError("connection to the broker")
            raise
        if code:
            raise refusal(code) if code > 0 else MqttError("connect", code)

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        self.check()
        then = b"#XMQTTEVT: 3," if qos else None
        await self._modem.dialect("mqtt_data").send_data(
            self._modem, b'AT#XMQTTPUB="%s","",%d,%d' % (topic_of(topic), qos, retain), payload, then, _ANSWER_MS
        )

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS asked for. Raises MqttError."""
        self.check()
        fields = await self.late(b'AT#XMQTTSUB="%s",%d' % (topic_of(topic), qos), b"#XMQTTEVT: 7,", _ANSWER_MS)
        if number(fields, 0):
            raise MqttError("subscribe", number(fields, 0), "not granted by the broker")
        return qos

    async def unsubscribe(self, topic):
        self.check()
        await self.late(b'AT#XMQTTUNSUB="%s"' % topic_of(topic), b"#XMQTTEVT: 8,", _ANSWER_MS)

    async def _shut(self):
        try:
            await self._modem.channel.cmd(b"AT#XMQTTCON=0", None, 12000)
        except CellularError:
            pass  # it was not open


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    client = Session(modem)
    return await opened(client, client.open(host, port, client_id, user, password, keepalive_s, clean, tls))
