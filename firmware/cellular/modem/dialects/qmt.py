"""MQTT of Quectel modules (`AT+QMT…`). A profile says in QMT what differs:

version: what stands for 3.1.1; receive: the command that makes `+QMTRECV` tell the length of a message;
publish: "ex" (QMTPUBEX with length and prompt), "fixed" (QMTPUB ditto) or "hex" (QMTPUB inline);
format: the command that sets hex; hex: True where messages come in hex too;
ssl: the command that switches TLS on, where it is not that of most.
"""

from binascii import hexlify, unhexlify

from cellular.at.fields import number, split
from cellular.errors import ATError, CellularError
from cellular.modem.mqtt import MqttError, Offloaded, opened, refusal, topic_of
from cellular.modem.tls import TlsError
from micropython import const

_OPEN_MS = const(176000)
_ANSWER_MS = const(45000)  # 3 transmissions of 10 to 15 s
_OCCUPIED = const(2)
_NO_BEARER = const(3)
_NO_NAME = const(4)
_OPEN_ERRORS = ("", "wrong parameter", "the module's client is in use", "no bearer", "DNS failed", "network lost")
_STATES = (
    "",
    "reset by the broker",
    "no PINGRESP",
    "no answer to CONNECT",
    "CONNECT refused",
    "closed by the broker",
    "closed after failed transmissions",
    "link is dead",
)


class Session(Offloaded):
    def __init__(self, modem):
        super().__init__(modem, {b"+QMTRECV:": self._received, b"+QMTSTAT:": self._state})
        self._mode = modem.profile.QMT["publish"]

    def _received(self, line, payload):
        fields = split(line[9:])
        if payload is None:
            # Without a length the payload is what stands in quotes, or all that follows the topic; hex in hex mode.
            i = line.find(b'"')
            i = line.find(b'"', i + 1) + 2
            payload = line[i:]
            if self._modem.profile.QMT.get("hex"):
                j = payload.find(b'"')
                payload = unhexlify(payload[j + 1 :].strip(b'"'))
            elif payload[:1] == b'"':
                payload = payload[1:-1] if payload[-1:] == b'"' else payload[1:]
        self.arrived((fields[2] or "").encode(), payload)

    def _state(self, line, payload):
        code = number(split(line[9:]), 1)
        text = _STATES[code] if code is not None and 0 < code < len(_STATES) else "session is over"
        self.ended(text, code)

    async def open(self, host, port, keepalive_s, clean, tls):
        modem = self._modem
        ask = modem.channel.cmd
        qmt = modem.profile.QMT
        await ask(b'AT+QMTCFG="version",0,%d' % qmt["version"])
        await ask(b'AT+QMTCFG="keepalive",0,%d' % keepalive_s)
        await ask(b'AT+QMTCFG="session",0,%d' % clean)
        for key in ("receive", "format"):
            if qmt.get(key):
                await modem.try_command(qmt[key])
        if tls:
            context = await modem.dialect("tls").prepare(modem, tls)
            await ask(qmt.get("ssl") or b'AT+QMTCFG="ssl",0,1,%d' % context)
        elif "mqtt_tls" in modem.profile.CAPABILITIES:
            await ask(b'AT+QMTCFG="ssl",0,0')  # kept from an earlier session by some
        command = b'AT+QMTOPEN=0,"%s",%d' % (host.encode(), port)
        code = await self._open(command)
        if code in (_OCCUPIED, None):
            await self._shut()
            code = await self._open(command)
        if code != 0:
            text = _OPEN_ERRORS[code] if code is not None and 0 < code < len(_OPEN_ERRORS) else "connection failed"
            if tls and code not in (1, _OCCUPIED, _NO_BEARER, _NO_NAME):
                raise TlsError("connection to the broker", code)
            raise MqttError("connect", code, text)

    async def _open(self, command):
        try:
            return number(await self.late(command, b"+QMTOPEN: 0,", _OPEN_MS), 0)
        except ATError:
            return None

    async def log_in(self, client_id, user, password):
        command = b'AT+QMTCONN=0,"%s"' % client_id.encode()
        if user is not None:
            command += b',"%s","%s"' % (user.encode(), (password or "").encode())
        fields = await self.late(command, b"+QMTCONN: 0,", _ANSWER_MS)
        result, code = number(fields, 0), number(fields, 1)
        if code:
            raise refusal(code)
        if result != 0:
            raise MqttError("connect", result, "no answer of the broker")

    async def publish(self, topic, payload, qos=1, retain=False):
        """Send a message; with QoS 1 this returns when the broker has acknowledged it. Raises MqttError, ..."""
        mid = self.next_id() if qos else self.check() or 0
        head = b'=0,%d,%d,%d,"%s",%d' % (mid, qos, retain, topic_of(topic), len(payload))
        if self._mode == "hex":
            command, data = b'AT+QMTPUB%s,"%s"' % (head, hexlify(payload)), None
        else:
            command, data = (b"AT+QMTPUBEX" if self._mode == "ex" else b"AT+QMTPUB") + head, bytes(payload)
        line = await self._modem.channel.cmd(command, None, 15000, b"+QMTPUB", _ANSWER_MS, data)
        code = number(split(line[line.find(b":") + 1 :]), 2)
        if code != 0:
            raise MqttError("publish", code, "no acknowledgement of the broker")

    async def subscribe(self, topic, qos=1):
        """Subscribe to a topic filter. Returns the QoS granted. Raises MqttError."""
        mid = self.next_id()
        then = b"+QMTSUB: 0,%d," % mid
        fields = await self.late(b'AT+QMTSUB=0,%d,"%s",%d' % (mid, topic_of(topic), qos), then, _ANSWER_MS)
        granted = number(fields, 1)
        if number(fields, 0) != 0 or granted is not None and granted > 2:
            raise MqttError("subscribe", granted, "not granted by the broker")
        return qos if granted is None else granted

    async def unsubscribe(self, topic):
        mid = self.next_id()
        then = b"+QMTUNS: 0,%d," % mid
        if number(await self.late(b'AT+QMTUNS=0,%d,"%s"' % (mid, topic_of(topic)), then, _ANSWER_MS), 0) != 0:
            raise MqttError("unsubscribe", None, "no answer of the broker")

    async def _shut(self):
        for command, then in ((b"AT+QMTDISC=0", b"+QMTDISC: 0,"), (b"AT+QMTCLOSE=0", b"+QMTCLOSE: 0,")):
            try:
                await self.late(command, then, 5000)
            except CellularError:
                pass  # not open, or closed by the first of the two


async def connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls):
    """As `mqtt.connect`."""
    await modem.bearer()
    client = Session(modem)
    steps = client.open(host, port, keepalive_s, clean, tls), client.log_in(client_id, user, password)
    return await opened(client, *steps)
