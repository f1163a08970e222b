"""A SIMCom module: the engines inside it, made at their first use, and a few forms that its families share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cellkit.bench.modem.engines.gnss import Gnss
from cellkit.bench.modem.engines.http import HttpClient
from cellkit.bench.modem.engines.links import Links
from cellkit.bench.modem.engines.tls import Files
from cellkit.bench.modem.family import DataMode, Dialect, Handler, Reply
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.engines.mqtt import MqttClient

_LONGEST_FILE = 1 << 22
T = TypeVar("T")


class SimcomModem(PlainModem):
    """Its engines; a family adds the commands."""

    own_prompt = "\r\n>"
    """What asks for payload; short messages are asked for with a space behind it."""

    def _make_dialect(self) -> Dialect:
        self._late: dict[str, Any] = {}
        self.starts = list(self.traits.banner)
        """What is said after a start, and when."""
        self.files = Files()
        self.at_reset.append(self.forget_settings)
        return super()._make_dialect()

    def say_banner(self) -> float:
        """In the order that card and network have."""
        for at_s, text in self.starts:
            self.later(at_s, self.banner_line, text)
        return max(at_s for at_s, _ in self.starts)

    def forget_settings(self) -> None:
        """Everything volatile is gone: parts forget their sessions."""

    @property
    def links(self) -> Links:
        """Made at their first use: the radio is not there before."""
        return self.once("links", lambda: Links(self))

    @property
    def http(self) -> HttpClient:
        """The one HTTP client."""
        return self.once("http", lambda: HttpClient(self.links))

    @property
    def gnss(self) -> Gnss:
        """The receiver."""
        return self.once("gnss", lambda: Gnss(self))

    def mqtt_client(self, index: int) -> MqttClient:
        """The MQTT client of that number."""
        from cellkit.bench.modem.engines.mqtt import MqttClient

        return self.once(f"mqtt{index}", lambda: MqttClient(self.links))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """An engine, made when it is asked for the first time."""
        if name not in self._late:
            self._late[name] = make()
        return cast(T, self._late[name])

    def say(self, text: str, after_s: float = 0.05) -> None:
        """A result that comes a little later."""
        self.later(after_s, self.urc, text)

    def behind(self, text: str, after_s: float = 0.05) -> Reply:
        """OK, and the result behind it."""
        return Reply(after=lambda: self.say(text, after_s))

    def failed(self, *lines: str) -> Reply:
        """Result lines and ERROR."""
        return Reply([*lines], final="ERROR")

    def ask(self, size: int | None, longest: int, done: Callable[[bytes], object], prompt: str | None = None) -> Reply:
        """A prompt for `size` bytes, or all up to Ctrl-Z; what is given up is answered by OK."""

        def typed(data: bytes | None) -> None:
            if data is None:
                self.complete(Reply())
            else:
                done(data)

        return Reply(prompt=DataMode(size, longest, typed, self.own_prompt if prompt is None else prompt))

    def upload(self, command: Command, prompt: str | None = None) -> Reply:
        """`"name",<length>`: a file by prompt."""
        if command.op == "test":
            return Reply([f"{command.name}: <filename>,(1-{_LONGEST_FILE})"])
        name, size = command.string(0, 120), command.integer(1, 1, _LONGEST_FILE)

        def done(data: bytes) -> None:
            self.complete(Reply() if self.files.write(name, data) else Reply(final="ERROR"))

        return self.ask(size, size, done, prompt)

    def noted(self, key: str, *, low: int = 0, high: int = 1) -> Handler:
        """A command that is one number, kept under `key` in RAM."""

        def handler(command: Command) -> Reply:
            ram = self.settings.ram
            if command.op == "test":
                return Reply([self.standard.line(command.name, f"({low}-{high})")])
            if command.op == "read":
                return Reply([self.standard.line(command.name, ram.get(key, low))])
            if command.op != "set":
                raise SyntaxFault
            ram[key] = command.integer(0, low, high)
            return Reply()

        return handler

    def connected_text(self) -> str:
        """What begins transparent mode: with the rate, unless ATX0 takes it away."""
        return f"CONNECT {self.settings.nvram['IPR'] or 115200}" if self.settings.ram.get("X", 4) else "CONNECT"

    def _x(self, command: Command) -> Reply:
        self.settings.ram["X"] = command.integer(0, 0, 4, default=0)
        return Reply()

    def agreed(self, command: Command) -> Reply:
        """A setting without effect here."""
        return Reply()
