"""A modem of no make: the standard's commands and nothing else. The example for new families."""

from cellkit.bench.modem.plain import PlainModem


class Module(PlainModem):
    """Answers as TS 27.007 and V.250 say."""


__all__ = ["Module"]
