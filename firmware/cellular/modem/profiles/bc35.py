"""Quectel BC35-G: as BC95-G."""

SAME_AS = "bc95"
