"""The meter's configuration; apps.common.config reads and checks it."""

from apps.common.config import Rules

_NUMBERS = {
    "pulse_weight": (1, 1, 100000),  # units a pulse
    "index": (0, 0, 1000000000000),  # what the meter showed when the device was fitted, in units
    "leak_hours": (24, 1, 720),  # so long without an interval of no flow is a leak
    "backflow_units": (3, 1, 1000000),  # so much backwards within one interval
    "low_battery_mv": (3000, 1000, 6000),
    "battery_mah": (19000, 1, 1000000),  # a D cell
}
_TEXTS = {"unit": ("l", 8)}
_CHOICES = {"interval_s": (3600, (900, 3600))}

_rules = Rules(_NUMBERS, _TEXTS, _CHOICES, 460)  # as messages.PACK_BYTES
defaults = _rules.defaults
load = _rules.load
