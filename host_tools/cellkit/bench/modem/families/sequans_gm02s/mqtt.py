"""AT+SQNSMQTT…: the MQTT client; no space behind the colon of its URCs. Sources: driver libraries, bench notes.

It never sends PINGREQ whatever the keep-alive, and after a loss comes back by itself, without its subscriptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.mqtt import MqttClient
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.sequans_gm02s import Module

_NOT_ALLOWED = 3
_LONGEST = 65535
_HOLDS_BYTES = 1500
_BACK_S = 5.0
_TLS_FAILED, _NO_CONNECTION, _REFUSED = -8, -4, -5


class MqttCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """A restart."""
        self._config = ("", "", "", 0)
        self._broker = ("", 0)
        self._messages: dict[str, list[tuple[int, bytes]]] = {}
        self.number = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SQNSMQTTCFG": self._configure, "+SQNSMQTTCONNECT": self._connect, "+SQNSMQTTPUBLISH": self._publish,
            "+SQNSMQTTSUBSCRIBE": self._subscribe, "+SQNSMQTTUNSUBSCRIBE": self._unsubscribe,
            "+SQNSMQTTRCVMESSAGE": self._receive, "+SQNSMQTTDISCONNECT": self._disconnect,
        }  # fmt: skip

    @property
    def client(self) -> MqttClient:
        """The one client."""
        client = self._modem.mqtt_client()
        client.on_message = self._came
        client.on_lost = self._lost
        return client

    def _told(self, name: str, *fields: object) -> None:
        self._modem.urc(f"+SQNSMQTTON{name}:0," + ",".join(map(str, fields)))

    def _configure(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SQNSMQTTCFG: 0,<client_id>,<username>,<password>,<sp_id>"])
        command.integer(0, 0, 0)
        texts = [command.string(index, 256, default="") for index in (1, 2, 3)]
        self._config = (texts[0], texts[1], texts[2], command.integer(4, 0, 6, default=0))
        return Reply()

    def _connect(self, command: Command) -> Reply:
        command.integer(0, 0, 0)
        host, port = command.string(1, 128), command.integer(2, 1, 65535, default=1883)
        command.integer(3, 0, 65535, default=60)
        if not self._modem.ue.registered or self.client.state != "closed":
            raise MeFault(_NOT_ALLOWED)
        self._broker = (host, port)
        return Reply(after=self._open)

    def _open(self) -> None:
        host, port = self._broker
        name, user, password, profile = self._config
        # A profile without a CA slot talks plain text, even to port 8883.
        tls = self._modem.web_part.settings(profile) if profile and self._modem.web_part.has_ca(profile) else None

        def opened(outcome: str) -> None:
            if outcome != "ok":
                self._told("CONNECT", _TLS_FAILED if outcome == "tls" else _NO_CONNECTION)
                return
            self.client.connect(
                name, user or None, password or None, 0,
                done=lambda code: self._told("CONNECT", 0 if code == 0 else _REFUSED),
            )  # fmt: skip

        self.client.open(host, port, tls, opened)

    def _ready(self, command: Command) -> MqttClient:
        command.integer(0, 0, 0)
        if self.client.state != "connected":
            raise MeFault(_NOT_ALLOWED)
        return self.client

    def _publish(self, command: Command) -> Reply:
        client, topic = self._ready(command), command.string(1, 256)
        qos, size = command.integer(2, 0, 2, default=0), command.integer(3, 1, _LONGEST)

        def sent(ok: bool) -> None:
            self._told("PUBLISH", number, 0 if ok else _NO_CONNECTION)

        self.number += 1
        number = self.number

        def send(data: bytes) -> None:
            client.publish(topic, data, qos, False, sent)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
            else:
                self._modem.complete(Reply(after=lambda: send(data)))

        return Reply(prompt=DataMode(size, _LONGEST, typed, ends=b""))

    def _subscribe(self, command: Command) -> Reply:
        client, topic, qos = self._ready(command), command.string(1, 256), command.integer(2, 0, 2, default=0)

        def granted(codes: list[int] | None) -> None:
            self._told("SUBSCRIBE", f'"{topic}"', 0 if codes and codes[0] != 128 else _NO_CONNECTION)

        return Reply(after=lambda: client.subscribe([(topic, qos)], granted))

    def _unsubscribe(self, command: Command) -> Reply:
        client, topic = self._ready(command), command.string(1, 256)

        def told(ok: bool) -> None:
            self._told("UNSUBSCRIBE", f'"{topic}"', 0 if ok else _NO_CONNECTION)

        return Reply(after=lambda: client.unsubscribe([topic], told))

    def _disconnect(self, command: Command) -> Reply:
        client = self._ready(command)

        def leave() -> None:
            client.disconnect()
            self._modem.later(0.2, self._told, "DISCONNECT", 0)

        return Reply(after=leave)

    def _came(self, topic: bytes, payload: bytes, qos: int, retained: bool) -> None:
        name = text_of(topic)
        if sum(len(data) for queue in self._messages.values() for _, data in queue) + len(payload) > _LONGEST:
            self._modem.urc("+SQNSMQTTMEMORYFULL")
            return
        self.number += 1
        self._messages.setdefault(name, []).append((self.number, payload))
        more = (self.number,) if qos else ()
        self._told("MESSAGE", f'"{name}"', len(payload), qos, *more)

    def _receive(self, command: Command) -> Reply:
        command.integer(0, 0, 0)
        queue = self._messages.get(command.string(1, 256), [])
        number = command.integer(2, 0, _LONGEST) if command.given(2) else queue[0][0] if queue else 0
        found = next((item for item in queue if item[0] == number), None)
        if found is None or len(found[1]) > _HOLDS_BYTES:
            raise MeFault(_NOT_ALLOWED)
        queue.remove(found)
        return Reply([text_of(found[1])])

    def _lost(self, why: str) -> None:
        """It comes back by itself, says so unasked, and has no subscription any more."""
        self._modem.later(_BACK_S, self._return)

    def _return(self) -> None:
        if self.client.state == "closed" and self._modem.ue.registered:
            self._open()
