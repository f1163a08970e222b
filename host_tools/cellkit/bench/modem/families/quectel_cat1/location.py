"""GNSS, assistance data, QuecLocator and Wi-Fi scan. Sources: reports on an EG800K with their logs, EC200U notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.gnss import sentence
from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_cat1 import Module

_NOT_ACTIVE, _NO_FIX, _ONGOING = 505, 516, 504
GNSS_TEXTS = {
    _ONGOING: "DSAT_CME_GNSS_SE_ONGOING", _NOT_ACTIVE: "DSAT_CME_GNSS_SE_NOT_ACT",
    _NO_FIX: "DSAT_CME_GNSS_NOT_FIXED_NOW",
}  # fmt: skip
_AGNSS = "http://agnss.asrmicro.com/asr-filedownload/filedown/allstar,Quectel,Quectel,9w68sauaFh000,"
_GPSCFG = {
    "apflash": "1", "gnssconfig": "8", "outport": '"usbnmea"', "nmeasrc": "1", "gpsnmeatype": "63", "autogps": "0",
    "glonassnmeatype": "0", "urc": "0",
}  # fmt: skip
_LBSCFG = {
    "asynch": "0", "timeout": "60", "server": '"www.queclocator.com:80"', "token": '""', "timeUpdate": "0",
    "withTime": "0", "latOrder": "0",
}  # fmt: skip
_RANGES = {"asynch": "(0,1)", "timeout": "(10-120)", "server": "<server>", "token": "<token>"}
_NO_ANSWER, _NO_TOKEN = 702, 10002
_LBS_S = 60.0
_NOTED = {"+QAGPS": Noted("0", "(0,1)")}


class LocationCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._gps = dict(_GPSCFG)
        self._lbs = dict(_LBSCFG)
        self.places: str | None = None
        """What QLBS shows behind `0,` (its fields are unverified); None: there is no token."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **noted_handlers(self._modem, _NOTED),
            "+QGPS": self._qgps, "+QGPSCFG": self._qgpscfg, "+QGPSGNMEA": self._qgpsgnmea, "+QGPSDEL": self._qgpsdel,
            "+QAGPSCFG": self._qagpscfg, "+QLBS": self._qlbs, "+QLBSCFG": self._qlbscfg, "+QCELLLOC": self._qlbs,
            "+QWIFISCAN": self._qwifiscan,
        }  # fmt: skip

    def _qgps(self, command: Command) -> Reply | None:
        gnss, modem = self._modem.gnss, self._modem
        if command.op == "test":
            return Reply(["+QGPS: (1-4),(1-255),(1-3),(0-1000),(1-65535)"])
        if command.op == "read":
            return Reply([f"+QGPS: {int(gnss.on)}"])
        command.integer(0, 1, 4)
        if gnss.on:
            raise MeFault(_ONGOING)
        gnss.start()
        if not modem.config.identity.more.get("gnss_urc"):
            return Reply()
        return Reply(after=lambda: modem.later(0.5, modem.urc, '+QGPS: "firmware",0,0'))

    def _qgpscfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QGPSCFG: "{key}",(0-255)' for key in _GPSCFG])
        key = command.string(0, 30)
        if key not in self._gps:
            raise SyntaxFault
        if len(command.args) == 1:
            return Reply([f'+QGPSCFG: "{key}",{self._gps[key]}'])
        self._gps[key] = command.raw.partition(",")[2].strip()
        return Reply()

    def _qgpsgnmea(self, command: Command) -> Reply:
        gnss = self._modem.gnss
        if command.op == "test":
            return Reply(['+QGPSGNMEA: ("GGA","RMC","GSV","GSA","VTG","GNS")'])
        if not gnss.on:
            raise MeFault(_NOT_ACTIVE)
        kind, fix = command.string(0, 3).upper(), gnss.fix()
        lines = [] if fix is None else [line for line in fix.sentences("GN") if line[3:6] == kind]
        if not lines:
            lines = [sentence("GNGGA,,,,,,0,00,127.00,,,,,,")] if kind == "GGA" else []
        return Reply([f"+QGPSGNMEA: {line}" for line in lines])

    def _qgpsdel(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QGPSDEL: (0-2)"])
        return Reply(final="+CME ERROR: DSAT_CME_GNSS_INVALID_PARA")  # every value fails (log of an EG800K)

    def _qagpscfg(self, command: Command) -> Reply:
        return Reply([f"+QAGPSCFG: 1,{_AGNSS}"]) if command.op == "read" else Reply()

    # QuecLocator

    def _qlbscfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QLBSCFG: "{key.lower()}",{_RANGES.get(key, "(0,1)")}' for key in _LBSCFG])
        wanted = command.string(0, 12).lower()
        key = next((name for name in _LBSCFG if name.lower() == wanted), None)
        if key is None:
            raise SyntaxFault
        if len(command.args) == 1:
            value = self._lbs[key]
            shown = f'"{"*" * len(value.strip(chr(34)))}"' if key == "token" else value
            return Reply([f'+QLBSCFG: "{key}",{shown}'])  # camel case, though it is written in small letters
        self._lbs[key] = f'"{command.args[1].text}"' if command.args[1].quoted else command.args[1].text
        return Reply()

    def _qlbs(self, command: Command) -> Reply | None:
        """Without a context the server does not answer; without a token it says so (report)."""
        if command.op == "test":
            return Reply()
        modem, name = self._modem, command.name
        if not modem.sockets_part.active:
            modem.later(_LBS_S, modem.complete, Reply([f"{name}: {_NO_ANSWER}"]))
            return None
        shown = f"{_NO_TOKEN}" if self.places is None else f"0,{self.places}"
        modem.later(2.0, modem.complete, Reply([f"{name}: {shown}"]))
        return None

    def _qwifiscan(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["+QWIFISCAN: (1-255),(1-10),(4-30),(1-255),(0,1)"])
        lines = ['+QWIFISCAN: (-,-,-54,"42:4A:6B:7C:12:34",6)', '+QWIFISCAN: (-,-,-71,"50:FA:84:AB:12:34",11)']
        self._modem.later(3.0, self._modem.complete, Reply(lines))
        return None
