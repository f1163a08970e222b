"""AT+SM…: the MQTT client. Sources: MQTT(S) note V1.03, AT manual V1.05."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.mqttcodec import Will
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.families._simcom.lpwa import number_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.engines.mqtt import MqttClient
    from cellkit.bench.modem.families.simcom_sim7080 import Module

_NOT_ALLOWED = 3
_LONGEST = 1024
_FACTORY = {
    "CLIENTID": '""', "URL": '"",0', "KEEPTIME": "60", "USERNAME": '""', "PASSWORD": '""', "CLEANSS": "0", "QOS": "0",
    "TOPIC": '""', "MESSAGE": '""', "RETAIN": "0", "SUBHEX": "0", "ASYNCMODE": "0",
}  # fmt: skip
_KEY = re.compile(r' *"?([A-Za-z]+)"? *(?:, *(.*))?', re.DOTALL)


class MqttCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._settings = dict(_FACTORY)
        self._tls: tuple[int, str, str] | None = None
        modem.at_reset.append(self._forget)

    def _forget(self) -> None:
        self._settings = dict(_FACTORY)
        self._tls = None

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+SMCONF": self._conf, "+SMSSL": self._ssl, "+SMCONN": self._conn, "+SMDISC": self._disc,
            "+SMSUB": self._sub, "+SMUNSUB": self._unsub, "+SMPUB": self._pub, "+SMSTATE": self._state,
        }  # fmt: skip

    @property
    def client(self) -> MqttClient:
        """The client itself."""
        client = self._modem.mqtt_client()
        client.on_message = self._came
        client.on_lost = lambda why: self._modem.urc("+SMSTATE: 0")
        return client

    def _conf(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+SMCONF: "{key}",<value>' for key in _FACTORY])
        if command.op == "read":
            return Reply([f"+SMCONF: {key}: {value}" for key, value in self._settings.items()])
        match = _KEY.fullmatch(command.raw)
        if match is None or match[1].upper() not in _FACTORY or not match[2]:
            raise MeFault(_NOT_ALLOWED)
        self._settings[match[1].upper()] = match[2].strip()
        return Reply()

    def _text(self, key: str) -> str:
        return self._settings[key].strip('"')

    def _ssl(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SMSSL: (0-6),<ca list>,<cert name>"])
        if command.op == "read":
            number, ca, cert = self._tls or (0, "", "")
            return Reply([f'+SMSSL: {number},"{ca}","{cert}"'])
        number = command.integer(0, 0, 6)
        names = command.string(1, 230, default=""), command.string(2, 230, default="")
        self._tls = (number, *names) if number else None
        return Reply()

    def _conn(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply()
        modem, client = self._modem, self.client
        host, _, port = self._settings["URL"].partition(",")
        host, port = host.strip().strip('"'), port.strip().strip('"')
        if ":" in host:
            host, _, port = host.removeprefix("tcp://").partition(":")
        if not host or client.state != "closed" or not modem.bearer.active:
            raise MeFault(_NOT_ALLOWED)
        tls = modem.files_part.settings(*self._tls) if self._tls else None

        def connected(code: int | None) -> None:
            if code == 0:
                modem.complete(Reply())
            else:
                modem.fail(SyntaxFault())

        def opened(outcome: str) -> None:
            if outcome != "ok":
                modem.fail(SyntaxFault())
                return
            user, word = self._text("USERNAME") or None, self._text("PASSWORD") or None
            keepalive, clean = number_of(self._text("KEEPTIME"), 60), self._text("CLEANSS") == "1"
            client.connect(self._text("CLIENTID"), user, word, keepalive, clean, self._will(), 4, connected)

        client.open(host, number_of(port, 1883), tls, opened, 30.0)
        return None

    def _will(self) -> Will | None:
        topic = self._text("TOPIC")
        if not topic:
            return None
        qos, retain = min(number_of(self._text("QOS")), 2), self._text("RETAIN") == "1"
        return Will(topic.encode("latin-1"), self._text("MESSAGE").encode("latin-1"), qos, retain)

    def _need(self) -> MqttClient:
        client = self.client
        if client.state != "connected":
            raise MeFault(_NOT_ALLOWED)
        return client

    def _done(self, ok: bool) -> None:
        if ok:
            self._modem.complete(Reply())
        else:
            self._modem.fail(SyntaxFault())

    def _sub(self, command: Command) -> None | Reply:
        if command.op == "test":
            return Reply(["+SMSUB: <topic>,(0-2)"])
        topic, qos = command.string(0, 128), command.integer(1, 0, 2)
        self._need().subscribe([(topic, qos)], lambda granted: self._done(granted is not None and granted[0] != 128))
        return None

    def _unsub(self, command: Command) -> None | Reply:
        if command.op == "test":
            return Reply(["+SMUNSUB: <topic>"])
        self._need().unsubscribe([command.string(0, 128)], self._done)
        return None

    def _pub(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+SMPUB: <topic>,(0-{_LONGEST}),(0-2),(0-1)"])
        topic, length = command.string(0, 128), command.integer(1, 0, _LONGEST)
        qos, retain = command.integer(2, 0, 2), bool(command.integer(3, 0, 1))
        client = self._need()

        def typed(data: bytes | None) -> None:
            if data is None:
                self._done(False)
                return
            if self._modem.noted_value("+SMPUBHEX", lasting=False) == "1":
                try:
                    data = bytes.fromhex(data.decode("latin-1"))
                except ValueError:
                    self._done(False)
                    return
            client.publish(topic, data, qos, retain, self._done)

        if not length:
            client.publish(topic, b"", qos, retain, lambda ok: None)
            return Reply()
        return Reply(prompt=DataMode(length, length, typed))

    def _came(self, topic: bytes, payload: bytes, qos: int, retained: bool) -> None:
        text = payload.hex().upper() if self._text("SUBHEX") == "1" else text_of(payload)
        self._modem.urc(f'+SMSUB: "{text_of(topic)}","{text}"')

    def _disc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._need().disconnect()
        return Reply()

    def _state(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+SMSTATE: (0-2)"])
        return Reply([f"+SMSTATE: {int(self.client.state == 'connected')}"])
