"""AT+MCONFIG, MIPSTART, MCONNECT, MSUB, MPUB: the MQTT client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.mqtt import MqttClient
from cellkit.bench.modem.engines.mqttcodec import Will
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault, head_args

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_LONGEST = 4100
_REPORT = 1360
_SLOTS = 4
_MQTT_CONTEXT = 88
_NOT_CONNECTED = 767


class MqttCommands:
    """Handlers bound to one modem: one session."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._client: MqttClient | None = None
        self._config: tuple[str, str | None, str | None] = ("", None, None)
        self._will: Will | None = None
        self._cached = False
        self._hex = False
        self._stored: list[tuple[str, bytes]] = []

    @property
    def client(self) -> MqttClient:
        """Made at its first use."""
        if self._client is None:
            self._client = MqttClient(self._modem.links)
            self._client.on_message = lambda topic, payload, qos, retained: self._came(topic, payload)
            self._client.on_lost = lambda why: self._modem.urc("CLOSED")
        return self._client

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+MCONFIG": self._mconfig, "+MIPSTART": self._start, "+SSLMIPSTART": self._start,
            "+MCONNECT": self._connect, "+MSUB": self._sub, "+MUNSUB": self._unsub, "+MPUB": self._pub,
            "+MPUBEX": self._pubex, "+MDISCONNECT": self._disconnect, "+MIPCLOSE": self._close,
            "+MQTTSTATU": self._state, "+MQTTMSGSET": self._msgset, "+MQTTMSGGET": self._msgget,
            "+MQTTMODE": self._mode,
        }  # fmt: skip

    def _mconfig(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply()
        user, word = (command.string(at, 256) if command.given(at) else None for at in (1, 2))
        self._config = (command.string(0, 256, default=""), user, word)
        if command.given(5):
            retain = command.integer(4, 0, 1, default=0) == 1
            self._will = Will(
                command.string(5, 256).encode(), command.string(6, 1024, default="").encode(),
                command.integer(3, 0, 2, default=0), retain,
            )  # fmt: skip
        return Reply()

    def _start(self, command: Command) -> Reply:
        host, port_text = command.string(0, 200), command.string(1, 5)
        if not port_text.isdecimal() or not 0 < int(port_text) < 65536:
            raise SyntaxFault
        port = int(port_text)
        client, modem = self.client, self._modem
        if client.state != "closed":
            raise MeFault(3)
        tls = modem.tls(_MQTT_CONTEXT) if command.name == "+SSLMIPSTART" else None

        def opened(outcome: str) -> None:
            modem.urc("CONNECT OK" if outcome == "ok" else "CONNECT FAIL")

        return Reply(after=lambda: client.open(host, port, tls, opened))

    def _connect(self, command: Command) -> Reply:
        if self.client.state != "open":
            raise MeFault(3)
        clean, keepalive = bool(command.integer(0, 0, 1)), command.integer(1, 0, 65535)
        name, user, word = self._config

        def told(code: int | None) -> None:
            self._modem.urc("CONNACK OK" if code == 0 else "CONNACK FAIL" if code is None else f"CONNACK {code}")

        return Reply(
            after=lambda: self.client.connect(name, user, word, keepalive, clean, self._will, done=told)
        )

    def _connected(self) -> MqttClient:
        if self.client.state != "connected":
            raise MeFault(_NOT_CONNECTED)
        return self.client

    def _sub(self, command: Command) -> Reply:
        client, topic, qos = self._connected(), command.string(0, 256), command.integer(1, 0, 2)

        def told(granted: list[int] | None) -> None:
            if self._modem.settings.ram.get("suback", True):
                self._modem.urc("SUBACK" if granted and granted[0] < 3 else "SUBACK FAIL")

        return Reply(after=lambda: client.subscribe([(topic, qos)], told))

    def _unsub(self, command: Command) -> Reply:
        client, topic = self._connected(), command.string(0, 256)

        def told(ok: bool) -> None:
            self._modem.urc("UNSUBACK")

        return Reply(after=lambda: client.unsubscribe([topic], told))

    def _publish(self, topic: str, qos: int, retain: bool, payload: bytes) -> None:
        def told(ok: bool) -> None:
            if ok and qos:
                self._modem.urc("PUBACK" if qos == 1 else "PUBCOMP")

        self._connected().publish(topic, payload, qos, retain, told)

    def _pub(self, command: Command) -> Reply:
        self._connected()
        args, rest = head_args(command.raw, 3)
        if rest is None:
            raise SyntaxFault
        head = Command(command.name, "set", "", args)
        topic, qos, retain = head.string(0, 256), head.integer(1, 0, 2), bool(head.integer(2, 0, 1))
        text = rest.strip()
        text = text[1:-1] if text[:1] == text[-1:] == '"' else text
        payload = bytes.fromhex(text) if self._hex else _unescaped(text)
        return Reply(after=lambda: self._publish(topic, qos, retain, payload))

    def _pubex(self, command: Command) -> Reply:
        self._connected()
        topic, qos, retain = command.string(0, 256), command.integer(1, 0, 2), bool(command.integer(2, 0, 1))
        size = command.integer(3, 1, _LONGEST)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
            else:
                self._modem.complete(Reply(after=lambda: self._publish(topic, qos, retain, data)))

        return Reply(prompt=DataMode(size, size, typed))

    def _disconnect(self, command: Command) -> Reply:
        self._connected().disconnect()
        return Reply()

    def _close(self, command: Command) -> Reply:
        self.client.close()
        return Reply()

    def _state(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        states = {"closed": 0, "opening": 2, "open": 2, "connecting": 2, "connected": 1}
        return Reply([f"+MQTTSTATU :{states[self.client.state]}"])

    def _msgset(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+MQTTMSGSET: {int(self._cached)}"])
        if command.op == "test":
            return Reply(["+MQTTMSGSET: (0,1)"])
        self._cached = bool(command.integer(0, 0, 1))
        return Reply()

    def _mode(self, command: Command) -> Reply:
        if command.op in ("read", "test"):
            return Reply([f"+MQTTMODE: {int(self._hex)}" if command.op == "read" else "+MQTTMODE: (0,1)"])
        self._hex = bool(command.integer(0, 0, 1))
        return Reply()

    def _came(self, topic: bytes, payload: bytes) -> None:
        name = topic.decode("latin-1")
        if self._cached:
            if len(self._stored) < _SLOTS:
                self._stored.append((name, payload))
                self._modem.urc(f"+MSUB: {len(self._stored) - 1}")
            return
        for start in range(0, max(1, len(payload)), _REPORT):
            piece = payload[start:start + _REPORT]
            text = piece.hex().upper() if self._hex else piece.decode("latin-1")
            self._modem.urc(f'+MSUB: "{name}",{len(piece)} byte,{text}')

    def _msgget(self, command: Command) -> Reply:
        if command.op == "read":
            states = ["VALID" if at < len(self._stored) else "INVALID" for at in range(_SLOTS)]
            return Reply([f"+MQTTMSGGET: {at},{state}" for at, state in enumerate(states)])
        if command.op == "test":
            return Reply()
        lines = [f"+MSUB: {name},{len(data)} byte,{data.decode('latin-1')}" for name, data in self._stored]
        self._stored.clear()
        return Reply(lines)


def _unescaped(text: str) -> bytes:
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] == "\\" and at + 2 < len(text) + 1 and text[at + 1:at + 3].strip():
            try:
                out.append(int(text[at + 1:at + 3], 16))
                at += 3
                continue
            except ValueError:
                pass
        out += text[at].encode("latin-1")
        at += 1
    return bytes(out)
