"""T3324, T3412 extended and eDRX as the network and the AT commands write them: bit strings.

Source: 3GPP TS 24.008, tables 10.5.163, 10.5.163a and 10.5.5.32 (NB-S1 columns).
"""

from __future__ import annotations

DEACTIVATED = "11100000"

_T3324_UNIT_S = {0b000: 2, 0b001: 60, 0b010: 360}
_T3324_OTHER_UNIT_S = 60  # units 011 to 110 are read as one minute
_T3412_UNIT_S = {
    0b000: 600,
    0b001: 3600,
    0b010: 36000,
    0b011: 2,
    0b100: 30,
    0b101: 60,
    0b110: 1152000,  # 320 h, in the extended T3412 only
}
_UNIT_OFF = 0b111

# eDRX cycle of a code in NB-S1, in seconds. 0000 and 0001 count as absent there; the WB-only codes are read as 0010.
_EDRX_S = {
    0b0010: 20.48,
    0b0011: 40.96,
    0b0101: 81.92,
    0b1001: 163.84,
    0b1010: 327.68,
    0b1011: 655.36,
    0b1100: 1310.72,
    0b1101: 2621.44,
    0b1110: 5242.88,
    0b1111: 10485.76,
}
_EDRX_READ_AS = 0b0010
_EDRX_ABSENT = (0b0000, 0b0001)
_PTW_STEP_S = 2.56


def _bits(text: str, width: int) -> int:
    if len(text) != width or set(text) - {"0", "1"}:
        raise ValueError(f"expected {width} binary digits, got {text!r}")
    return int(text, 2)


def decode_t3324(bits: str) -> int | None:
    """Active time in seconds of an octet like `00100100`; None for deactivated. Raises ValueError for other text."""
    value = _bits(bits, 8)
    unit, count = value >> 5, value & 31
    return None if unit == _UNIT_OFF else count * _T3324_UNIT_S.get(unit, _T3324_OTHER_UNIT_S)


def decode_t3412(bits: str) -> int | None:
    """Extended periodic TAU in seconds of an octet; None for deactivated. Raises ValueError for other text."""
    value = _bits(bits, 8)
    unit, count = value >> 5, value & 31
    return None if unit == _UNIT_OFF else count * _T3412_UNIT_S[unit]


def encode_t3324(seconds: float | None) -> str:
    """The octet of the shortest active time that is not below `seconds`; None gives deactivated.

    Raises ValueError above 11160 s.
    """
    return _encode(seconds, _T3324_UNIT_S)


def encode_t3412(seconds: float | None) -> str:
    """The octet of the shortest extended TAU that is not below `seconds`; None gives deactivated.

    Raises ValueError above 35712000 s.
    """
    return _encode(seconds, _T3412_UNIT_S)


def _encode(seconds: float | None, units: dict[int, int]) -> str:
    if seconds is None:
        return DEACTIVATED
    best: tuple[int, int, int] | None = None
    for unit, unit_s in sorted(units.items(), key=lambda item: item[1]):
        count = -int(-seconds // unit_s)
        if 0 <= count <= 31 and (best is None or count * unit_s < best[0]):
            best = (count * unit_s, unit, count)
    if best is None:
        raise ValueError(f"{seconds} s does not fit the timer; expected 0 to {31 * max(units.values())} s")
    return f"{best[1]:03b}{best[2]:05b}"


def floor_t3324(seconds: float) -> str:
    """The octet of the longest active time that is not above `seconds`."""
    return _floor(seconds, _T3324_UNIT_S)


def floor_t3412(seconds: float) -> str:
    """The octet of the longest extended TAU that is not above `seconds`."""
    return _floor(seconds, _T3412_UNIT_S)


def _floor(seconds: float, units: dict[int, int]) -> str:
    count_s, unit = max((min(int(seconds // unit_s), 31) * unit_s, unit) for unit, unit_s in units.items())
    return f"{unit:03b}{count_s // units[unit]:05b}"


def decode_edrx(bits: str) -> float | None:
    """eDRX cycle in seconds of a 4-bit code as NB-IoT reads it; None where it counts as absent."""
    code = _bits(bits, 4)
    if code in _EDRX_ABSENT:
        return None
    return _EDRX_S.get(code, _EDRX_S[_EDRX_READ_AS])


def encode_edrx(seconds: float) -> str:
    """The 4-bit code of the shortest NB-IoT cycle that is not below `seconds`. Raises ValueError above 10485.76 s."""
    for code, cycle_s in _EDRX_S.items():
        if cycle_s >= seconds:
            return f"{code:04b}"
    raise ValueError(f"eDRX cycle of {seconds} s is too long; NB-IoT ends at 10485.76 s")


def decode_ptw(bits: str) -> float:
    """Paging time window in seconds of a 4-bit code in NB-S1."""
    return round((_bits(bits, 4) + 1) * _PTW_STEP_S, 2)
