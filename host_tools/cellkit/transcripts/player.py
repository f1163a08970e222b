"""Plays a log against a virtual module and tells the first place where the module's answer has another shape."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from cellkit.transcripts.exchange import Exchange, Item, Segment
from cellkit.transcripts.shape import announces_payload, is_final, is_prompt, same, shape_of
from cellkit.transcripts.stage import Rule, Stage

_QUIET_S = 2.0  # after so long without a line it is made to happen
_LIMIT_S = 330.0  # the longest that a line is waited for; AT+COPS=? of an NB-IoT module takes 305 s
_AFTER_S = 0.15  # what comes so soon behind the last line belongs to it
_STEP_S = 0.02
_RECEIVED = re.compile(
    r'\+(?:QMTRECV|MQTTURC: "pub(?:lish|nmi)|CMQTTRX|SMSUB:|'
    r'CMQPUB:|MSUB:|UUMQTT|MQTTPUBLISH|SQNSMQTTON)|#XMQTTMSG'
)
_MISPRINT = 0.85  # of the letters are alike


@dataclass(frozen=True)
class Verdict:
    """`difference`: the first one, in words; empty if there is none."""

    difference: str = ""

    @property
    def match(self) -> bool:
        """Whether every line had its shape."""
        return not self.difference


class Player:
    """One exchange on one stage."""

    def __init__(self, stage: Stage, rules: Sequence[Rule]) -> None:
        self._stage = stage
        self._rules = rules
        self._left_out = 0  # results that the author has not printed
        self._skipped: list[int] = []  # lines of payload, ditto
        self._base = 0
        self._resets = 0
        self._hurry = False  # what comes next was sent before a late result of this came
        self._asked: set[str] = set()
        self._exchange: Exchange = stage.exchange

    def play(self) -> Verdict:
        """Set the scene, then play all of it."""
        stage = self._stage
        self._prepare()
        stage.forget()
        position = 0
        segments = self._exchange.segments()
        for number, segment in enumerate(segments):
            self._hurry = number + 1 < len(segments) and _late(segments[number + 1])
            stage.position = position
            position += (segment.sent is not None) + len(segment.answers)
            difference = self._segment(segment, last=position == len(self._exchange.items))
            if difference:
                return Verdict(difference)
        return Verdict()

    # Before

    def _prepare(self) -> None:
        stage, exchange = self._stage, self._exchange
        stage.echo = _shows_echo(exchange)
        stage.peer.mqtt_echoes = _shows_own_message(exchange)
        for rule in self._rules:
            if rule.when == "config":
                self._apply_all(rule)
        deaf = _deaf(exchange) and not _asleep(exchange)
        stage.config.nvram = {**stage.config.nvram, "E": int(stage.echo)}
        banner = self._begins_with_banner()
        if banner:
            stage.power()
        elif deaf:
            stage.power()  # it is just starting, and hears nothing yet
        else:
            stage.boot()
            stage.at("ATE1" if stage.echo else "ATE0")
        for rule in self._rules:
            if rule.when == "setup":
                self._apply_all(rule)
        if _asleep(exchange):
            stage.sleep()
        elif not banner and not deaf:
            stage.advance(1.0)

    def _begins_with_banner(self) -> bool:
        first = self._exchange.items[0]
        return first.way == "RX" and self._stage.modem.is_banner(first.text)

    def _apply_all(self, rule: Rule) -> None:
        for index, item in enumerate(self._exchange.items):
            match = re.fullmatch(rule.pattern, item.text) if item.way == rule.way else None
            if match:
                self._stage.position = index
                rule.do(self._stage, match)
        self._stage.position = 0

    # Playing

    def _apply(self, when: str, item: Item) -> bool:
        done = False
        for rule in self._rules:
            match = re.fullmatch(rule.pattern, item.text) if rule.when == when and rule.way == item.way else None
            if match:
                rule.do(self._stage, match)
                done = True
        return done

    def _segment(self, segment: Segment, last: bool) -> str:
        stage, sent, base = self._stage, segment.sent, self._stage.position
        for offset, item in enumerate(([sent] if sent else []) + segment.answers):
            stage.position = base + offset
            self._apply("before", item)
        self._base = base + (sent is not None)
        stage.forget()
        expected = _texts(segment, stage.echo)
        if sent is not None:
            if sent.binary:
                stage.raw(sent.text.encode("latin-1"))
            else:
                stage.send(sent.text)
        if self._unprinted(segment, last):
            stage.advance(_QUIET_S)
            return ""
        if self._exchange.raw or any(item.binary or "\r\n" in item.text for item in segment.answers):
            return self._raw(segment)
        return self._lines(sent, segment.answers, expected, last)

    def _unprinted(self, segment: Segment, last: bool) -> bool:
        """Whether a manual goes on without the answer to a command, which it thus does not show."""
        sent = segment.sent
        return (
            sent is not None and not segment.answers and not last and self._exchange.evidence == "doc"
            and re.match(r"(?i)AT[+*#%^]", sent.text) is not None and not self._stage.modem.in_data_mode
        )  # fmt: skip

    def _ask(self, line: str, command: str) -> bool:
        """A log may begin with answers whose questions it does not show: `+X: ...` of a module that has AT+X."""
        stage = self._stage
        match = re.match(r"([+#%^*][A-Z0-9]+) ?:", line)
        own = match is not None and command.upper().startswith(f"AT{match[1]}")
        shown = self._base == 0 or (self._exchange.edited and not own)
        if match is None or not shown or match[1] not in stage.modem.dialect.handlers or match[1] in self._asked:
            return False
        self._asked.add(match[1])
        before = len(self._got(""))
        for form in ("?", "", "=0"):
            stage.send(f"AT{match[1]}{form}")
            stage.advance(1.0)
            if any(found.startswith(match[1]) for found in self._got("")[before:]):
                self._left_out += 1
                return True
        return False

    def _lines(self, sent: Item | None, items: list[Item], expected: list[str], last: bool) -> str:
        stage = self._stage
        command = sent.text if sent else ""
        got: list[str] = []
        payload = payload_shown = False
        self._left_out = 0
        self._skipped.clear()
        self._asked = set()
        answers = [item for item in items if item.text in expected or item.text.strip()]
        for index, line in enumerate(expected):
            item = next((item for item in answers if item.text == line), None)
            if not self._next(got, index, item, command):
                more = ", the module says no more" if got else ", the module is silent"
                return f"expected {line!r}{more} after {_name(sent)}"
            if self._exchange.edited and got[index] == "OK" and not is_final(line) and shape_of(line).prefix:
                self._left_out += 1  # the author has not printed this OK
                if not self._next(got, index, item, command):
                    return f"expected {line!r}, the module says no more after {_name(sent)}"
            if self._exchange.edited and is_final(line) and payload and not is_final(got[index]):
                got.pop(index)  # the author has not printed the payload
                self._skipped.append(index)
                if not self._next(got, index, item, command):
                    return f"expected {line!r}, the module says no more after {_name(sent)}"
            if not self._alike(line, got[index], payload):
                return f"expected {line!r} ({shape_of(line)}), got {got[index]!r} after {_name(sent)}"
            payload_shown, payload = payload, announces_payload(line)
            if is_prompt(line) and index + 1 < len(expected):
                stage.type_payload()
        if last and sent is not None and not expected:
            return ""  # the log ends before its answer
        if not self._hurry:
            stage.advance(_AFTER_S)
        got = self._got(command)
        extra = got[len(expected):]
        if self._exchange.edited and payload and not is_final(expected[-1]):
            extra = extra[2:]  # the payload and its result are not printed
        self._wait_for_start()
        if self._exchange.edited and payload_shown:  # the author has not printed all of the payload
            extra = [line for line in extra if is_final(line)]
        left_out = self._exchange.edited or self._exchange.lacks_ok()
        if extra and not (left_out and is_final(extra[0]) and not extra[1:]):
            return f"unexpected {extra[0]!r} after {_name(sent)}"
        return ""

    def _next(self, got: list[str], index: int, item: Item | None, command: str) -> bool:
        """Wait until the module has said line number `index`; make it happen if it does not come by itself."""
        stage = self._stage
        start_s = asked_s = stage.clock.now()
        while True:
            got[:] = self._got(command)
            if len(got) > index and (len(got) > index + 1 or is_prompt(got[index]) or stage.heard().endswith(b"\n")):
                return True
            waited_s = stage.clock.now() - start_s
            if waited_s > _LIMIT_S:
                return False
            if item is not None and stage.clock.now() - asked_s >= _QUIET_S:
                stage.position = self._base + index
                done = self._apply("cause", item) or self._ask(item.text, command)
                asked_s = stage.clock.now() + 20.0 if done else float("inf")
            stage.advance(_STEP_S if waited_s < 2.0 else 0.1)

    def _wait_for_start(self) -> None:
        """After a restart of which the log shows no banner its author has waited until the module was ready."""
        stage = self._stage
        resets = len(stage.log.each("modem", "reset"))
        if resets == self._resets:
            return
        self._resets = resets
        rest = self._exchange.items[stage.position:]
        if not any(item.way == "RX" and stage.modem.is_banner(item.text) for item in rest):
            stage.wait(lambda: stage.modem.power.running, 60.0)
            stage.advance(12.0)

    def _alike(self, line: str, got: str, payload: bool) -> bool:
        if same(line, got, payload) or (is_prompt(line) and is_prompt(got)):
            return True
        note, want, have = self._exchange.note, shape_of(line), shape_of(got)
        if "without its prefix" in note or "values inline" in note:  # the author quotes what stands behind the colon
            return want.kind == "text" and want.fields == have.fields
        if "spelling" in note and want.fields == have.fields:  # the author names a misprint of his source
            return SequenceMatcher(None, want.prefix, have.prefix).ratio() > _MISPRINT
        if "abbreviated" in note and want.prefix == have.prefix:
            return bool(want.fields) and have.fields.startswith(want.fields)
        return False

    def _got(self, command: str) -> list[str]:
        """What was said, without the echo and without results that the log leaves out."""
        lines = _without_echo(self._stage.lines(), command, self._stage.echo)
        for _ in range(self._left_out):
            if "OK" in lines:
                lines.remove("OK")
        for index in self._skipped:
            if index < len(lines):
                lines.pop(index)
        return lines

    def _raw(self, segment: Segment) -> str:
        stage = self._stage
        want = "".join(item.text for item in segment.answers).encode("latin-1")
        stage.wait(lambda: len(stage.heard()) >= len(want), 10.0)
        stage.advance(_AFTER_S)
        got = stage.heard()
        if _framing(want) != _framing(got):
            return f"expected {want!r}, got {got!r} after {_name(segment.sent)}"
        return ""


def _name(item: Item | None) -> str:
    return repr(item.text[:60]) if item is not None else "the start"


def _shows_echo(exchange: Exchange) -> bool:
    for segment in exchange.segments():
        if segment.sent is not None and segment.sent.text.strip():
            typed = segment.sent.text.strip()
            for answer in segment.answers:
                if answer.text.strip().startswith(typed) and len(typed) > 1:
                    return True
    return False


def _shows_own_message(exchange: Exchange) -> bool:
    """Whether a message comes back behind a publish."""
    published = False
    for item in exchange.items:
        if item.way == "TX" and re.match(r"(?i)at[+#][A-Z]*PUB", item.text):
            published = True
        elif published and item.way == "RX" and _RECEIVED.match(item.text):
            return True
    return False


def _deaf(exchange: Exchange) -> int:
    """How many commands at the beginning were not answered, although later ones were."""
    count = 0
    for segment in exchange.segments():
        if segment.sent is None:
            if segment.answers:
                return 0
        elif segment.answers or segment.sent.text.strip().upper() != "AT":
            return count
        else:
            count += 1
    return 0


def _asleep(exchange: Exchange) -> bool:
    """Whether what is sent first only wakes the module: nothing is answered, or no more than a line end or noise."""
    first = exchange.segments()[1] if exchange.items[0].way == "TX" else None
    if first is None or first.sent is None or exchange.context != "psm":
        return False
    answers = [item.text.strip() for item in first.answers]
    return first.sent.text.strip().upper() in ("AT", "") and answers in ([], [""], ["\xff"], ["\xff", "OK"])


def _late(segment: Segment) -> bool:
    """Whether lines come behind an ERROR: they belong to an earlier command, so this one was sent at once behind it."""
    texts = [item.text for item in segment.answers]
    return "ERROR" in texts[:-1]


def _texts(segment: Segment, echo: bool) -> list[str]:
    texts = [item.text for item in segment.answers if item.text.strip()]
    return _without_echo(texts, segment.sent.text if segment.sent else "", echo)


def _without_echo(lines: list[str], command: str, echo: bool) -> list[str]:
    typed = command.strip()
    if not echo or not typed:
        return lines
    for index, line in enumerate(lines):
        if line.strip() == typed or (line.strip().startswith(typed[:4]) and typed.startswith(line.strip()[:-1])):
            return lines[:index] + lines[index + 1:]
    return lines


def _framing(data: bytes) -> list[str]:
    """Line ends as they are, and the shape of what stands between them."""
    text = data.decode("latin-1")
    parts = re.split(r"(\r\n|\r|\n)", text)
    return [part if part in ("\r\n", "\r", "\n", "") else str(shape_of(part)) for part in parts]
