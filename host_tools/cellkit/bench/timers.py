"""T3324, T3412 extended and eDRX as the network and the AT commands write them: bit strings.

Source: 3GPP TS 24.008, tables 10.5.163, 10.5.163a and 10.5.5.32. `mode` is NB-S1 (NB-IoT) or WB-S1 (LTE-M, Cat.1).
"""

from __future__ import annotations

import math
from typing import Literal

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

Mode = Literal["NB-S1", "WB-S1"]

_HYPERFRAME_S = 10.24
# eDRX cycle of a code in seconds. NB-S1 takes 0000 and 0001 as absent, and codes that only WB-S1 knows as 0010.
_EDRX_NB_S: dict[int, float] = {
    code: round(count * _HYPERFRAME_S, 2)
    for code, count in (
        (0b0010, 2), (0b0011, 4), (0b0101, 8), (0b1001, 16), (0b1010, 32), (0b1011, 64), (0b1100, 128),
        (0b1101, 256), (0b1110, 512), (0b1111, 1024),
    )
}  # fmt: skip
_EDRX_WB_S: dict[int, float] = {
    code: round(count * _HYPERFRAME_S, 2)
    for code, count in (
        (0b0000, 0.5), (0b0001, 1), (0b0010, 2), (0b0011, 4), (0b0100, 6), (0b0101, 8), (0b0110, 10), (0b0111, 12),
        (0b1000, 14), (0b1001, 16), (0b1010, 32), (0b1011, 64), (0b1100, 128), (0b1101, 256),
    )
}  # fmt: skip
_EDRX_ABSENT_NB = (0b0000, 0b0001)
_PTW_STEP_S = {"NB-S1": 2.56, "WB-S1": 1.28}


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
    longest_s = 31 * max(units.values())
    if not 0 <= seconds <= longest_s:  # NaN neither
        raise ValueError(f"{seconds} s does not fit the timer; expected 0 to {longest_s} s")
    best: tuple[int, int, int] | None = None
    for unit, unit_s in sorted(units.items(), key=lambda item: item[1]):
        count = -int(-seconds // unit_s)
        if 0 <= count <= 31 and (best is None or count * unit_s < best[0]):
            best = (count * unit_s, unit, count)
    assert best is not None  # the longest unit takes what the others do not
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


def decode_edrx(bits: str, mode: Mode = "NB-S1") -> float | None:
    """eDRX cycle in seconds of a 4-bit code; None where it counts as absent."""
    code = _bits(bits, 4)
    if mode == "WB-S1":
        return _EDRX_WB_S.get(code, _EDRX_WB_S[0b1101])
    return None if code in _EDRX_ABSENT_NB else _EDRX_NB_S.get(code, _EDRX_NB_S[0b0010])


def encode_edrx(seconds: float, mode: Mode = "NB-S1") -> str:
    """The 4-bit code of the shortest cycle that is not below `seconds`. Raises ValueError above the longest."""
    cycles_s = _EDRX_WB_S if mode == "WB-S1" else _EDRX_NB_S
    for code, cycle_s in cycles_s.items():
        if cycle_s >= seconds:
            return f"{code:04b}"
    raise ValueError(f"eDRX cycle of {seconds} s is too long; {mode} ends at {max(cycles_s.values())} s")


def decode_ptw(bits: str, mode: Mode = "NB-S1") -> float:
    """Paging time window in seconds of a 4-bit code."""
    return round((_bits(bits, 4) + 1) * _PTW_STEP_S[mode], 2)


def encode_ptw(seconds: float, mode: Mode = "NB-S1") -> str:
    """The 4-bit code of the shortest window that is not below `seconds`. Raises ValueError above the longest."""
    steps = max(1, math.ceil(round(seconds / _PTW_STEP_S[mode], 6)))
    if steps > 16:
        raise ValueError(f"paging time window of {seconds} s is too long; {mode} ends at {16 * _PTW_STEP_S[mode]} s")
    return f"{steps - 1:04b}"
