"""The shape of a line: prefix, number of fields, which of them are quoted or empty. Values and spaces do not count.

A final result counts with its code. Lines that are words (`SEND OK`, `RDY`) count as they are. What a header announced
as payload has no shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PREFIX = re.compile(r"([+*#%^&$][A-Za-z0-9_ ]*[A-Za-z0-9_]|[A-Z][A-Z0-9_ .]*[A-Z0-9]) ?:")
_LABEL = re.compile(r"([A-Za-z][A-Za-z0-9_ ]*?) ?[:=]")
_WORDS = re.compile(r"[+*^#%]?[A-Z][A-Z0-9 ._+\-]*[A-Za-z!.]?")
_FINALS = ("OK", "ERROR", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "ABORTED")
_CODED = re.compile(r"\+?(CME|CMS) ERROR ?: ?(.*)")
_TYPES = re.compile(r"\(.*\)")


@dataclass(frozen=True)
class Shape:
    """`kind`: `final`, `words`, `fields` or `text`; one letter a field: q quoted, b bare, e empty, o networks."""

    kind: str
    prefix: str
    fields: str = ""

    def __str__(self) -> str:
        names = {"q": '"…"', "b": "…", "e": "", "o": "(…),…"}
        if self.kind in ("final", "words"):
            return self.prefix
        shown = ",".join(names[letter] for letter in self.fields)
        return f"{self.prefix}: {shown}" if self.prefix else shown or "text"


def split(text: str) -> list[str]:
    """Fields between commas, outside quotes and brackets."""
    parts, start, quoted, depth = [], 0, False, 0
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "([":
            depth += 1
        elif not quoted and char in ")]":
            depth = max(0, depth - 1)
        elif char == "," and not quoted and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    parts.append(text[start:].strip())
    return parts


def _letters(text: str) -> str:
    if not text.strip():
        return ""
    letters = "".join(
        "e" if not part else "q" if part.startswith('"') else "o" if part.startswith("(") and '"' in part else "b"
        for part in split(text)
    )
    return re.sub("o+", "o", letters)  # how many networks are found depends on the place


def is_final(line: str) -> bool:
    """Whether it ends a command by the standard (V.250, TS 27.007 9.2, TS 27.005 3.2.5)."""
    return line in _FINALS or _CODED.fullmatch(line) is not None


def is_prompt(line: str) -> bool:
    """Whether it asks for data."""
    return line.strip() in (">", "@")


def shape_of(line: str) -> Shape:
    """The shape of `line`, without its line end."""
    line = line.strip()
    if line in _FINALS:
        return Shape("final", line)
    coded = _CODED.fullmatch(line)
    if coded:
        return Shape("final", f"+{coded[1]} ERROR: {coded[2]}")
    match = _PREFIX.match(line)
    if match:
        return Shape("fields", match[1].replace(" ", ""), _letters(line[match.end():]))
    if _WORDS.fullmatch(line) and not re.fullmatch(r"[A-F0-9]+", line) and not any(char.isdigit() for char in line):
        return Shape("words", " ".join(line.split()))
    match = _LABEL.match(line)
    if match:
        return Shape("fields", match[1], _letters(line[match.end():]))
    return Shape("text", "", _letters(line))


def same(expected: str, got: str, payload: bool = False) -> bool:
    """Whether `got` has the shape of `expected`. payload: a header said that these are bytes, not fields."""
    if payload and not is_final(expected) and not shape_of(expected).prefix.startswith(("+", "#", "%", "*", "^")):
        return not is_final(got)
    return shape_of(expected) == shape_of(got)


def announces_payload(line: str) -> bool:
    """Whether a line is a header behind which bytes come: its last fields hold a length."""
    if shape_of(line).kind != "fields":
        return line.startswith("CONNECT")
    return any(part.isdigit() and int(part) for part in split(line.partition(":")[2])[-2:])
