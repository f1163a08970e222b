"""Rules for playing logs of this family: reports, MQTT and HTTP as other Quectel modules."""

from __future__ import annotations

from cellkit.bench.modem.families._quectel.needs_reports import REPORT_RULES
from cellkit.bench.modem.families._quectel.needs_services import SERVICE_RULES

RULES = (*(rule for rule in SERVICE_RULES if "QSSL" not in rule.pattern), *REPORT_RULES)
