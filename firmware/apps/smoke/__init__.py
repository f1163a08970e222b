"""The smoke alarm; see docs/smoke.md."""

VERSION = "0.1.0"
