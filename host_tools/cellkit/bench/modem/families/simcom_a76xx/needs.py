"""Rules for playing logs of this family."""

from cellkit.bench.modem.families._simcom.needs import RULES

__all__ = ["RULES"]
