"""Records exchanges with a modem in the format of transcripts, masked."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cellkit.transcripts.masks import masked
from cellkit.transcripts.shape import is_final, is_prompt

# Asked where no script is given: who it is, how it is registered, what it sleeps by. Nothing is changed.
QUESTIONS = (
    "# query", "ATI", "", "AT+CGMI", "AT+CGMM", "AT+CGMR", "", "AT+CPIN?", "", "AT+CFUN?", "", "# register", "AT+CSQ",
    "AT+CESQ", "", "AT+COPS?", "", "AT+CREG?", "AT+CGREG?", "AT+CEREG?", "", "AT+CGDCONT?", "AT+CGATT?", "AT+CGPADDR",
    "", "# psm", "AT+CPSMS?", "AT+CPSMS=?", "", "AT+CEDRXS?", "AT+CEDRXS=?", "AT+CEDRXRDP", "", "# query", "AT+CCLK?",
    "", "AT+CMEE?", "", "AT+IPR?",
)  # fmt: skip


class Port(Protocol):
    """What is needed of a serial port (pyserial)."""

    def write(self, data: bytes) -> int | None: ...

    def read(self, size: int) -> bytes: ...

    @property
    def in_waiting(self) -> int: ...


@dataclass
class Step:
    """One thing to send; `context` of the exchange that it belongs to, `first` where one begins."""

    text: str
    context: str
    first: bool
    payload: bool = False


@dataclass
class _Taken:
    context: str
    exchange: list[tuple[str, str]] = field(default_factory=list)
    timing_ms: list[int | None] = field(default_factory=list)


def read_script(lines: list[str]) -> Iterator[Step]:
    """Steps of a script: one command a line, `# word` names the context, an empty line begins a new exchange, and
    `> text` is typed behind a prompt (`\\x1a` and other escapes as in Python)."""
    context, first = "query", True
    for line in lines:
        line = line.rstrip("\r\n")
        if not line.strip():
            first = True
        elif line.startswith("#"):
            context, first = line[1:].strip() or "query", True
        elif line.startswith(">"):
            text = line[1:].removeprefix(" ").encode("latin-1", "replace").decode("unicode_escape")
            yield Step(text, context, False, payload=True)
        else:
            yield Step(line, context, first)
            first = False


class Recorder:
    """`record(steps)` gives one transcript object after the other. `limit_s`: for a final result; `quiet_s`: how long
    is listened for lines behind it."""

    def __init__(self, port: Port, source: str, module: str, limit_s: float = 30.0, quiet_s: float = 1.0) -> None:
        self._port = port
        self._source = source
        self._module = module
        self._limit_s = limit_s
        self._quiet_s = quiet_s

    def record(self, steps: Iterator[Step]) -> Iterator[dict[str, Any]]:
        """Send each step, take what comes, and give an object for each exchange."""
        taken: _Taken | None = None
        for step in steps:
            if taken is not None and step.first:
                yield self._object(taken)
                taken = None
            taken = taken or _Taken(step.context)
            sent = step.text if step.payload else step.text + "\r"
            self._port.write(sent.encode("latin-1", "replace"))
            taken.exchange.append(("TX", masked(step.text)))
            taken.timing_ms.append(None)
            for text, after_ms in self._answer():
                taken.exchange.append(("RX", masked(text)))
                taken.timing_ms.append(after_ms)
        if taken is not None:
            yield self._object(taken)

    def _object(self, taken: _Taken) -> dict[str, Any]:
        return {
            "module": self._module, "dialect": "", "kind": "log", "evidence": "wire", "source": self._source,
            "context": taken.context, "exchange": [list(pair) for pair in taken.exchange], "timing_ms": taken.timing_ms,
        }  # fmt: skip

    def _answer(self) -> list[tuple[str, int]]:
        """Lines and prompts until a final result and some silence, or until the limit."""
        start_s = last_s = time.monotonic()
        ended, rest = False, ""
        found: list[tuple[str, int]] = []
        while True:
            now_s = time.monotonic()
            if now_s - start_s > self._limit_s or (ended and now_s - last_s > self._quiet_s):
                break
            data = self._port.read(max(1, self._port.in_waiting))
            if not data:
                continue
            last_s = time.monotonic()
            rest += data.decode("latin-1")
            *lines, rest = re.split(r"[\r\n]+", rest)
            for line in lines + ([rest] if is_prompt(rest) else []):
                if line:
                    found.append((line, round((last_s - start_s) * 1000)))
                    ended = ended or is_final(line) or is_prompt(line) or line.endswith(" OK") or line == "CONNECT"
            if is_prompt(rest):
                rest = ""
        if rest:
            found.append((rest, round((last_s - start_s) * 1000)))
        return found


def identify(port: Port, limit_s: float = 3.0) -> str:
    """What the modem calls itself: the lines of ATI on one line, masked. Raises TimeoutError if it does not answer."""
    recorder = Recorder(port, "", "", limit_s=limit_s, quiet_s=0.3)
    for _ in range(3):
        port.write(b"AT\r")
        if any(line == "OK" for line, _ in recorder._answer()):
            break
    else:
        raise TimeoutError("no OK to AT")
    port.write(b"ATI\r")
    lines = [line for line, _ in recorder._answer() if not is_final(line) and not line.upper().startswith("ATI")]
    return masked(" ".join(lines))[:80] or "unknown"


def append(path: Path, entry: dict[str, Any]) -> None:
    """One line more in a file; it is whole or not there, also after a power cut."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
