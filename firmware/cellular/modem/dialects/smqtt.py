"""MQTT of SIMCom SIM7080, SIM7070 and SIM7000 (`AT+SM…`): one session. Messages come in hex (SUBHEX)."""

from binascii import unhexlify

from cellular.at.fields import split
from cellular.errors import ATError, CellularError
from cellular.modem.mqtt import CONNECT_MS, MqttError, Offloaded, opened, topic_of
from cellular.modem.tls import TlsError
from micropython import const

_ANSWER_MS = const(60000)


class Session(Offloaded):
    def __init__(self, modem):
        super().__init__(modem, {b"+SMSUB:": self._received, b"+SMSTATE:": self._state})

    def _received(self, line, payload):
        fields = split(line[7:])
        if payload is None:
            try:
                payload = unhexlify(fields[1] or "")
            except ValueError:
                self.dropped += 1
                return
        self.arrived((fields[0] or "").encode(), payload)

    def _state(self, line, payload):
        if line[9:].strip() == b"0":
            self.ended("connection lost")

    async def open(self, host, port, client_id, user, password, keepalive_s, clean, tls):
        modem = self._modem
        ask = modem.channel.cmd
        await self._shut()
        for key, value in (
            (b"URL", b'"%s",%d' % (host.encode(), port)),
            (b"CLIENTID", b'"%s"' % client_id.encode()),
            (b"KEEPTIME", b"%d" % keepalive_s),
            (b"CLEANSS", b"%d" % clean),
            (b"SUBHEX", b"1"),
            (b"USERNAME", b'"%s"' % (user or "").encode()),
            (b"PASSWORD", b'"%s"' % (password or "").encode()),
        ):
            if value != b'""':
                await ask(b'AT+SMCONF="%s",%s' % (key, value))
        if tls:
            from cellular.modem.dialects import cssl7080

            names = await cssl7080.convert(modem, tls)
            command = b'AT+SMSSL=%d,"%s"' % (2 if tls.cert else 1, names["ca"] if tls.verify else b"")
            if tls.cert:
                command += b',"%s"' % names["cert"]
            await ask(command)
            if tls.sni:
                await modem.try_command(b'AT+CSSLCFG="SNI",0,"%s"' % host.encode())
        else:
            await modem.try_command(b"AT+SMSSL=0")
        try:
            await ask(b"AT+SMCONN", None, CONNECT_MS)
        except ATError as e:
            if tls:
                raise TlsError("connection to the broker", e.code)
            raise MqttError("connect", e.code, "no connection, or refused by the broker")

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        self.check()
        command = b'AT+SMPUB="%s",%d,%d,%d' % (topic_of(topic), len(payload), qos, retain)
        await self._modem.channel.cmd(command, None, _ANSWER_MS, data=bytes(payload) if payload else None)

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS asked for. Raises ATError."""
        self.check()
        await self._modem.channel.cmd(b'AT+SMSUB="%s",%d' % (topic_of(topic), qos), None, _ANSWER_MS)
        return qos

    async def unsubscribe(self, topic):
        self.check()
        await self._modem.channel.cmd(b'AT+SMUNSUB="%s"' % topic_of(topic), None, _ANSWER_MS)

    async def _shut(self):
        try:
            await self._modem.channel.cmd(b"AT+SMDISC", None, 12000)
        except CellularError:
            pass  # it was not open


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    await modem.bearer()
    client = Session(modem)
    return await opened(client, client.open(host, port, client_id, user, password, keepalive_s, clean, tls))
