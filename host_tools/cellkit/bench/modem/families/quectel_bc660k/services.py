"""TLS, MQTT and HTTP of the BC660K-GL, where they differ from other Quectel modules.

Sources: BC660K-GL&BC950K-GL SSL, MQTT (V1.2) and HTTP(S) (V1.1) application notes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._quectel.http import HttpCommands
from cellkit.bench.modem.families._quectel.mqtt import MqttCommands
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc660k.module import VirtualModem

_NUMBER = 100  # of the TLS socket in the module's table
_LONGEST, _LONGEST_PEM = 1024, 4096
_PEM = ("cacert", "clientcert", "clientkey")
_FACTORY: dict[str, Any] = {
    "seclevel": 0, "sslversion": 4, "dataformat": (0, 0), "timeout": 90, "debug": 0, "dtls": 0, "dtlsversion": 2,
}  # fmt: skip
_VERSIONS = {1: ("1.0", "1.0"), 2: ("1.1", "1.1"), 3: ("1.2", "1.2"), 4: ("1.0", "1.2")}
# Result codes, chapter 4 of the SSL note; the extracted text may have lost their sign.
_OUTCOMES = {"ok": 0, "no bearer": -2, "dns": -2, "refused": -2, "timeout": -7, "tls": -3}
_STATE = -6


class Tls:
    """One context and one connection, both 0. Certificates stay, other settings do not outlive a reset."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self._pem = dict.fromkeys(_PEM, b"")
        self._settings = dict(_FACTORY)
        modem.at_reset.append(lambda: self._settings.update(_FACTORY))

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QSSLCFG": self._cfg, "+QSSLOPEN": self._open, "+QSSLSEND": self._send, "+QSSLCLOSE": self._close,
        }  # fmt: skip

    def settings(self, number: int) -> TlsSettings:
        """What the context means for a connection."""
        level, (low, high) = int(self._settings["seclevel"]), _VERSIONS[self._settings["sslversion"]]
        cert, key = (self._pem["clientcert"], self._pem["clientkey"]) if level == 2 else (b"", b"")
        return TlsSettings(
            ca=self._pem["cacert"], cert=cert, key=key, verify=level > 0, check_name=False, sni=True, min_version=low,
            max_version=high,
        )  # fmt: skip

    def _zero(self, command: Command) -> None:
        command.integer(0, 0, 0)
        command.integer(1, 0, 0)

    def _shown(self, key: str) -> str:
        value = len(self._pem[key]) if key in self._pem else self._settings[key]
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        return f'+QSSLCFG: 0,0,"{key}",{text}'

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QSSLCFG: (0),(0),"{key}"' for key in (*_FACTORY, *_PEM)])
        self._zero(command)
        if len(command.args) == 2:
            return Reply([self._shown(key) for key in (*_FACTORY, *_PEM)])
        key = command.string(2, 12).lower()
        if key in self._pem:
            return Reply(prompt=DataMode(None, _LONGEST_PEM, lambda data: self._typed(key, data)))
        if key not in _FACTORY:
            raise SyntaxFault
        if len(command.args) == 3:
            return Reply([self._shown(key)])
        if key == "dataformat":
            self._settings[key] = (command.integer(3, 0, 1), command.integer(4, 0, 1))
        else:
            low, high = {"seclevel": (0, 2), "sslversion": (1, 4), "timeout": (10, 300)}.get(key, (0, 4))
            self._settings[key] = command.integer(3, low, high)
        return Reply()

    def _typed(self, key: str, data: bytes | None) -> None:
        if data is None:
            self._modem.complete(Reply())
            return
        self._pem[key] = data
        self._modem.complete(Reply([self._shown(key)]))

    def _open(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply(["+QSSLOPEN: (0),(0),<host_name>,(1-65535),(0)"] if command.op == "test" else [])
        self._zero(command)
        host, port = command.string(2, 150), command.integer(3, 1, 65535)
        command.integer(4, 0, 0)
        modem = self._modem

        def told(code: int) -> None:
            modem.urc(f"+QSSLOPEN: 0,0,{code}")

        def begin() -> None:
            if modem.links.get(_NUMBER) is not None:
                modem.later(modem.config.timing.socket_open_s.value, told, _STATE)
                return

            def done(outcome: str) -> None:
                if outcome != "ok":
                    self._drop()
                told(_OUTCOMES[outcome])

            link = modem.links.open(
                _NUMBER, "tls", host, port, done, self.settings(0), timeout_s=float(self._settings["timeout"])
            )
            link.on_data = self._came
            link.on_closed = lambda why: self._closed()

        return Reply(after=begin)

    def _drop(self) -> None:
        link = self._modem.links.get(_NUMBER)
        if link is not None:
            link.close()

    def _closed(self) -> None:
        self._drop()  # nothing is left to be closed (SSL note, 2.4.2)
        self._modem.urc('+QSSLURC: "closed",0,0')

    def _came(self, data: bytes) -> None:
        text = data.hex().upper() if self._settings["dataformat"][1] else data.decode("latin-1")
        self._modem.urc(f'+QSSLURC: "recv",0,0,{len(data)},"{text}"')

    def _link(self) -> Link:
        link = self._modem.links.get(_NUMBER)
        if link is None or link.state != "open":
            raise SyntaxFault
        return link

    def _send(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply([f"+QSSLSEND: (0),(0),(1-{_LONGEST})"] if command.op == "test" else [])
        self._zero(command)
        link, characters = self._link(), 2 if self._settings["dataformat"][0] else 1
        size = command.integer(2, 1, _LONGEST) if command.given(2) else None

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
                return
            try:
                payload = bytes.fromhex(data.decode("ascii")) if characters == 2 else data
            except ValueError:
                self._modem.fail(SyntaxFault())
                return
            self._modem.complete(Reply(after=lambda: link.send(payload, sent)))

        def sent(ok: bool) -> None:
            self._modem.urc(f"+QSSLSEND: 0,0,{0 if ok else _OUTCOMES['refused']}")

        return Reply(prompt=DataMode(None if size is None else size * characters, _LONGEST * characters, typed))

    def _close(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply(["+QSSLCLOSE: (0),(0)"] if command.op == "test" else [])
        self._zero(command)
        if self._modem.links.get(_NUMBER) is None:
            raise SyntaxFault
        self._drop()
        wait_s = self._modem.config.timing.close_ok_s.value
        return Reply(after=lambda: self._modem.later(wait_s, self._modem.urc, "+QSSLCLOSE: 0,0,0"))


# MQTT note V1.2, chapter 6; QMTCFG by its syntax in 3.3.1.
_FORMS: dict[str, tuple[str, ...]] = {
    "+QMTOPEN": ("(0-4),<host_name>,(1-65535)",),
    "+QMTCLOSE": ("(0-4)",),
    "+QMTCONN": ("(0-4),<clientID>,<username>,<password>",),
    "+QMTDISC": ("(0-4)",),
    "+QMTSUB": ("(0-4),(1-65535),<topic>,(0-2),<topic>,(0-2),...",),
    "+QMTUNS": ("(0-4),(1-65535),<topic>,<topic>,...",),
    "+QMTPUB": ("(0-4),(0-65535),(0-2),(0,1),<topic>,(0-1460),<msg>",),
    "+QMTCFG": (
        '"will",(0-4),(0,1),(0-2),(0,1),<will_topic>,<will_msg>', '"timeout",(0-4),(1-60),(0-10),(0,1)',
        '"session",(0-4),(0,1)', '"keepalive",(0-4),(0-3600)',
        '"aliauth",(0-4),<product_key>,<device_name>,<device_secret>', '"version",(0-4),(0,1)',
        '"showrecvlen",(0-4),(0,1)', '"echomode",(0-4),(0,1)', '"dataformat",(0-4),(0,1),(0,1)',
        '"ssl",(0-4),(0,1),(0-10),(0-4)',
    ),
}  # fmt: skip


def _with_form(name: str, handler: Handler) -> Handler:
    def wrapped(command: Command) -> Reply | None:
        if command.op == "test" and name in _FORMS:
            return Reply([f"{name}: {line}" for line in _FORMS[name]])
        return handler(command)

    return wrapped


class Mqtt(MqttCommands):
    """Clients 0 to 4; settings are shown without their name, and do not outlive a reset."""

    clients = 5
    named_settings = False
    factory = {
        "version": 0, "keepalive": 120, "session": 1, "timeout": (30, 0, 0), "ssl": (0, None), "recv/mode": (0, 0),
        "dataformat": (0, 0), "showrecvlen": 0, "echomode": 0,
    }  # fmt: skip

    def __init__(self, modem: VirtualModem) -> None:
        super().__init__(modem)
        modem.at_reset.append(self._factory_again)

    def handlers(self) -> dict[str, Handler]:
        """What test commands list is the note's."""
        return {name: _with_form(name, handler) for name, handler in super().handlers().items()}

    def _factory_again(self) -> None:
        for settings in self._settings:
            settings.update(self.factory)
        self._wills.clear()


class Http(HttpCommands):
    """The answer is read in pieces; each has its length and what is left."""

    _answer = b""

    def __init__(self, modem: VirtualModem) -> None:
        super().__init__(modem)
        self._settings = {"contextid": 0, "requestheader": 0, "responseheader": 0, "contenttype": 0, "sslctxid": 0,
                          "readformat": 0}  # fmt: skip

    @property
    def _prompt(self) -> str:
        return self._modem.traits.prompt

    def _cfg(self, command: Command) -> Reply:
        if command.op == "set" and command.string(0, 30).lower() == "ssl":
            if len(command.args) == 1:
                return Reply(['+QHTTPCFG: "ssl",0,0'])
            command.integer(1, 0, 0)
            command.integer(2, 0, 0)
            return Reply()
        return super()._cfg(command)

    def _read(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QHTTPREAD: (1-1024)"])
        size = command.integer(0, 1, 1024, default=1024)
        if self._body is not None:
            self._answer = self._taken()
        if not self._answer:
            raise MeFault(705)
        piece, self._answer = self._answer[:size], self._answer[size:]
        name = self._modem.config.identity.more.get("httpread", "+QHTTPREAD")  # misspelt in an example of the note
        return Reply([f"{name}: {len(piece)},{len(self._answer)}", piece.decode("latin-1")])
