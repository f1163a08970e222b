"""Every code of T3324, T3412 extended, eDRX and PTW on the bench, against a table written from TS 24.008."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from cellkit.bench import timers
from cellkit.bench.timers import Mode

DATA = Path(__file__).resolve().parents[1] / "data"
DEACTIVATED = "-"


def table(name: str) -> list[dict[str, str]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines[1:]))


OCTETS = table("timers_octets.csv")
NIBBLES = table("timers_edrx.csv")


def seconds(text: str) -> float | None:
    return None if text == DEACTIVATED else float(text)


def test_tables_have_every_code_once() -> None:
    assert sorted(row["bits"] for row in OCTETS) == [f"{code:08b}" for code in range(256)]
    assert sorted(row["bits"] for row in NIBBLES) == [f"{code:04b}" for code in range(16)]


@pytest.mark.parametrize(
    ("column", "encode", "decode", "floor"),
    [
        ("t3324_s", timers.encode_t3324, timers.decode_t3324, timers.floor_t3324),
        ("t3412_s", timers.encode_t3412, timers.decode_t3412, timers.floor_t3412),
    ],
)
def test_octets(
    column: str,
    encode: Callable[[float | None], str],
    decode: Callable[[str], int | None],
    floor: Callable[[float], str],
) -> None:
    known = sorted({value for row in OCTETS if (value := seconds(row[column])) is not None})
    for row in OCTETS:
        assert decode(row["bits"]) == seconds(row[column]), row
        assert decode(encode(seconds(row[column]))) == seconds(row[column]), row
    for below, above in zip(known, known[1:], strict=False):
        assert decode(encode(below + 0.5)) == above  # never shorter than asked for, and no longer than need be
        assert decode(floor(above - 0.5)) == below
    for impossible in (known[-1] + 1, float("inf"), float("nan"), -1.0):
        with pytest.raises(ValueError, match="does not fit"):
            encode(impossible)


@pytest.mark.parametrize(("mode", "name"), [("NB-S1", "nb"), ("WB-S1", "wb")])
def test_edrx_and_ptw(mode: Mode, name: str) -> None:
    cycles = sorted({value for row in NIBBLES if (value := seconds(row[f"edrx_{name}_s"])) is not None})
    for row in NIBBLES:
        cycle_s = seconds(row[f"edrx_{name}_s"])
        assert timers.decode_edrx(row["bits"], mode) == cycle_s, row
        if cycle_s is not None:
            assert timers.decode_edrx(timers.encode_edrx(cycle_s, mode), mode) == cycle_s, row
        window_s = float(row[f"ptw_{name}_s"])
        assert timers.decode_ptw(row["bits"], mode) == window_s, row
        assert timers.encode_ptw(window_s, mode) == row["bits"]
    for below, above in zip(cycles, cycles[1:], strict=False):
        assert timers.decode_edrx(timers.encode_edrx(below + 0.01, mode), mode) == above
    with pytest.raises(ValueError, match="too long"):
        timers.encode_edrx(cycles[-1] + 0.01, mode)
    with pytest.raises(ValueError, match="too long"):
        timers.encode_ptw(41.0, mode)


@pytest.mark.parametrize("bits", ["", "0101", "000001011", "0000010x", " 0000101", "０００００１０１"])
def test_what_is_no_octet_is_refused(bits: str) -> None:
    for decode in (timers.decode_t3324, timers.decode_t3412):
        with pytest.raises(ValueError, match="8 binary digits"):
            decode(bits)
    if len(bits) != 4:
        with pytest.raises(ValueError, match="4 binary digits"):
            timers.decode_edrx(bits)
