"""MQTT and HTTP of M5311. Sources: MQTT guide v1.3, AT command interface specification v2.4, chapter 4.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.engines.mqtt import MqttClient, Will
from cellkit.bench.modem.engines.tls import TlsSettings
from cellkit.bench.modem.families._clients import text_of
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.chinamobile_m5311 import Module

_NOT_ALLOWED = 3
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD")
_PIECE_S = 0.3
_PIECE_BYTES = 512
_NO_CONNECTION = -2
_STATES = {"closed": 0, "opening": 2, "open": 3, "connecting": 4, "connected": 5}


class ClientCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """A restart."""
        self.config: list[str] = []
        self._hosts: dict[int, str] = {}
        self._headers: dict[int, list[tuple[str, str]]] = {}
        self._contents: dict[int, bytes] = {}
        self._tls: dict[int, dict[int, str]] = {}
        self._number = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+MQTTCFG": self._mqttcfg, "+MQTTOPEN": self._mqttopen, "+MQTTSUB": self._mqttsub,
            "+MQTTUNSUB": self._mqttunsub, "+MQTTPUB": self._mqttpub, "+MQTTDISC": self._mqttdisc,
            "+MQTTDEL": self._mqttdel, "+MQTTSTAT": self._mqttstat, "+MQTTTO": lambda command: Reply(),
            "+HTTPCREATE": self._create, "+HTTPHEADER": self._header, "+HTTPCONTENT": self._content,
            "+HTTPSEND": self._send, "+HTTPCLOSE": self._close, "+TLSCFG": self._tlscfg,
        }  # fmt: skip

    # MQTT

    @property
    def client(self) -> MqttClient:
        """The one client."""
        client = self._modem.mqtt_client()
        client.on_message = self._came
        client.on_lost = lambda why: self._modem.urc("+MQTTDISC: FAIL")
        client.on_retry = lambda number, tries: self._modem.urc(f"+MQTTTO: {number}")
        return client

    def _mqttcfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+MQTTCFG: "host",(1-65535),"id",(0-65535),"user","password",(0,1)'])
        if command.op == "read":
            shown = self.config or ["", "1883", "", "60", "", "", "1"]
            return Reply([f'+MQTTCFG: "{shown[0]}",{shown[1]},"{shown[2]}",{shown[3]},"{shown[4]}","",{shown[6]}'])
        command.integer(1, 1, 65535)
        command.integer(3, 0, 65535, default=60)
        texts = [command.string(index, 256, default="") for index in range(7)]
        self.config = [*texts[:3], texts[3] or "60", *texts[4:6], texts[6] or "1"]
        return Reply()

    def _mqttopen(self, command: Command) -> Reply:
        """AT+MQTTOPEN=<user>,<password>,<will>,<will qos>,<will retain>,"<topic>","<message>": flags, then the will."""
        modem, client = self._modem, self.client
        flags = [command.integer(index, 0, 2, default=0) for index in range(5)]
        topic, message = command.string(5, 256, default=""), command.string(6, 256, default="")
        if not self.config or client.state != "closed" or not modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)
        host, port, name, keep, user, password, clean = self.config
        will = Will(topic.encode("latin-1"), message.encode("latin-1"), flags[3], bool(flags[4])) if flags[2] else None

        def answered(code: int | None) -> None:
            modem.urc("+MQTTOPEN: OK" if code == 0 else "+MQTTCONACK: FAIL")

        def opened(outcome: str) -> None:
            if outcome != "ok":
                modem.urc("+MQTTOPEN: FAIL")
                return
            given = (user if flags[0] else None, password if flags[1] else None)
            client.connect(name, *given, int(keep), clean != "0", will, done=answered)

        return Reply(after=lambda: client.open(host, int(port), None, opened))

    def _ready(self) -> MqttClient:
        if self.client.state != "connected":
            raise MeFault(_NOT_ALLOWED)
        return self.client

    def _mqttsub(self, command: Command) -> Reply:
        client, topic, qos = self._ready(), command.string(0, 128), command.integer(1, 0, 2)

        def granted(codes: list[int] | None) -> None:
            self._number += 1
            if codes:
                self._modem.urc(f"+MQTTSUBACK:{self._number},{codes[0]},{topic}")

        return Reply(after=lambda: client.subscribe([(topic, qos)], granted))

    def _mqttunsub(self, command: Command) -> Reply:
        client, topic = self._ready(), command.string(0, 128)

        def told(ok: bool) -> None:
            self._number += 1
            if ok:
                self._modem.urc(f"+MQTTUNSUBACK:{self._number},{topic}")

        return Reply(after=lambda: client.unsubscribe([topic], told))

    def _mqttpub(self, command: Command) -> Reply:
        """AT+MQTTPUB="topic",qos,retain,dup,len,"message": with a length the message is hex, else text."""
        client, topic, qos = self._ready(), command.string(0, 128), command.integer(1, 0, 2)
        retain, size, text = command.integer(2, 0, 1), command.integer(4, 0, 1024), command.string(5, 2048, default="")
        command.integer(3, 0, 1)
        try:
            data = bytes.fromhex(text) if size else text.encode("latin-1")
        except ValueError:
            raise SyntaxFault from None
        if size and len(data) != size:
            raise SyntaxFault

        number = 0

        def sent(ok: bool) -> None:
            for name in {1: ("PUBACK",), 2: ("PUBREC", "PUBCOMP")}.get(qos, ()) if ok else ():
                self._modem.urc(f"+MQTT{name}:{number},0")

        def send() -> None:
            nonlocal number
            number = client.publish(topic, data, qos, bool(retain), sent)

        return Reply(after=send)

    def _mqttdisc(self, command: Command) -> Reply:
        client = self._ready()

        def leave() -> None:
            client.disconnect()
            self._modem.later(0.2, self._modem.urc, "+MQTTDISC: OK")

        return Reply(after=leave)

    def _mqttdel(self, command: Command) -> Reply:
        self.client.close()
        self.config = []
        return Reply()

    def _mqttstat(self, command: Command) -> Reply:
        return Reply([f"+MQTTSTAT: {_STATES[self.client.state]}"] if command.op == "read" else [])

    def _came(self, topic: bytes, payload: bytes, qos: int, retained: bool) -> None:
        self._number += 1
        head = f"0,{qos},{int(retained)},{self._number},{text_of(topic)},{len(payload)}"
        self._modem.urc(f"+MQTTPUBLISH: {head},{text_of(payload)}")

    # HTTP

    def _create(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+HTTPCREATE: "url"'])
        url = command.string(0, 256).rstrip("/")
        number = next((place for place in range(5) if place not in self._hosts), None)
        if number is None:
            raise MeFault(_NOT_ALLOWED)
        self._hosts[number] = url
        return Reply([f"+HTTPCREATE:{number}"])

    def _number_of(self, command: Command) -> int:
        number = command.integer(0, 0, 4)
        if number not in self._hosts:
            raise MeFault(_NOT_ALLOWED)
        return number

    def _header(self, command: Command) -> Reply:
        number, (name, found, value) = self._number_of(command), command.string(1, 1024, default="").partition(":")
        if found:
            self._headers.setdefault(number, []).append((name.strip(), value.strip()))
        return Reply()

    def _content(self, command: Command) -> Reply:
        number = self._number_of(command)
        self._contents[number] = command.string(1, 2048, default="").encode("latin-1")
        return Reply()

    def _send(self, command: Command) -> Reply:
        number, method = self._number_of(command), _METHODS[command.integer(1, 0, 4)]
        client, path = self._modem.http_client(number), command.string(2, 512, default="/")
        if client.busy or not self._modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)
        url, body = self._hosts[number], self._contents.pop(number, b"")
        headers = self._headers.pop(number, [])
        tls = self._settings(number) if url.startswith("https") else None

        def answered(result: Response | Failure) -> None:
            self._answered(number, result)

        def opened(outcome: str) -> None:
            if outcome == "ok":
                self._modem.urc("CONNECT OK")
                client.request(method, url + path, headers, body, tls, answered)
            else:
                self._modem.urc(f"+HTTPDICONN:{number},{_NO_CONNECTION}")

        return Reply(after=lambda: client.connect(url + path, tls, opened))

    def _answered(self, number: int, result: Response | Failure) -> None:
        """The head, line by line as it was sent, then the body in pieces."""
        modem = self._modem
        if isinstance(result, Failure):
            modem.urc(f"+HTTPDICONN:{number},{_NO_CONNECTION}")
            return
        lines = [f"{name}: {value}" for name, value in result.headers]
        size = sum(len(line) + 2 for line in lines)
        modem.urc(f"+HTTPNMIH:{number},{result.status},{size},{lines[0] if lines else ''}")
        wait_s = _PIECE_S
        if lines[1:]:
            modem.later(wait_s, modem.output.raw, ("\r\n".join(lines[1:]) + "\r\n").encode("latin-1"))
        body = result.body
        for start in range(0, len(body), _PIECE_BYTES):
            part = body[start:start + _PIECE_BYTES]
            more = int(start + len(part) < len(body))
            wait_s += _PIECE_S
            modem.later(wait_s, modem.urc, f"+HTTPNMIC:{number},{more},{len(body)},{len(part)},{text_of(part)}")

    def _close(self, command: Command) -> Reply:
        number = self._number_of(command)
        self._modem.http_client(number).close()
        del self._hosts[number]
        return Reply()

    # TLS: as on the SIM7020, which has the same chip (unverified)

    def _tlscfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+TLSCFG: (1-6),(1-14),<value>"])
        profile = self._tls.setdefault(command.integer(0, 0, 6), {})
        what = command.integer(1, 1, 14)
        profile[what] = (profile.get(what, "") if what in (6, 7, 8) else "") + command.args[-1].text
        return Reply()

    def _settings(self, number: int) -> TlsSettings:
        profile = self._tls.get(number, {})
        ca, cert, key = (profile.get(what, "").replace("\\r", "\r").replace("\\n", "\n").encode() for what in (6, 7, 8))
        return TlsSettings(ca=ca, cert=cert, key=key, verify=bool(ca))
