"""How much of a log a virtual module reproduces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellkit.bench.modem import families
from cellkit.transcripts.exchange import Exchange, load
from cellkit.transcripts.player import Player
from cellkit.transcripts.rules import RULES
from cellkit.transcripts.stage import Rule, Stage, any_certificate

COUNTED = ("wire", "doc")
"""Evidence that counts: seen on a wire, or a manual's. Fixtures and comments of drivers are played, and not counted."""


@dataclass(frozen=True)
class Score:
    """One exchange. `difference` is empty where every line had its shape."""

    number: int
    module: str
    evidence: str
    context: str
    difference: str

    @property
    def match(self) -> bool:
        """Whether the module said what the log has."""
        return not self.difference


def variant_of(name: str, exchange: Exchange) -> str:
    """The module that plays an exchange: the one of `name`'s family that the log names, else `name` itself."""
    said = re.sub(r"[^a-z0-9]", "", exchange.module.lower())
    best, longest = name, 0
    for module in families.modules(name):
        for size in range(len(module), 3, -1):
            part = re.sub(r"[^a-z0-9]", "", module[:size].lower())
            if size > longest and part in said:
                best, longest = module, size
                break
    return best


def play(module: str, exchange: Exchange, rules: Sequence[Rule]) -> Score:
    """Play one exchange on a new module."""
    with any_certificate():
        stage = Stage(module, exchange)
        verdict = Player(stage, rules).play()
    return Score(exchange.number, module, exchange.evidence, exchange.context, verdict.difference)


def rules_of(name: str) -> tuple[Rule, ...]:
    """All rules for a module or family, its own first."""
    return (*families.needs(name), *RULES)


def score_file(name: str, path: Path) -> Iterator[Score]:
    """All exchanges of a file. Raises TranscriptError, OSError, and KeyError for an unknown module."""
    rules = rules_of(name)
    for exchange in load(path):
        yield play(variant_of(name, exchange), exchange, rules)


def percentage(scores: Sequence[Score]) -> float:
    """Of those that count; 100 where none does."""
    counted = [score for score in scores if score.evidence in COUNTED]
    return 100.0 * sum(score.match for score in counted) / len(counted) if counted else 100.0
