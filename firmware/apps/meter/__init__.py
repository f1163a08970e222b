"""The meter; see docs/meter.md."""

VERSION = "0.1.0"
