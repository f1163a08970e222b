"""MQTT of China Mobile Cat.1 modules (`AT+MQTT…`, `+MQTTURC`)."""

from cellular.at.fields import number, split
from cellular.errors import CellularError
from cellular.modem.mqtt import CONNECT_MS, MqttError, Offloaded, opened, topic_of
from cellular.modem.tls import TlsError
from micropython import const

_ANSWER_MS = const(60000)  # three transmissions of 20 s
_REASONS = {3: "refused", 4: "closed by the broker", 5: "no PINGRESP", 6: "no network"}
_PART = b'+MQTTURC: "publish",'


class Session(Offloaded):
    def __init__(self, modem):
        super().__init__(modem, {b"+MQTTURC:": self._event})
        self._tls = False
        self._parts = bytearray()

    def _event(self, line, payload):
        if line.startswith(_PART):
            self._part(line, payload)
            return
        fields = split(line[9:])
        state = number(fields, 2)
        if fields[0] == "conn" and state:
            self.ended(_REASONS.get(state, "closed"), state)

    def _part(self, line, payload):
        # "publish",<id>,<mid>,"<topic>",<total>,<this part>,<data>
        fields = split(line[9:])
        total = number(fields, 4)
        if payload is None or total is None:
            self.dropped += 1
            return
        self._parts.extend(payload)
        if len(self._parts) < total:
            return  # split where topic and message are longer than 512 bytes
        if len(self._parts) == total:
            self.arrived((fields[3] or "").encode(), bytes(self._parts))
        else:
            self.dropped += 1
        self._parts = bytearray()

    async def open(self, keepalive_s, clean, tls):
        modem = self._modem
        await self._shut()
        ask = modem.channel.cmd
        settings = [
            b'"version",0,4',
            b'"keepalive",0,%d' % max(keepalive_s, 60),
            b'"clean",0,%d' % clean,
            b'"reconn",0,0',
            b'"cached",0,0',
            b'"encoding",0,0,0',
        ]
        for setting in settings:
            await modem.try_command(b"AT+MQTTCFG=" + setting)
        self._tls = bool(tls)
        if tls:
            context = await modem.dialect("tls").prepare(modem, tls)
            await ask(b'AT+MQTTCFG="ssl",0,1,%d' % context)
        else:
            await modem.try_command(b'AT+MQTTCFG="ssl",0,0')

    async def log_in(self, host, port, client_id, user, password):
        command = b'AT+MQTTCONN=0,"%s",%d,"%s"' % (host.encode(), port, client_id.encode())
        command += b',"%s","%s"' % ((user or "").encode(), (password or "").encode())
        code = number(await self.late(command, b'+MQTTURC: "conn",0,', CONNECT_MS), 0)
        if code != 0:
            if self._tls and code not in _REASONS:
                raise TlsError("connection to the broker", code)
            raise MqttError("connect", code, _REASONS.get(code, ""))

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        self.check()
        command = b'AT+MQTTPUB=0,"%s",%d,%d,0,%d' % (topic_of(topic), qos, retain, len(payload))
        then = b'+MQTTURC: "puback",0,' if qos else None
        line = await self._modem.channel.cmd(command, b"+MQTTPUB", 15000, then, _ANSWER_MS, bytes(payload))
        if qos and number(split(line[len(then) :]), 1):
            raise MqttError("publish", None, "no acknowledgement of the broker")

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS granted. Raises MqttError."""
        self.check()
        command = b'AT+MQTTSUB=0,"%s",%d' % (topic_of(topic), qos)
        fields = await self.late(command, b'+MQTTURC: "suback",0,', _ANSWER_MS)
        granted = number(fields, 1)
        if granted is None or granted > 2:
            raise MqttError("subscribe", granted, "not granted by the broker")
        return granted

    async def unsubscribe(self, topic):
        self.check()
        await self.late(b'AT+MQTTUNSUB=0,"%s"' % topic_of(topic), b'+MQTTURC: "unsuback",0,', _ANSWER_MS)

    async def _shut(self):
        try:
            await self._modem.channel.cmd(b"AT+MQTTDISC=0", None, 12000)
        except CellularError:
            pass  # it was not open


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    await modem.bearer()
    client = Session(modem)
    steps = client.open(keepalive_s, clean, tls), client.log_in(host, port, client_id, user, password)
    return await opened(client, *steps)
