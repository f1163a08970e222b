"""The V.250 front end: bytes in, command lines out, and a command line cut into commands.

Source: ITU-T V.250, and the syntax chapter of the BC660K-GL AT Commands Manual V1.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Op = Literal["action", "set", "read", "test"]

_CR, _LF, _BACKSPACE = 13, 10, 8
_BASIC = re.compile(r"(&?[A-Za-z])(\d*)")
_S_PARAMETER = re.compile(r"[Ss](\d+)(=\d*|\?)")
_PREFIXES = "+#%^*$"
_EXTENDED = re.compile(r"[+#%^*$][A-Za-z][A-Za-z0-9_]*")


class SyntaxFault(Exception):
    """The command cannot be read: answered with a plain ERROR, whatever CMEE says (AT manual, CMEE)."""


class MeFault(Exception):
    """The module cannot do it: answered by CMEE's rule with `code` of TS 27.007 9.2 or the vendor's table."""

    def __init__(self, code: int) -> None:
        super().__init__(f"CME ERROR {code}")
        self.code = code


@dataclass
class Arg:
    """One parameter as written; `quoted` tells `"1"` from `1`."""

    text: str
    quoted: bool


@dataclass
class Command:
    """One command of a line: `name` in capitals (`+CEREG`, `E`), the kind, and its parameters."""

    name: str
    op: Op
    raw: str = ""
    args: list[Arg] = field(default_factory=list)

    def given(self, index: int) -> bool:
        """Whether parameter `index` is there and not empty."""
        return index < len(self.args) and (self.args[index].quoted or self.args[index].text != "")

    def integer(self, index: int, low: int, high: int, default: int | None = None) -> int:
        """Parameter `index` as a number within its range. Raises SyntaxFault."""
        if not self.given(index):
            if default is None:
                raise SyntaxFault
            return default
        arg = self.args[index]
        if arg.quoted or not re.fullmatch(r"-?\d{1,10}", arg.text) or not low <= int(arg.text) <= high:
            raise SyntaxFault
        return int(arg.text)

    def string(self, index: int, longest: int, default: str | None = None) -> str:
        """Parameter `index` as text, in quotes or not. Raises SyntaxFault."""
        if not self.given(index):
            if default is None:
                raise SyntaxFault
            return default
        if len(self.args[index].text) > longest:
            raise SyntaxFault
        return self.args[index].text

    def bits(self, index: int, width: int) -> str | None:
        """Parameter `index` as a quoted bit string, None if absent. Raises SyntaxFault."""
        if not self.given(index):
            return None
        arg = self.args[index]
        if not arg.quoted or not re.fullmatch(f"[01]{{{width}}}", arg.text):
            raise SyntaxFault
        return arg.text


def split_args(raw: str) -> list[Arg]:
    """Parameters between commas outside quotes; spaces around them do not count. Raises SyntaxFault."""
    args: list[Arg] = []
    for part in _outside_quotes(raw, ","):
        text = part.strip(" ")
        if text.startswith('"'):
            if len(text) < 2 or not text.endswith('"') or '"' in text[1:-1]:
                raise SyntaxFault
            args.append(Arg(text[1:-1], True))
        elif '"' in text:
            raise SyntaxFault
        else:
            args.append(Arg(text, False))
    return args


def head_args(raw: str, count: int) -> tuple[list[Arg], str | None]:
    """The first `count` parameters, and all that follows as it is; None if there are no more. Raises SyntaxFault."""
    quoted, commas = False, 0
    for at, char in enumerate(raw):
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            commas += 1
            if commas == count:
                return split_args(raw[:at]), raw[at + 1:]
    if commas != count - 1:
        raise SyntaxFault
    return split_args(raw), None


def _outside_quotes(text: str, separator: str) -> list[str]:
    parts, start, quoted = [], 0, False
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


def parse_line(body: str, whole: frozenset[str] = frozenset()) -> list[Command | None]:
    """Commands of a line after `AT`, in order; None stands for what cannot be read, and ends the list.

    Commands named in `whole` take the rest of the line unsplit (their payload may hold `;` and quotes).
    """
    commands: list[Command | None] = []
    rest = body.strip(" ")
    while rest:
        command, rest = _extended(rest, whole) if rest[0] in _PREFIXES else _basic(rest)
        commands.append(command)
        if command is None:
            break
        rest = rest.lstrip(" ")
    return commands


def _basic(text: str) -> tuple[Command | None, str]:
    match = _S_PARAMETER.match(text)
    if match:
        value = match[2]
        op: Op = "read" if value == "?" else "set"
        args = [] if op == "read" else [Arg(value[1:], False)]
        return Command(f"S{match[1]}", op, value[1:], args), text[match.end():]
    if text[0] in "Dd":  # the rest of the line is the number
        return Command("D", "action", text[1:], [Arg(text[1:], False)]), ""
    match = _BASIC.match(text)
    if not match:
        return None, ""
    args = [Arg(match[2], False)] if match[2] else []
    return Command(match[1].upper(), "action", match[2], args), text[match.end():].lstrip(" ;")


def _extended(text: str, whole: frozenset[str]) -> tuple[Command | None, str]:
    match = _EXTENDED.match(text)
    if not match:
        return None, ""
    name, tail = match[0].upper(), text[match.end():].lstrip(" ")
    if name in whole and tail.startswith("=") and not tail.startswith("=?"):
        return Command(name, "set", tail[1:]), ""
    first = _outside_quotes(tail, ";")[0]
    rest = tail[len(first) + 1:]
    form = first.rstrip(" ")
    if form == "":
        return Command(name, "action"), rest
    if form == "?":
        return Command(name, "read"), rest
    if form == "=?":
        return Command(name, "test"), rest
    if not form.startswith("="):
        return None, ""
    try:
        return Command(name, "set", form[1:], split_args(form[1:])), rest
    except SyntaxFault:
        return None, ""


class FrontEnd:
    """Collects characters of a command line, echoes them, and hands over the line at its CR.

    Not more than one line at a time: the owner stops feeding while a command runs.
    """

    def __init__(self, longest: int, echo: Callable[[bytes], object], on_line: Callable[[str | None], object]) -> None:
        self._longest = longest
        self._echo = echo
        self._on_line = on_line
        self._line = bytearray()
        self._too_long = False

    @property
    def empty(self) -> bool:
        """Whether the next character would begin a line."""
        return not self._line and not self._too_long

    def clear(self) -> None:
        """Forget a half-typed line."""
        self._line.clear()
        self._too_long = False

    def feed(self, byte: int) -> None:
        """One character from the host; calls `on_line` with the line, or with None for one that was too long."""
        self._echo(bytes([byte]))
        if byte == _CR:
            line = None if self._too_long else self._line.decode("latin-1")
            self.clear()
            self._on_line(line)
        elif byte == _BACKSPACE:
            del self._line[-1:]
        elif byte != _LF:
            if len(self._line) < self._longest:
                self._line.append(byte)
            else:
                self._too_long = True


def body_of(line: str) -> str | None:
    """What follows `AT` or `at` in a line, noise before it left out; None if there is no such prefix."""
    found = [at for at in (line.find("AT"), line.find("at")) if at >= 0]
    return line[min(found) + 2:] if found else None
