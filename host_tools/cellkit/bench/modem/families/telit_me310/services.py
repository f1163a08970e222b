"""AT#MQ…, AT#HTTP…, AT$GPS…. Source: AT reference guide 80617ST10991A (shapes; (unverified) on a wire)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.http import Failure, Response
from cellkit.bench.modem.engines.mqtt import MqttClient
from cellkit.bench.modem.families._clients import done, text_of
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.telit_me310 import Module

_NOT_ALLOWED = 3
_METHODS = ("GET", "HEAD", "DELETE")
_LONGEST = 1500


class ServiceCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.forget()

    def forget(self) -> None:
        """A restart."""
        self._mqtt_on = False
        self._broker = ("", 1883, False)
        self._messages: dict[int, tuple[str, bytes]] = {}
        self._next = 0
        self._hosts: dict[int, tuple[str, int, bool]] = {}
        self._bodies: dict[int, bytes] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "#MQEN": self._mqen, "#MQCFG": self._mqcfg, "#MQCFG2": done, "#MQTCFG": done, "#MQWCFG": done,
            "#MQCONN": self._mqconn, "#MQSUB": self._mqsub, "#MQUNS": self._mquns, "#MQPUBS": self._mqpubs,
            "#MQPUBSEXT": self._mqpubsext, "#MQREAD": self._mqread, "#MQDISC": self._mqdisc,
            "#HTTPCFG": self._httpcfg, "#HTTPQRY": self._httpqry, "#HTTPSND": self._httpsnd, "#HTTPRCV": self._httprcv,
            "$GPSP": self._gpsp, "$GPSACP": self._gpsacp, "$GPSNMUN": done, "$GPSR": done, "$GPSCFG": done,
        }  # fmt: skip

    # MQTT

    @property
    def client(self) -> MqttClient:
        """The one client."""
        client = self._modem.mqtt_client()
        client.on_message = self._came
        return client

    def _mqen(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"#MQEN: 1,{int(self._mqtt_on)}"])
        command.integer(0, 1, 1)
        self._mqtt_on = bool(command.integer(1, 0, 1))
        if not self._mqtt_on:
            self.client.close()
        return Reply()

    def _mqcfg(self, command: Command) -> Reply:
        host, port, secure = self._broker
        if command.op == "read":
            return Reply([f"#MQCFG: 1,{host},{port},1,{int(secure)}"])
        command.integer(0, 1, 1)
        self._broker = (
            command.string(1, 128), command.integer(2, 1, 65535), bool(command.integer(4, 0, 1, default=0)),
        )  # fmt: skip
        return Reply()

    def _mqconn(self, command: Command) -> Reply | None:
        modem, client = self._modem, self.client
        if command.op == "read":
            return Reply([f"#MQCONN: 1,{int(client.state == 'connected')}"])
        command.integer(0, 1, 1)
        texts = [command.string(index, 256, default="") for index in (1, 2, 3)]
        host, port, secure = self._broker
        if not self._mqtt_on or client.state != "closed" or not modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)

        def answered(code: int | None) -> None:
            modem.complete(Reply(final="OK" if code == 0 else "ERROR"))

        def opened(outcome: str) -> None:
            if outcome == "ok":
                client.connect(texts[0], texts[1] or None, texts[2] or None, done=answered)
            else:
                answered(None)

        client.open(host, port, modem.tls_part.settings() if secure else None, opened)
        return None

    def _ready(self, command: Command) -> MqttClient:
        command.integer(0, 1, 1)
        if self.client.state != "connected":
            raise MeFault(_NOT_ALLOWED)
        return self.client

    def _end(self, ok: bool) -> None:
        self._modem.complete(Reply(final="OK" if ok else "ERROR"))

    def _mqsub(self, command: Command) -> None:
        topic = command.string(1, 256)
        self._ready(command).subscribe([(topic, 0)], lambda codes: self._end(bool(codes) and codes != [128]))

    def _mquns(self, command: Command) -> None:
        self._ready(command).unsubscribe([command.string(1, 256)], self._end)

    def _mqpubs(self, command: Command) -> None:
        topic, retain, qos = command.string(1, 256), command.integer(2, 0, 1), command.integer(3, 0, 2)
        data = command.string(4, 1024, default="").encode("latin-1")
        self._ready(command).publish(topic, data, qos, bool(retain), self._end)

    def _mqpubsext(self, command: Command) -> Reply:
        client, topic = self._ready(command), command.string(1, 256)
        retain, qos, size = command.integer(2, 0, 1), command.integer(3, 0, 2), command.integer(4, 1, _LONGEST)

        def typed(data: bytes | None) -> None:
            if data is None:
                self._end(False)
            else:
                client.publish(topic, data, qos, bool(retain), self._end)

        return Reply(prompt=DataMode(size, _LONGEST, typed, ends=b""))

    def _came(self, topic: bytes, payload: bytes, qos: int, retained: bool) -> None:
        self._next += 1
        self._messages[self._next] = (text_of(topic), payload)
        self._modem.urc(f"#MQRING: 1,{self._next},{text_of(topic)},{len(payload)}")

    def _mqread(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"#MQREAD: 1,{len(self._messages)}"])
        command.integer(0, 1, 1)
        found = self._messages.pop(command.integer(1, 1, 65535), None)
        if found is None:
            raise MeFault(_NOT_ALLOWED)
        return Reply([f"#MQREAD: 1,{found[0]},{len(found[1])}\r\n<<<{text_of(found[1])}"])

    def _mqdisc(self, command: Command) -> Reply:
        self._ready(command).disconnect()
        return Reply()

    # HTTP

    def _httpcfg(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f'#HTTPCFG: {number},"{host}",{port},0,"","",{int(secure)},120,1'
                          for number, (host, port, secure) in sorted(self._hosts.items())])  # fmt: skip
        number, host = command.integer(0, 0, 2), command.string(1, 128, default="")
        secure = bool(command.integer(6, 0, 1, default=0))
        self._hosts[number] = (host, command.integer(2, 1, 65535, default=443 if secure else 80), secure)
        return Reply()

    def _request(self, number: int, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> None:
        host, port, secure = self._hosts[number]
        tls = self._modem.tls_part.settings() if secure else None
        url = f"{'https' if secure else 'http'}://{host}:{port}{path}"
        client = self._modem.http_client(number)
        client.request(method, url, headers, body, tls, lambda got: self._answered(number, got))

    def _answered(self, number: int, got: Response | Failure) -> None:
        if isinstance(got, Failure):
            self._modem.urc(f'#HTTPRING: {number},0,"",0')
            return
        self._bodies[number] = got.body
        self._modem.urc(f'#HTTPRING: {number},{got.status},"{got.header("Content-Type") or ""}",{len(got.body)}')

    def _profile(self, command: Command) -> int:
        number = command.integer(0, 0, 2)
        if number not in self._hosts or self._modem.http_client(number).busy or not self._modem.bearer_up():
            raise MeFault(_NOT_ALLOWED)
        return number

    def _httpqry(self, command: Command) -> Reply:
        number, method, path = self._profile(command), _METHODS[command.integer(1, 0, 2)], command.string(2, 512)
        return Reply(after=lambda: self._request(number, method, path, [], b""))

    def _httpsnd(self, command: Command) -> Reply:
        number, method, path = self._profile(command), ("POST", "PUT")[command.integer(1, 0, 1)], command.string(2, 512)
        size, kind = command.integer(3, 1, 65535), command.string(4, 64, default="text/plain")

        def typed(data: bytes | None) -> None:
            if data is None:
                self._end(False)
            else:
                ask = lambda: self._request(number, method, path, [("Content-Type", kind)], data)  # noqa: E731
                self._modem.complete(Reply(after=ask))

        return Reply(prompt=DataMode(size, size, typed, prompt="\r\n>>>", ends=b""))

    def _httprcv(self, command: Command) -> Reply:
        number, limit = command.integer(0, 0, 2), command.integer(1, 0, _LONGEST, default=0)
        body = self._bodies.get(number)
        if not body:
            raise MeFault(_NOT_ALLOWED)
        part = body[:limit] if limit else body
        self._bodies[number] = body[len(part):]
        return Reply(["<<<" + text_of(part)])

    # Position

    def _gpsp(self, command: Command) -> Reply:
        gnss = self._modem.gnss
        if command.op == "read":
            return Reply([f"$GPSP: {int(gnss.on)}"])
        gnss.start() if command.integer(0, 0, 1) else gnss.stop()
        return Reply()

    def _gpsacp(self, command: Command) -> Reply:
        fix = self._modem.gnss.fix()
        if fix is None:
            return Reply(["$GPSACP: ,,,,,1,,,,,,"])
        latitude, longitude = "".join(fix.nmea_latitude()), "".join(fix.nmea_longitude())
        motion = f"{fix.course_deg:.1f},{fix.speed_kmh:.1f},{fix.speed_kmh / 1.852:.1f}"
        where = f"{fix.utc:%H%M%S}.000,{latitude},{longitude},{fix.hdop:.1f},{fix.altitude_m:.1f},3"
        return Reply([f"$GPSACP: {where},{motion},{fix.utc:%d%m%y},{fix.satellites:02}"])
