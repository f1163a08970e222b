"""Quectel BC66: as BC26."""

SAME_AS = "bc26"
