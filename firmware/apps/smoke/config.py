"""The configuration file: read, checked key by key, and never in the way of the siren.

What is wrong is named and replaced by its default; a file that cannot be used at all gives the defaults.
"""

import json

_MAX_BYTES = 2048

# key: (default, least, most) for numbers, (default, longest) for text. With None as default null is allowed too.
_NUMBERS = {
    "t3324_s": (10, 0, 11160),
    "t3412_s": (180000, 0, 35712000),  # longer than the heartbeat's period, which then makes TAUs needless
    "edrx_s": (None, 5.12, 10485.76),
    "search_s": (180, 10, 3600),
    "ack_timeout_ms": (6000, 100, 60000),
    "max_retransmit": (3, 0, 8),
    "heartbeat_s": (86400, 60, 604800),
    "alarm_mv": (1200, 300, 2900),
    "hush_s": (600, 1, 600),  # F11: at most 10 min
    "silence_s": (25200, 21600, 28800),  # F3: (7 ± 1) h
    "warm_up_s": (5, 0, 120),
    "low_battery_mv": (3000, 1000, 6000),
    "service_life_days": (3650, 1, 7300),  # F14
}
_TEXTS = {"server": (None, 200), "apn": (None, 100), "pin": (None, 8)}


def defaults():
    """All keys with their defaults."""
    out = {key: rule[0] for key, rule in _TEXTS.items()}
    out.update((key, rule[0]) for key, rule in _NUMBERS.items())
    return out


def load(path):
    """(settings, problems) from the JSON file `path`: all keys are there; problems are sentences without secrets.

    A file that does not exist is no problem: the alarm then works alone, without a server.
    """
    settings = defaults()
    try:
        with open(path) as f:
            text = f.read(_MAX_BYTES + 1)
    except OSError as e:
        return settings, [] if e.errno == 2 else ["%s cannot be read: %s" % (path, e)]
    except UnicodeError:
        return settings, ["%s is not text in UTF-8; all defaults hold" % path]
    if len(text) > _MAX_BYTES:
        return settings, ["%s: expected at most %d characters; all defaults hold" % (path, _MAX_BYTES)]
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    # MicroPython's reader takes a file that was cut off for a whole one.
    if not isinstance(given, dict) or text.rstrip()[-1:] != "}":
        return settings, ["%s: expected a JSON object, {…}; all defaults hold" % path]
    problems = []
    for key, value in given.items():
        problem = _problem(key, value)
        if problem:
            problems.append(problem)
        else:
            settings[key] = value
    return settings, problems


def _problem(key, value):
    """What is wrong with one key, or None."""
    if key in _NUMBERS:
        default, least, most = _NUMBERS[key]
        if value is None and default is None:
            return None
        if type(value) is int or (type(value) is float and key == "edrx_s"):
            if least <= value <= most:
                return None
        what = "a number from %s to %s" % (least, most)
    elif key in _TEXTS:
        default, longest = _TEXTS[key]
        if value is None or (isinstance(value, str) and 0 < len(value) <= longest and _is_plain(value)):
            return _server_problem(value) if key == "server" and value else None
        what = "text of 1 to %d printable characters without quotes" % longest
    else:
        return "%s is no key; known are %s" % (key, ", ".join(sorted(list(_NUMBERS) + list(_TEXTS))))
    got = "another kind of value" if key == "pin" else repr(value)[:40]  # a PIN is a secret
    return "%s: expected %s, got %s; the default %s holds" % (key, what, got, default)


def _is_plain(text):
    # It goes into an AT command between quotes.
    for c in text:
        if not " " <= c <= "~" or c == '"':
            return False
    return True


def _server_problem(uri):
    from cellular.services.coap import parse_uri

    try:
        parse_uri(uri)
    except ValueError as e:
        return "server: %s; nothing is sent" % e
    return None
