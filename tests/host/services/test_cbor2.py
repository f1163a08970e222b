"""The firmware's CBOR, in the real VM, against cbor2."""

from __future__ import annotations

import json
import random
from typing import Any

import cbor2

from . import vm


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(8 if depth else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.randrange(-(1 << rng.randrange(1, 64)), 1 << rng.randrange(1, 64))
    if kind == 2:
        # Values that JSON carries exactly in and out of the VM: of 16, 32 and 64 bit.
        return rng.choice([0.5, -1.25, 65504.0, 23.75, 100000.25, 16777217.5, 9007199254740.5]) * rng.choice([1, 2, -8])
    if kind <= 5:
        return "".join(rng.choice('aé水 "\\') for _ in range(rng.randrange(30)))
    if kind == 6:
        return [_value(rng, depth - 1) for _ in range(rng.randrange(30))]
    return {f"k{i}": _value(rng, depth - 1) for i in range(rng.randrange(5))}


def test_written_bytes_are_those_of_cbor2_canonical() -> None:
    rng = random.Random(5)
    values = [_value(rng, 2) for _ in range(150)]
    values = [v for v in values if len(cbor2.dumps(v)) < 1900]
    assert len(values) > 100
    lines = vm.run("drive_cbor.py", "write", stdin="".join(json.dumps(v) + "\n" for v in values))
    assert len(lines) == len(values)
    for value, line in zip(values, lines, strict=True):
        assert cbor2.loads(bytes.fromhex(line)) == value
        assert line == cbor2.dumps(value, canonical=True).hex(), value


def test_bytes_of_cbor2_are_read() -> None:
    rng = random.Random(6)
    values = [_value(rng, 2) for _ in range(150)]
    lines = vm.run("drive_cbor.py", "read", stdin="".join(cbor2.dumps(v).hex() + "\n" for v in values))
    assert [json.loads(line) for line in lines] == values
