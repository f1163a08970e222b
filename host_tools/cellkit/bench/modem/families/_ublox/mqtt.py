"""AT+UMQTT, AT+UMQTTC, AT+UMQTTER. Sources: SARA-R4 AT manual R09 to R22, SARA-R5 logs, driver notes (ubxlib).

SARA-R410M answers `+UMQTT: <op>,1` and tells a login by the broker's return code; SARA-R422 and R5 answer OK only, and
1 is success throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.mqtt import MqttClient, Will
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._ublox.base import UbloxModem

_NOT_ALLOWED = 3
_LONGEST = 1024
_LOGOUT, _LOGIN, _PUBLISH, _PUBLISH_FILE, _SUBSCRIBE, _UNSUBSCRIBE, _READ, _FORMAT, _PING, _PUBLISH_BINARY = range(10)
_ERRORS = {"refused": (13, 111), "timeout": (13, 110), "dns": (13, 10), "no bearer": (13, 34), "tls": (13, 36)}


class MqttCommands:
    """Handlers bound to one modem."""

    whole: frozenset[str] = frozenset()

    def __init__(self, modem: UbloxModem) -> None:
        self._modem = modem
        self._reset()

    def _reset(self) -> None:
        self.config: dict[int, list[str]] = {}
        self.messages: list[tuple[bytes, bytes, int]] = []
        self._last = (0, 0)
        self._secret: list[str] = []

    def forget(self) -> None:
        """Restart."""
        self._reset()

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {"+UMQTT": self._configure, "+UMQTTC": self._command, "+UMQTTER": self._error, "+UMQTTNV": self._stored}

    @property
    def client(self) -> MqttClient:
        """The one client, made when it is used first."""
        client = self._modem.mqtt_client()
        client.on_message = self._came
        client.on_lost = self._lost
        return client

    # Profile

    def _shown(self, what: int) -> str:
        values = self.config.get(what, [])
        quoted = {0, 2, 3, 4, 7, 8}
        fields = [f'"{value}"' if what in quoted and not value.isdigit() else value for value in values]
        return f"+UMQTT: {what}," + ",".join(fields)

    def _configure(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UMQTT: (0-14)"])
        if command.op == "read":
            return Reply([self._shown(what) for what in sorted(self.config)])
        what = command.integer(0, 0, 14)
        if len(command.args) == 1:
            return Reply([self._shown(what)])
        values = [arg.text for arg in command.args[1:]]
        self.config[what] = values[:1] if what == 4 else values  # the password is not shown
        if what == 4:
            self._secret = values
        return Reply([f"+UMQTT: {what},1"] if self._modem.r410 else [])

    def _stored(self, command: Command) -> Reply:
        return Reply([f"+UMQTTNV: {command.integer(0, 0, 2)},1"] if self._modem.r410 else [])

    def _value(self, what: int, index: int = 0, default: str = "") -> str:
        values = self.config.get(what, [])
        return values[index] if index < len(values) else default

    # Commands

    def _answer(self, op: int) -> list[str]:
        return [f"+UMQTTC: {op},1"] if self._modem.r410 else []

    def _told(self, op: int, ok: bool, *more: object) -> None:
        result = int(ok) if op != _LOGIN or not self._modem.r410 else int(not ok)
        self._modem.urc(f"+UUMQTTC: {op},{result}" + "".join(f",{item}" for item in more))

    def _command(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UMQTTC: (0-9)"])
        op = command.integer(0, 0, 9)
        doing = {
            _LOGOUT: self._logout, _LOGIN: self._login, _PUBLISH: self._publish, _PUBLISH_FILE: self._publish_file,
            _SUBSCRIBE: self._subscribe, _UNSUBSCRIBE: self._unsubscribe, _READ: self._read, _PING: self._ping,
            _PUBLISH_BINARY: self._publish_binary,
        }.get(op)  # fmt: skip
        if op not in (_LOGIN, _READ, _FORMAT) and self.client.state != "connected":
            self._last = (13, 1)
            raise MeFault(_NOT_ALLOWED)
        return doing(command) if doing is not None else Reply(self._answer(op))

    def _login(self, command: Command) -> Reply:
        if not self._modem.bearer_up() or self.client.state != "closed":
            raise MeFault(_NOT_ALLOWED)
        secure = self._value(11) == "1"
        tls = self._modem.tls_part.settings(int(self._value(11, 1, "0"))) if secure else None
        port = int(self._value(2, 1) or self._value(3, 1) or ("8883" if secure else "1883"))
        host = self._value(2) or self._value(3)
        secret = self._secret

        def opened(outcome: str) -> None:
            if outcome != "ok":
                self._last = _ERRORS.get(outcome, (13, 0))
                self._told(_LOGIN, False)
                return
            will = Will(self._value(7).encode(), self._value(8).encode(), 0, False) if self._value(7) else None
            user, password = (secret[0], secret[1]) if len(secret) > 1 else (None, None)
            self.client.connect(
                self._value(0, default=self._modem.config.identity.imei), user, password, int(self._value(10, 0, "0")),
                self._value(12, 0, "1") == "1", will, done=lambda code: self._told(_LOGIN, code == 0),
            )  # fmt: skip

        return Reply(self._answer(_LOGIN), after=lambda: self.client.open(host, port, tls, opened))

    def _logout(self, command: Command) -> Reply:
        def leave() -> None:
            self.client.disconnect()
            self._modem.later(0.3, self._told, _LOGOUT, True)

        return Reply(self._answer(_LOGOUT), after=leave)

    def _publish(self, command: Command) -> Reply:
        qos, retain = command.integer(1, 0, 2, default=0), command.integer(2, 0, 1, default=0)
        with_mode = len(command.args) > 5
        as_hex = bool(command.integer(3, 0, 1)) if with_mode else False
        at = 4 if with_mode else 3
        topic, text = command.string(at, 256), command.string(at + 1, _LONGEST, default="")
        try:
            data = bytes.fromhex(text) if as_hex else text.encode("latin-1")
        except ValueError:
            raise SyntaxFault from None
        return Reply(self._answer(_PUBLISH), after=lambda: self._send(_PUBLISH, topic, data, qos, retain))

    def _send(self, op: int, topic: str, data: bytes, qos: int, retain: int) -> None:
        self.client.publish(topic, data, qos, bool(retain), lambda ok: self._told(op, ok))

    def _publish_file(self, command: Command) -> Reply:
        qos, retain = command.integer(1, 0, 2), command.integer(2, 0, 1)
        topic, data = command.string(3, 256), self._modem.files.read(command.string(4, 248))
        if data is None:
            raise MeFault(_NOT_ALLOWED)
        return Reply(self._answer(_PUBLISH_FILE), after=lambda: self._send(_PUBLISH_FILE, topic, data, qos, retain))

    def _publish_binary(self, command: Command) -> Reply:
        qos, retain = command.integer(1, 0, 2), command.integer(2, 0, 1)
        topic, size = command.string(3, 256), command.integer(4, 1, _LONGEST)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.fail(MeFault(_NOT_ALLOWED))
            else:
                self._modem.complete(Reply(after=lambda: self._send(_PUBLISH_BINARY, topic, data, qos, retain)))

        return Reply(prompt=DataMode(size, _LONGEST, typed, prompt="\r\n>", ends=b""))

    def _subscribe(self, command: Command) -> Reply:
        qos, topic = command.integer(1, 0, 2), command.string(2, 256)

        def granted(codes: list[int] | None) -> None:
            ok = codes is not None and codes[:1] != [128]
            more = () if self._modem.r410 or not codes else (codes[0], f'"{topic}"')
            self._told(_SUBSCRIBE, ok, *more)

        return Reply(self._answer(_SUBSCRIBE), after=lambda: self.client.subscribe([(topic, qos)], granted))

    def _unsubscribe(self, command: Command) -> Reply:
        topic = command.string(1, 256)

        def told(ok: bool) -> None:
            self._told(_UNSUBSCRIBE, ok, *(() if self._modem.r410 else (f'"{topic}"',)))

        return Reply(self._answer(_UNSUBSCRIBE), after=lambda: self.client.unsubscribe([topic], told))

    def _ping(self, command: Command) -> Reply:
        return Reply(self._answer(_PING), after=lambda: self._modem.later(0.5, self._told, _PING, True))

    # Messages

    def _came(self, topic: bytes, payload: bytes, qos: int, retained: bool) -> None:
        self.messages.append((topic, payload, qos))
        waiting = len(self.messages)
        self._modem.urc(f"+UUMQTTCM: 6,{waiting}" if self._modem.r410 else f"+UUMQTTC: 6,{waiting}")

    def _read(self, command: Command) -> Reply:
        if self._modem.r410:  # all of them, as URCs in words
            messages, self.messages = self.messages, []
            texts = [
                f"+UUMQTTCM: 6,{len(messages)}\r\nTopic:{text_of(topic)}\r\nLen:{len(payload)} QoS:{qos}\r\n"
                f"Msg:{text_of(payload)}"
                for topic, payload, qos in messages
            ]
            return Reply(self._answer(_READ), after=lambda: self._modem.urc("\r\n\r\n".join(texts)) if texts else None)
        if not self.messages:
            raise MeFault(_NOT_ALLOWED)
        topic, payload, qos = self.messages.pop(0)
        total = len(topic) + len(payload)
        line = f'+UMQTTC: 6,{qos},{total},{len(topic)},"{text_of(topic)}",{len(payload)},"{text_of(payload)}"'
        return Reply([line])

    def _lost(self, why: str) -> None:
        self._last = _ERRORS.get(why, (13, 1))
        self._modem.urc("+UUMQTTC: 0,100" if not self._modem.r410 else "+UUMQTTC: 0,0")

    def _error(self, command: Command) -> Reply:
        return Reply([f"+UMQTTER: {self._last[0]},{self._last[1]}"])
