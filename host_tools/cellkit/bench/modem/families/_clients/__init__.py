"""A plain module with the clients that a maker builds in, each made at its first use, and with a stored profile."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any, TypeVar, cast

from cellkit.bench.clock import Clock
from cellkit.bench.log import EventLog
from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.engines.gnss import Gnss
from cellkit.bench.modem.engines.http import HttpClient
from cellkit.bench.modem.engines.links import Links
from cellkit.bench.modem.engines.mqtt import MqttClient
from cellkit.bench.modem.engines.tls import Files
from cellkit.bench.modem.family import Dialect, Handler, Reply
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.v250 import Command
from cellkit.bench.network import Network

__all__ = ["ClientsModem", "done", "shown", "text_of"]

T = TypeVar("T")
_NTP_S = 0.5


class ClientsModem(PlainModem):
    """Families inherit it and put their syntax on the engines."""

    profiled: tuple[str, ...] = ()
    """Settings that a restart takes back to what was stored last (AT&W, or what the family stores by)."""

    def __init__(
        self, clock: Clock, log: EventLog, network: Network, config: ModemConfig, tx: Callable[[bytes], object]
    ) -> None:
        super().__init__(clock, log, network, config, tx)
        self._stored: dict[str, Any] = {}
        self.store_profile()

    def _make_dialect(self) -> Dialect:
        self._made: dict[str, object] = {}
        self.files = Files()
        return super()._make_dialect()

    def _once(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._made:
            self._made[name] = make()
        return cast(T, self._made[name])

    @property
    def links(self) -> Links:
        """All sockets; the radio is not there yet when the commands are made."""
        return self._once("links", lambda: Links(self))

    @property
    def gnss(self) -> Gnss:
        """The receiver."""
        return self._once("gnss", lambda: Gnss(self))

    def http_client(self, number: int = 0) -> HttpClient:
        """HTTP client `number`."""
        return self._once(f"http{number}", lambda: HttpClient(self.links))

    def mqtt_client(self, number: int = 0) -> MqttClient:
        """MQTT client `number`."""
        return self._once(f"mqtt{number}", lambda: MqttClient(self.links))

    # Settings that are stored only when told

    def store_profile(self) -> None:
        """What `profiled` names is kept as it is now."""
        self._stored = {name: deepcopy(self.settings.nvram[name]) for name in self.profiled}

    def stores(self, command: Command) -> Reply:
        """AT&W."""
        self.store_profile()
        return Reply()

    def lost_memory(self) -> None:
        """A restart: what was not stored is gone."""
        self.settings.nvram.update(deepcopy(self._stored))
        super().lost_memory()

    def ntp(self, answered: Callable[[str | None], object]) -> None:
        """Ask a time server: the clock is set, and `answered` gets the local time `yy/MM/dd,hh:mm:ss+zz`, or None."""

        def connected(ok: bool) -> None:
            if not ok or self.network.blocked() is not None:
                self.later(_NTP_S, answered, None)
                return
            utc, zone = self.network.utc(), self.network.config.policy.utc_offset_quarters
            self.standard.set_clock(utc, zone)
            local = utc + timedelta(minutes=15 * zone)
            self.later(_NTP_S, answered, f"{local:%y/%m/%d,%H:%M:%S}{zone:+03}")

        self.ue.connect(connected)


def text_of(data: bytes) -> str:
    """Payload as it stands in a line."""
    return data.decode("latin-1")


def done(command: Command) -> Reply:
    """A setting that is noted and changes nothing here."""
    return Reply()


def shown(*lines: str) -> Handler:
    """A command that always shows the same lines."""
    return lambda command: Reply([*lines])
