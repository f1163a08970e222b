"""The smoke alarm's configuration; apps.common.config reads and checks it."""

from apps.common.config import Rules

_NUMBERS = {
    "heartbeat_s": (86400, 60, 604800),
    "alarm_mv": (1200, 300, 2900),
    "hush_s": (600, 1, 600),  # F11: at most 10 min
    "silence_s": (25200, 21600, 28800),  # F3: (7 ± 1) h
    "warm_up_s": (5, 0, 120),
    "low_battery_mv": (3000, 1000, 6000),
    "service_life_days": (3650, 1, 7300),  # F14
}

_rules = Rules(_NUMBERS)
defaults = _rules.defaults
load = _rules.load
