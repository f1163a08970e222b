"""The device's own account of charge: how long each load was in which phase, and what that comes to.

It counts milliseconds, which cost an addition when a phase changes and nothing in between; the currents come in when
somebody asks. Kept in RTC memory, and on flash once a day.
"""

import binascii
import struct

from cellular import idle
from cellular.services.smallfile import load_checked, store_checked
from cellular.trace import trace
from cellular.uptime import milliseconds
from micropython import const

# As Link.phase, and `tx` of what was sent.
MODEM = ("off", "radio_off", "search", "awake", "connected", "tx", "idle", "psm")
MCU = ("run", "wait", "sleep")  # wait: halted, with its clock on

_HEAD = "<HIqI"  # which phases these are, days, charge up to the last day in µAh, charge of a day in µAh
_HEAD_BYTES = const(18)
UAH_PER_C = const(278)  # 1000000 / 3600, for SenML, whose unit of charge is C

_PC_PER_UAH = const(3600000000)  # nA times ms is pC
_DAY_MS = const(86400000)
_RECENT_DAYS = const(8)


class Battery:
    """What the forecast needs to know: usable capacity in mAh, self-discharge in percent of it a year."""

    def __init__(self, capacity_mah, self_discharge_percent=1.0):
        self.capacity_uah = int(capacity_mah * 1000)
        self.self_discharge_uah_day = int(self.capacity_uah * self_discharge_percent / 36525)


class Ledger:
    """`groups`: the phases of each load, which is in one of them at a time, in the first at start. Names are unique.

    `memory`: `area_bytes(groups)` of RTC memory, zeros where nothing was kept; `path`: the file for each day.
    """

    def __init__(self, groups, memory, path):
        self.names = [name for group in groups for name in group]
        self.days = 0
        self.day_uah = None  # recent charge of a day
        self._group = {name: i for i, group in enumerate(groups) for name in group}
        self._now = [group[0] for group in groups]
        self._ms = {name: 0 for name in self.names}
        self._memory = memory
        self._path = path
        self._mark = binascii.crc32(",".join(self.names).encode()) & 0xFFFF
        self._counted_uah = 0  # at the end of the last day
        self._format = _HEAD + "Q" * len(self.names)
        self._since_ms = self._day_began_ms = milliseconds()
        self._rested_ms = idle.times_ms()
        self._load()

    # --- what happens -------------------------------------------------------------------------------------------------

    def enter(self, phase):
        """A load is in another phase from now on."""
        self.settle()
        self._now[self._group[phase]] = phase

    def spent(self, phase, ms):
        """So many of the last milliseconds were spent in `phase`, not in the one its load is in."""
        self.settle()
        self._move(phase, ms)

    def settle(self):
        """Bring all up to now. To be called once in six days at least."""
        now_ms = milliseconds()
        past_ms = now_ms - self._since_ms
        if past_ms:
            self._since_ms = now_ms
            for phase in self._now:
                self._ms[phase] += past_ms
        rested_ms = idle.times_ms()
        if rested_ms != self._rested_ms:
            before_ms, self._rested_ms = self._rested_ms, rested_ms
            self._move("sleep", rested_ms[0] - before_ms[0])
            self._move("wait", rested_ms[1] - before_ms[1])

    def _move(self, phase, ms):
        present = self._now[self._group[phase]]
        ms = min(ms, self._ms[present])
        self._ms[phase] += ms
        self._ms[present] -= ms

    # --- what it comes to ---------------------------------------------------------------------------------------------

    def charge_uah(self, currents_na):
        """{phase: charge in µAh so far} from {phase: current in nA}; what has no current is left out."""
        return {name: self._ms[name] * currents_na[name] // _PC_PER_UAH for name in self.names if name in currents_na}

    def close_day(self, currents_na, battery):
        """A day is over: keep the account, and say what it comes to as trace event `ledger`. Returns (µAh used, days
        that the battery will last at the recent rate, None before the first whole day).
        """
        self.settle()
        charge_uah = self.charge_uah(currents_na)
        used_uah = sum(charge_uah.values())
        past_ms = self._since_ms - self._day_began_ms
        if past_ms >= _DAY_MS // 2:
            self._day_began_ms = self._since_ms
            uah = max(0, used_uah - self._counted_uah) * _DAY_MS // past_ms
            # The first day has the attach in it; each later one counts an eighth.
            before = self.day_uah
            self.day_uah = uah if before is None else before + (uah - before) // _RECENT_DAYS
            self._counted_uah = used_uah
            self.days += 1
        left_days = self._forecast(used_uah, battery)
        self.keep()
        store_checked(self._path, self._memory)
        trace("ledger", used_mah=used_uah / 1000, remaining_days=left_days, day_uah=self.day_uah, charge_uah=charge_uah)
        return used_uah, left_days

    def _forecast(self, used_uah, battery):
        if self.day_uah is None:
            return None
        left_uah = battery.capacity_uah - used_uah - self.days * battery.self_discharge_uah_day
        return max(0, left_uah) // max(1, self.day_uah + battery.self_discharge_uah_day)

    # --- keeping ------------------------------------------------------------------------------------------------------

    def keep(self):
        """Put the account into RTC memory; the owner of the memory saves it."""
        self.settle()
        head = (self._mark, self.days, self._counted_uah, 0xFFFFFFFF if self.day_uah is None else self.day_uah)
        struct.pack_into(self._format, self._memory, 0, *head, *[self._ms[name] for name in self.names])

    def _load(self):
        data = self._memory
        if struct.unpack_from("<H", data)[0] != self._mark:
            data = load_checked(self._path, len(data))
            if data is None or struct.unpack_from("<H", data)[0] != self._mark:
                return  # a new device, or phases that are not those of before
        values = struct.unpack_from(self._format, data)
        self.days, self._counted_uah = values[1:3]
        self.day_uah = None if values[3] == 0xFFFFFFFF else values[3]
        self._ms = dict(zip(self.names, values[4:]))


def area_bytes(groups):
    """How much RTC memory a ledger of `groups` needs."""
    return _HEAD_BYTES + 8 * sum(len(group) for group in groups)
