"""AT+QMT…: the MQTT client. Sources: MQTT notes of BG96 V1.0, BC26 V1.1, BC660K-GL V1.2; EC2x notes and real logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.engines.mqtt import MqttClient
from cellkit.bench.modem.engines.mqttcodec import Will
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault, head_args

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem

_LONGEST = 4096
_OPEN_CODES = {"ok": 0, "no bearer": 3, "dns": 4, "refused": 5, "timeout": 5, "tls": 5}
_FACTORY: dict[str, Any] = {
    "version": 3, "pdpcid": 1, "keepalive": 120, "session": 1, "timeout": (5, 3, 0), "ssl": (0, None),
    "recv/mode": (0, 0), "dataformat": (0, 0), "send/mode": 0, "echo mode": 0, "showrecvlen": 0,
}  # fmt: skip


class MqttCommands:
    """Handlers bound to one modem. The settings of a client outlive its session (EC200U: `ssl` does)."""

    clients = 6
    factory = _FACTORY
    named_settings = True
    """A setting is read back with its name in front of it."""
    connect_form = "<clientid>,<username>,<password>"

    def __init__(self, modem: QuectelModem) -> None:
        self._modem = modem
        self._clients: dict[int, MqttClient] = {}
        self._hosts: dict[int, tuple[str, int]] = {}
        self._settings = [dict(self.factory) for _ in range(self.clients)]
        self._wills: dict[int, Will] = {}
        self._stored: dict[int, list[tuple[str, bytes]]] = {}
        modem.at_reset.append(self.forget)
        self._left: set[int] = set()
        """Disconnected, but not closed: QMTCLOSE may follow (BG77)."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QMTCFG": self._qmtcfg, "+QMTOPEN": self._qmtopen, "+QMTCLOSE": self._qmtclose,
            "+QMTCONN": self._qmtconn, "+QMTDISC": self._qmtdisc, "+QMTSUB": self._qmtsub, "+QMTUNS": self._qmtuns,
            "+QMTPUB": self._qmtpub, "+QMTPUBEX": self._qmtpub, "+QMTRECV": self._qmtrecv,
        }  # fmt: skip

    def forget(self) -> None:
        """Reset or power cut: sessions and settings are gone."""
        for settings in self._settings:
            settings.update(self.factory)
        for kept in (self._wills, self._stored, self._hosts):
            kept.clear()
        self._left.clear()

    def _index(self, command: Command, at: int = 0) -> int:
        return command.integer(at, 0, self.clients - 1)

    def client(self, index: int) -> MqttClient:
        """The client of that number, made at its first use."""
        if index not in self._clients:
            client = self._clients[index] = MqttClient(self._modem.links)
            client.on_message = lambda topic, payload, qos, retained: self._came(index, topic, payload, qos)
            client.on_lost = lambda why: self._modem.urc(f"+QMTSTAT: {index},{2 if why == 'ping' else 1}")
        return self._clients[index]

    # Settings and session

    def _qmtcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+QMTCFG: {form}" for form in self._modem.mqtt_forms])
        key = command.string(0, 20).lower()
        settings = self._settings[self._index(command, 1)]
        values = [arg.text for arg in command.args[2:]]
        if key == "will":
            return self._will(self._index(command, 1), values)
        if key not in settings:
            return Reply()
        if not values:
            value = settings[key]
            parts = value if isinstance(value, tuple) else (value,)
            shown = ",".join("" if item is None else str(item) for item in parts)
            return Reply([f'+QMTCFG: "{key}",{shown}' if self.named_settings else f"+QMTCFG: {shown}"])
        try:
            numbers = tuple(int(value) for value in values)
        except ValueError:
            raise SyntaxFault from None
        settings[key] = numbers if isinstance(settings[key], tuple) else numbers[0]
        return Reply()

    def _will(self, index: int, values: list[str]) -> Reply:
        if values and values[0] == "1" and len(values) >= 5:
            self._wills[index] = Will(values[3].encode(), values[4].encode(), int(values[1]), values[2] == "1")
        else:
            self._wills.pop(index, None)
        return Reply()

    def _qmtopen(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+QMTOPEN: (0-{self.clients - 1}),<hostname>,(1-65535)"])
        if command.op == "read":
            return Reply([
                f'+QMTOPEN: {index},"{host}",{port}'
                for index, (host, port) in sorted(self._hosts.items()) if self.client(index).state != "closed"
            ])  # fmt: skip
        index, host, port = self._index(command), command.string(1, 100), command.integer(2, 0, 65535)
        client, modem, ssl = self.client(index), self._modem, self._settings[index]["ssl"]

        def told(code: int) -> None:
            modem.urc(f"+QMTOPEN: {index},{code}")

        def begin() -> None:
            if client.state != "closed":
                modem.later(0.05, told, 2)
                return
            self._hosts[index] = (host, port)
            tls = modem.tls_part.settings(int(ssl[1] or 0)) if ssl[0] else None
            client.open(host, port, tls, lambda outcome: told(_OPEN_CODES.get(outcome, 5)))

        return Reply(after=begin)

    def _qmtclose(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+QMTCLOSE: (0-{self.clients - 1})"])
        index = self._index(command)
        if self.client(index).state == "closed" and index not in self._left:
            raise SyntaxFault
        self._left.discard(index)
        self.client(index).close()
        return Reply(after=lambda: self._modem.later(0.1, self._modem.urc, f"+QMTCLOSE: {index},0"))

    def _qmtconn(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+QMTCONN: (0-{self.clients - 1}),{self.connect_form}"])
        if command.op == "read":
            states = {"open": 1, "connecting": 2, "connected": 3}
            return Reply([
                f"+QMTCONN: {index},{states[client.state]}"
                for index, client in sorted(self._clients.items()) if client.state in states
            ])  # fmt: skip
        index, name = self._index(command), command.string(1, 256)
        client, settings = self.client(index), self._settings[index]
        if client.state != "open":
            raise SyntaxFault
        user, word = (command.string(at, 256) if command.given(at) else None for at in (2, 3))
        low = self._modem.mqtt_versions[0]

        def told(code: int | None) -> None:
            self._modem.urc(f"+QMTCONN: {index}," + ("2" if code is None else f"0,{code}"))

        def begin() -> None:
            client.packet_timeout_s, client.retries = settings["timeout"][0], settings["timeout"][1]
            client.connect(
                name, user, word, int(settings["keepalive"]), bool(settings["session"]), self._wills.get(index),
                4 if settings["version"] > low else 3, told,
            )  # fmt: skip

        return Reply(after=begin)

    def _qmtdisc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+QMTDISC: (0-{self.clients - 1})"])
        index = self._index(command)
        if self.client(index).state == "closed":
            raise SyntaxFault
        self.client(index).disconnect()
        self._left.add(index)
        return Reply(after=lambda: self._modem.later(0.2, self._modem.urc, f"+QMTDISC: {index},0"))

    # Messages

    def _connected(self, index: int) -> MqttClient:
        client = self.client(index)
        if client.state != "connected":
            raise SyntaxFault
        return client

    def _qmtsub(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+QMTSUB: (0-{self.clients - 1}),<msgid>,<list of [topic,qos]>"])
        index, number = self._index(command), command.integer(1, 1, 65535)
        client = self._connected(index)
        pairs = command.args[2:]
        topics: list[tuple[str | bytes, int]] = [
            (pairs[at].text, int(pairs[at + 1].text)) for at in range(0, len(pairs) - 1, 2)
        ]

        def told(granted: list[int] | None) -> None:
            if granted is None:
                self._modem.urc(f"+QMTSUB: {index},{number},2")
            else:
                self._modem.urc(f"+QMTSUB: {index},{number},0,{','.join(map(str, granted))}")

        return Reply(after=lambda: client.subscribe(topics, told))

    def _qmtuns(self, command: Command) -> Reply:
        index, number = self._index(command), command.integer(1, 1, 65535)
        client = self._connected(index)
        topics: list[str | bytes] = [arg.text for arg in command.args[2:]]

        def told(ok: bool) -> None:
            self._modem.urc(f"+QMTUNS: {index},{number},{0 if ok else 2}")

        return Reply(after=lambda: client.unsubscribe(topics, told))

    def _qmtpub(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"{command.name}: (0-{self.clients - 1}),(0-65535),(0-2),(0,1),<topic>,(1-{_LONGEST})"])
        args, rest = head_args(command.raw, 5)
        head = Command(command.name, "set", "", args)
        index, number = self._index(head), head.integer(1, 0, 65535)
        qos, retain, topic = head.integer(2, 0, 2), bool(head.integer(3, 0, 1)), head.string(4, 256)
        client = self._connected(index)
        answer = self._modem.publish_answer if command.name == "+QMTPUBEX" else "+QMTPUB"
        in_hex = bool(self._settings[index]["dataformat"][0])

        def publish(payload: bytes) -> None:
            def told(ok: bool) -> None:
                self._modem.urc(f"{answer}: {index},{number},{0 if ok else 2}")

            client.publish(topic, payload, qos, retain, told)

        if rest is None or rest.strip().isdigit():
            def typed(data: bytes | None) -> None:
                if data is None:
                    self._modem.complete(Reply())
                else:
                    payload = _unhexed(data) if in_hex else data
                    self._modem.complete(Reply(after=lambda: publish(payload)))

            size = None if rest is None else int(rest) * (2 if in_hex else 1)
            return Reply(prompt=DataMode(size, 2 * _LONGEST, typed))
        payload = _payload(rest, 2 if in_hex else 1)
        return Reply(after=lambda: publish(_unhexed(payload) if in_hex else payload))

    def _came(self, index: int, topic: bytes, payload: bytes, qos: int) -> None:
        settings, modem = self._settings[index], self._modem
        buffered, with_length = settings["recv/mode"]
        with_length = with_length or settings["showrecvlen"]
        text = payload.hex().upper() if settings["dataformat"][1] else payload.decode("latin-1")
        name, number = topic.decode("latin-1"), 1 if qos else 0
        if buffered:
            self._stored.setdefault(index, []).append((name, payload))
            modem.urc(f"+QMTRECV: {index},{len(self._stored[index]) - 1}")
        elif with_length:
            modem.urc(f'+QMTRECV: {index},{number},"{name}",{len(payload)},"{text}"')
        elif modem.mqtt_recv == "bare":
            modem.urc(f'+QMTRECV: {index},{number}, "{name}",{text}')
        else:
            modem.urc(f'+QMTRECV: {index},{number},"{name}","{text}"')

    def _qmtrecv(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply()
        index = self._index(command)
        lines = [
            f'+QMTRECV: {index},{number},"{topic}",{len(payload)},"{payload.decode("latin-1")}"'
            for number, (topic, payload) in enumerate(self._stored.pop(index, []))
        ]
        return Reply(lines)


def _payload(rest: str, characters: int) -> bytes:
    """`"text"`, or `length,"text"` where the length (of bytes, each `characters` long) decides; quotes may be in it."""
    size, comma, text = rest.partition(",")
    if comma and size.strip().isdigit():
        inner = text.strip()[1:-1] if text.strip().startswith('"') else text.strip()
        if len(inner) != characters * int(size):
            raise SyntaxFault
        return inner.encode("latin-1")
    text = rest.strip()
    return (text[1:-1] if text.startswith('"') and text.endswith('"') else text).encode("latin-1")


def _unhexed(data: bytes) -> bytes:
    try:
        return bytes.fromhex(data.decode("ascii"))
    except ValueError:
        raise SyntaxFault from None
