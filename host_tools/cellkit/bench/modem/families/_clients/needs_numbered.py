"""Rules for playing logs of sockets that the command line numbers (see `numbered`)."""

from __future__ import annotations

import re

from cellkit.transcripts.stage import Rule, Stage

HOST = "198.51.100.7"


class NumberedRules:
    """prefix: of the commands; ring: how the line begins that says what came; default: kind of a socket of which the
    log does not say what it is; used: the ends of commands that need an open one; extended: settings at the factory."""

    def __init__(self, prefix: str, ring: str, default: str, used: str, extended: tuple[int, ...]) -> None:
        self._prefix = prefix
        self._default = default
        self._extended = extended
        name, came = re.escape(prefix), rf"{re.escape(ring)}: (\d)(?:,(\d+))?(,.*)?"
        self.setup = (
            Rule("setup", "TX", rf"(?i:AT{name}({used})=(\d)(?:,.*)?)", self._used),
            Rule("setup", "RX", came, self._ring_mode),
        )
        self.before = Rule("before", "RX", rf"{name}RECV: (\d),(\d+)", self._waits)
        self.cause = Rule("cause", "RX", came, self._say)

    def _open(self, stage: Stage, number: int) -> None:
        opens = rf"AT{re.escape(self._prefix)}D={number},.*"
        if stage.modem.links.get(number) is not None or stage.sets(opens) or stage.will_send(opens):  # type: ignore[attr-defined]
            return
        context = stage.exchange.context
        udp = int((context if context in ("udp", "tcp") else self._default) == "udp")
        stage.at(f'AT{self._prefix}D={number},{udp},7,"{HOST}",0,7,1', 20.0)
        if udp:
            stage.give(f"AT{self._prefix}SENDEXT={number},1", b"x")  # so that the peer knows where to answer
        stage.advance(1.0)

    def _used(self, stage: Stage, match: re.Match[str]) -> None:
        if not any(re.fullmatch(r"ERROR|\+CME ERROR.*", line) for line in stage.ahead()[1:2]):
            self._open(stage, int(match[2]))

    def _ring_mode(self, stage: Stage, match: re.Match[str]) -> None:
        number = int(match[1])
        self._open(stage, number)
        mode = 2 if match[3] else 1 if match[2] else 0
        stage.modem.sockets_part.extended.setdefault(number, (mode, *self._extended[1:]))  # type: ignore[attr-defined]

    def _say(self, stage: Stage, match: re.Match[str]) -> None:
        stage.say(b"x" * int(match[2] or 4))

    def _waits(self, stage: Stage, match: re.Match[str]) -> None:
        link = stage.modem.links.get(int(match[1]))  # type: ignore[attr-defined]
        if link is not None and not link.buffer:
            stage.say(b"x" * int(match[2]))
            stage.advance(2.0)
