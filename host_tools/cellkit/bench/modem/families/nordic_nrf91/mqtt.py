"""#XMQTT…: the MQTT client of both applications. Source: Serial Modem documentation, at_mqtt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.mqtt import MqttClient
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_FAILED = -111
_LONGEST = 4096


class MqttCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """Reset."""
        name = "sm" if self._modem.serial_modem else "slm"
        self._config: tuple[str, int, int] = (f"{name}_default_client_id", 60, 0)
        self._broker = ("", 0, -1)

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "#XMQTTCFG": self._configure, "#XMQTTCON": self._connect, "#XMQTTSUB": self._subscribe,
            "#XMQTTUNSUB": self._unsubscribe, "#XMQTTPUB": self._publish,
        }  # fmt: skip

    @property
    def client(self) -> MqttClient:
        """The one client."""
        client = self._modem.mqtt_client()
        client.on_message = self._came
        client.on_lost = lambda why: self._event(1, _FAILED)
        return client

    def _event(self, kind: int, result: int) -> None:
        self._modem.urc(f"#XMQTTEVT: {kind},{result}")

    def _configure(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XMQTTCFG: <client_id>,<keep_alive>,<clean_session>"])
        if command.op == "read":
            return Reply([f'#XMQTTCFG: "{self._config[0]}",{self._config[1]},{self._config[2]}'])
        keep, clean = command.integer(1, 0, 65535, default=60), command.integer(2, 0, 1, default=0)
        self._config = (command.string(0, 128), keep, clean)
        return Reply()

    def _connect(self, command: Command) -> Reply:
        client, modem = self.client, self._modem
        if command.op == "test":
            return Reply(["#XMQTTCON: (0,1,2),<username>,<password>,<url>,<port>,<sec_tag>"])
        if command.op == "read":
            host, port, tag = self._broker
            more = f',"{self._config[0]}","{host}",{port}' + (f",{tag}" if tag >= 0 else "")
            return Reply([f"#XMQTTCON: 1{more}" if client.state == "connected" else "#XMQTTCON: 0"])
        if command.integer(0, 0, 2) == 0:
            if client.state != "connected":
                raise SyntaxFault

            def leave() -> None:
                client.disconnect()
                modem.later(0.1, self._event, 1, 0)

            return Reply(after=leave)
        if client.state != "closed" or not modem.ue.registered:
            raise SyntaxFault
        user, password = command.string(1, 128, default=""), command.string(2, 1024, default="")
        host, port = command.string(3, 128), command.integer(4, 1, 65535)
        tag = command.integer(5, 0, 2147483647) if command.given(5) else -1
        self._broker = (host, port, tag)
        stored = modem.mfw.stored
        tls = TlsSettings(ca=stored(tag, 0), cert=stored(tag, 1), key=stored(tag, 2), check_name=True, sni=True)

        def opened(outcome: str) -> None:
            if outcome != "ok":
                self._event(0, _FAILED)
                return
            client.connect(
                self._config[0], user or None, password or None, self._config[1], bool(self._config[2]),
                done=lambda code: self._event(0, 0 if code == 0 else -(code or 110)),
            )  # fmt: skip

        return Reply(after=lambda: client.open(host, port, tls if tag >= 0 else None, opened))

    def _ready(self) -> MqttClient:
        if self.client.state != "connected":
            raise SyntaxFault
        return self.client

    def _subscribe(self, command: Command) -> Reply:
        client, topic, qos = self._ready(), command.string(0, 128), command.integer(1, 0, 2)

        def granted(codes: list[int] | None) -> None:
            self._event(7, 0 if codes and codes[0] != 128 else _FAILED)

        return Reply(after=lambda: client.subscribe([(topic, qos)], granted))

    def _unsubscribe(self, command: Command) -> Reply:
        client, topic = self._ready(), command.string(0, 128)
        return Reply(after=lambda: client.unsubscribe([topic], lambda ok: self._event(8, 0 if ok else _FAILED)))

    def _publish(self, command: Command) -> Reply:
        client, topic = self._ready(), command.string(0, 128)
        text = command.string(1, _LONGEST, default="")
        qos, retain = command.integer(2, 0, 2, default=0), command.integer(3, 0, 1, default=0)

        def acknowledged(ok: bool) -> None:
            for kind in {1: (3,), 2: (4, 6)}.get(qos, ()):
                self._event(kind, 0 if ok else _FAILED)

        def send(data: bytes) -> None:
            client.publish(topic, data, qos, bool(retain), acknowledged)

        if not text:
            return Reply(after=lambda: self._modem.data_input.enter(send, whole=True))
        return Reply(after=lambda: send(text.encode("latin-1")))

    def _came(self, topic: bytes, payload: bytes, qos: int, retained: bool) -> None:
        self._modem.urc(f"#XMQTTMSG: {len(topic)},{len(payload)}\r\n{text_of(topic)}\r\n{text_of(payload)}")
        self._event(2, 0)
        if qos == 2:
            self._event(5, 0)
