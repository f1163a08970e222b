"""Position of a module: its satellite receiver with a time to the first fix, and the network's guess by cell.

    gnss = Gnss(modem)
    gnss.on_fix = lambda fix: ...       # once a second from the first fix on, where a family wants it
    gnss.start()
    fix = gnss.fix()                    # None: none yet
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cellkit.bench.modem.engines.host import Host

# Typical times to a fix under open sky in data sheets of receivers of this class (unverified for each module).
COLD_S, WARM_S, HOT_S = 32.0, 28.0, 2.0
_HOT_FOR_S = 7200.0  # ephemerides are good for about two hours
_PERIOD_S = 1.0
_CELL_REQUEST_BYTES = 120  # (unverified)
_KNOTS = 1.852


@dataclass(frozen=True)
class Fix:
    """Where the device is. Latitude north and longitude east positive, in degrees; `utc` of the fix."""

    utc: datetime
    latitude: float
    longitude: float
    altitude_m: float
    accuracy_m: float
    hdop: float
    satellites: int
    speed_kmh: float
    course_deg: float
    first_fix_s: float
    """What it took from start."""

    def nmea_latitude(self, digits: int = 4) -> tuple[str, str]:
        """`ddmm.mmmm` and N or S."""
        return _minutes(self.latitude, 2, digits), "N" if self.latitude >= 0 else "S"

    def nmea_longitude(self, digits: int = 4) -> tuple[str, str]:
        """`dddmm.mmmm` and E or W."""
        return _minutes(self.longitude, 3, digits), "E" if self.longitude >= 0 else "W"

    def sentences(self, talker: str = "GP") -> list[str]:
        """The fix as NMEA 0183: GGA, RMC, VTG."""
        latitude, longitude = ",".join(self.nmea_latitude()), ",".join(self.nmea_longitude())
        knots, time = self.speed_kmh / _KNOTS, f"{self.utc:%H%M%S}.00"
        return [
            sentence(f"{talker}GGA,{time},{latitude},{longitude},1,{self.satellites:02d},{self.hdop:.1f},"
                     f"{self.altitude_m:.1f},M,0.0,M,,"),
            sentence(f"{talker}RMC,{time},A,{latitude},{longitude},{knots:.1f},{self.course_deg:.1f},"
                     f"{self.utc:%d%m%y},,,A"),
            sentence(f"{talker}VTG,{self.course_deg:.1f},T,,M,{knots:.1f},N,{self.speed_kmh:.1f},K,A"),
        ]  # fmt: skip


def sentence(body: str) -> str:
    """An NMEA sentence with its checksum, without line end."""
    check = 0
    for byte in body.encode("ascii"):
        check ^= byte
    return f"${body}*{check:02X}"


def _minutes(degrees: float, width: int, digits: int) -> str:
    units = round(abs(degrees) * 60 * 10**digits)
    whole, minutes = divmod(units, 60 * 10**digits)
    return f"{whole:0{width}d}{minutes / 10**digits:0{3 + digits}.{digits}f}"


class Gnss:
    """One receiver. What it knows of the sky outlives `stop` for two hours, but no reset."""

    def __init__(self, modem: Host) -> None:
        self._modem = modem
        self.on = False
        self.on_fix: Callable[[Fix], object] = lambda fix: None
        self._started_s = 0.0
        self._needs_s = COLD_S
        self._fixed_s: float | None = None
        self._ever = False
        self._run = 0
        modem.at_reset.append(self.forget)

    def start(self, cold: bool = False) -> None:
        """Switch it on, if it is not; `cold` forgets what it knows."""
        if self.on:
            return
        now_s = self._modem.network.clock.now()
        fresh = self._fixed_s is not None and now_s - self._fixed_s < _HOT_FOR_S
        self._needs_s = HOT_S if fresh and not cold else WARM_S if self._ever and not cold else COLD_S
        self.on, self._started_s = True, now_s
        self._run += 1
        self._modem.later(self._needs_s, self._tick, self._run)

    def stop(self) -> None:
        """Switch it off."""
        self.on = False
        self._run += 1

    def forget(self) -> None:
        """Reset or power cut. It comes by itself."""
        self.stop()
        self._fixed_s = None

    def running_s(self) -> float:
        """Seconds since `start`; 0 when off."""
        return self._modem.network.clock.now() - self._started_s if self.on else 0.0

    def fix(self) -> Fix | None:
        """The position now; None when off, before the first fix, or without sky."""
        position = self._modem.network.config.position
        if not self.on or not position.sky or self.running_s() < self._needs_s:
            return None
        self._fixed_s, self._ever = self._modem.network.clock.now(), True
        return self._made(position.accuracy_m)

    def cell(self, done: Callable[[Fix | None], object]) -> None:
        """Ask the network for a position by cell: `done(fix)`, None if it cannot be reached."""
        modem = self._modem

        def sent(ok: bool) -> None:
            if not ok or modem.network.blocked() is not None:
                done(None)
            else:
                fix = self._made(modem.network.config.position.cell_accuracy_m)
                modem.later(modem.network.radio.network.core_s.value, done, fix)

        if modem.ue.registered:
            modem.ue.transmit(_CELL_REQUEST_BYTES, sent)
        else:
            modem.later(0.0, done, None)

    def _made(self, accuracy_m: float) -> Fix:
        network = self._modem.network
        where = network.config.position
        return Fix(
            network.utc(), where.latitude, where.longitude, where.altitude_m, accuracy_m, 1.1, 9,
            where.speed_kmh, where.course_deg, self._needs_s,
        )  # fmt: skip

    def _tick(self, run: int) -> None:
        if run != self._run:
            return
        fix = self.fix()
        if fix is not None:
            self.on_fix(fix)
        self._modem.later(_PERIOD_S, self._tick, run)
