"""AT+MQTT…: the MQTT client. Source: MQTT manual of the ML302/ML305/ML307 line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.mqtt import MqttClient
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, head_args

if TYPE_CHECKING:
    from cellkit.bench.modem.families.chinamobile_ml307 import Module

_CLIENTS = 6
_LONGEST = 1024
_FIRST_ID = 18806  # the manual's examples begin here
_PIECE = 512
_NOT_CONNECTED, _PARAMETERS = 605, 601
_FACTORY = {
    "keepalive": "120", "clean": "0", "encoding": "0,0", "cached": "0", "ssl": "0,0", "version": "4", "pingresp": "0",
}  # fmt: skip


class MqttCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._clients: dict[int, MqttClient] = {}
        self._settings = [dict(_FACTORY) for _ in range(_CLIENTS)]
        self._stored: dict[int, list[tuple[str, bytes, int]]] = {}
        self._id = _FIRST_ID

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+MQTTCFG": self._cfg, "+MQTTCONN": self._conn, "+MQTTDISC": self._disc, "+MQTTSUB": self._sub,
            "+MQTTUNSUB": self._unsub, "+MQTTPUB": self._pub, "+MQTTREAD": self._read, "+MQTTSTATE": self._state,
        }  # fmt: skip

    def client(self, index: int) -> MqttClient:
        """The client of that number, made at its first use."""
        if index not in self._clients:
            client = self._clients[index] = MqttClient(self._modem.links)
            client.on_message = lambda topic, payload, qos, retained: self._came(index, topic, payload)
            client.on_lost = lambda why: self._modem.urc(f'+MQTTURC: "conn",{index},{5 if why == "ping" else 6}')
        return self._clients[index]

    def _index(self, command: Command, at: int = 0) -> int:
        return command.integer(at, 0, _CLIENTS - 1)

    def _new_id(self) -> int:
        self._id += 1
        return self._id

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+MQTTCFG: "keepalive",(0-5),(0,60-65535)'])
        key, settings = command.string(0, 20).lower(), self._settings[self._index(command, 1)]
        if len(command.args) == 2:
            return Reply([f'+MQTTCFG: "{key}",{command.args[1].text},{settings.get(key, "0")}'])
        settings[key] = ",".join(arg.text for arg in command.args[2:])
        return Reply()

    def _conn(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+MQTTCONN: (0-5),,(1-65535),,,"])
        index, modem = self._index(command), self._modem
        host, port, name = command.string(1, 200), command.integer(2, 1, 65535), command.string(3, 256)
        user, word = (command.string(at, 256) if command.given(at) else None for at in (4, 5))
        client, settings = self.client(index), self._settings[index]
        if client.state != "closed":
            raise MeFault(_NOT_CONNECTED)
        secure, _, context = settings["ssl"].partition(",")
        tls = modem.certificates.settings(int(context or 0)) if secure == "1" else None

        def told(code: int | None) -> None:
            modem.urc(f'+MQTTURC: "conn",{index},{0 if code == 0 else 3 if code else 6}')

        def opened(outcome: str) -> None:
            if outcome == "tls":
                modem.urc(f'+MQTTURC: "conn",{index},255')  # (unverified) the code for all that has none of its own
                return
            if outcome != "ok":
                told(None)
                return
            client.connect(name, user, word, int(settings["keepalive"]), settings["clean"] == "1", done=told)

        return Reply(after=lambda: client.open(host, port, tls, opened))

    def _disc(self, command: Command) -> Reply:
        index = self._index(command)
        client = self.client(index)
        if client.state == "closed":
            raise MeFault(_NOT_CONNECTED)
        client.disconnect()
        return Reply(after=lambda: self._modem.later(0.1, self._modem.urc, f'+MQTTURC: "conn",{index},2'))

    def _connected(self, index: int) -> MqttClient:
        client = self.client(index)
        if client.state != "connected":
            raise MeFault(_NOT_CONNECTED)
        return client

    def _sub(self, command: Command) -> Reply:
        index = self._index(command)
        client, number, rest = self._connected(index), self._new_id(), command.args[1:]
        topics: list[tuple[str | bytes, int]] = [
            (rest[at].text, int(rest[at + 1].text)) for at in range(0, len(rest) - 1, 2)
        ]

        def told(granted: list[int] | None) -> None:
            codes = ",".join(map(str, granted or [128]))
            self._modem.urc(f'+MQTTURC: "suback",{index},{number},{codes}')

        return Reply([f"+MQTTSUB: {index},{number}"], after=lambda: client.subscribe(topics, told))

    def _unsub(self, command: Command) -> Reply:
        index = self._index(command)
        client, number = self._connected(index), self._new_id()
        topics: list[str | bytes] = [arg.text for arg in command.args[1:]]

        def told(ok: bool) -> None:
            self._modem.urc(f'+MQTTURC: "unsuback",{index},{number}')

        return Reply([f"+MQTTUNSUB: {index},{number}"], after=lambda: client.unsubscribe(topics, told))

    def _pub(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+MQTTPUB: (0-5),,(0-2),(0,1),(0,1),(1-{_LONGEST}),"])
        args, rest = head_args(command.raw, 6)
        head = Command(command.name, "set", "", args)
        index, topic, qos = self._index(head), head.string(1, 256), head.integer(2, 0, 2)
        retain, size = bool(head.integer(3, 0, 1)), head.integer(5, 1, _LONGEST)
        client = self._connected(index)

        def publish(payload: bytes) -> Reply:
            number = self._new_id()
            length = len(topic) + len(payload) + 4 + (2 if qos else 0)
            modem = self._modem

            def told(ok: bool) -> None:
                if qos == 1:
                    modem.urc(f'+MQTTURC: "puback",{index},{number},{0 if ok else 1}')
                elif qos == 2:
                    modem.urc(f'+MQTTURC: "pubrec",{index},{number},{0 if ok else 1}')
                    modem.urc(f'+MQTTURC: "pubcomp",{index},{number},{0 if ok else 1}')

            lines = [f"+MQTTPUB: {index},{number},{length}"]
            return Reply(lines, after=lambda: client.publish(topic, payload, qos, retain, told))

        in_hex = self._settings[index]["encoding"].startswith("1")
        if rest is None:
            def typed(data: bytes | None) -> None:
                self._modem.complete(Reply() if data is None else publish(data))

            return Reply(prompt=DataMode(size, size, typed))
        text = rest.strip()
        text = text[1:-1] if text[:1] == text[-1:] == '"' else text
        payload = bytes.fromhex(text) if in_hex else text.encode("latin-1")
        if len(payload) != size:
            raise MeFault(_PARAMETERS)
        return publish(payload)

    def _came(self, index: int, topic: bytes, payload: bytes) -> None:
        settings, name, modem = self._settings[index], topic.decode("latin-1"), self._modem
        number = self._new_id()
        if settings["cached"] == "1":
            self._stored.setdefault(index, []).append((name, payload, number))
            modem.urc(f'+MQTTURC: "pubnmi",{index},{number},{len(payload)}')
            return
        in_hex = settings["encoding"].endswith("1")
        room = max(1, _PIECE - len(topic))
        for start in range(0, max(1, len(payload)), room):
            piece = payload[start:start + room]
            text = piece.hex().upper() if in_hex else piece.decode("latin-1")
            modem.urc(f'+MQTTURC: "publish",{index},{number},"{name}",{len(payload)},{len(piece)},{text}')

    def _read(self, command: Command) -> Reply:
        index, count = self._index(command), command.integer(1, 1, 100, default=1)
        stored = self._stored.get(index, [])
        taken, self._stored[index] = stored[:count], stored[count:]
        return Reply([
            f'+MQTTREAD: {index},{number},"{name}",{len(payload)},{payload.decode("latin-1")}'
            for name, payload, number in taken
        ])  # fmt: skip

    def _state(self, command: Command) -> Reply:
        states = {"closed": 3, "opening": 1, "open": 1, "connecting": 1, "connected": 2}
        return Reply([f"+MQTTSTATE: {states[self.client(self._index(command)).state]}"])
