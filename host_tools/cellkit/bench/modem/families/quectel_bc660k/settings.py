"""Commands of the BC660K-GL that configure it: serial port, sleep, power saving, search, clock, and QCFG.

Source: AT Commands Manual V1.4, chapters 3 and 5 to 12. A setting says where it lives: `nvram` for ever, `ram` until a
reset; what the manual calls "takes effect after the module is rebooted" is read from `at_boot`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from cellkit.bench import timers
from cellkit.bench.modem.core27007 import Core27007, number_setting
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.modem import Modem

_NOT_ALLOWED, _NO_RRC_CONNECTION = 3, 602
_BANDS = (1, 2, 3, 4, 5, 8, 12, 13, 17, 18, 19, 20, 25, 28, 66, 70, 85)
_LONGEST_T3324_S, _LONGEST_T3412_S = 11160, 35712000
_QPSMS_OFF = 1  # what AT+QPSMS? shows for a timer that is off
_RTC_FACTORY = datetime(2000, 1, 1, tzinfo=UTC)  # (unverified) clock before the network has told the time
_CLOCK = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)")
_QUARTER = timedelta(minutes=15)

# QCFG: name -> (allowed values, factory value, only at CFUN=0). Left out, and answered with ERROR: statisr, GPIO and
# activetimer, whose effects are not modelled.
_QCFG: dict[str, tuple[tuple[range, ...], int, bool]] = {
    "EPCO": ((range(2),), 1, True),
    "DataInactTimer": ((range(1), range(15, 256)), 60, True),
    "OOSScheme": ((range(5),), 0, False),
    "logbaudrate": ((range(921600, 6000001),), 6000000, False),
    "slplocktimes": ((range(31),), 0, False),  # the factory value is a figure of the module
    "dsevent": ((range(2),), 0, False),
    "MacRAI": ((range(2),), 0, True),
    "relversion": ((range(13, 15),), 13, True),
    "NBcategory": ((range(1, 3),), 1, True),
    "wakeupRXD": ((range(2),), 1, False),
    "faultaction": ((range(5),), 4, False),
    "NcellMeas": ((range(2),), 0, True),
    "SimBip": ((range(2),), 0, False),
    "simpsm": ((range(2),), 0, False),
}

SETTINGS_NVRAM: dict[str, Any] = {
    "IPR": 115200,
    "QNBIOTEVENT": 0,
    "CTZR": 0,
    "QLEDMODE": 0,
    "QCGDEFCONT": ("IP", "", "", "", 0),
    "QEDRXCFG": "0011",
    "QBAND": (),
    "QLOCKF": (0, 0, None),
    **{name: factory for name, (_, factory, _) in _QCFG.items()},
}
SETTINGS_RAM: dict[str, Any] = {"QSCLK": 1, "CCLK": None, "zone": 0}


class ModuleSettings:
    """Handlers bound to one modem."""

    def __init__(self, modem: Modem, core: Core27007) -> None:
        self._modem = modem
        self._core = core

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+IPR": self._ipr,
            "+QSCLK": self._qsclk,
            "+QNBIOTEVENT": self._qnbiotevent,
            "+QCFG": self._qcfg,
            "+QCGDEFCONT": self._qcgdefcont,
            "+QRST": self._qrst,
            "+CNMPSD": self._cnmpsd,
            "+QNBIOTRAI": self._qnbiotrai,
            "+QPSMS": self._qpsms,
            "+QEDRXCFG": self._qedrxcfg,
            "+QBAND": self._qband,
            "+QCSEARFCN": self._qcsearfcn,
            "+QLOCKF": self._qlockf,
            "+QPLMNS": self._qplmns,
            "+QLEDMODE": number_setting(self._modem, "+QLEDMODE", 0, 1),
            "+CCLK": self._cclk,
            "+CTZR": number_setting(self._modem, "+CTZR", 0, 3),
        }

    # Serial port and sleep

    def _ipr(self, command: Command) -> Reply:
        nvram, bauds = self._modem.settings.nvram, self._modem.config.limits.bauds
        if command.op == "test":
            return Reply([f"+IPR: ({','.join(map(str, bauds))})"])
        if command.op == "read":
            return Reply([f"+IPR: {nvram['IPR']}"])
        rate = command.integer(0, min(bauds), max(bauds))
        if command.op != "set" or len(command.args) != 1 or rate not in bauds:
            raise SyntaxFault
        return Reply(after=lambda: nvram.update(IPR=rate))  # OK still comes at the old rate (ugly-duckling-firmware)

    def _qsclk(self, command: Command) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply(["+QSCLK: (0-2)"])
        if command.op == "read":
            return Reply([f"+QSCLK: {ram['QSCLK']}"])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        ram["QSCLK"] = command.integer(0, 0, 2)
        return Reply()

    def _qnbiotevent(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply()
        if command.op == "read":
            return Reply([f"+QNBIOTEVENT: {nvram['QNBIOTEVENT']},1"])
        if command.op != "set" or len(command.args) != 2:
            raise SyntaxFault
        command.integer(1, 1, 1)
        nvram["QNBIOTEVENT"] = command.integer(0, 0, 1)
        return Reply()

    def _qrst(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QRST: (1)"])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        command.integer(0, 1, 1)
        return Reply(after=lambda: self._modem.reset("AT+QRST"))

    # QCFG

    def _qcfg(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply([f'+QCFG: "{name}",({_shown(values)})' for name, (values, _, _) in _QCFG.items()])
        if command.op == "read":
            return Reply([f'+QCFG: "{name}",{nvram[name]}' for name in _QCFG])
        if command.op != "set" or not 1 <= len(command.args) <= 2:
            raise SyntaxFault
        wanted = command.string(0, 20).lower()
        name = next((name for name in _QCFG if name.lower() == wanted), None)
        if name is None:
            raise SyntaxFault
        if len(command.args) == 1:
            return Reply([f'+QCFG: "{name}",{nvram[name]}'])
        values, _, only_minimum = _QCFG[name]
        value = command.integer(1, 0, values[-1][-1])
        if not any(value in allowed for allowed in values):
            raise SyntaxFault
        if only_minimum and nvram["CFUN"] != 0:
            raise MeFault(_NOT_ALLOWED)
        if name in ("MacRAI", "NBcategory") and value == values[-1][-1] and nvram["relversion"] != 14:
            raise MeFault(_NOT_ALLOWED)
        nvram[name] = value
        if name == "relversion":
            nvram["NBcategory"] = 2 if value == 14 else 1  # manual, 11.1.9
        return Reply()

    # Bearer

    def _qcgdefcont(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(['+QCGDEFCONT: ("IP","IPV6","IPV4V6","Non-IP")'])
        if command.op == "read":
            kind, apn, user, secret, auth = nvram["QCGDEFCONT"]
            more = f',"{user}","{secret}",{auth}' if user else ""
            return Reply([f'+QCGDEFCONT: "{kind}","{apn}"{more}' if apn or user else f'+QCGDEFCONT: "{kind}"'])
        if command.op != "set" or not 1 <= len(command.args) <= 5 or len(command.args) == 3:
            raise SyntaxFault
        kind = command.string(0, 6)
        if kind.upper() not in ("IP", "IPV6", "IPV4V6", "NON-IP"):
            raise SyntaxFault
        user, secret = command.string(2, 19, default=""), command.string(3, 19, default="")
        auth = command.integer(4, 0, 1, default=1 if user else 0)
        nvram["QCGDEFCONT"] = (kind, command.string(1, 99, default=""), user, secret, auth)
        return Reply()

    # Release assistance

    def _cnmpsd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op != "action":
            raise SyntaxFault
        at_boot = self._modem.settings.at_boot
        if at_boot["relversion"] == 14 and at_boot["MacRAI"] == 1:  # without RAI in AS the command has no effect
            return Reply(after=self._modem.ue.release_assistance)
        return Reply()

    def _qnbiotrai(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QNBIOTRAI: (0,1)"])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        mode = command.integer(0, 0, 1)
        if not self._modem.ue.connected:
            raise MeFault(_NO_RRC_CONNECTION)
        return Reply(after=self._modem.ue.release_assistance if mode else None)

    # Power saving

    def _qpsms(self, command: Command) -> Reply:
        nvram, grant = self._modem.settings.nvram, self._modem.ue.grant
        if command.op == "test":
            return Reply([f"+QPSMS: (0-{_LONGEST_T3324_S}),(0-{_LONGEST_T3412_S})"])
        if command.op == "read":
            active_s = None if grant.t3324 is None else timers.decode_t3324(grant.t3324)
            seconds = (active_s, grant.t3412_s)
            return Reply(["+QPSMS: " + ",".join(str(_QPSMS_OFF if s is None else round(s)) for s in seconds)])
        if command.op != "set" or len(command.args) != 2:
            raise SyntaxFault
        active_s, tau_s = command.integer(0, 0, _LONGEST_T3324_S), command.integer(1, 0, _LONGEST_T3412_S)
        nvram["CPSMS"] = {"mode": 1, "t3412": timers.floor_t3412(tau_s), "t3324": timers.floor_t3324(active_s)}
        return Reply(after=self._core.request_changed)

    def _qedrxcfg(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(['+QEDRXCFG: (0-3),(5),("0000"-"1111"),("0000"-"1111")'])
        if command.op == "read":
            return Reply([f'+QEDRXCFG: 5,"{nvram["CEDRXS"]["cycle"]}","{nvram["QEDRXCFG"]}"'])
        if command.op != "set" or not 1 <= len(command.args) <= 4:
            raise SyntaxFault
        mode = command.integer(0, 0, 3)
        command.integer(1, 5, 5, default=5)
        cycle, window = command.bits(2, 4), command.bits(3, 4)
        self._core.set_edrx(mode, cycle)
        if mode == 3:
            nvram["QEDRXCFG"] = SETTINGS_NVRAM["QEDRXCFG"]
        elif window is not None:
            nvram["QEDRXCFG"] = window
        return Reply(after=self._core.request_changed)

    # Search

    def may_camp(self) -> bool:
        """Whether the cell is one of those that bands and frequency lock allow."""
        cell, nvram = self._modem.network.config.cell, self._modem.settings.nvram
        mode, earfcn, pci = nvram["QLOCKF"]
        if mode == 1 and (earfcn != cell.earfcn or pci not in (None, cell.pci)):
            return False
        return not nvram["QBAND"] or cell.band in nvram["QBAND"]

    def _qband(self, command: Command) -> Reply | None:
        modem, nvram = self._modem, self._modem.settings.nvram
        if command.op == "test":
            return Reply([f"+QBAND: (0-{len(_BANDS)}),({','.join(map(str, _BANDS))})"])
        if command.op == "read":
            return Reply([f"+QBAND: {','.join(map(str, nvram['QBAND'] or _BANDS))}"])
        if command.op != "set":
            raise SyntaxFault
        count = command.integer(0, 0, len(_BANDS))
        bands = tuple(command.integer(index, 1, 85) for index in range(1, len(command.args)))
        if len(bands) != count or set(bands) - set(_BANDS):
            raise SyntaxFault
        nvram["QBAND"] = bands
        if not modem.ue.on:
            return Reply()
        wait_s = modem.network.radio.network.detach_s.value if modem.ue.registered else 0.0
        modem.ue.stop()
        modem.later(wait_s, modem.complete, Reply(after=self._core.register_if_possible))
        return None

    def _only_at_minimum(self) -> None:
        if self._modem.settings.nvram["CFUN"] != 0:
            raise MeFault(_NOT_ALLOWED)

    def _qcsearfcn(self, command: Command) -> Reply:
        if command.op != "action":
            raise SyntaxFault
        self._only_at_minimum()
        return Reply()

    def _qlockf(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["+QLOCKF: (0-2)"])
        if command.op == "read":
            mode, earfcn, pci = nvram["QLOCKF"]
            return Reply([f"+QLOCKF: 1,{earfcn}{'' if pci is None else f',{pci}'}"] if mode == 1 else [])
        if command.op != "set":
            raise SyntaxFault
        mode = command.integer(0, 0, 1)  # 2, preferred frequencies, is not modelled
        if mode == 0:
            self._only_at_minimum()
            nvram["QLOCKF"] = (0, 0, None)
            return Reply()
        earfcn = command.integer(1, 0, 262143)
        pci = command.integer(3, 0, 503) if command.given(3) else None
        self._only_at_minimum()
        nvram["QLOCKF"] = (1, earfcn, pci) if earfcn else (0, 0, None)
        return Reply()

    def _qplmns(self, command: Command) -> Reply:
        ue = self._modem.ue
        if command.op == "test":
            return Reply()
        if command.op == "read":
            left_s = ue.search_due_s()
            if ue.searching or left_s is None:
                return Reply([f"+QPLMNS: {1 if ue.searching else 2 if ue.camped else 0}"])
            return Reply([f"+QPLMNS: 3,{round(left_s)}"])
        if command.op != "action":
            raise SyntaxFault
        if ue.camped or not ue.on:
            raise MeFault(_NOT_ALLOWED)
        return Reply(after=ue.search_now)

    # Clock

    def _cclk(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op == "read":
            return Reply([f"+CCLK: {self.local_time():%y/%m/%d,%H:%M:%S}{self._modem.settings.ram['zone']:+03d}"])
        if command.op != "set" or len(command.args) != 1 or not command.args[0].quoted:
            raise SyntaxFault
        match = _CLOCK.fullmatch(command.args[0].text)
        if match is None or not -96 <= int(match[7]) <= 96:
            raise SyntaxFault
        year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
        try:
            local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(_QUARTER * int(match[7])))
        except ValueError:
            raise SyntaxFault from None
        self.set_clock(local.astimezone(UTC), int(match[7]))
        return Reply()

    def set_clock(self, utc: datetime, zone_quarters: int) -> None:
        """The time is `utc` now, and local time is `zone_quarters` quarters of an hour ahead."""
        ram = self._modem.settings.ram
        ram["CCLK"], ram["zone"] = utc - timedelta(seconds=self._modem.clock.now()), zone_quarters

    def local_time(self) -> datetime:
        """What the module's clock shows."""
        ram = self._modem.settings.ram
        began: datetime = ram["CCLK"] or _RTC_FACTORY - timedelta(seconds=self._modem.booted_s)
        zone_quarters: int = ram["zone"]
        return began + timedelta(seconds=self._modem.clock.now()) + _QUARTER * zone_quarters


def _shown(values: tuple[range, ...]) -> str:
    parts = []
    for allowed in values:
        first, last = allowed[0], allowed[-1]
        parts.append(f"{first}" if first == last else f"{first},{last}" if last == first + 1 else f"{first}-{last}")
    return ",".join(parts)
