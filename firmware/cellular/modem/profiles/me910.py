"""Telit ME910: as ME310."""

SAME_AS = "me310"
