"""Transcripts: one JSON object a line, `exchange` is a list of ["TX", text] and ["RX", text] in order.

Authors of logs mask, cut and typeset what they publish. What can be undone by a rule that holds for every log is undone
here, before anything is played or parsed; the text as published stays in `published`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Way = Literal["TX", "RX"]

_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\uff1a": ":"})
_COMMAND = re.compile(r"AT[+&*^#%][A-Z]+[A-Za-z0-9]*(?:[=?].*)?")
_ENDS = re.compile(r"OK|ERROR|\+CM[ES] ERROR.*|>|@|CONNECT|[A-Z]+ OK|NO CARRIER")
_NOISE = re.compile(r"[?]{1,2}")
_CUT = re.compile(r"\+[A-Z]+")
_FRAME = re.compile(r"f9( [0-9a-f]{2})+ f9")
_CTRL_Z = re.compile(r"<ctrl[-+]z(?:/esc)?>", re.IGNORECASE)
_BYTES = re.compile(r"<(\d+) bytes(?: of [^>]*)?>")
_EDITED = re.compile(
    r"omitted|left out|not (?:shown|printed|reproduced)|truncated|excerpt|trailing OK|final OK|abbreviated|lacks|"
    r"in the source|values inline|follow|one row|beginning of|without its prefix",
    re.IGNORECASE,
)
# Placeholders of authors, by what they stand for.
_PLACEHOLDERS = {
    "number": "+15550001111",
    "domain": "mqtt.example.com",
    "port": "1883",
    "url": "http://www.example.com/",
    "imsi number": "001010000000001",
    "imei number": "490154203237518",
    "accesstoken": "token",
    "projectkey": "key",
}


class TranscriptError(ValueError):
    """A line that is no exchange."""


@dataclass(frozen=True)
class Item:
    """One thing that went over the line. `text`: as it can be played; line ends only in raw exchanges and frames."""

    way: Way
    text: str
    published: str
    binary: bool = False
    """Frames of a multiplexer or other bytes without lines."""
    inferred: bool = False
    """Sent, as its echo tells, though the log does not list it."""


@dataclass(frozen=True)
class Exchange:
    """One exchange of a log; `number` counts from 1 in its file."""

    number: int
    module: str
    family: str
    evidence: str
    context: str
    note: str
    raw: bool
    items: tuple[Item, ...]
    tags: tuple[str, ...] = ()

    @property
    def edited(self) -> bool:
        """Whether its author says that lines of it are missing or moved."""
        return bool(self.note) and (bool(_EDITED.search(self.note)) or self.lacks_ok())

    def lacks_ok(self) -> bool:
        """Whether no information line is ever followed by a result: an author who leaves these out."""
        answered = [segment.answers for segment in self.segments() if segment.sent is not None and segment.answers]
        informed = [answers for answers in answered if not _ENDS.fullmatch(answers[0].text.strip())]
        ends = [answers[-1].text.strip() for answers in informed]
        bare = [end for end in ends if not _ENDS.fullmatch(end)]
        # One alone may as well be a line that got lost; who leaves it out twice, or comments his log, does so by habit.
        return len(bare) > (0 if self.note else 1) and not any(end == "OK" for end in ends)

    def segments(self) -> list[Segment]:
        """What came before anything was sent, then each thing sent with what came until the next one."""
        found = [Segment(None, [])]
        for item in self.items:
            if item.way == "TX":
                found.append(Segment(item, []))
            else:
                found[-1].answers.append(item)
        return found


@dataclass
class Segment:
    """Something sent (None: nothing) and what came before the next was sent."""

    sent: Item | None
    answers: list[Item] = field(default_factory=list)


def _unmasked(way: Way, text: str) -> str:
    text = _CTRL_Z.sub("\x1a", text.translate(_QUOTES))
    text = _BYTES.sub(lambda match: "x" * int(match[1]), text)
    text = re.sub(r"<([A-Za-z ]+)>", lambda match: _PLACEHOLDERS.get(match[1].lower(), match[0]), text)
    # Digits under asterisks: a number stays a number, of the same length.
    if not re.match(r"(?i)ATD\*", text):  # the asterisks of ATD*99***1# are dialled
        text = re.sub(r"\d[\d*]*\*[\d*]*|\*{6,}", lambda match: match[0].replace("*", "0"), text)
    if way == "RX":
        text = re.sub(r"(?<=,)num(?=,)", '"num"', text)  # a number's place, which has quotes in every module
        text = re.sub(r"^CM([ES]) ERROR:", r"+CM\1 ERROR:", text)  # the sign is left out in prose
    if way == "TX" and text.startswith(">"):
        text = text[1:]
    if way == "TX" and re.match(r"(?i)at\+ ", text):
        text = text[:3] + text[4:]  # a space that was typeset into a command's name
    return text


def _item(way: Way, text: str) -> Item:
    if _FRAME.fullmatch(text):
        return Item(way, bytes.fromhex(text).decode("latin-1"), text, binary=True)
    plain = _unmasked(way, text)
    if not plain.isascii() and not plain.isprintable():
        return Item(way, plain, text)
    return Item(way, plain.encode("utf-8").decode("latin-1") if max(map(ord, plain), default=0) > 255 else plain, text)


def _read(number: int, entry: Any) -> Exchange:
    pairs = entry.get("exchange") if isinstance(entry, dict) else None
    if not isinstance(pairs, list) or not pairs:
        raise TranscriptError('expected an object with a list "exchange"')
    items: list[Item] = []
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and pair[0] in ("TX", "RX") and isinstance(pair[1], str)):
            raise TranscriptError(f'expected ["TX" or "RX", text], got {str(pair)[:60]}')
        if pair[0] == "TX" and pair[1].startswith(">"):
            items.append(Item("RX", "> ", ">"))  # a prompt that was typeset on the line of what was typed behind it
        item = _item(pair[0], pair[1])
        if item.way == "RX" and _NOISE.fullmatch(item.text.strip()):
            continue  # a character that a boot ROM has left at another rate
        if item.text.startswith(":") and items and _CUT.fullmatch(items[-1].text):
            last = items.pop()  # one line that the author's program has read in two pieces
            item = Item("RX", last.text + item.text, last.published + item.published)
        if item.way == "RX" and _COMMAND.fullmatch(item.text.strip()) and items:
            typed, echo = items[-1], item.text.strip()
            if typed.way == "TX" and echo.startswith(typed.text.strip()) and echo != typed.text.strip():
                items[-1] = Item("TX", echo, typed.published)  # its echo has what the capture cut off
            elif not any(seen.way == "TX" and seen.text.strip() == echo for seen in items[-4:]):
                # The echo of a command that the log does not list.
                item = Item("TX", item.text, item.published, inferred=True)
        items.append(item)
    return Exchange(
        number=number,
        module=str(entry.get("module", "")),
        family=str(entry.get("dialect", "")),
        evidence=str(entry.get("evidence", "")),
        context=str(entry.get("context", "")),
        note=str(entry.get("note") or ""),
        raw=bool(entry.get("raw")),
        items=tuple(items),
        tags=tuple(map(str, entry.get("tags") or ())),
    )


def load(path: Path) -> Iterator[Exchange]:
    """The exchanges of a file. Raises TranscriptError with the line's number, and OSError."""
    with path.open(encoding="utf-8") as lines:
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        yield _read(number, json.loads(line))
                    except (json.JSONDecodeError, TranscriptError) as error:
                        raise TranscriptError(f"{path}, line {number}: {error}") from None
        except UnicodeDecodeError as error:
            raise TranscriptError(f"{path} is not UTF-8 text: {error.reason}") from None
