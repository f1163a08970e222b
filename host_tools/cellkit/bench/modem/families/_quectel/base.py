"""A Quectel module with the QI command set: its parts put together, its URCs and its power-off."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

from cellkit.bench.modem.engines.gnss import Gnss
from cellkit.bench.modem.engines.http import HttpClient
from cellkit.bench.modem.engines.links import Links
from cellkit.bench.modem.engines.tls import Files, TlsSettings
from cellkit.bench.modem.families._quectel.files import FileCommands
from cellkit.bench.modem.families._quectel.http import HttpCommands
from cellkit.bench.modem.families._quectel.mqtt import MqttCommands
from cellkit.bench.modem.families._quectel.names import NameCommands
from cellkit.bench.modem.families._quectel.queries import QueryCommands
from cellkit.bench.modem.families._quectel.sockets import SocketCommands
from cellkit.bench.modem.families._quectel.tls import TlsCommands
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.v250 import Command, SyntaxFault


class TlsSource(Protocol):
    """Where MQTT and HTTP get their TLS settings."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""

    def settings(self, number: int) -> TlsSettings:
        """Those of a context."""


class QuectelModem(PlainModem):
    """Class attributes say what differs between the families."""

    qi_send = "bytes"
    """QISEND: `bytes` behind a prompt, SEND OK alone; `inline`: payload in the command, OK and SEND OK."""
    close_ok = False
    """QICLOSE is followed by CLOSE OK."""
    state_port: str | None = "uart1"
    """The last field of QISTATE."""
    contexts = 16
    sockets = 12
    first_context = 1
    file_prompt = "\r\nCONNECT\r\n"
    mqtt_versions = (3, 4)
    mqtt_forms: tuple[str, ...] = (
        '"version",(0-5),(3,4)', '"pdpcid",(0-5),(1-15)', '"ssl",(0-5),(0,1),(0-5)', '"keepalive",(0-5),(0-3600)',
        '"session",(0-5),(0,1)', '"timeout",(0-5),(1-60),(1-10),(0,1)',
        '"will",(0-5),(0,1),(0-2),(0,1),"willtopic","willmessage"',
    )  # fmt: skip
    """What QMTCFG=? lists."""
    mqtt_recv = "quoted"
    """+QMTRECV's payload without a length: `quoted` or `bare`."""
    publish_answer = "+QMTPUBEX"
    """What a QMTPUBEX is answered with."""
    powered_down = "POWERED DOWN"

    tls_part: TlsSource

    def _make_dialect(self) -> Any:
        self.files = Files()
        self.sockets_part = SocketCommands(self)
        self.names_part = NameCommands(self)
        self.mqtt_part = MqttCommands(self)
        self.http_part = HttpCommands(self)
        self.tls_part = TlsCommands(self)
        self.queries = QueryCommands(self)
        self.file_part = FileCommands(self)
        return super()._make_dialect()

    @cached_property
    def links(self) -> Links:
        """Made at their first use: the radio is not there before."""
        return Links(self)

    @cached_property
    def http(self) -> HttpClient:
        """The one HTTP client."""
        return HttpClient(self.links)

    @cached_property
    def gnss(self) -> Gnss:
        """The receiver."""
        return Gnss(self)

    def commands(self) -> dict[str, Handler]:
        """All parts; a family adds its own over them."""
        found: dict[str, Handler] = {}
        for part in (
            self.sockets_part, self.names_part, self.mqtt_part, self.http_part, self.tls_part, self.queries,
            self.file_part,
        ):  # fmt: skip
            found.update(part.handlers())
        found["+QPOWD"] = self._qpowd
        return found

    def _qpowd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QPOWD: (0,1)"])
        if command.op not in ("set", "action"):
            raise SyntaxFault
        return Reply(after=lambda: self.later(1.0, self.power.shut_down))

    def switched_off(self) -> None:
        """The last words."""
        if self.powered_down:
            self.urc(self.powered_down)

    def registration_changed(self) -> None:
        """Without registration the contexts are gone. What a detach by command changes is told behind its OK."""
        if self._does("AT+CGATT=0"):
            self.later(self.network.radio.network.detach_s.value + 0.2, self.registration_changed)
            return
        if self._does("AT+CGATT=1") and self.ue.stat is Stat.SEARCHING:
            return  # the cell is known: there is no search to tell of
        if not self.ue.registered:
            self.sockets_part.bearer_gone()
        super().registration_changed()

    def _does(self, command: str) -> bool:
        return self._running is not None and self._running.text.upper().startswith(command)
