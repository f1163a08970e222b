"""The device's clock: network time in the RTC, with the crystal's drift learned and taken out between sessions.

The RTC itself is kept right to five minutes; `Clock.now_s` is right to a second or two.

All times are whole seconds since 1970 in UTC. What comes from the network is believed like this:
- before EARLIEST or from LATEST on: refused; a module that was never told the time says 1970, 1980 or 2000;
- the first time ever, or after the loss of power: taken;
- as far off as a crystal can be: taken as drift, from a day on it goes into the estimate;
- further off, up to a day: a step (the network was corrected), taken, and no part of the estimate;
- more than a day off: taken when the next session says the same.
The clock may step back as well as forth; those who count on it (`apps.common.schedule`) see to their own order.
"""

import struct

from cellular import calendar
from cellular.services.smallfile import load_checked, store_checked
from cellular.trace import trace
from micropython import const

AREA_BYTES = const(30)  # of RTC memory

EARLIEST = calendar.seconds(2025, 1, 1)
LATEST = calendar.seconds(2100, 1, 1)

_GIGA = const(1000000000)
_FORMAT = "<bbqqqi"  # known, zone, anchor, offset, learning since (UTC), how far the RTC was ahead then
_RESOLUTION_S = const(2)  # both clocks show whole seconds
_UNKNOWN_PPB = const(600000)  # how far off a crystal may be that nobody has measured
_KNOWN_PPB = const(200000)  # and one whose drift is known, by temperature and age
_LEARN_S = const(86400)  # shorter, the resolution is more than the drift
_FULL_S = const(2592000)  # after 30 days the resolution is below 1 ppm: then begin anew, as the drift itself drifts
_RTC_OFF_S = const(300)  # setting the RTC loses its fraction of a second: done often, that would look like drift
_DOUBT_S = const(86400)
_STORE_PPB = const(1000)


class Clock:
    """`rtc`: machine.RTC; `memory`: AREA_BYTES of RTC memory (memoryview), zeros where nothing was kept; `save()` is
    called when it has changed; `path`: the file that keeps the drift.
    """

    def __init__(self, rtc, memory, path, save):
        self.refused = 0  # times of the network that were not believed
        self.steps = 0
        self._rtc = rtc
        self._memory = memory
        self._path = path
        self._save = save
        self._doubt_s = None  # a step of more than a day, seen once
        self._stored_ppb = self._load()
        self._learned_ppb = self._ppb = self._stored_ppb
        known, self.zone_quarters, self._anchor, self._offset, self._since, self._since_rtc = self._unpack(memory)
        self.known = bool(known) and EARLIEST <= self._rtc_s() < LATEST

    @property
    def drift_ppm(self):
        """How much the RTC runs fast, as a float; None while nobody knows."""
        return None if self._ppb is None else self._ppb / 1000

    def now_s(self):
        """UTC, or None while the time is not known."""
        return self._corrected(self._rtc_s()) if self.known else None

    def take(self, utc_s, zone_quarters=None):
        """The network says that it is `utc_s` now, and local time `zone_quarters` ahead. True if it was believed."""
        if not EARLIEST <= utc_s < LATEST:
            return self._refuse("year", utc_s)
        rtc_s = self._rtc_s()
        if not self.known:
            self._begin(utc_s)
        else:
            now_s = self._corrected(rtc_s)
            step_s = utc_s - now_s
            if not self._may_be_drift(step_s, rtc_s):
                if abs(step_s) > _DOUBT_S and not self._same_doubt(step_s):
                    return self._refuse("step", utc_s)
                self.steps += 1
                trace("clock_step", step_s=step_s)
                self._begin(utc_s)
            else:
                self._learn(utc_s, rtc_s)
                self._offset = rtc_s - (utc_s if abs(step_s) >= _RESOLUTION_S else now_s)
                self._anchor = rtc_s
                if abs(self._offset) > _RTC_OFF_S:
                    self._set(utc_s)
                    self._since_rtc += utc_s - rtc_s  # the RTC was moved, not the crystal
        self._doubt_s = None
        if zone_quarters is not None and zone_quarters != self.zone_quarters:
            trace("zone", quarters=zone_quarters, before=self.zone_quarters)
            self.zone_quarters = zone_quarters
        self._keep()
        return True

    # --- the RTC ------------------------------------------------------------------------------------------------------

    def _rtc_s(self):
        t = self._rtc.datetime()
        return calendar.seconds(t[0], t[1], t[2], t[4], t[5], t[6])

    def _set(self, utc_s):
        self._rtc.datetime(calendar.rtc_tuple(utc_s))
        self._offset, self._anchor = 0, utc_s

    def _corrected(self, rtc_s):
        drift_s = ((rtc_s - self._anchor) * self._ppb + _GIGA // 2) // _GIGA if self._ppb else 0
        return rtc_s - self._offset - drift_s

    # --- belief -------------------------------------------------------------------------------------------------------

    def _begin(self, utc_s):
        """Take the time whatever the RTC shows; learning begins anew."""
        self._set(utc_s)
        self.known = True
        self._since = self._since_rtc = utc_s
        self._learned_ppb = self._ppb

    def _may_be_drift(self, step_s, rtc_s):
        most_ppb = _UNKNOWN_PPB if self._ppb is None else _KNOWN_PPB
        return abs(step_s) <= _RESOLUTION_S + abs(rtc_s - self._anchor) * most_ppb // _GIGA

    def _same_doubt(self, step_s):
        before = self._doubt_s
        self._doubt_s = step_s
        return before is not None and abs(step_s - before) <= 60

    def _refuse(self, why, utc_s):
        self.refused += 1
        trace("clock_refused", why=why, utc_s=utc_s)
        return False

    # --- drift --------------------------------------------------------------------------------------------------------

    def _learn(self, utc_s, rtc_s):
        elapsed_s = utc_s - self._since
        if elapsed_s < _LEARN_S:
            return
        ppb = (rtc_s - self._since_rtc - elapsed_s) * _GIGA // elapsed_s
        old = self._learned_ppb
        # The older estimate counts less the longer this one has been measured.
        self._ppb = ppb if old is None else old + (ppb - old) * min(elapsed_s, _FULL_S) // _FULL_S
        if elapsed_s >= _FULL_S:
            self._learned_ppb = self._ppb
            self._since, self._since_rtc = utc_s, rtc_s
        if self._stored_ppb is None or abs(self._ppb - self._stored_ppb) >= _STORE_PPB:
            trace("drift", ppm=round(self._ppb / 1000, 1), over_s=elapsed_s)
            if store_checked(self._path, struct.pack("<i", self._ppb)):
                self._stored_ppb = self._ppb

    def _load(self):
        data = load_checked(self._path, 4)
        return None if data is None else struct.unpack("<i", data)[0]

    def _unpack(self, memory):
        values = struct.unpack_from(_FORMAT, memory)
        return values[:5] + (values[4] + values[5],)

    def _keep(self):
        ahead_s = self._since_rtc - self._since
        given = (1, self.zone_quarters, self._anchor, self._offset, self._since, ahead_s)
        struct.pack_into(_FORMAT, self._memory, 0, *given)
        self._save()
