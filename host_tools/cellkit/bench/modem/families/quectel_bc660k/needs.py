"""Rules for playing logs of this family: MQTT and HTTP as other Quectel modules."""

from __future__ import annotations

from cellkit.bench.modem.families._quectel.needs import RULES as SHARED

RULES = tuple(rule for rule in SHARED if "QMT" in rule.pattern or "QHTTP" in rule.pattern)
