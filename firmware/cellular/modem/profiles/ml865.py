"""Telit ML865: as ME310."""

SAME_AS = "me310"
