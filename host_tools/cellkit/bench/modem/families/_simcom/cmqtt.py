"""CMQTT*: the MQTT service of A76xx and SIM7600. Sources: A76XX MQTT(S) note V1.02, AT manual V1.09, logs of both.

The service runs in the module: a host that restarts finds it as it has left it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.engines.mqtt import MqttClient, Will
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._simcom.base import SimcomModem
    from cellkit.bench.modem.families._simcom.tls import TlsCommands

_CLIENTS = 2
_TOPIC, _PAYLOAD = 1024, 10240
_BLOCK = 1500
_UTF8, _CONNECT, _NOT_STARTED, _PARAMETER, _BUSY, _TIMEOUT, _EMPTY, _USED = 2, 3, 9, 12, 14, 17, 18, 19
_NOT_ACQUIRED, _NOT_RELEASED, _STARTED, _DNS, _SHAKE, _NO_CERTIFICATE, _NO_CONNECTION = 20, 21, 23, 25, 32, 33, 11
_OUTCOMES = {"no bearer": 9, "dns": _CONNECT, "refused": _CONNECT, "timeout": _CONNECT, "tls": _SHAKE}


@dataclass
class _Session:
    """One client, from ACCQ to REL."""

    name: str
    tls: bool
    context: int = 0
    url: str = ""
    keepalive: int = 60
    clean: int = 1
    topic: bytes = b""
    payload: bytes = b""
    will_topic: bytes = b""
    will: Will | None = None
    wanted: list[tuple[bytes, int]] = field(default_factory=list)
    unwanted: list[bytes] = field(default_factory=list)


class MqttCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: SimcomModem, tls: TlsCommands) -> None:
        self._modem = modem
        self._tls = tls
        self.start_first = False
        """+CMQTTSTART before its OK: a SIM7600, its manual has both."""
        self.fails_after_ok = False
        """Firmware that says OK to CMQTTCONNECT before it knows; else a failure has no OK."""
        self.forget()

    def forget(self) -> None:
        """Reset or power cut."""
        self.started = False
        self.sessions: dict[int, _Session] = {}
        self.settings: dict[int, dict[str, Any]] = {
            index: {"version": 3, "checkUTF8": 1, "optimeout": 120, "argtopic": (0, 0)} for index in range(_CLIENTS)
        }

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+CMQTTSTART": self._start, "+CMQTTSTOP": self._stop, "+CMQTTACCQ": self._accq, "+CMQTTREL": self._rel,
            "+CMQTTSSLCFG": self._sslcfg, "+CMQTTWILLTOPIC": self._willtopic, "+CMQTTWILLMSG": self._willmsg,
            "+CMQTTCONNECT": self._connect, "+CMQTTDISC": self._disc, "+CMQTTTOPIC": self._topic,
            "+CMQTTPAYLOAD": self._payload, "+CMQTTPUB": self._pub, "+CMQTTSUBTOPIC": self._subtopic,
            "+CMQTTSUB": self._sub, "+CMQTTUNSUBTOPIC": self._unsubtopic, "+CMQTTUNSUB": self._unsub,
            "+CMQTTCFG": self._cfg,
        }  # fmt: skip

    def client(self, index: int) -> MqttClient:
        """The client of that number."""
        client = self._modem.mqtt_client(index)
        client.on_message = lambda topic, payload, qos, retained: self._came(index, topic, payload)
        client.on_lost = lambda why: self._lost(index, why)
        return client

    def _lost(self, index: int, why: str) -> None:
        if why == "no bearer":
            self._modem.urc("+CMQTTNONET")
        else:
            self._modem.urc(f"+CMQTTCONNLOST: {index},{3 if why == 'ping' else 1}")

    # Service and clients

    def _start(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op == "read":
            return Reply([f"+CMQTTSTART: {int(self.started)}"])
        if self.started:
            return self._modem.failed(f"+CMQTTSTART: {_STARTED}")
        if not self._modem.ue.registered:
            return self._modem.failed("+CMQTTSTART: 7")
        self.started = True
        return Reply(["+CMQTTSTART: 0"]) if self.start_first else self._modem.behind("+CMQTTSTART: 0", 0.1)

    def _stop(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if not self.started:
            return self._modem.failed(f"+CMQTTSTOP: {_NOT_STARTED}")
        if self.sessions:
            return self._modem.failed(f"+CMQTTSTOP: {_NOT_RELEASED}")
        self.started = False
        return Reply(["+CMQTTSTOP: 0"]) if self.start_first else self._modem.behind("+CMQTTSTOP: 0", 0.1)

    def _index(self, command: Command) -> int:
        return command.integer(0, 0, _CLIENTS - 1)

    def _accq(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMQTTACCQ: (0-1),(1-128),(0-1)"])
        if command.op == "read":
            shown = (self.sessions.get(index, _Session("", False)) for index in range(_CLIENTS))
            return Reply([f'+CMQTTACCQ: {index},"{one.name}",{int(one.tls)}' for index, one in enumerate(shown)])
        index, name = self._index(command), command.string(1, 256)
        tls = bool(command.integer(2, 0, 1, default=0))
        if not self.started:
            return self._modem.failed(f"+CMQTTACCQ: {index},{_NOT_STARTED}")
        if index in self.sessions:
            return self._modem.failed(f"+CMQTTACCQ: {index},{_USED}")
        self.sessions[index] = _Session(name, tls)
        return Reply()

    def _rel(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMQTTREL: (0-1)"])
        index = self._index(command)
        if index not in self.sessions:
            # A SIM7600 agrees to release what nobody has (log); so does an A7670 once the service runs.
            return Reply() if self.started else self._modem.failed(f"+CMQTTREL: {index},{_NOT_STARTED}")
        if self.client(index).state != "closed":
            return self._modem.failed(f"+CMQTTREL: {index},{_USED}")
        del self.sessions[index]
        return Reply()

    def _session(self, command: Command) -> tuple[int, _Session]:
        index = self._index(command)
        session = self.sessions.get(index)
        if session is None:
            raise SyntaxFault
        return index, session

    def _none(self, command: Command) -> Reply | None:
        """The answer where a client is not acquired."""
        index = self._index(command)
        if index in self.sessions:
            return None
        code = _NOT_ACQUIRED if self.started else _NOT_STARTED
        return self._modem.failed(f"{command.name}: {index},{code}")

    def _sslcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMQTTSSLCFG: (0-1),(0-9)"])
        if command.op == "read":
            shown = (self.sessions.get(index, _Session("", False)) for index in range(_CLIENTS))
            return Reply([f"+CMQTTSSLCFG: {index},{one.context}" for index, one in enumerate(shown)])
        index, context = self._index(command), command.integer(1, 0, 9)
        if not self.started:
            return self._modem.failed(f"+CMQTTSSLCFG: {index},{_NOT_STARTED}")
        if index in self.sessions:
            self.sessions[index].context = context
        return Reply()

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CMQTTCFG: "checkUTF8",(0-1),(0-1)', '+CMQTTCFG: "optimeout",(0-1),(20-120)',
                          '+CMQTTCFG: "version",(0-1),(3-4)'])  # fmt: skip
        if command.op == "read":
            return Reply([
                f"+CMQTTCFG: {index},{one['checkUTF8']},{one['optimeout']},{one['version']}"
                for index, one in self.settings.items()
            ])  # fmt: skip
        key, index = command.string(0, 20), command.integer(1, 0, _CLIENTS - 1)
        if key not in self.settings[index] or not command.given(2):
            raise SyntaxFault
        values = tuple(command.integer(at, 0, 65535) for at in range(2, len(command.args)))
        self.settings[index][key] = values if isinstance(self.settings[index][key], tuple) else values[0]
        return Reply()

    # Connection

    def _connect(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CMQTTCONNECT: (0-1),(9-256),(1-64800),(0-1)"])
        if command.op == "read":
            return Reply([self._shown(index) for index in range(_CLIENTS)])
        missing = self._none(command)
        if missing is not None:
            return missing
        index, session = self._session(command)
        url, keepalive = command.string(1, 256), command.integer(2, 1, 64800)
        clean = command.integer(3, 0, 1, default=1)
        user = command.string(4, 256) if command.given(4) else None
        word = command.string(5, 256) if command.given(5) else None
        host, _, port = url.removeprefix("tcp://").partition(":")
        client = self.client(index)
        if not url.startswith("tcp://") or not host or (port and not port.isdigit()):
            return modem.failed(f"+CMQTTCONNECT: {index},{_PARAMETER}")
        if client.state != "closed":
            return modem.failed(f"+CMQTTCONNECT: {index},{_BUSY}")
        session.url, session.keepalive, session.clean = url, keepalive, clean
        tls = self._tls.settings(session.context) if session.tls else None

        def told(code: int) -> None:
            text = f"+CMQTTCONNECT: {index},{code}"
            if self.fails_after_ok:
                modem.urc(text)
            else:
                modem.complete(modem.behind(text) if code == 0 else modem.failed(text))

        def opened(outcome: str) -> None:
            if outcome != "ok":
                told(_OUTCOMES.get(outcome, _CONNECT))
                return
            version = 4 if self.settings[index]["version"] == 4 else 3
            client.connect(
                session.name, user, word, keepalive, bool(clean), session.will, version,
                lambda code: told(_TIMEOUT if code is None else 26 + code if code else 0),
            )  # fmt: skip

        client.open(host, int(port or 1883), tls, opened, 120.0)
        return Reply() if self.fails_after_ok else None

    def _shown(self, index: int) -> str:
        session = self.sessions.get(index)
        if session is None or self.client(index).state != "connected":
            return f"+CMQTTCONNECT: {index}"
        return f'+CMQTTCONNECT: {index},"{session.url}",{session.keepalive},{session.clean}'

    def _disc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMQTTDISC: (0-1),(60-180)"])
        if command.op == "read":
            return Reply([
                f"+CMQTTDISC: {index},{int(self.client(index).state != 'connected')}" for index in range(_CLIENTS)
            ])  # fmt: skip
        index = self._index(command)
        if self.client(index).state == "closed":
            return self._modem.failed(f"+CMQTTDISC: {index},{_NO_CONNECTION}")
        self.client(index).disconnect()
        return self._modem.behind(f"+CMQTTDISC: {index},0", 0.2)

    # Texts by prompt

    def _text(self, command: Command, longest: int, keep: Any) -> Reply:
        """`<index>,<length>`: prompt, `keep(session, data)`, OK."""
        if command.op == "test":
            return Reply([f"{command.name}: (0-1),(1-{longest})"])
        missing = self._none(command)
        if missing is not None:
            return missing
        index, session = self._session(command)
        size = command.integer(1, 1, longest)

        def done(data: bytes) -> None:
            if self.settings[index]["checkUTF8"] and not _is_utf8(data):
                self._modem.complete(self._modem.failed(f"{command.name}: {index},{_UTF8}"))
                return
            keep(session, data)
            self._modem.complete(Reply())

        return self._modem.ask(size, size, done)

    def _willtopic(self, command: Command) -> Reply:
        return self._text(command, _TOPIC, lambda session, data: setattr(session, "will_topic", data))

    def _willmsg(self, command: Command) -> Reply:
        def keep(session: _Session, data: bytes) -> None:
            session.will = Will(session.will_topic, data, command.integer(2, 0, 2, default=0))

        return self._text(command, _PAYLOAD, keep)

    def _topic(self, command: Command) -> Reply:
        return self._text(command, _TOPIC, lambda session, data: setattr(session, "topic", data))

    def _payload(self, command: Command) -> Reply:
        return self._text(command, _PAYLOAD, lambda session, data: setattr(session, "payload", data))

    def _subtopic(self, command: Command) -> Reply:
        qos = command.integer(2, 0, 2, default=0) if command.op == "set" else 0
        return self._text(command, _TOPIC, lambda session, data: session.wanted.append((data, qos)))

    def _unsubtopic(self, command: Command) -> Reply:
        return self._text(command, _TOPIC, lambda session, data: session.unwanted.append(data))

    # Messages

    def _not_connected(self, command: Command, index: int) -> Reply | None:
        if self.client(index).state == "connected":
            return None
        return self._modem.failed(f"{command.name}: {index},{_NO_CONNECTION}")

    def _pub(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CMQTTPUB: (0-1),(0-2),(60-180),(0-1),(0-1)"])
        missing = self._none(command) or self._not_connected(command, self._index(command))
        if missing is not None:
            return missing
        index, session = self._session(command)
        client, modem = self.client(index), self._modem

        def told(ok: bool) -> None:
            modem.urc(f"+CMQTTPUB: {index},{0 if ok else _TIMEOUT}")

        if len(command.args) > 1 and command.args[1].quoted:  # "argtopic": the topic stands in the command
            topic, qos = command.string(1, _TOPIC), command.integer(2, 0, 2)
            size = command.integer(3, 1, _PAYLOAD)

            def done(data: bytes) -> None:
                modem.complete(Reply(after=lambda: client.publish(topic, data, qos, False, told)))

            return modem.ask(size, size, done)
        if not session.topic:
            return modem.failed(f"+CMQTTPUB: {index},{_EMPTY}")
        qos, retain = command.integer(1, 0, 2), bool(command.integer(3, 0, 1, default=0))
        topic_, payload = session.topic, session.payload
        session.topic = session.payload = b""
        return Reply(after=lambda: client.publish(topic_, payload, qos, retain, told))

    def _sub(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CMQTTSUB: (0-1),(1-{_TOPIC}),(0-2),(0-1)"])
        missing = self._none(command) or self._not_connected(command, self._index(command))
        if missing is not None:
            return missing
        index, session = self._session(command)

        def told(granted: list[int] | None) -> None:
            refused = granted is None or 128 in granted
            self._modem.urc(f"+CMQTTSUB: {index},{_TIMEOUT if refused else 0}")

        def begin(topics: list[tuple[str | bytes, int]]) -> Reply:
            return Reply(after=lambda: self.client(index).subscribe(topics, told))

        if not command.given(1):
            topics: list[tuple[str | bytes, int]] = [*session.wanted]
            session.wanted.clear()
            return begin(topics) if topics else self._modem.failed(f"+CMQTTSUB: {index},{_EMPTY}")
        qos = command.integer(2, 0, 2)
        if command.args[1].quoted:
            return begin([(command.string(1, _TOPIC), qos)])
        size = command.integer(1, 1, _TOPIC)
        return self._modem.ask(size, size, lambda data: self._modem.complete(begin([(data, qos)])))

    def _unsub(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+CMQTTUNSUB: (0-1),(1-{_TOPIC}),(0-1)"])
        missing = self._none(command) or self._not_connected(command, self._index(command))
        if missing is not None:
            return missing
        index, session = self._session(command)

        def told(ok: bool) -> None:
            self._modem.urc(f"+CMQTTUNSUB: {index},{0 if ok else _TIMEOUT}")

        def begin(topics: list[str | bytes]) -> Reply:
            return Reply(after=lambda: self.client(index).unsubscribe(topics, told))

        if command.given(1) and command.args[1].quoted:
            return begin([command.string(1, _TOPIC)])
        if len(command.args) > 2:
            size = command.integer(1, 1, _TOPIC)
            return self._modem.ask(size, size, lambda data: self._modem.complete(begin([data])))
        topics: list[str | bytes] = [*session.unwanted]
        session.unwanted.clear()
        return begin(topics) if topics else self._modem.failed(f"+CMQTTUNSUB: {index},{_EMPTY}")

    def _came(self, index: int, topic: bytes, payload: bytes) -> None:
        lines = [f"+CMQTTRXSTART: {index},{len(topic)},{len(payload)}"]
        for name, data in (("TOPIC", topic), ("PAYLOAD", payload)):
            for at in range(0, max(len(data), 1), _BLOCK):
                block = data[at:at + _BLOCK]
                lines += [f"+CMQTTRX{name}: {index},{len(block)}", block.decode("latin-1")]
        self._modem.urc("\r\n".join([*lines, f"+CMQTTRXEND: {index}"]))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
