"""Finds a module's profile by what the module says of itself, and loads no other.

The words of the answer to ATI or AT+CGMM, in small letters, with `_` for all else, are tried from their longest
beginning to their shortest, where it has a digit: `Quectel_BC660K-GL` finds `bc660k`. A file `modem_<name>.py` anywhere
on sys.path goes before the profiles of this library, so that a module is added without touching any other file.
"""

import os
import sys

_LONGEST = 12
_OWN = "modem_"


def find(answer):
    """The profile (a module) for `answer` (bytes), or None."""
    own = _own_names()
    for name in _candidates(answer):
        if name in own:
            return __import__(_OWN + name)
        try:
            return load(name)
        except ImportError:
            pass
    return None


def load(name):
    """The profile `name` of this library; or the one that it says it is the same as, with what it states besides in its
    place. Raises ImportError."""
    path = "cellular.modem.profiles." + name
    profile = __import__(path, None, None, (name,))
    same = getattr(profile, "SAME_AS", None)
    if not same:
        return profile
    del sys.modules[path]
    other = load(same)
    sys.modules.pop("cellular.modem.profiles." + same, None)  # the next one gets it unchanged
    for key in dir(profile):
        if key[0] != "_" and key != "SAME_AS":
            setattr(other, key, getattr(profile, key))
    return other


def _candidates(answer):
    text = "".join(
        [chr(c | 32) if 65 <= c <= 90 else chr(c) if 48 <= c <= 57 or 97 <= c <= 122 else "_" for c in answer]
    )
    n = len(text)
    for start in range(n):
        if text[start] == "_" or (start and text[start - 1] != "_"):
            continue
        digit = start
        while digit < n and not text[digit].isdigit():
            digit += 1
        for end in range(min(n, start + _LONGEST), max(digit, start + 2), -1):
            if text[end - 1] != "_":
                yield text[start:end]


def _own_names():
    names = []
    for path in sys.path:
        try:
            files = os.listdir(path or ".")
        except OSError:
            continue  # no folder: frozen modules, or none
        for file in files:
            if file.startswith(_OWN):
                names.append(file.split(".")[0][len(_OWN) :])
    return names
