"""MQTT of Luat (AirM2M) modules: `AT+MCONFIG`, `AT+MIPSTART`, `AT+MCONNECT`, `AT+MPUBEX` with length and prompt."""

from cellular.errors import CellularError
from cellular.modem.mqtt import MqttError, Offloaded, opened, topic_of
from cellular.modem.tls import TlsError
from micropython import const

_OPEN_MS = const(90000)
_ANSWER_MS = const(40000)


class Session(Offloaded):
    def __init__(self, modem):
        super().__init__(modem, {b"+MSUB:": self._received, b"CLOSED": self._connection_lost})

    def _received(self, line, payload):
        # +MSUB: "topic",20 byte,data
        i = line.find(b'"') + 1
        j = line.find(b'",', i)
        if payload is not None and j > 0:
            self.arrived(line[i:j], payload)

    def _connection_lost(self, line, payload):
        self.ended("connection lost")

    async def _step(self, command, then, timeout_ms):
        """The line behind OK that begins with `then`, its beginning left out."""
        line = await self._modem.channel.cmd(command, None, 9000, then, timeout_ms)
        return line[len(then) :].strip()

    async def open(self, host, port, client_id, user, password, tls):
        modem = self._modem
        await self._shut()
        config = b'AT+MCONFIG="%s"' % client_id.encode()
        if user is not None:
            config += b',"%s","%s"' % (user.encode(), (password or "").encode())
        else:
            config += b',"",""'
        await modem.channel.cmd(config)
        if tls:
            await modem.dialect("tls").prepare(modem, tls, modem.profile.TLS_MQTT)
        start = b"AT+SSLMIPSTART" if tls else b"AT+MIPSTART"
        answer = await self._step(b'%s="%s","%d"' % (start, host.encode(), port), b"CONNECT", _OPEN_MS)
        if answer != b"OK":
            if tls:
                raise TlsError("connection to the broker")
            raise MqttError("connect", None, "no connection to the broker")

    async def log_in(self, keepalive_s, clean):
        answer = await self._step(b"AT+MCONNECT=%d,%d" % (clean, keepalive_s), b"CONNACK", _ANSWER_MS)
        if answer != b"OK":
            raise MqttError("connect", None, "refused by the broker")

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        self.check()
        command = b'AT+MPUBEX="%s",%d,%d,%d' % (topic_of(topic), qos, retain, len(payload))
        then = b"PUBACK" if qos else None
        await self._modem.channel.cmd(command, None, 15000, then, _ANSWER_MS, bytes(payload))

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS asked for. Raises MqttError."""
        self.check()
        await self._step(b'AT+MSUB="%s",%d' % (topic_of(topic), qos), b"SUBACK", _ANSWER_MS)
        return qos

    async def unsubscribe(self, topic):
        self.check()
        await self._step(b'AT+MUNSUB="%s"' % topic_of(topic), b"UNSUBACK", _ANSWER_MS)

    async def _shut(self):
        for command in (b"AT+MDISCONNECT", b"AT+MIPCLOSE"):
            try:
                await self._modem.channel.cmd(command, None, 12000)
            except CellularError:
                pass  # it was not open


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    await modem.bearer()
    client = Session(modem)
    steps = client.open(host, port, client_id, user, password, tls), client.log_in(keepalive_s, clean)
    return await opened(client, *steps)
