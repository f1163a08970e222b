"""Quectel BG77: as BG95."""

SAME_AS = "bg95"
