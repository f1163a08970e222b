"""AT+CMQ…: one MQTT client, payload as hex whose length counts digits. Sources: AT manual V1.05, MQTT(S) note V1.05."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.mqttcodec import Will
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._simcom.lpwa import digits
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.engines.mqtt import MqttClient
    from cellkit.bench.modem.families.simcom_sim7020 import Module

_DIGITS = 1000
_WILL = re.compile(r"topic=(.*?),QoS=([012]),retained=([01]),message_len=(\d+),message=(.*)", re.IGNORECASE | re.DOTALL)


class MqttCommands:
    """Handlers bound to one modem. Without CMQTSYNC=1 an OK says only that a packet was sent."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.used = False
        self.waits = False
        """A packet's answer is awaited: another command fails."""
        self._host = ""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CMQNEW": self._new, "+CMQTTSNEW": self._new, "+CMQCON": self._con, "+CMQDISCON": self._discon,
            "+CMQSUB": self._sub, "+CMQUNSUB": self._unsub, "+CMQPUB": self._pub,
        }  # fmt: skip

    @property
    def client(self) -> MqttClient:
        """The client itself."""
        client = self._modem.mqtt_client()
        client.on_message = self._came
        client.on_lost = self._lost
        return client

    def _new(self, command: Command) -> Reply | None:
        modem, name = self._modem, command.name
        if command.op == "test":
            return Reply([f"{name}: <server>,<port>,(0-60000),(20-1132)"])
        if command.op == "read":
            return Reply([f'{name}: 0,{int(self.used)},"{self._host}"'])
        if self.used and self.client.state == "closed":
            self.used = False
        if self.used:
            raise MeFault(3)
        host, port = command.string(0, 250), digits(command, 1, 1, 65535)
        timeout_s = digits(command, 2, 0, 60000) / 1000.0
        digits(command, 3, 20, 1132)
        tls = self._settings() if name == "+CMQTTSNEW" else None

        def done(outcome: str) -> None:
            self.used = outcome == "ok"
            modem.complete(Reply([f"{name}: 0"]) if self.used else Reply(final="ERROR"))

        self._host = host
        self.client.open(host, port, tls, done, max(timeout_s, 1.0))
        return None

    def _settings(self) -> TlsSettings:
        read = self._modem.files.read
        ca = read("CA 0") or b""
        return TlsSettings(ca, read("CA 1") or b"", read("CA 2") or b"", verify=bool(ca))

    def _number(self, command: Command, *states: str) -> None:
        digits(command, 0, 0, 0)
        if not self.used or self.waits or self.client.state not in states:
            raise MeFault(3)

    @property
    def _sync(self) -> bool:
        return str(self._modem.settings.ram["noted"].get("+CMQTSYNC", "0")) == "1"

    def _begin(self) -> Reply | None:
        """The OK of a packet: now, or with its answer."""
        self.waits = True
        return None if self._sync else Reply()

    def _ended(self, ok: bool) -> None:
        self.waits = False
        if self._sync:
            self._modem.complete(Reply() if ok else Reply(final="ERROR"))

    def _con(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CMQCON: (0),(3,4),<client_id>,(0-65535),(0,1),(0,1)"])
        if command.op == "read":
            return Reply([f'+CMQCON: 0,{int(self.client.state == "connected")},"{self._host}"'])
        self._number(command, "open")
        version, keepalive = digits(command, 1, 3, 4), digits(command, 3, 0, 65535)
        will, at = None, 6
        if command.string(5, 1) == "1":
            match = _WILL.fullmatch(command.string(6, 200))
            if match is None:
                raise SyntaxFault
            will, at = Will(match[1].encode(), match[5].encode(), int(match[2]), match[3] == "1"), 7
        names = [command.string(index, 256) if command.given(index) else None for index in (at, at + 1)]

        def done(code: int | None) -> None:
            if code != 0:
                self.used = False
                if not self._sync:
                    self._modem.urc("+CMQDISCON: 0")
            self._ended(code == 0)

        self.client.connect(command.string(2, 120), names[0], names[1], keepalive, command.string(4, 1) == "1",
                            will, version, done)  # fmt: skip
        return self._begin()

    def _discon(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMQDISCON: (0)"])
        digits(command, 0, 0, 0)
        if not self.used:
            raise MeFault(3)
        self.client.disconnect()
        self.used = self.waits = False
        return Reply()

    def _sub(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CMQSUB: (0),<topic>,(0-2)"])
        self._number(command, "connected")
        topic, qos = command.string(1, 128), command.integer(2, 0, 2)
        self.client.subscribe([(topic, qos)], lambda granted: self._ended(granted is not None and granted[0] != 128))
        return self._begin()

    def _unsub(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CMQUNSUB: (0),<topic>"])
        self._number(command, "connected")
        self.client.unsubscribe([command.string(1, 128)], self._ended)
        return self._begin()

    def _pub(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+CMQPUB: (0),<topic>,(0-2),(0,1),(0,1),(2-1000),<message>"])
        self._number(command, "connected")
        topic, qos = command.string(1, 128), command.integer(2, 0, 2)
        retain, length = command.integer(3, 0, 1), command.integer(5, 2, _DIGITS)
        command.integer(4, 0, 1)
        digits = command.string(6, _DIGITS)
        if len(digits) != length or length % 2 or not re.fullmatch(r"[0-9A-Fa-f]*", digits):
            raise SyntaxFault
        self.client.publish(topic, bytes.fromhex(digits), qos, bool(retain), self._ended)
        return self._begin()

    def _came(self, topic: bytes, payload: bytes, qos: int, retained: bool) -> None:
        as_hex = self._modem.settings.nvram["noted"].get("+CREVHEX", "1") == "1"
        text = payload.hex() if as_hex else text_of(payload)
        self._modem.urc(f'+CMQPUB: 0,"{text_of(topic)}",{qos},{int(retained)},0,{len(text)},"{text}"')

    def _lost(self, why: str) -> None:
        self.used = self.waits = False
        self._modem.urc("+CMQDISCON: 0")
