"""MQTT of SIMCom A76xx and SIM7600 modules (`AT+CMQTT…`), whose order of OK and result differs by command and module.

Topic and payload go by length behind prompts. A message comes in blocks, `+CMQTTRXSTART` to `+CMQTTRXEND`.
"""

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError
from cellular.modem.mqtt import CONNECT_MS, MqttError, Offloaded, opened, refusal, topic_of
from cellular.modem.tls import TlsError
from micropython import const

_ANSWER_MS = const(60000)
_HANDSHAKE = const(32)
_NO_CERTIFICATE = const(33)
_REFUSED = const(26)  # 27 to 31 are the refusals 1 to 5 of CONNACK
_TEXTS = {
    3: "no connection to the broker",
    9: "no network",
    17: "timeout",
    25: "DNS failed",
    26: "closed by the broker",
    34: "session could not be opened",
}
_MESSAGE_MAX = const(4096)


class Session(Offloaded):
    def __init__(self, modem):
        super().__init__(
            modem,
            {
                b"+CMQTTRX": self._received,
                b"+CMQTTCONNLOST:": self._connection_lost,
                b"+CMQTTNONET": self._connection_lost,
            },
        )
        self._topic = bytearray()
        self._payload = bytearray()
        self._length = 0

    def _received(self, line, payload):
        if line.startswith(b"+CMQTTRXSTART:"):
            self._topic = bytearray()
            self._payload = bytearray()
            self._length = number(split(line[14:]), 2) or 0
        elif line.startswith(b"+CMQTTRXTOPIC:"):
            self._topic.extend(payload or b"")
        elif line.startswith(b"+CMQTTRXPAYLOAD:"):
            if self._length <= _MESSAGE_MAX:
                self._payload.extend(payload or b"")
        elif line.startswith(b"+CMQTTRXEND:"):
            if len(self._payload) == self._length:
                self.arrived(bytes(self._topic), bytes(self._payload))
            else:
                self.dropped += 1  # too long, or a block is missing
            self._payload = bytearray()

    def _connection_lost(self, line, payload):
        self.ended("connection lost", number(split(line[15:]), 1))

    async def _result(self, command, what, timeout_ms, name=None):
        """The code in the result line of `command`, which comes before or after OK, or before ERROR."""
        ch = self._modem.channel
        name = name or command[2:].split(b"=")[0]
        then = name + (b": " if name == b"+CMQTTSTART" or name == b"+CMQTTSTOP" else b": 0,")
        try:
            line = await ch.cmd(command, None, timeout_ms, then, timeout_ms)
        except ATError as e:
            line = e.late
            if line is None:
                raise
        code = number(split(line[len(then) :]), 0)
        if code != 0 and what:
            raise self._error(what, code)
        return code

    def _error(self, what, code):
        if code is None:
            return MqttError(what, None, "a damaged answer")
        if code in (_HANDSHAKE, _NO_CERTIFICATE):
            return TlsError("connection to the broker", code)
        if _REFUSED < code <= _REFUSED + 5:
            return refusal(code - _REFUSED)
        return MqttError(what, code, _TEXTS.get(code, ""))

    async def open(self, client_id, tls):
        """Start the service and take client 0. What an earlier life of this device has left open is ended first."""
        await self._shut()
        ask = self._modem.channel.cmd
        context = await self._modem.dialect("tls").prepare(self._modem, tls) if tls else None
        try:
            await self._result(b"AT+CMQTTSTART", "start", 20000)
        except MqttError:
            await self._shut()
            await self._result(b"AT+CMQTTSTART", "start", 20000)
        await ask(b'AT+CMQTTACCQ=0,"%s",%d' % (client_id.encode(), 1 if tls else 0))
        if tls:
            await ask(b"AT+CMQTTSSLCFG=0,%d" % context)
        for setting in (b'"version",0,4', b'"checkUTF8",0,0'):
            await self._modem.try_command(b"AT+CMQTTCFG=" + setting)

    async def log_in(self, host, port, user, password, keepalive_s, clean):
        command = b'AT+CMQTTCONNECT=0,"tcp://%s:%d",%d,%d' % (host.encode(), port, keepalive_s, clean)
        if user is not None:
            command += b',"%s","%s"' % (user.encode(), (password or "").encode())
        await self._result(command, "connect", CONNECT_MS)

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        self.check()
        ask = self._modem.channel.cmd
        name = topic_of(topic)
        await ask(b"AT+CMQTTTOPIC=0,%d" % len(name), None, 9000, data=name)
        if payload:
            await ask(b"AT+CMQTTPAYLOAD=0,%d" % len(payload), None, 9000, data=bytes(payload))
        await self._result(b"AT+CMQTTPUB=0,%d,60,%d" % (qos, retain), "publish", _ANSWER_MS + 5000)

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS asked for. Raises MqttError."""
        await self._with_topic(b"AT+CMQTTSUB=0,%d,%d", topic, qos, "subscribe")
        return qos

    async def unsubscribe(self, topic):
        await self._with_topic(b"AT+CMQTTUNSUB=0,%d,%d", topic, 0, "unsubscribe")

    async def _with_topic(self, command, topic, argument, what):
        self.check()
        name = topic_of(topic)
        command = command % (len(name), argument)
        then = command[2 : command.find(b"=")] + b": 0,"
        ch = self._modem.channel
        try:
            line = await ch.cmd(command, None, 9000, then, _ANSWER_MS, data=name)
        except ATError as e:
            line = e.late
            if line is None:
                raise
        code = number(split(line[len(then) :]), 0)
        if code != 0:
            raise self._error(what, code)

    async def _shut(self):
        for command, late in (
            (b"AT+CMQTTDISC=0,10", True),
            (b"AT+CMQTTREL=0", False),
            (b"AT+CMQTTSTOP", True),
        ):
            try:
                if late:
                    await self._result(command, None, 12000)
                else:
                    await self._modem.channel.cmd(command)
            except CellularError:
                pass  # it was not open


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    await modem.bearer()
    client = Session(modem)
    steps = client.open(client_id, tls), client.log_in(host, port, user, password, keepalive_s, clean)
    return await opened(client, *steps)
