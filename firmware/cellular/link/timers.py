"""Codes of T3324, T3412 extended, eDRX cycle and PTW (TS 24.008 10.5.7.4, 10.5.7.4a, table 10.5.5.32).

Times are whole seconds on the device (eDRX and PTW are truncated: 20.48 s is 20); None means "deactivated".
"""

_T3324 = ((0, 2), (1, 60), (2, 360))
_T3412 = ((3, 2), (4, 30), (5, 60), (0, 600), (1, 3600), (2, 36000), (6, 1152000))

# eDRX cycle in units of 5.12 s by code. NB-S1 reads codes that only WB-S1 knows as 0010, WB-S1 those of NB-S1 as 1101.
_EDRX_NB = (0, 0, 4, 8, 4, 16, 4, 4, 4, 32, 64, 128, 256, 512, 1024, 2048)
_EDRX_WB = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256, 512, 512, 512)


def _encode(seconds, units, name):
    if seconds < 0:
        raise ValueError("%s of %d s: expected 0 s or more" % (name, seconds))
    for unit, step in units:
        value = -(-seconds // step)
        if value <= 31:
            code = unit << 5 | value
            return "".join("1" if code >> i & 1 else "0" for i in range(7, -1, -1))
    raise ValueError("%s of %d s is longer than the longest code, %d s" % (name, seconds, units[-1][1] * 31))


def _decode(bits, units, fallback_s):
    code = _bits(bits, 8)
    unit = code >> 5
    if unit == 7:
        return None
    for u, step in units:
        if u == unit:
            return (code & 31) * step
    return (code & 31) * fallback_s


def _bits(text, count):
    if text is None or len(text) != count:
        raise ValueError("expected %d binary digits, got %r" % (count, text))
    return int(text, 2)


def encode_t3324(seconds):
    """Shortest T3324 code of at least `seconds`, as 8 binary digits."""
    return _encode(seconds, _T3324, "T3324")


def decode_t3324(bits):
    """T3324 in seconds, None if deactivated. ValueError for anything but 8 binary digits."""
    return _decode(bits, _T3324, 60)


def encode_t3412(seconds):
    """Shortest T3412 extended code of at least `seconds`, as 8 binary digits."""
    return _encode(seconds, _T3412, "T3412")


def decode_t3412(bits):
    """T3412 extended in seconds, None if deactivated. ValueError for anything but 8 binary digits."""
    return _decode(bits, _T3412, 0)


def encode_edrx(seconds, wb=False):
    """Code of the shortest eDRX cycle of at least `seconds`, as 4 binary digits; NB-S1 unless `wb`."""
    table = _EDRX_WB if wb else _EDRX_NB
    best = None
    for code in range(16):
        units = table[code]
        if units and units * 512 >= seconds * 100 and (best is None or units < table[best]):
            best = code
    if best is None:
        raise ValueError("eDRX cycle of %d s is longer than the longest code, %d s" % (seconds, table[15] * 512 // 100))
    return "".join("1" if best >> i & 1 else "0" for i in (3, 2, 1, 0))


def decode_edrx(bits, wb=False):
    """eDRX cycle in seconds, NB-S1 unless `wb`; None for the two codes NB-S1 treats as absent."""
    units = (_EDRX_WB if wb else _EDRX_NB)[_bits(bits, 4)]
    return units * 512 // 100 if units else None


def decode_ptw(bits, wb=False):
    """Paging time window in seconds, NB-S1 unless `wb`."""
    return (_bits(bits, 4) + 1) * (128 if wb else 256) // 100


class Timers:
    """T3324, T3412, eDRX cycle and PTW in seconds; None where off or not known."""

    def __init__(self, t3324_s=None, t3412_s=None, edrx_s=None, ptw_s=None):
        self.t3324_s = t3324_s
        self.t3412_s = t3412_s
        self.edrx_s = edrx_s
        self.ptw_s = ptw_s

    def as_dict(self):
        return {"t3324_s": self.t3324_s, "t3412_s": self.t3412_s, "edrx_s": self.edrx_s, "ptw_s": self.ptw_s}


def round_up(t3324_s, t3412_s, edrx_s):
    """The Timers that can be asked for: each the shortest that has a code. None stays None. Raises ValueError."""
    return Timers(
        None if t3324_s is None else decode_t3324(encode_t3324(t3324_s)),
        None if t3412_s is None else decode_t3412(encode_t3412(t3412_s)),
        None if edrx_s is None else decode_edrx(encode_edrx(edrx_s)),
    )


def same_psm(fields, want):
    """True if the fields of a `+CPSMS` answer (mode,,,T3412,T3324) ask for the times in `want`.

    Codes are compared as seconds: modules write some times in other units than they were given.
    """
    try:
        return fields[0] == "1" and (decode_t3412(fields[3]), decode_t3324(fields[4])) == (want.t3412_s, want.t3324_s)
    except (IndexError, ValueError):
        return False
