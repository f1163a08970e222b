"""The configuration file: read, checked key by key, and never in the way of what the device is for.

What is wrong is named and replaced by its default; a file that cannot be used at all gives the defaults.
"""

import json

_MAX_BYTES = 2048

# key: (default, least, most) for numbers, (default, longest) for text. With None as default null is allowed too.
_NUMBERS = {
    "t3324_s": (10, 0, 11160),
    "t3412_s": (180000, 0, 35712000),  # longer than the time between two reports, which then make TAUs needless
    "edrx_s": (None, 5.12, 10485.76),
    "search_s": (180, 10, 3600),
    "ack_timeout_ms": (6000, 100, 60000),
    "max_retransmit": (3, 0, 8),
    "battery_mah": (2400, 1, 1000000),  # usable capacity, for the forecast
    "self_discharge_percent": (1, 0, 50),  # of it a year
}
_TEXTS = {"server": (None, 200), "apn": (None, 100), "pin": (None, 8)}


class Rules:
    """The keys of an app: those of the way to the server, and its own `numbers`, `texts` and `choices`, which are
    {key: (default, (value, value ...))}. record_bytes: of the longest record, which has to fit beside the server's URI.
    """

    def __init__(self, numbers, texts=None, choices=None, record_bytes=400):
        self._record_bytes = record_bytes
        self._numbers = dict(_NUMBERS)
        self._numbers.update(numbers)
        self._texts = dict(_TEXTS)
        self._texts.update(texts or {})
        self._choices = choices or {}

    def defaults(self):
        """All keys with their defaults."""
        out = {}
        for rules in (self._texts, self._numbers, self._choices):
            out.update((key, rule[0]) for key, rule in rules.items())
        return out

    def load(self, path):
        """(settings, problems) from the JSON file `path`: all keys are there; problems are sentences without secrets.

        A file that does not exist is no problem: the device then works alone, without a server.
        """
        settings = self.defaults()
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
            problem = self._problem(key, value)
            if problem:
                problems.append(problem)
            else:
                settings[key] = value
        return settings, problems

    def _problem(self, key, value):
        """What is wrong with one key, or None."""
        if key in self._numbers:
            default, least, most = self._numbers[key]
            if value is None and default is None:
                return None
            if type(value) is int or (type(value) is float and key == "edrx_s"):
                if least <= value <= most:
                    return None
            what = "a number from %s to %s" % (least, most)
        elif key in self._choices:
            default, allowed = self._choices[key]
            if type(value) is type(default) and value in allowed:
                return None
            what = "one of %s" % ", ".join(str(choice) for choice in allowed)
        elif key in self._texts:
            default, longest = self._texts[key]
            if value is None or (isinstance(value, str) and 0 < len(value) <= longest and _is_plain(value)):
                if key == "server" and value:
                    return _server_problem(value, self._record_bytes)
                if (value is not None or default is None) and not (key == "pin" and value and not _is_pin(value)):
                    return None
            what = "text of 1 to %d printable characters without quotes" % longest
            if key == "pin":
                what = "text of 4 to 8 digits"
        else:
            known = list(self._numbers) + list(self._texts) + list(self._choices)
            return "%s is no key; known are %s" % (key, ", ".join(sorted(known)))
        got = "another kind of value" if key == "pin" else repr(value)[:40]  # a PIN is a secret
        return "%s: expected %s, got %s; the default %s holds" % (key, what, got, default)


def _is_plain(text):
    # It goes into an AT command between quotes.
    for c in text:
        if not " " <= c <= "~" or c == '"':
            return False
    return True


def _is_pin(text):
    return len(text) >= 4 and all("0" <= c <= "9" for c in text)


def _server_problem(uri, record_bytes):
    from cellular.services.coap import parse_uri

    try:
        parse_uri(uri, record_bytes)
    except ValueError as e:
        return "server: %s; nothing is sent" % e
    return None
