"""Quectel BC28: as BC95-G."""

SAME_AS = "bc95"
