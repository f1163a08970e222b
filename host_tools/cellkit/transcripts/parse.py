"""Has the firmware's parser, in MicroPython, read exchanges: bytes as they came, cut into random reads."""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cellkit.bench.modem import families
from cellkit.transcripts.exchange import Exchange, Segment
from cellkit.transcripts.score import variant_of
from cellkit.transcripts.shape import announces_payload, is_prompt, shape_of

_ROOT = Path(__file__).resolve().parents[3]
_TARGET = Path(__file__).with_name("target.py")
_LIMIT_S = 120
_LONGEST_READ = 24


class ParserMissing(Exception):
    """MicroPython or the firmware is not there, or the firmware does not know the module."""


def parse_exchanges(module: str, exchanges: Sequence[Exchange], seed: int) -> Iterator[dict[str, Any]]:
    """One result an exchange, in order. Raises ParserMissing."""
    cut = random.Random(seed)
    by_variant: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        by_variant.setdefault(variant_of(module, exchange), []).append(exchange)
    results: dict[int, dict[str, Any]] = {}
    for variant, members in by_variant.items():
        found = _run(_identity(variant), [_steps(exchange, cut) for exchange in members])
        for exchange, result in zip(members, found, strict=True):
            results[exchange.number] = {"exchange": exchange.number, "module": variant, **result}
    yield from (results[exchange.number] for exchange in exchanges)


def _identity(variant: str) -> str:
    """What the module says of itself."""
    identity = families.config(variant).identity
    return " ".join([identity.manufacturer, identity.model, identity.revision])


def _steps(exchange: Exchange, cut: random.Random) -> list[Any]:
    steps: list[Any] = []
    waits = False
    for segment in exchange.segments():
        sent = segment.sent
        if sent is not None and sent.inferred:
            steps.append([None, [(b"\r\n" + sent.text.encode("latin-1") + b"\r\n").hex()]])
            continue
        # What is typed behind a prompt is no command of its own.
        command = None if sent is None or waits or sent.binary else sent.text.strip().encode("latin-1", "replace").hex()
        data = _bytes(segment, exchange.raw)
        steps.append([command, [piece.hex() for piece in _pieces(data, cut)]])
        last = segment.answers[-1].text.strip() if segment.answers else ""
        waits = is_prompt(last) or last in ("CONNECT", "DOWNLOAD")
    return steps


def _bytes(segment: Segment, raw: bool) -> bytes:
    out = bytearray()
    header = False
    for item in segment.answers:
        text = item.text.encode("latin-1", "replace")
        behind, header = header, announces_payload(item.text)
        if raw or item.binary or "\r\n" in item.text:
            out += text
        elif is_prompt(item.text):
            out += b"\r\n" + text
        elif behind and not shape_of(item.text).prefix:
            out += text + b"\r\n"  # payload comes right behind its header
        else:
            out += b"\r\n" + text + b"\r\n"
    return bytes(out)


def _pieces(data: bytes, cut: random.Random) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        size = cut.randint(1, _LONGEST_READ)
        yield data[start:start + size]
        start += size


def _run(identity: str, exchanges: list[Any]) -> list[dict[str, Any]]:
    vm, firmware = _ROOT / "build" / "micropython" / "micropython", _ROOT / "firmware"
    if not vm.is_file() or not firmware.is_dir():
        raise ParserMissing(f"expected MicroPython at {vm} and the firmware at {firmware}; run `make setup`")
    with tempfile.TemporaryDirectory(prefix="cellkit-parse-") as folder:
        source, target = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        lines = [{"identity": identity}, *({"steps": steps} for steps in exchanges)]
        source.write_text("".join(json.dumps(line) + "\n" for line in lines))
        env = {**os.environ, "MICROPYPATH": f".frozen:{firmware}"}
        argv = [str(vm), "-X", "heapsize=4M", str(_TARGET), str(source), str(target)]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=_LIMIT_S)
        if done.returncode or not target.is_file():
            said = (done.stdout + done.stderr).strip().splitlines()
            raise ParserMissing(f"the firmware could not read it: {said[-1] if said else done.returncode}")
        return [json.loads(line) for line in target.read_text().splitlines()]
